"""Everything that can be found wrong with a table before a model sees it."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polysense.data.clip_file import FILMS, SOUNDS, NothingThereError, can_decode, check_file
from polysense.data.counts import Counts, is_labelled
from polysense.data.features import Vector
from polysense.data.frames import Frames
from polysense.data.media import Picture, content_key, load_image, normalised
from polysense.data.rows import FIELDS, SPLITS, place
from polysense.data.table import Table, classes
from polysense.errors import DataError, Problem, choices
from polysense.types import MODALITIES, Sample

if TYPE_CHECKING:
    from PIL.Image import Image

OFTEN = 10
"""How many times as frequent as another a class is that it may be a misspelling of."""

ALIKE = 0.8
"""How alike two spellings are, from 0 to 1, of which one may be meant by the other."""

PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""How the names of picture files end."""

_ENDINGS: dict[str, tuple[str, str, Collection[str]]] = {
    "image": ("picture", "pictures", PHOTOGRAPHS),
    "audio": ("recording", "recordings", SOUNDS),
    "video": ("film", "films", FILMS),
}
"""Field -> what one of its media is called, several of them, and how the names of their files end."""

_WORKERS = 4  # decoding releases the interpreter's lock
_NAMED = 50  # groups, at most
_ROWS = 10  # of a class that may be misspelt, at most; and classes that are nowhere


def verify(
    table: Table,
    *,
    labels: Sequence[str] | None = None,
    splits: Collection[str] = SPLITS,
    decode: bool = True,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Problem]:
    """What is wrong with a table: its rows that could not be read, then what their content shows.

    Bad are pictures that cannot be decoded, vectors and frames that are not finite, recordings and films whose beginning cannot be
    decoded or that break off (``decode``), frames of another width or making than those of most rows, classes outside ``labels``, a
    labelled table whose training rows have one class only, or none of whose rows is in one of ``splits``. Classes that look
    misspelled, are of one row alone or in no row of validation or test, regions without boxes, files without sound or film,
    duplicates, equal rows in two splits, unlabelled rows, missing modalities, and a table to train on that has no labels or no test
    rows are warnings; ``strict`` makes them bad.
    ``progress(done, total)`` counts pictures, sequences, recordings and films.
    """
    damaged = list(_damaged(table, progress)) if decode else []
    found = [*table.problems, *damaged, *_odd_frames(table)]
    found += [] if labels is None else _unknown_labels(table, labels)
    sound = table.without(found)
    found += [
        *_classes_and_splits(sound, splits),
        *_odd_labels(sound),
        *_unjudged_classes(sound),
        *_repeated(sound),
        *_incomplete(sound),
    ]
    found += [*unmapped_media(sound), *(_unopened(table) if decode else ())]
    found.sort(key=lambda one: (one.row is None, one.row or 0))
    return [replace(one, severity="bad") for one in found] if strict else found


def _damaged(table: Table, progress: Callable[[int, int], None] | None) -> Iterator[Problem]:
    rows: dict[tuple[str, Hashable], list[Sample]] = {}  # captions of one picture name one file, which is decoded once
    for sample in table.samples:
        for field in ("image", "audio", "video"):
            media = getattr(sample, field)
            if media is not None and (field == "image" or isinstance(media, Frames) or can_decode()):
                rows.setdefault((field, media if isinstance(media, Path) else id(media)), []).append(sample)
    with ThreadPoolExecutor(_WORKERS) as pool:
        faults = pool.map(_fault, [field for field, _ in rows], [getattr(same[0], field) for (field, _), same in rows.items()])
        for done, (((field, _), same), fault) in enumerate(zip(rows.items(), faults, strict=True), start=1):
            if fault is not None:
                reason, severity = fault
                yield from (replace(_bad(sample, field, reason), severity=severity) for sample in same)
            if progress is not None:
                progress(done, len(rows))


