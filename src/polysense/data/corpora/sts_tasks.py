"""STS12 to STS16 (Agirre et al., SemEval 2012 to 2016), in the layout of SentEval."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.pairs import cells, scored_pair
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "sts_senteval"
YEARS: tuple[str, ...] = ("STS12", "STS13", "STS14", "STS15", "STS16")


class StsTasks(Corpus):
    """STS12 to STS16: pairs of sentences with a score from 0 to 5; those years that are there.

    All rows are test rows; ``extra`` names the ``task`` (``STS12``) and the ``subset`` (``MSRpar``). A pair whose line of the
    gold file is empty was never scored and is left out. ``years`` are those to read, by default all. The text is that of
    SentEval, lower-cased and tokenised.
    """

    tasks: ClassVar[tuple[str, ...]] = ("similarity",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = ("STS12-en-test/<STS.input.SUBSET.txt with STS.gs.SUBSET.txt>, or another year's",)

    def __init__(self, years: list[str] | None = None) -> None:
        for year in years or ():
            if year not in YEARS:
                raise RecipeError(f"StsTasks, years: {year!r} is not one; {choices(year, YEARS)}")
        self.years = tuple(YEARS if years is None else years)

    def there(self, root: Path) -> bool:
        """Whether any of the years is under ``root``."""
        return bool(self._folders(root))

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The pairs under ``root``, which is the folder of these sets or the folder of all data sets."""
        del media_root
        folders = self._folders(root)
        if not folders:
            wanted = ", ".join(f"{year}-en-test" for year in self.years)
            raise DataError(f"StsTasks: {display(set_folder(root, FOLDER))} holds none of the folders {wanted}")
        samples: list[Sample] = []
        digests: dict[str, str] = {}
        for year, folder in folders.items():
            for gold in _gold_files(folder):
                texts = folder / gold.name.replace("STS.gs.", "STS.input.", 1)
                samples += _subset(year, gold, texts)
                digests |= {f"{folder.name}/{path.name}": file_digest(path) for path in (texts, gold)}
        return Table(
            name=FOLDER,
            samples=tuple(samples),
            columns=("text", "pair", "score", "task", "subset"),
            digests=digests,
            folder=set_folder(root, FOLDER),
        )

    def _folders(self, root: Path) -> dict[str, Path]:
        """Year -> its folder, for the years that are there."""
        home = set_folder(root, FOLDER)
        return {year: home / f"{year}-en-test" for year in self.years if (home / f"{year}-en-test").is_dir()}


def _gold_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("STS.gs.*.txt"))
    if not found:
        raise DataError(f"StsTasks: {display(folder)} holds no file STS.gs.<subset>.txt")
    return found


def _subset(year: str, gold: Path, texts: Path) -> list[Sample]:
    scores, lines = read_lines(gold), read_lines(texts)
    if len(scores) != len(lines):
        raise DataError(f"{display(texts)} has {len(lines)} lines and {display(gold)} has {len(scores)}: they must be as many")
    subset = gold.name.removeprefix("STS.gs.").removesuffix(".txt")
    pairs = []
    for number, (line, score) in enumerate(zip(lines, scores, strict=True), start=1):
        if score.strip():
            first, second = cells(line, (texts, number), least=2)[:2]
            extra = {"subset": subset}
            pairs.append(
                scored_pair((texts, number), (first, second), score, scale=(0, 5), task=year, split="test", extra=extra)
            )
    return pairs
