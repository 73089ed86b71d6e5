"""Cases that were worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.metrics.spans import binary, exact, proportional, span_scores
from polysense.types import Span

ROLES = ("holder", "target")
HOLDER, TARGET = ROLES

TRUTH = [
    [Span(0, 2, HOLDER), Span(4, 8, TARGET)],
    [Span(0, 1, HOLDER)],
    [],
]
ANSWERS = [
    [Span(0, 2, HOLDER), Span(6, 9, TARGET)],  # right; the target: 2 of its 3 words, 2 of the true 4
    [Span(0, 1, TARGET)],  # right place, wrong role
    [Span(3, 5, HOLDER)],  # from nothing
]


def test_exact() -> None:
    found = span_scores(TRUTH, ANSWERS, roles=ROLES, credit=exact)
    assert found["precision/holder"] == pytest.approx(1 / 2)
    assert found["recall/holder"] == pytest.approx(1 / 2)
    assert found["f1/holder"] == pytest.approx(1 / 2)
    assert (found["precision/target"], found["recall/target"], found["f1/target"]) == (0, 0, 0)
    assert found["precision"] == pytest.approx(1 / 4)
    assert found["recall"] == pytest.approx(1 / 3)
    assert found["f1"] == pytest.approx(2 / 7)


def test_binary() -> None:
    found = span_scores(TRUTH, ANSWERS, roles=ROLES, credit=binary)
    assert found["precision/target"] == pytest.approx(1 / 2)
    assert found["recall/target"] == pytest.approx(1)
    assert found["f1/target"] == pytest.approx(2 / 3)
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(4 / 7)


def test_proportional() -> None:
    found = span_scores(TRUTH, ANSWERS, roles=ROLES, credit=proportional)
    assert found["precision/target"] == pytest.approx((2 / 3) / 2)
    assert found["recall/target"] == pytest.approx((2 / 4) / 1)
    assert found["f1/target"] == pytest.approx(0.4)
    assert found["precision"] == pytest.approx((1 + 2 / 3) / 4)
    assert found["recall"] == pytest.approx((1 + 1 / 2) / 3)


def test_a_span_in_two_halves_costs_the_exact_measure_alone() -> None:
    truth, halves = [[Span(0, 4, HOLDER)]], [[Span(0, 2, HOLDER), Span(2, 4, HOLDER)]]
    assert [span_scores(truth, halves, roles=ROLES, credit=credit)["f1"] for credit in (exact, binary, proportional)] == [
        0,
        1,
        1,
    ]


def test_true_spans_that_overlap_count_each_and_cover_once() -> None:
    truth = [[Span(0, 4, HOLDER), Span(2, 4, HOLDER)]]
    found = span_scores(truth, [[Span(0, 4, HOLDER)]], roles=ROLES, credit=proportional)
    assert (found["precision"], found["recall"]) == (1, 1)
    assert span_scores(truth, [[Span(0, 4, HOLDER)]], roles=ROLES, credit=exact)["recall"] == 0.5
    assert span_scores(truth, [[Span(2, 6, HOLDER)]], roles=ROLES, credit=proportional)["precision"] == 0.5


def test_nothing_to_divide_by_is_0_and_rows_must_match() -> None:
    assert set(span_scores([[]], [[]], roles=ROLES, credit=exact).values()) == {0.0}
    assert set(span_scores([], [], roles=ROLES, credit=exact).values()) == {0.0}
    with pytest.raises(ValueError, match="1 rows of targets but 2 of answers"):
        span_scores([[]], [[], []], roles=ROLES, credit=exact)


SPANS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 4), st.sampled_from(ROLES)).map(lambda it: Span(it[0], it[0] + it[1], it[2])),
    max_size=5,
)


@given(st.lists(st.tuples(SPANS, SPANS), max_size=5))
def test_measures_grow_more_lenient_and_turn_around_with_their_sides(rows: list[tuple[list[Span], list[Span]]]) -> None:
    truth, answers = [row[0] for row in rows], [row[1] for row in rows]
    scores = [span_scores(truth, answers, roles=ROLES, credit=credit) for credit in (exact, proportional, binary)]
    turned = [span_scores(answers, truth, roles=ROLES, credit=credit) for credit in (exact, proportional, binary)]
    for name in scores[0]:
        assert 0 <= scores[0][name] <= scores[1][name] + 1e-9
        assert scores[1][name] <= scores[2][name] + 1e-9 <= 1 + 1e-8
    for one, other in zip(scores, turned, strict=True):
        assert one["precision/holder"] == pytest.approx(other["recall/holder"])
        assert one["f1"] == pytest.approx(other["f1"])
