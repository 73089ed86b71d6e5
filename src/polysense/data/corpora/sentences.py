"""Plain sentences, or pairs of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import ClassVar

from polysense.data.bad_rows import held_out
from polysense.data.corpus import Corpus, GivenRows, expect, refuse_for_rows
from polysense.data.decontaminate import evaluation_sentences, without
from polysense.data.draws import Draw, Limit, applied
from polysense.data.folders import below
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.pair_files import BY_PLACE, Delimiter, layout, usual_columns
from polysense.data.rows import origin, place
from polysense.data.table import Table, read_table
from polysense.data.tablefile import read_raw
from polysense.errors import DataError, Problem, RecipeError, display
from polysense.progress import say_of_data
from polysense.types import Sample

_NUMBERED = re.compile(r"\d+\t")


class Sentences(Corpus):
    """Your own sentences: a text file with one a line, or a table with the columns text, pair and negatives.

    Every row trains, except ``validation`` rows. Blank lines are left out and counted. A table may have the usual
    headers of pair files too: ``sentence``, ``sent0, sent1, hard_neg``, ``anchor, positive, negative``, ``sentence1, sentence2`` or
    ``premise, entailment, contradiction``; or none: one column is then the text, a second one its pair, a third one the hard
    negative, and a first one of numbers alone the rows' ids. Tabs may stand in a ``.csv`` file in the place of commas.

    Args:
        path: a file below the data folder, or a pattern (``corpus/*.txt``); by default the data file itself, or all ``.txt`` files
            of the data folder.
        columns: of a table, fields that stand under another name (``{text: sentence}``).
        header: whether the first line of a CSV or TSV file is one; null looks at it.
        delimiter: what stands between the cells of a CSV or TSV file; null looks at its first line.
        encoding: of the files.
        exclude: folders of evaluation sets (``[sts_senteval, sts_b, sick2014]``) in the data folder: rows that hold one of their
            sentences (case, blanks and punctuation aside) are left out, and counted.
        limit: so many training rows, drawn by ``seed``; null takes all.
        validation: so many training rows that do not train, to choose a checkpoint by, drawn by ``seed``; equal texts stay
            together, so it may be a few more.
        seed: of the draws; null takes the run's own, so that each of its seeds draws anew. Validation rows are then
            drawn by 0, the same for all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("sentence embeddings", "language modelling")
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = ("a text file (.txt) with one sentence a line, or a table of sentences",)
    own_files: ClassVar[bool] = True

    def __init__(
        self,
        path: str | None = None,
        columns: dict[str, str] | None = None,
        header: bool | None = None,
        delimiter: Delimiter | None = None,
        encoding: str = "utf-8",
        exclude: list[str] | None = None,
        limit: int | None = None,
        validation: int = 0,
        seed: int | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise RecipeError(f"Sentences, limit: expected a number from 1 up or null, found {limit}")
        if validation < 0:
            raise RecipeError(f"Sentences, validation: expected a number from 0 up, found {validation}")
        self.path = path
        self.columns = columns
        self.header = header
        self.delimiter = delimiter
        self.encoding = encoding
        self.exclude = exclude
        self.limit = limit
        self.validation = validation
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, a file or a folder."""
        return applied(self.candidates(root, media_root=media_root))

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The same with every training row that may be drawn."""
        del media_root
        root = Path(root)
        tables = [self._lines(file) if file.suffix == ".txt" else self._table(file) for file in self._files(root)]
        name = tables[0].name if len(tables) == 1 else display(root)
        table = _together(name, tables)
        _refuse_wordless(table)
        return self._chosen(table, root if root.is_dir() else root.parent)

    def adopted(self, rows: GivenRows) -> Table:
        """Rows given in Python: those without a split train; sets named by ``exclude`` are looked for in the current folder."""
        refuse_for_rows(self, "path", "header", "delimiter", "encoding")
        table = rows(columns=self.columns)
        _refuse_wordless(table)
        return self._chosen(table.all_training(), Path())

    def _files(self, root: Path) -> list[Path]:
        if self.path is None:
            expect(self, root)
            found = [root] if root.is_file() else sorted(root.glob("*.txt"))
        else:
            folder = root if root.is_dir() else root.parent
            below(folder, self.path, argument="Sentences, path")
            found = sorted(folder.glob(self.path))
        if not found:
            raise DataError(f"Sentences: {display(root)} holds no {self.path or 'file that ends in .txt'}")
        return found

    def _lines(self, file: Path) -> Table:
        """One sentence a line; the row's number is the line's."""
        lines = read_lines(file, encoding=self.encoding)
        if all(_NUMBERED.match(line) for line in islice(filter(str.strip, lines), 20)):
            raise DataError(
                f"{display(file)}: every line begins with a number and a tab; end its name in .tsv, and the number is the row's id, "
                "what is behind it the sentence"
            )
        samples = [
            Sample(id=str(number), text=line.strip(), split="train", origin=origin(display(file), number))
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        blank = len(lines) - len(samples)
        return Table(
            name=file.name,
            samples=tuple(samples),
            columns=("text",),
            digests={file.name: file_digest(file)},
            folder=file.parent,
            left_out={f"blank lines of {file.name}": blank} if blank else {},
        )

    def _table(self, file: Path) -> Table:
        known = (self.columns or {}).values()
        separated = layout(file, encoding=self.encoding, known=known, header=self.header, delimiter=self.delimiter)
        header = read_raw(file, encoding=self.encoding, separated=separated).columns
        named = self.columns or {}
        free = [column for column in header if column not in named.values()]
        columns = named | usual_columns(free, taken={*free, *named})
        table = read_table(file, columns=columns, encoding=self.encoding, split_seed=None, separated=separated)
        by_name = separated is None or separated.columns is None
        told = [*([str(separated)] if separated else []), *([_read_as(header, columns)] if by_name else [])]
        say_of_data(f"{display(file)}: {'; '.join(told)}")
        samples = tuple(replace(sample, split="train") for sample in table.samples)
        lame = [sample for sample in samples if not _has_pair(sample)] if any(map(_has_pair, samples)) else []
        problems = [
            Problem(
                file=display(file), row=place(sample)[1], id=sample.id, field="pair", reason="is empty, other rows have one"
            )
            for sample in lame
        ]
        return replace(table, samples=samples, problems=(*table.problems, *problems)).without(problems)

    def _chosen(self, table: Table, root: Path) -> Table:
        """Without sentences of evaluation sets, some of them for validation, the others to draw from."""
        left_out = dict(table.left_out)
        if self.exclude:
            table, count = without(table, evaluation_sentences(root, self.exclude))
            left_out[f"training rows that stand in {', '.join(self.exclude)}"] = count
        table = held_out(table, count=self.validation, seed=self.seed or 0)
        draws: dict[str, Draw] = {} if self.limit is None else {"": Limit(self.limit, self.seed)}
        return replace(table, left_out=left_out, draws=draws, corpus="Sentences")


def _read_as(header: Sequence[str], columns: Mapping[str, str]) -> str:
    """``text is 'sent0', pair is 'sent1'; not used: 'source'``, the columns of a table."""
    of = {field: columns.get(field, field) for field in ("id", *BY_PLACE)}
    read = [f"{field} is {column!r}" for field, column in of.items() if column in header]
    others = [repr(column) for column in header if column not in of.values()]
    return f"{', '.join(read)}" + (f"; not used: {', '.join(others)}" if others else "")


def _refuse_wordless(table: Table) -> None:
    """DataError where most texts have no letter: then another column was taken for them."""
    wordless = [sample for sample in table.samples if not any(map(str.isalpha, sample.text or ""))]
    if len(wordless) > len(table) / 2:
        there = f"; name the column that holds sentences, --columns text=COLUMN: {', '.join(table.columns)}"
        raise DataError(
            f"{table.name}: {len(wordless):,} of {len(table):,} texts have no letter, {wordless[0].text!r} for instance"
            + (there if len(table.columns) > 1 else "")
        )


def _has_pair(sample: Sample) -> bool:
    return bool((sample.pair or "").strip())


def _together(name: str, tables: list[Table]) -> Table:
    """Several files as one table; the ids of several name their file."""
    several = len(tables) > 1
    return replace(
        tables[0],
        name=name,
        samples=tuple(
            replace(sample, id=f"{table.name}/{sample.id}") if several else sample
            for table in tables
            for sample in table.samples
        ),
        problems=tuple(problem for table in tables for problem in table.problems),
        digests={file: digest for table in tables for file, digest in table.digests.items()},
        left_out={reason: count for table in tables for reason, count in table.left_out.items()},
    )
