from __future__ import annotations

import pytest

from polysense.errors import DataError
from polysense.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge
from polysense.knowledge.agreement import agreement, label_agreement


def lexicon(**scores: float) -> Knowledge:
    return Knowledge({word: Entry(score, POSITIVE if score > 0 else NEGATIVE) for word, score in scores.items()})


def test_agreement_of_a_lexicon_worked_out_by_hand() -> None:
    mined = lexicon(a=3, b=2, c=1, d=-3, e=-2, f=-1)
    judge = lexicon(a=2, b=-2, c=2, d=-2, e=0.4, f=2, unknown=-3)
    found = agreement(mined, judge)
    assert found["strongest"] == 3 / 5  # a, c and d; e is not sure
    assert found["balanced"] == (1 / 2 + 2 / 3) / 2  # of b, d the second, of a, c, f the first two
    assert (found["strongest_words"], found["words"]) == (5, 5)
    assert agreement(mined, judge, strongest=2)["strongest"] == 1.0


def test_seeds_and_absent_words_are_no_agreement() -> None:
    seeds = Knowledge({"a": Entry(1.0, POSITIVE, seed=True)})
    found = agreement(seeds, lexicon(a=2))
    assert (found["strongest"], found["balanced"]) == (None, None)


def test_words_that_were_scored_with_0_are_errors_of_their_side() -> None:
    mined = lexicon(a=3, d=-3)
    judge = lexicon(a=2, d=-2, e=-2, f=2, g=2, h=0.1)
    assert agreement(mined, judge)["balanced"] == 1.0
    found = agreement(mined, judge, unscored=("e", "f", "g", "h", "unknown"))
    assert found["balanced"] == (1 / 2 + 1 / 3) / 2
    assert (found["words"], found["strongest_words"]) == (5, 2)


def test_agreement_with_labels_of_reviews() -> None:
    """Right, right behind a negator, wrong, and a sum of 0, which is wrong too."""
    knowledge = lexicon(good=1, bad=-2, fine=2)
    reviews = [("good", POSITIVE), ("not good", NEGATIVE), ("good but bad", POSITIVE), ("bad but fine", POSITIVE)]
    assert label_agreement(knowledge, reviews) == {"accuracy": 0.5, "ties": 0.25, "reviews": 4}
    with pytest.raises(DataError, match="no reviews"):
        label_agreement(knowledge, [])
