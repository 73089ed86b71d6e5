"""A run that was killed goes on as if nothing had happened: the same losses to the last bit, the same weights, the same metrics."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

import killed
from polysense.cli.main import execute
from polysense.data.table import read_table
from polysense.errors import DataError, RecipeError
from polysense.training import checkpoints, trainer
from polysense.training.lock import LOCK
from polysense.training.run import train

RECIPE = "social/posts_concat_both"
STEP_EACH = ["training.eval_strategy=steps", "training.eval_steps=3"]


@pytest.fixture(scope="module")
def overrides(tiny_encoders: list[str]) -> list[str]:
    """42 training rows are 7 batches of 6: with two batches a step, an epoch ends with a step of one batch."""
    return [
        *tiny_encoders,
        *STEP_EACH,
        "training.per_device_train_batch_size=6",
        "training.gradient_accumulation_steps=2",
        "evaluation.patience=null",
    ]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, overrides: list[str], toy_posts: Path) -> Path:
    """Two seeds of 8 steps, evaluated and saved at 3, 6 and 8."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    train(RECIPE, toy_posts, out=out, seeds=[0, 1], overrides=overrides)
    return out


@pytest.fixture(scope="module")
def forks() -> Any:
    """Processes that start with torch imported, once for all tests here."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["polysense.training.run"])
    return context


@pytest.fixture(scope="module")
def die(forks: Any, overrides: list[str], toy_posts: Path) -> Callable[..., Path]:
    """``die(out, "step", 5)``: a run whose process was killed there."""

    def run_and_die(out: Path, moment: str, number: int, *, more: Sequence[str] = (), seeds: Sequence[int] = (0,)) -> Path:
        settings = {"out": out, "seeds": seeds, "overrides": [*overrides, *more]}
        child = forks.Process(target=killed.train_until, args=(moment, number, RECIPE, toy_posts), kwargs=settings)
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        return out

    return run_and_die


@pytest.fixture(scope="module")
def killed_run(die: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed between its first checkpoint, at step 3, and its second one."""
    return die(tmp_path_factory.mktemp("killed") / "run", "step", 5)


