"""What a step of the label generation of Self-MM costs, for few training rows and for many: running sums against all rows anew.

    python benchmarks/unimodal_memory.py --out docs/results/unimodal_memory.json

Features are made up, of the widths of Self-MM (128 fused, 32, 16, 32), in batches of 32 random rows whose labels move. ``sums`` is
one ``observe`` with its share of adding all sums up anew, which happens once as many rows have gone by as there are; ``anew`` is
the same with all centres made from the whole memory at every step, as in the released code. Medians of processor time in
microseconds, on one thread: what else runs on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from polysense.objectives.unimodal_labels import UnimodalLabelGenerator

WIDTHS = {"fused": 128, "text": 32, "audio": 16, "video": 32}
BATCH = 32


def microseconds(samples: int, *, steps: int) -> dict[str, float]:
    """Medians of a step, and what adding up costs a step."""
    draw = torch.Generator().manual_seed(0)
    made = UnimodalLabelGenerator(samples, WIDTHS, limit=3.0, exclude_zero=True)
    human = torch.randint(-30, 31, (samples,), generator=draw) / 10
    for key, width in WIDTHS.items():  # as after a first epoch
        made.get_buffer(f"features_{key}").copy_(torch.randn(samples, width, generator=draw))
    made.label.copy_(human.expand_as(made.label))
    made.filled.fill_(True)
    made.visits.fill_(1)
    began = time.process_time()
    made.add_up()
    adding = time.process_time() - began
    times: dict[str, list[float]] = {"sums": [], "anew": []}
    for name, count in (("sums", 5 * steps), ("anew", steps)):
        for _ in range(count):
            index = torch.randint(0, samples, (BATCH,), generator=draw)
            features = {key: torch.randn(BATCH, width, generator=draw) for key, width in WIDTHS.items()}
            made.passed.zero_()  # adding up is counted apart
            began = time.process_time()
            made.observe(index, features, human[index])
            if name == "anew":
                made.add_up()
            times[name].append(time.process_time() - began)
    sums, anew = (statistics.median(times[name]) for name in ("sums", "anew"))
    return {"sums": 1e6 * (sums + adding * BATCH / samples), "anew": 1e6 * anew}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    microseconds(options.samples[0], steps=options.steps)  # the first calls are slower
    rows = []
    for samples in options.samples:
        found = microseconds(samples, steps=options.steps)
        rows.append({"samples": samples, **{f"{name}_microseconds": round(value, 1) for name, value in found.items()}})
        rows[-1]["sums_over_smallest"] = round(found["sums"] / rows[0]["sums_microseconds"], 2)
        rows[-1]["anew_over_sums"] = round(found["anew"] / found["sums"], 1)
        print(
            f"{samples:>9,} samples: {found['sums']:,.0f} us a step, {rows[-1]['sums_over_smallest']:.2f} times the smallest; "
            f"all centres anew takes {rows[-1]['anew_over_sums']:.1f} times as long"
        )
    if options.out:
        result = {"batch": BATCH, "widths": WIDTHS, "threads": 1, "steps": options.steps, "rows": rows}
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
