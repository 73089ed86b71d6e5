"""Rows worth reading: those the run is most wrong about, and those whose text and picture say different things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.metrics.calibration import row_nll
from polysense.report.chances import mean_chances
from polysense.report.run import Run
from polysense.report.section import Section, render
from polysense.report.thumbnails import Thumbnail, thumbnail
from polysense.types import MODALITIES

Floats = NDArray[np.float64]

MOST = 12
"""Rows shown of each kind."""

LETTERS = 400
"""Of a text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the run says when it is shown the row, or one modality of it."""

    shown: str
    label: str
    chances: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Card:
    """A row with all that is shown of it."""

    id: str
    text: str | None
    aspect: str | None
    """What is asked about."""
    picture: Thumbnail
    target: str | None
    answers: tuple[Answer, ...]
    figures: tuple[tuple[str, float], ...]
    """Names and numbers: loss, match, similarity."""
    missing: tuple[str, ...]


def worst_rows(run: Run, against: Sequence[Run]) -> Section | None:
    """The labelled rows with the highest loss, mean over seeds."""
    del against
    labels, rows = run.labels, told_rows(run)
    chances = mean_chances(list(run.shown.values()), labels=labels)
    known = [name for name in chances if isinstance(rows[name]["target"], str) and rows[name]["target"] in labels]
    if not known:
        return None
    losses = row_nll([chances[name] for name in known], [labels.index(rows[name]["target"]) for name in known])
    order = sorted(zip(-losses, known, strict=True))[:MOST]
    cards = [
        card(run, rows[name], answers=[answer("", chances[name], labels)], figures=[("loss", -float(loss))])
        for loss, name in order
    ]
    return Section("worst", "Most wrong", render("worst.html", cards=cards, seeds=len(run.shown)))


def conflicting_rows(run: Run, against: Sequence[Run]) -> Section | None:
    """The rows where two modalities alone give different answers, each sure of its own."""
    del against
    labels, rows = run.labels, told_rows(run)
    whole = mean_chances(list(run.shown.values()), labels=labels)
    alone = {
        name: mean_chances(list(run.predictions[f"{run.split}.{name}"].values()), labels=labels)
        for name in MODALITIES
        if f"{run.split}.{name}" in run.predictions
    }
    found = []
    for name in whole:
        said = {modality: chances[name] for modality, chances in alone.items() if name in chances}
        said = {modality: value for modality, value in said.items() if modality not in (rows[name].get("missing") or ())}
        if (strength := conflict(list(said.values()))) > 0:
            found.append((-strength, name, said))
    if not found:
        return None
    cards = [
        card(
            run,
            rows[name],
            answers=[
                *(answer(f"{part} alone", value, labels) for part, value in said.items()),
                answer("together", whole[name], labels),
            ],
            figures=[],
        )
        for _, name, said in sorted(found, key=lambda entry: entry[:2])[:MOST]
    ]
    return Section(
        "conflicts", "Text against picture", render("conflicts.html", cards=cards, found=len(found), rows=len(whole))
    )


def conflict(said: Sequence[Floats]) -> float:
    """How sure two modalities are of different answers: the larger product of their confidences, 0 if all agree."""
    pairs = [(one, two) for one, two in combinations(said, 2) if one.argmax() != two.argmax()]
    return max((float(one.max() * two.max()) for one, two in pairs), default=0.0)


def told_rows(run: Run) -> dict[str, Mapping[str, Any]]:
    """The rows by id, as the seed that predicts has them (else the first that has any)."""
    shown = run.shown
    if not shown:
        return {}
    predictions = shown.get(run.best_seed if run.best_seed is not None else -1) or next(iter(shown.values()))
    return {str(row["id"]): row for row in predictions.rows}


def answer(shown: str, chances: Floats, labels: Sequence[str]) -> Answer:
    """The likeliest class and all probabilities."""
    return Answer(shown, labels[int(chances.argmax())], dict(zip(labels, map(float, chances), strict=True)))


def card(run: Run, row: Mapping[str, Any], *, answers: Sequence[Answer], figures: Sequence[tuple[str, float]]) -> Card:
    """A row with its picture and answers."""
    text = row.get("text")
    more = [(name, float(row[name])) for name in ("match", "similarity") if isinstance(row.get(name), int | float)]
    return Card(
        id=str(row["id"]),
        text=text if text is None or len(text) <= LETTERS else text[:LETTERS].rstrip() + " …",
        aspect=row.get("aspect"),
        picture=thumbnail(row.get("image"), near=run.path),
        target=row["target"] if isinstance(row["target"], str) else None,
        answers=tuple(answers),
        figures=(*figures, *more),
        missing=tuple(row.get("missing") or ()),
    )
