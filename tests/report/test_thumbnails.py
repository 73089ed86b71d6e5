from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image

from polysense.report import thumbnails
from polysense.report.thumbnails import thumbnail


def decoded(uri: str) -> Image.Image:
    assert uri.startswith("data:image/jpeg;base64,")
    return Image.open(BytesIO(b64decode(uri.split(",", 1)[1])))


def test_a_picture_is_shrunk(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 600), "red").save(tmp_path / "wide.jpg")
    found = decoded(thumbnail(str(tmp_path / "wide.jpg"), near=tmp_path).uri)
    assert (found.size, found.mode) == ((240, 120), "RGB")


def test_a_relative_path_is_found_near_the_run(tmp_path: Path) -> None:
    Image.new("RGB", (10, 10)).save(tmp_path / "small.png")
    assert thumbnail("small.png", near=tmp_path).uri


def test_a_path_from_the_folder_of_the_training_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training was started in ``project``, with its table in ``project/posts`` and its run in ``project/runs/mine``."""
    run, elsewhere = tmp_path / "project" / "runs" / "mine", tmp_path / "elsewhere"
    for folder in (run, elsewhere, tmp_path / "project" / "posts"):
        folder.mkdir(parents=True)
    Image.new("RGB", (10, 10)).save(tmp_path / "project" / "posts" / "small.png")
    monkeypatch.chdir(elsewhere)
    assert thumbnail("posts/small.png", near=run).uri
    monkeypatch.chdir(run)
    assert thumbnail("posts/small.png", near=Path()).uri
    assert thumbnail("posts/gone.png", near=run).reason == "file not found"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "CMYK", "I;16", "1"])
def test_every_kind_of_picture(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    Image.new(mode, (20, 30)).save(path)
    assert decoded(thumbnail(str(path), near=tmp_path).uri).size == (20, 30)


def test_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert decoded(thumbnail(str(tmp_path / "clear.png"), near=tmp_path).uri).getpixel((4, 4)) == (255, 255, 255)


def test_a_turned_photograph_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert decoded(thumbnail(str(tmp_path / "turned.jpg"), near=tmp_path).uri).size == (20, 40)


def test_the_reason_for_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.jpg").write_text("not a picture", encoding="utf-8")
    Image.effect_noise((64, 64), 50).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:900])
    assert thumbnail(None, near=tmp_path).reason == "no picture"
    assert thumbnail("gone.jpg", near=tmp_path).reason == "file not found"
    assert thumbnail("text.jpg", near=tmp_path).reason == "not a picture"
    assert thumbnail("cut.jpg", near=tmp_path).reason == "cannot be decoded (OSError)"
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 1000)
    assert thumbnail("whole.jpg", near=tmp_path).reason == "too large (64 × 64)"


def test_only_photographs_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("another program was started"))
    script = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "script.jpg").write_text(script, encoding="utf-8")
    assert thumbnail("script.jpg", near=tmp_path).reason == "not a picture"


def test_a_bomb_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("1", (400, 400)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "DecompressionBomb" in thumbnail("bomb.png", near=tmp_path).reason
