from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import SafetensorError

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


@pytest.mark.parametrize("said", ["CUDA error: an illegal memory access", "mat1 and mat2 shapes cannot be multiplied"])
def test_errors_of_another_kind_are_not_blamed_on_the_disk(tmp_path: Path, said: str) -> None:
    with pytest.raises(RuntimeError, match=said), checkpoints.explained(tmp_path):
        raise RuntimeError(said)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: I/O error"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 600"),
        RuntimeError("Parent directory /x does not exist, the file cannot be opened"),
    ],
)
def test_errors_of_writing_are_explained(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(DataError, match="make room"), checkpoints.explained(tmp_path):
        raise error


def test_renames_are_settled_in_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is forced to the disk after the rename, when the new name is in it."""
    settled: list[tuple[Path, list[str]]] = []
    settle = checkpoints.settle

    def noted(path: Path) -> None:
        settle(path)
        if path.is_dir():
            settled.append((path, sorted(inside.name for inside in path.iterdir() if not inside.name.startswith("."))))

    monkeypatch.setattr(checkpoints, "settle", noted)
    write(tmp_path, 9)
    assert settled == [(tmp_path, ["checkpoint-9"])]
    checkpoints.write_whole(tmp_path / "run.json", "{}")
    assert settled[1:] == [(tmp_path, ["checkpoint-9", "run.json"])]