def _fault(field: str, media: Path | Picture | Vector | Frames | Image) -> tuple[str, Literal["bad", "warning"]] | None:
    try:
        if isinstance(media, Frames) and field == "image":
            from polysense.data.regions import RegionLayout  # it takes torch along

            fault = RegionLayout().fault(media.read())
            return None if fault is None else (f"{media}, {fault}: models that read boxes refuse it", "warning")
        if isinstance(media, Vector | Frames):
            media.read()
        elif isinstance(media, Path) and field != "image":
            check_file(media, "audio" if field == "audio" else "video")
        else:
            load_image(media)
    except NothingThereError as error:
        return f"{error}: the clip counts as having none", "warning"
    except DataError as error:
        return str(error), "bad"
    return None


def _unopened(table: Table) -> Iterator[Problem]:
    """Recordings and films that nobody could look into."""
    count = sum(isinstance(getattr(sample, field), Path) for sample in table.samples for field in ("audio", "video"))
    if count and not can_decode():
        yield _warning(table, "row", f"{count} recordings and films were not opened: pip install 'polysense[media]'")


def _odd_frames(table: Table) -> Iterator[Problem]:
    """Frames that no model reads together with those of the other rows: of another width, or made otherwise."""
    for field in ("image", "audio", "video"):
        there = [(sample, frames) for sample in table.samples if isinstance(frames := getattr(sample, field), Frames)]
        kinds = [(sample, frames, kind) for sample, frames in there if (kind := _kind(frames)) is not None]
        counts = Counter(kind for *_, kind in kinds)
        if len(counts) > 1:
            (usual, rows), *_ = counts.most_common()
            for sample, frames, (width, made) in kinds:
                if width != usual[0]:
                    yield _bad(
                        sample, field, f"{frames} has {width} numbers a frame, those of {rows} other rows have {usual[0]}"
                    )
                elif made != usual[1]:
                    yield _bad(sample, field, f"{frames} is made by {made}, those of {rows} other rows by {usual[1]}")


def _kind(frames: Frames) -> tuple[int, str] | None:
    """The width, and what made them; None of frames that cannot be opened, which is told already."""
    try:
        made = frames.provenance
        return frames.shape[1], "something that nobody noted" if made is None else json.dumps(made.identity, sort_keys=True)
    except DataError:
        return None


def _unknown_labels(table: Table, labels: Sequence[str]) -> Iterator[Problem]:
    known = set(labels)
    for sample in table.samples:
        for label in classes(sample):
            if label not in known:
                yield _bad(sample, "label", f"{label!r} is not among the classes; {choices(label, labels)}")


def _classes_and_splits(table: Table, splits: Collection[str]) -> Iterator[Problem]:
    whole = partial(Problem, file=table.name, row=None, id=None)
    labelled = any(is_labelled(sample) for sample in table.samples)
    if not labelled and "train" in splits:
        yield whole(field="label", reason=_no_labels(table), severity="warning")
    for split in SPLITS:
        if split in table.splits:
            continue
        there = ", ".join(f"{name} {count}" for name, count in table.splits.items()) or "no row is in a split"
        reason = f"no row is in the split {split!r} ({there})"
        if split in splits:
            yield whole(field="split", reason=reason, severity="bad" if labelled else "warning")
        elif split == "test" and "train" in splits:
            yield whole(field="split", reason=f"{reason}: runs are scored on validation only", severity="warning")
    trained = table.split("train") if "train" in splits and "train" in table.splits else []
    names = sorted({name for sample in trained for name in classes(sample)})
    if len(names) == 1 and not any(sample.label == () for sample in trained):
        yield whole(field="label", reason=f"all training rows have the one class {names[0]!r}: there is nothing to tell apart")


def _odd_labels(table: Table) -> Iterator[Problem]:
    """Classes that look like slips of the pen: spelled nearly as a frequent one, as another one in other case, or of one row."""
    counts = Counter(label for sample in table.samples for label in classes(sample))
    for label, count in sorted(counts.items()):
        near = _meant(label, counts)
        if near is not None:
            rows = f"{count} row" if count == 1 else f"{count} rows"
            where = _rows([sample for sample in table.samples if label in classes(sample)])
            yield _warning(
                table, "label", f"{label!r} is the class of {rows} ({where}): is {near!r} meant ({counts[near]} rows)?"
            )
        elif count == 1 and counts.total() >= OFTEN * len(counts):
            yield _warning(table, "label", f"{label!r} is the class of a single row: it can be learned or tested, not both")


