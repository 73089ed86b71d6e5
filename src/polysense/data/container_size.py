"""How many bytes a recording or film must have, by what the file itself says: so one that was cut off is told.

FFmpeg reads some cut files without a word up to their end and calls others damaged, depending on what is asked of them. The sizes that
stand in a file say it once for all: that of the RIFF chunk (WAV, AVI), of the boxes of ISO 14496-12 (MP4, M4A, MOV), of the segment of
Matroska (MKV, WebM; RFC 9559). MP3, FLAC and Ogg have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
"""What files of boxes begin with, behind the size of the box; old ones of QuickTime have no ``ftyp``."""

NEEDED_BOXES = frozenset({b"moov", b"moof", b"mdat"})
"""Those of the index and the media; nobody misses the end of another one."""

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""What the two elements of a Matroska file begin with: a header, and all the rest."""

STREAMED = 0xFFFF_FF00
"""A RIFF size above it is none: the file was written to a pipe, its length not known."""


def lacking(path: Path) -> str | None:
    """What a file lacks of what it says that it has; None where it lacks nothing, or says nothing.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(12)
        file.seek(0)
        if begin[:4] == b"RIFF":
            needed = _riff(begin)
        elif begin[4:8] in FIRST_BOXES:
            needed, boxes = _boxes(file, size)
            if needed <= size and b"mdat" in boxes and not boxes & {b"moov", b"meta"}:  # pictures have ``meta``
                return "its index (moov), which is written last, is not there"
        else:
            needed = _segment(file) if begin[:4] == EBML else 0
    return f"it has {size:,} of at least {needed:,} bytes" if needed > size else None


def _riff(begin: bytes) -> int:
    stated = int.from_bytes(begin[4:8], "little") + 8
    return 0 if stated > STREAMED else stated - 1  # some lack the byte that makes their size even


def _boxes(file: BinaryIO, size: int) -> tuple[int, set[bytes]]:
    """Where the first of the needed boxes ends that is not there as a whole, or 0; and which boxes begin in the file."""
    found: set[bytes] = set()
    at = 0
    while len(head := file.read(16)) >= 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:  # the length follows, in eight bytes
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # up to the end of the file, or no box
            found |= {kind} if length == 0 else set()
            break
        found.add(kind)
        at += length
        if at > size and kind in NEEDED_BOXES:
            return at, found
        file.seek(at)
    return 0, found


def _segment(file: BinaryIO) -> int:
    """Where the segment ends; 0 where its size is not known, as of a stream, or it is not there."""
    file.read(4)
    header = _vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _vint(file: BinaryIO) -> int | None:
    """A number whose first byte says by its leading zeros how many follow; None where all its bits are 1, which is "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    number = int.from_bytes(first + file.read(more), "big") & (1 << 7 * (more + 1)) - 1
    return None if number == (1 << 7 * (more + 1)) - 1 else number
