from __future__ import annotations

import json

import pytest

from polysense.data.rows import RowReader
from polysense.data.spans import marked
from polysense.errors import DataError, Problem
from polysense.types import Sample, Span

SPANS = (Span(0, 3, "aspect"), Span(4, 9, "opinion"))


@pytest.mark.parametrize(
    "cell",
    [
        [[4, 9, "opinion"], (0, 3, " aspect ")],
        [{"start": 4, "end": 9, "role": "opinion"}, {"start": 0, "end": 3, "role": "aspect", "word": "the"}],
        json.dumps([[4, 9, "opinion"], [0, 3, "aspect"]]),
        SPANS,
    ],
)
def test_every_form_is_read_and_sorted(cell: object) -> None:
    assert marked(cell, 9) == SPANS
    assert SPANS[1].of("the staff!") == "staff"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("0-3", "not JSON"),
        pytest.param("[" * 100_000, "not JSON", id="deep"),
        ("7", "expected a list of spans"),
        ([[0, 3]], "is not a span"),
        ([[0, True, "aspect"]], "is not a span"),
        ([[0, 3, " "]], "is not a span"),
        ([[0, 10, "aspect"]], "from 0 to 10 does not lie in the text, which has 9 characters"),
        ([[3, 3, "aspect"]], "does not lie"),
        ([[-1, 3, "aspect"]], "does not lie"),
    ],
)
def test_anything_else_is_refused(cell: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        marked(cell, 9)


def _read(row: dict[str, object]) -> Sample | Problem:
    columns = {name: name for name in ("text", "aspect", "spans")}
    return RowReader(file="t.csv", columns=columns, media_root=None).read(row, 1)


def test_columns_of_a_table() -> None:
    read = _read({"text": "the staff", "aspect": " staff ", "spans": '[[4, 9, "aspect"]]'})
    assert isinstance(read, Sample)
    assert (read.aspect, read.spans) == ("staff", (Span(4, 9, "aspect"),))
    for empty in ("", None, float("nan")):
        read = _read({"text": "the staff", "aspect": empty, "spans": empty})
        assert isinstance(read, Sample)
        assert read.aspect is None
        assert read.spans is None
    read = _read({"text": "the staff", "spans": "[]"})
    assert isinstance(read, Sample)
    assert read.spans == ()
    read = _read({"text": "the staff", "spans": '[[4, 99, "aspect"]]'})
    assert isinstance(read, Problem)
    assert (read.field, read.row) == ("spans", 1)
