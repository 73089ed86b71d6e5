"""The cell of a picture, a recording or a film: the file that it names, or what it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from polysense.data.cells import SURROGATE, BadCellError, shorten
from polysense.errors import DataError, display

if TYPE_CHECKING:
    from polysense.data.features import Vector
    from polysense.data.frames import Frames
    from polysense.data.media import Picture

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
"""Of pictures that a table names without one, in the order in which they are looked for."""

ABSENT = "does not exist"
"""How the reason of a bad row ends whose file is not there."""

_WEB_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MediaCells:
    """How the cells of media are read; what cannot be used raises a BadCellError."""

    root: Path | None
    """Files lie in this folder and nowhere else; None where they may lie anywhere."""

    def picture(self, value: object) -> Path | Picture | Vector | Frames | None:
        """The picture of a cell, or what stands in its place; None where there is none."""
        if isinstance(value, Mapping):  # how Hugging Face datasets store pictures that they have not decoded
            if value.get("bytes") is None:
                return self._file(value.get("path"), "image")
            return _opened(value["bytes"])
        if value is None or isinstance(value, str | Path):
            return self.clip(value, "image")
        from PIL.Image import Image

        from polysense.data.features import Vector
        from polysense.data.frames import Frames
        from polysense.data.media import Picture

        if isinstance(value, Image):
            return Picture.of(value)
        if isinstance(value, Picture | Vector | Frames):
            return value
        raise BadCellError("image", f"expected a path or a Pillow picture, got {type(value).__name__}")

    def clip(self, value: object, field: str) -> Path | Frames | None:
        """A picture, recording or film, or the frames of one: a file of them, a clip of such a file, or an array from Python.

        The frames of a picture are its regions.
        """
        from polysense.data.frames import ARRAY, STORE, Frames, HeldFrames, StoredFrames

        if isinstance(value, Frames):
            return value
        if type(value).__module__ == "numpy":
            try:
                return HeldFrames(value)  # type: ignore[arg-type]  # what is no array of frames raises
            except (DataError, AttributeError) as error:
                raise BadCellError(field, str(error)) from None
        name, number = _clip(str(value).strip()) if isinstance(value, str | Path) else ("", None)
        path = self._file(value if number is None else name, field)
        if path is None or path.suffix not in {ARRAY, STORE}:
            return path
        found = StoredFrames(path, number)
        try:
            assert found.shape
        except DataError as error:
            raise BadCellError(field, str(error)) from None
        return found

    def _file(self, value: object, field: str) -> Path | None:
        """The file a cell names; it must exist, and lie in the media folder where there is one."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, str | Path):
            frames = "" if field == "image" else ", or frames as a NumPy array (time, width) of floating-point numbers"
            raise BadCellError(field, f"expected a path{frames}, got {type(value).__name__}")
        name = str(value).strip()
        if SURROGATE.search(name):
            raise BadCellError(field, f"{shorten(name)} holds half of a surrogate pair, which is no character: rename the file")
        if _WEB_ADDRESS.match(name):
            raise BadCellError(field, f"{shorten(name)} is a web address; download the file and name its path")
        try:
            return self._picture_named(name) if field == "image" and not Path(name).suffix else self._found(name)
        except (OSError, ValueError, RuntimeError) as error:  # a null byte, a name too long, a loop of links, no permission
            raise BadCellError(field, f"{shorten(name)} cannot be opened ({error})") from None
        except _BadPathError as bad:
            raise BadCellError(field, str(bad)) from None

    def _picture_named(self, name: str) -> Path:
        """The picture of a name without ending, as sets have it that name pictures by the id of their row."""
        for ending in _ENDINGS:
            with suppress(_BadPathError):
                return self._found(f"{name}{ending}")
        return self._found(name)

    def _found(self, name: str) -> Path:
        path = Path(name) if self.root is None else self.root / name
        if self.root is not None and not path.resolve().is_relative_to(self.root.resolve()):
            raise _BadPathError(_leaves(name, self.root))
        if path.is_file():
            return path
        if PureWindowsPath(name).drive and os.sep == "/":
            last = PureWindowsPath(name).name
            there = self.root is not None and (self.root / last).is_file()
            hint = f"; {last} lies in {display(self.root)}" if there and self.root is not None else ""
            raise _BadPathError(f"{name} is an absolute path of Windows: write it from the folder of the media on{hint}")
        if "\\" in name and os.sep == "/":
            slashed = self._found(name.replace("\\", "/"))
            raise _BadPathError(f"{name} is written as on Windows; write {display(slashed)}, which is there, with / for \\")
        # Sets circulate whose tables say .jpg for every picture although some were saved as .png.
        other = path.with_suffix(".png")
        if path.suffix.lower() in {".jpg", ".jpeg"} and other.is_file():
            return self._found(str(Path(name).with_suffix(".png")))
        raise _BadPathError(f"{display(path)} is a folder" if path.is_dir() else f"{display(path)} {ABSENT}")


class _BadPathError(Exception):
    pass


def _clip(name: str) -> tuple[str, int | None]:
    """``audio.safetensors#12`` taken apart; no number where the name ends otherwise."""
    path, mark, number = name.rpartition("#")
    return (path, int(number)) if mark and number.isdecimal() and path.endswith(".safetensors") else (name, None)


def _opened(data: object) -> Picture:
    """The picture whose file has these bytes; they must begin like one."""
    from PIL import Image

    from polysense.data.media import FORMATS, Picture

    try:
        with Image.open(BytesIO(data), formats=FORMATS):  # type: ignore[arg-type]  # what is not bytes raises
            return Picture(bytes(data))  # type: ignore[call-overload]
    except Exception as error:  # Pillow's readers raise many kinds on damaged bytes
        raise BadCellError("image", f"the bytes in the table are not a picture ({error})") from None


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
