"""One training epoch with the cache of frozen encoders against the same epoch without it, in turn, in one process.

    python benchmarks/frozen_cache.py --data DATA/mvsa_single --rows 640 --pairs 5

Prints a table and, with --out, writes JSON. What is timed is the epoch alone: building the model, and filling the cache once (stated
apart), are not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from polysense.data.collate import Collate, Prepares
from polysense.data.sampling import ShuffledBatches
from polysense.recipe import Recipe, load_recipe
from polysense.training.arguments import training_arguments
from polysense.training.journal import Journal
from polysense.training.precision import settle_precision
from polysense.training.run import read_data
from polysense.training.seed import readers
from polysense.training.trainer import LearnerTrainer
from polysense.types import Sample


def epoch_seconds(recipe: Recipe, samples: Sequence[Sample], *, use_cache: bool) -> float:
    """Seconds of one epoch over the samples."""
    learner = recipe.build(seed=0)
    modalities: Mapping[str, Prepares] = readers(learner, samples, use_cache=use_cache)
    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(recipe, Path(folder), seed=0)
        trainer = LearnerTrainer(
            learner,
            arguments,
            samples=samples,
            batches=ShuffledBatches(len(samples), arguments.per_device_train_batch_size, seed=0),
            collate=Collate(modalities, learner.active.values()),
            examine=lambda: {recipe.evaluation.best: 0.0},
            keep_best=lambda: None,
            journal=Journal(Path(folder)),
            learning_rates={},
            weight_decays={},
            callbacks=[],
        )
        began = time.perf_counter()
        trainer.train()
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", default="social/mvsa_concat")
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = load_recipe(
        options.recipe, ["training.num_train_epochs=1", "training.eval_strategy=steps", "training.eval_steps=1000000"]
    )
    samples = read_data(recipe, options.data).split("train")[: options.rows]
    recipe = settle_precision(recipe.complete(samples))
    began = time.perf_counter()
    readers(recipe.build(seed=0), samples, use_cache=True)
    filling = time.perf_counter() - began
    pairs: list[dict[str, float]] = []
    for number in range(options.pairs):
        cached = epoch_seconds(recipe, samples, use_cache=True)
        uncached = epoch_seconds(recipe, samples, use_cache=False)
        pairs.append({"cached": cached, "uncached": uncached, "ratio": uncached / cached})
        print(f"pair {number}: cached {cached:.1f} s, uncached {uncached:.1f} s, ratio {uncached / cached:.2f}")
    result: dict[str, Any] = {
        "recipe": options.recipe,
        "rows": len(samples),
        "threads": options.threads,
        "first_fill_or_check_seconds": round(filling, 2),
        "pairs": pairs,
        "median_ratio": statistics.median(pair["ratio"] for pair in pairs),
    }
    print(f"median: an epoch without the cache takes {result['median_ratio']:.2f} times as long")
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
