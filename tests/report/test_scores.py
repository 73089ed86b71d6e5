from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev

import pytest

from made_runs import make_run
from polysense.metrics.classification import classification_metrics
from polysense.report.run import Run
from polysense.report.scores import Spread, constant, led_by, run_scores
from polysense.report.section import p_value, percent
from polysense.report.units import in_units, measure, plain, points, signed, titled


def test_scores_over_seeds_are_those_of_the_predictions(tmp_path: Path) -> None:
    run = Run.read(make_run(tmp_path / "run", seeds=[0, 1, 2]))
    each = []
    for seed in run.seeds:
        lines = (run.path / f"seed-{seed}" / "predictions" / "test.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        metrics = classification_metrics([row["target"] for row in rows], [row["label"] for row in rows], labels=run.labels)
        each.append(metrics["macro_f1"])
    found = run_scores(run)["macro_f1"]
    assert found.mean == pytest.approx(fmean(each))
    assert found.std == pytest.approx(stdev(each))


def test_a_metric_that_chose_and_is_none_of_predictions_is_that_of_the_record(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", seeds=[0, 1])
    record = json.loads((folder / "run.json").read_text("utf-8"))
    for entry, value in zip(record["per_seed"], (0.25, 0.75), strict=True):
        entry["test"] |= {"soft_accuracy": value, "other": 0.5}
    (folder / "run.json").write_text(json.dumps(record | {"best_metric": "soft_accuracy"}), encoding="utf-8")
    run = Run.read(folder)
    found = run_scores(run)
    assert found["soft_accuracy"].values == (0.25, 0.75)
    assert "other" not in found
    assert led_by(found, best="soft_accuracy")[:2] == ["soft_accuracy", "weighted_f1"]
    assert "soft_accuracy" not in run_scores(run, "test")


def test_the_commonest_class(tmp_path: Path) -> None:
    run = Run.read(make_run(tmp_path / "run"))
    targets = [row["target"] for row in run.shown[0].rows]
    found = constant(run)
    assert found is not None
    assert found[0] == "always “positive”"
    assert found[1]["accuracy"] == pytest.approx(targets.count("positive") / len(targets))


def test_one_seed_has_no_deviation() -> None:
    assert Spread((0.5,)).std is None


def test_the_metric_that_chose_comes_first() -> None:
    there = {"accuracy": 1, "weighted_f1": 1, "f1/a": 1, "macro_f1": 1}
    assert led_by(there, best="macro_f1") == ["macro_f1", "weighted_f1", "accuracy"]
    assert led_by({"mae": 1, "pearson": 1}, best="pearson") == ["pearson", "mae"]
    scores = {"Has0_F1_score": 1, "Mult_acc_7": 1, "Corr": 1, "MAE": 1, "rows": 1}
    assert led_by(scores, best="last") == ["MAE", "Corr", "Has0_F1_score", "Mult_acc_7"]


def test_numbers_for_reading() -> None:
    assert points(0.6741) == "67.4"
    assert [signed(value, "macro_f1") for value in (0.0131, -0.004, 0.0001, -0.0001)] == ["+1.3", "−0.4", "0.0", "0.0"]
    assert [signed(value, "MAE") for value in (0.0131, -0.004, -0.0001)] == ["+0.013", "−0.004", "0.000"]
    assert [measure(0.6741, name) for name in ("Has0_acc_2", "Non0_F1_score", "f1/a")] == ["67.4"] * 3
    assert [measure(value, name) for value, name in ((0.6741, "MAE"), (-0.2, "Corr"), (-1e-5, "uniformity"))] == [
        "0.674",
        "−0.200",
        "0.000",
    ]
    assert [in_units(names) for names in (["accuracy"], ["MAE", "Mult_acc_5"], ["MAE"])] == [
        ", in points",
        ", fractions in points",
        "",
    ]
    assert [titled(name) for name in ("MAE", "Corr", "Mult_acc_7", "bleu_4", "STS-B dev alignment", "caption_perplexity")] == [
        *("MAE ↓", "Corr", "Mult acc 7", "BLEU-4", "STS-B dev alignment ↓", "Caption perplexity ↓")
    ]
    assert [p_value(value) for value in (0.0312, 0.0004, 1.0)] == [".031", "< .001", "1.000"]
    assert percent(0.934) == "93\u202f%"
    assert plain("weighted_f1") == "Weighted F1"
