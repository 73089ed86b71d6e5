"""Tables in which a contrast finds no two rows to tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from polysense.data.findings import warning
from polysense.data.media import normalised
from polysense.data.repetitions import media_key
from polysense.data.table import Table
from polysense.errors import Problem
from polysense.types import Sample


def never_contrasted(table: Table) -> Iterator[Problem]:
    """That the contrasts of texts and pictures never run on the training rows, because these all share one of them.

    Rows with an equal text or an equal picture are no negatives of each other.
    """
    rows = [sample for sample in table.samples if sample.split == "train"] or list(table.samples)
    both = [sample for sample in rows if sample.text is not None and sample.image is not None]
    if not any(sample.image is not None for sample in rows):
        if shared := _shared(rows, ("text",)):
            yield warning(table, "text", f"all {len(rows)} training rows have {shared}: a contrast has nothing to tell apart")
    elif not both and any(sample.text is not None for sample in rows):
        yield warning(table, "row", "no training row has both text and picture: contrasts and matching (ITC, ITM) never run")
    elif shared := _shared(both, ("text", "image")):
        reason = (
            f"all {len(both)} training rows with text and picture have {shared}: contrasts and matching (ITC, ITM) never run"
        )
        yield warning(table, "row", reason)


def _shared(rows: Sequence[Sample], fields: Sequence[str]) -> str | None:
    """What of the fields is the same in all rows; None of fewer than two rows."""
    keys: dict[str, tuple[str, set[object]]] = {
        "text": ("one text", {normalised(sample.text or "") for sample in rows}),
        "image": ("one picture", {media_key("image", sample) for sample in rows}),
    }
    return next((name for name, same in map(keys.__getitem__, fields) if len(same) == 1 < len(rows)), None)
