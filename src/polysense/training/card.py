"""The model card: what a saved run is, in the form that model hubs show."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Template

from polysense.data.counts import Counts
from polysense.data.json_file import read_lines
from polysense.evaluation.one_answer import in_a_line
from polysense.evaluation.settled import by_seed
from polysense.metrics.names import lower_is_better
from polysense.metrics.spread import mean_and_std
from polysense.recipe.recipe import LAST
from polysense.training.folder import CARD
from polysense.training.predictions import answered_alike
from polysense.training.rival import constant_answer, outdone, scored_split

TEMPLATE = Template(
    """---
library_name: polysense
tags: [{{ tags | join(", ") }}]
{% if measured %}
metrics: [{{ measured | join(", ") }}]
{% endif %}
---
# {{ name }}
{% if synthetic %}

**Trained on synthetic {{ rows }}: a demonstration, of no use on real data.**
{% endif %}

Trained with polysense {{ polysense }} from the recipe `recipe.yaml` on {{ data.name }}
({% for split, count in counts.items() %}{{ split }}: {{ count }}{{ "; " if not loop.last }}{% endfor %}).
{% if drawn < data.splits.train %}
An epoch shows {{ drawn }} of the training rows, which each seed draws.
{% endif %}
{% if drawn_labels < data.labelled.train %}
Each seed draws {{ drawn_labels }} labels to learn from.
{% endif %}

{% if labels %}
Classes: {{ labels | join(", ") }}.

{% endif %}
{% for line in alike %}
**Warning: on {{ split }}, {{ line }}.**

{% endfor %}
{{ table }}

{% if lower %}
Of {{ lower | join(", ") }} less is better.
{% endif %}
{% if floor %}
The last column answers every row with {{ constant }}: what a model must beat.
{% endif %}
{% for said in outdone %}
**{{ said }}**
{% endfor %}
{% if lower or floor or outdone %}

{% endif %}
{% if best_metric == "last" %}
The last checkpoint of each seed was kept; seed {{ best_seed }} is the first of them
and answers when this folder is loaded.
{% else %}
The checkpoint of each seed was chosen by {{ best_metric }} on validation; seed {{ best_seed }}
is the best of them there and answers when this folder is loaded.
{% endif %}
{% if chosen %}

{{ chosen }}
{% endif %}
{% if settled %}

After training its answers were settled on the validation rows, as `polysense calibrate` does it:
{{ settled | join("; ") }}.
{% endif %}

```sh
{{ made }} --out {{ folder }}
```

```python
import polysense

model = polysense.load("{{ folder }}")  # this folder
{% if answers %}
model.predict({{ example }})
{% elif writes %}
model.{{ writes }}
{% else %}
model.encode(["what a lovely day"])
{% endif %}
```

{% if noted %}
Frames of {{ noted | join(" and ") }} must be made like those that it was trained on, and be given with the record of what made them.

