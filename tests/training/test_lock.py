from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from polysense.errors import DataError, RecipeError
from polysense.training.lock import LOCK, held

HOLDS = "import sys, time; from pathlib import Path; from polysense.training.lock import held\n"
HOLDS += "with held(Path(sys.argv[1])): print('held', flush=True); time.sleep(100)"


def test_a_folder_that_is_written_is_nobody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with held(folder):
        (folder / "journal.jsonl").touch()
        with (
            pytest.raises(RecipeError, match=rf"another process \(pid {os.getpid()}\) is writing .*run: wait for it"),
            held(folder),
        ):
            pass
    assert [path.name for path in folder.iterdir()] == ["journal.jsonl"]
    with held(folder):
        pass


def test_a_folder_into_which_nothing_was_written_is_not_left(tmp_path: Path) -> None:
    with held(tmp_path / "runs" / "run"):
        assert (tmp_path / "runs" / "run" / LOCK).is_file()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with held(tmp_path / "run"):
        pass
    assert not list((tmp_path / "run").iterdir())


def test_a_folder_that_is_taken_back_meanwhile_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire, calls = FileLock.acquire, []

    def taken_back(self: FileLock, *arguments: object, **settings: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise FileNotFoundError(2, "No such file or directory")
        return acquire(self, *arguments, **settings)

    monkeypatch.setattr(FileLock, "acquire", taken_back)
    with held(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK).is_file()


def test_a_lock_that_cannot_be_removed_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "unlink", refuse)
    with held(tmp_path / "run"):
        pass
    with held(tmp_path / "run"):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(DataError, match="run is not a folder"), held(tmp_path / "run"):
        pass


def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RecipeError, match=rf"pid {process.pid}\)"), held(folder):
            pass
        process.send_signal(signal.SIGKILL)
    assert (folder / LOCK).is_file()
    with held(folder):
        pass
