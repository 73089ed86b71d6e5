"""Small pictures inside the page."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from polysense.data.media import FORMATS, MAX_PIXELS, Picture

LONGEST = 240
"""Longest side in pixels; shown at half of that, so that it is sharp on fine screens."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as a data URI, or the reason why there is none."""

    uri: str
    reason: str = ""


def thumbnail(image: str | None, *, near: Path) -> Thumbnail:
    """Shrink the picture ``image``; a relative path is looked for in the current folder, then in ``near`` and the folders above.

    A run keeps the paths as training knew them, from the folder in which it was started, and that is often one above the run.

    Never raises for a bad picture: a report is not lost for one of them.
    """
    if not image:
        return Thumbnail("", "no picture")
    home = near.resolve()
    path = next((place for folder in (Path(), home, *home.parents) if (place := folder / image).is_file()), None)
    if path is None:
        return Thumbnail("", "file not found")
    return _made(path)


def thumbnail_of(picture: Picture) -> Thumbnail:
    """Shrink a picture that is held in memory; never raises either."""
    if isinstance(picture.content, bytes):
        return _made(BytesIO(picture.content))
    file = BytesIO()
    picture.content.convert("RGBA").save(file, "PNG")
    return _made(BytesIO(file.getvalue()))


def _made(source: Path | BytesIO) -> Thumbnail:
    from PIL import UnidentifiedImageError

    try:
        return Thumbnail("data:image/jpeg;base64," + b64encode(shrunk(source)).decode("ascii"))
    except UnidentifiedImageError:
        return Thumbnail("", "not a picture")
    except MemoryError:
        return Thumbnail("", "too large")
    except Exception as error:  # decoders raise what they like: struct, zlib, syntax and index errors
        return Thumbnail("", str(error) if isinstance(error, TooLargeError) else f"cannot be decoded ({type(error).__name__})")


class TooLargeError(ValueError):
    """A picture with too many pixels."""


def shrunk(source: Path | BytesIO) -> bytes:
    """The first frame as a small JPEG, upright, on white where it is transparent."""
    from PIL import Image, ImageOps

    with Image.open(source, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise TooLargeError(f"too large ({image.width} × {image.height})")
        image.draft("RGB", (2 * LONGEST, 2 * LONGEST))
        upright = ImageOps.exif_transpose(image)
        if "A" in upright.getbands() or "transparency" in upright.info:
            layers = upright.convert("RGBA")
            upright = Image.new("RGB", layers.size, "white")
            upright.paste(layers, mask=layers.getchannel("A"))
        small = upright.convert("RGB")
        small.thumbnail((LONGEST, LONGEST))
        page = BytesIO()
        small.save(page, "JPEG", quality=72, optimize=True)
    return page.getvalue()
