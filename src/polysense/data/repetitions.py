"""Equal texts and media, in one split and across splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from polysense.data.findings import warning
from polysense.data.media import content_key, normalised
from polysense.data.rows import SPLITS
from polysense.data.table import Table
from polysense.errors import DataError, Problem
from polysense.types import Sample

_NAMED = 50  # groups, at most


def repeated(table: Table) -> Iterator[Problem]:
    """Equal texts and media, in one split and across splits. A text that is asked about by other aspects is no repetition."""
    for field, names, key in _KEYS:
        same = _same(table, key)
        repeats = [rows for rows in same if len(rows) > len({row.aspect for row in rows})]
        if repeats:
            rows = sum(map(len, repeats))
            reason = f"{_stand(len(repeats), names)} in more than one row ({rows} rows{_example(repeats[0])})"
            yield warning(table, field, reason)
        yield from _crossing(table, field, names, same)
    yield from _crossing_groups(table)


def media_in_two_splits(table: Table) -> Iterator[Problem]:
    """A warning for pictures, recordings, films and groups that stand in more than one split, as :func:`verify` gives it."""
    for field, names, key in _KEYS:
        if field != "text":
            yield from _crossing(table, field, names, _same(table, key))
    yield from _crossing_groups(table)


def _same(table: Table, key: Callable[[Sample], object]) -> list[list[Sample]]:
    """Rows with the same content, together."""
    same: defaultdict[object, list[Sample]] = defaultdict(list)
    for sample in table.samples:
        if (one := key(sample)) is not None:
            same[one].append(sample)
    return list(same.values())


def _stand(count: int, names: tuple[str, str]) -> str:
    return f"1 {names[0]} stands" if count == 1 else f"{count} {names[1]} stand"


def _crossing(table: Table, field: str, names: tuple[str, str], same: Sequence[list[Sample]]) -> Iterator[Problem]:
    crossing = [rows for rows in same if len({row.split for row in rows} - {None}) > 1]
    if crossing:
        reason = f"{_stand(len(crossing), names)} in more than one split ({_crossings(crossing)}{_example(crossing[0])})"
        yield warning(table, field, reason)


def _crossing_groups(table: Table) -> Iterator[Problem]:
    """Groups (films of which several clips were cut, authors, threads) that stand in several splits, with their names."""
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for sample in table.samples:
        if sample.group is not None and sample.split is not None:
            splits[sample.group].add(sample.split)
    names = [name for name, found in splits.items() if len(found) > 1]
    if names:
        more = f", ... and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        stand = _stand(len(names), ("group", "groups"))
        reason = f"{stand} in more than one split: {', '.join(names[:_NAMED])}{more}"
        yield warning(table, "group", reason)


def _text_key(sample: Sample) -> str | None:
    return normalised(sample.text or "") or None


def media_key(field: str, sample: Sample) -> int | None:
    """What is equal where the content of a row's media is; None where there is none, or it cannot be read."""
    media = getattr(sample, field)
    try:
        return None if media is None else content_key(media)
    except DataError:  # found damaged already, or not looked at
        return None


_KEYS: tuple[tuple[str, tuple[str, str], Callable[[Sample], object]], ...] = (
    ("text", ("text", "texts"), _text_key),
    ("image", ("picture", "pictures"), partial(media_key, "image")),
    ("audio", ("recording", "recordings"), partial(media_key, "audio")),
    ("video", ("film", "films"), partial(media_key, "video")),
)
"""Field, what one and several of its contents are called, what is equal where the content is."""


def _crossings(groups: Sequence[list[Sample]]) -> str:
    between = Counter(tuple(split for split in SPLITS if any(row.split == split for row in rows)) for rows in groups)
    return ", ".join(f"{' and '.join(splits)}: {count}" for splits, count in sorted(between.items()))


def _example(rows: list[Sample]) -> str:
    return f"; for example ids {', '.join(row.id for row in rows[:3])}"
