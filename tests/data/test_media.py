from __future__ import annotations

import os
import struct
import time
import tracemalloc
import warnings
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image

from polysense.data import media
from polysense.data.media import MAX_PIXELS, Picture, content_key, file_digest, load_image, normalised
from polysense.errors import DataError


def png_that_claims(width: int, height: int) -> bytes:
    """The start of a PNG file of that size: a header, and no pixels to speak of."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def test_a_picture_is_rgb(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    picture = load_image(tmp_path / "a.png")
    assert (picture.mode, picture.size) == ("RGB", (64, 48))
    assert np.array_equal(np.asarray(picture), np.asarray(noise()))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "is an empty file"),
        (b"hello, I am a text\n", r"is not a picture \(it holds text\)"),
        (b"\xff\xfe\xfd\x80" * 30, r"is not a picture \(formats: JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "is not a picture"),
    ],
)
def test_files_that_are_no_pictures(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.jpg .*{reason}" if reason[0] == "N" else rf"a\.jpg {reason}"):
        load_image(path)


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        load_image(tmp_path)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
def test_truncated(tmp_path: Path, kind: str) -> None:
    noise().save(tmp_path / f"whole.{kind}")
    content = (tmp_path / f"whole.{kind}").read_bytes()
    (tmp_path / f"half.{kind}").write_bytes(content[: len(content) // 2])
    assert load_image(tmp_path / f"whole.{kind}").size == (64, 48)
    with pytest.raises(DataError, match=rf"half\.{kind} (is truncated or damaged|is not a picture|cannot be read)"):
        load_image(tmp_path / f"half.{kind}")


def test_damaged_bytes_never_end_in_another_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for kind in ("jpg", "png", "webp", "tiff"):
        noise((16, 16)).save(tmp_path / f"a.{kind}")
        whole = np.frombuffer((tmp_path / f"a.{kind}").read_bytes(), dtype=np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            damaged[rng.integers(0, len(whole), 6)] = rng.integers(0, 256, 6)
            (tmp_path / "b").write_bytes(damaged.tobytes())
            with suppress(DataError):
                assert load_image(tmp_path / "b").mode == "RGB"


@pytest.mark.parametrize("size", [(30_000, 30_000), (8_001, 8_000), (10_000, 10_000)])
def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png_that_claims(*size))
    tracemalloc.start()
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(DataError, match=rf"a\.png has .*the limit of {MAX_PIXELS:,}"):
            load_image(tmp_path / "a.png")
    assert time.perf_counter() - start < 1
    assert not heard, "Pillow says nothing beside it"
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    stored = noise((6, 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        expected = ImageOps.exif_transpose(opened)
    assert np.array_equal(np.asarray(load_image(tmp_path / "a.png")), np.asarray(expected))


def test_alpha_shows_white() -> None:
    picture = Image.new("RGBA", (3, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    picture.putpixel((2, 0), (0, 0, 0, 128))
    pixels = np.asarray(load_image(picture))[0]
    assert pixels[:2].tolist() == [[255, 0, 0], [255, 255, 255]]
    assert abs(int(pixels[2, 0]) - 127) <= 1


def test_a_transparent_palette(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "a.png", transparency=0)
    assert np.asarray(load_image(tmp_path / "a.png"))[0].tolist() == [[255, 255, 255], [200, 100, 50]]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "La", "RGBa"]
)
def test_every_mode_becomes_rgb(mode: str) -> None:
    assert load_image(Image.new(mode, (3, 2))).mode == "RGB"


def test_cmyk_keeps_its_colour() -> None:
    assert load_image(Image.new("RGB", (1, 1), (200, 40, 90)).convert("CMYK")).getpixel((0, 0)) == (200, 40, 90)


def test_sixteen_bit_grey_is_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert np.asarray(load_image(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_grey_is_scaled() -> None:
    picture = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], dtype=np.float32))
    assert np.asarray(load_image(picture))[0, :, 0].tolist() == [0, 128, 255, 0]


@given(st.text())
def test_a_text_key_ignores_case_and_spacing(text: str) -> None:
    key = content_key(text)
    assert 0 <= key < 2**63
    assert key == content_key(f"  {text}\n") == content_key(normalised(text))
    assert normalised(normalised(text)) == normalised(text)


def test_keys_of_texts() -> None:
    assert content_key("A  day\n") == content_key("a day")
    assert content_key("a day") != content_key("a dayy")
    assert content_key(None) == 0
    assert content_key("\ud800") != content_key("")


def test_keys_of_pictures(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    Image.new("RGB", (4, 4)).save(tmp_path / "c.png")
    assert content_key(tmp_path / "a.png") == content_key(tmp_path / "b.png") != content_key(tmp_path / "c.png")
    assert content_key(noise()) == content_key(noise())
    assert content_key(Image.new("RGB", (4, 9))) != content_key(Image.new("RGB", (9, 4)))
    with pytest.raises(DataError, match=r"d\.png cannot be read"):
        content_key(tmp_path / "d.png")


def test_a_digest_is_read_again_when_the_file_changed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    assert file_digest(path) == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    path.write_bytes(b"two")
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))
    assert file_digest(path) == "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"


def test_a_picture_that_was_opened_stays_undecoded_and_is_known_by_its_bytes(tmp_path: Path) -> None:
    for kind in ("jpg", "png", "webp", "gif"):
        noise().save(tmp_path / f"a.{kind}")
        data = (tmp_path / f"a.{kind}").read_bytes()
        with Image.open(tmp_path / f"a.{kind}") as opened:
            expected = np.asarray(load_image(tmp_path / f"a.{kind}"))
            assert np.array_equal(np.asarray(load_image(opened)), expected)
            assert opened.fp is not None, "decoding closes the file"
            assert Picture.of(opened) == Picture(data)
            assert content_key(opened) == content_key(Picture(data)) == content_key(tmp_path / f"a.{kind}")
            opened.load()
            assert Picture.of(opened).content is opened
            assert np.array_equal(np.asarray(load_image(opened)), expected)


def test_the_key_of_a_held_picture_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture.of(noise())
    key = content_key(picture)
    assert key == content_key(noise())
    monkeypatch.setattr(media, "_decoded", lambda *_: pytest.fail("decoded again"))
    assert content_key(picture) == key


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is an empty file"),
        (b"text", "it holds text"),
        (b"\xff\xfe" * 9, "formats: JPEG"),
        (png_that_claims(9_000, 9_000), "limit"),
    ],
)
def test_bytes_that_are_no_picture(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=rf"the picture .*{reason}"):
        load_image(Picture(data))


def test_only_photographs_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image in PostScript that somebody opened is not handed to another program."""
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("another program was started"))
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    with Image.open(BytesIO(script)) as opened:
        assert opened.format == "EPS"
        with pytest.raises(DataError, match="the picture is not a picture"):
            load_image(opened)


def test_a_later_frame_is_the_frame_that_is_shown(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as opened:
        opened.seek(1)
        assert load_image(opened).getpixel((0, 0)) == (0, 0, 255)


def test_a_file_that_was_closed_before_it_was_decoded(tmp_path: Path) -> None:
    noise().save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        pass
    with pytest.raises(DataError, match="the picture is truncated or damaged"):
        load_image(opened)