{% endif %}
Know before use: the {{ seen }} it was trained on decide what it can do; check it on labelled rows of your own with
`polysense evaluate`. {{ rows | capitalize }} of persons are personal data.
""",
    keep_trailing_newline=True,
    trim_blocks=True,
)

EXAMPLES = {"text": "what a lovely day", "image": "rain.jpg", "audio": "sound.npy", "video": "film.npy"}
"""What a row may show of each modality."""

CALLS = {"text": 'caption("rain.jpg")', "pair": 'generate("what a lovely day")'}
"""How a model that writes is called, by what it writes."""

ALIGNING = frozenset({"ImageTextContrast", "CrossModalContrast", "Grounding", "PairRanking"})
"""Objectives with which texts find pictures."""

WORDS = {"text": "texts", "image": "pictures", "audio": "recordings", "video": "films"}

HUB_METRICS = {
    "f1": ("weighted_f1", "exact_f1"),
    "accuracy": ("accuracy", "subset_accuracy"),
    "mae": ("MAE",),
    "pearsonr": ("Corr",),
}
"""The names that model hubs give to metrics, and ours."""


def write_card(folder: Path, summary: Mapping[str, Any]) -> None:
    """The ``README.md`` of a run."""
    split = scored_split(summary)
    data, metrics = summary["data"], summary["per_seed"][0][split]
    encoders = summary["recipe"]["encoders"]
    floor = constant_answer(summary, split)
    counts = {name: Counts(count, data["splits"][name] - count) for name, count in data["labelled"].items()}
    noted = [name for name, encoder in encoders.items() if encoder.get("init_args", {}).get("features")]
    shown = {name: EXAMPLES[name] for name in encoders if name not in noted}
    seen = [WORDS[name] for name in encoders]
    text = TEMPLATE.render(
        **summary,
        split=split,
        rows="clips" if {"audio", "video"} & set(encoders) else "posts",
        measured=[hub for hub, names in HUB_METRICS.items() if any(name in metrics for name in names)],
        table=_table(summary, split, floor),
        lower=[name for name in metrics if lower_is_better(name) and "/" not in name],
        floor=floor,
        outdone=outdone(summary),
        constant="the most frequent class" if summary["labels"] else "the median score of the training rows",
        counts=counts,
        drawn=data.get("drawn", data["splits"]["train"]),
        drawn_labels=data.get("drawn_labels", data["labelled"]["train"]),
        folder=folder.name,
        answers=any(folder.glob("seed-*/predictions")),
        tags=tags_of(summary),
        writes=CALLS.get(written_target(summary["recipe"].get("objectives", {})) or ""),
        example=json.dumps([shown]) if shown else "rows",
        noted=noted,
        seen=" and ".join(filter(None, (", ".join(seen[:-1]), seen[-1]))),
        made=shlex.join(summary["command"]),
        chosen=best_and_last(
            summary, {one["seed"]: _journal(folder, one["seed"]) for one in summary["per_seed"] if "seed" in one}
        ),
        settled=by_seed(summary["per_seed"]),
        alike=[in_a_line(one) for one in answered_alike(folder, summary["seeds"], split)],
    )
    (folder / CARD).write_text(text, encoding="utf-8")


def _journal(folder: Path, seed: int) -> list[Mapping[str, Any]]:
    return list(read_lines(folder / f"seed-{seed}" / "evaluations.jsonl", may_be_cut_off=True))


def tags_of(summary: Mapping[str, Any]) -> list[str]:
    """The tags by which model hubs find it."""
    recipe = summary["recipe"]
    objectives = {one["objective"]["class_path"] for one in recipe.get("objectives", {}).values() if one["weight"]}
    judged = summary["labels"] or "Regression" in objectives
    tasks = {
        "sentiment-analysis": bool(judged) and "SoftAnswers" not in objectives,
        "visual-question-answering": "SoftAnswers" in objectives,
        "image-to-text": written_target(recipe.get("objectives", {})) == "text",
        "text-generation": written_target(recipe.get("objectives", {})) == "pair",
        "sentence-similarity": "SentenceContrast" in objectives,
        "image-text-retrieval": bool(objectives & ALIGNING) and not judged,
        "multimodal": len(recipe["encoders"]) > 1,
    }
    return ["polysense", *(name for name, holds in tasks.items() if holds)]


def written_target(objectives: Mapping[str, Any]) -> str | None:
    """What the objectives of a saved recipe write: a picture's ``text``, a text's ``pair``; None where they write no whole texts."""
    parts = [one["objective"] for one in objectives.values() if one["weight"]]
    targets = [part["init_args"]["target"] for part in parts if part["class_path"] == "Generation"]
    return next((target for target in targets if target in CALLS), None)


def best_and_last(summary: Mapping[str, Any], evaluations: Mapping[int, Sequence[Mapping[str, Any]]]) -> str:
    """What choosing a checkpoint gained on validation, and apart from it what was fitted there afterwards, such as thresholds.

    Nothing where none was chosen, or where nobody noted the last one's.

    Args:
        summary: of the run.
        evaluations: seed -> its journal of validations.
    """
    metric, results = summary.get("best_metric"), summary.get("per_seed", [])
    times = ("validation", "last")
    if metric == LAST or not results or not all(metric in result.get(when, {}) for result in results for when in times):
        return ""
    end, last = ([float(result[when][metric]) for result in results] for when in times)
    fitted = list(dict.fromkeys(part for one in results for found in one.get("settled", {}).values() for part in found))
    chosen = (
        [_when_chosen(result, str(metric), evaluations.get(result.get("seed"), ())) for result in results] if fitted else end
    )
    known = [value for value in chosen if value is not None]
    afterwards = (
        f"with {' and '.join(_FITTED.get(part, part) for part in fitted)}, fitted there afterwards, {mean_and_std(end)}"
        if fitted
        else ""
    )
    if len(known) < len(results):
        return f"On validation, {metric} is {mean_and_std(last)} at the last checkpoints, and at those that were chosen, {afterwards}."
    at = "the checkpoints that were chosen"
    if all(result.get("best_step") == result.get("last_step") is not None for result in results):
        said = f"On validation, {metric} is {mean_and_std(known)} at {at}, which are the last ones"
    elif mean_and_std(known) == mean_and_std(last):
        said = f"On validation, {metric} is {mean_and_std(known)} at {at}, as at the last ones"
    else:
        said = f"On validation, {metric} is {mean_and_std(known)} at {at} and {mean_and_std(last)} at the last ones"
    return f"{said}; {afterwards}." if fitted and end != known else f"{said}."


_FITTED = {"temperature": "the temperature", "thresholds": "the thresholds of the classes"}


def _when_chosen(result: Mapping[str, Any], metric: str, journal: Sequence[Mapping[str, Any]]) -> float | None:
    """The metric of the chosen checkpoint as training measured it, before anything was fitted; None where nobody noted it."""
    if not result.get("settled"):
        return float(result["validation"][metric])
    step = result.get("best_step")
    if step is not None and step == result.get("last_step"):
        return float(result["last"][metric])
    return next((float(one["metrics"][metric]) for one in journal if one["step"] == step and metric in one["metrics"]), None)


def start_scores(summary: Mapping[str, Any], split: str) -> dict[str, list[float]]:
    """Each metric of the encoder before training, a value a seed; empty where nothing could be measured of it."""
    starts = [result.get("start", {}).get(split, {}) for result in summary.get("per_seed", ())]
    return {
        name: [start[name] for start in starts] for name in (starts[0] if starts else ()) if all(name in one for one in starts)
    }


def _table(summary: Mapping[str, Any], split: str, floor: tuple[str, Mapping[str, float]] | None) -> str:
    """A line a metric: over the seeds, before training, and of one answer to every row."""
    seeds = ", ".join(map(str, summary["seeds"]))
    over = f"mean ± std over seeds {seeds}" if len(summary["seeds"]) > 1 else f"seed {seeds}"
    lines = [[f"metric on {split}", over], ["---", "---"]]
    for name in summary["per_seed"][0][split]:
        if "/" not in name and name != "rows":
            lines.append([name, mean_and_std([result[split][name] for result in summary["per_seed"]])])
    if begun := start_scores(summary, split):
        first = ["before training", "---", *(mean_and_std(begun[line[0]]) if line[0] in begun else "" for line in lines[2:])]
        lines = [[*line, cell] for line, cell in zip(lines, first, strict=True)]
    if floor:
        least = [floor[0], "---", *(_number(floor[1].get(line[0])) for line in lines[2:])]
        lines = [[*line, cell] for line, cell in zip(lines, least, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
