from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from polysense.errors import DataError, RecipeError
from polysense.inference.begun_vectors import is_begun
from polysense.inference.vector_file import VectorFile, unlike, vector_file
from polysense.inference.vector_origin import VectorOrigin, read_origin

VECTORS = np.arange(21, dtype=np.float32).reshape(7, 3)
NAMES = [f"row {row}" for row in range(7)]
TEXTS = ["a", None, "", "d", "e", "f", "g"]
MADE_FROM = {"input": "i", "model": "m", "normalize": "False"}


ORIGIN = VectorOrigin(model="runs/ä", fingerprint="0f", part=None, shared=False, engine="torch, float32")


def begin(out: Path, *, resume: bool = False, **changed: str) -> VectorFile:
    return vector_file(out, rows=7, width=3, made_from={**MADE_FROM, **changed}, resume=resume, origin=ORIGIN)


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
    origin = read_origin(out)
    assert origin is not None
    assert replace(origin, made_from={}) == ORIGIN
    assert {path.name for path in out.parent.iterdir()} == {out.name, *(["v.npy.json"] if out.suffix == ".npy" else [])}


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
        patch.setattr("polysense.inference.begun_vectors.Begun.write", lambda *_: None)  # killed before the note
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


@pytest.mark.parametrize("lost", ["all", "the end"])
def test_what_a_disk_lost_is_made_anew_and_never_filled_up(out: Path, lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = begin(out)
    for rows in (slice(0, 2), slice(2, 5)):
        write(first, rows)
    written = max(path for path in first.folder.iterdir() if path.suffix == out.suffix)
    if lost == "all":
        written.unlink()
    else:
        os.truncate(written, written.stat().st_size - 4)
    again = begin(out, resume=True)
    assert again.done == 0
    assert f"what was begun of {out.name} is damaged" in capsys.readouterr().err.replace(f"{out.parent}/", "")
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
    ("changed", "said"),
    [("input", "other rows"), ("model", "another model"), ("normalize", r"another --normalize \(.*, now other\)")],
)
def test_what_was_made_from_something_else_is_refused(out: Path, changed: str, said: str) -> None:
    write(begin(out), slice(0, 3))
    with pytest.raises(RecipeError, match=f"was begun with {said}: begin anew with --overwrite"):
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


def test_vectors_without_a_note_do_not_take_that_of_older_ones(tmp_path: Path) -> None:
    out = tmp_path / "v.npy"
    for origin in (ORIGIN, None):
        file = vector_file(out, rows=7, width=3, made_from=MADE_FROM, origin=origin)
        write(file, slice(0, 7))
        file.finish()
        assert (read_origin(out) is None) == (origin is None)


@pytest.mark.parametrize("note", ["{", "[]", '{"model": "m"}'])
def test_a_damaged_note_is_named(tmp_path: Path, note: str) -> None:
    (tmp_path / "v.npy.json").write_text(note)
    with pytest.raises(DataError, match=r"v\.npy: the note of the model that made it is damaged"):
        read_origin(tmp_path / "v.npy")


def test_a_whole_file_is_known_by_all_that_it_was_made_from(out: Path) -> None:
    assert unlike(out, rows=7, width=3, made_from=MADE_FROM) == "is damaged, or holds other rows"
    file = begin(out)
    write(file, slice(0, 7))
    assert is_begun(out)
    file.finish()
    assert not is_begun(out)
    assert not unlike(out, rows=7, width=3, made_from=MADE_FROM)
    assert unlike(out, rows=8, width=3, made_from=MADE_FROM) == "is damaged, or holds other rows"
    changed = {**MADE_FROM, "normalize": "True", "input": "others"}
    said = unlike(out, rows=7, width=3, made_from=changed)
    assert "another --normalize" in said
    assert "other rows" in said
    os.truncate(out, out.stat().st_size - 4)
    assert unlike(out, rows=7, width=3, made_from=MADE_FROM)
