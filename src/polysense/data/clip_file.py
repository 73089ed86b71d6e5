"""Recordings and films in files: their sound as samples, their pictures one after the other.

Decoded by PyAV (the extra ``media``). A file may hold sound, film or both. Only formats of recordings and films are opened, and
nothing that they refer to: a playlist with the ending of a film is no film.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polysense.data.container_size import lacking
from polysense.errors import DataError, PolysenseError, display

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

Medium = Literal["audio", "video"]

SAMPLE_RATE = 16_000
"""Samples a second of all sound that is read; what speech encoders learn from."""

LONGEST = 600.0
"""Seconds of a recording or film; a longer one is refused."""

MAX_PIXELS = 4096 * 2304
"""Pixels of a film's picture; larger ones are refused before they are decoded."""

SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a")
FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""Endings by which a file is told from a table; what is in it shows when it is opened."""

_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,wav,mp3,flac,ogg,avi",
    "protocol_whitelist": "file",
}


SHORTEST = 0.04
"""Seconds of sound that are looked at at a time (`data.audio_features`); of less, nothing can be said."""

SILENCE = 1e-4
"""The largest sample (-80 dB) of sound that counts as none."""

BROKEN_OFF = 0.9
"""The share of a track's stated length below which what could be read breaks off; half a second may always lack."""


class NothingThereError(DataError):
    """The file can be read and lacks what was asked for: it has no sound, silence alone, too little sound, or no film."""


def kind(name: str) -> Medium | None:
    """What a file of this name should be; None where its ending says neither."""
    ending = Path(name).suffix.lower()
    return "audio" if ending in SOUNDS else "video" if ending in FILMS else None


def read_sound(path: Path, *, longest: float = LONGEST) -> np.ndarray:
    """The samples (samples,) float32 from -1 to 1, all channels as one, 16,000 a second.

    Raises:
        NothingThereError: there is no sound in it, less than 40 ms of it, or nothing but silence.
        DataError: the file is not there, damaged, breaks off, is of another format, or longer than ``longest`` seconds.
        PolysenseError: PyAV is not installed.
    """
    import numpy as np

    with _opened(path) as (av, container):
        stream = _track(path, av, container, "audio")
        _refuse_long(path, container, longest)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        pieces: list[np.ndarray] = []
        count = 0
        for frame in _then_none(container.decode(stream)):
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray()[0])
                count += piece.samples
            if count > longest * SAMPLE_RATE:
                raise DataError(f"{display(path)} is longer than {longest:g} seconds")
        _refuse_broken_off(path, stream, count / SAMPLE_RATE)
    if not count:
        raise DataError(_nothing_read(path, "audio"))
    samples = np.concatenate(pieces)
    if not np.isfinite(samples).all():
        raise DataError(f"{display(path)}: its sound holds NaN or infinite samples")
    if count < SHORTEST * SAMPLE_RATE:
        length = f"{1000 * count / SAMPLE_RATE:.0f} ms of sound"
        raise NothingThereError(
            f"{display(path)} has {length}, less than the {1000 * SHORTEST:.0f} ms that are looked at at a time"
        )
    if np.abs(samples).max() < SILENCE:
        raise NothingThereError(f"{display(path)} is silent")
    return samples


def read_pictures(path: Path, *, per_second: float, longest: float = LONGEST, most_pixels: int = MAX_PIXELS) -> Iterator[Image]:
    """The pictures of a film at the times 0, 1 / ``per_second``, ... seconds, upright, as RGB, one held at a time.

    At each time it is the first picture that is not earlier, so that a film of fewer pictures gives all of them once.

    Raises:
        NothingThereError: there is no film in it; a cover is none.
        DataError: the file is not there, damaged, breaks off, is of another format, longer than ``longest`` seconds, or larger than
            ``most_pixels``.
        PolysenseError: PyAV is not installed.
    """
    with _opened(path) as (av, container):
        stream = _track(path, av, container, "video")
        _refuse_long(path, container, longest)
        _refuse_large(path, stream.codec_context, most_pixels)
        begin: float | None = None
        end = 0.0
        shown = 0
        for frame in container.decode(stream):
            _refuse_large(path, frame, most_pixels)
            time = shown / per_second if frame.time is None else float(frame.time)
            begin = time if begin is None else begin
            end = time + float((frame.duration or 0) * (frame.time_base or 0))
            if time - begin > longest:
                raise DataError(f"{display(path)} is longer than {longest:g} seconds")
            if (time - begin) * per_second < shown - 1e-6:  # times are rounded in the file
                continue
            shown = int((time - begin) * per_second + 1e-6) + 1
            picture: Image = frame.to_image()
            yield picture.rotate(frame.rotation, expand=True) if frame.rotation else picture
        if begin is None:
            raise DataError(_nothing_read(path, "video"))
        _refuse_broken_off(path, stream, end - begin)


