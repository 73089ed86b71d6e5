"""Samples as the rows of a table again: what `data.rows` reads, written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from polysense.data.rows import FIELDS
from polysense.types import Sample


def columns(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """A row a sample, with all of its columns but media; a column that no row has is left out."""
    rows = [_cells(sample) for sample in samples]
    there = [
        name for name in dict.fromkeys(name for row in rows for name in row) if any(row.get(name) is not None for row in rows)
    ]
    return [{name: row.get(name) for name in there} for row in rows]


def _cells(sample: Sample) -> dict[str, Any]:
    label = sample.label
    return {
        **{name: value for name, value in sample.extra.items() if name not in FIELDS},
        "id": sample.id,
        "text": sample.text,
        "pair": sample.pair,
        "negatives": list(sample.negatives) or None,
        "aspect": sample.aspect,
        "spans": None if sample.spans is None else [asdict(span) for span in sample.spans],
        "label": list(label) if isinstance(label, tuple) else label,
        "score": sample.score,
        **{f"score_{name}": score for name, score in sample.scores.items()},
        "split": sample.split,
        "group": sample.group,
    }
