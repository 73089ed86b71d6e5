"""The training signals that need no label, by the names under which they are asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from polysense.errors import RecipeError, choices
from polysense.training.ablation.own_task import OwnTask

WEIGHT = 0.1
"""Of a signal in the loss, where nobody chooses another; that of the papers on ITC and ITM, and of SimCSE's masked words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalKind:
    """An objective that may be added to a classifier."""

    entry: str
    """Its name in the recipe."""
    objective: str
    """Its class."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...]
    """The columns that it reads."""
    passes: int
    """Passes through the text encoder that it adds to those of the classifier."""
    says: str
    """What it learns, in a few words."""
    task: OwnTask | None = None
    """How it is measured what a model learned of it; None where there is no measure that says what chance is."""


SIGNALS: Mapping[str, SignalKind] = {
    "itc": SignalKind(
        entry="contrast",
        objective="ImageTextContrast",
        needs=("text", "image"),
        passes=0,
        says="image-text contrast: which text of the batch is a picture's own",
        task=OwnTask(
            evaluator="Retrieval",
            metric="text_to_image_R@10",
            asks="a text's picture in the first ten",
            learns="to find a text's picture",
            chance=lambda _, pictures: min(1.0, 10 / pictures),
        ),
    ),
    "itm": SignalKind(
        entry="matching",
        objective="ImageTextMatching",
        needs=("text", "image"),
        passes=0,
        says="image-text matching: whether a text and a picture belong together",
        task=OwnTask(
            evaluator="Matching",
            metric="matching_accuracy",
            asks="pairs told from exchanged ones",
            learns="to tell pairs",
            chance=lambda *_: 0.5,
        ),
    ),
    "mlm": SignalKind(
        entry="language",
        objective="MaskedLanguage",
        needs=("text",),
        passes=1,
        says="masked language modelling: hidden words from those around them",
        task=OwnTask(
            evaluator="Recovery",
            metric="language_recall@1",
            asks="hidden tokens filled in",
            learns="to fill in words",
            chance=lambda metrics, _: metrics["language_recall@1_frequent"],  # always naming the most frequent one
        ),
    ),
    "simcse": SignalKind(
        entry="sentences",
        objective="SentenceContrast",
        arguments={"mask_duplicates": True},
        needs=("text",),
        passes=1,
        says="sentence contrast: a text under two draws of dropout, against the others of the batch",
    ),
    "pairs": SignalKind(
        entry="pairs",
        objective="SentenceContrast",
        arguments={"positives": "pair", "mask_duplicates": True},
        needs=("text", "pair"),
        passes=1,
        says="sentence contrast: a text and its pair, against the others of the batch",
    ),
}


@dataclass(frozen=True, slots=True)
class Weighted:
    """A signal with its weight in the loss."""

    name: str
    weight: float = WEIGHT

    @property
    def kind(self) -> SignalKind:
        """What it is."""
        return SIGNALS[self.name]

    @property
    def override(self) -> str:
        """It as ``--set`` adds it to a recipe."""
        part: Any = self.kind.objective
        if self.kind.arguments:
            part = {"class_path": part, "init_args": dict(self.kind.arguments)}
        return f"objectives.{self.kind.entry}={json.dumps({'objective': part, 'weight': self.weight})}"


def read_signals(text: str) -> list[Weighted]:
    """``itc,itm=0.2`` as signals with their weights.

    Raises:
        RecipeError: a name is not one, or stands there twice; a weight is no number, or nothing is left for the labels.
    """
    found: list[Weighted] = []
    for part in text.split(","):
        name, equals, number = part.strip().partition("=")
        if name not in SIGNALS:
            raise RecipeError(f"--signals: there is no signal {name!r}; {choices(name, SIGNALS)}")
        if name in {one.name for one in found}:
            raise RecipeError(f"--signals: {name!r} stands there twice")
        try:
            weight = float(number) if equals else WEIGHT
        except ValueError:
            weight = 0.0
        if not 0 < weight < 1:
            raise RecipeError(f"--signals {part.strip()}: a weight is a number between 0 and 1, such as {name}=0.2")
        found.append(Weighted(name, weight))
    if sum(one.weight for one in found) >= 1:
        raise RecipeError(
            f"--signals {text}: together the weights leave nothing for the labels; they must add up to less than 1"
        )
    return found


def refuse_missing_columns(signals: Sequence[Weighted], there: Collection[str], *, table: str) -> None:
    """RecipeError for the first signal that reads a column which the table, or the recipe, does not have."""
    allowed = ", ".join(name for name, kind in SIGNALS.items() if set(kind.needs) <= set(there)) or "none"
    for one in signals:
        if missing := [name for name in one.kind.needs if name not in there]:
            raise RecipeError(
                f"--signals {one.name}: needs the column {missing[0]!r}, which {table} does not have; its columns allow: {allowed}"
            )
