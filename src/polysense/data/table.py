"""A table of samples: read from a file, from rows in Python, or from a Hugging Face data set."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polysense.data.counts import plural
from polysense.data.dataset_columns import class_names, far_pictures, undecoded
from polysense.data.pair_files import usual_columns
from polysense.data.rows import FIELDS, MEDIA, SPLITS, RowReader, origin, place, split_name, taken_id
from polysense.data.splits import make_splits, with_unlabelled
from polysense.data.tablefile import Separated, find_table, read_raw
from polysense.errors import DataError, Problem, RecipeError, choices, display
from polysense.progress import say_of_data
from polysense.types import MODALITIES, Sample

if TYPE_CHECKING:
    from polysense.data.draws import Draw

_OTHER_ANSWERS = {"label": "score", "score": "label"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """The samples of one table, and what was wrong with the rows that are not among them."""

    name: str
    """For messages and reports: the file, the corpus, or ``rows``."""
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()
    """The rows that could not be read, and warnings of the table as a whole."""
    skipped: tuple[Problem, ...] = ()
    """The bad rows that were left out on purpose (see `refuse_or_skip`)."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Why the corpus left sound rows out, and how many: those that are evaluation sentences, for instance."""
    columns: tuple[str, ...] = ()
    """The columns of the file, under their own names."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """File -> SHA-256 of the table's files."""
    folder: Path | None = None
    """Where the table lies."""
    media_root: Path | None = None
    """The folder that was named for the media."""
    split_made: bool = False
    """True where the table had no splits and got seeded ones."""
    held_out: int = 0
    """Training rows that the corpus's argument ``validation`` made validation rows."""
    corpus: str | None = None
    """The corpus that `data verify` must be told to read this table as; None where it finds out by itself."""
    score_range: tuple[float, float] | None = None
    """The smallest and the largest score that there may be, where the data say."""
    media: Collection[str] = MEDIA
    """Those that somebody reads: nobody looks into the others."""
    draws: Mapping[str, Draw] = field(default_factory=dict)
    """By the ``source`` of samples: which of its training rows a run shows; none shows all of them."""

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def splits(self) -> dict[str, int]:
        """The splits there are, with their numbers of rows."""
        counts = Counter(sample.split for sample in self.samples)
        return {name: counts[name] for name in SPLITS if counts[name]}

    @property
    def bad(self) -> tuple[Problem, ...]:
        """The problems that are more than warnings."""
        return tuple(one for one in self.problems if one.severity == "bad")

    def split(self, name: str) -> list[Sample]:
        """The samples of one split, numbered from 0 in their ``index``. ``dev`` and ``val`` mean ``validation``."""
        wanted = split_name(name)
        rows = [sample for sample in self.samples if sample.split == wanted]
        if not rows:
            there = ", ".join(f"{one} {count}" for one, count in self.splits.items()) or "none"
            raise DataError(f"{self.name}: there are no rows in the split {wanted!r}; splits: {there}")
        return [replace(sample, index=index) for index, sample in enumerate(rows)]

    def labels(self, split: str | None = None) -> list[str]:
        """The class names that occur, sorted."""
        found: set[str] = set()
        for sample in self.samples if split is None else self.split(split):
            found.update(classes(sample))
        return sorted(found)

    def require(self, fields: Iterable[str]) -> None:
        """Raise a DataError that names the first of the ``fields`` for which no row has a value, and the nearest column."""
        for name in fields:
            if all(_value(sample, name) is None for sample in self.samples):
                other = _OTHER_ANSWERS.get(name)
                if name in self.columns and other and any(_value(sample, other) is not None for sample in self.samples):
                    raise DataError(
                        f"{self.name}: no row has a {name}, they have a {other}; take a recipe that learns from {other}s"
                    )
                if name in self.columns:
                    raise DataError(f"{self.name}: the column {name!r} is empty in every row")
                raise DataError(
                    f"{self.name}: there is no column {name!r}; name the one that holds it, --columns {name}=COLUMN; "
                    f"{choices(name, self.columns)}"
                )

    def all_training(self) -> Table:
        """The table, whose rows without a split are training rows."""
        return replace(self, samples=tuple(replace(one, split=one.split or "train") for one in self.samples))

    def in_order(self) -> list[Sample | Problem]:
        """Every row in the table's order: a sample, or why it is none."""
        numbered: list[tuple[int, Sample | Problem]] = [(place(sample)[1] or 0, sample) for sample in self.samples]
        numbered += [(problem.row or 0, problem) for problem in self.bad]
        return [row for _, row in sorted(numbered, key=lambda pair: pair[0])]

    def read_by(self, modalities: Collection[str]) -> Table:
        """The table for a model that reads these ``modalities``: nobody looks into its other media."""
        return replace(self, media=tuple(name for name in self.media if name in modalities))

    def without(self, problems: Iterable[Problem]) -> Table:
        """The table without the rows that ``problems`` name as bad."""
        bad = {origin(one.file, one.row) for one in problems if one.severity == "bad" and one.row is not None}
        return replace(self, samples=tuple(sample for sample in self.samples if sample.origin not in bad))


