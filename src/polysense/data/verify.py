"""Everything that can be found wrong with a table before a model sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from polysense.data.contrasts import never_contrasted
from polysense.data.counts import Counts, is_labelled
from polysense.data.damaged import damaged_media, odd_frames, unopened
from polysense.data.findings import warning
from polysense.data.label_checks import label_warnings, no_labels, unknown_labels
from polysense.data.repetitions import repeated
from polysense.data.rows import SPLITS
from polysense.data.splits import linked
from polysense.data.table import Table, classes
from polysense.data.unmapped import unmapped_media, unmapped_text
from polysense.errors import Problem
from polysense.types import MODALITIES


def verify(
    table: Table,
    *,
    labels: Sequence[str] | None = None,
    other_labels: Literal["bad", "warning"] = "bad",
    answers: bool = True,
    splits: Collection[str] = SPLITS,
    decode: bool = True,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Problem]:
    """What is wrong with a table: its rows that could not be read, then what their content shows, of its ``media`` alone.

    Bad are pictures that cannot be decoded, vectors and frames that are not finite, recordings and films whose beginning cannot be
    decoded or that break off (``decode``), frames of another width or making than those of most rows, classes outside ``labels``, a
    labelled table whose training rows have one class only, or none of whose rows is in one of ``splits``. Classes that look
    misspelled, are many numbers, are of one row alone or in no row of validation or test, regions without boxes, files without
    sound or film, duplicates, equal rows in two splits, unlabelled rows, missing modalities, and a table to train on that has no
    labels, no test rows, or nothing that a contrast could tell apart are warnings; ``strict`` makes them bad. ``other_labels`` says
    what classes outside ``labels`` are; without ``answers``, which a corpus of sentences or captions has none of, nobody misses labels,
    nor rows held out of what all trains.
    ``progress(done, total)`` counts pictures, sequences, recordings and films.
    """
    damaged = list(damaged_media(table, progress)) if decode else []
    found = [*table.problems, *damaged, *odd_frames(table)]
    readable = table.without(found)
    if labels is not None:
        found += [replace(one, severity=other_labels) for one in unknown_labels(table, labels)]
    sound = readable.without(found)
    if sound.samples or not found:
        found += [
            *(_answers_and_splits(readable, splits, answers=answers) if answers or set(readable.splits) != {"train"} else ()),
            *_single_class(sound, splits),
            *label_warnings(sound),
            *(never_contrasted(sound) if "train" in splits else ()),
            *repeated(sound),
            *_incomplete(sound),
            *unmapped_media(sound),
            *unmapped_text(sound),
        ]
    found += unopened(table) if decode else ()
    found = sorted(dict.fromkeys(found), key=lambda one: (one.row is None, one.row or 0))
    return [replace(one, severity="bad") for one in found] if strict else found


def _answers_and_splits(table: Table, splits: Collection[str], *, answers: bool) -> Iterator[Problem]:
    """Whether there are answers, and rows in every split; rows of other classes count too."""
    whole = partial(Problem, file=table.name, row=None, id=None)
    labelled = any(is_labelled(sample) for sample in table.samples)
    if not labelled and answers and "train" in splits:
        yield whole(field="label", reason=no_labels(table), severity="warning")
    for split in SPLITS:
        if split in table.splits:
            continue
        there = ", ".join(f"{name} {count}" for name, count in table.splits.items()) or "no row is in a split"
        reason = f"no row is in the split {split!r} ({there})"
        if split in splits:
            yield whole(field="split", reason=f"{reason}{belong_together(table)}", severity="bad" if labelled else "warning")
        elif split == "test" and "train" in splits:
            yield whole(field="split", reason=f"{reason}: runs are scored on validation only", severity="warning")


def _single_class(table: Table, splits: Collection[str]) -> Iterator[Problem]:
    trained = table.split("train") if "train" in splits and "train" in table.splits else []
    names = sorted({name for sample in trained for name in classes(sample)})
    if len(names) == 1 and not any(sample.label == () for sample in trained):
        reason = f"all training rows have the one class {names[0]!r}: there is nothing to tell apart"
        yield Problem(file=table.name, row=None, id=None, field="label", reason=reason)


def belong_together(table: Table) -> str:
    """Why drawn splits put all rows into one; nothing where they have not, or where the splits are the table's own."""
    rows = table.samples
    if not table.split_made or len(table.splits) != 1 or len(rows) < 2 or len(set(linked(rows))) > 1:
        return ""
    groups = {sample.group for sample in rows}
    shared = f"one group, {rows[0].group!r}" if len(groups) == 1 and None not in groups else "equal texts, pictures or groups"
    return f": all rows belong together ({shared}), and splits that are drawn keep such rows on one side; give them a column 'split'"


def _incomplete(table: Table) -> Iterator[Problem]:
    """Rows that lack what other rows have, and columns in which no row has anything."""
    total = len(table.samples)
    counts = Counts.of(table.samples)
    if 0 < counts.unlabelled < total:
        yield warning(table, "label", f"{counts.unlabelled} of {total} rows are unlabelled")
    unplaced = sum(sample.split is None for sample in table.samples)
    if 0 < unplaced < total:
        yield warning(table, "split", f"{unplaced} of {total} rows are in no split")
    for name in (*MODALITIES, "aspect"):
        missing = sum(getattr(sample, name) is None for sample in table.samples)
        if 0 < missing < total:
            yield warning(table, name, f"{missing} of {total} rows have none")
        elif missing and name in table.columns:
            yield warning(table, name, f"the column {name!r} is empty in every row")
    blank = sum(sample.text is not None and not sample.text.strip() for sample in table.samples)
    if blank:
        yield warning(table, "text", f"{blank} of {total} texts are empty")
    lost = sum("�" in (sample.text or "") for sample in table.samples)
    if lost:
        yield warning(table, "text", f"{lost} of {total} texts hold �: characters were lost when the table was made")
