"""Labels that are no classes of the recipe, or look like none: slips of the pen, classes of one row, numbers."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from polysense.data.counts import plural
from polysense.data.findings import bad, warning
from polysense.data.media import normalised
from polysense.data.rows import FIELDS, place
from polysense.data.table import Table, classes
from polysense.errors import Problem, choices
from polysense.types import Sample

OFTEN = 10
"""How many times as frequent as another a class is that it may be a misspelling of; and how many rows a class has at least, on
the average, where those of one row are odd.
"""

ALIKE = 0.8
"""How alike two spellings are, from 0 to 1, of which one may be meant by the other."""

MANY = 10
"""Different numbers as labels, at most, that are classes and no scores whatever they are: stars, steps of half a point."""

NEAREST = 3
"""Unknown labels, at most, of which the nearest class is told; to look for it takes long among many classes."""

_COMPARED = 500  # classes, at most, that are compared with each other
_ROWS = 10  # of a class that may be misspelt, at most; and classes that are nowhere


def unknown_labels(table: Table, labels: Sequence[str]) -> Iterator[Problem]:
    """Rows of other classes than ``labels``."""
    known = set(labels)
    numbers = f"all labels are numbers: {_as_scores(table)}" if _scores(table) else None
    ways: dict[str, str] = {}
    near = NEAREST if len(known) <= _COMPARED else 0
    valid = choices("", labels)
    for sample in table.samples:
        for label in classes(sample):
            if label not in known:
                if label not in ways:
                    ways[label] = numbers or (choices(label, labels) if len(ways) < near else valid)
                yield bad(sample, "label", f"{label!r} is not among the classes; {ways[label]}")


def label_warnings(table: Table) -> Iterator[Problem]:
    """What is odd about the classes of a table; training tells it too."""
    counts = _counts(table)
    if _scores(table):
        reason = (
            f"the labels of {counts.total()} rows are {len(counts)} different numbers, and each counts as a class of its own; "
            f"{_as_scores(table)}"
        )
        yield warning(table, "label", reason)
        return
    meant = _meant(counts)
    yield from _odd_labels(table, counts, meant)
    yield from _unjudged_classes(table, counts, meant)


def has_slips(table: Table) -> bool:
    """Whether some class may be a misspelling of another one."""
    return bool(_meant(_counts(table)))


def no_labels(table: Table) -> str:
    """Why no row is labelled."""
    if {"label", "score"} & set(table.columns):
        return "no row is labelled: there are no answers to learn"
    others = [column for column in table.columns if column not in FIELDS]
    none = "there is no column 'label' or 'score', so there are no answers to learn"
    return f"{none}; name the one that holds them, --columns label=COLUMN; {choices('label', others)}"


def _counts(table: Table) -> Counter[str]:
    return Counter(label for sample in table.samples for label in classes(sample))


def _scores(table: Table) -> bool:
    """Whether the labels look like scores: many different numbers, with decimals or of few rows each."""
    counts = _counts(table)
    values = [_number(label) for label in counts] if len(counts) > MANY else []
    if not values or not all(map(math.isfinite, values)):
        return False
    return counts.total() < OFTEN * len(counts) or not all(value.is_integer() for value in values)


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return math.nan


def _as_scores(table: Table) -> str:
    """What to do where numbers are labels."""
    if any(sample.score is not None for sample in table.samples):
        return "the rows have scores too, and recipes that learn from scores do not read the labels"
    column = "label" if "label" in table.columns else "COLUMN"
    return f"if they are scores, --columns score={column} reads them so"


def _odd_labels(table: Table, counts: Counter[str], meant: dict[str, str]) -> Iterator[Problem]:
    """Classes that look like slips of the pen: spelled nearly as a frequent one, as another one in other case, or of one row."""
    for label, count in sorted(counts.items()):
        near = meant.get(label)
        if near is not None:
            where = _rows([sample for sample in table.samples if label in classes(sample)])
            often = f"{counts[near]} {plural(counts[near])}"
            yield warning(
                table,
                "label",
                f"{label!r} is the class of {count} {plural(count)} ({where}): is {near!r} meant ({often})?",
            )
        elif _is_single(label, counts):
            yield warning(table, "label", f"{label!r} is the class of a single row: it can be learned or tested, not both")


def _is_single(label: str, counts: Counter[str]) -> bool:
    """Whether it is the class of one row, where classes have many."""
    return counts[label] == 1 and counts.total() >= OFTEN * len(counts)


def _unjudged_classes(table: Table, counts: Counter[str], meant: dict[str, str]) -> Iterator[Problem]:
    """Classes that can be learned, and are in no row of a split whose rows have labels: nothing is measured of them there.

    Those that :func:`_odd_labels` names are left to it.
    """
    if "train" not in table.splits:
        return
    learned = {name for sample in table.split("train") for name in classes(sample)}
    learned = {name for name in learned if name not in meant and not _is_single(name, counts)}
    for split in ("validation", "test"):
        judged = [sample for sample in (table.split(split) if split in table.splits else ()) if sample.label is not None]
        absent = sorted(learned - {name for sample in judged for name in classes(sample)})
        if judged and absent and len(learned) > 1:
            named = ", ".join([*map(repr, absent[:_ROWS]), *(["..."] if len(absent) > _ROWS else [])])
            reason = f"{len(absent)} of {len(learned)} classes of the training rows stand in no row of {split}: {named}"
            yield warning(table, "label", reason)


def _rows(samples: Sequence[Sample]) -> str:
    """Where some rows stand; of many the first."""
    places = [place(sample) for sample in samples]
    named = [f"id {sample.id}" if row is None else f"row {row}" for sample, (_, row) in zip(samples, places, strict=True)]
    return ", ".join([*named[:_ROWS], *(["..."] if len(named) > _ROWS else [])])


def _meant(counts: Counter[str]) -> dict[str, str]:
    """Class -> the one that may be meant by it: as often or more, and the same but for case and blanks; or alike, and often."""
    same: defaultdict[str, list[str]] = defaultdict(list)
    for label in counts:
        same[normalised(label)].append(label)
    most = max(counts.values(), default=0)
    found: dict[str, str] = {}
    for label, count in counts.items():
        others = [other for other in same[normalised(label)] if other != label]
        near = [other for other in others if (counts[other], other) > (count, label)]
        if not others and len(counts) <= _COMPARED and most >= OFTEN * count:
            often = [other for other, rows in counts.items() if rows >= OFTEN * count]
            near = get_close_matches(label, often, n=1, cutoff=ALIKE)
        if near:
            found[label] = near[0]
    return found
