from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from polysense.report.headline import headline
from polysense.report.references import references
from polysense.report.run import Run

TFIDF = {"train_rows": 400, "rows": 60, "metrics": {"accuracy": 0.671, "weighted_f1": 0.665}}


def with_references(run: Path, found: dict[str, Any]) -> Run:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(record | {"references": found}), encoding="utf-8")
    return Run.read(run)


def line(run: Run) -> list[str]:
    """The cells of the line of the reference."""
    section = headline(run, [])
    assert section is not None
    found = next(line for line in section.body.splitlines() if "TF-IDF" in line)
    return re.findall(r"<t[hd][^>]*>([^<]*)<", found)


def test_a_line_beside_the_scores(run: Path) -> None:
    assert line(with_references(run, {"tfidf_text": TFIDF})) == [
        "TF-IDF and logistic regression on the texts alone",
        "66.5",
        "–",
        "67.1",
    ]


def test_fewer_rows_are_said(run: Path) -> None:
    assert line(with_references(run, {"tfidf_text": TFIDF | {"rows": 50}}))[0].endswith("alone, 50 of the rows")


@pytest.mark.parametrize(("accuracy", "said"), [(0.99, True), (0.01, False)])
def test_words_alone_that_are_better_are_said(run: Path, accuracy: float, said: bool) -> None:
    metrics = dict.fromkeys(TFIDF["metrics"], accuracy)
    section = headline(with_references(run, {"tfidf_text": TFIDF | {"metrics": metrics}}), [])
    assert section is not None
    assert ("is better than this model" in section.body) is said


@pytest.mark.parametrize("found", [{}, None])
def test_a_run_without_them(run: Path, found: Any) -> None:
    read = with_references(run, found)
    assert references(read) == []
    section = headline(read, [])
    assert section is not None
    assert "TF-IDF" not in section.body
