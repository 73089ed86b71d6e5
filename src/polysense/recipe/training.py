"""The ``training`` entry: those ``transformers.TrainingArguments`` that a recipe may set, by their names and types.

A list of what is allowed, not of what is forbidden: an argument that polysense would ignore is refused, and a recipe that came with
downloaded weights can name no code here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from jsonargparse import ArgumentParser

from polysense.errors import RecipeError, choices
from polysense.recipe.messages import wrong_value

ALLOWED = frozenset(
    {
        "num_train_epochs",
        "max_steps",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "learning_rate",
        "lr_scheduler_type",
        "lr_scheduler_kwargs",
        "warmup_steps",
        "weight_decay",
        "optim",
        "optim_args",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "max_grad_norm",
        "bf16",
        "fp16",
        "seed",
        "eval_strategy",
        "eval_steps",
        "eval_delay",
        "logging_strategy",
        "logging_steps",
        "logging_first_step",
        "report_to",
        "run_name",
        "dataloader_num_workers",
        "torch_compile",
        "torch_compile_backend",
        "torch_compile_mode",
        "use_cpu",
    }
)
"""What a recipe may set: the names of ``transformers.TrainingArguments`` that change something here."""

BY_PART = ("learning_rates", "weight_decays")
"""What a recipe may set besides, for parts of the model: the value of each is by module prefix, the longest prefix counts."""

COUPLED = "coupled_decay"
"""Whether Adam takes AdamW's place: weight decay is added to the gradients and normalised with them, as older programs have it."""

OURS = (*BY_PART, COUPLED)
"""Entries that the Trainer does not know."""

LEAST = {
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "learning_rate": 0,
    "weight_decay": 0,
    "warmup_steps": 0,
    "max_grad_norm": 0,
    "adam_epsilon": 0,
    "eval_steps": 1,
    "eval_delay": 0,
    "logging_steps": 1,
    "dataloader_num_workers": 0,
}
"""The smallest value of each; what is not above it is no number either."""

INSTEAD = {
    "output_dir": "the option --out says where a run goes",
    "metric_for_best_model": "write evaluation.best",
    "greater_is_better": "write evaluation.greater_is_better",
    "load_best_model_at_end": "the best weights on validation are always kept",
    "save_strategy": "a checkpoint is written at every evaluation (eval_strategy)",
    "save_steps": "a checkpoint is written at every evaluation (eval_steps)",
    "resume_from_checkpoint": "use the option --resume",
    "label_smoothing_factor": "write label_smoothing of the objective Classification",
    "per_device_eval_batch_size": "evaluation answers in batches of its own",
    "data_seed": "the order of the batches depends on seed",
    "push_to_hub": "use push_to_hub() of a loaded model",
    "auto_find_batch_size": "runs must be repeatable: choose per_device_train_batch_size",
}
"""Arguments of the Trainer for which polysense has another place."""


def check_training(written: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with its values converted to the types of ``TrainingArguments``; only what was written.

    Raises:
        RecipeError: names the wrong key or value, and the nearest valid key.
    """
    from transformers import TrainingArguments

    parts = {key: _by_part(key, written[key]) for key in BY_PART if written.get(key) is not None}
    ours = parts | _coupled(written)
    written = {key: value for key, value in written.items() if key not in OURS}
    for key, value in written.items():
        if key in INSTEAD:
            raise RecipeError(f"training.{key}: not for recipes; {INSTEAD[key]}")
        if key not in ALLOWED:
            raise RecipeError(f"training: there is no argument {key!r}; {choices(str(key), {*ALLOWED, *OURS})}")
        if "class_path" in repr(value):
            raise RecipeError(f"training.{key}: a class cannot be named here")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainingArguments, "training", skip={"output_dir"})
    try:
        parsed = parser.parse_object({"training": dict(written)}, defaults=False)
    except Exception as error:  # jsonargparse raises argparse.ArgumentError, and others from nested parsing
        annotations = {field.name: field.type for field in fields(TrainingArguments)}
        raise RecipeError(f"training.{wrong_value(error, annotations, written)}") from error
    checked: dict[str, Any] = parsed["training"].as_dict() if written else {}
    for key, least in LEAST.items():
        if checked.get(key) is not None and not checked[key] >= least:
            raise RecipeError(f"training.{key}: expected {f'a number from {least} up'}, found {checked[key]:g}")
    if not (checked.get("num_train_epochs", 1) > 0 or checked.get("max_steps", 0) > 0):
        raise RecipeError(f"training.num_train_epochs must be above 0, found {checked['num_train_epochs']:g}")
    return checked | {key: value for key, value in ours.items() if value}


def _coupled(written: Mapping[str, Any]) -> dict[str, bool]:
    coupled = written.get(COUPLED)
    if coupled is not None and not isinstance(coupled, bool):
        raise RecipeError(f"training.{COUPLED}: write true or false, found {coupled!r}")
    if coupled and any(written.get(name) is not None for name in ("optim", "optim_args")):
        raise RecipeError(f"training.{COUPLED}: means Adam; leave optim and optim_args out")
    return {COUPLED: bool(coupled)}


def _by_part(entry: str, written: Any) -> dict[str, float]:
    """Numbers by module prefix: our addition to the Trainer's names."""
    numbers = isinstance(written, Mapping) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in written.values()
    )
    if not numbers:
        raise RecipeError(f"training.{entry}: write a mapping of module prefixes to numbers, found {written!r}")
    return {str(prefix): float(number) for prefix, number in written.items()}
