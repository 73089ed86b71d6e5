from __future__ import annotations

import math
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image

from polysense.data.media import Picture, load_image
from polysense.data.rows import FIELDS, RowReader, place, split_name
from polysense.errors import DataError, Problem
from polysense.types import Sample


def reader(media_root: Path | None = None, label_separator: str | None = None) -> RowReader:
    return RowReader(
        file="posts.csv", columns={name: name for name in FIELDS}, media_root=media_root, label_separator=label_separator
    )


def read(row: dict[str, object], **options) -> Sample:
    sample = reader(**options).read(row, 7)
    assert isinstance(sample, Sample), sample
    return sample


def refused(row: dict[str, object], **options) -> Problem:
    problem = reader(**options).read(row, 7)
    assert isinstance(problem, Problem), problem
    assert (problem.file, problem.row, problem.severity) == ("posts.csv", 7, "bad")
    return problem


def test_a_medium_that_nobody_reads_makes_no_row_bad() -> None:
    row = {"text": "so good", "image": "gone.jpg", "audio": "gone.wav"}
    assert refused(row).field == "image"
    assert replace(reader(), reads=("text",)).read(row, 7) == read({"text": "so good"})
    assert replace(reader(), reads=("text", "audio")).read(row, 7).field == "audio"
    blank = replace(reader(), reads=("text",)).read({"text": " ", "image": "gone.jpg"}, 7)
    assert (blank.field, blank.reason) == ("row", "nothing usable: the text is empty")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("dev", "validation"),
        ("val", "validation"),
        (" valid ", "validation"),
        ("validation", "validation"),
        ("TEST", "test"),
    ],
)
def test_split_names(written: str, meant: str) -> None:
    assert split_name(written) == meant


def test_an_unknown_split_names_the_choices() -> None:
    with pytest.raises(DataError, match=r"'trian' is not a split; did you mean 'train'.*'validation'"):
        split_name("trian")
    assert "'trian'" in refused({"text": "a", "split": "trian"}).reason


def test_a_full_row() -> None:
    sample = read(
        {"id": "p1", "text": "a b", "label": " joy ", "score": "1.5", "split": "dev", "group": "g", "city": "Leeds", "n": 3}
    )
    assert (sample.id, sample.text, sample.label, sample.score) == ("p1", "a b", "joy", 1.5)
    assert (sample.split, sample.group, sample.index) == ("validation", "g", -1)
    assert sample.extra == {"city": "Leeds", "n": "3"}
    assert sample.origin == "posts.csv, row 7"
    assert place(sample) == ("posts.csv", 7)


