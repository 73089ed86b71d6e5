"""Trainer arguments of a recipe, with what polysense decides itself filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from polysense.errors import RecipeError
from polysense.recipe import Recipe
from polysense.recipe.training import OURS


def training_arguments(recipe: Recipe, folder: Path, *, seed: int) -> TrainingArguments:
    """The Trainer's arguments for one seed; checkpoints go to ``folder``.

    Raises:
        RecipeError: the Trainer refuses a value.
    """
    written: dict[str, Any] = {key: value for key, value in recipe.training.items() if key not in OURS}
    settings: dict[str, Any] = {
        "report_to": "none",
        "logging_strategy": "epoch",
        "eval_strategy": "epoch",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
        "label_names": [],
        "ddp_find_unused_parameters": True,  # a batch of one corpus leaves the heads of the others out
        "ddp_broadcast_buffers": False,  # every process keeps its memories as the others do; sending them costs their size a step
        **written,
        "seed": seed,
        "output_dir": str(folder),
        "remove_unused_columns": False,
        "metric_for_best_model": recipe.evaluation.best,
        "greater_is_better": recipe.evaluation.greater_is_better,
    }
    if settings["eval_strategy"] not in ("steps", "epoch"):
        raise RecipeError("training.eval_strategy: write 'steps' or 'epoch'; the weights that are best on validation are kept")
    settings["save_strategy"] = settings["eval_strategy"]
    if "eval_steps" in settings:
        settings["save_steps"] = settings["eval_steps"]
    try:
        return _on_one_device(TrainingArguments(**settings))
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeError(f"training: {' '.join(str(error).split())}") from error


def _on_one_device(arguments: TrainingArguments) -> TrainingArguments:
    """One process trains on one device: the Trainer would split each batch over all, contrasts and their negatives with it."""
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def idle_gpus(arguments: TrainingArguments) -> str | None:
    """What to tell where the machine has GPUs that nobody trains on; None where all are at work."""
    gpus = torch.cuda.device_count()
    if arguments.device.type != "cuda" or gpus <= arguments.world_size:
        return None
    return (
        f"training on {arguments.world_size} of {gpus} GPUs; for all of them: "
        f"torchrun --nproc-per-node {gpus} -m polysense train ... (each takes per_device_train_batch_size rows)"
    )
