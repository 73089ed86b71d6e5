"""What each modality is worth alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from polysense.report.figure import ACCENT, INK, MUTED, PAPER, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread, is_fraction, led_by, most_frequent, run_scores
from polysense.report.section import Section, plain, render
from polysense.types import MODALITIES


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model was shown, and its scores."""

    name: str
    scores: Mapping[str, Spread]


def modalities(run: Run, against: Sequence[Run]) -> Section | None:
    """All modalities beside each alone, where the run was tried so."""
    del against
    alone = [Shown(f"{name} alone", run_scores(run, f"{run.split}.{name}")) for name in MODALITIES]
    alone = [shown for shown in alone if shown.scores]
    whole = run_scores(run)
    metrics = [name for name in led_by(whole, best=run.record.get("best_metric")) if is_fraction(name)]
    if not alone or not metrics:
        return None
    rows = [Shown("all together" if len(alone) > 2 else "both", whole), *alone]
    missing = Counter(name for part in run.shown.values() for row in part.rows for name in row.get("missing") or ())
    constant = most_frequent(run)
    return Section(
        "modalities",
        "Modalities",
        render(
            "modalities.html",
            rows=rows,
            metrics=metrics,
            constant=constant,
            missing={name: count // max(1, len(run.shown)) for name, count in missing.items()},
            figure=dots(rows, metrics[0], floor=constant[1].get(metrics[0]) if constant else None),
        ),
    )


def dots(rows: Sequence[Shown], metric: str, *, floor: float | None) -> Markup:
    """A line a modality: each seed's score as a tick, their mean as a dot, the constant answer as a dashed line."""
    with drawing(width=340, height=64 + 36 * len(rows), name="modalities", label=f"{plain(metric)} by modality") as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        for place, shown in enumerate(rows):
            spread = shown.scores[metric]
            axes.plot([100 * value for value in spread.values], [place] * len(spread.values), "|", color=MUTED, markersize=12)
            axes.plot([100 * spread.mean], [place], "o", color=ACCENT, markersize=9, markeredgecolor=PAPER, markeredgewidth=1.5)
        if floor is not None:
            axes.axvline(100 * floor, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(rows)), [shown.name for shown in rows], color=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.margins(x=0.1)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{plain(metric)}, points")
    return drawn.svg
