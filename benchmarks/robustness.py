"""What is left of each baseline of multimodal sentiment where clips are damaged.

    python benchmarks/msa_zoo.py --runs runs/msa_zoo --out docs/results
    python benchmarks/robustness.py --runs runs/msa_zoo --out docs/results

Asks the models that the first command trained about the same test clips without a modality, with frames lost, and with noise on the
frames; writes robustness.json and robustness.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msa_zoo import ARMS, SUM
from polysense.data.damage import Damage
from polysense.inference.measure import Reading, measure
from record import origin, plus_minus, spread, table, write

METRIC = "MAE"
DAMAGES: dict[str, dict[str, Damage]] = {
    "Without a modality": {
        "none": Damage(),
        **{name: Damage(drop=(name,)) for name in ("text", "audio", "video")},
        "audio and video": Damage(drop=("audio", "video")),
    },
    "Frames lost": {f"{share:.0%}": Damage(frames=share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)},
    "Noise on the frames, in standard deviations": {f"{size:g}": Damage(noise=size) for size in (0.0, 0.5, 1.0, 2.0, 4.0)},
}


def asked(run: Path, data: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Kind -> damage -> mean, standard deviation and every seed."""
    known: dict[Damage, list[float]] = {}

    def values(damage: Damage) -> list[float]:
        if damage not in known:
            known[damage] = [one["metrics"][METRIC] for one in measure(run, Reading(data=data, damage=damage)).per_seed]
        return known[damage]

    return {
        kind: {name: spread(found) for name, damage in damages.items() if (found := values(damage))}
        for kind, damages in DAMAGES.items()
    }


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    lines = [
        "# Damaged clips",
        "",
        "Command: `python benchmarks/robustness.py --runs runs/msa_zoo --out docs/results`, after that of [msa_zoo.md](msa_zoo.md). "
        f"Commit {result['commit']}, {result['machine']}.",
        f"{METRIC} of the models of [msa_zoo.md](msa_zoo.md) on the {result['rows']} test clips whose score is a sum, damaged; the "
        "models learned from whole clips. Mean ± standard deviation over seeds. The median of the training scores has "
        f"{result['constant']:.3f}.",
    ]
    for kind, damages in DAMAGES.items():
        models = [[ARMS[arm].told, *map(plus_minus, found[kind].values())] for arm, found in result["arms"].items()]
        lines += ["", f"## {kind}", "", *table(["model", *damages], models)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/msa_zoo"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    home = options.runs / SUM.folder
    records = {name: home / name / "run.json" for name in ARMS if (home / name / "run.json").is_file()}
    record = json.loads(next(iter(records.values())).read_text("utf-8"))
    result = {
        "metric": METRIC,
        "rows": record["data"]["splits"]["test"],
        "constant": record["median_score"]["test"]["metrics"][METRIC],
        "arms": {name: asked(home / name, home / "clips") for name in records},
        **origin(),
    }
    write(options.out, "robustness", result, markdown(result))


if __name__ == "__main__":
    main()
