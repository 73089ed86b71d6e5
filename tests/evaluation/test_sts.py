from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.stats import spearmanr

from made_benchmarks import write_sick, write_sts_benchmark, write_sts_tasks
from made_vectors import Vectors
from polysense.errors import DataError, RecipeError
from polysense.evaluation.sts import Sts
from polysense.metrics.correlation import paired_cosine
from polysense.types import Sample

SEVEN = ["STS12", "STS13", "STS14", "STS15", "STS16", "STS-B test", "SICK-R test"]


def pairs(scores: list[float], gold: list[float], **extra: str) -> list[Sample]:
    """Pairs whose cosines are ``scores``, by :func:`vectors`."""
    return [
        Sample(id=f"{extra}{n}", text="east", pair=f"at {score}", score=float(human), extra=extra)
        for n, (score, human) in enumerate(zip(scores, gold, strict=True))
    ]


def vectors(*scores: float) -> Vectors:
    return Vectors({"east": [1, 0], **{f"at {score}": [score, math.sqrt(1 - score**2)] for score in scores}})


def test_a_year_is_one_correlation_over_its_subsets() -> None:
    rows = [
        *pairs([0.9, 0.5, 0.7, 0.2], [5, 3, 1, 0], task="STS12", subset="A"),
        *pairs([0.3, 0.6], [4, 2], task="STS12", subset="B"),
    ]
    answerer = vectors(0.9, 0.5, 0.7, 0.2, 0.3, 0.6)
    assert Sts()(answerer, rows) == pytest.approx({"STS12": 42.8571429, "avg_present": 42.8571429})
    found = Sts(details=True)(answerer, rows)
    assert found == pytest.approx(
        {
            "STS12": 42.8571429,
            "STS12 pearson": found["STS12 pearson"],
            "STS12 n": 6,
            "STS12 mean": -10,
            "STS12 wmean": 20,
            "STS12/A": 80,
            "STS12/B": -100,
            "avg_present": 42.8571429,
        }
    )
    assert 0 < found["STS12 pearson"] < 100


def test_each_sentence_is_encoded_once_and_in_full_precision(capsys: pytest.CaptureFixture[str]) -> None:
    answerer = vectors(0.9, 0.5)
    rows = [*pairs([0.9, 0.5], [5, 3], task="STS12"), *pairs([0.5, 0.9], [1, 2], task="STS-B dev")]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = Sts()(answerer, rows)
    assert sorted(answerer.asked) == ["at 0.5", "at 0.9", "east"]
    assert answerer.autocast == [False]
    assert found == pytest.approx({"STS12": 100, "STS-B dev": 100, "avg_present": 100})
    said = "STS12: 100.00, 2 pairs (1 of 2 sets)\nSTS-B dev: 100.00, 2 pairs (2 of 2 sets)\n"
    assert capsys.readouterr().err == said  # each score as soon as it is there
    Sts().outcomes(answerer, rows)
    assert "STS12: 2 pairs encoded (1 of 2 sets)\n" in capsys.readouterr().err


def test_rows_without_a_task_and_rows_that_are_no_scored_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    answerer = vectors(0.9, 0.5, 0.1)
    rows = [*pairs([0.9, 0.5, 0.1], [3, 2, 5]), Sample(id="a", text="x"), Sample(id="b", text="x", pair="y")]
    assert Sts()(answerer, rows) == pytest.approx({"spearman": -50})
    assert "left out 1 of 5 rows that have a pair without a score, or a score without a pair" in capsys.readouterr().err
    assert set(Sts(details=True)(answerer, rows)) == {"spearman", "pearson", "n"}
    assert "x" not in answerer.asked
    assert Sts()(answerer, rows[3:]) == {}


def test_a_collapsed_model_is_undefined_not_good() -> None:
    rows = [Sample(id=str(n), text="a", pair="b", score=n, extra={"task": "STS-B dev"}) for n in range(4)]
    assert math.isnan(Sts()(Vectors({"a": [1, 2], "b": [1, 2]}), rows)["STS-B dev"])
    assert math.isnan(Sts()(Vectors({"a": [0, 0], "b": [1, math.nan]}), rows)["STS-B dev"])


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    write_sts_tasks(tmp_path)
    write_sts_benchmark(tmp_path)
    write_sick(tmp_path)
    return tmp_path


def test_the_benchmark_and_its_average(benchmarks: Path) -> None:
    table = Sts().read(benchmarks)
    assert table is not None
    assert table.splits == {"validation": 5, "test": 5 * 7 + 4 + 4}
    found = Sts()(Vectors(), table.samples)
    assert list(found) == [*SEVEN[:5], "STS-B dev", "STS-B test", "SICK-R test", "avg_present", "avg"]
    assert found["avg"] == found["avg_present"] == pytest.approx(sum(found[name] for name in SEVEN) / 7)
    rows = [row for row in table.samples if row.extra["task"] == "STS13"]
    answerer = Vectors()
    left, right = (
        [answerer.vector(text) for text in side] for side in zip(*[(row.text, row.pair) for row in rows], strict=True)
    )
    expected = spearmanr(paired_cosine(left, right), [row.score for row in rows]).statistic
    assert found["STS13"] == pytest.approx(100 * expected)
    assert {"sts_b/sts-dev.csv", "sick2014/SICK_test_annotated.txt", "sts_senteval/STS16-en-test/STS.gs.alpha.txt"} <= set(
        table.digests
    )


