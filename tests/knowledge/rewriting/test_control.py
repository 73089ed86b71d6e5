from __future__ import annotations

import numpy as np

from made_captions import made_captions
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites, rewrite, text_only_control
from polysense.knowledge.rewriting.balance import balanced


def test_words_that_no_caption_holds_are_told_and_equal_chances_are_not() -> None:
    draw = np.random.default_rng(0)
    entries = []
    for number in range(300):
        one, other = draw.choice(20, 2, replace=False)
        caption = Caption(f"word{one} stands here {number}", f"{number}.jpg")
        entries.append((caption, Rewrite(f"word{other} stands here {number}", "word", f"word{one}", f"word{other}")))
        entries.append((caption, Rewrite(f"blot{one} stands here {number}", "phrase", f"word{one}", f"blot{one}")))
    control = text_only_control(Rewrites.from_entries(entries))
    assert control["phrase"].accuracy > 0.95
    assert control["word"].low < 0.5 < control["word"].high
    assert control["word"].pairs == control["word"].pictures == 300
    assert set(control) == {"phrase", "word"}


def test_what_nothing_tells_counts_one_half() -> None:
    entries = [(Caption(f"same {n}", f"{n}.jpg"), Rewrite(f"same  {n}", "positive", by="caption")) for n in range(20)]
    assert text_only_control(Rewrites.from_entries(entries))["positive"].accuracy == 0.5


def test_it_is_the_same_every_time_and_asks_about_a_part_of_many() -> None:
    found = rewrite(made_captions(60), per_level={"phrase": 0})
    assert text_only_control(found) == text_only_control(found)
    assert text_only_control(found, most=50)["word"].pairs == 50
    assert text_only_control(found, folds=61) == {}


def test_drawing_in_context_and_in_balance_tells_less() -> None:
    captions = made_captions(250, seed=3)
    told = {draw: text_only_control(rewrite(captions, draw=draw))["word"].accuracy for draw in ("uniform", "balanced")}  # type: ignore[arg-type]
    assert told["balanced"] < told["uniform"] - 0.05
    assert abs(told["balanced"] - 0.5) < 0.08


def test_what_is_taken_out_is_put_in_as_often() -> None:
    draw = np.random.default_rng(1)
    counts = np.array([50, 30, 20, 10, 5])
    parts = []
    for own in np.repeat(np.arange(5), counts):
        places = np.setdiff1d(draw.choice(5, 4, replace=False), [own])
        parts.append((int(own), places, draw.random(len(places)) + 0.1))
    fitted = balanced({("object", "singular"): (5, parts)})
    share, factor = fitted.shares["object", "singular"], fitted.factors["object", "singular"]
    taken, given = np.zeros(5), np.zeros(5)
    for own, places, weights in parts:
        chances = weights * factor[places]
        taken[own] += share[own]
        given[places] += share[own] * chances / chances.sum()
    assert np.allclose(taken, given, rtol=0.02)
    assert share.max() <= 1
    assert taken.sum() > 0.5 * counts.sum()
