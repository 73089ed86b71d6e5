from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from polysense.errors import DataError, Problem
from polysense.inference.reader import Reader, listed
from polysense.types import Sample


def reason(found: Sample | Problem) -> str:
    assert isinstance(found, Problem)
    return found.reason


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"txt": "hello"}, "'txt' is no field: did you mean 'text'? valid: 'image', 'text'"),
        ({"sentence": "hello"}, "'sentence' is no field: valid: 'image', 'text'"),
        ({"id": "7"}, "nothing usable: no text, and no image"),
        ({"text": " ", "image": ""}, "nothing usable: the text is empty, and no image"),
    ],
)
def test_a_row_without_content_says_what_its_keys_may_have_meant(row: dict[str, str], said: str) -> None:
    assert reason(Reader(("text", "image")).read(row, 1)).endswith(said)


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        (("text",), "nothing usable: the text is empty"),
        (("text", "audio", "video"), "nothing usable: the text is empty, and no audio or video"),
    ],
)
def test_of_a_row_without_content_what_the_model_reads_is_named(reads: tuple[str, ...], said: str) -> None:
    assert reason(Reader(reads).read("", 1)) == said


def test_a_key_like_a_modality_is_warned_about_once() -> None:
    reader = Reader(("text", "image"))
    with pytest.warns(UserWarning, match="'imgae' is no field and is not read; did you mean 'image'"):
        reader.read({"text": "a", "imgae": "b.jpg"}, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader.read({"text": "a", "imgae": "c.jpg"}, 2)
        reader.read({"text": "a", "mood": "fine", "texts": "b"}, 3)


@pytest.mark.parametrize(
    ("key", "value"),
    [("visual", np.ones((3, 5), np.float32)), ("vision", [[1.0]]), ("sound", "take.wav"), ("frames", Path("take.npy"))],
)
def test_what_may_be_media_under_another_name_is_told(key: str, value: object) -> None:
    with pytest.warns(UserWarning, match=f"^rows: {key!r} is no field and is not read; the row has no audio and no video$"):
        Reader(("text", "audio", "video")).read({"text": "x", "speaker": 3, key: value}, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Reader(("text",)).read({"text": "x", key: value}, 1)
        Reader(("text", "audio")).read({"text": "x", "tags": ["a", "b"], "day": np.float32(3), "about": {"a": 1}}, 1)


@pytest.mark.parametrize("field", ["audio", "video"])
def test_frames_are_arrays(field: str) -> None:
    found = Reader(("text", "audio", "video")).read({"text": "x", field: [[1.0, 2.0]]}, 1)
    assert reason(found) == "expected a path, or frames as a NumPy array (time, width) of floating-point numbers, got list"


def test_a_blank_text_is_a_row_where_it_is_asked_for() -> None:
    reader = Reader(("text",))
    assert reader.read("", 3, to_embed=True) == Sample(id="3", text="", origin="rows, row 3")
    assert "nothing usable" in reason(reader.read("", 3))
    assert "the model reads image" in reason(Reader(("image",)).read("", 1, to_embed=True))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    gone = Sample(id="a", image=tmp_path / "gone.jpg")
    assert "gone.jpg" in reason(Reader(("image",)).read(gone, 1))


@pytest.mark.parametrize("rows", [None, 7, b"bytes"])
def test_what_is_no_rows_is_refused(rows: object) -> None:
    with pytest.raises(DataError, match=f"expected a text, a dict, or several of them, got {type(rows).__name__}"):
        listed(rows)


def test_a_data_frame_is_not_read_by_its_columns() -> None:
    import polars

    with pytest.raises(DataError, match="to_dicts"):
        listed(polars.DataFrame({"text": ["a"]}))


def test_a_single_row_is_a_list_of_one() -> None:
    assert list(listed("text")) == ["text"]
    assert list(listed({"text": "a"})) == [{"text": "a"}]
    assert list(listed(iter(["a", "b"]))) == ["a", "b"]