def _unjudged_classes(table: Table) -> Iterator[Problem]:
    """Classes that can be learned, and are in no row of a split whose rows have labels: nothing is measured of them there.

    Those that :func:`_odd_labels` names are left to it.
    """
    if "train" not in table.splits:
        return
    counts = Counter(label for sample in table.samples for label in classes(sample))
    learned = {name for sample in table.split("train") for name in classes(sample)}
    learned = {name for name in learned if counts[name] > 1 and _meant(name, counts) is None}
    for split in ("validation", "test"):
        judged = [sample for sample in (table.split(split) if split in table.splits else ()) if sample.label is not None]
        absent = sorted(learned - {name for sample in judged for name in classes(sample)})
        if judged and absent and len(learned) > 1:
            named = ", ".join([*map(repr, absent[:_ROWS]), *(["..."] if len(absent) > _ROWS else [])])
            reason = f"{len(absent)} of {len(learned)} classes of the training rows stand in no row of {split}: {named}"
            yield _warning(table, "label", reason)


def _rows(samples: Sequence[Sample]) -> str:
    """Where some rows stand; of many the first."""
    places = [place(sample) for sample in samples]
    named = [f"id {sample.id}" if row is None else f"row {row}" for sample, (_, row) in zip(samples, places, strict=True)]
    return ", ".join([*named[:_ROWS], *(["..."] if len(named) > _ROWS else [])])


def _meant(label: str, counts: Counter[str]) -> str | None:
    """The class that may be meant by a rarer one."""
    same = [other for other in counts if other != label and other.casefold() == label.casefold()]
    more = [other for other in same if (counts[other], other) > (counts[label], label)]
    often = [other for other, count in counts.items() if count >= OFTEN * counts[label]]
    return next(iter([*more, *get_close_matches(label, [] if same else often, n=1, cutoff=ALIKE)]), None)


def _no_labels(table: Table) -> str:
    if {"label", "score"} & set(table.columns):
        return "no row is labelled: there are no answers to learn"
    others = [column for column in table.columns if column not in FIELDS]
    none = "there is no column 'label' or 'score', so there are no answers to learn"
    return f"{none}; name the one that holds them, --columns label=COLUMN; {choices('label', others)}"


def _repeated(table: Table) -> Iterator[Problem]:
    """Equal texts and media, in one split and across splits. A text that is asked about by other aspects is no repetition."""
    for field, plural, key in _KEYS:
        same = _same(table, key)
        repeats = [rows for rows in same if len(rows) > len({row.aspect for row in rows})]
        if repeats:
            rows = sum(map(len, repeats))
            yield _warning(
                table, field, f"{len(repeats)} {plural} stand in more than one row ({rows} rows{_example(repeats[0])})"
            )
        yield from _crossing(table, field, plural, same)
    yield from _crossing_groups(table)


def media_in_two_splits(table: Table) -> Iterator[Problem]:
    """A warning for pictures, recordings, films and groups that stand in more than one split, as :func:`verify` gives it."""
    for field, plural, key in _KEYS:
        if field != "text":
            yield from _crossing(table, field, plural, _same(table, key))
    yield from _crossing_groups(table)


def _same(table: Table, key: Callable[[Sample], object]) -> list[list[Sample]]:
    """Rows with the same content, together."""
    same: defaultdict[object, list[Sample]] = defaultdict(list)
    for sample in table.samples:
        if (one := key(sample)) is not None:
            same[one].append(sample)
    return list(same.values())


def _crossing(table: Table, field: str, plural: str, same: Sequence[list[Sample]]) -> Iterator[Problem]:
    crossing = [rows for rows in same if len({row.split for row in rows} - {None}) > 1]
    if crossing:
        reason = f"{len(crossing)} {plural} stand in more than one split ({_crossings(crossing)}{_example(crossing[0])})"
        yield _warning(table, field, reason)