def test_no_average_where_a_set_is_absent(benchmarks: Path) -> None:
    for path in (benchmarks / "sts_senteval" / "STS15-en-test").iterdir():
        path.unlink()
    (benchmarks / "sts_senteval" / "STS15-en-test").rmdir()
    (benchmarks / "sts_b" / "sts-test.csv").unlink()
    table = Sts().read(benchmarks)
    assert table is not None
    found = Sts()(Vectors(), table.samples)
    present = [name for name in SEVEN if name not in ("STS15", "STS-B test")]
    assert set(found) == {*present, "STS-B dev", "avg_present"}
    assert found["avg_present"] == pytest.approx(sum(found[name] for name in present) / 5)


def test_some_tasks_only(benchmarks: Path) -> None:
    evaluator = Sts(tasks=["STS-B dev", "STS14"])
    table = evaluator.read(benchmarks)
    assert table is not None
    assert {row.extra["task"] for row in table.samples} == {"STS-B dev", "STS14"}
    whole = Sts().read(benchmarks)
    assert whole is not None
    assert list(evaluator(Vectors(), whole.samples)) == ["STS14", "STS-B dev", "avg_present"]
    assert evaluator(Vectors(), [row for row in whole.samples if row.extra["task"] == "STS12"]) == {}
    with pytest.raises(RecipeError, match="tasks: 'STSB dev' is not a set; did you mean 'STS-B dev'"):
        Sts(tasks=["STSB dev"]).read(benchmarks)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds none of STS12, .*; looked for sts_senteval/STS12-en-test"):
        Sts().read(tmp_path)
    (tmp_path / "mine.csv").write_text("text,pair,score\n")
    assert Sts().read(tmp_path / "mine.csv") is None


GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "sts_minilm.json").read_text(encoding="utf-8"))


QUICK = {("mean", "STS13"), ("mean", "STS-B test"), ("mean", "SICK-R test"), ("cls", "STS-B dev")}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["STS12", "STS13", "STS14", "STS-B dev", "STS-B test", "SICK-R test"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_real_encoder_scores_what_the_released_evaluation_says(
    pooling: str, task: str, minilm: Any, minilm_by_its_first_state: Any, data_folder, request: pytest.FixtureRequest
) -> None:
    if (pooling, task) not in QUICK:
        request.getfixturevalue("asked_for")
    roots = {data_folder(name).parent for name in ("sts_b", "sts_senteval", "sick2014")}
    evaluator = Sts(tasks=[task], details=True)
    table = evaluator.read(roots.pop())
    assert table is not None
    for file, digest in table.digests.items():
        assert GOLDEN["data"][file] == digest
    found = evaluator({"mean": minilm, "cls": minilm_by_its_first_state}[pooling], table.samples)
    tolerance, wanted = GOLDEN["tolerance"], GOLDEN["results"][pooling]["tasks"][task]
    assert found[task] / 100 == pytest.approx(wanted["spearman"], abs=tolerance["spearman"])
    assert found[f"{task} pearson"] / 100 == pytest.approx(wanted["pearson"], abs=tolerance["pearson"])
    assert found[f"{task} n"] == wanted["pairs"]
    within = tolerance["subset_spearman_STS12" if task == "STS12" else "subset_spearman"]
    for subset, own in wanted.get("subsets", {}).items():
        assert found[f"{task}/{subset}"] / 100 == pytest.approx(own["spearman"], abs=within)
    for ours, theirs in (("mean", "mean_of_subsets"), ("wmean", "weighted_mean")):
        if theirs in wanted:
            assert found[f"{task} {ours}"] / 100 == pytest.approx(wanted[theirs], abs=within)


def test_two_models_are_compared_set_by_set_and_what_is_undefined_is_refused() -> None:
    rows = [*pairs([0.9, 0.5, 0.1], [5, 3, 1], task="STS12"), *pairs([0.9, 0.5, 0.1], [1, 2, 5], task="STS-B dev")]
    good = Sts().outcomes(vectors(0.9, 0.5, 0.1), rows)
    found = Sts().differences([good], [good], resamples=50, seed=0)
    assert {name: (one.base, rows) for name, (one, rows) in found.items()} == {
        "STS12": (pytest.approx(1), 3),
        "STS-B dev": (pytest.approx(-1), 3),
        "avg_present": (pytest.approx(1), 3),
    }
    collapsed = Sts().outcomes(Vectors({"east": [1, 0], **{f"at {score}": [1, 0] for score in (0.9, 0.5, 0.1)}}), rows)
    with pytest.raises(DataError, match="the correlation on STS12 is undefined: a model gives all pairs one cosine"):
        Sts().differences([good], [collapsed], resamples=50, seed=0)
    with pytest.raises(DataError, match="no row has a pair of sentences"):
        Sts().outcomes(vectors(), [])
