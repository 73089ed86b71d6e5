"""A step of UNIMO's pre-training as it is against the sum of its parts run without sharing, in turn, in one process.

    python benchmarks/unimo_step.py --data DATA --pairs 5 --out docs/results/unimo_step.json

DATA is the folder of all data sets; Flickr8k is read. As it is: one batch for all objectives, equal views run once, pictures from the
cache, rewritten captions without padding and in pieces of similar length. Without sharing: every objective by itself on the same rows,
pictures through their encoder in each, captions in one piece, padded to the longest.
Captions of other pictures stand for the rewritten ones: what they say costs no time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from polysense.data.collate import Collate
from polysense.learner import Learner
from polysense.recipe import Recipe, load_recipe
from polysense.training.run import read_data
from polysense.training.seed import readers
from polysense.types import Sample
from record import origin

BOTH = ("objectives.language.turn=null", "objectives.writing.turn=null")
"""Hidden words and fragments in every step, on both sides; a run takes one of them a step."""

ALONE = {"writing": ("objectives.writing.objective.head_of=null",)}
"""What an objective borrows of another one, it has of its own where it is run by itself."""

PAIRS = "corpora=[{class_path: Flickr8k, init_args: {captions_per_image: 1}}]"
NEGATIVES = 3


def recipes(start: str) -> tuple[Recipe, dict[str, Recipe]]:
    """The pre-training with all objectives, and one for each of them by itself."""
    base = [PAIRS, f"encoders.text.pretrained={start}", "evaluation.patience=null", *BOTH]
    together = load_recipe("unimo/pretrain_pairs", base)
    alone = {}
    for name in together.objectives:
        others = [other for other in together.objectives if other != name]
        kept = [one for one in base if not one.startswith(tuple(f"objectives.{other}." for other in others))]
        without = [f"objectives.{other}=null" for other in others]
        alone[name] = load_recipe("unimo/pretrain_pairs", [*kept, *without, *ALONE.get(name, ()), "fusion.piece_rows=0"])
    return together, alone


def rows_of(recipe: Recipe, data: Path, count: int) -> list[Sample]:
    """Training rows, each with a pair, three negatives, a near text and a near picture."""
    rows = [sample for sample in read_data(recipe, data).samples if sample.split == "train"][:count]
    texts = [sample.text or "" for sample in rows]
    others = [[texts[(row + 7 * k) % count] for k in range(1, NEGATIVES + 3)] for row in range(count)]
    return [
        replace(
            sample,
            index=row,
            pair=others[row][0],
            negatives=tuple(others[row][1 : 1 + NEGATIVES]),
            near_texts=(others[row][-1],),
            near_images=(rows[(row + 5) % count].image,),  # type: ignore[arg-type]
        )
        for row, sample in enumerate(rows)
    ]


def seconds(learner: Learner, collate: Collate, batches: Sequence[Sequence[Sample]]) -> float:
    """Of a step on each batch: preparing, forward, backward, the optimizer."""
    optimizer = torch.optim.AdamW([one for one in learner.parameters() if one.requires_grad], lr=1e-5)
    learner.train()
    began = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        learner(**collate(batch))["loss"].backward()
        optimizer.step()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", default="minilm")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    recipe, by_itself = recipes(options.start)
    samples = rows_of(recipe, options.data, options.batch * options.steps)
    batches = [samples[place : place + options.batch] for place in range(0, len(samples), options.batch)]
    shared = recipe.build(seed=0)
    cached = Collate(readers(shared, samples, use_cache=True), shared.preparers, companions=True)
    alone = []
    for one in by_itself.values():
        learner = one.build(seed=0)
        companions = learner.companions
        alone.append((learner, Collate(readers(learner, samples, use_cache=False), learner.preparers, companions=companions)))
    pairs = []
    for number in range(options.pairs + 1):
        together = seconds(shared, cached, batches)
        apart = sum(seconds(learner, collate, batches) for learner, collate in alone)
        if number:  # the first round warms up
            pairs.append({"together": together, "apart": apart, "ratio": apart / together})
            print(f"pair {number}: together {together:.2f} s, apart {apart:.2f} s, ratio {apart / together:.2f}", flush=True)
    result = {
        "start": options.start,
        "batch": options.batch,
        "steps": options.steps,
        "threads": torch.get_num_threads(),
        "pairs": pairs,
        "median_ratio": statistics.median(pair["ratio"] for pair in pairs),
        **origin(),
    }
    print(f"median: the parts by themselves take {result['median_ratio']:.2f} times as long")
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
