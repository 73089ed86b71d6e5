from __future__ import annotations

from pathlib import Path

import pytest

from polysense.errors import DataError
from polysense.training import checkpoints


def write(folder: Path, step: int) -> None:
    with checkpoints.whole(folder, step) as partial:
        home = partial / f"checkpoint-{step}"
        home.mkdir()
        (home / "model.safetensors").write_bytes(b"w" * 100)
        (home / "optimizer.pt").write_bytes(b"o" * 200)


def test_a_checkpoint_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for step in (9, 12):
        write(tmp_path, step)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-12"]
    newest = checkpoints.newest(tmp_path)
    assert newest is not None
    assert checkpoints.step_of(newest) == 12


def test_writing_the_same_step_again_is_fine(tmp_path: Path) -> None:
    write(tmp_path, 9)
    write(tmp_path, 9)
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-9"


def test_what_fails_half_way_leaves_the_older_checkpoint_alone(tmp_path: Path) -> None:
    write(tmp_path, 9)
    with pytest.raises(FileNotFoundError), checkpoints.whole(tmp_path, 12):
        (tmp_path / ".partial-12" / "checkpoint-12" / "model.safetensors").write_bytes(b"no folder yet")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-9"]
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-9"


def test_the_newest_is_by_number_and_only_whole_ones_count(tmp_path: Path) -> None:
    write(tmp_path, 100)
    (tmp_path / "checkpoint-100").rename(tmp_path / "aside")
    write(tmp_path, 99)
    (tmp_path / "aside").rename(tmp_path / "checkpoint-100")
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-100"
    (tmp_path / "checkpoint-100" / "optimizer.pt").write_bytes(b"o" * 199)
    assert checkpoints.newest(tmp_path) == tmp_path / "checkpoint-99"
    (tmp_path / "checkpoint-99" / checkpoints.MARK).write_text("{")
    assert checkpoints.newest(tmp_path) is None


def test_there_is_none_where_nothing_was_written(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "nowhere") is None


def test_a_text_is_whole_or_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run.json"
    checkpoints.write_whole(file, "old")
    monkeypatch.setattr(checkpoints, "settle", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        checkpoints.write_whole(file, "new")
    assert file.read_text() == "old"


def test_what_libraries_say_of_a_full_disk_becomes_a_message(tmp_path: Path) -> None:
    said = r"cannot be written \([\d,.]+ MB free on the disk\): unexpected pos 704"
    with pytest.raises(DataError, match=said), checkpoints.explained(tmp_path):
        raise RuntimeError("unexpected pos\n704")
