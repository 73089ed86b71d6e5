"""How good the score is that a run gives each modality by itself, from a head of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polysense.metrics.sentiment import OF_EACH
from polysense.report.run import Run
from polysense.report.scores import Spread, is_number
from polysense.report.section import Section, render
from polysense.training.untaught import spoken
from polysense.types import MODALITIES


@dataclass(frozen=True, slots=True)
class OwnLine:
    """One modality, or all together."""

    name: str
    seeds: int
    """That give such a score."""
    scores: Mapping[str, Spread]


def own_scores(run: Run, against: Sequence[Run]) -> Section | None:
    """A line a modality whose head answers, below one of all together, and which seeds were chosen too early for some."""
    del against
    results = [result.get(run.split or "") or {} for result in run.record.get("per_seed", ())]
    lines = [own_line(results, name) for name in ("", *MODALITIES)]
    silent = too_early(run)
    if not (any(line.scores for line in lines[1:]) or silent):
        return None
    shown = [line for line in lines if line.scores]
    return Section(
        "own-scores", "Each modality by itself", render("own_scores.html", lines=shown, metrics=OF_EACH, silent=silent, run=run)
    )


def own_line(results: Sequence[Mapping[str, float]], name: str) -> OwnLine:
    """Of a modality, or of all together where ``name`` is empty."""
    keys = {metric: f"{metric}/{name}" if name else metric for metric in OF_EACH}
    found = {metric: tuple(one[key] for one in results if is_number(one.get(key))) for metric, key in keys.items()}
    seeds = sum(keys["MAE"] in one for one in results)
    return OwnLine(name or "all together", seeds, {metric: Spread(values) for metric, values in found.items() if values})


def too_early(run: Run) -> list[str]:
    """A sentence for the seeds whose weights were chosen before the same heads had learned anything."""
    seeds: dict[tuple[str, ...], list[str]] = {}
    for result in run.record.get("per_seed", ()):
        if names := tuple(result.get("untaught", ())):
            seeds.setdefault(names, []).append(str(result["seed"]))
    return [
        f"The weights of seed{'s' if len(some) > 1 else ''} {spoken(some)} were chosen before the "
        f"head{'s' if len(names) > 1 else ''} of {spoken(names)} had learned anything, so they give no score of that."
        for names, some in seeds.items()
    ]
