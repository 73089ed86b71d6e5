from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from polysense.data.frames import HeldFrames
from polysense.evaluation import reference
from polysense.evaluation.reference import mean_references, means_ridge, references
from polysense.types import Sample

WORDS = {"good": ["splendid", "lovely", "happy"], "bad": ["dreadful", "broken", "sad"]}


def rows(count: int, *, start: int = 0) -> list[Sample]:
    """Rows whose class stands in one of their words."""
    found = []
    for number in range(start, start + count):
        label = ("good", "bad")[number % 2]
        found.append(Sample(id=str(number), text=f"a {WORDS[label][number % 3]} day, number {number}", label=label))
    return found


def test_words_that_tell_the_class_are_learned() -> None:
    found = references(rows(60), rows(20, start=60))["tfidf_text"]
    assert found["train_rows"] == 60
    assert found["rows"] == 20
    assert found["metrics"]["accuracy"] == 1.0
    assert set(found["metrics"]) == {"accuracy", "weighted_f1", "macro_f1", "macro_precision", "macro_recall"}


def test_words_of_the_test_rows_are_not_learned() -> None:
    """All that tells the classes apart in test stands in test alone, and there the words say the opposite."""
    turned = [Sample(id=row.id, text=row.text, label="bad" if row.label == "good" else "good") for row in rows(20, start=60)]
    assert references(rows(60), turned)["tfidf_text"]["metrics"]["accuracy"] == 0.0


def test_rows_without_a_text_or_a_label_are_left_out() -> None:
    odd = [Sample(id="no text", label="good"), Sample(id="no label", text="a lovely day")]
    assert references([*rows(60), *odd], [*rows(20, start=60), *odd]) == references(rows(60), rows(20, start=60))


def test_a_class_that_only_test_has_counts_in_the_macro_mean() -> None:
    extra = Sample(id="x", text="a lovely day", label="strange")
    found = references(rows(60), [*rows(20, start=60), extra])["tfidf_text"]["metrics"]
    assert found["macro_f1"] < 0.67


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (rows(60), []),
        ([], rows(4)),
        (rows(60)[::2], rows(4)),
        ([Sample(id="1", text="x", label=("good", "bad")), *rows(60)], rows(4)),
        ([Sample(id=str(place), text="!", label=label) for place, label in enumerate(WORDS)], rows(4)),
        (rows(60), [Sample(id="1", text="x", score=0.5)]),
    ],
    ids=["nothing to score", "nothing to learn", "one class", "several labels", "no words", "scores"],
)
def test_nothing_to_say(train: list[Sample], test: list[Sample]) -> None:
    assert references(train, test) == {}


def scored(count: int, *, start: int = 0) -> list[Sample]:
    """The same rows with a score in the place of the class."""
    found = rows(count, start=start)
    return [Sample(id=row.id, text=row.text, score=2.0 if row.label == "good" else -1.0) for row in found]


def test_words_that_tell_the_score_are_learned() -> None:
    odd = [Sample(id="no text", score=1.0), Sample(id="no score", text="a lovely day")]
    found = references([*scored(60), *odd], [*scored(20, start=60), *odd], rules="mosi")["tfidf_ridge"]
    assert (found["train_rows"], found["rows"]) == (60, 20)
    assert found["metrics"]["MAE"] < 0.3
    assert found["metrics"]["Has0_acc_2"] == 1.0
    assert found["metrics"]["Corr"] > 0.95


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (scored(4), []),
        ([], scored(4)),
        (rows(4), rows(4)),
        ([Sample(id="1", text="!", score=1.0)], scored(4)),
    ],
    ids=["nothing to score", "nothing to learn", "classes", "no words"],
)
def test_nothing_to_say_of_scores(train: list[Sample], test: list[Sample]) -> None:
    assert references(train, test, rules="sims") == {}


