"""The ``training`` entry: names and types of ``transformers.TrainingArguments``, less those that polysense sets itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from jsonargparse import ArgumentParser

from polysense.errors import RecipeError, choices
from polysense.recipe.messages import wrong_value

MANAGED = {
    "output_dir": "the option --out says where a run goes",
    "metric_for_best_model": "write evaluation.best",
    "greater_is_better": "write evaluation.greater_is_better",
    "load_best_model_at_end": "the best weights on validation are always kept",
    "save_strategy": "a checkpoint is written at every evaluation (eval_strategy)",
    "save_steps": "a checkpoint is written at every evaluation (eval_steps)",
    "save_total_limit": "the newest checkpoint is kept until the run is finished",
    "save_only_model": "checkpoints hold all that resuming needs",
    "resume_from_checkpoint": "use the option --resume",
    "remove_unused_columns": "the objectives say what they read",
    "label_names": "the objectives say what they read",
    "do_train": "use the commands train, evaluate and predict",
    "do_eval": "use the commands train, evaluate and predict",
    "do_predict": "use the commands train, evaluate and predict",
    "push_to_hub": "use push_to_hub() of a loaded model",
    "auto_find_batch_size": "runs must be repeatable: choose per_device_train_batch_size",
}
"""Arguments of the Trainer that a recipe may not set, with what to do instead."""


def check_training(written: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with its values converted to the types of ``TrainingArguments``; only what was written.

    Raises:
        RecipeError: names the wrong key or value, and the nearest valid key.
    """
    from transformers import TrainingArguments

    valid = {field.name for field in fields(TrainingArguments) if field.init} - set(MANAGED)
    rates = _learning_rates(written.get("learning_rates"))
    written = {key: value for key, value in written.items() if key != "learning_rates"}
    for key in written:
        if key in MANAGED:
            raise RecipeError(f"training.{key}: not for recipes; {MANAGED[key]}")
        if key not in valid:
            hint = choices(str(key), valid).partition("valid:")[0]
            raise RecipeError(
                f"training: there is no argument {key!r}; {hint}valid are the names of transformers.TrainingArguments"
            )
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainingArguments, "training", skip={"output_dir"})
    try:
        parsed = parser.parse_object({"training": dict(written)}, defaults=False)
    except Exception as error:  # jsonargparse raises argparse.ArgumentError, and others from nested parsing
        annotations = {field.name: field.type for field in fields(TrainingArguments)}
        raise RecipeError(f"training.{wrong_value(error, annotations, written)}") from error
    checked: dict[str, Any] = parsed["training"].as_dict() if written else {}
    return checked | ({"learning_rates": rates} if rates else {})


def _learning_rates(written: Any) -> dict[str, float]:
    """Learning rates by module prefix: our one addition to the Trainer's names."""
    if written is None:
        return {}
    numbers = isinstance(written, Mapping) and all(
        isinstance(rate, int | float) and not isinstance(rate, bool) for rate in written.values()
    )
    if not numbers:
        raise RecipeError(f"training.learning_rates: write a mapping of module prefixes to numbers, found {written!r}")
    return {str(prefix): float(rate) for prefix, rate in written.items()}
