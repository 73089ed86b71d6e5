"""Pictures from files, and the digests that say whether two texts or two pictures are the same."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from PIL import Image, ImageFile, UnidentifiedImageError

from polysense.data.features import Vector
from polysense.data.frames import Frames
from polysense.errors import DataError, display

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = 64_000_000
"""A picture with more pixels is refused before it is decoded; 64 million take 192 MB."""

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""The picture formats that are opened. Others that Pillow knows hand the file to another program, or hold no photographs."""

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)


@dataclass(frozen=True)
class Picture:
    """A picture that is held in memory, as it was stored: decoding it leaves nothing decoded behind."""

    content: bytes | Image.Image = field(repr=False)
    """The bytes of a picture file; or a picture that was made in Python, or decoded before it came here."""

    @classmethod
    def of(cls, image: Image.Image) -> Picture:
        """Hold an image; one that was opened and not decoded yet is held as the bytes of its file, and stays undecoded."""
        stored = _stored(image)
        return cls(image if stored is None else stored)

    @cached_property
    def key(self) -> int:
        """See `content_key`. Told once: a picture that is held must not be painted on."""
        return _key(hashlib.sha256(self.content).digest()) if isinstance(self.content, bytes) else _pixel_key(self.content)


def load_image(source: Path | Picture | Vector | Frames | Image.Image) -> Image.Image:
    """The picture, upright, as RGB; what is transparent shows white. A DataError says why a file is none."""
    if isinstance(source, Vector):
        raise DataError(f"{source} is a vector and no picture; the image encoder StoredFeatures reads it")
    if isinstance(source, Frames):
        raise DataError(f"{source} holds the regions of a picture and no picture; the image encoder SequenceFrames reads them")
    if isinstance(source, Image.Image):
        source = Picture.of(source)
    if isinstance(source, Path):
        return _read(source, display(source))
    if isinstance(source.content, bytes):
        return _read(source.content, "the picture")
    return _decoded(source.content, "the picture")


def _read(source: Path | bytes, name: str) -> Image.Image:
    try:
        if (len(source) if isinstance(source, bytes) else source.stat().st_size) == 0:
            raise DataError(f"{name} is an empty file")
        with warnings.catch_warnings():  # of what has more pixels than our own limit
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
        with opened as image:
            return _decoded(image, name)
    except Image.DecompressionBombError:
        raise DataError(f"{name} has more pixels than the limit of {MAX_PIXELS:,}") from None
    except UnidentifiedImageError:
        raise DataError(f"{name} is not a picture ({_looks_like(source)})") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from None
    except DataError:
        raise
    except Exception as error:  # on damaged files Pillow's readers raise nearly anything
        raise DataError(f"{name} is truncated or damaged ({error})") from None


def _stored(image: Image.Image) -> bytes | None:
    """The file of an image that was opened and not decoded; None of others, and of a later frame of a film."""
    file = image.fp if isinstance(image, ImageFile.ImageFile) else None
    if file is None or image.tell() != 0:
        return None
    try:
        place = file.tell()
        file.seek(0)
        data = file.read()
        file.seek(place)
    except (OSError, ValueError):  # closed in the meantime: decoding it says so
        return None
    return data


def content_key(value: str | Path | Picture | Vector | Frames | Image.Image | None) -> int:
    """A 63-bit number, equal where the content is equal: of a text without case and spacing, of a file's bytes.

    A picture that was never a file has its pixels' number, a vector or a sequence of frames that of its numbers. None is 0.
    """
    if value is None:
        return 0
    if isinstance(value, str):
        return _key(hashlib.sha256(normalised(value).encode("utf-8", "surrogatepass")).digest())
    if isinstance(value, Path):
        return _key(bytes.fromhex(file_digest(value)))
    if isinstance(value, Vector | Frames):
        return value.key
    return (Picture.of(value) if isinstance(value, Image.Image) else value).key


def normalised(text: str) -> str:
    """The text as it counts for being the same: without case, runs of white space as one space."""
    return " ".join(text.casefold().split())


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal; read again only when the file's size or time of change is another."""
    try:
        status = path.stat()
        return _digest(os.fspath(path.absolute()), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None


@lru_cache(maxsize=1 << 18)
def _digest(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pixel_key(image: Image.Image) -> int:
    picture = _decoded(image, "the picture")
    return _key(hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).digest())


def _key(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big") >> 1


def _decoded(image: Image.Image, name: str) -> Image.Image:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(f"{name} has {width} x {height} pixels, more than the limit of {MAX_PIXELS:,}")
    try:
        image.load()
        turned = _UPRIGHT.get(_orientation(image))
        picture = _rgb(image)
    except Exception as error:  # as in load_image; here an OSError too means damage
        raise DataError(f"{name} is truncated or damaged ({error})") from None
    return picture if turned is None else picture.transpose(turned)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a picture with a broken EXIF block is still a picture
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        white = Image.new("RGBA", shown.size, "white")
        return Image.alpha_composite(white, shown).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Deeper grey levels as 0..255. Files of the modes I and F do not say their depth, so their largest value tells it."""
    import numpy as np

    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    usual = {"I": (255.0, 65535.0), "F": (1.0, 255.0, 65535.0)}.get(image.mode, (65535.0,))
    top = float(values.max(initial=0.0))
    full = next((full for full in usual if top <= full), top)
    return np.clip(np.rint(values * (255.0 / full)), 0, 255).astype(np.uint8)


def _looks_like(source: Path | bytes) -> str:
    try:
        _start(source).decode("utf-8")
    except UnicodeDecodeError:
        return f"formats: {', '.join(FORMATS)}"
    return "it holds text"


def _start(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:512]
    with source.open("rb") as file:
        return file.read(512)
