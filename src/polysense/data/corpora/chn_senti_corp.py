"""ChnSentiCorp (Tan and Zhang), in the three parts that Baidu distributes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.lines import read_lines
from polysense.data.media import file_digest, normalised
from polysense.data.rows import origin
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "chnsenticorp"
Split = Literal["train", "validation", "test"]
FILES: dict[Split, str] = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
TEST_LABELS = "test_labels_derived.tsv"
LABELS = {"0": "negative", "1": "positive", "?": None}
"""As the files write them; a question mark where no label could be recovered."""


class ChnSentiCorp(Corpus):
    """ChnSentiCorp: Chinese reviews of hotels, books and computers; negative or positive.

    9,600 for training, 1,200 for validation, 1,200 for testing. The labels of the test reviews were not published: those in
    ``test_labels_derived.tsv`` were recovered by their texts, one is unknown. With ``leave_out_seen``, the validation and test
    reviews whose text also stands in training are left out, and counted: 338 and 331. ``splits`` are those to read.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = (*FILES.values(), TEST_LABELS)

    def __init__(self, leave_out_seen: bool = False, splits: list[Split] | None = None) -> None:
        for split in splits or ():
            if split not in FILES:
                raise RecipeError(f"ChnSentiCorp, splits: {split!r} is not one; {choices(split, get_args(Split))}")
        self.leave_out_seen = leave_out_seen
        self.splits: tuple[Split, ...] = tuple(FILES if splits is None else splits)

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The reviews under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        files = {split: expect(self, home / FILES[split]) for split in self.splits}
        labels = expect(self, home / TEST_LABELS) if "test" in files else None
        every = [sample for split, path in files.items() for sample in _reviews(path, split, labels)]
        seen = _texts(home / FILES["train"]) if self.leave_out_seen else set()
        kept = [sample for sample in every if sample.split == "train" or normalised(sample.text or "") not in seen]
        return Table(
            name=FOLDER,
            samples=tuple(kept),
            columns=("text", "label"),
            left_out={
                f"{split} reviews that stand in train": _count(every, split) - _count(kept, split)
                for split in files
                if split != "train"
            },
            digests={path.name: file_digest(path) for path in (*files.values(), *([labels] if labels else []))},
            folder=home,
        )


def _count(samples: Sequence[Sample], split: str) -> int:
    return sum(sample.split == split for sample in samples)


def _texts(path: Path) -> set[str]:
    return {normalised(row["text_a"]) for _, row in _rows(path, ("text_a",))}


def _reviews(path: Path, split: Split, labels: Path | None) -> list[Sample]:
    named = {} if labels is None else {row["qid"]: _label(row, where) for where, row in _rows(labels, ("qid", "label"))}
    found = []
    for number, (where, row) in enumerate(_rows(path, ("text_a",) if split == "test" else ("label", "text_a")), start=1):
        label = named.get(row.get("qid", "")) if split == "test" else _label(row, where)
        if not row["text_a"].strip():
            raise DataError(f"{where}: the review has no text")
        found.append(Sample(id=f"{split}/{number}", text=row["text_a"].strip(), label=label, split=split, origin=where))
    return found


def _label(row: dict[str, str], where: str) -> str | None:
    if row["label"] not in LABELS:
        raise DataError(f"{where}: {row['label']!r} is not a label; {choices(row['label'], LABELS)}")
    return LABELS[row["label"]]


def _rows(path: Path, needed: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """Each row by its columns, with the words that messages name it by; quotation marks are characters like any other."""
    header, *lines = read_lines(path)
    columns = header.split("\t")
    for name in needed:
        if name not in columns:
            raise DataError(f"{display(path)} has no column {name!r}; {choices(name, columns)}")
    file, found = display(path), []
    for number, line in enumerate(lines, start=1):
        cells, where = line.split("\t"), origin(file, number)
        if len(cells) != len(columns):
            raise DataError(f"{where}: {len(columns)} tab-separated cells are expected, found {len(cells)}")
        found.append((where, dict(zip(columns, cells, strict=True))))
    return found
