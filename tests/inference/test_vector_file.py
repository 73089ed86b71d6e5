from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from polysense.errors import RecipeError
from polysense.inference.vector_file import VectorFile, vector_file

VECTORS = np.arange(21, dtype=np.float32).reshape(7, 3)
NAMES = [f"row {row}" for row in range(7)]
TEXTS = ["a", None, "", "d", "e", "f", "g"]
MADE_FROM = {"input": "i", "model": "m", "normalize": "False"}


def begin(out: Path, *, resume: bool = False, **changed: str) -> VectorFile:
    return vector_file(out, rows=7, width=3, made_from={**MADE_FROM, **changed}, resume=resume)


def write(file: VectorFile, rows: slice) -> None:
    file.append(VECTORS[rows], NAMES[rows], TEXTS[rows])


def check(out: Path) -> None:
    if out.suffix == ".npy":
        found = np.load(out)
        assert found.dtype == np.float32
        assert np.array_equal(found, VECTORS)
    else:
        frame = pl.read_parquet(out)
        assert frame.columns == ["id", "text", "embedding"]
        assert np.array_equal(frame["embedding"].to_numpy(), VECTORS)
        assert frame["id"].to_list() == NAMES
        assert frame["text"].to_list() == TEXTS
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.fixture(params=["v.npy", "v.parquet"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_blocks_become_one_file(out: Path) -> None:
    file = begin(out)
    for rows in (slice(0, 3), slice(3, 4), slice(4, 7)):
        assert not out.exists()
        write(file, rows)
    file.finish()
    check(out)


def test_what_was_begun_is_gone_on_with(out: Path) -> None:
    first = begin(out)
    write(first, slice(0, 3))
    again = begin(out, resume=True)
    assert again.done == 3
    write(again, slice(3, 7))
    again.finish()
    check(out)


def test_what_a_kill_left_behind_the_note_is_cut_off(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = begin(out)
    write(first, slice(0, 3))
    with monkeypatch.context() as patch:
        patch.setattr("polysense.inference.vector_file.write_whole", lambda *_: None)  # killed before the note
        write(first, slice(3, 5))
    again = begin(out, resume=True)
    assert again.done == 3
    write(again, slice(3, 7))
    again.finish()
    check(out)


@pytest.mark.parametrize("note", ["", "{}", '{"made_from": 7, "done": 3}', "gone"])
def test_without_a_sound_note_all_is_made_anew(out: Path, note: str) -> None:
    first = begin(out)
    write(first, slice(0, 3))
    (first.folder / "progress.json").write_text(note)
    if note == "gone":
        (first.folder / "progress.json").unlink()
    again = begin(out, resume=True)
    assert again.done == 0
    write(again, slice(0, 7))
    again.finish()
    check(out)


def test_without_resume_all_is_made_anew(out: Path) -> None:
    write(begin(out), slice(0, 3))
    again = begin(out)
    assert again.done == 0
    write(again, slice(0, 7))
    again.finish()
    check(out)


@pytest.mark.parametrize(
    ("changed", "said"), [("input", "other rows"), ("model", "another model"), ("normalize", "another normalize")]
)
def test_what_was_made_from_something_else_is_refused(out: Path, changed: str, said: str) -> None:
    write(begin(out), slice(0, 3))
    with pytest.raises(RecipeError, match=f"was begun with {said}: leave --resume out"):
        begin(out, resume=True, **{changed: "other"})


def test_an_older_file_stays_until_the_new_one_is_whole(out: Path) -> None:
    out.write_text("older")
    file = begin(out)
    write(file, slice(0, 7))
    assert out.read_text() == "older"
    file.finish()
    check(out)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"valid: '\.npy', '\.parquet'"):
        begin(tmp_path / "v.txt")
