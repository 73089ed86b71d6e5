"""Text and sound on MOSI: the score alone, and with the labels that Self-MM makes.

    python benchmarks/mosi.py --data DATA/mosi --runs runs/mosi --out docs/results

Standard split, raw transcripts with one vector of sound a clip, MiniLM fine-tuned. Trains each arm over the seeds, chooses checkpoints
on validation, scores test once; writes mosi.json and mosi.md. All is taken up where it stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from polysense.data.corpora.mosi import Mosi
from polysense.metrics.sentiment import msa_regression
from polysense.training.comparison import compare_each
from polysense.training.run import train
from polysense.types import Sample
from record import difference, origin, plus_minus, spread, table, write

SEEDS = (0, 1, 2, 3, 4)
ARMS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "text": ("self_mm/mosi_single", ("encoders.audio=null",), "text alone"),
    "single": ("self_mm/mosi_single", (), "text and sound, the score alone"),
    "self_mm": ("self_mm/mosi_text_audio", (), "text and sound, and labels that the model makes (Self-MM)"),
}
"""Each arm's recipe, what differs from it, and what it is called."""

COMPARED = (("text", "single"), ("single", "self_mm"), ("text", "self_mm"))
METRICS = ("MAE", "Corr", "Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score", "Mult_acc_5", "Mult_acc_7")


def reference(training: Sequence[Sample], test: Sequence[Sample]) -> dict[str, float]:
    """TF-IDF of words and pairs of words with ridge regression: MAE 1.134, Corr 0.538."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = Ridge(alpha=0.5)
    model.fit(words.fit_transform(one.text or "" for one in training), [one.score for one in training])
    predicted = model.predict(words.transform(one.text or "" for one in test))
    return msa_regression(predicted, [float(one.score or 0) for one in test])


def collected(runs: Path) -> dict[str, Any]:
    """Every finished arm, and what differs."""
    arms = {}
    for arm in ARMS:
        if (file := runs / arm / "run.json").is_file():
            tests = [one["test"] for one in json.loads(file.read_text("utf-8"))["per_seed"]]
            arms[arm] = {name: spread(values) for name in METRICS if (values := [test[name] for test in tests])}
    pairs = [pair for pair in COMPARED if set(pair) <= set(arms)]
    differences = {
        f"{other} - {base}": {
            name: one.as_dict() for name, one in compare_each(runs / base, runs / other, metrics=list(METRICS)).items()
        }
        for base, other in pairs
    }
    return {"arms": arms, "differences": differences}


def markdown(result: Mapping[str, Any]) -> str:
    """The page."""
    rows = result["rows"]
    learned = [["TF-IDF and ridge regression, text alone", *(_value(name, result["reference"][name]) for name in METRICS)]]
    for arm, values in result["arms"].items():
        cells = [plus_minus(values[name], **_unit(name)) for name in METRICS]
        learned.append([ARMS[arm][2], *cells])
    differences = []
    for pair, values in result["differences"].items():
        other, _, base = pair.partition(" - ")
        differences.append([ARMS[other][2], ARMS[base][2], *(difference(values[name], **_unit(name)) for name in METRICS)])
    lines = [
        "# Text and sound on MOSI",
        "",
        "Command: `python benchmarks/mosi.py --data DATA/mosi --runs runs/mosi --out docs/results`. "
        f"Commit {result['commit']}, {result['machine']}.",
        f"Standard split: {rows['train']:,} training, {rows['validation']} validation, {rows['test']} test clips. Transcripts in lower "
        "case, one vector of sound a clip; MiniLM fine-tuned; the checkpoint of each seed has the lowest MAE on validation. Mean ± "
        f"standard deviation over seeds {', '.join(map(str, SEEDS))}; all but MAE and Corr in points.",
        "",
        *table(["learned", *METRICS], learned),
        "",
        "Differences, with their 95 % interval over seeds and test clips (two-level bootstrap):",
        "",
        *table(["", "against", *METRICS], differences),
    ]
    return "\n".join(lines) + "\n"


def _unit(name: str) -> dict[str, int]:
    return {"times": 1, "digits": 3} if name in ("MAE", "Corr") else {"times": 100, "digits": 1}


def _value(name: str, value: float) -> str:
    return plus_minus({"mean": value, "std": None}, **_unit(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/mosi"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--only-tables", action="store_true", help="train nothing")
    options = parser.parse_args()
    table = Mosi().read(options.data)
    for arm, (recipe, changes, _) in ARMS.items() if not options.only_tables else ():
        train(recipe, options.data, out=options.runs / arm, seeds=SEEDS, overrides=changes, resume=True)
    result = collected(options.runs) | {
        "reference": reference(table.split("train"), table.split("test")),
        "rows": {part: len(table.split(part)) for part in ("train", "validation", "test")},
        **origin(),
    }
    write(options.out, "mosi", result, markdown(result))


if __name__ == "__main__":
    main()
