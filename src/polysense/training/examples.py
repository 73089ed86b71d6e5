"""What a model that learned from no targets does with a few held-out rows: the texts and pictures that it finds, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from polysense.data.media import content_key
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.judge import aligning
from polysense.evaluation.retrieval import projected
from polysense.evaluation.sentences import embed
from polysense.evaluation.written import by_source, decoding, shown_source, writes
from polysense.metrics.geometry import normalised
from polysense.types import Sample

EXAMPLES = "examples.json"
"""The file in a seed's folder."""

ROWS = 500
"""Rows among which is searched, at most."""

SHOWN = 8
"""Rows that ask."""

NEAREST = 4
"""Rows that each of them finds."""

Row = TypeVar("Row")


def examples(answerer: Answerer, samples: Sequence[Sample]) -> dict[str, list[dict[str, Any]]]:
    """By what is done, a few rows each; what the model does not do, or the rows do not allow, is left out.

    ``texts``: ``{"text", "found": [{"text", "score"}]}``, by the cosine of embeddings; ``pictures``: ``{"text", "found": [{"image",
    "score", "own"}]}``, in the space that text and picture share; ``written``: ``{"source", "image", "written", "references"}``.
    """
    known = set(answerer.collate.modalities)
    found = {
        "texts": _texts(answerer, samples) if "text" in known else [],
        "pictures": _pictures(answerer, samples),
        "written": _written(answerer, samples),
    }
    return {name: rows for name, rows in found.items() if rows}


def _texts(answerer: Answerer, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    texts = _spread(list(dict.fromkeys(row.text for row in samples if (row.text or "").strip())), ROWS)
    if len(texts) < 2:
        return []
    vectors = normalised(embed(answerer, [text or "" for text in texts]))
    asking = _spread(range(len(texts)), SHOWN)
    scores = vectors[asking] @ vectors.T
    scores[np.arange(len(asking)), asking] = -np.inf
    return [
        {
            "text": texts[row],
            "found": [{"text": texts[place], "score": float(line[place])} for place in _best(line, len(texts) - 1)],
        }
        for row, line in zip(asking, scores, strict=True)
    ]


def _pictures(answerer: Answerer, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    head = aligning(answerer.learner)
    first: dict[int, Sample] = {}
    for row in samples:
        if (row.text or "").strip() and isinstance(row.image, Path):
            first.setdefault(content_key(row.image), row)
    if head is None or not first:
        return []
    rows = _spread(list(first.values()), ROWS)
    asking = _spread(range(len(rows)), SHOWN)
    text = normalised(projected(answerer, head, [rows[place] for place in asking], "text"))
    scores = text @ normalised(projected(answerer, head, rows, "image")).T
    return [
        {
            "text": rows[asked].text,
            "found": [
                {"image": str(rows[place].image), "score": float(line[place]), "own": place == asked}
                for place in _best(line, len(rows))
            ],
        }
        for asked, line in zip(asking, scores, strict=True)
    ]


def _written(answerer: Answerer, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    targets: tuple[Literal["text", "pair"], ...] = ("text", "pair")
    for target in targets:
        objective = writes(answerer.learner, target)
        if objective is None:
            continue
        chosen = _spread(by_source(samples, target, answerer.learner), SHOWN)
        texts = answerer.write(
            [shown_source(several[0], objective) for several in chosen], objective, decoding(objective, None)
        )
        for several, text in zip(chosen, texts, strict=True):
            source = several[0]
            picture = source.image if target == "text" else None
            shown.append(
                {
                    "source": source.text if target == "pair" else None,
                    "image": str(picture) if isinstance(picture, Path) else None,
                    "written": text,
                    "references": [getattr(row, target) for row in several],
                }
            )
    return shown


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """At most so many of them, at equal distances."""
    return [rows[int(place)] for place in np.linspace(0, len(rows) - 1, min(count, len(rows))).round()]


def _best(scores: np.ndarray, there: int) -> list[int]:
    """The places of the largest scores, of equal ones the first."""
    return [int(place) for place in np.argsort(-scores, kind="stable")[: min(NEAREST, there)]]
