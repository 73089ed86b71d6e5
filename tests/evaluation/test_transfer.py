from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_benchmarks import write_transfer_tasks
from made_vectors import Vectors
from polysense.errors import DataError, RecipeError
from polysense.evaluation import transfer
from polysense.evaluation.transfer import Transfer, _features
from polysense.types import Sample

TASKS = ["MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC"]


class Telling(Vectors):
    """Every number of a text's vector says whether it is good, more or less loudly."""

    def vector(self, text: str) -> np.ndarray:
        return (3.0 if text.startswith("good") else -3.0) + 0.5 * super().vector(text)


def labelled(count: int, *, split: str | None = None, known: bool = True, **extra: str) -> list[Sample]:
    words = ("good", "bad")
    return [
        Sample(
            id=f"{split}{n}",
            text=f"{words[n % 2] if known else 'row'} {split} {n}",
            label=words[n % 2],
            split=split,
            extra=extra,
        )
        for n in range(count)
    ]


def test_the_seven_tasks_and_their_average(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_transfer_tasks(tmp_path)
    evaluator = Transfer(folds=3, inner_folds=2)
    table = evaluator.read(tmp_path)
    assert table is not None
    answerer = Telling()
    found = evaluator(answerer, table.samples)
    assert list(found) == [*TASKS, "transfer avg_present", "transfer avg"]
    assert found == dict.fromkeys(found, 100.0)
    assert len(answerer.asked) == len(set(answerer.asked))
    assert [line.rpartition(" (")[2] for line in capsys.readouterr().err.splitlines()] == [
        f"{done} of 7 sets)" for done in range(1, 8)
    ]


def test_what_cannot_be_told_is_left_to_chance() -> None:
    found = Transfer()(Vectors(), labelled(400, known=False))
    assert set(found) == {"probe"}
    assert 40 < found["probe"] < 60


def test_published_splits_are_kept() -> None:
    """In the training rows the words mean the opposite: what was learnt there is wrong in the test rows."""
    train = [
        Sample(id=f"t{n}", text=f"{'bad' if n % 2 else 'good'} t{n}", label=["bad", "good"][n % 2], split="train")
        for n in range(20)
    ]
    rows = [*train, *labelled(10, split="test")]
    assert Transfer()(Telling(), rows) == {"probe": 0.0}
    assert Transfer()(Telling(), [*rows, *labelled(10, split="validation")]) == {"probe": 0.0}
    assert Transfer()(Telling(), rows[20:]) == {"probe": 100.0}  # test rows alone are cross-validated


def test_the_same_seed_gives_the_same_score() -> None:
    rows = labelled(90, known=False)
    scores = {seed: Transfer(seed=seed, folds=5)(Vectors(), rows)["probe"] for seed in range(4)}
    assert Transfer(folds=5)(Vectors(), rows)["probe"] == scores[0]
    assert len(set(scores.values())) > 1


def test_the_scale_of_the_embeddings_does_not_matter() -> None:
    rows = labelled(60, known=False)
    answerer = Vectors()
    large = Vectors({str(row.text): 1000 * answerer.vector(str(row.text)) + 7 for row in rows})
    assert Transfer()(large, rows) == Transfer()(answerer, rows)


def test_pairs_are_compared() -> None:
    u, v = np.array([[1.0, -2.0]]), np.array([[3.0, 4.0]])
    np.testing.assert_array_equal(_features(u, list(v)), [[2, 6, 3, -8]])
    np.testing.assert_array_equal(_features(u, [None]), u)


def test_rows_without_a_class_and_tasks_that_were_not_asked_for() -> None:
    rows = [
        *labelled(20, task="MR"),
        *labelled(20, known=False, task="CR"),
        Sample(id="x", text="x"),
        Sample(id="y", label="good"),
    ]
    assert Transfer(tasks=["MR"])(Telling(), rows) == {"MR": 100.0, "transfer avg_present": 100.0}
    assert Transfer()(Telling(), rows[-2:]) == {}


def test_the_tasks_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds none of MR, CR"):
        Transfer().read(tmp_path)
    folder = write_transfer_tasks(tmp_path)
    (folder / "CR").rename(folder / "other")
    table = Transfer(tasks=["CR", "TREC"]).read(tmp_path)
    assert table is not None
    assert {row.extra["task"] for row in table.samples} == {"TREC"}
    assert Transfer().read(folder / "TREC" / "TREC_10.label") is None
    with pytest.raises(RecipeError, match="tasks: 'SST' is not one"):
        Transfer(tasks=["SST"]).read(tmp_path)


def test_too_few_rows_to_learn_from() -> None:
    with pytest.raises(DataError, match="Transfer, MR: all rows have one class"):
        Transfer()(Telling(), labelled(9, task="MR")[::2])
    with pytest.raises(DataError, match="the class 'bad' has a single row to learn from"):
        Transfer()(Telling(), labelled(9)[:2] + labelled(9)[2::2])
    rows = labelled(9, task="MR")
    split = [replace(row, split="train") for row in rows[::2]] + [replace(row, split="validation") for row in rows[1:4]]
    with pytest.raises(DataError, match="Transfer, MR: all training rows have one class"):
        Transfer()(Telling(), [*split, *(replace(row, split="test") for row in rows[4:])])
    with pytest.raises(RecipeError, match="must be at least 2"):
        Transfer(folds=1)


class Probe:
    """Right on the rows (of one feature, their number) that ``knows`` says, and on no other."""

    def __init__(self, knows: Callable[[int], bool]) -> None:
        self.knows = knows

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.array([int(row) % 2 if self.knows(int(row)) else 1 - int(row) % 2 for row in features[:, 0]])


@pytest.mark.parametrize(("strength_on_test", "score"), [(0.1, 100.0), (1.0, 0.0)])
def test_the_strength_is_the_best_on_inner_folds_whatever_the_test_rows_say(
    strength_on_test: float, score: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = np.arange(40), np.arange(40, 60)

    def fitted(features: np.ndarray, labels: np.ndarray, rows: np.ndarray, strength: float) -> Probe:
        return Probe(lambda row: strength == (0.1 if row < 40 else strength_on_test))

    monkeypatch.setattr(transfer, "_fitted", fitted)
    numbers = np.arange(60)
    right = Transfer(inner_folds=2)._right("MR", numbers[:, None].astype(float), numbers % 2, train, train[:0], test)
    assert 100 * right.mean() == score


@pytest.mark.parametrize("folds", [2, 5])
def test_of_equally_good_strengths_the_smallest_is_taken_and_the_inner_folds_are_as_asked(
    folds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, int]] = []

    def fitted(features: np.ndarray, labels: np.ndarray, rows: np.ndarray, strength: float) -> Probe:
        asked.append((strength, len(rows)))
        return Probe(lambda row: True)

    monkeypatch.setattr(transfer, "_fitted", fitted)
    train, test, numbers = np.arange(40), np.arange(40, 60), np.arange(60)
    Transfer(inner_folds=folds)._right("MR", numbers[:, None].astype(float), numbers % 2, train, train[:0], test)
    assert asked[:-1] == [(strength, 40 - 40 // folds) for strength in transfer.STRENGTHS for _ in range(folds)]
    assert asked[-1] == (min(transfer.STRENGTHS), 40)