def _value(sample: Sample, field: str) -> object:
    """What a column of the table gave the sample; ``score_text`` and its like stand among ``scores``."""
    modality = field.removeprefix("score_")
    return getattr(sample, field) if modality == field else sample.scores.get(modality)


def classes(sample: Sample) -> tuple[str, ...]:
    """The classes of a sample: none, one, or several."""
    if sample.label is None:
        return ()
    return (sample.label,) if isinstance(sample.label, str) else sample.label


def read_table(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    media_root: Path | None = None,
    encoding: str = "utf-8",
    label_separator: str | None = None,
    required: Collection[str] = (),
    split_seed: int | None = 0,
    separated: Separated | None = None,
    reads: Collection[str] = MEDIA,
) -> Table:
    """Read a CSV, TSV, JSON lines or Parquet file, or the only such file of a folder.

    ``columns`` says where fields stand under another name (``{"text": "tweet"}``). Where there is no text and nothing else to be
    read, the usual names of sentence files are looked for (``sentence``, ``sent0``, ``premise``, ...), and told.
    Media are looked for in ``media_root``, the table's folder by default, and may not leave it. ``required`` fields must have a
    column. A table without splits gets some (80/10/10, `make_splits`), and in one with splits unlabelled rows without one train,
    unless ``split_seed`` is None. Rows that cannot be used are
    in ``Table.problems``; a DataError is raised where the file as a whole cannot be. ``separated`` is for files of cells without a
    header. Media that are none of what somebody ``reads`` make no row bad: those that cannot be used are as if they were not there.
    """
    path = find_table(Path(path))
    raw = read_raw(path, encoding=encoding, separated=separated)
    file = display(path)
    reader = RowReader(
        file=file,
        columns=_resolved(file, raw.columns, columns or {}, required),
        media_root=path.parent if media_root is None else _folder(media_root),
        label_separator=label_separator,
        reads=reads,
    )
    samples, problems = _read_rows(reader, raw.rows)
    table = Table(
        name=path.name,
        samples=tuple(samples),
        problems=tuple(sorted([*raw.problems, *problems], key=lambda one: one.row or 0)),
        columns=raw.columns,
        digests={path.name: hashlib.sha256(path.read_bytes()).hexdigest()},
        folder=path.parent,
        media_root=media_root,
    )
    return table if split_seed is None else with_splits(table, seed=split_seed)


def from_rows(
    rows: Iterable[Mapping[str, object]],
    *,
    name: str = "rows",
    columns: Mapping[str, str] | None = None,
    media_root: Path | None = None,
    label_separator: str | None = None,
    split_seed: int | None = 0,
    reads: Collection[str] = MEDIA,
) -> Table:
    """The table that rows in Python make: `[{"text": "lovely", "image": "rain.jpg", "label": "positive"}, ...]`.

    A picture is a path or a Pillow image. Paths may lead anywhere unless ``media_root`` is given. Pass ``split_seed=None``
    where no splits are wanted, for instance to predict. ``reads`` is as in :func:`read_table`.
    """
    numbered = list(enumerate(rows, start=1))
    if not numbered:
        raise DataError(f"{name}: there are no rows")
    for number, row in numbered:
        if not isinstance(row, Mapping):
            raise DataError(f"{origin(name, number)}: a dict is expected, this is {type(row).__name__}")
    names = tuple(dict.fromkeys(str(key) for _, row in numbered for key in row))
    reader = RowReader(
        file=name,
        columns=_resolved(name, names, columns or {}, ()),
        media_root=None if media_root is None else _folder(media_root),
        label_separator=label_separator,
        reads=reads,
    )
    samples, problems = _read_rows(reader, numbered)
    table = Table(name=name, samples=tuple(samples), problems=tuple(problems), columns=names, media_root=media_root)
    return table if split_seed is None else with_splits(table, seed=split_seed)


