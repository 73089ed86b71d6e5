from __future__ import annotations

from dataclasses import replace

import pytest

from polysense.data.problem_list import lines
from polysense.errors import Problem


def problem(row: int | None, reason: str, **changes: str) -> Problem:
    name = None if row is None else f"i{row}"
    return replace(Problem(file="a.csv", row=row, id=name, field="image", reason=reason), **changes)  # type: ignore[arg-type]


def said(problems: list[Problem]) -> list[str]:
    return [str(line) for line in lines(problems)]


def test_equal_faults_are_one_line_with_their_rows() -> None:
    assert said([problem(row, "no number", field="score") for row in (2, 3, 4, 7, 9)]) == [
        "a.csv, 5 rows, score: no number (rows 2-4, 7, 9)"
    ]
    assert said([problem(row, "no number", field="score") for row in range(1, 40, 2)])[0].endswith(
        "(rows 1, 3, 5, 7, 9, 11, ...)"
    )


@pytest.mark.parametrize(
    "reason",
    [
        "my pictures/of {} days.jpg does not exist",
        "p{}.jpg does not exist",
        "{}.0 is not a number",
        "'{} bad' is not a split; valid: 'train'",
        "\"it's {}\" is not a split; valid: 'train'",
        "images\\p{}.jpg does not exist",
    ],
)
def test_values_and_files_do_not_tell_faults_apart(reason: str) -> None:
    words = ["one", "two", "three", "four"] if reason.startswith("'") else [1, 2, 3, 4]
    (line,) = said([problem(row, reason.format(word)) for row, word in enumerate(words, start=5)])
    assert line == f"a.csv, 4 rows, image: {reason.format(words[0])} (row 5, id i5; likewise rows 6-8)"


def test_few_other_and_whole_tables_faults_stay_lines_of_their_own_in_their_order() -> None:
    few = [problem(row, "gone") for row in (1, 2, 3)]
    assert said(few) == [str(one) for one in few]
    mixed = [
        problem(1, "empty"),
        *(problem(row, "gone") for row in (2, 4, 6, 8)),
        problem(3, "gone", field="audio"),
        problem(5, "gone", severity="warning"),
        problem(7, "gone", file="b.csv"),
        *[problem(None, "one class")] * 5,
    ]
    found = lines(mixed)
    assert [len(line) for line in found] == [1, 4, *[1] * 8]
    assert [line.severity for line in found][:4] == ["bad", "bad", "bad", "warning"]
    assert sum(map(len, found)) == len(mixed)


def test_rows_with_several_equal_faults_count_once_and_the_smallest_comes_first() -> None:
    labels = [problem(row, f"'{row}{word}' is no class", field="label") for row in (9, 2, 3) for word in "ab"]
    assert said(labels) == ["a.csv, 3 rows, label: '2a' is no class (row 2, id i2; likewise rows 3, 9)"]
    several = [problem(9, f"'{word}' is no class", field="label") for word in "abcd"]
    assert said(several) == ["a.csv, 1 row, label: 'a' is no class (row 9, id i9)"]
