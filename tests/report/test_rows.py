from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from made_runs import write_lines
from polysense.report.rows import conflict, conflicting_rows, worst_rows
from polysense.report.run import Run

LABELS = ["negative", "positive"]


def row(name: str, target: str | None, positive: float, **more: object) -> dict[str, object]:
    chances = {"negative": 1 - positive, "positive": positive}
    label = max(LABELS, key=lambda known: chances[known])
    return {
        "id": name,
        "target": target,
        "label": label,
        "probabilities": chances,
        "missing": [],
        "text": f"text {name}",
    } | more


def folder(tmp_path: Path, **parts: list[dict[str, object]]) -> Run:
    for name, rows in parts.items():
        write_lines(tmp_path / "seed-0" / "predictions" / f"{name.replace('_', '.')}.jsonl", rows)
    (tmp_path / "run.json").write_text(json.dumps({"labels": LABELS, "best_seed": 0}), encoding="utf-8")
    return Run.read(tmp_path)


def test_the_worst_come_first(tmp_path: Path) -> None:
    rows = [
        row("fair", "positive", 0.6),
        row("awful", "negative", 0.99),
        row("good", "positive", 0.9),
        row("bad", "positive", 0.2),
    ]
    section = worst_rows(folder(tmp_path, test=rows), [])
    assert section is not None
    places = [section.body.index(f"id {name} ") for name in ("awful", "bad", "fair", "good")]
    assert places == sorted(places)
    assert "loss 4.61" in section.body


def test_rows_that_disagree_most_surely_come_first(tmp_path: Path) -> None:
    names = ["agree", "mild", "strong", "alone"]
    run = folder(
        tmp_path,
        test=[row(name, "positive", 0.7, missing=["image"] if name == "alone" else []) for name in names],
        test_text=[row(name, "positive", value) for name, value in zip(names, [0.9, 0.6, 0.95, 0.99], strict=True)],
        test_image=[row(name, "positive", value) for name, value in zip(names, [0.8, 0.3, 0.1, 0.01], strict=True)],
    )
    section = conflicting_rows(run, [])
    assert section is not None
    assert section.body.index("id strong ") < section.body.index("id mild ")
    assert "id agree " not in section.body
    assert "id alone " not in section.body
    assert "In 2 of 4 rows" in section.body


def test_conflict_is_the_product_of_confidences() -> None:
    assert conflict([np.array([0.9, 0.1]), np.array([0.2, 0.8])]) == pytest.approx(0.72)
    assert conflict([np.array([0.9, 0.1]), np.array([0.6, 0.4])]) == 0
    assert conflict([np.array([0.9, 0.1])]) == 0


def test_the_aspect_that_was_asked_about_is_shown(tmp_path: Path) -> None:
    section = worst_rows(folder(tmp_path, test=[row("1", "positive", 0.2, aspect="<staff>"), row("2", "positive", 0.3)]), [])
    assert section is not None
    assert section.body.count(" · of <b>") == 1
    assert "of <b>&lt;staff&gt;</b>" in section.body


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    section = worst_rows(folder(tmp_path, test=[row("long", "positive", 0.5, text="word " * 1000)]), [])
    assert section is not None
    assert 300 < section.body.count("word") * 5 < 500
    assert "word …" in section.body


def two_seeds(tmp_path: Path, first: list[dict[str, object]], second: list[dict[str, object]]) -> Run:
    """Seed 1 answers."""
    for seed, rows in enumerate((first, second)):
        write_lines(tmp_path / f"seed-{seed}" / "predictions" / "test.jsonl", rows)
    (tmp_path / "run.json").write_text(json.dumps({"labels": LABELS, "best_seed": 1}), encoding="utf-8")
    return Run.read(tmp_path)


def test_chances_answer_and_loss_are_those_of_one_seed(tmp_path: Path) -> None:
    run = two_seeds(tmp_path, [row("a", "positive", 0.1), row("b", "positive", 0.9)], [row("a", "positive", 0.8, match=0.7)])
    section = worst_rows(run, [])
    assert section is not None
    assert "of seed 1, which answers" in section.body
    assert 'class="chance said true" style="--share:0.800"' in section.body
    assert "loss 0.22" in section.body
    assert "match 0.70" in section.body
    assert "id b " not in section.body


def test_a_card_says_where_thresholds_decided(tmp_path: Path) -> None:
    plain = worst_rows(folder(tmp_path / "plain", test=[row("a", "positive", 0.4)]), [])
    assert plain is not None
    assert "hreshold" not in plain.body
    section = worst_rows(folder(tmp_path / "own", test=[row("a", "positive", 0.4, label="positive")]), [])
    assert section is not None
    assert "<h4>by threshold</h4>" in section.body
    assert 'class="chance said true" style="--share:0.400"' in section.body
    assert "thresholds of the classes decided" in section.body
