"""The STS Benchmark (Cer et al., SemEval-2017 task 1)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.pairs import cells, scored_pair
from polysense.data.table import Table
from polysense.errors import RecipeError, choices
from polysense.types import Sample

FOLDER = "sts_b"
Split = Literal["train", "validation", "test"]
FILES: dict[Split, str] = {"train": "train", "validation": "dev", "test": "test"}
"""Split -> what the files and the papers call it."""


class StsBenchmark(Corpus):
    """STS Benchmark: 8,628 pairs of sentences with a score from 0 to 5.

    5,749 for training, 1,500 for validation, 1,379 for testing; ``extra`` names the ``task`` (``STS-B train``, ``STS-B dev``,
    ``STS-B test``), the ``genre`` and the ``file``. ``splits`` are those to read: ``[validation]`` lets a run choose its
    checkpoint by STS-B dev without a look at the other two.
    """

    tasks: ClassVar[tuple[str, ...]] = ("similarity",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = ("sts-train.csv", "sts-dev.csv", "sts-test.csv")

    def __init__(self, splits: list[Split] | None = None) -> None:
        for split in splits or ():
            if split not in FILES:
                raise RecipeError(f"StsBenchmark, splits: {split!r} is not one; {choices(split, get_args(Split))}")
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
            columns=("text", "pair", "score", "task", "genre", "file"),
            digests={path.name: file_digest(path) for path in files.values()},
            folder=set_folder(root, FOLDER),
        )

    def _files(self, root: Path) -> dict[Split, Path]:
        return {split: set_folder(root, FOLDER) / f"sts-{FILES[split]}.csv" for split in self.splits}


def _pairs(path: Path, split: Split) -> list[Sample]:
    """Genre, file, year, number, score, sentence, sentence; the file is tab-separated, whatever its name says."""
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        genre, file, _, _, score, first, second = cells(line, (path, number), least=7)[:7]
        extra, task = {"genre": genre, "file": file}, f"STS-B {FILES[split]}"
        pairs.append(scored_pair((path, number), (first, second), score, scale=(0, 5), task=task, split=split, extra=extra))
    return pairs
