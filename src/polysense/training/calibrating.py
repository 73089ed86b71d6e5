"""A finished run as it would be if its recipe had asked for a temperature, and for thresholds of the classes.

Both are fitted on what the run answered to its validation rows, which it wrote down. No row is read and nothing is trained: the
weights stay as they are, and what was written down of the answers is put right.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from polysense.data.json_file import read_lines
from polysense.data.new_folder import refuse_full
from polysense.errors import DataError, RecipeError, display
from polysense.evaluation.classification_report import multi_label_report, single_label_report
from polysense.learner import Learner
from polysense.objectives.classification import Classification
from polysense.progress import once
from polysense.recipe import Recipe, read_saved
from polysense.recipe.recipe import LAST
from polysense.training.card import write_card
from polysense.training.checkpoints import write_whole
from polysense.training.folder import CARD, RECIPE, REPORT, SUMMARY, WEIGHTS, finished, going_on, unfinished_seeds
from polysense.training.predictions import names_of
from polysense.training.saved import read_model
from polysense.training.self_check import write_self_check
from polysense.training.stopping import standing
from polysense.training.trainer import save_weights
from polysense.types import Prediction, Sample

Decide = Literal["likeliest", "macro_f1"]


def calibrate(run: Path, out: Path, *, decide: Decide = "likeliest", trust_recipe_code: bool = False) -> dict[str, Any]:
    """Write ``run`` with a temperature into the new folder ``out``; the summary that is also written to its ``run.json``.

    Args:
        run: finished, with one objective `Classification` whose answers were not calibrated yet.
        out: is not there, or empty.
        decide: ``macro_f1`` also fits a threshold for each class.
        trust_recipe_code: run the code outside polysense that the recipe names.

    Raises:
        RecipeError: the run does not classify, was calibrated already, or ``out`` is not empty.
        DataError: no validation row has a label.
        PolysenseError: the run is not finished.
    """
    record = finished(run)
    if (run / WEIGHTS).is_file():
        raise RecipeError(f"{display(run)} is a single model: name the run, whose seeds are all calibrated")
    if others := unfinished_seeds(run):
        raise RecipeError(f"{display(run)} is not finished ({', '.join(others)}): go on with `{going_on(run)}`")
    refuse_full(out)
    if out.resolve().is_relative_to(run.resolve()):
        raise RecipeError(f"{display(out)} lies in the run itself: choose another --out")
    recipe = read_saved(run, trust_recipe_code=trust_recipe_code)
    name, choices = _classification(recipe, run), {"calibrate": True, "decide": decide}
    changed = recipe.with_objectives({name: choices})
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(run, partial, ignore=shutil.ignore_patterns(REPORT, CARD))
        results = []
        with once():
            for result in record["per_seed"]:
                home = partial / f"seed-{result['seed']}"
                _, learner = read_model(home, trust_recipe_code=trust_recipe_code)
                results.append(_settle_seed(home, result, changed, learner, name))
        words = [f"objectives.{name}.objective.{entry}" for entry in ("calibrate=true", f"decide={decide}")]
        summary = {
            **record,
            "per_seed": results,
            "best_seed": _best_seed(changed, results),
            "recipe": changed.written(),
            "command": [*record["command"], *(word for override in words for word in ("--set", override))],
        }
        (partial / RECIPE).write_text(changed.to_yaml(), encoding="utf-8")
        write_whole(partial / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False))
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    write_card(out, summary)
    return summary


def _classification(recipe: Recipe, run: Path) -> str:
    """The name of the one objective that can be settled."""
    found = {
        name: one.part.arguments for name, one in recipe.objectives.items() if one.part.kind is Classification and one.weight
    }
    if len(found) != 1:
        raise RecipeError(f"{display(run)}: one objective Classification can be calibrated, its recipe has {len(found)}")
    [(name, arguments)] = found.items()
    if arguments["calibrate"] or arguments["decide"] != "likeliest":
        raise RecipeError(f"{display(run)} was calibrated already; name the run as it was before")
    if arguments["threshold"] != 0.5:
        raise RecipeError(f"{display(run)}: objectives.{name}: has a threshold of its own ({arguments['threshold']})")
    return name


def _settle_seed(home: Path, result: Mapping[str, Any], recipe: Recipe, plain: Learner, name: str) -> dict[str, Any]:
    """Rewrite a seed's folder; what its ``run.json`` holds."""
    learner = recipe.build(seed=0, assets=home)
    learner.load_state_dict({**learner.state_dict(), **plain.state_dict()})  # all but what is fitted now
    for one in learner.objectives:
        learner.objective(one).load_assets(home)
    objective = learner.objective(name)
    assert isinstance(objective, Classification)
    rows = read_lines(home / "predictions" / "validation.jsonl")
    samples = [Sample(id=str(row["id"]), label=_label(row["target"])) for row in rows]
    settled = objective.settle(Prediction({"probabilities": [row["probabilities"] for row in rows]}), samples)
    if not settled:
        raise DataError(f"{display(home)}: no validation row has a label, on which a temperature could be fitted")
    scores = {file.stem: _rewrite(file, objective) for file in sorted((home / "predictions").glob("*.jsonl"))}
    learner.eval()
    (home / RECIPE).write_text(recipe.to_yaml(), encoding="utf-8")
    save_weights(learner, home / WEIGHTS)
    write_self_check(home, learner)
    found = {
        **result,
        **{split: {**result[split], **scores[split]} for split in ("validation", "test") if result.get(split)},
        "settled": {name: settled},
    }
    write_whole(home / SUMMARY, json.dumps(found, indent=2))
    return found


def _rewrite(file: Path, objective: Classification) -> dict[str, float]:
    """Put the answers in a file of predictions right; their metrics, over the rows with a target."""
    rows = read_lines(file)
    answers = objective.settled_anew([row["probabilities"] for row in rows]).rows()
    new = [{**row, **answer} for row, answer in zip(rows, answers, strict=True)]
    write_whole(file, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in new))
    return _scores([row for row in new if row["target"] is not None], objective)


def _scores(rows: Sequence[Mapping[str, Any]], objective: Classification) -> dict[str, float]:
    if not rows:
        return {}
    targets, answers, chances = (
        [names_of(row["target"]) for row in rows],
        [row["label"] for row in rows],
        [row["probabilities"] for row in rows],
    )
    if objective.multi_label:
        return multi_label_report(targets, answers, chances, labels=objective.labels)
    return single_label_report([target for (target,) in targets], answers, chances, labels=objective.labels)


def _label(target: Any) -> str | tuple[str, ...] | None:
    return tuple(target) if isinstance(target, list) else target


def _best_seed(recipe: Recipe, results: Sequence[Mapping[str, Any]]) -> int:
    judged = recipe.evaluation
    best = results[0] if judged.best == LAST else max(results, key=lambda result: standing(result["validation"], judged))
    seed: int = best["seed"]
    return seed
