"""One row of a table, whatever its cells are made of, becomes a Sample."""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from polysense.data.spans import marked
from polysense.errors import DataError, Problem, choices, display
from polysense.types import MODALITIES, Sample, Span

if TYPE_CHECKING:
    from polysense.data.features import Vector
    from polysense.data.frames import Frames
    from polysense.data.media import Picture

SPLITS: tuple[str, ...] = ("train", "validation", "test")
"""The parts of a table, in the order in which reports list them."""

_SINGLE_SCORES = {f"score_{name}": name for name in ("text", "audio", "video")}
"""Column -> the modality that people scored alone."""

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
"""Of pictures that a table names without one, in the order in which they are looked for."""

_ROW = ("id", *MODALITIES, "pair", "negatives", "aspect", "spans", "label")
FIELDS: tuple[str, ...] = (*_ROW, "score", *_SINGLE_SCORES, "split", "group")
"""The columns that mean something to polysense; all others go into ``Sample.extra``."""

_MEDIA = ("image", "audio", "video")
_ALIASES = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation", "testing": "test"}
ABSENT = "does not exist"
"""How the reason of a bad row ends whose file is not there."""

_WEB_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


def split_name(value: str) -> str:
    """The standard name of a split: ``dev`` and ``val`` are ``validation``. An unknown name is a DataError."""
    name = value.strip().casefold()
    name = _ALIASES.get(name, name)
    if name not in SPLITS:
        raise DataError(f"{value!r} is not a split; {choices(name, [*SPLITS, *_ALIASES])}")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """How the cells of one table become samples."""

    file: str
    """The table's name in messages."""
    columns: Mapping[str, str]
    """Our field -> the table's column that holds it; fields the table lacks are not there."""
    media_root: Path | None
    """Media lie in this folder and nowhere else; None where they may lie anywhere."""
    label_separator: str | None = None
    """Stands between the classes of one label cell; None where a cell is one class."""
    wanted: Collection[str] = _MEDIA
    """The media that somebody could use: of a row without anything, those that it has a column for are named."""

    def read(self, row: Mapping[str, object], number: int) -> Sample | Problem:
        """The sample of row ``number`` (from 1), or what is wrong with it."""
        row_id: str | None = None
        try:
            row_id = self._text(row, "id") or str(number)
            sample = self._sample(row, row_id, number)
        except _BadCellError as bad:
            return Problem(file=self.file, row=number, id=row_id, field=bad.field, reason=bad.reason)
        if not (sample.text or "").strip() and not set(sample.modalities) - {"text"}:
            media = [name for name in _MEDIA if name in self.columns and name in self.wanted]
            lacks = "no text" if sample.text is None else "the text is empty"
            reason = f"nothing usable: {lacks}" + (f", and no {' or '.join(media)}" if media else "")
            return Problem(file=self.file, row=number, id=row_id, field="row", reason=reason)
        return sample

    def names(self, row: Mapping[str, object]) -> bool:
        """Whether the row has an id of its own, and its number does not stand for one."""
        return bool(self._text(row, "id"))

    def _sample(self, row: Mapping[str, object], row_id: str, number: int) -> Sample:
        return Sample(
            id=row_id,
            text=self._text(row, "text"),
            pair=self._text(row, "pair") or None,
            negatives=self._negatives(row),
            aspect=(self._text(row, "aspect") or "").strip() or None,
            spans=self._spans(row),
            image=self._picture(row),
            audio=self._media(row, "audio"),
            video=self._media(row, "video"),
            label=self._label(row),
            score=self._score(row, "score"),
            scores=self._scores(row),
            split=self._split(row),
            group=self._text(row, "group") or None,
            extra=self._extra(row),
            origin=origin(self.file, number),
        )

    def _cell(self, row: Mapping[str, object], field: str) -> object:
        """The cell of a field; None where it is missing, and a float NaN is how some libraries say missing."""
        value = row.get(self.columns[field]) if field in self.columns else None
        return None if isinstance(value, float) and math.isnan(value) else value

    def _text(self, row: Mapping[str, object], field: str) -> str | None:
        value = self._cell(row, field)
        return None if value is None else _as_text(value, field)

    def _negatives(self, row: Mapping[str, object]) -> tuple[str, ...]:
        value = self._cell(row, "negatives")
        if value is None or value == "":
            return ()
        texts = value if isinstance(value, list | tuple) else [value]
        return tuple(_as_text(one, "negatives") for one in texts)

    def _spans(self, row: Mapping[str, object]) -> tuple[Span, ...] | None:
        value = self._cell(row, "spans")
        if value is None or value == "":
            return None
        try:
            found = marked(value, len(self._text(row, "text") or ""))
        except DataError as error:
            raise _BadCellError("spans", str(error)) from None
        for span in found:
            _as_text(span.role, "spans")
        return found

    def _label(self, row: Mapping[str, object]) -> str | tuple[str, ...] | None:
        value = self._cell(row, "label")
        if value is None:
            return None
        if isinstance(value, list | tuple):
            return tuple(_as_text(one, "label").strip() for one in value)  # an empty list is an answer: none of the classes
        text = _as_text(value, "label").strip()
        if self.label_separator is None:
            return text or None
        return tuple(part.strip() for part in text.split(self.label_separator) if part.strip()) or None

    def _scores(self, row: Mapping[str, object]) -> dict[str, float]:
        found = {modality: self._score(row, column) for column, modality in _SINGLE_SCORES.items()}
        return {modality: score for modality, score in found.items() if score is not None}

    def _score(self, row: Mapping[str, object], field: str) -> float | None:
        value = row.get(self.columns[field]) if field in self.columns else None
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            score = float(value)  # type: ignore[arg-type]  # what is no number raises
        except (TypeError, ValueError):
            raise _BadCellError(field, f"{_shorten(value)} is not a number") from None
        except OverflowError:  # a whole number of hundreds of digits
            score = math.inf
        if not math.isfinite(score):
            raise _BadCellError(field, f"{_shorten(value)} is not a finite number")
        return score

    def _split(self, row: Mapping[str, object]) -> str | None:
        value = (self._text(row, "split") or "").strip()
        if not value:
            return None
        try:
            return split_name(value)
        except DataError as error:
            raise _BadCellError("split", str(error)) from None

    def _picture(self, row: Mapping[str, object]) -> Path | Picture | Vector | Frames | None:
        value = self._cell(row, "image")
        if isinstance(value, Mapping):  # how Hugging Face datasets store pictures that they have not decoded
            if value.get("bytes") is None:
                return self._file(value.get("path"), "image")
            return _opened(value["bytes"])
        if value is None or isinstance(value, str | Path):
            return self._media(row, "image")
        from PIL.Image import Image

        from polysense.data.features import Vector
        from polysense.data.frames import Frames
        from polysense.data.media import Picture

        if isinstance(value, Image):
            return Picture.of(value)
        if isinstance(value, Picture | Vector | Frames):
            return value
        raise _BadCellError("image", f"expected a path or a Pillow picture, got {type(value).__name__}")

    def _media(self, row: Mapping[str, object], field: str) -> Path | Frames | None:
        """A picture, recording or film, or the frames of one: a file of them, a clip of such a file, or an array from Python.

        The frames of a picture are its regions.
        """
        from polysense.data.frames import ARRAY, STORE, Frames, HeldFrames, StoredFrames

        value = self._cell(row, field)
        if isinstance(value, Frames):
            return value
        if type(value).__module__ == "numpy":
            try:
                return HeldFrames(value)  # type: ignore[arg-type]  # what is no array of frames raises
            except (DataError, AttributeError) as error:
                raise _BadCellError(field, str(error)) from None
        name, number = _clip(str(value).strip()) if isinstance(value, str | Path) else ("", None)
        path = self._file(value if number is None else name, field)
        if path is None or path.suffix not in {ARRAY, STORE}:
            return path
        found = StoredFrames(path, number)
        try:
            assert found.shape
        except DataError as error:
            raise _BadCellError(field, str(error)) from None
        return found

    def _file(self, value: object, field: str) -> Path | None:
        """The file a cell names; it must exist, and lie in the media folder where there is one."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, str | Path):
            frames = "" if field == "image" else ", or frames as a NumPy array (time, width) of floating-point numbers"
            raise _BadCellError(field, f"expected a path{frames}, got {type(value).__name__}")
        name = str(value).strip()
        if _SURROGATE.search(name):
            raise _BadCellError(
                field, f"{_shorten(name)} holds half of a surrogate pair, which is no character: rename the file"
            )
        if _WEB_ADDRESS.match(name):
            raise _BadCellError(field, f"{_shorten(name)} is a web address; download the file and name its path")
        try:
            return self._picture_named(name) if field == "image" and not Path(name).suffix else self._found(name)
        except (OSError, ValueError, RuntimeError) as error:  # a null byte, a name too long, a loop of links, no permission
            raise _BadCellError(field, f"{_shorten(name)} cannot be opened ({error})") from None
        except _BadPathError as bad:
            raise _BadCellError(field, str(bad)) from None

    def _picture_named(self, name: str) -> Path:
        """The picture of a name without ending, as sets have it that name pictures by the id of their row."""
        for ending in _ENDINGS:
            with suppress(_BadPathError):
                return self._found(f"{name}{ending}")
        return self._found(name)

    def _found(self, name: str) -> Path:
        path = Path(name) if self.media_root is None else self.media_root / name
        if self.media_root is not None and not path.resolve().is_relative_to(self.media_root.resolve()):
            raise _BadPathError(_leaves(name, self.media_root))
        if path.is_file():
            return path
        if PureWindowsPath(name).drive and os.sep == "/":
            last = PureWindowsPath(name).name
            there = self.media_root is not None and (self.media_root / last).is_file()
            hint = f"; {last} lies in {display(self.media_root)}" if there and self.media_root is not None else ""
            raise _BadPathError(f"{name} is an absolute path of Windows: write it from the folder of the media on{hint}")
        if "\\" in name and os.sep == "/":
            slashed = self._found(name.replace("\\", "/"))
            raise _BadPathError(f"{name} is written as on Windows; write {display(slashed)}, which is there, with / for \\")
        # Sets circulate whose tables say .jpg for every picture although some were saved as .png.
        other = path.with_suffix(".png")
        if path.suffix.lower() in {".jpg", ".jpeg"} and other.is_file():
            return self._found(str(Path(name).with_suffix(".png")))
        raise _BadPathError(f"{display(path)} is a folder" if path.is_dir() else f"{display(path)} {ABSENT}")

    def _extra(self, row: Mapping[str, object]) -> dict[str, str]:
        taken = set(self.columns.values())
        found = {
            str(name): "" if value is None else str(value)
            for name, value in row.items()
            if name not in taken and (value is None or isinstance(value, str | int | float | numbers.Number))
        }
        for name, text in found.items():
            _as_text(name, f"the name of the column {name!a}")
            _as_text(text, name)
        return found


def origin(file: str, number: int) -> str:
    """How messages name a row."""
    return f"{file}, row {number}"


def taken_id(name: str, *, named: bool, first: int, first_named: bool) -> str:
    """Why a row cannot have the id ``name``, which row ``first`` has; of both, whether the table names it or it is the row's number."""
    if named and first_named:
        return f"the id stands in row {first} too"
    if first_named:
        return f"the id is empty, so the row is called by its number, and row {first} has the id {name!r}; write another one"
    return f"row {first} has no id, so it is called by its number, {name!r}; write ids into all rows, or into none"


