"""What each modality is worth alone, and what the others are worth without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from polysense.report.figure import ACCENT, INK, MUTED, PAPER, drawing
from polysense.report.run import Run
from polysense.report.scores import Spread, constant, led_by, measured_rows, run_scores, spreads
from polysense.report.section import Section, render
from polysense.report.units import in_units, plain, scale, titled
from polysense.training.predictions import Predictions
from polysense.types import MODALITIES

COLUMNS = 3
"""Metrics that the table shows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model was shown, on how many rows, and its scores."""

    name: str
    rows: int
    scores: Mapping[str, Spread]


def modalities(run: Run, against: Sequence[Run]) -> Section | None:
    """All modalities beside each alone, and all but each, where the run was tried so: always on the same rows."""
    del against
    whole = run_scores(run)
    metrics = led_by(whole, best=run.record.get("best_metric"))[:COLUMNS]
    tried = [name for name in MODALITIES if f"{run.split}.{name}" in run.predictions]
    left_out = [name for name in MODALITIES if f"{run.split}.without_{name}" in run.predictions]
    together = "all together" if len(tried) > 2 else " and ".join(tried)
    first = next(iter(run.shown.values()), None)
    rows = [Shown(together, len(measured_rows(first)), whole)] if first is not None else []
    rows += [line for name in tried for line in lines(run, name, together=together)]
    rows += [line for name in left_out for line in lines(run, name, together=together, without=True)]
    if len(rows) < 2 or not metrics:
        return None
    missing = Counter(name for part in run.shown.values() for row in part.rows for name in row.get("missing") or ())
    floor = constant(run)
    return Section(
        "modalities",
        "Modalities",
        render(
            "modalities.html",
            rows=rows,
            together=together,
            metrics=metrics,
            units=in_units(metrics),
            left_out=left_out,
            constant=floor,
            missing={name: count // max(1, len(run.shown)) for name, count in missing.items()},
            figure=dots(rows, metrics[0], floor=floor[1].get(metrics[0]) if floor else None),
        ),
    )


def lines(run: Run, modality: str, *, together: str, without: bool = False) -> Iterator[Shown]:
    """The modality alone, on the rows that have it; before it all modalities on these rows, where they are not all rows.

    Or with ``without`` all but the modality, on the rows that have it and another one.
    """
    parts = run.predictions[f"{run.split}.{'without_' if without else ''}{modality}"]
    pairs = [on_shared_rows(whole, parts[seed], modality, without) for seed, whole in run.shown.items() if seed in parts]
    if not pairs:
        return
    rows, every = len(measured_rows(pairs[0][0])), len(measured_rows(next(iter(run.shown.values()))))
    scores = [spreads(run, side) for side in zip(*pairs, strict=True)]
    if not all(scores):
        return
    if rows < every:
        yield Shown(f"{together}, rows with {modality}{' and others' if without else ''}", rows, scores[0])
    yield Shown(f"without {modality}" if without else f"{modality} alone", rows, scores[1])


def on_shared_rows(
    whole: Predictions, part: Predictions, modality: str, without: bool = False
) -> tuple[Predictions, Predictions]:
    """Both files cut to the rows that have the modality and stand in both."""
    having = {str(row["id"]) for row in whole.rows if modality not in (row.get("missing") or ())}
    shared = having & {str(row["id"]) for row in part.rows if without or modality not in (row.get("missing") or ())}
    one, two = (Predictions(file.path, tuple(row for row in file.rows if str(row["id"]) in shared)) for file in (whole, part))
    return one, two


def dots(rows: Sequence[Shown], metric: str, *, floor: float | None) -> Markup:
    """A line a modality that has the metric: each seed's score as a tick, their mean as a dot, the constant answer as a dashed line."""
    factor = scale(metric)
    rows = [shown for shown in rows if metric in shown.scores]
    with drawing(width=340, height=64 + 36 * len(rows), name="modalities", label=f"{plain(metric)} by modality") as drawn:
        axes = drawn.axes
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        for place, shown in enumerate(rows):
            spread = shown.scores[metric]
            axes.plot(
                [factor * value for value in spread.values], [place] * len(spread.values), "|", color=MUTED, markersize=12
            )
            axes.plot(
                [factor * spread.mean], [place], "o", color=ACCENT, markersize=9, markeredgecolor=PAPER, markeredgewidth=1.5
            )
        if floor is not None:
            axes.axvline(factor * floor, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(rows)), [shown.name for shown in rows], color=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.margins(x=0.1)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(titled(metric) + (", points" if factor != 1 else ""))
    return drawn.svg
