from __future__ import annotations

from collections.abc import Callable

import numpy as np

from made_captions import made_captions
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites, rewrite, text_only_control
from polysense.knowledge.rewriting.balance import balanced
from polysense.knowledge.rewriting.control import hides


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


def sentences(chosen: Callable[[Caption], bool]) -> Rewrites:
    """Four captions of other pictures for each caption, drawn evenly from those that are ``chosen``."""
    draw = np.random.default_rng(2)
    captions = made_captions(200, seed=4)
    pool = [caption for caption in captions if chosen(caption)]
    entries = []
    for caption in captions:
        others = [one for one in pool if one.picture != caption.picture and one.text != caption.text]
        for place in draw.choice(len(others), 4, replace=False):
            entries.append((caption, Rewrite(others[place].text, "sentence", by=others[place].picture)))
    return Rewrites.from_entries(entries)


def test_captions_of_other_pictures_are_not_asked_about_where_they_were_learned_from() -> None:
    even = text_only_control(sentences(lambda caption: True))["sentence"]
    assert even.low is not None
    assert even.high is not None
    assert even.low < 0.5 < even.high
    assert 200 < even.pairs < 2400 / 3  # a fifth of those of 600 captions, about: both pictures are in one fold
    given_away = text_only_control(sentences(lambda caption: caption.text.startswith("Two")))["sentence"]
    assert given_away.low is not None
    assert given_away.low > 0.75


def test_words_that_are_seldom_put_in_as_often_as_taken_out_mislead() -> None:
    entries = [
        (Caption(f"word{n % 60} here {n}", f"{n}.jpg"), Rewrite(f"word{(n + 1) % 60} here {n}", "word", "one", "other"))
        for n in range(120)
    ]
    told = text_only_control(Rewrites.from_entries(entries))["word"]
    assert told.accuracy is not None
    assert told.accuracy < 0.3
    assert hides(told.high)
    assert (told.pairs, told.pictures) == (120, 120)
    few = text_only_control(Rewrites.from_entries(entries[:19]))["word"]
    assert (few.accuracy, few.pairs) == (None, 19)
    assert not hides(few.high)
    assert not hides(0.5)


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
