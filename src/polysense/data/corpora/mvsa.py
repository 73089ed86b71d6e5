"""MVSA as it is published (Niu, Zhu, Pang, El Saddik, MMM 2016)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.pictured import pictured
from polysense.data.splits import with_unlabelled
from polysense.data.table import Table, with_splits
from polysense.errors import DataError, Problem, choices, display

FILE = "labelResultAll.txt"
FOLDER = "data"
CLASSES = ("negative", "neutral", "positive")
FALLBACK = "gb18030"
"""The encoding of texts that are not UTF-8."""

OPPOSITE = "tweets whose text is positive and picture negative, or the reverse,"
DIVIDED = "tweets on whose text or picture most annotators do not agree"


class Mvsa(Corpus):
    """MVSA-Single or MVSA-Multiple as published: tweets with one picture each; negative, neutral or positive.

    Text and picture were labelled apart, in MVSA-Multiple by three annotators, of whom the majority counts. Equal labels are the
    tweet's; a neutral one gives way to the other. Tweets with opposite ones, and without a majority, are left out and counted; with
    ``unlabelled`` they train, but for those that share a text or picture with a validation or test row. There are no published
    splits: 80/10/10 ones are drawn by ``seed``, with about equal shares of every class; equal posts stay together. Texts that are
    not UTF-8 are read as GB18030, and counted.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (FILE, f"{FOLDER}/<id>.txt", f"{FOLDER}/<id>.jpg")

    def __init__(self, unlabelled: bool = False, seed: int = 0) -> None:
        self.unlabelled = unlabelled
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        path = expect(self, Path(root) / FILE)
        texts = expect(self, Path(root) / FOLDER)
        labels = _Labels(path, texts)
        file = display(path)
        samples, problems = pictured(
            labels.rows,
            file=file,
            columns={name: name for name in ("id", "text", "image", "label")},
            pictures=texts if media_root is None else expect(self, Path(media_root)),
            reads=self.reads,
        )
        if labels.others:
            reason = f"{labels.others} of {len(labels.rows)} texts are not UTF-8 and were read as {FALLBACK.upper()}"
            problems.append(Problem(file=file, row=None, id=None, field="text", reason=reason, severity="warning"))
        problems = sorted([*labels.problems, *problems], key=lambda one: (one.row is None, one.row))
        table = Table(
            name="mvsa_single" if labels.annotators == 1 else "mvsa_multiple",
            samples=tuple(one for one in samples if one.label is not None),
            problems=tuple(problems),
            columns=("id", "text", "image", "label"),
            digests={path.name: file_digest(path)},
            folder=path.parent,
            corpus=type(self).__name__,
        )
        table = with_splits(table, seed=self.seed)
        if self.unlabelled:
            every, _ = with_unlabelled([*table.samples, *(one for one in samples if one.label is None)])
            table = replace(table, samples=tuple(one for one in every if one.split is not None))
        kept = {one.id for one in table.samples}
        return replace(table, left_out=Counter(labels.why[one.id] for one in samples if one.id not in kept))


class _Labels:
    """What the file of labels and the texts say of each tweet."""

    def __init__(self, path: Path, texts: Path) -> None:
        self.rows: list[tuple[int, dict[str, object]]] = []
        self.problems: list[Problem] = []
        self.why: dict[str, str] = {}
        """Id -> why the tweet has no label."""
        self.others = 0
        """Texts in the other encoding."""
        lines = [line.split("\t") for line in read_lines(path)]
        header = [cell.strip() for cell in lines[0]]
        self.annotators = len(header) - 1
        if header != ["ID", *["text,image"] * self.annotators] or not self.annotators:
            raise DataError(f"{display(path)}: expected the header ID, text,image, ... between tabs, found {lines[0]}")
        for number, cells in enumerate(lines[1:], start=1):
            if cells == [""]:
                continue
            try:
                self.rows.append((number, self._row([cell.strip() for cell in cells], texts)))
            except _BadCellError as bad:
                name = cells[0].strip() or None
                self.problems.append(Problem(file=display(path), row=number, id=name, field=bad.field, reason=str(bad)))

    def _row(self, cells: Sequence[str], texts: Path) -> dict[str, object]:
        name, *pairs = cells
        if len(pairs) != self.annotators:
            raise _BadCellError(
                "label",
                f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'} of labels where the header has {self.annotators}",
            )
        if not (name.isascii() and name.isdecimal()):  # it names a file
            raise _BadCellError("id", f"{name!r} is no number")
        given = list(zip(*(_pair(pair) for pair in pairs), strict=True))
        text = self._text(texts / f"{name}.txt")
        found = [_majority(votes) for votes in given]
        label = None if None in found else _joined(*map(str, found))
        if label is None:
            self.why[name] = DIVIDED if None in found else OPPOSITE
        return {"id": name, "text": text, "image": f"{name}.jpg", "label": label}

    def _text(self, path: Path) -> str:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _BadCellError("text", f"{display(path)} cannot be read: {error.strerror or error}") from None
        for encoding in ("utf-8-sig", FALLBACK):
            try:
                text = data.decode(encoding).strip()
            except UnicodeDecodeError:
                continue
            self.others += encoding == FALLBACK
            return text
        raise _BadCellError("text", f"{display(path)} is neither UTF-8 nor {FALLBACK.upper()}")


class _BadCellError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def _pair(cell: str) -> Iterator[str]:
    """The labels of text and picture."""
    labels = [label.strip() for label in cell.split(",")]
    if len(labels) != 2:
        raise _BadCellError("label", f"expected the labels of text and picture with a comma between them, found {cell!r}")
    for label in labels:
        if label not in CLASSES:
            raise _BadCellError("label", f"{label!r} is no class; {choices(label, CLASSES)}")
        yield label


def _majority(votes: Sequence[str]) -> str | None:
    """The label of more than half of the annotators."""
    label, count = Counter(votes).most_common(1)[0]
    return label if 2 * count > len(votes) else None


def _joined(text: str, picture: str) -> str | None:
    """The tweet's label; None where one is positive and the other negative."""
    if picture in (text, "neutral"):
        return text
    return picture if text == "neutral" else None
