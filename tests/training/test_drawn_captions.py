"""Captions that are drawn: by every seed of a run, in every epoch, and after a kill as before it."""

from __future__ import annotations

import csv
import json
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import killed
from polysense.data.corpora.captions import Captions
from polysense.errors import DataError
from polysense.training.run import train
from polysense.training.trainer import LearnerTrainer

PICTURES, CAPTIONS = 12, 4


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "image"])
        for n in range(PICTURES):
            Image.new("RGB", (8, 8), (20 * n, 90, 255 - 20 * n)).save(folder / f"{n}.png")
            rows.writerows([f"caption {k} of picture {n}", f"{n}.png"] for k in range(CAPTIONS))
    return folder


@pytest.fixture
def settings(tiny_encoders: list[str]) -> list[str]:
    """8 or 9 captions of as many pictures are 2 batches an epoch."""
    corpus = {"class_path": "Captions", "init_args": {"validation": 12, "resample": "every_epoch"}}
    return [
        *tiny_encoders,
        f"corpora={json.dumps([corpus])}",
        "mixture=Pooled",
        "training.num_train_epochs=3",
        "training.per_device_train_batch_size=5",
        "training.eval_strategy=steps",
        "training.eval_steps=2",
        "evaluation.evaluators=[Losses]",
        "evaluation.best=last",
    ]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[list[list[str]]]:
    """A list for every training: of its batches, the texts."""
    runs: list[list[list[str]]] = []
    whole = LearnerTrainer.get_train_dataloader

    def watched(self: Any) -> Any:
        collate, batches = self._collate, []
        runs.append(batches)
        self._collate = lambda samples: (batches.append([sample.text for sample in samples]), collate(samples))[1]
        return whole(self)

    monkeypatch.setattr(LearnerTrainer, "get_train_dataloader", watched)
    return runs


def test_each_seed_and_each_epoch_draws_one_caption_a_picture(
    album: Path, settings: list[str], tmp_path: Path, shown: list[list[list[str]]]
) -> None:
    summary = train("mcse/mcse", album, out=tmp_path / "run", seeds=[0, 1], overrides=settings)
    pictures = summary["data"]["drawn"]
    assert summary["data"]["splits"]["train"] == CAPTIONS * pictures
    assert f"An epoch shows {pictures} of the training rows" in (tmp_path / "run" / "README.md").read_text()
    zero, one = ([sorted(text for batch in run[2 * e : 2 * e + 2] for text in batch) for e in range(3)] for run in shown)
    for epoch in (*zero, *one):
        assert len({text.rpartition(" ")[2] for text in epoch}) == len(epoch) == pictures
    assert len({tuple(epoch) for epoch in (*zero, *one)}) == 6


def test_by_default_a_seed_keeps_its_captions_and_a_seed_of_the_corpus_counts_for_all(
    album: Path, settings: list[str], tmp_path: Path, shown: list[list[list[str]]]
) -> None:
    fixed = [*settings, "corpora.0.resample=never"]
    train("mcse/mcse", album, out=tmp_path / "own", seeds=[0, 1], overrides=fixed)
    train("mcse/mcse", album, out=tmp_path / "fixed", seeds=[0, 1], overrides=[*fixed, "corpora.0.seed=0"])
    kept = [[{text for batch in run[2 * e : 2 * e + 2] for text in batch} for e in range(3)] for run in shown]
    assert all(epochs[0] == epochs[1] == epochs[2] for epochs in kept)
    own_zero, own_one, zero, one = (epochs[0] for epochs in kept)
    assert own_zero != own_one
    assert own_zero == zero == one
    table = Captions(validation=12).read(album)
    assert {sample.text for sample in table.split("train")} == zero


def test_more_pictures_than_there_are_is_refused_before_anything_is_written(
    album: Path, settings: list[str], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="99 training pictures are asked for"):
        train("mcse/mcse", album, out=tmp_path / "run", overrides=[*settings, "corpora.0.pairs=99"])
    assert not (tmp_path / "run").exists()


def test_killed_and_resumed_draws_as_unbroken(album: Path, settings: list[str], tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["polysense.training.run"])
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    child = context.Process(
        target=killed.train_until, args=("step", 5, "mcse/mcse", album), kwargs={"out": broken, "overrides": settings}
    )
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    train("mcse/mcse", album, out=broken, overrides=settings, resume=True)
    train("mcse/mcse", album, out=whole, overrides=settings)
    for name in ("journal.jsonl", "evaluations.jsonl"):
        assert (broken / "seed-0" / name).read_text() == (whole / "seed-0" / name).read_text()
