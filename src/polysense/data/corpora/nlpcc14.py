"""NLPCC 2014, shared task 2."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.rows import origin
from polysense.data.splits import with_validation
from polysense.data.table import Table
from polysense.data.tagged import Tagged, read_reviews
from polysense.errors import DataError, display
from polysense.types import Sample

FOLDER = "nlpcc14_sc"
TRAINING: dict[str, str] = {"sample.positive.txt": "positive", "sample.negative.txt": "negative"}
TEST = "test.label.cn.txt"


class Nlpcc14(Corpus):
    """NLPCC14-SC: Chinese product reviews; negative or positive.

    10,000 for training, 2,500 for testing; a tenth of the training reviews become validation reviews, by ``seed``, keeping equal
    texts together.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = (*TRAINING, TEST)

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The reviews under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        paths = [expect(self, home / name) for name in (*TRAINING, TEST)]
        return Table(
            name=FOLDER,
            samples=tuple(with_validation([sample for path in paths for sample in _reviews(path)], seed=self.seed)),
            columns=("text", "label"),
            digests={path.name: file_digest(path) for path in paths},
            folder=home,
        )


def _reviews(path: Path) -> list[Sample]:
    split = "test" if path.name == TEST else "train"
    file, found = display(path), []
    for number, review in enumerate(read_reviews(path, "\n".join(read_lines(path))), start=1):
        where = origin(file, number)
        label = _label(review, where) if split == "test" else TRAINING[path.name]
        text = " ".join(review.body.split())
        found.append(Sample(id=f"{path.stem}/{number}", text=text, label=label, split=split, origin=where))
    return found


def _label(review: Tagged, where: str) -> str:
    match review.attributes.get("label"):
        case "0":
            return "negative"
        case "1":
            return "positive"
    raise DataError(f'{where}: the review has no label="0" and no label="1"')
