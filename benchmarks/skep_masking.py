"""Which part of a step of pre-training with sentiment knowledge goes into preparing and hiding, and not into the model.

    python benchmarks/skep_masking.py --reviews reviews.txt --knowledge knowledge --threads 1 --steps 20

Prints medians in seconds and the share and, with --out, writes JSON. `tokens` is what any training on text prepares; `knowledge` finds
the words in the texts and lays them onto the tokens; `hide` is the view; `model` is forward, backward and the optimizer's step.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from polysense.data.collate import Collate
from polysense.data.lines import read_lines
from polysense.encoders.transformer_text import TransformerText
from polysense.objectives.sentiment_fields import SentimentFields
from polysense.recipe import load_recipe
from polysense.types import Batch, Sample
from polysense.views.sentiment_masked import SentimentMasked
from polysense.views.view import seeded

OBJECTIVES = ("word", "polarity", "pair")
OVERHEAD = ("tokens", "knowledge", "hide")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its seconds."""
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def measure(samples: Sequence[Sample], overrides: Sequence[str], *, batch: int, steps: int) -> dict[str, list[float]]:
    """Seconds of each part of each step, and the texts' ``length`` in tokens; one step before them warms up."""
    recipe = load_recipe("skep/pretrain", overrides).complete(samples)
    learner = recipe.build(seed=0).train()
    encoder = learner.model.encoder("text")
    [preparer] = learner.preparers
    assert isinstance(encoder, TransformerText)
    assert isinstance(preparer, SentimentFields)
    view = SentimentMasked(encoder.vocabulary, preparer.source)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=5e-5)
    seconds: dict[str, list[float]] = {name: [] for name in (*OVERHEAD, "model", "length")}
    for step in range(steps + 1):
        rows = [samples[(step * batch + place) % len(samples)] for place in range(batch)]
        nested, tokens = timed(partial(Collate({"text": encoder}), rows))
        fields, knowledge = timed(partial(preparer.prepare, rows))
        whole = {**nested, **fields}
        draw = seeded(view, seed=0, step=step)
        _, hide = timed(partial(view.show, Batch.of(whole), draw))

        def learn(whole: dict[str, Any] = whole) -> None:
            optimizer.zero_grad()
            learner(**whole)["loss"].backward()
            optimizer.step()

        _, learning = timed(learn)
        length = float(nested["text"]["attention_mask"].sum()) / batch
        if step:
            for name, value in zip(seconds, (tokens, knowledge, hide, learning - hide, length), strict=True):
                seconds[name].append(value)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--reviews", type=Path, required=True, help="a text a line")
    parser.add_argument("--knowledge", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--set", action="append", default=[], help="over the recipe skep/pretrain")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    texts = [line for line in read_lines(options.reviews) if line.strip()]
    samples = [Sample(id=str(number), text=text, index=number) for number, text in enumerate(texts)]
    named = [f"objectives.{name}.objective.knowledge={options.knowledge}" for name in OBJECTIVES]
    seconds = measure(samples, [*named, *options.set], batch=options.batch, steps=options.steps)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    length = medians.pop("length")
    share = sum(medians[name] for name in OVERHEAD) / sum(medians.values())
    result: dict[str, Any] = {
        "batch": options.batch,
        "steps": options.steps,
        "threads": options.threads,
        "tokens_a_text": round(length, 1),
        "seconds": {name: round(value, 5) for name, value in medians.items()},
        "share": round(share, 4),
    }
    for name, value in medians.items():
        print(f"{name:<10} {1000 * value:9.2f} ms")
    print(f"tokens, knowledge and hiding are {100 * share:.2f} % of a step ({options.batch} texts of {length:.0f} tokens)")
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