def clips(count: int, *, seed: int = 0) -> list[Sample]:
    """Their score is the mean of three frames' second number, and a word adds 1."""
    draw = np.random.default_rng(seed)
    found = []
    for row in range(count):
        frames = draw.standard_normal((3, 4)).astype(np.float32)
        word = draw.choice(["well", "ill"])
        score = float(frames[:, 1].mean()) + (1.0 if word == "well" else 0.0)
        found.append(Sample(id=str(row), text=f"{word} then", audio=HeldFrames(frames), score=score))
    return found


def test_sums_of_words_and_frames_are_learned() -> None:
    whole = references(clips(200), clips(50, seed=1), rules="mosi")
    assert set(whole) == {"tfidf_ridge", "means_ridge"}
    found = whole["means_ridge"]
    assert (found["train_rows"], found["rows"]) == (200, 50)
    assert found["metrics"]["MAE"] < 0.02 < 0.3 < whole["tfidf_ridge"]["metrics"]["MAE"]


def test_what_a_row_lacks_is_the_mean_of_the_others() -> None:
    train = clips(200)
    lacking = [replace(one, audio=None) for one in clips(50, seed=1)]
    mean = float(np.mean([one.audio.read().mean(axis=0)[1] for one in train]))  # type: ignore[union-attr]
    told = [replace(one, score=(1.0 if one.text == "well then" else 0.0) + mean) for one in lacking]
    assert means_ridge(train, told, rules="mosi")["metrics"]["MAE"] < 0.02
    assert means_ridge([*train, *lacking], clips(50, seed=2), rules="mosi")["rows"] == 50


def test_the_penalty_is_chosen_on_the_training_rows() -> None:
    """Many rare words that say nothing: with one penalty for all, ridge is worse than a constant answer."""
    draw = np.random.default_rng(3)

    def noisy(count: int) -> list[Sample]:
        told = (" ".join(f"w{word:03}" for word in draw.integers(0, 400, 12)) for _ in range(count))
        frames = (HeldFrames(draw.standard_normal((3, 4)).astype(np.float32)) for _ in range(count))
        scores = draw.standard_normal(count)
        rows = zip(told, frames, scores, strict=True)
        return [Sample(id=str(row), text=text, audio=one, score=float(score)) for row, (text, one, score) in enumerate(rows)]

    train, test = noisy(300), noisy(100)
    constant = float(np.abs([one.score for one in test]).mean())
    assert means_ridge(train, test, rules="mosi")["metrics"]["MAE"] < 1.05 * constant


def test_without_sequences_or_scores_there_is_no_ridge_of_means() -> None:
    texts = [replace(one, audio=None) for one in clips(20)]
    assert means_ridge(texts, clips(5), rules="mosi") == {}
    assert means_ridge(clips(20), [replace(one, score=None) for one in clips(5)], rules="mosi") == {}
    silent = [replace(one, text=None) for one in clips(60)]
    assert means_ridge(silent, silent, rules="mosi")["rows"] == 60


def test_of_many_rows_a_part_is_counted_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MOST", 10)
    found = references(rows(60), rows(20, start=60))
    assert found["tfidf_text"]["train_rows"] == 10
    assert found == references(rows(60), rows(20, start=60))


def test_the_mean_of_several_training_sets() -> None:
    one, two = ({"tfidf_text": {"train_rows": 4, "rows": 9, "metrics": {"accuracy": value}}} for value in (0.25, 0.75))
    assert mean_references([one, two]) == {"tfidf_text": {"train_rows": 4, "rows": 9, "metrics": {"accuracy": 0.5}}}
    assert mean_references([one, {}]) == {}
    more = {
        "tfidf_text": {**two["tfidf_text"], "metrics": {"accuracy": 0.75, "Corr": 0.3}}
    }  # undefined where answers are constant
    for found in ([one, more], [more, one]):
        assert mean_references(found)["tfidf_text"]["metrics"] == {"accuracy": 0.5}
