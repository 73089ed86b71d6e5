"""Several processes train as one process with all their rows does; what goes wrong in one ends all, and nothing hangs."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

import several
from polysense.data.table import from_rows, read_table
from polysense.errors import RecipeError
from polysense.training import checkpoints
from polysense.training.arguments import _on_one_device, idle_gpus
from polysense.training.processes import first, from_first, in_turn, launched, together
from polysense.training.run import joined, train
from polysense.training.shares import OwnRows, borrowed
from polysense.types import Sample

pytestmark = pytest.mark.filterwarnings("ignore:SentenceContrast, positives")  # no dropout, so that two processes draw as one

POSTS = "social/posts_concat_both"
PLAIN = {"bf16": False, "optim": "sgd", "learning_rate": 0.05, "weight_decay": 0.1, "num_train_epochs": 2}
"""Plain descent: Adam would make steps of full size out of the noise in gradients that are zero."""


@pytest.fixture(scope="module")
def context() -> Any:
    """Processes that start with torch imported."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["polysense.training.run"])
    return found


@pytest.fixture(scope="module")
def still_text(tiny_text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny text encoder without dropout."""
    folder = shutil.copytree(tiny_text, tmp_path_factory.mktemp("still") / "text")
    config = json.loads((folder / "config.json").read_text())
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config | still))
    return str(folder)


@pytest.fixture(scope="module")
def cases(still_text: str, tiny_vision: str, toy_posts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of ``train`` for one process; ``per_device_train_batch_size`` is a multiple of 2."""
    folder = tmp_path_factory.mktemp("recipes")
    text = {"class_path": "TransformerText", "init_args": {"pretrained": still_text, "pooling": "cls_before_pooler"}}
    image = {"class_path": "VisionImage", "init_args": {"pretrained": tiny_vision, "trainable": False, "tokens": "pooled"}}
    contrast = {"positives": "pair", "hard_negative_weight": 2.0, "mask_duplicates": True}
    answer = {"class_path": "Classification", "init_args": {"dropout": 0.0, "class_weights": "balanced"}}
    recipes: dict[str, dict[str, Any]] = {
        "posts": {
            "encoders": {"text": text, "image": image},
            "fusion": "Concatenation",
            "objectives": {
                "classification": {"objective": answer, "weight": 0.9},
                "contrast": {"objective": "ImageTextContrast", "weight": 0.1},
            },
            # 41 rows are 3 batches of 10 and one of 11, in steps of two batches; of the last one 6 rows and 5
            "training": {"per_device_train_batch_size": 10, "gradient_accumulation_steps": 2},
            "evaluation": {"evaluators": ["ClassificationReport"], "best": "weighted_f1"},
        },
        "pairs": {
            "encoders": {"text": text},
            "fusion": "Single",
            "objectives": {"contrast": {"class_path": "SentenceContrast", "init_args": contrast}},
            "training": {"per_device_train_batch_size": 8},
            "evaluation": {"evaluators": ["Losses"], "best": "last"},  # its loss barely moves: noise would choose
        },
        "corpora": {
            "encoders": {"text": text, "image": image},
            "fusion": {"class_path": "Concatenation"},
            "objectives": {
                "contrast": "SentenceContrast",
                "grounding": {"class_path": "Grounding", "init_args": {"noise_aware": 1.0, "directions": "both"}},
            },
            "mixture": "Alternate",
            "training": {"per_device_train_batch_size": 6},
            "evaluation": {"evaluators": ["Losses"], "best": "last"},
        },
    }
    found = {}
    for name, recipe in recipes.items():
        file = folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(recipe | {"training": PLAIN | recipe["training"]}))
        found[name] = {"recipe": str(file), "seeds": [0]}
    posts = [sample for sample in read_table(toy_posts).samples if sample.split != "test"]
    rows = [{"id": one.id, "text": one.text, "image": str(one.image), "label": one.label, "split": one.split} for one in posts]
    texts = [str(row["text"]) for row in rows]
    pairs = [
        {"id": f"p{at}", "text": one, "pair": two, "split": row["split"]}
        | ({"negatives": [texts[at - 7], texts[at - 9]][: at % 3]} if at % 3 else {})
        for at, (row, one, two) in enumerate(zip(rows, texts, [*texts[1:], texts[0]], strict=True))
    ]
    captions = [{name: row[name] for name in ("id", "text", "image", "split")} for row in rows]
    captions = [row for row in captions if row["split"] == "train"][:13] + [row for row in captions if row["split"] != "train"]
    plain = [{"id": f"s{at}", "text": f"{one} indeed", "split": "train"} for at, one in enumerate(texts[:29])]
    found["posts"]["data"] = from_rows(rows[1:])
    found["pairs"]["data"] = from_rows(pairs)
    found["corpora"]["data"] = joined([from_rows(plain, name="plain", split_seed=None), from_rows(captions, name="captions")])
    found["gaps"] = found["posts"] | {"data": from_rows(list(gaps(rows)))}
    return found


