"""What a training found in its data, told before it begins."""

from __future__ import annotations

from collections.abc import Mapping

from polysense.data.counts import Counts, plural
from polysense.data.table import Table
from polysense.training.splits import Splits
from polysense.types import MODALITIES

SEPARATORS = ("|", ";")
"""What may stand between several labels of a row."""


def counted(splits: Splits) -> dict[str, Counts]:
    """The rows of each split that there is."""
    named = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return {name: Counts.of(samples) for name, samples in named.items() if samples}


def overview(table: Table, splits: Splits, *, shown: int, labels: int) -> list[str]:
    """A line on the rows of each split and who made the splits; others on what rows lack, on how many training rows an epoch
    shows, and on how many labels it learns from, where something is lacking and where these are not all.
    """
    counts = counted(splits)
    made = "drawn, for the table has none" if table.split_made else "the table's own"
    if table.held_out:
        rows = f"{table.held_out} training {plural(table.held_out)}"
        made = f"{rows} held out for validation, as the corpus's `validation` asks"
    lines = [f"{table.name}: {_listed({name: str(count) for name, count in counts.items()})} (splits: {made})"]
    lacks = _lacks(table, splits)
    lines += [f"{table.name}: {'; '.join(lacks)}"] if lacks else []
    of = len(splits.train)
    if shown < of:
        return [*lines, f"{table.name}: each seed draws {shown} of the {of} training rows"]
    if labels < counts["train"].labelled:
        return [
            *lines,
            f"{table.name}: each seed draws {labels} of the {counts['train'].labelled} labels; the other rows count as unlabelled",
        ]
    return lines


def joined_labels(table: Table) -> list[str]:
    """A line where most labels look like several answers in one, such as ``no|no|yes``: each then counts as a class of its own."""
    labels = [sample.label for sample in table.samples if isinstance(sample.label, str)]
    for mark in SEPARATORS:
        held = sum(mark in label for label in labels)
        if held > len(labels) / 2:
            return [
                f"{table.name}: {held:,} of {len(labels):,} labels hold {mark!r} and count as one class each; if it parts several "
                f"labels of a row: --set corpora.0.label_separator='{mark}'"
            ]
    return []


def _lacks(table: Table, splits: Splits) -> list[str]:
    samples = [*splits.train, *splits.validation, *splits.test]
    read = [name for name in MODALITIES if name == "text" or name in table.media]
    missing = {name: sum(getattr(sample, name) is None for sample in samples) for name in read}
    found = [f"{count} of {len(samples)} rows without {name}" for name, count in missing.items() if 0 < count < len(samples)]
    unplaced = len(table) - len(samples)
    left = f"{unplaced} {plural(unplaced)} in no split {'is' if unplaced == 1 else 'are'} left out"
    chosen_out = [f"{count} {reason} left out" for reason, count in table.left_out.items() if count]
    return [*found, *([left] if unplaced else []), *chosen_out]


def _listed(parts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parts.items())
