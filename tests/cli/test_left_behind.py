from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polysense.cli.left_behind import telling_what_is_left
from polysense.cli.main import execute
from polysense.training.checkpoints import MARK
from polysense.training.trainer import LearnerTrainer

ANEW = "no checkpoint was written yet: the same command with --resume begins anew\n"
GOES_ON = "go on from the last checkpoint with the same command and --resume\n"


def interrupt() -> None:
    raise KeyboardInterrupt


def stop(out: Path, *, overwrite: bool = False, work: Callable[[], object] = interrupt) -> None:
    with pytest.raises(KeyboardInterrupt), telling_what_is_left(out, overwrite=overwrite):
        work()


def checkpoint(seed: Path, *, whole: bool = True) -> Path:
    folder = seed / "checkpoints" / "checkpoint-4"
    folder.mkdir(parents=True)
    (folder / "weights").write_text("1234")
    (folder / MARK).write_text(json.dumps({"weights": 4 if whole else 5}))
    return folder


@pytest.mark.parametrize("seed", ["seed-0", "labels-9/itc/seed-1", "trials/trial-0002/seed-0"])
def test_where_there_is_a_checkpoint_training_goes_on(tmp_path: Path, seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    stop(tmp_path)
    (tmp_path / seed).mkdir(parents=True)
    stop(tmp_path)
    assert capsys.readouterr().err == 2 * ANEW
    checkpoint(tmp_path / seed)
    stop(tmp_path)
    assert capsys.readouterr().err == GOES_ON


def test_what_is_finished_is_kept_and_half_a_checkpoint_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint(tmp_path / "half/seed-0", whole=False)
    stop(tmp_path / "half")
    assert capsys.readouterr().err == ANEW
    for name in ("run/seed-0/run.json", "search/trials/trial-0000.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}")
        stop(tmp_path / name.partition("/")[0])
        assert capsys.readouterr().err == GOES_ON


def test_a_run_that_was_to_be_replaced_is_not_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.utime(checkpoint(tmp_path / "seed-0"), (1, 1))
    stop(tmp_path, overwrite=True)
    assert capsys.readouterr().err == "no checkpoint was written yet: the same command begins anew\n"
    stop(tmp_path, overwrite=True, work=lambda: (checkpoint(tmp_path / "seed-1"), interrupt()))
    assert capsys.readouterr().err == GOES_ON.replace("\n", " instead of --overwrite\n")


def test_a_training_that_is_stopped_at_its_first_step(
    toy_posts: Path,
    tiny_encoders: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets = [word for one in [*tiny_encoders, "training.max_steps=2"] for word in ("--set", one)]
    words = ["train", "social/posts_concat", "--data", str(toy_posts / "posts.csv"), "--out", str(tmp_path / "run"), *sets]
    with monkeypatch.context() as patch:
        patch.setattr(LearnerTrainer, "compute_loss", lambda *_, **__: interrupt())
        assert execute(words) == 130
    assert capsys.readouterr().err.endswith(f"{ANEW}polysense: interrupted\n")
    assert execute([*words, "--resume"]) == 0
    assert "seed 0 begins anew" in capsys.readouterr().err
