from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_runs import write_lines
from polysense.report.modalities import dots, lines, modalities
from polysense.report.run import Run


def row(name: str, label: str, *, missing: tuple[str, ...] = (), target: str | None = "a") -> dict[str, Any]:
    return {"id": name, "target": target, "label": label, "missing": list(missing), "text": "x"}


def run(folder: Path, **parts: list[dict[str, Any]]) -> Run:
    """A run of two seeds that answer alike; ``test_text`` is the file ``test.text``."""
    for seed in (0, 1):
        for name, rows in parts.items():
            write_lines(folder / f"seed-{seed}" / "predictions" / f"{name.replace('_', '.')}.jsonl", rows)
    (folder / "run.json").write_text(json.dumps({"labels": ["a", "b"], "best_seed": 0, "best_metric": "accuracy"}))
    return Run.read(folder)


@pytest.fixture
def lacking(tmp_path: Path) -> Run:
    """Four rows: 0 and 1 have both modalities, 2 has no picture, 3 no text. The whole model is wrong where text is missing."""
    return run(
        tmp_path,
        test=[row("0", "a"), row("1", "b"), row("2", "a", missing=("image",)), row("3", "b", missing=("text",))],
        test_text=[row(name, "a" if name == "0" else "b", missing=("image",)) for name in ("0", "1", "2")],
        test_image=[row(name, "a", missing=("text",)) for name in ("3", "1", "0")],
    )


def test_a_modality_alone_and_all_of_them_are_scored_on_the_same_rows(lacking: Run) -> None:
    whole, alone = lines(lacking, "text", together="both")
    assert (whole.name, whole.rows, whole.scores["accuracy"].mean) == ("both, rows with text", 3, pytest.approx(2 / 3))
    assert (alone.name, alone.rows, alone.scores["accuracy"].mean) == ("text alone", 3, pytest.approx(1 / 3))
    whole, alone = lines(lacking, "image", together="both")
    assert (whole.name, whole.rows, whole.scores["accuracy"].mean) == ("both, rows with image", 3, pytest.approx(1 / 3))
    assert (alone.name, alone.rows, alone.scores["accuracy"].mean) == ("image alone", 3, 1.0)


def test_a_metric_that_a_modality_alone_has_not_is_drawn_of_the_others(lacking: Run) -> None:
    """The metric of the run may come from elsewhere than its predictions."""
    shown = [replace(line, scores={}) if place else line for place, line in enumerate(lines(lacking, "text", together="both"))]
    assert "text alone" not in dots(shown, "accuracy", floor=None)
    assert "both, rows with text" in dots(shown, "accuracy", floor=None)


def test_the_table_says_how_many_rows_each_line_is_of(lacking: Run) -> None:
    section = modalities(lacking, [])
    assert section is not None
    found = re.findall(r'<th scope="row">([^<]+)</th><td class="n">(\d+)</td>', section.body)
    assert found == [
        ("text and image", "4"),
        ("text and image, rows with text", "3"),
        ("text alone", "3"),
        ("text and image, rows with image", "3"),
        ("image alone", "3"),
        ("always “a”", "4"),
    ]
    assert "the line above it shows all of them together on the same rows" in section.body


def test_where_all_rows_have_all_one_line_a_modality_is_enough(tmp_path: Path) -> None:
    rows = [row("0", "a"), row("1", "b")]
    section = modalities(run(tmp_path, test=rows, test_text=rows, test_image=rows), [])
    assert section is not None
    assert re.findall(r'<th scope="row">([^<]+)</th>', section.body) == [
        "text and image",
        "text alone",
        "image alone",
        "always “a”",
    ]
    assert "rows have no" not in section.body


def test_rows_of_an_answer_to_nothing_do_not_count(tmp_path: Path) -> None:
    """Predictions that hold rows without the modality, too: what the model says of a row of which it saw nothing."""
    found = run(
        tmp_path,
        test=[row("0", "a"), row("1", "a", missing=("text",))],
        test_text=[row("0", "a", missing=("image",)), row("1", "b", missing=("image", "text"))],
    )
    assert [(line.rows, line.scores["accuracy"].mean) for line in lines(found, "text", together="both")] == [(1, 1.0), (1, 1.0)]
