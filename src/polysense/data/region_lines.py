"""Region files as UNIMO's release has them: a line of text a picture.

Between tabs: the picture's name, its height and width in pixels, how many regions it has, and in base64, as 32-bit floats from the
lowest byte up, their boxes (left, top, right, bottom in pixels), their features, and the detector's probabilities of classes, which
may be missing.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

import numpy as np

from polysense.boxes import BOX
from polysense.data.frames import Frames, HeldFrames
from polysense.data.regions import distribution_fault
from polysense.errors import DataError, Problem, display

FIELDS = ("name", "height", "width", "count", "boxes", "features", "probabilities")

LONGEST = 1 << 28
"""Bytes of a line; a picture of the release has two million."""

DIGITS = 9
"""Of a count."""

PIXEL = 1.0
"""So far may a box reach out of its picture: it is cut there."""

Background = Literal["first", "last", "none"]
"""Which class is that of no object."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How lines are read."""

    file: Path
    count: int
    """Regions of a picture that are kept, the surest first; without probabilities the first of the line."""
    background: Background


@dataclass(frozen=True)
class Line:
    """A line taken apart."""

    name: str
    height: float
    width: float
    regions: np.ndarray
    """(regions, features + classes + 4) float32, boxes as fractions."""
    classes: int


@dataclass(frozen=True, eq=False)
class LineFrames(Frames):
    """The regions of a line that was read before, read again when they are needed."""

    reading: Reading
    row: int
    begin: int
    """Bytes of the file before the line."""
    name: str
    height: float
    width: float
    found: tuple[int, int]
    """Regions, and numbers of each."""
    classes: int

    def __str__(self) -> str:
        return f"{display(self.reading.file)}, row {self.row}"

    @property
    def shape(self) -> tuple[int, int]:
        """See `Frames.shape`."""
        return self.found

    @property
    def key(self) -> int:
        """See `Frames.key`."""
        return HeldFrames(self.numbers()).key

    def numbers(self) -> np.ndarray:
        """Of the line.

        Raises:
            DataError: the file has changed since.
        """
        try:
            with self.reading.file.open("rb") as lines:
                lines.seek(self.begin)
                read = _taken_apart(lines.readline(LONGEST), self.reading)
            if (read.name, read.regions.shape) == (self.name, self.found):
                return read.regions
        except (OSError, _BadFieldError):
            pass
        raise DataError(f"{self}: the file has changed while it was read")


def read_pictures(reading: Reading) -> Iterator[tuple[LineFrames | Problem, int]]:
    """Every line, and the bytes up to its end: what is in it, or what is wrong with it. Blank lines are passed over.

    Lines are checked one by one and forgotten. Of two lines with the same name the second is bad, and so is a line with other
    numbers of features or classes than the first sound one.

    Raises:
        DataError: the file cannot be read, or is no text of such lines.
    """
    file = display(reading.file)
    seen: dict[str, int] = {}
    usual: LineFrames | None = None
    try:
        with reading.file.open("rb") as lines:
            row = end = 0
            while line := lines.readline(LONGEST):
                row, begin, end = row + 1, end, end + len(line)
                if len(line) == LONGEST:
                    raise DataError(f"{file}, row {row}: the line has no end within {LONGEST:,} bytes; is this a region file?")
                if not line.strip():
                    continue
                try:
                    read = _taken_apart(line, reading)
                    if read.name in seen:
                        raise _BadFieldError("name", f"stands in row {seen[read.name]} too", read.name)
                    found = LineFrames(
                        reading, row, begin, read.name, read.height, read.width, read.regions.shape, read.classes
                    )
                    _refuse_other(found, usual)
                except _BadFieldError as bad:
                    yield Problem(file=file, row=row, id=bad.name, field=bad.field, reason=str(bad)), end
                    continue
                seen[read.name] = row
                usual = usual or found
                yield found, end
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None


class _BadFieldError(Exception):
    def __init__(self, field: str, reason: str, name: str | None = None) -> None:
        super().__init__(reason)
        self.field, self.name = field, name


def _refuse_other(found: LineFrames, usual: LineFrames | None) -> None:
    if usual is None:
        return
    one, other = ((of.found[1] - BOX - of.classes, of.classes) for of in (found, usual))
    for field, mine, theirs in zip(("features", "probabilities"), one, other, strict=True):
        if mine != theirs:
            raise _BadFieldError(field, f"{mine} a region, those of row {usual.row} have {theirs}", found.name)


