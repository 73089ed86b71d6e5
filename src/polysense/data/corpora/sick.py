"""SICK (Marelli et al., LREC 2014)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.pairs import cells, scored_pair
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "sick2014"
Split = Literal["train", "validation", "test"]
FILES: dict[Split, str] = {"train": "SICK_train.txt", "validation": "SICK_trial.txt", "test": "SICK_test_annotated.txt"}
TASKS: dict[Split, str] = {"train": "SICK-R train", "validation": "SICK-R dev", "test": "SICK-R test"}


class Sick(Corpus):
    """SICK relatedness: 9,927 pairs of sentences with a score from 1 to 5.

    4,500 for training, 500 (the trial part) for validation, 4,927 for testing; ``extra`` names the ``task`` (``SICK-R
    train``, ``SICK-R dev``, ``SICK-R test``) and the ``entailment``. ``splits`` are those to read, by default all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("similarity",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = tuple(FILES.values())

    def __init__(self, splits: list[Split] | None = None) -> None:
        for split in splits or ():
            if split not in FILES:
                raise RecipeError(f"Sick, splits: {split!r} is not one; {choices(split, get_args(Split))}")
        self.splits: tuple[Split, ...] = tuple(FILES if splits is None else splits)

    def there(self, root: Path) -> bool:
        """Whether the files of all its splits are under ``root``."""
        return all(path.is_file() for path in self._files(root).values())

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The pairs under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        files = {split: expect(self, path) for split, path in self._files(root).items()}
        return Table(
            name=FOLDER,
            samples=tuple(sample for split, path in files.items() for sample in _pairs(path, split)),
            columns=("text", "pair", "score", "task", "entailment"),
            digests={path.name: file_digest(path) for path in files.values()},
            folder=set_folder(root, FOLDER),
        )

    def _files(self, root: Path) -> dict[Split, Path]:
        return {split: set_folder(root, FOLDER) / FILES[split] for split in self.splits}


def _pairs(path: Path, split: Split) -> list[Sample]:
    """Number, sentence, sentence, score, entailment, under a header. Rows count from 1, the header is not a row."""
    header, *lines = read_lines(path)
    if not header.startswith("pair_ID\t"):
        raise DataError(f"{display(path)}: the first line is not the header pair_ID, sentence_A, sentence_B, ...")
    pairs = []
    for number, line in enumerate(lines, start=1):
        _, first, second, score, entailment = cells(line, (path, number), least=5)[:5]
        extra, task = {"entailment": entailment}, TASKS[split]
        pairs.append(scored_pair((path, number), (first, second), score, scale=(1, 5), task=task, split=split, extra=extra))
    return pairs
