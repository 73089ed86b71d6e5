from __future__ import annotations

import math

import numpy as np
import pytest

from made_reviews import SEVEN, barely
from polysense.knowledge.scores import pointwise_mutual_information, word_polarity


def test_the_scores_of_seven_documents_are_those_worked_out_by_hand() -> None:
    words = barely(SEVEN).words
    by_hand = {
        "bright": math.log(7 / 3),
        "weak": -math.log(7 / 4),
        "screen": 0.441833,
        "battery": -0.154151,
        "price": -0.405465,
    }
    for word, score in by_hand.items():
        assert words[word].score == pytest.approx(score, abs=1e-5)
    assert {word for word, known in words.items() if not known.seed} == set(by_hand)


@pytest.mark.parametrize("smoothing", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("balance", ["mean", "sum"])
def test_scores_equal_the_formula_in_loops(smoothing: float, balance) -> None:
    draw = np.random.default_rng(0)
    together = draw.integers(0, 4, (6, 5))
    words, seeds, windows, negatives = draw.integers(4, 9, 6), draw.integers(4, 9, 5), 40, 2
    pmi = pointwise_mutual_information(together, words, seeds, windows, smoothing=smoothing)
    scores = word_polarity(pmi, negatives, balance=balance)
    for word in range(6):
        sides: list[list[float]] = [[], []]
        for seed in range(5):
            joint = together[word, seed] + smoothing
            value = math.log(joint * windows / (words[word] * seeds[seed])) if joint > 0 else 0.0
            assert pmi[word, seed] == pytest.approx(value, abs=1e-12)
            sides[seed >= negatives].append(value)
        sizes = (1, 1) if balance == "sum" else (len(sides[0]), len(sides[1]))
        assert scores[word] == pytest.approx(sum(sides[1]) / sizes[1] - sum(sides[0]) / sizes[0], abs=1e-12)
    assert (together == 0).any()
