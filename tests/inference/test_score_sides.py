from __future__ import annotations

import pytest

from polysense.inference.score_sides import side, with_sides


@pytest.mark.parametrize(
    ("score", "mosi", "sims"),
    [
        (0.0, "neutral", "neutral"),
        (0.1, "neutral", "neutral"),
        (0.11, "neutral", "positive"),
        (-0.5, "neutral", "negative"),
        (-0.51, "negative", "negative"),
        (2.9, "positive", "positive"),
    ],
)
def test_the_side_follows_the_scale(score: float, mosi: str, sims: str) -> None:
    assert side(score, dataset="mosi") == mosi
    assert side(score, dataset="sims") == sims


def test_modalities_disagree_where_one_is_positive_and_one_negative() -> None:
    answer = {"score": 1.0, "score_text": 2.0, "score_audio": -1.5, "score_video": 0.2}
    found = with_sides(answer, dataset="mosi")
    assert found == {"label": "positive", **answer, "disagree": [["text", "audio"]]}
    assert with_sides({**answer, "score_audio": None}, dataset="mosi")["disagree"] == []


def test_fewer_than_two_own_scores_cannot_disagree() -> None:
    assert "disagree" not in with_sides({"score": 1.0, "score_text": 2.0, "score_audio": None}, dataset="mosi")
    assert with_sides({"score": None}, dataset="mosi") == {"score": None}


def test_labels_of_the_model_stay() -> None:
    assert with_sides({"score": 1.0, "label": "sarcastic"}, dataset="mosi")["label"] == "sarcastic"
