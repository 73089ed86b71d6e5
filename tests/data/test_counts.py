from __future__ import annotations

import pytest

from polysense.data.counts import Counts
from polysense.types import Sample


def test_a_score_and_an_empty_list_are_labels() -> None:
    rows = [Sample(id="a", label="x"), Sample(id="b", score=0.0), Sample(id="c", label=()), Sample(id="d", text="no label")]
    counts = Counts.of(rows)
    assert (counts.rows, counts.labelled, counts.unlabelled) == (4, 3, 1)


@pytest.mark.parametrize(
    ("labelled", "unlabelled", "said"),
    [
        (3, 0, "3 labelled rows"),
        (1, 0, "1 labelled row"),
        (0, 2, "2 unlabelled rows"),
        (3, 1, "3 labelled and 1 unlabelled rows"),
    ],
)
def test_in_words(labelled: int, unlabelled: int, said: str) -> None:
    assert str(Counts(labelled, unlabelled)) == said