def check_file(path: Path, medium: Medium) -> None:
    """Whether a recording or film can be read, as far as that can be told without decoding it.

    Its beginning is decoded; how far the rest goes is told of its packets. Damage within it shows when it is decoded.

    Raises:
        NothingThereError: there is no sound, or no film, in it.
        DataError: as of :func:`read_sound` and :func:`read_pictures`.
        PolysenseError: PyAV is not installed.
    """
    with _opened(path) as (av, container):
        stream = _track(path, av, container, medium)
        _refuse_long(path, container, LONGEST)
        if medium == "video":
            _refuse_large(path, stream.codec_context, MAX_PIXELS)
        decoded = False
        times: list[tuple[float, float]] = []
        for packet in container.demux(stream):  # the last one is empty, and gives what the decoder still holds
            decoded = decoded or bool(packet.decode())
            if packet.pts is not None and packet.time_base is not None:
                times.append((float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)))
        if not decoded:
            raise DataError(_nothing_read(path, medium))
        if times:
            _refuse_broken_off(path, stream, max(begin + length for begin, length in times) - min(begin for begin, _ in times))


def can_decode() -> bool:
    """Whether PyAV is installed."""
    return find_spec("av") is not None


def _track(path: Path, av: Any, container: Any, medium: Medium) -> Any:
    """The first track of a medium; a cover is no film."""
    cover = av.stream.Disposition.attached_pic
    found = (one for one in container.streams if one.type == medium and not (medium == "video" and one.disposition & cover))
    track = next(found, None)
    if track is None:
        raise NothingThereError(f"{display(path)} has no {'sound' if medium == 'audio' else 'film'}")
    return track


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """PyAV and the open file; what goes wrong in it becomes a DataError."""
    try:
        import av
    except ImportError:
        raise PolysenseError("recordings and films are read by PyAV: pip install 'polysense[media]'") from None
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{display(path)} is an empty file")
        if (lacks := lacking(path)) is not None:
            raise DataError(f"{display(path)} breaks off: {lacks}")
        with av.open(str(path), options=dict(_OPTIONS)) as container:
            if not any(stream.type in {"audio", "video"} for stream in container.streams):
                raise DataError(_damaged(path))
            yield av, container
    except (av.error.InvalidDataError, av.error.EOFError):
        raise DataError(_damaged(path)) from None
    except (av.error.FFmpegError, OSError) as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None


def _damaged(path: Path) -> str:
    return f"{display(path)} is damaged, or no recording or film ({', '.join(SOUNDS + FILMS)})"


def _nothing_read(path: Path, medium: Medium) -> str:
    return f"{display(path)}: not one {'sample of its sound' if medium == 'audio' else 'of its pictures'} could be read"


def _then_none(frames: Iterator[Any]) -> Iterator[Any]:
    """The frames, then None, at which a resampler gives what it still holds."""
    yield from frames
    yield None


def _refuse_broken_off(path: Path, stream: Any, seconds: float) -> None:
    """By the length that the file gives its track; some formats give none."""
    stated = _stated_seconds(stream)
    if stated is not None and seconds < min(BROKEN_OFF * stated, stated - 0.5):
        raise DataError(f"{display(path)} breaks off: {seconds:.1f} of its {stated:.1f} seconds could be read")


def _stated_seconds(stream: Any) -> float | None:
    """The length of a track as the file has it: in its header, or in Matroska as a tag, ``00:00:04.000000000``."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return None if tag is None else 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])


def _refuse_long(path: Path, container: Any, longest: float) -> None:
    """By what the file says of itself; what it holds is counted, too."""
    if container.duration is not None and container.duration > longest * 1_000_000:
        raise DataError(f"{display(path)} is {container.duration / 1_000_000:.1f} seconds long, more than {longest:g}")


def _refuse_large(path: Path, size: Any, most_pixels: int) -> None:
    if size.width * size.height > most_pixels:
        raise DataError(
            f"{display(path)} has pictures of {size.width} x {size.height} pixels, more than the limit of {most_pixels:,}"
        )