def place(sample: Sample) -> tuple[str, int | None]:
    """The file and the row that ``sample.origin`` names; no row where it names none."""
    file, _, number = sample.origin.rpartition(", row ")
    return (file, int(number)) if number.isdecimal() else (sample.origin, None)


class _BadCellError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


class _BadPathError(Exception):
    pass


def _clip(name: str) -> tuple[str, int | None]:
    """``audio.safetensors#12`` taken apart; no number where the name ends otherwise."""
    path, mark, number = name.rpartition("#")
    return (path, int(number)) if mark and number.isdecimal() and path.endswith(".safetensors") else (name, None)


def _as_text(value: object, field: str) -> str:
    """A cell as text. Whole numbers that a missing neighbour turned into floats lose their ``.0`` again."""
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            raise _BadCellError(field, "holds half of a surrogate pair, which is no character: save the table again as UTF-8")
        return value
    if isinstance(value, numbers.Number) or type(value).__module__ in {"datetime", "uuid", "decimal"}:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    raise _BadCellError(field, f"expected text, got {type(value).__name__}")


def _opened(data: object) -> Picture:
    """The picture whose file has these bytes; they must begin like one."""
    from PIL import Image

    from polysense.data.media import FORMATS, Picture

    try:
        with Image.open(BytesIO(data), formats=FORMATS):  # type: ignore[arg-type]  # what is not bytes raises
            return Picture(bytes(data))  # type: ignore[call-overload]
    except Exception as error:  # Pillow's readers raise many kinds on damaged bytes
        raise _BadCellError("image", f"the bytes in the table are not a picture ({error})") from None


def _leaves(name: str, folder: Path) -> str:
    """That what a name leads to lies outside of the folder, and how it comes there."""
    path = folder / name
    leaves = f"{name} leaves the data folder '{display(folder)}'"
    if not Path(os.path.abspath(path)).is_relative_to(Path(os.path.abspath(folder))):  # noqa: PTH100 (links stay links)
        return f"{leaves}; another folder is named with media_root (--media-root)"
    target, parts = path.resolve(), Path(name).parts
    there = target.parents[len(parts) - 1] if target.parts[-len(parts) :] == parts else None
    way = "copy the file itself there (cp -L), or name the folder that holds the files with media_root"
    return f"{leaves}: it is a link, or lies behind one, to {target}; {way} (--media-root {there or 'FOLDER'})"


def _shorten(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")