def _taken_apart(line: bytes, reading: Reading) -> Line:
    cells = line.rstrip(b"\r\n").split(b"\t")
    name = _name(cells[0])
    if len(cells) not in (len(FIELDS) - 1, len(FIELDS)):
        raise _BadFieldError(
            FIELDS[min(len(cells), len(FIELDS) - 1)],
            f"expected {len(FIELDS) - 1} or {len(FIELDS)} fields between tabs ({', '.join(FIELDS)}), found {len(cells)}",
            name,
        )
    try:
        height, width = (_pixels(field, cell) for field, cell in zip(("height", "width"), cells[1:3], strict=True))
        count = _count(cells[3])
        boxes = _fractions(_numbers("boxes", cells[4], count), height, width)
        features = _numbers("features", cells[5], count)
        chances = _numbers("probabilities", cells[6], count) if cells[6:] and cells[6] else features[:, :0]
        if chances.size and (fault := distribution_fault(chances)):
            raise _BadFieldError("probabilities", fault)
    except _BadFieldError as bad:
        raise _BadFieldError(bad.field, str(bad), name) from None
    chosen = _surest(chances, reading.background)[: reading.count]
    return Line(name, height, width, np.hstack([features, chances, boxes])[chosen], chances.shape[1])


def _name(cell: bytes) -> str:
    try:
        name = cell.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise _BadFieldError("name", "is not UTF-8") from None
    if not name:
        raise _BadFieldError("name", "is empty")
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    if not name.isprintable():
        raise _BadFieldError("name", f"{shown!r} holds characters that no name has; is this a region file?")
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.anchor or ".." in path.parts:
            raise _BadFieldError("name", f"{shown!r} leaves the folder of the pictures", shown)
    return name


def _pixels(field: str, cell: bytes) -> float:
    try:
        pixels = float(cell)
    except ValueError:
        raise _BadFieldError(field, f"{_shown(cell)} is no number of pixels") from None
    if not (math.isfinite(pixels) and pixels > 0):
        raise _BadFieldError(field, f"{_shown(cell)} is no number of pixels above 0")
    return pixels


def _count(cell: bytes) -> int:
    if not cell.strip().isdigit() or len(cell) > DIGITS:
        raise _BadFieldError("count", f"{_shown(cell)} is no number of regions")
    if not (count := int(cell)):
        raise _BadFieldError("count", "the picture has no region")
    return count


def _numbers(field: str, cell: bytes, count: int) -> np.ndarray:
    """(count, numbers of each region) float32."""
    try:
        content = binascii.a2b_base64(cell.strip(), strict_mode=True)
    except binascii.Error as error:
        raise _BadFieldError(field, f"is no base64 ({error})") from None
    each, rest = divmod(len(content), 4 * count)
    if rest or not each or (field == "boxes" and each != BOX):
        expected = f"{4 * BOX * count:,}" if field == "boxes" else f"a multiple of {4 * count:,}"
        raise _BadFieldError(field, f"{len(content):,} bytes are not the 32-bit floats of {count} regions, expected {expected}")
    found = np.frombuffer(content, "<f4").reshape(count, each)
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        raise _BadFieldError(field, f"region {int(finite.argmin()) + 1} holds NaN or infinite numbers")
    return found


def _fractions(boxes: np.ndarray, height: float, width: float) -> np.ndarray:
    """Boxes in pixels as fractions of the picture."""
    sides = np.array([width, height] * 2, np.float32)
    wrong = (boxes < -PIXEL).any(axis=1) | (boxes > sides + PIXEL).any(axis=1) | (boxes[:, :2] > boxes[:, 2:]).any(axis=1)
    if wrong.any():
        first = int(wrong.argmax())
        found = ", ".join(f"{number:g}" for number in boxes[first])
        raise _BadFieldError(
            "boxes",
            f"region {first + 1}: expected left, top, right, bottom in pixels of a picture {width:g} wide and {height:g} high, "
            f"found {found}",
        )
    return np.clip(boxes / sides, 0, 1)


def _surest(chances: np.ndarray, background: Background) -> np.ndarray:
    """The places of the regions, that first of whose best class other than the background the detector is surest."""
    objects = {"first": chances[:, 1:], "last": chances[:, :-1], "none": chances}[background]
    if not objects.shape[1]:
        return np.arange(len(chances))
    return np.argsort(-objects.max(axis=1), kind="stable")


def _shown(cell: bytes) -> str:
    return repr(cell[:40].decode("utf-8", "replace"))
