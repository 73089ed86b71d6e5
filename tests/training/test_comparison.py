from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_runs import make_run
from polysense.errors import DataError, RecipeError
from polysense.metrics.classification import classification_metrics
from polysense.metrics.sentiment import msa_regression
from polysense.training.comparison import compare, compare_each
from polysense.training.predictions import Predictions, read_predictions

FAST = {"resamples": 300}


def change(run: Path, seed: int, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    """Edit the rows of a predictions file in place."""
    path = run / f"seed-{seed}" / "predictions" / "test.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    edit(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    found = compare(run, run, **FAST)
    assert (found.difference, found.low, found.high, found.detectable, found.p_value) == (0, 0, 0, 0, 1)


def test_the_means_are_the_metrics_of_the_predictions(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", skill=2.5, noise=1)
    found = compare_each(base, other, **FAST)
    assert list(found) == ["weighted_f1", "macro_f1", "accuracy"]
    for name, result in found.items():
        means = [[metrics_of(read_predictions(run, seed))[name] for seed in (0, 1)] for run in (base, other)]
        assert result.base == pytest.approx(sum(means[0]) / 2)
        assert result.other == pytest.approx(sum(means[1]) / 2)
        assert result.difference == pytest.approx(result.other - result.base)
        assert result.per_seed == pytest.approx([after - before for before, after in zip(*means, strict=True)])
        assert result.low < result.difference < result.high
        assert result.detectable == pytest.approx((result.high - result.low) / 2)
        assert (result.rows, result.seeds, result.metric) == (60, (0, 1), name)


def metrics_of(predictions: Predictions) -> dict[str, float]:
    rows = predictions.rows
    labels = ["negative", "neutral", "positive"]
    return classification_metrics([row["target"] for row in rows], [row["label"] for row in rows], labels=labels)


def test_macro_means_run_over_the_classes_of_the_recipe(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", seeds=[0], rows=4)
    change(run, 0, lambda rows: [row.update(target="positive", label="positive") for row in rows])
    assert compare(run, run, metric="macro_f1", **FAST).base == pytest.approx(1 / 3)


def test_the_metric_that_chose_the_checkpoint_is_the_default(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(record | {"best_metric": "macro_f1"}), encoding="utf-8")
    assert compare(run, run, **FAST).metric == "macro_f1"
    assert compare(run, run, metric="recall/neutral", **FAST).metric == "recall/neutral"


def test_an_unknown_metric_names_the_nearest(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(RecipeError, match="no metric 'weigthed_f1': did you mean 'weighted_f1'"):
        compare(run, run, metric="weigthed_f1")


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", noise=1)
    before = compare(base, other, **FAST)
    change(other, 1, lambda rows: rows.reverse())
    assert compare(base, other, **FAST) == before


def test_common_seeds_are_used_and_named(tmp_path: Path) -> None:
    found = compare(make_run(tmp_path / "base", seeds=[0, 1, 2]), make_run(tmp_path / "other", seeds=[1, 2, 3]), **FAST)
    assert found.seeds == (1, 2)
    assert "common seeds 1, 2 (0, 1, 2 against 1, 2, 3)" in found.note


def test_no_common_seed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no seed in common: .*base has 0, .*other has 1"):
        compare(make_run(tmp_path / "base", seeds=[0]), make_run(tmp_path / "other", seeds=[1]))


def test_one_seed_is_said(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base", seeds=[3]), make_run(tmp_path / "other", seeds=[3], noise=1)
    found = compare(base, other, **FAST)
    assert "one seed" in found.note
    assert found.detectable > 0


def test_two_seeds_that_do_not_agree_are_said(tmp_path: Path) -> None:
    base = make_run(tmp_path / "base", rows=200)
    better = make_run(tmp_path / "better", rows=200, skill=4, noise=1)
    assert "do not agree" not in compare(base, better, **FAST).note
    split = make_run(tmp_path / "split", rows=200, skill=4, noise=1)
    change(split, 1, lambda rows: [row.update(label="neutral") for row in rows])
    found = compare(base, split, **FAST)
    assert min(found.per_seed) < 0 < max(found.per_seed)
    assert "the two seeds do not agree that one run is better, and p cannot be small" in found.note
    assert found.p_value > 0.3
    same_once = make_run(tmp_path / "same", rows=200)
    change(same_once, 1, lambda rows: [row.update(label=row["target"]) for row in rows])
    found = compare(base, same_once, **FAST)  # in a quarter of the draws nothing differs
    assert "do not agree" in found.note
    assert found.p_value > 0.3
    assert "do not agree" not in compare(base, base, **FAST).note


def test_different_rows_are_named(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other")
    change(other, 1, lambda rows: rows[0].update(id="stranger"))
    with pytest.raises(DataError, match=r"1 only in .*base.* \(test-0\); 1 only in .*other.* \(stranger\)"):
        compare(base, other)


def test_different_targets_are_named(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other")
    change(other, 0, lambda rows: rows[2].update(target="neutral" if rows[2]["target"] != "neutral" else "positive"))
    with pytest.raises(DataError, match=r"differ in the target of 1 rows.*test-2"):
        compare(base, other)


def test_different_labels_are_named(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other")
    record = json.loads((other / "run.json").read_text(encoding="utf-8"))
    (other / "run.json").write_text(json.dumps(record | {"labels": ["negative", "positive"]}), encoding="utf-8")
    with pytest.raises(DataError, match="labels differ"):
        compare(base, other)


def test_rows_without_a_target_are_left_out(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base", seeds=[0]), make_run(tmp_path / "other", seeds=[0], noise=1)
    for run in (base, other):
        change(run, 0, lambda rows: rows[5].update(target=None))
    found = compare(base, other, **FAST)
    assert found.rows == 59
    assert "1 rows without a target" in found.note


def test_several_labels_a_row(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", noise=1)
    for run in (base, other):
        for seed in (0, 1):
            change(run, seed, lambda rows: [row.update(target=[row["target"], "loud"], label=[row["label"]]) for row in rows])
    found = compare_each(base, other, **FAST)
    assert list(found) == ["weighted_f1", "macro_f1", "subset_accuracy"]
    assert found["subset_accuracy"].base == 0
    assert compare(base, other, metric="micro_f1", **FAST).base > 0


def test_split_by_a_column(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", skill=3, noise=1)
    for run in (base, other):
        for seed in (0, 1):
            change(
                run, seed, lambda rows: [row.update(extra={"agree": "yes" if row["id"] < "test-3" else "no"}) for row in rows]
            )
    found = compare(base, other, by="agree", **FAST)
    assert list(found.groups) == ["no", "yes"]
    assert sum(group.rows for group in found.groups.values()) == found.rows
    assert set(compare(base, other, by="target", **FAST).groups) == {"negative", "neutral", "positive"}
    assert list(compare(base, other, by="missing", **FAST).groups) == ["(none)"]
    with pytest.raises(RecipeError, match="no column 'agrees' to split by: did you mean 'agree'"):
        compare(base, other, by="agrees")


def test_split_by_the_group_and_rows_that_have_none(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", noise=1)
    for run in (base, other):
        for seed in (0, 1):
            change(run, seed, lambda rows: [row.update(group=f"film {n % 3}") for n, row in enumerate(rows[:30])])
    found = compare(base, other, by="group", **FAST).groups
    assert {name: one.rows for name, one in found.items()} == {"(none)": 30, "film 0": 10, "film 1": 10, "film 2": 10}


def test_only_columns_that_split_are_offered(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for seed in (0, 1):
        change(run, seed, lambda rows: [row.update(extra={"shop": "a", "url": row["id"]}) for row in rows])
    for by in ("text", "probabilities", "extra"):  # answers differ by seed
        with pytest.raises(RecipeError, match=rf"no column {by!r} to split by: .*valid: 'target', 'missing', 'shop'$"):
            compare(run, run, by=by, **FAST)
    assert set(compare(run, run, by="shop", **FAST).groups) == {"a"}


def test_numbers_are_not_labels(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for seed in (0, 1):
        change(run, seed, lambda rows: rows[2].update(target=0.5))
    with pytest.raises(DataError, match=r"labels, marked spans or scores, one of them in all rows, but the row .*0\.5"):
        compare(run, run)


def test_in_words(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", skill=4, noise=1)
    better, worse = compare(base, other, **FAST), compare(other, base, **FAST)
    assert better.in_words(base="base", other="both").startswith("Against base, both scores ")
    assert " points higher in weighted F1 (95 % interval " in better.in_words()
    assert " points lower in weighted F1" in worse.in_words()
    hidden = compare(base, make_run(tmp_path / "again", noise=2), **FAST)
    assert f"an effect below about {100 * hidden.detectable:.1f} points could not have been shown" in hidden.in_words()
    assert "with 60 rows and 2 seeds" in hidden.in_words()
    assert "no difference" in compare(base, base, **FAST).in_words()


def test_of_too_few_rows_no_effect_is_told_in_words(tmp_path: Path) -> None:
    base, other = make_run(tmp_path / "base"), make_run(tmp_path / "other", skill=4, noise=1)
    for run in (base, other):
        for seed in (0, 1):
            change(
                run, seed, lambda rows: [row.update(extra={"shop": "few" if at < 9 else "rest"}) for at, row in enumerate(rows)]
            )
    for one, against in ((other, base), (base, other)):
        few = compare(against, one, metric="accuracy", by="shop", **FAST).groups["few"]
        assert few.difference
        assert few.in_words(base="base", other="both") == (
            f"Against base, the difference of both in accuracy is {100 * few.difference:+.1f} points; "
            "9 rows and 2 seeds are too few for an interval, so that nothing is known of an effect."
        )
    alike = compare(base, base, metric="accuracy", by="shop", **FAST).groups["few"]
    assert "is +0.0 points; 9 rows and 2 seeds are too few for an interval" in alike.in_words()


def test_as_dict_is_json(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    again = json.loads(json.dumps(compare(run, run, by="target", **FAST).as_dict()))
    assert again["difference"] == 0
    assert again["groups"]["neutral"]["metric"] == "accuracy"


def test_absent_things_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", splits=["validation"])
    with pytest.raises(DataError, match="no such run folder"):
        compare(tmp_path / "nowhere", run)
    with pytest.raises(DataError, match="no seed has predictions for split 'test'"):
        compare(run, run)


def test_five_seeds_of_450_rows_take_seconds(tmp_path: Path) -> None:
    seeds = [0, 1, 2, 3, 4]
    base, other = (
        make_run(tmp_path / name, seeds=seeds, rows=450, noise=noise) for noise, name in enumerate(("base", "other"))
    )
    start = time.perf_counter()
    found = compare(base, other)
    assert time.perf_counter() - start < 10
    assert found.note == ""
    assert math.isclose(found.resamples, 5000)


def test_a_run_that_answers_the_same_to_every_row_is_called_out(tmp_path: Path) -> None:
    rows = [{"id": str(number), "target": "ab"[number % 2], "label": "a"} for number in range(10)]
    for name in ("base", "other"):
        folder = tmp_path / name / "seed-0" / "predictions"
        folder.mkdir(parents=True)
        lines = [{**row, "label": row["target"] if name == "other" else "a"} for row in rows]
        (folder / "test.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        record = {"seeds": [0], "labels": ["a", "b"], "best_metric": "accuracy"}
        (tmp_path / name / "run.json").write_text(json.dumps(record), encoding="utf-8")
    found = compare(tmp_path / "base", tmp_path / "other", resamples=100)
    assert "the base run answers 'a' to every row" in found.note
    assert "the other run" not in found.note


def test_marked_spans_are_compared_as_they_are_measured(tmp_path: Path) -> None:
    text = "The staff was kind and the soup cold"
    true = [{"start": 4, "end": 9, "role": "aspect"}, {"start": 27, "end": 31, "role": "aspect"}]
    wide = {"start": 0, "end": 9, "role": "aspect"}

    def answering(run: Path, spans: list[dict[str, Any]]) -> Path:
        make_run(run, rows=8)
        for seed in (0, 1):
            change(run, seed, lambda rows: [row.update(text=text, target={"spans": true}, spans=spans) for row in rows])
        return run

    base, other = answering(tmp_path / "base", [wide]), answering(tmp_path / "other", [*true])
    found = compare_each(base, other, **FAST)
    assert list(found) == ["exact_f1", "binary_f1", "proportional_f1"]
    assert (found["exact_f1"].base, found["exact_f1"].other) == (0, 1)
    assert found["binary_f1"].base == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert found["proportional_f1"].base == pytest.approx(0.5)  # half of "The staff" is true, half of the true spans is found
    assert compare(base, other, metric="exact_recall/aspect", **FAST).difference == 1
    change(other, 1, lambda rows: [row.update(spans=None) for row in rows[:2]])
    with pytest.raises(DataError, match="2 rows have no marked spans"):
        compare(base, other)
    change(other, 0, lambda rows: rows[3].update(target={"spans": true[:1]}))
    with pytest.raises(DataError, match="differ in the target of 1 rows"):
        compare(base, other)


def scored_run(folder: Path, *, noise: float, dataset: str = "mosi", seeds: tuple[int, ...] = (0, 1)) -> Path:
    """A run that predicted scores, the further off the more ``noise``."""
    draw = np.random.default_rng(0)
    truth = np.round(draw.uniform(-3, 3, size=80), 1)
    for seed in seeds:
        luck = np.random.default_rng([seed, int(100 * noise)])
        rows = [
            {"id": f"clip-{place}", "target": float(score), "score": float(score + noise * luck.normal()), "text": "x"}
            for place, score in enumerate(truth)
        ]
        file = folder / f"seed-{seed}" / "predictions" / "test.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    evaluators = [{"class_path": "SentimentRegression", "init_args": {"dataset": dataset, "details": False}}]
    record = {"best_metric": "MAE", "recipe": {"evaluation": {"evaluators": evaluators}}}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_runs_that_predict_scores(tmp_path: Path) -> None:
    base, other = scored_run(tmp_path / "base", noise=1.0), scored_run(tmp_path / "other", noise=0.3)
    found = compare_each(base, other, **FAST)
    assert list(found) == [
        *("MAE", "Corr", "Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score", "Mult_acc_5", "Mult_acc_7")
    ]
    for name, result in found.items():
        means = []
        for run in (base, other):
            rows = [read_predictions(run, seed).rows for seed in (0, 1)]
            values = [msa_regression([row["score"] for row in some], [row["target"] for row in some])[name] for some in rows]
            means.append(sum(values) / 2)
        assert (result.base, result.other) == pytest.approx(means, abs=1e-6)
        assert result.low < result.difference < result.high
    main = compare(base, other, **FAST)
    assert main.metric == "MAE"  # it chose the checkpoint
    assert main.high < 0
    assert re.search(
        r"scores 0\.\d{3} lower in MAE, which is better \(95 % interval 0\.\d{3} to 0\.\d{3}; 80 rows and 2 seeds\)",
        main.in_words(),
    )
    assert compare(base, base, **FAST).p_value == 1


def test_a_metric_that_is_undefined_in_a_group_is_left_out_there(tmp_path: Path) -> None:
    """Where all true scores are 0, Non0 and Corr compare nothing: that is no equality."""
    runs = [scored_run(tmp_path / name, noise=noise) for name, noise in (("base", 1.0), ("other", 0.3))]

    def alter(rows: list[dict[str, Any]]) -> None:
        for place, row in enumerate(rows):
            row["extra"] = {"shop": "a" if place % 2 else "b"}
            if place % 2 == 0:
                row["target"] = 0.0

    for run in runs:
        for seed in (0, 1):
            change(run, seed, alter)
    found = {metric: compare(*runs, metric=metric, by="shop", **FAST) for metric in ("MAE", "Non0_acc_2")}
    assert set(found["MAE"].groups) == {"a", "b"}
    assert set(found["Non0_acc_2"].groups) == {"a"}
    assert "no Non0_acc_2 of the rows with shop b: it is undefined there" in found["Non0_acc_2"].note
    assert "undefined" not in found["MAE"].note


def own_scores(folder: Path, seed: int, *, noise: float, human: bool, lacks: Sequence[int] = ()) -> None:
    """Give the rows of a run scores of their texts alone, and what people gave these; but those at the places ``lacks``."""
    luck = np.random.default_rng([seed, int(100 * noise)])

    def alter(rows: list[dict[str, Any]]) -> None:
        for place, row in enumerate(rows):
            said = row["target"] / 2 if human else row["target"]
            row["score_text"] = None if place in lacks else said + noise * luck.normal()
            if human and place != 9:
                row["target_text"] = said

    change(folder, seed, alter)


@pytest.mark.parametrize("human", [False, True])
def test_what_runs_predict_of_a_modality_by_itself(tmp_path: Path, human: bool) -> None:
    base, other = scored_run(tmp_path / "base", noise=1.0), scored_run(tmp_path / "other", noise=0.3)
    for seed in (0, 1):
        own_scores(base, seed, noise=0.2, human=human, lacks=(3, 4))
        own_scores(other, seed, noise=0.9, human=human, lacks=(4,) if seed else (4, 5))
    found = compare(base, other, metric="MAE/text", **FAST)
    assert found.rows == (76 if human else 77), "but 3, 4 and 5, and 9 that nobody scored"
    without, target = {f"clip-{at}" for at in ((3, 4, 5, 9) if human else (3, 4, 5))}, "target_text" if human else "target"
    for name in ("MAE", "Corr"):
        means = []
        for run in (base, other):
            kept = [[row for row in read_predictions(run, seed).rows if row["id"] not in without] for seed in (0, 1)]
            values = [msa_regression([row["score_text"] for row in some], [row[target] for row in some])[name] for some in kept]
            means.append(sum(values) / 2)
        one = compare(base, other, metric=f"{name}/text", **FAST)
        assert (one.base, one.other) == pytest.approx(means, abs=1e-6)
    assert found.low > 0
    assert re.search(r"scores 0\.\d{3} higher in MAE/text, which is worse", found.in_words())
    assert "3 rows are left out that have no score of text by itself" in found.note
    assert "MAE/text" not in compare_each(base, other, **FAST), "asked for, not shown beside the others"
    with pytest.raises(RecipeError, match="no metric 'MAE/txt': did you mean 'MAE/text'"):
        compare(base, other, metric="MAE/txt", **FAST)


def test_scores_of_a_modality_that_cannot_be_compared(tmp_path: Path) -> None:
    base, other = scored_run(tmp_path / "base", noise=1.0), scored_run(tmp_path / "other", noise=0.3)
    with pytest.raises(RecipeError, match="no metric 'MAE/text'"):
        compare(base, other, metric="MAE/text", **FAST)
    for seed in (0, 1):
        own_scores(base, seed, noise=0.2, human=True)
    with pytest.raises(DataError, match=r"other/seed-0/predictions/test\.jsonl: no row has a score of text by itself"):
        compare(base, other, metric="MAE/text", **FAST)
    for seed in (0, 1):
        own_scores(other, seed, noise=0.2, human=False)
    with pytest.raises(DataError, match=r"'target_text' of clip-0, clip-1, .* is another than in the other predictions"):
        compare(base, other, metric="MAE/text", **FAST)


def test_the_metric_of_a_modality_that_chose_the_checkpoint_is_the_main_one(tmp_path: Path) -> None:
    base, other = scored_run(tmp_path / "base", noise=1.0), scored_run(tmp_path / "other", noise=0.3)
    for run, seed in ((base, 0), (base, 1), (other, 0), (other, 1)):
        own_scores(run, seed, noise=0.2, human=False)
    record = json.loads((other / "run.json").read_text("utf-8"))
    (other / "run.json").write_text(json.dumps(record | {"best_metric": "MAE/text"}), "utf-8")
    assert compare(base, other, **FAST).metric == "MAE/text"
    assert compare(other, base, **FAST).metric == "MAE"


def test_scores_that_cannot_be_compared(tmp_path: Path) -> None:
    base = scored_run(tmp_path / "base", noise=1.0)
    with pytest.raises(DataError, match=r"base was measured by the rules of mosi, .*sims by those of sims"):
        compare(base, scored_run(tmp_path / "sims", noise=1.0, dataset="sims"))
    constant = scored_run(tmp_path / "constant", noise=0.5)
    change(constant, 1, lambda rows: [row.update(score=0.25) for row in rows])
    assert "the other run predicts one score for every row" in compare(base, constant, metric="MAE", **FAST).note
    with pytest.raises(RecipeError, match="no metric 'Corr'"):
        compare(base, constant, metric="Corr", **FAST)
    change(constant, 1, lambda rows: rows[3].update(score=None))
    with pytest.raises(DataError, match=r"1 rows have a target but no predicted score \(clip-3\)"):
        compare(base, constant)
