from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from polysense.training.progress import TrainingBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_through(shown: TrainingBar, terms: list[dict[str, float]]) -> None:
    state = SimpleNamespace(max_steps=len(terms), global_step=0, epoch=0.0)
    shown.on_train_begin(None, state, None)
    for step in range(1, len(terms) + 1):
        state.global_step, state.epoch = step, step / len(terms)
        shown.on_step_end(None, state, None)
    shown.on_evaluate(None, state, None, metrics={"eval_weighted_f1": 0.51239})
    shown.on_train_end()


TERMS = [{"classification": 1.0, "matching": 0.5}, {"classification": 0.5}]


@pytest.fixture
def training_bar() -> TrainingBar:
    newest = iter(TERMS)
    return TrainingBar("posts, seed 3", "weighted_f1", lambda: next(newest))


def test_in_a_file_there_is_a_line_an_evaluation_and_no_bar(
    training_bar: TrainingBar, capsys: pytest.CaptureFixture[str]
) -> None:
    run_through(training_bar, TERMS)
    captured = capsys.readouterr()
    assert captured.err == "posts, seed 3: epoch 1.00, validation weighted_f1 0.5124 (classification 0.950, matching 0.500)\n"
    assert captured.out == ""


def test_a_terminal_shows_rate_time_left_and_every_term(training_bar: TrainingBar, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    run_through(training_bar, TERMS)
    last = screen.getvalue().replace("\n", "\r").rstrip("\r").split("\r")[-1]
    assert "posts, seed 3: 100%" in last
    assert "2/2" in last
    assert "steps/s" in last or "s/ steps" in last
    assert "classification=0.950" in last
    assert "matching=0.500" in last


def test_a_training_that_goes_on_shows_the_means_of_an_unbroken_one(capsys: pytest.CaptureFixture[str]) -> None:
    newest = iter(TERMS[1:])
    run_through(TrainingBar("posts, seed 3", "weighted_f1", lambda: next(newest), earlier=TERMS[:1]), TERMS[1:])
    assert "(classification 0.950, matching 0.500)" in capsys.readouterr().err


def test_where_the_last_checkpoint_is_kept_its_scores_are_shown_and_not_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    shown = TrainingBar("sentences, seed 0", "last", dict)
    metrics = {"eval_uniformity": -2.5, "eval_alignment": 0.25, "eval_f1/a": 1.0, "eval_last": 5.0}
    shown.on_evaluate(None, SimpleNamespace(epoch=1.0), None, metrics=metrics)
    assert capsys.readouterr().err == ""  # until its checkpoint is there
    shown.on_save(None, None, None)
    assert capsys.readouterr().err == "sentences, seed 0: epoch 1.00, validation uniformity -2.5000, alignment 0.2500 ()\n"