def from_dataset(
    dataset: Any,
    *,
    name: str = "dataset",
    columns: Mapping[str, str] | None = None,
    media_root: Path | None = None,
    label_separator: str | None = None,
    split_seed: int | None = 0,
    reads: Collection[str] = MEDIA,
) -> Table:
    """The table in a Hugging Face ``Dataset``, or in a ``DatasetDict``, whose keys are the splits.

    Class numbers become class names; -1, by which such sets mark test labels that are kept secret, becomes unlabelled.
    """
    renamed = dict(columns or {})
    parts = dataset if isinstance(dataset, Mapping) else {None: dataset}
    rows: list[dict[str, object]] = []
    for split, part in parts.items():
        if split is not None:
            split_name(str(split))  # a split of another name is the caller's to drop, not a bad row a thousand times
        changed = class_names(part.features, renamed.get("label", "label")) | far_pictures(part.features)
        for row in undecoded(part):
            cells = {key: changed[key](value) if key in changed else value for key, value in row.items()}
            rows.append(cells if split is None else {**cells, renamed.get("split", "split"): str(split)})
    return from_rows(
        rows,
        name=name,
        columns=columns,
        media_root=media_root,
        label_separator=label_separator,
        split_seed=split_seed,
        reads=reads,
    )


def _resolved(file: str, there: Sequence[str], columns: Mapping[str, str], required: Collection[str]) -> dict[str, str]:
    """Our field -> the table's column, for the fields that the table has."""
    for name, column in columns.items():
        if name not in FIELDS:
            raise RecipeError(f"columns: {name!r} is not a field; {choices(name, FIELDS)}")
        if column not in there:
            raise DataError(f"{file} has no column {column!r} (for {name!r}); {choices(column, there)}")
    found = {name: columns.get(name, name) for name in FIELDS if columns.get(name, name) in there}
    for name, other in _OTHER_ANSWERS.items():  # numbers named as scores are no classes too
        if name not in columns and columns.get(other) == name:
            del found[name]
    if not any(name in found for name in MODALITIES):
        found |= _usual(file, there, taken=[*found, *columns])
    for name in required:
        if name not in found:
            raise DataError(
                f"{file} has no column {name!r}: name the one that holds it, --columns {name}=COLUMN; {choices(name, there)}"
            )
    if not any(name in found for name in MODALITIES):
        near = choices("text", there)
        none = f"{file} has none of the columns {', '.join(map(repr, MODALITIES))}"
        raise DataError(f"{none}: name the one that holds it, --columns text=COLUMN; {near}")
    return found


def _usual(file: str, there: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Text, pair and negatives under the names that files of sentences have for them; nothing where none of these is a text."""
    usual = usual_columns(there, taken=taken)
    if "text" not in usual:
        return {}
    say_of_data(f"{file}: {', '.join(f'{field} is {column!r}' for field, column in usual.items())}")
    return usual


def _folder(media_root: Path) -> Path:
    if not Path(media_root).is_dir():
        raise DataError(f"media_root: {display(media_root)} is not a folder")
    return Path(media_root)


def _read_rows(reader: RowReader, rows: Iterable[tuple[int, Mapping[str, object]]]) -> tuple[list[Sample], list[Problem]]:
    samples: list[Sample] = []
    problems: list[Problem] = []
    first: dict[str, tuple[int, bool]] = {}
    for number, row in rows:
        read = reader.read(row, number)
        if isinstance(read, Problem):
            problems.append(read)
        elif read.id in first:
            earlier, named = first[read.id]
            reason = taken_id(read.id, named=reader.names(row), first=earlier, first_named=named)
            problems.append(Problem(file=reader.file, row=number, id=read.id, field="id", reason=reason))
        else:
            first[read.id] = number, reader.names(row)
            samples.append(read)
    return samples, problems


def with_splits(table: Table, *, seed: int) -> Table:
    """The table with seeded splits (80/10/10, `make_splits`); where a row has one, with those, and see `with_unlabelled`."""
    if not table.samples:
        return table
    if any(sample.split is not None for sample in table.samples):
        return _with_unlabelled(table)
    made = make_splits(table.samples, seed=seed)
    samples = tuple(replace(sample, split=split) for sample, split in zip(table.samples, made, strict=True))
    return replace(table, samples=samples, split_made=True)


def _with_unlabelled(table: Table) -> Table:
    """The table whose unlabelled rows without a split train, and a warning of those that stay out."""
    samples, count = with_unlabelled(table.samples)
    if not count:
        return replace(table, samples=tuple(samples))
    reason = (
        f"{count} unlabelled {plural(count)} without a split left out of training: "
        "text, file or group stands in validation or test too"
    )
    out = Problem(file=table.name, row=None, id=None, field="split", reason=reason, severity="warning")
    return replace(table, samples=tuple(samples), problems=(*table.problems, out))