def gaps(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """38 training rows, of which most have no label and many no picture or no text, so that shares of a batch lack what others have."""
    training = [row for row in rows if row["split"] == "train"][:38]
    for place, row in enumerate(training):
        without = {"label"} if place % 4 else set()
        without |= {"image"} if place % 3 == 0 else {"text"} if place % 3 == 1 else set()
        yield {name: value for name, value in row.items() if name not in without}
    yield from (dict(row) for row in rows if row["split"] == "validation")


def parted(settings: Mapping[str, Any], out: Path, rows: int) -> dict[str, Any]:
    """The settings for one of several processes that takes ``rows`` rows of each batch."""
    return {**settings, "out": out, "overrides": [f"training.per_device_train_batch_size={rows}"]}


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "seed-0" / "journal.jsonl").read_text().splitlines()]


def assert_same_run(found: Path, expected: Path) -> None:
    for one, two in zip(lines(found), lines(expected), strict=True):
        assert set(one["terms"]) == set(two["terms"])
        assert one["terms"] == pytest.approx(two["terms"], rel=1e-4, abs=1e-5)
        for name in ("step", "epoch", "loss", "grad_norm", "learning_rate"):
            assert one[name] == pytest.approx(two[name], rel=1e-4, abs=1e-5), (name, one, two)
    here, there = (load_file(run / "seed-0" / "model.safetensors") for run in (found, expected))
    assert set(here) == set(there)
    for name, tensor in there.items():
        torch.testing.assert_close(here[name], tensor, atol=1e-5, rtol=1e-4, equal_nan=True, msg=name)


