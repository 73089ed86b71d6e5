from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.data.tags import Scheme, Tags, in_characters, in_words, without_overlaps
from polysense.data.words import words
from polysense.types import Span

ROLES = ("holder", "target")
SCHEMES: list[Scheme] = ["BIO", "BIOS"]


def spans_of(count: int) -> st.SearchStrategy[list[Span]]:
    one = st.tuples(st.integers(0, count - 1), st.integers(1, 4), st.sampled_from(ROLES))
    return st.lists(one.map(lambda made: Span(made[0], min(count, made[0] + made[1]), made[2])), max_size=6)


def test_names_stand_in_the_order_of_the_numbers() -> None:
    assert Tags(ROLES).names == ("O", "B-holder", "I-holder", "B-target", "I-target")
    assert Tags(("x",), "BIOS").names == ("O", "B-x", "I-x", "S-x")
    for tags in (Tags(ROLES), Tags(ROLES, "BIOS")):
        for number, name in enumerate(tags.names):
            assert "-".join(part for part in tags.parts(number) if part) == name
            assert number == 0 or tags.number(*tags.parts(number)) == number


def test_spans_that_touch_stay_two() -> None:
    spans = [Span(0, 2, "holder"), Span(2, 3, "holder"), Span(3, 4, "target")]
    assert [Tags(ROLES).names[tag] for tag in Tags(ROLES).encode(spans, 5)] == [
        "B-holder", "I-holder", "B-holder", "B-target", "O",
    ]  # fmt: skip
    assert [Tags(ROLES, "BIOS").names[tag] for tag in Tags(ROLES, "BIOS").encode(spans, 5)] == [
        "B-holder", "I-holder", "S-holder", "S-target", "O",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@given(spans=spans_of(9))
def test_what_is_encoded_is_decoded_and_takes_no_barred_step(scheme: Scheme, spans: list[Span]) -> None:
    tags = Tags(ROLES, scheme)
    kept = without_overlaps(spans)
    codes = tags.encode(kept, 9)
    assert tags.decode(codes) == kept
    assert tags.may_start(codes[0])
    assert tags.may_end(codes[-1])
    assert all(tags.may_follow(before, tag) for before, tag in pairwise(codes))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_every_sequence_without_barred_steps_is_one_of_spans(scheme: Scheme, data: st.DataObject) -> None:
    tags = Tags(ROLES, scheme)
    every = range(len(tags.names))
    codes = [data.draw(st.sampled_from([tag for tag in every if tags.may_start(tag)]))]
    for _ in range(5):
        codes.append(data.draw(st.sampled_from([tag for tag in every if tags.may_follow(codes[-1], tag)])))
    while not tags.may_end(codes[-1]):
        codes.append(data.draw(st.sampled_from([tag for tag in every if tags.may_follow(codes[-1], tag)])))
    assert tags.encode(tags.decode(codes), len(codes)) == codes


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_goes_on_goes_on_in_its_own_role(scheme: Scheme) -> None:
    tags = Tags(ROLES, scheme)
    assert not tags.may_follow(0, tags.number("I", "holder"))
    assert not tags.may_follow(tags.number("B", "holder"), tags.number("I", "target"))
    assert not tags.may_follow(tags.number("I", "holder"), tags.number("I", "target"))
    assert not tags.may_start(tags.number("I", "holder"))
    assert tags.may_follow(tags.number("B", "holder"), 0) == (scheme == "BIO")
    if scheme == "BIOS":
        assert not tags.may_follow(tags.number("S", "holder"), tags.number("I", "holder"))
        assert not tags.may_end(tags.number("B", "holder"))


def test_characters_become_words_and_words_characters() -> None:
    text = "The battery-life, wow"
    laid = words(text)
    assert in_words([Span(4, 11, "x"), Span(4, 16, "x"), Span(6, 8, "x"), Span(3, 4, "x")], laid) == [
        Span(1, 2, "x"), Span(1, 4, "x"), Span(1, 2, "x"),
    ]  # fmt: skip
    assert [span.of(text) for span in in_characters([Span(1, 4, "x"), Span(5, 6, "x")], laid)] == ["battery-life", "wow"]
    assert in_words([Span(4, 16, "x"), Span(18, 21, "x")], laid[:2]) == [Span(1, 2, "x")]  # a text that was cut
    assert in_words([Span(0, 1, "x")], []) == []


@given(spans_of(12))
def test_the_longest_stay(spans: list[Span]) -> None:
    kept = without_overlaps(spans)
    assert kept == sorted(kept)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    for span in spans:
        rivals = [one for one in kept if one.start < span.end and span.start < one.end]
        assert span in kept or any(one.end - one.start >= span.end - span.start for one in rivals)
