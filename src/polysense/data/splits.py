"""Cutting a table into training, validation and test rows.

Rows that belong together (equal text, equal picture, equal ``group``) stay in one split, because a model is otherwise tested on
what it has seen. Every class has about the same share in each split. Rows without a label serve nothing in validation and test:
where others have one, they train.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from polysense.data.counts import is_labelled
from polysense.data.media import content_key, normalised
from polysense.data.rows import SPLITS
from polysense.errors import ArgumentError, DataError
from polysense.seeds import seed_from
from polysense.types import Sample


def make_splits(
    samples: Sequence[Sample], *, seed: int = 0, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
) -> list[str]:
    """One split a sample. ``fractions`` are of train, validation and test; they add up to 1.

    Groups are placed one after the other, classes that are mixed or in large groups first, each where its class and the whole
    are furthest behind their fractions. So the count of every class in every split is off by
    about a row, unless groups are large. Where rows are labelled, these alone are counted: an unlabelled row is placed
    with the labelled ones that it belongs to, and trains where there are none.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"fractions must be at least 0 and add up to 1, got {fractions}")
    groups = linked(samples)
    labelled = [row for row, sample in enumerate(samples) if is_labelled(sample)]
    members = _members(groups, labelled or range(len(samples)))
    random.Random(seed).shuffle(members)
    strata = [_stratum(sample) for sample in samples]
    members.sort(key=lambda rows: (-len(rows), strata[rows[0]]))  # stable: the shuffled order breaks the ties

    placed: dict[int, str] = {}
    by_class: defaultdict[str, Counter[str]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    for rows in members:
        here = Counter(strata[row] for row in rows)
        wanted = dict.fromkeys(SPLITS, 0.0)
        for split, fraction in zip(SPLITS, fractions, strict=True):
            wanted[split] += fraction * (whole.total() + len(rows)) - whole[split]
            for stratum, count in here.items():
                behind = fraction * (by_class[stratum].total() + count) - by_class[stratum][split]
                wanted[split] += behind * count / len(rows)
        # A split of fraction 0 gets nothing, not even by rounding.
        chosen = max((split for split, fraction in zip(SPLITS, fractions, strict=True) if fraction > 0), key=wanted.__getitem__)
        placed[groups[rows[0]]] = chosen
        whole[chosen] += len(rows)
        for stratum, count in here.items():
            by_class[stratum][chosen] += count
    return [placed.get(group, "train") for group in groups]


def with_unlabelled(samples: Sequence[Sample]) -> tuple[list[Sample], int]:
    """The samples with the unlabelled ones that have no split as training rows, and how many of these were left out.

    Left out are those that belong together with a validation or test row. Nothing changes where no row is labelled: an empty
    split then tells no row from another.
    """
    waiting = [sample.split is None and not is_labelled(sample) for sample in samples]
    if not any(waiting) or not any(map(is_labelled, samples)):
        return list(samples), 0
    shown = beside_held_out(samples)
    placed = [
        replace(sample, split="train") if waits and not near else sample
        for sample, waits, near in zip(samples, waiting, shown, strict=True)
    ]
    return placed, sum(waits and near for waits, near in zip(waiting, shown, strict=True))


def beside_held_out(samples: Sequence[Sample]) -> list[bool]:
    """Whether each sample belongs together with a validation or test row (see :func:`linked`), or is one."""
    groups = linked(samples)
    held = {group for sample, group in zip(samples, groups, strict=True) if sample.split in {"validation", "test"}}
    return [group in held for group in groups]


def hold_out(samples: Sequence[Sample], *, count: int, seed: int) -> list[Sample]:
    """The samples with ``count`` of the training rows as validation rows, drawn by ``seed``.

    Rows that belong together move together, so it may be a few more.

    Raises:
        ArgumentError: no row would be left to train on.
        DataError: and with another number neither.
    """
    training = [row for row, sample in enumerate(samples) if sample.split == "train"]
    members = _members(linked([samples[row] for row in training]), range(len(training)))
    if len(members) == 1:
        raise DataError(
            f"validation: all {len(training)} training rows belong together (equal texts or pictures, or one group): none can be "
            "held out, and nothing could be learned from them but one answer"
        )
    random.Random(seed_from(seed, "hold_out")).shuffle(members)
    held: set[int] = set()
    while len(held) < count and members:
        held.update(training[row] for row in members.pop())
    if not members:
        raise ArgumentError(
            f"validation: {count} of {len(training)} training rows are asked for, none would be left to train on",
            argument="validation",
            instead=str(max(1, len(training) // 10)),
        )
    return [replace(sample, split="validation") if row in held else sample for row, sample in enumerate(samples)]


def with_validation(samples: Sequence[Sample], *, seed: int) -> list[Sample]:
    """The samples with a tenth of the training rows as validation rows, for sets that were published without.

    Drawn by ``seed``, with about equal shares of every class; rows that belong together move together.
    """
    train = [row for row, sample in enumerate(samples) if sample.split == "train"]
    made = make_splits([samples[row] for row in train], seed=seed, fractions=(0.9, 0.1, 0.0))
    split = dict(zip(train, made, strict=True))
    return [replace(sample, split=split.get(row, sample.split)) for row, sample in enumerate(samples)]


def linked(samples: Sequence[Sample]) -> list[int]:
    """A number for each sample, equal for samples that belong together, directly or through others.

    What links two: equal text (case and spacing aside, blank ones link nothing), an equal file or picture, an equal ``group``.
    """
    parent = list(range(len(samples)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    first: dict[tuple[str, Hashable], int] = {}
    for row, sample in enumerate(samples):
        for link in _links(sample):
            other = root(first.setdefault(link, row))
            mine = root(row)
            parent[max(mine, other)] = min(mine, other)
    return [root(row) for row in range(len(samples))]


def _members(groups: Sequence[int], rows: Sequence[int]) -> list[list[int]]:
    """The rows of each group, of those that are named."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows:
        found[groups[row]].append(row)
    return list(found.values())


def _links(sample: Sample) -> list[tuple[str, Hashable]]:
    links: list[tuple[str, Hashable]] = []
    if sample.text and (text := normalised(sample.text)):
        links.append(("text", text))
    for name, media in (("image", sample.image), ("audio", sample.audio), ("video", sample.video)):
        if media is not None:
            try:
                links.append((name, content_key(media)))
            except DataError:  # not a picture: verifying says so, here it resembles only itself
                links += [(name, str(media))] if isinstance(media, Path) else []
    if sample.group is not None:
        links.append(("group", sample.group))
    return links


def _stratum(sample: Sample) -> str:
    return "" if sample.label is None else sample.label if isinstance(sample.label, str) else "\0".join(sample.label)
