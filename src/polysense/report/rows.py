"""Rows worth reading: those the run is most wrong about, and those whose text and picture say different things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polysense.evaluation.thresholded import by_threshold
from polysense.metrics.calibration import row_nll
from polysense.report.chances import chances_of
from polysense.report.run import Run
from polysense.report.section import Section, render
from polysense.report.thumbnails import Thumbnail, thumbnail
from polysense.training.predictions import names_of
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
    labels: tuple[str, ...]
    """What was answered."""
    chances: Mapping[str, float]
    by_threshold: bool
    """The thresholds of the classes decided, not the probabilities alone."""


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
    """The labelled rows with the highest loss of the seed that answers."""
    del against
    labels, rows = run.labels, told_rows(run)
    chances = chances_in(rows, labels=labels)
    known = [name for name in chances if isinstance(rows[name]["target"], str) and rows[name]["target"] in labels]
    if not known:
        return None
    losses = row_nll([chances[name] for name in known], [labels.index(rows[name]["target"]) for name in known])
    order = sorted(zip(-losses, known, strict=True))[:MOST]
    cards = [
        card(run, rows[name], answers=[answer("", rows[name], chances[name], labels)], figures=[("loss", -float(loss))])
        for loss, name in order
    ]
    return Section("worst", "Most wrong", render("worst.html", cards=cards, **whose(run, cards)))


def conflicting_rows(run: Run, against: Sequence[Run]) -> Section | None:
    """The rows where two modalities alone are likeliest of different classes, each sure of its own, by the seed that answers."""
    del against
    labels, rows = run.labels, told_rows(run)
    whole = chances_in(rows, labels=labels)
    parts = {name: told_rows(run, f"{run.split}.{name}") for name in MODALITIES}
    alone = {name: chances_in(part, labels=labels) for name, part in parts.items()}
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
                *(answer(f"{part} alone", parts[part][name], value, labels) for part, value in said.items()),
                answer("together", rows[name], whole[name], labels),
            ],
            figures=[],
        )
        for _, name, said in sorted(found, key=lambda entry: entry[:2])[:MOST]
    ]
    return Section(
        "conflicts",
        "Text against picture",
        render("conflicts.html", cards=cards, found=len(found), rows=len(whole), **whose(run, cards)),
    )


def conflict(said: Sequence[Floats]) -> float:
    """How sure two modalities are of different answers: the larger product of their confidences, 0 if all agree."""
    pairs = [(one, two) for one, two in combinations(said, 2) if one.argmax() != two.argmax()]
    return max((float(one.max() * two.max()) for one, two in pairs), default=0.0)


def answering(run: Run) -> int | None:
    """The seed that predicts, else the first that has predictions; None where none has any."""
    return run.best_seed if run.best_seed in run.shown else next(iter(run.shown), None)


def told_rows(run: Run, part: str | None = None) -> dict[str, Mapping[str, Any]]:
    """The rows of the split, or of another file of predictions, by id, as the answering seed has them."""
    predictions = (run.shown if part is None else run.predictions.get(part, {})).get(
        -1 if (seed := answering(run)) is None else seed
    )
    return {} if predictions is None else {str(row["id"]): row for row in predictions.rows}


def chances_in(rows: Mapping[str, Mapping[str, Any]], *, labels: Sequence[str]) -> dict[str, Floats]:
    """The probabilities (K,) of the rows that have some, by id."""
    found = {name: chances_of(row, labels=labels) for name, row in rows.items()}
    return {name: np.array(chances) for name, chances in found.items() if chances is not None}


def answer(shown: str, row: Mapping[str, Any], chances: Floats, labels: Sequence[str]) -> Answer:
    """What was answered, and all probabilities."""
    named = dict(zip(labels, map(float, chances), strict=True))
    return Answer(shown, tuple(names_of(row.get("label") or ())), named, by_threshold(row))


def whose(run: Run, cards: Sequence[Card]) -> dict[str, Any]:
    """Whose answers the cards hold, the seed where there are several, and whether some are the thresholds'."""
    thresholds = any(answer.by_threshold for card in cards for answer in card.answers)
    return {"seed": answering(run) if len(run.shown) > 1 else None, "thresholds": thresholds}


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
