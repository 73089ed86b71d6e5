"""The Stanford Sentiment Treebank (Socher et al., EMNLP 2013), as SST-2 and SST-5."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

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
Split = Literal["train", "validation", "test"]
FILES: dict[Split, str] = {"train": "sentiment-train", "validation": "sentiment-dev", "test": "sentiment-test"}
LABELS: dict[int, tuple[str, ...]] = {
    2: ("negative", "positive"),
    5: ("very negative", "negative", "neutral", "positive", "very positive"),
}
"""Number of classes -> their names, in the order of the numbers in the files."""


class Sst(Corpus):
    """Stanford Sentiment Treebank: sentences of film reviews, in two or five classes.

    ``classes: 2`` is SST-2 (67,349 / 872 / 1,821; the training rows are phrases, many of them parts of one sentence), ``classes: 5``
    is SST-5 (8,544 / 1,101 / 2,210 sentences). ``splits`` are those to read, by default all. (MR has the same sentences: train on
    neither to score the other.)
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = tuple(f"SST/{kind}/{name}" for kind in ("binary", "fine") for name in FILES.values())

    def __init__(self, classes: Literal[2, 5] = 2, splits: list[Split] | None = None) -> None:
        if classes not in LABELS:
            raise RecipeError(f"Sst, classes: {classes!r} is not one; {choices(str(classes), map(str, LABELS))}")
        for split in splits or ():
            if split not in FILES:
                raise RecipeError(f"Sst, splits: {split!r} is not one; {choices(split, get_args(Split))}")
        self.classes = classes
        self.splits: tuple[Split, ...] = tuple(FILES if splits is None else splits)

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of SentEval's tasks or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER) / "SST" / ("binary" if self.classes == 2 else "fine")
        files = {split: expect(self, home / FILES[split]) for split in self.splits}
        return Table(
            name=f"sst{self.classes}",
            samples=tuple(sample for split, path in files.items() for sample in self._sentences(path, split)),
            columns=("text", "label"),
            digests={path.name: file_digest(path) for path in files.values()},
            folder=home,
        )

    def _sentences(self, path: Path, split: Split) -> list[Sample]:
        """Sentence, tab, class; of five classes: class, space, sentence."""
        names = dict(zip(map(str, range(self.classes)), LABELS[self.classes], strict=True))
        file, found = display(path), []
        for number, line in enumerate(read_lines(path), start=1):
            if self.classes == 2:
                text, label = cells(line, (path, number), least=2)[:2]
            else:
                label, _, text = line.partition(" ")
            where = origin(file, number)
            if label.strip() not in names or not text.strip():
                raise DataError(f"{where}: a sentence and its class, 0 to {self.classes - 1}, are expected")
            name = names[label.strip()]
            found.append(Sample(id=f"{split}/{number}", text=" ".join(text.split()), label=name, split=split, origin=where))
        return found