def test_empty_cells_are_missing_but_an_empty_text_is_a_text(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    sample = read(
        {"id": "", "text": "", "image": "a.png", "label": "", "score": "", "split": "", "group": ""}, media_root=tmp_path
    )
    assert sample.id == "7"
    assert sample.text == ""
    assert (sample.label, sample.score, sample.split, sample.group) == (None, None, None, None)
    assert read({"text": None, "image": "a.png"}, media_root=tmp_path).text is None
    assert read({"text": math.nan, "image": "a.png", "label": math.nan}, media_root=tmp_path).modalities == ("image",)


@pytest.mark.parametrize("row", [{"text": ""}, {"text": " \t "}, {"text": None}, {"label": "joy"}, {}])
def test_a_row_with_nothing_usable(row: dict[str, object]) -> None:
    assert "nothing usable" in refused(row).reason


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", math.nan, math.inf, "three", "1,5", [1], "1 2"])
def test_bad_scores(value: object) -> None:
    problem = refused({"text": "a", "score": value})
    assert problem.field == "score"
    assert "number" in problem.reason


def test_labels_of_other_types() -> None:
    assert read({"text": "a", "label": 3}).label == "3"
    assert read({"text": "a", "label": 3.0}).label == "3"
    assert read({"text": "a", "label": ["joy", "awe"]}).label == ("joy", "awe")
    assert read({"text": "a", "label": []}).label == (), "none of the classes, which is not the same as not known"
    assert read({"text": "a", "label": []}, label_separator="|").label == ()
    assert refused({"text": "a", "label": {"x": 1}}).reason == "expected text, got dict"


def test_a_label_separator_makes_every_labelled_row_multi_label() -> None:
    assert read({"text": "a", "label": "joy| awe|"}, label_separator="|").label == ("joy", "awe")
    assert read({"text": "a", "label": "joy"}, label_separator="|").label == ("joy",)
    assert read({"text": "a", "label": ""}, label_separator="|").label is None
    assert read({"text": "a", "label": "joy|awe"}).label == "joy|awe"


@pytest.mark.parametrize("name", ["../a.png", "sub/../../a.png", "{outside}/a.png"])
def test_a_path_that_leaves_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    problem = refused({"text": "a", "image": name.format(outside=tmp_path)}, media_root=inside)
    assert problem.field == "image"
    assert "leaves the data folder" in problem.reason


def test_a_link_that_leaves_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    (inside / "link.png").symlink_to(tmp_path / "a.png")
    (inside / "up").symlink_to(tmp_path)
    assert "leaves the data folder" in refused({"image": "link.png"}, media_root=inside).reason
    assert "leaves the data folder" in refused({"image": "up/a.png"}, media_root=inside).reason


def test_a_link_that_leaves_the_folder_says_that_it_is_one_and_what_to_do(tmp_path: Path) -> None:
    inside, store = tmp_path / "data", tmp_path / "store"
    (inside / "own").mkdir(parents=True)
    (store / "images").mkdir(parents=True)
    Image.new("RGB", (2, 2)).save(store / "images" / "a.png")
    (inside / "images").symlink_to(store / "images")
    (inside / "own" / "b.png").symlink_to(store / "images" / "a.png")
    behind, other = (refused({"image": name}, media_root=inside).reason for name in ("images/a.png", "own/b.png"))
    link = (
        f"it is a link, or lies behind one, to {store / 'images/a.png'}; copy the file itself there (cp -L), or name the folder"
    )
    assert link in behind
    assert link in other
    assert behind.endswith(f"(--media-root {store})")
    assert other.endswith("(--media-root FOLDER)")
    assert read({"image": "images/a.png"}, media_root=store).image == store / "images/a.png"
    assert "it is a link" not in refused({"image": "../store/images/a.png"}, media_root=inside).reason


def test_paths_as_windows_writes_them_are_told(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "images" / "a.png")
    told = refused({"image": "images\\a.png"}, media_root=tmp_path).reason
    assert "images\\a.png is written as on Windows; write " in told
    away = refused({"image": "C:\\me\\a.png"}, media_root=tmp_path / "images").reason
    assert away.startswith("C:\\me\\a.png is an absolute path of Windows: ")
    assert "; a.png lies in " in away
    assert " lies in " not in refused({"image": "C:\\me\\b.png"}, media_root=tmp_path / "images").reason
    assert "images/a.png, which is there" in told
    assert "images/b.png does not exist" in refused({"image": "images\\b.png"}, media_root=tmp_path).reason
    Image.new("RGB", (2, 2)).save(tmp_path / "odd\\name.png")
    assert read({"image": "odd\\name.png"}, media_root=tmp_path).image == tmp_path / "odd\\name.png"


def test_a_folder_that_is_a_link_itself_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "real" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read({"image": "a.png"}, media_root=tmp_path / "link").image == tmp_path / "link" / "a.png"


def test_png_is_tried_where_jpg_is_absent(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    assert read({"image": "a.jpg"}, media_root=tmp_path).image == tmp_path / "a.png"
    assert "b.jpg does not exist" in refused({"image": "b.jpg"}, media_root=tmp_path).reason
    (tmp_path / "c.png").symlink_to(Path("/dev/null"))
    assert "does not exist" in refused({"image": "c.jpg"}, media_root=tmp_path).reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("gone.png", "gone.png does not exist"),
        ("sub", "is a folder"),
        ("https://example.org/a.png", "is a web address"),
        ("a\0b.png", "cannot be opened"),
        ("x" * 300 + ".png", "cannot be opened"),
        (5, "expected a path or a Pillow picture, got int"),
    ],
)
def test_bad_pictures(tmp_path: Path, value: object, reason: str) -> None:
    (tmp_path / "sub").mkdir()
    assert reason in refused({"text": "a", "image": value}, media_root=tmp_path).reason


def test_other_media_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert read({"audio": "a.wav"}, media_root=tmp_path).modalities == ("audio",)
    assert refused({"video": "../b.mp4"}, media_root=tmp_path).field == "video"


def test_pictures_in_python_may_lie_anywhere_or_be_decoded(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    assert read({"image": str(tmp_path / "a.png")}).image == tmp_path / "a.png"
    assert read({"image": tmp_path / "a.png"}).image == tmp_path / "a.png"
    picture = Image.new("RGB", (2, 2))
    held = read({"image": picture}).image
    assert isinstance(held, Picture)
    assert held.content is picture
    assert read({"image": held}).image is held


def test_pictures_stored_as_bytes() -> None:
    stored = BytesIO()
    Image.new("RGB", (5, 4)).save(stored, "PNG")
    picture = read({"image": {"bytes": stored.getvalue(), "path": None}}).image
    assert picture == Picture(stored.getvalue())
    assert load_image(picture).size == (5, 4)
    assert "not a picture" in refused({"image": {"bytes": b"no", "path": None}}).reason
    assert read({"text": "a", "image": {"bytes": None, "path": None}}).modalities == ("text",)


def test_stored_bytes_are_opened_as_photographs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("another program was started"))
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    assert "not a picture" in refused({"image": {"bytes": script, "path": None}}).reason


def test_a_whole_number_that_no_score_can_be_is_a_bad_row() -> None:
    assert "is not a finite number" in refused({"text": "a", "score": 10**400}).reason


def test_half_a_surrogate_pair_is_unreadable_text() -> None:
    assert "surrogate" in refused({"text": "a \ud83d"}).reason
    assert read({"text": "a 😀"}).text == "a 😀"


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"city": "Leeds \ud83d"}, "city"),
        ({"c\ud83d": "Leeds"}, r"the name of the column 'c\ud83d'"),
        ({"spans": [(0, 1, "aspect\ud83d")]}, "spans"),
        ({"image": Path("a\udce9.jpg")}, "image"),
    ],
)
def test_half_a_surrogate_pair_is_unreadable_in_any_column(cells: dict[str, object], field: str) -> None:
    problem = refused({"text": "a", **cells})
    assert (problem.field, "surrogate" in problem.reason) == (field, True)
    assert str(problem).encode("utf-8")


def test_extra_keeps_what_can_be_shown() -> None:
    assert read({"text": "a", "flag": True, "none": None, "bytes": b"x", "list": [1]}).extra == {"flag": "True", "none": ""}
