"""Did ITC and ITM learn what they train? Trains the arms with a signal (or finds them trained), writes a table.

    python benchmarks/social_controls.py --data DATA/mvsa_single --runs runs/mvsa --out docs/results
    python benchmarks/social_controls.py --on captions --data DATA/flickr8k --runs runs/captions --out docs/results

A signal that does not learn its own task could not help another one. ITM is asked whether a test row's text is its own or another
one's, ITC to find the picture of a text among all test pictures. On MVSA-Single by the models that social_mvsa.py compares; a post and
its picture often have little to do with each other, so the same models are asked on captions too, which say what a picture shows, and
which they learn without any class. Writes mvsa_controls.* or caption_controls.* (.json and .md); arms that are in the file already and
are not asked again stay there, with their commit.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polysense.data.corpora.captions import Captions
from polysense.data.corpora.flickr8k import Flickr8k
from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.data.folders import set_folder
from polysense.data.json_file import read_object
from polysense.evaluation.matching import Matching
from polysense.evaluation.retrieval import Retrieval
from polysense.inference.predictor import Predictor
from polysense.training.run import train
from polysense.types import Sample
from record import commit, origin, plus_minus, spread, write
from small_networks import write_networks
from social_mvsa import changes

MODELS = ("concat", "interactions", "attention", "mmbt", "lxmert", "vilt")
ARMS = tuple(f"{model}_{signal}" for model in MODELS for signal in ("itc", "itm", "both"))
CAPTIONS = (
    "corpora=[{class_path: Captions, init_args: {path: captions.csv, media: images, use_splits: true, captions_per_image: 1, "
    "resample: every_epoch}}]",
    "objectives.classification=null",
    "objectives.contrast.weight=1",
    "objectives.matching.weight=1",
    "evaluation.evaluators=[Matching, Retrieval]",
    "evaluation.best=matching_accuracy",
    "evaluation.patience=null",
)
"""What differs from the recipe of posts where it learns from captions."""

ASKED = {"matching_accuracy": "ITM: own text or another's", "text_to_image_R@10": "ITC: picture of a text in the first ten"}


def captions_table(data: Path, folder: Path) -> Path:
    """A folder with Flickr8k's captions as a table: all of the training pictures, the first of the others, which are asked often."""
    folder.mkdir(parents=True, exist_ok=True)
    images = folder / "images"
    if not images.exists():
        images.symlink_to((set_folder(data, "flickr8k") / "images").resolve(), target_is_directory=True)
    seen: set[object] = set()
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "image", "split"))
        for sample in Flickr8k(captions_per_image=None).read(data).samples:
            if sample.split == "train" or sample.group not in seen:
                rows.writerow((sample.text, sample.group, sample.split))
            seen.add(sample.group)
    return folder


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
    on, title = (
        ("--on captions --data DATA/flickr8k --runs runs/captions", "captions of Flickr8k")
        if result["on"] == "captions"
        else ("--data DATA/mvsa_single --runs runs/mvsa", "MVSA-Single")
    )
    alike: dict[int | None, list[str]] = {}
    for name, arm in result["arms"].items():
        alike.setdefault(arm["epochs"], []).append(name)
    commands = [
        f"`python benchmarks/social_controls.py {on} --out docs/results --arms {','.join(names)}"
        + ("`" if epochs is None else f" --epochs {epochs}`")
        for epochs, names in alike.items()
    ]
    commits = ", ".join(dict.fromkeys(arm["commit"] for arm in result["arms"].values()))
    lines = [
        f"# Do ITC and ITM learn their own tasks on {title}?",
        "",
        f"Command: {', and '.join(commands)}. Commits {commits}, {result['machine']}.",
        f"On the {result['pairs']} test pairs, in points, mean ± standard deviation over seeds (`--seeds`, where not 0,1,2).",
        "",
        f"| model | signals | epochs | seeds | {ASKED['matching_accuracy']} (chance 50) | "
        f"{ASKED['text_to_image_R@10']} (chance {1000 / result['pairs']:.1f}) |",
        "|---|---|---|---|---|---|",
    ]
    for name, arm in result["arms"].items():
        model, _, signal = name.partition("_")
        cells = [_points(arm["found"].get(key)) for key in ASKED]
        epochs = arm["epochs"] or "the recipe's"
        lines.append(f"| {model} | {signal} | {epochs} | {', '.join(map(str, arm['seeds']))} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _points(value: Mapping[str, Any] | None) -> str:
    return "-" if value is None else plus_minus(value, times=100, digits=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--on", choices=("posts", "captions"), default="posts")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=None, help="on captions, in place of the recipe's")
    parser.add_argument("--runs", type=Path, default=Path("runs/mvsa"))
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--arms", default=",".join(ARMS), help="those to train and ask")
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    captions = options.on == "captions"
    data = captions_table(options.data, options.runs.absolute() / "table") if captions else options.data
    samples = (
        Captions(media="images", use_splits=True).read(data).split("test")
        if captions
        else MvsaSingle().read(data).split("test")
    )
    seeds = [int(seed) for seed in options.seeds.split(",")]
    name_of_file = "caption_controls" if captions else "mvsa_controls"
    arms: dict[str, Any] = dict(read_object(options.out / f"{name_of_file}.json").get("arms", {}))
    write_networks(options.runs / "networks")
    for name in options.arms.split(","):
        overrides = changes(name, (options.runs / "networks").absolute())
        if captions:
            overrides += CAPTIONS if options.epochs is None else (*CAPTIONS, f"training.num_train_epochs={options.epochs}")
        recipe = f"social/{'posts' if captions else 'mvsa'}_{name}"
        train(recipe, data, out=options.runs / name, seeds=seeds, overrides=overrides, resume=True)
        found = controls(options.runs / name, seeds, samples)
        arms[name] = {"commit": commit(), "epochs": options.epochs, "seeds": seeds, "found": found}
        result = {
            **origin(),
            "on": options.on,
            "pairs": len(samples),
            "arms": {one: arms[one] for one in ARMS if one in arms},
        }
        write(options.out, name_of_file, result, markdown(result))


if __name__ == "__main__":
    main()
