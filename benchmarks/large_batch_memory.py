"""The memory of one training step with many sentences, their pieces recomputed in the backward pass, against that of a small batch.

    python benchmarks/large_batch_memory.py --data DATA/wiki_sentences --out docs/results/large_batch_memory.json

Every case is a process of its own: it takes one step of the recipe mcse/simcse with two sentences, so that weights, gradients and the
optimizer's state are there, and then one with all of them. Its memory is the highest that the process held during that step, less
what it held before. Linux keeps count of both (/proc/self).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from encode_sentences import processor, read_sentences
from record import commit

PIECE_ROWS = 64
MEGABYTE = 1_000_000
PACKAGES = ("polysense", "torch", "transformers")


def megabytes(entry: str) -> float:
    """An entry of what Linux says about this process: ``VmRSS`` is its memory now, ``VmHWM`` the highest since it was forgotten."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    found = next(line for line in lines if line.startswith(f"{entry}:"))
    return int(found.split()[1]) * 1024 / MEGABYTE


def forget_the_highest() -> None:
    """From here on ``VmHWM`` counts anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def step_memory(sentences: Sequence[str], *, recompute: bool, overrides: Sequence[str] = ()) -> dict[str, float]:
    """Megabytes, seconds and loss of one step over the sentences as one batch."""
    import torch

    from polysense.data.collate import Collate
    from polysense.recipe import load_recipe
    from polysense.training.precision import bf16_pays
    from polysense.types import Sample

    settings = [f"encoders.text.recompute={str(recompute).lower()}", *overrides]
    if recompute:
        settings.insert(0, f"encoders.text.piece_rows={PIECE_ROWS}")
    samples = [Sample(id=str(place), text=text, split="train", index=place) for place, text in enumerate(sentences)]
    learner = load_recipe("mcse/simcse", settings).complete(samples).build(seed=0).train()
    collate = Collate({"text": learner.model.encoder("text")}, learner.active.values())
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3.0e-5, fused=True)

    def step(rows: Sequence[Sample]) -> float:
        batch = collate(rows)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays()):
            loss = learner(**batch)["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)  # the gradients stay, so that they are no part of what is counted
        return float(loss.detach())

    step(samples[:2])
    gc.collect()
    forget_the_highest()
    before, began = megabytes("VmRSS"), time.perf_counter()
    loss = step(samples)
    return {
        "megabytes": round(megabytes("VmHWM") - before, 1),
        "megabytes_before": round(before, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "loss": float(f"{loss:.4g}"),
    }


def in_its_own_process(sentences: Path, batch: int, *, recompute: bool, threads: int) -> dict[str, Any]:
    """:func:`step_memory` of the first ``batch`` sentences of a JSON file."""
    found = subprocess.run(
        [sys.executable, __file__, "--worker", str(sentences), "--batch", str(batch), *(["--recompute"] if recompute else [])],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)},
    )
    return {"batch": batch, "recompute": recompute, **json.loads(found.stdout.splitlines()[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument(
        "--kept", type=int, nargs="*", default=[128, 512], help="batches whose pieces are kept; the first is small"
    )
    parser.add_argument(
        "--recomputed", type=int, nargs="*", default=[128, 1024, 4096], help="batches whose pieces are recomputed"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--recompute", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        texts = json.loads(options.worker.read_text(encoding="utf-8"))
        chosen = [texts[place * len(texts) // options.batch] for place in range(options.batch)]
        print(json.dumps(step_memory(chosen, recompute=options.recompute)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentences.json"
        largest = max([*options.kept, *options.recomputed])
        file.write_text(json.dumps(read_sentences(options.data, largest)), encoding="utf-8")
        cases: list[dict[str, Any]] = []
        for recompute, batches in ((False, options.kept), (True, options.recomputed)):
            for batch in batches:
                cases.append(in_its_own_process(file, batch, recompute=recompute, threads=options.threads))
                print(cases[-1], flush=True)
    small, large = cases[0], cases[-1]
    result = {
        "recipe": "mcse/simcse",
        "piece_rows": PIECE_ROWS,
        "threads": options.threads,
        "processor": processor(),
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "cases": cases,
        "megabytes_of_a_square_of_cosines": round(large["batch"] ** 2 * 4 / MEGABYTE, 1),
        "large_recomputed_over_small_kept": round(large["megabytes"] / small["megabytes"], 3),
    }
    print(json.dumps(result["large_recomputed_over_small_kept"]))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
