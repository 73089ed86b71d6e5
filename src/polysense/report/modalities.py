"""What each modality is worth alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from polysense.report.figure import ACCENT, INK, MUTED, PAPER, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread, is_fraction, led_by, most_frequent, run_scores, scored_rows, spreads
from polysense.report.section import Section, plain, render
from polysense.training.predictions import Predictions
from polysense.types import MODALITIES


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model was shown, on how many rows, and its scores."""

    name: str
    rows: int
    scores: Mapping[str, Spread]


def modalities(run: Run, against: Sequence[Run]) -> Section | None:
    """All modalities beside each alone, where the run was tried so: always on the same rows."""
    del against
    whole = run_scores(run)
    metrics = [name for name in led_by(whole, best=run.record.get("best_metric")) if is_fraction(name)]
    tried = [name for name in MODALITIES if f"{run.split}.{name}" in run.predictions]
    together = "all together" if len(tried) > 2 else "both"
    first = next(iter(run.shown.values()), None)
    rows = [Shown(together, len(scored_rows(first)), whole)] if first is not None else []
    rows += [line for name in tried for line in lines(run, name, together=together)]
    if len(rows) < 2 or not metrics:
        return None
    missing = Counter(name for part in run.shown.values() for row in part.rows for name in row.get("missing") or ())
    constant = most_frequent(run)
    return Section(
        "modalities",
        "Modalities",
        render(
            "modalities.html",
            rows=rows,
            together=together,
            metrics=metrics,
            constant=constant,
            missing={name: count // max(1, len(run.shown)) for name, count in missing.items()},
            figure=dots(rows, metrics[0], floor=constant[1].get(metrics[0]) if constant else None),
        ),
    )


def lines(run: Run, modality: str, *, together: str) -> Iterator[Shown]:
    """The modality alone, on the rows that have it; before it all modalities on these rows, where they are not all rows."""
    alone = run.predictions[f"{run.split}.{modality}"]
    pairs = [on_shared_rows(whole, alone[seed], modality) for seed, whole in run.shown.items() if seed in alone]
    if not pairs:
        return
    rows, every = len(scored_rows(pairs[0][0])), len(scored_rows(next(iter(run.shown.values()))))
    scores = [spreads(side, labels=run.labels) for side in zip(*pairs, strict=True)]
    if not all(scores):
        return
    if rows < every:
        yield Shown(f"{together}, rows with {modality}", rows, scores[0])
    yield Shown(f"{modality} alone", rows, scores[1])


def on_shared_rows(whole: Predictions, alone: Predictions, modality: str) -> tuple[Predictions, Predictions]:
    """Both files cut to the rows that have the modality and stand in both."""
    having = [{str(row["id"]) for row in part.rows if modality not in (row.get("missing") or ())} for part in (whole, alone)]
    shared = having[0] & having[1]
    one, two = (Predictions(part.path, tuple(row for row in part.rows if str(row["id"]) in shared)) for part in (whole, alone))
    return one, two


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