def _crossing_groups(table: Table) -> Iterator[Problem]:
    """Groups (films of which several clips were cut, authors, threads) that stand in several splits, with their names."""
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for sample in table.samples:
        if sample.group is not None and sample.split is not None:
            splits[sample.group].add(sample.split)
    names = [name for name, found in splits.items() if len(found) > 1]
    if names:
        more = f", ... and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        reason = f"{len(names)} groups stand in more than one split: {', '.join(names[:_NAMED])}{more}"
        yield _warning(table, "group", reason)


def _text_key(sample: Sample) -> str | None:
    return normalised(sample.text or "") or None


def _media_key(field: str, sample: Sample) -> int | None:
    media = getattr(sample, field)
    try:
        return None if media is None else content_key(media)
    except DataError:  # found damaged already, or not looked at
        return None


_KEYS: tuple[tuple[str, str, Callable[[Sample], object]], ...] = (
    ("text", "texts", _text_key),
    ("image", "pictures", partial(_media_key, "image")),
    ("audio", "recordings", partial(_media_key, "audio")),
    ("video", "films", partial(_media_key, "video")),
)


def _crossings(groups: Sequence[list[Sample]]) -> str:
    between = Counter(tuple(split for split in SPLITS if any(row.split == split for row in rows)) for rows in groups)
    return ", ".join(f"{' and '.join(splits)}: {count}" for splits, count in sorted(between.items()))


def _example(rows: list[Sample]) -> str:
    return f"; for example ids {', '.join(row.id for row in rows[:3])}"


def _incomplete(table: Table) -> Iterator[Problem]:
    """Rows that lack what other rows have."""
    total = len(table.samples)
    unlabelled = Counts.of(table.samples).unlabelled
    if 0 < unlabelled < total:
        yield _warning(table, "label", f"{unlabelled} of {total} rows are unlabelled")
    unplaced = sum(sample.split is None for sample in table.samples)
    if 0 < unplaced < total:
        yield _warning(table, "split", f"{unplaced} of {total} rows are in no split")
    for name in (*MODALITIES, "aspect"):
        missing = sum(getattr(sample, name) is None for sample in table.samples)
        if 0 < missing < total:
            yield _warning(table, name, f"{missing} of {total} rows have none")
    blank = sum(sample.text is not None and not sample.text.strip() for sample in table.samples)
    if blank:
        yield _warning(table, "text", f"{blank} of {total} texts are empty")
    lost = sum("�" in (sample.text or "") for sample in table.samples)
    if lost:
        yield _warning(table, "text", f"{lost} of {total} texts hold �: characters were lost when the table was made")


def unmapped_media(table: Table) -> Iterator[Problem]:
    """A column that holds names of pictures, recordings or films, where no row has any: it was not named as ``image``, ..."""
    columns = _other_columns(table)
    for field, (one, plural, endings) in _ENDINGS.items():
        if any(getattr(sample, field) is not None for sample in table.samples):
            continue
        for column in columns:
            named = sum(Path(sample.extra.get(column, "")).suffix.lower() in endings for sample in table.samples)
            if 2 * named > len(table.samples):
                reason = f"no row has a {one}, and {column!r} holds names of {plural}: --columns {field}={column}"
                yield _warning(table, field, reason)


def unmapped_scores(table: Table) -> Iterator[Problem]:
    """Columns that hold numbers, where no row has a score or a label: one of them may be the scores under another name."""
    if any(sample.score is not None or sample.label is not None for sample in table.samples):
        return
    numbers = [
        column
        for column in _other_columns(table)
        if 2 * sum(_is_number(sample.extra.get(column, "")) for sample in table.samples) > len(table.samples)
    ]
    if numbers:
        reason = f"no row has a score; name the column that holds it, --columns score=COLUMN; {choices('score', numbers)}"
        yield _warning(table, "score", reason)


def _other_columns(table: Table) -> list[str]:
    """Those that are none of our fields."""
    return list(dict.fromkeys(name for sample in table.samples for name in sample.extra))


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _bad(sample: Sample, field: str, reason: str) -> Problem:
    file, row = place(sample)
    return Problem(file=file, row=row, id=sample.id, field=field, reason=reason)


def _warning(table: Table, field: str, reason: str) -> Problem:
    return Problem(file=table.name, row=None, id=None, field=field, reason=reason, severity="warning")