@pytest.fixture(scope="module")
def two(context: Any, cases: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two processes train each case, one after the other."""
    folder = tmp_path_factory.mktemp("two")
    rows = {"posts": 5, "pairs": 4, "corpora": 3}
    calls = [parted(cases[name], folder / name, count) for name, count in rows.items()]
    assert several.ended(several.start(context, 2, folder, "train", calls)) == [0, 0]
    return folder


@pytest.mark.parametrize("name", ["posts", "pairs", "corpora"])
def test_two_processes_are_one_with_twice_the_batch(two: Path, cases: dict[str, Any], tmp_path: Path, name: str) -> None:
    train(**cases[name], out=tmp_path / name)
    assert_same_run(two / name, tmp_path / name)
    there = {str(path.relative_to(tmp_path / name)) for path in (tmp_path / name).rglob("*")}
    assert {str(path.relative_to(two / name)) for path in (two / name).rglob("*")} == there


def test_every_step_of_the_cases_is_of_the_kind_it_is_there_for(two: Path) -> None:
    terms = [tuple(sorted(line["terms"])) for line in lines(two / "corpora")]
    assert set(terms) == {("contrast",), ("contrast", "grounding")}
    assert len(lines(two / "posts")) == 4


def test_process_0_speaks_for_all(two: Path) -> None:
    said = (two / "said-0").read_text()
    assert "train 41 labelled rows" in said
    assert "validation weighted_f1" in said
    assert (two / "said-1").read_text() == ""


def test_shares_of_a_batch_may_lack_what_others_have_or_be_empty(context: Any, cases: dict[str, Any], tmp_path: Path) -> None:
    three = several.start(context, 3, tmp_path, "train", [parted(cases["gaps"], tmp_path / "three", 4)])
    train(**parted(cases["gaps"], tmp_path / "one", 12))
    assert several.ended(three) == [0, 0, 0]
    assert len(lines(tmp_path / "one")) == 4
    assert_same_run(tmp_path / "three", tmp_path / "one")


@pytest.fixture(scope="module")
def command(tiny_encoders: list[str], toy_posts: Path) -> list[str]:
    """A training with dropout and exchanged texts, 11 batches of 4 rows twice, evaluated and saved at every third step."""
    steps = ["training.eval_strategy=steps", "training.eval_steps=3", "training.per_device_train_batch_size=2"]
    sets = [part for override in [*tiny_encoders, *steps] for part in ("--set", override)]
    return ["train", POSTS, "--data", str(toy_posts), "--seeds", "0", *sets, "--set", "training.max_steps=9"]


@pytest.fixture(scope="module")
def broken(context: Any, command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run one of whose two processes was killed, as by ``kill -9``."""
    folder = tmp_path_factory.mktemp("killed")
    members = several.start(context, 2, folder, "execute", [*command, "--out", str(folder / "run")], moment="killed")
    assert several.ended(members) == [1, -signal.SIGKILL]
    return folder


def test_a_killed_process_ends_the_others_with_one_message(broken: Path) -> None:
    complaints = [line for line in (broken / "said-0").read_text().splitlines() if "error" in line]
    assert len(complaints) == 1
    assert "another process was killed, or did not answer" in complaints[0]
    assert "--resume" in complaints[0]


def test_killed_and_resumed_is_as_unbroken(context: Any, broken: Path, command: list[str], tmp_path: Path) -> None:
    run = shutil.copytree(broken / "run", tmp_path / "run")
    found = checkpoints.newest(run / "seed-0" / "checkpoints")
    assert found is not None
    assert checkpoints.step_of(found) == 3
    outs = {"run": [*command, "--out", str(run), "--resume"], "whole": [*command, "--out", str(tmp_path / "whole")]}
    members = [several.start(context, 2, tmp_path / f"logs-{name}", "execute", call) for name, call in outs.items()]
    assert [several.ended(pair) for pair in members] == [[0, 0], [0, 0]]
    for name in ("journal.jsonl", "evaluations.jsonl", "model.safetensors", "predictions/test.jsonl"):
        assert (run / "seed-0" / name).read_bytes() == (tmp_path / "whole" / "seed-0" / name).read_bytes(), name
    assert len(lines(run)) == 9
    assert (tmp_path / "logs-run" / "answered-0").read_text().count("Report:") == 1
    assert (tmp_path / "logs-run" / "answered-1").read_text() == ""


def test_another_number_of_processes_does_not_go_on(
    broken: Path, tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, command: list[str]
) -> None:
    run = shutil.copytree(broken / "run", tmp_path / "run")
    overrides = [command[place + 1] for place, word in enumerate(command) if word == "--set"]
    with pytest.raises(RecipeError, match="was written by 2 processes, now there is 1"):
        train(POSTS, toy_posts, out=run, seeds=[0], overrides=overrides, resume=True)


def test_an_error_in_one_process_is_told_once_and_ends_all(context: Any, command: list[str], tmp_path: Path) -> None:
    members = several.start(context, 2, tmp_path, "execute", [*command, "--out", str(tmp_path / "run")], moment="error")
    assert several.ended(members)[1] == 3
    assert "polysense: error: row 17 is gone" in (tmp_path / "said-1").read_text()


def test_nobody_waits_for_ever_for_a_silent_process(context: Any, command: list[str], tmp_path: Path) -> None:
    waiting, silent = several.start(
        context, 2, tmp_path, "execute", [*command, "--out", str(tmp_path / "run")], moment="silent"
    )
    assert several.ended([waiting]) == [1]
    assert silent.is_alive()
    silent.kill()
    assert "did not answer for 6 seconds; go on with the same command and --resume" in (tmp_path / "said-0").read_text()


def test_torchrun_tells_an_error_of_all_processes_once(tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "polysense"]
    arguments = ["train", POSTS, "--data", str(tmp_path / "posts.csv"), "--out", str(tmp_path / "run")]
    found = subprocess.run([*launcher, *arguments], capture_output=True, text=True, timeout=240, check=False)
    assert found.returncode == 1
    assert found.stderr.count("polysense: error: ") == 1
    assert "posts.csv: there is no such file or folder" in found.stderr
    assert "exitcode  : 3" in found.stderr
    assert not (tmp_path / "run").exists()


def a_row(**content: Any) -> Sample:
    return Sample(id="a", **content)


def test_a_share_borrows_what_none_of_its_rows_has() -> None:
    bare, told, rich = a_row(text="x"), a_row(text="y", label="l"), a_row(text="z", pair="p", negatives=("n", "m"))
    samples = [bare, told, rich]
    assert borrowed([bare], samples) == [rich, told, rich]
    assert borrowed([rich], samples) == [told]
    assert borrowed(samples, samples) == []


def test_borrowed_rows_leave_no_row_behind() -> None:
    def collate(samples: Sequence[Sample]) -> dict[str, Any]:
        return {"text": {"long": torch.tensor([len(sample.text or "") for sample in samples])}, "index": torch.arange(9)}

    (found,) = OwnRows(collate)([a_row(text="four")])["text"].values()
    assert found.tolist() == [4]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two'"),
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "here"}, "has no MASTER_PORT: start them with torchrun"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match=said):
        launched()


def test_one_process_is_first_and_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    kept = object()
    with together(), in_turn():
        assert first()
        assert from_first(lambda: kept) is kept


def test_one_process_trains_on_one_gpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    arguments: Any = SimpleNamespace(n_gpu=4, _n_gpu=4, device=torch.device("cuda", 0), world_size=1)
    assert _on_one_device(arguments)._n_gpu == 1
    assert "1 of 4 GPUs; for all of them: torchrun --nproc-per-node 4" in str(idle_gpus(arguments))
    assert idle_gpus(SimpleNamespace(device=torch.device("cpu"), world_size=1)) is None  # type: ignore[arg-type]
