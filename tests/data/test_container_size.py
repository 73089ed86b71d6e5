"""What recordings and films say of their size: whole ones lack nothing, cut ones do wherever they are cut, streams say nothing."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from made_films import pulses, write_film
from polysense.data.clip_file import SOUNDS, check_file, read_pictures, read_sound
from polysense.data.container_size import lacking
from polysense.errors import DataError


@pytest.mark.parametrize("ending", [".wav", ".m4a", ".mp4", ".mov", ".mkv", ".webm", ".avi"])
def test_a_cut_file_is_told_in_the_same_words_whatever_is_asked_of_it(ending: str, tmp_path: Path) -> None:
    if ending == ".webm":  # the same container, and none of our codecs goes into it
        path = write_film(tmp_path / "a.mkv", sound=pulses(200, 3)).rename(tmp_path / "a.webm")
    else:
        colours = [(255, 0, 0), (0, 0, 255)] * 8
        path = write_film(tmp_path / f"a{ending}", sound=pulses(200, 3), colours=() if ending in SOUNDS else colours)
    assert lacking(path) is None
    whole = path.read_bytes()
    for share in (0.01, 0.3, 0.6, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        told = set()
        for ask in (
            lambda: check_file(path, "audio"),
            lambda: check_file(path, "video"),
            lambda: read_sound(path),
            lambda: list(read_pictures(path, per_second=1)),
        ):
            with pytest.raises(DataError) as error:
                ask()
            told.add(str(error.value))
        assert told == {f"{path} breaks off: {lacking(path)}"}
        assert f"it has {int(share * len(whole)):,} of at least " in str(lacking(path))


def box(kind: bytes, content: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if length is None else length) + kind + content


FILES = {
    "a stream of RIFF": (b"RIFF\xff\xff\xff\xffWAVEfmt ", None),
    "an odd RIFF without the byte that makes it even": (b"RIFF" + struct.pack("<I", 12) + b"WAVE" + b"x" * 7, None),
    "boxes": (box(b"ftyp", b"isom") + box(b"mdat", b"x" * 90) + box(b"moov", b"x" * 20), None),
    "boxes of 64 bits": (
        box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"mdat", struct.pack(">Q", 1 << 33), length=1),
        "it has 36 of at least 8,589,934,612 bytes",
    ),
    "a box up to the end": (box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"mdat", b"x" * 90, length=0), None),
    "the last box, of padding, ends early": (
        box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"mdat", b"x") + box(b"free", b"", length=99),
        None,
    ),
    "no index": (
        box(b"ftyp", b"isom") + box(b"mdat", b"x" * 90),
        "its index (moov), which is written last, is not there",
    ),
    "no index behind media up to the end": (
        box(b"ftyp", b"isom") + box(b"mdat", b"x" * 90, length=0),
        "its index (moov), which is written last, is not there",
    ),
    "a picture of boxes": (box(b"ftyp", b"heic") + box(b"meta", b"x") + box(b"mdat", b"x" * 90), None),
    "zeros behind the boxes": (box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"mdat", b"x") + bytes(40), None),
    "Matroska, its size in one byte": (b"\x1a\x45\xdf\xa3\x81x\x18\x53\x80\x67\x84xxxx", None),
    "Matroska, cut": (b"\x1a\x45\xdf\xa3\x81x\x18\x53\x80\x67\x85xxxx", "it has 15 of at least 16 bytes"),
    "Matroska, its size in eight bytes": (
        b"\x1a\x45\xdf\xa3\x81x\x18\x53\x80\x67\x01\x00\x00\x00\x00\x00\x01\x00x",
        "it has 19 of at least 274 bytes",
    ),
    "a stream of Matroska": (b"\x1a\x45\xdf\xa3\x81x\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xffx", None),
    "Matroska, its header cut": (b"\x1a\x45\xdf\xa3", None),
    "MP3": (b"\xff\xfb\x90\x64" + bytes(20), None),
    "FLAC": (b"fLaC\x00\x00\x00\x22" + bytes(20), None),
    "Ogg": (b"OggS\x00\x02" + bytes(20), None),
    "a text": (b"what a day\n", None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("name", FILES)
def test_sizes_are_read_as_the_formats_have_them(name: str, tmp_path: Path) -> None:
    content, lacks = FILES[name]
    (tmp_path / "a").write_bytes(content)
    assert lacking(tmp_path / "a") == lacks
