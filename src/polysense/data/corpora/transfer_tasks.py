"""The transfer tasks of SentEval (Conneau and Kiela, LREC 2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.pairs import cells
from polysense.data.rows import origin
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "senteval_transfer"


class TransferTasks(Corpus):
    """MR, CR, SUBJ, MPQA, SST2, TREC and MRPC: sentences (MRPC: pairs) with a class.

    TREC and MRPC have training and test rows, SST2 validation rows too; the rows of MR, CR, SUBJ and MPQA are in no split, they
    are meant for cross-validation. ``extra`` names the ``task``. Blank lines are left out. ``only`` names the tasks to read, by
    default all. (MR and SST2 share most of their sentences: train on neither to score the other.)
    """

    tasks: ClassVar[tuple[str, ...]] = ("transfer",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = (
        "MR/rt-polarity.pos",
        "CR/custrev.pos",
        "SUBJ/subj.subjective",
        "MPQA/mpqa.pos",
        "SST/binary/sentiment-train",
        "TREC/train_5500.label",
        "MRPC/msr_paraphrase_train.txt",
    )

    def __init__(self, only: list[str] | None = None) -> None:
        for task in only or ():
            if task not in TASKS:
                raise RecipeError(f"TransferTasks, only: {task!r} is not one; {choices(task, TASKS)}")
        self.only = tuple(TASKS if only is None else only)

    def there(self, root: Path) -> list[str]:
        """Those of its tasks whose folders are under ``root``."""
        home = set_folder(root, FOLDER)
        return [task for task in self.only if (home / TASKS[task][0][0]).parent.is_dir()]

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of these sets or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        samples: list[Sample] = []
        digests: dict[str, str] = {}
        for task in self.only:
            files, reader = TASKS[task]
            for name in files:
                path = expect(self, home / name)
                split = _SPLITS.get(path.name)
                samples += [
                    replace(sample, id=f"{task}/{path.name}/{sample.id}", split=split, extra={"task": task})
                    for sample in reader(path)
                ]
                digests[name] = file_digest(path)
        columns = ("text", "pair", "label", "task")
        return Table(name=FOLDER, samples=tuple(samples), columns=columns, digests=digests, folder=home)


def _classed(path: Path) -> Iterator[Sample]:
    """A file whose sentences are all of the class that its ending names."""
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            yield _sample(path, number, line, _CLASSES[path.suffix])


def _sst(path: Path) -> Iterator[Sample]:
    """Sentence, tab, 0 or 1."""
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            text, label = cells(line, (path, number), least=2)[:2]
            yield _sample(path, number, text, {"0": "negative", "1": "positive"}.get(label.strip()))


def _trec(path: Path) -> Iterator[Sample]:
    """Class, colon, finer class, space, question; the training file is Latin-1."""
    for number, line in enumerate(read_lines(path, encoding="latin-1"), start=1):
        if line.strip():
            label, _, text = line.partition(" ")
            yield _sample(path, number, text, label.partition(":")[0] or None)


def _mrpc(path: Path) -> Iterator[Sample]:
    """0 or 1, two numbers, two sentences, under a header that is not a row."""
    for number, line in enumerate(read_lines(path)[1:], start=1):
        if line.strip():
            label, _, _, first, second = cells(line, (path, number), least=5)[:5]
            sample = _sample(path, number, first, {"0": "different", "1": "paraphrase"}.get(label.strip()))
            yield replace(sample, pair=" ".join(second.split()))


def _sample(path: Path, number: int, text: str, label: str | None) -> Sample:
    where = origin(display(path), number)
    if label is None:
        raise DataError(f"{where}: there is no class that the task knows")
    return Sample(id=str(number), text=" ".join(text.split()), label=label, origin=where)


_CLASSES = {
    ".pos": "positive",
    ".neg": "negative",
    ".subjective": "subjective",
    ".objective": "objective",
}
_SPLITS = {
    "sentiment-train": "train",
    "sentiment-dev": "validation",
    "sentiment-test": "test",
    "train_5500.label": "train",
    "TREC_10.label": "test",
    "msr_paraphrase_train.txt": "train",
    "msr_paraphrase_test.txt": "test",
}
"""The split of each file; the others' rows are in none."""

TASKS: dict[str, tuple[tuple[str, ...], Callable[[Path], Iterator[Sample]]]] = {
    "MR": (("MR/rt-polarity.pos", "MR/rt-polarity.neg"), _classed),
    "CR": (("CR/custrev.pos", "CR/custrev.neg"), _classed),
    "SUBJ": (("SUBJ/subj.subjective", "SUBJ/subj.objective"), _classed),
    "MPQA": (("MPQA/mpqa.pos", "MPQA/mpqa.neg"), _classed),
    "SST2": (("SST/binary/sentiment-train", "SST/binary/sentiment-dev", "SST/binary/sentiment-test"), _sst),
    "TREC": (("TREC/train_5500.label", "TREC/TREC_10.label"), _trec),
    "MRPC": (("MRPC/msr_paraphrase_train.txt", "MRPC/msr_paraphrase_test.txt"), _mrpc),
}
"""Task -> its files, and what reads one of them."""
