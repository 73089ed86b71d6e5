"""Did ITC and ITM learn what they train, on MVSA-Single? Trains the arms with a signal (or finds them trained), writes a table.

    python benchmarks/social_controls.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results

A signal that does not learn its own task could not help another one. ITM is asked whether a test post's text is its own or another
one's, ITC to find the picture of a text among all test pictures; both by the models that social_mvsa.py compares. Writes
mvsa_controls.json and mvsa_controls.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.evaluation.matching import Matching
from polysense.evaluation.retrieval import Retrieval
from polysense.inference.predictor import Predictor
from polysense.training.run import train
from polysense.types import Sample
from record import origin, plus_minus, spread, write
from small_networks import write_networks
from social_mvsa import changes

MODELS = ("concat", "interactions", "attention", "mmbt", "lxmert", "vilt")
ARMS = tuple(f"{model}_{signal}" for model in MODELS for signal in ("itc", "itm", "both"))
ASKED = {"matching_accuracy": "ITM: own text or another's", "text_to_image_R@10": "ITC: picture of a text in the first ten"}


def controls(run: Path, seeds: Sequence[int], samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Balanced matching accuracy and retrieval on the pairs, over the seeds."""
    found: dict[str, list[float]] = {}
    for seed in seeds:
        model = Predictor.from_pretrained(run / f"seed-{seed}")
        for name, value in model.measure(samples, evaluators=[Matching(), Retrieval()]).items():
            found.setdefault(name, []).append(value)
    return {name: spread(values) for name, values in found.items()}


def markdown(result: Mapping[str, Any]) -> str:
    """The table, for people."""
    seeds = ",".join(map(str, result["seeds"]))
    command = (
        "python benchmarks/social_controls.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results "
        f"--arms {','.join(result['arms'])} --seeds {seeds}"
    )
    lines = [
        "# Do ITC and ITM learn their own tasks on MVSA-Single?",
        "",
        f"Command: `{command}`. Commit {result['commit']}, {result['machine']}.",
        f"On the {result['pairs']} test pairs, in points, mean ± standard deviation over seeds ({seeds}).",
        "",
        f"| model | signals | {ASKED['matching_accuracy']} (chance 50) | "
        f"{ASKED['text_to_image_R@10']} (chance {1000 / result['pairs']:.1f}) |",
        "|---|---|---|---|",
    ]
    for name, found in result["arms"].items():
        model, _, signal = name.partition("_")
        cells = [_points(found.get(key)) for key in ASKED]
        lines.append(f"| {model} | {signal} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _points(value: Mapping[str, Any] | None) -> str:
    return "-" if value is None else plus_minus(value, times=100, digits=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/mvsa"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--arms", default=",".join(ARMS), help="those to train and ask")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    samples = MvsaSingle().read(options.data).split("test")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    arms = {}
    write_networks(options.runs / "networks")
    for name in options.arms.split(","):
        overrides = changes(name, (options.runs / "networks").absolute())
        train(f"social/mvsa_{name}", options.data, out=options.runs / name, seeds=seeds, overrides=overrides, resume=True)
        arms[name] = controls(options.runs / name, seeds, samples)
        result = {
            **origin(),
            "pairs": len(samples),
            "seeds": seeds,
            "arms": arms,
        }
        write(options.out, "mvsa_controls", result, markdown(result))


if __name__ == "__main__":
    main()