@pytest.fixture
def begun(killed_run: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return shutil.copytree(killed_run, tmp_path / "run")


def assert_same_run(found: Path, expected: Path, seeds: tuple[int, ...] = (0, 1)) -> None:
    for number in seeds:
        one, two = found / f"seed-{number}", expected / f"seed-{number}"
        for name in ("journal.jsonl", "evaluations.jsonl", "predictions/test.jsonl", "predictions/validation.jsonl"):
            assert (one / name).read_text().splitlines() == (two / name).read_text().splitlines(), name
        assert weights(one) == weights(two)
        assert metrics(one) == metrics(two)
        assert not (one / "checkpoints").exists()


def weights(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(folder / "model.safetensors").items()}


def metrics(folder: Path) -> dict[str, Any]:
    return {key: value for key, value in json.loads((folder / "run.json").read_text()).items() if key != "seconds"}


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_the_last_step_of_an_epoch_accumulates_what_is_left(unbroken: Path) -> None:
    assert steps(unbroken / "seed-0") == list(range(1, 9))
    lines = [json.loads(line) for line in (unbroken / "seed-0" / "journal.jsonl").read_text().splitlines()]
    assert [round(line["epoch"] * 7) for line in lines] == [2, 4, 6, 7, 9, 11, 13, 14]
    assert all(set(line["terms"]) == {"classification", "contrast", "matching"} for line in lines)


@pytest.mark.parametrize(
    ("moment", "number", "kept"),
    [
        ("batch", 4, None),  # before the first checkpoint
        ("batch", 8, 3),  # in the second half of a step
        ("step", 4, 3),  # right after an epoch's last, partial step
        ("file", 2, 3),  # while the second checkpoint is written: weights there, no optimizer
        ("evaluation", 2, 3),  # the best weights are newer than the checkpoint
        ("test", 1, 8),  # trained, but not scored
    ],
)
def test_killed_and_resumed_is_as_unbroken(
    die: Callable[..., Path],
    unbroken: Path,
    overrides: list[str],
    toy_posts: Path,
    tmp_path: Path,
    moment: str,
    number: int,
    kept: int | None,
) -> None:
    out = die(tmp_path / "run", moment, number)
    found = checkpoints.newest(out / "seed-0" / "checkpoints")
    assert (found and checkpoints.step_of(found)) == kept
    assert not (out / "run.json").exists()
    assert not (out / "seed-0" / "run.json").exists()
    train(RECIPE, toy_posts, out=out, seeds=[0], overrides=overrides, resume=True)
    assert_same_run(out, unbroken, seeds=(0,))


def test_a_training_that_ends_inside_an_epoch_takes_no_step_more(
    die: Callable[..., Path], overrides: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    """Killed when it was trained, and not scored."""
    more = ["training.num_train_epochs=1.3"]
    out = die(tmp_path / "run", "test", 1, more=more)
    train(RECIPE, toy_posts, out=out, seeds=[0], overrides=[*overrides, *more], resume=True)
    train(RECIPE, toy_posts, out=tmp_path / "whole", seeds=[0], overrides=[*overrides, *more])
    assert_same_run(out, tmp_path / "whole", seeds=(0,))


def test_a_finished_seed_is_not_trained_again(
    die: Callable[..., Path],
    unbroken: Path,
    overrides: list[str],
    toy_posts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = die(tmp_path / "run", "batch", 14 + 8, seeds=(0, 1))
    finished = out / "seed-0" / "model.safetensors"
    before = finished.stat().st_mtime_ns
    train(RECIPE, toy_posts, out=out, seeds=[0, 1], overrides=overrides, resume=True)
    said = capsys.readouterr().err
    assert "seed 1 goes on from step 3" in said
    assert "seed 0 is finished: its results are read" in said
    assert f"{RECIPE}, seed 0" not in said
    assert "seed 0: scoring" not in said
    assert finished.stat().st_mtime_ns == before
    assert_same_run(out, unbroken)


def test_early_stopping_counts_the_evaluations_before_the_kill(
    die: Callable[..., Path], overrides: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    # Nothing is learnt, so the first evaluation stays the best and two more end the training.
    still = ["training.learning_rate=0.0", "training.learning_rates=null", "training.eval_steps=2", "evaluation.patience=2"]
    changed = [*overrides, *still]
    train(RECIPE, toy_posts, out=tmp_path / "whole", seeds=[0], overrides=changed)
    assert steps(tmp_path / "whole" / "seed-0") == [1, 2, 3, 4, 5, 6]
    for moment, number in (("step", 6), ("test", 1)):
        out = die(tmp_path / moment, moment, number, more=still)
        train(RECIPE, toy_posts, out=out, seeds=[0], overrides=changed, resume=True)
        assert_same_run(out, tmp_path / "whole", seeds=(0,))


def test_the_command_killed_from_outside_goes_on_with_resume(
    unbroken: Path, overrides: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    sets = [part for override in overrides for part in ("--set", override)]
    arguments = ["train", RECIPE, "--data", str(toy_posts), "--out", str(out), "--seeds", "0", *sets]
    command = [sys.executable, "-m", "polysense", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 120
        while not any(out.glob("seed-0/checkpoints/*")) and running.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.0005)
        running.kill()
        complaint = running.stderr.read()
    assert running.returncode == -signal.SIGKILL, complaint
    assert execute([*arguments, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == [0]
    assert (out / "report.html").is_file()
    assert_same_run(out, unbroken, seeds=(0,))


@pytest.mark.parametrize("damage", ["optimizer.pt", "model.safetensors", "trainer_state.json", "complete.json", "truncated"])
def test_a_damaged_checkpoint_is_never_taken_for_a_whole_one(begun: Path, damage: str) -> None:
    folder = begun / "seed-0" / "checkpoints"
    checkpoint = checkpoints.newest(folder)
    assert checkpoint is not None
    if damage == "truncated":
        file = checkpoint / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-1000])
    else:
        (checkpoint / damage).unlink()
    assert checkpoints.newest(folder) is None


def test_without_a_whole_checkpoint_training_starts_anew(
    begun: Path, unbroken: Path, overrides: list[str], toy_posts: Path
) -> None:
    (begun / "seed-0" / "checkpoints" / "checkpoint-3" / "optimizer.pt").unlink()
    train(RECIPE, toy_posts, out=begun, seeds=[0], overrides=overrides, resume=True)
    assert_same_run(begun, unbroken, seeds=(0,))


class DiskFull:
    """``torch.save`` of a disk that is full from the ``number``-th file on; torch says nothing about the disk then."""

    def __init__(self, number: int) -> None:
        self.left = number - 1

    def __call__(self, thing: object, file: str) -> None:
        self.left -= 1
        if self.left < 0:
            Path(file).write_bytes(b"the first bytes")
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 662")
        ORIGINAL_SAVE(thing, file)


ORIGINAL_SAVE = trainer.torch.save


def test_a_full_disk_loses_nothing_but_the_checkpoint_under_way(
    unbroken: Path, overrides: list[str], toy_posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr("torch.save", DiskFull(5))  # a checkpoint holds optimizer, schedule and generators
    with pytest.raises(DataError, match=r"cannot be written .* MB free on the disk.*--resume"):
        train(RECIPE, toy_posts, out=out, seeds=[0], overrides=overrides)
    monkeypatch.undo()
    left = sorted(path.name for path in (out / "seed-0" / "checkpoints").iterdir())
    assert left == ["checkpoint-3"]
    train(RECIPE, toy_posts, out=out, seeds=[0], overrides=overrides, resume=True)
    assert_same_run(out, unbroken, seeds=(0,))


def test_the_journal_is_on_the_disk_before_its_checkpoint(
    overrides: list[str], toy_posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    settle = checkpoints.settle
    monkeypatch.setattr("polysense.training.journal.settle", lambda file: events.append(file.name))
    monkeypatch.setattr(checkpoints, "settle", lambda file: (events.append(file.name), settle(file)))
    train(RECIPE, toy_posts, out=tmp_path / "run", seeds=[0], overrides=[*overrides, "training.max_steps=3"])
    assert events.index("journal.jsonl") < events.index("evaluations.jsonl") < events.index("complete.json")


def test_no_room_for_the_best_weights_leaves_the_older_ones(
    overrides: list[str], toy_posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(module: Any, file: str) -> None:
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_model", write_half)
    with pytest.raises(DataError, match="No space left"):
        train(RECIPE, toy_posts, out=tmp_path / "run", seeds=[0], overrides=overrides)
    assert not list((tmp_path / "run").rglob("*.safetensors*"))


@pytest.mark.parametrize(
    ("recipe", "more"),
    [
        ("social/posts_concat_itc", []),
        (RECIPE, ["objectives.contrast.weight=0.2"]),
        (RECIPE, ["training.learning_rate=2.0e-3"]),
    ],
)
def test_another_recipe_or_other_options_are_refused(
    begun: Path, overrides: list[str], toy_posts: Path, recipe: str, more: list[str]
) -> None:
    before = snapshot(begun)
    with pytest.raises(RecipeError, match=r"another recipe, other options.*choose another --out"):
        train(recipe, toy_posts, out=begun, seeds=[0], overrides=[*overrides, *more], resume=True)
    assert snapshot(begun) == before


@pytest.mark.parametrize("change", ["text", "picture", "split", "row"])
def test_other_data_are_refused(begun: Path, overrides: list[str], toy_posts: Path, tmp_path: Path, change: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(toy_posts, data)
    table = data / "posts.csv"
    lines = table.read_text("utf-8").splitlines(keepends=True)
    if change == "text":
        number = next(place for place, line in enumerate(lines) if " the " in line)
        lines[number] = lines[number].replace(" the ", " a ", 1)
    elif change == "split":
        number = next(place for place, line in enumerate(lines) if ",train," in line)
        lines[number] = lines[number].replace(",train,", ",test,")
    elif change == "row":
        del lines[7]
    else:
        images = sorted((data / "images").iterdir())
        images[3].write_bytes(images[4].read_bytes())
    table.write_text("".join(lines), "utf-8")
    assert len(read_table(table)) == 64 - (change == "row")
    before = snapshot(begun)
    with pytest.raises(RecipeError, match=r"started with other data.*data\.json"):
        train(RECIPE, data, out=begun, seeds=[0], overrides=overrides, resume=True)
    assert snapshot(begun) == before


def test_the_same_data_elsewhere_are_the_same_data(
    begun: Path, unbroken: Path, overrides: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    data = tmp_path / "moved"
    shutil.copytree(toy_posts, data)
    train(RECIPE, data, out=begun, seeds=[0], overrides=overrides, resume=True)
    assert (begun / "seed-0" / "journal.jsonl").read_bytes() == (unbroken / "seed-0" / "journal.jsonl").read_bytes()


def test_a_folder_without_a_run_cannot_be_gone_on_with(overrides: list[str], toy_posts: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match="holds no run: there is nothing to go on with"):
        train(RECIPE, toy_posts, out=tmp_path, overrides=overrides, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_resuming_a_finished_run_changes_nothing(unbroken: Path, overrides: list[str], toy_posts: Path) -> None:
    before = snapshot(unbroken)
    train(RECIPE, toy_posts, out=unbroken, seeds=[0, 1], overrides=overrides, resume=True)
    assert snapshot(unbroken) == before


def snapshot(folder: Path) -> dict[str, bytes]:
    """All files but the lock, which a killed process leaves and the next one takes."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != LOCK]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_modality_dropout_hides_is_the_same_after_a_kill(
    die: Callable[..., Path], overrides: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    more = ["modality_dropout=0.4"]
    train(RECIPE, toy_posts, out=tmp_path / "whole", seeds=[0], overrides=[*overrides, *more])
    broken = die(tmp_path / "broken", "step", 5, more=more)
    train(RECIPE, toy_posts, out=broken, seeds=[0], overrides=[*overrides, *more], resume=True)
    assert_same_run(broken, tmp_path / "whole", seeds=(0,))
