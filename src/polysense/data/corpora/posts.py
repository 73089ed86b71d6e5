"""Any user's own table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

from polysense.data.blanked import blanked
from polysense.data.corpus import Corpus, GivenRows, expect, refuse_for_rows
from polysense.data.few_labels import FewLabels
from polysense.data.pair_files import FORMATS, Delimiter
from polysense.data.table import Table, read_table, with_splits
from polysense.data.tablefile import DELIMITERS, Separated, find_table
from polysense.errors import RecipeError, choices

ON_MISSING = ("error", "blank")


class Posts(Corpus):
    """Your own table of posts: CSV, TSV, JSON lines or Parquet, with media beside it.

    Standard columns are ``id, text, image, audio, video, pair, negatives, aspect, spans, label, score, split, group``; ``columns``
    maps them to other names (``{text: tweet}``). A table without splits gets 80/10/10 ones, drawn by ``seed``, that keep equal
    posts together. ``delimiter`` is what stands between the cells of a CSV or TSV file: a comma or a tab by its name's
    ending; a first line ``sep=;`` holds in any case.
    ``label_separator`` makes rows multi-label (``"|"``: ``joy|surprise``). ``labels`` is how many labels a training learns from, drawn
    by its seed, or ``all``; the rows without one are then a corpus of their own to the mixture (``Beside``). ``null`` makes no
    difference between rows. A picture, recording or film that is not there or damaged makes its row a bad one; ``on_missing: blank``
    uses the row without it, which takes decoding all of them once more.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")
    modalities: ClassVar[tuple[str, ...]] = ("text", "image", "audio", "video")
    layout: ClassVar[tuple[str, ...]] = ("a table (.csv, .tsv, .jsonl, .parquet)", "the media it names")
    own_files: ClassVar[bool] = True

    def __init__(
        self,
        columns: dict[str, str] | None = None,
        encoding: str = "utf-8",
        delimiter: Delimiter | None = None,
        label_separator: str | None = None,
        seed: int = 0,
        labels: int | Literal["all"] | None = None,
        on_missing: Literal["error", "blank"] = "error",
    ) -> None:
        if delimiter is not None and delimiter not in DELIMITERS:
            raise RecipeError(f"Posts, delimiter: {delimiter!r} is none; {choices(delimiter, DELIMITERS)}")
        if labels is not None and labels != "all" and labels < 1:
            raise RecipeError(f"Posts, labels: expected a number from 1 up, all or null, found {labels}")
        self.columns = columns
        self.encoding = encoding
        self.delimiter = delimiter
        self.label_separator = label_separator
        self.seed = seed
        self.labels = labels
        if on_missing not in ON_MISSING:
            raise RecipeError(f"Posts, on_missing: {on_missing!r} is none; {choices(on_missing, ON_MISSING)}")
        self.on_missing = on_missing

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The samples of the table ``root``, or of the only table in the folder ``root``."""
        path = find_table(expect(self, Path(root)))
        given = self.delimiter if path.suffix.lower() in FORMATS else None
        return self._split(
            partial(
                read_table,
                path,
                columns=self.columns,
                media_root=media_root,
                encoding=self.encoding,
                label_separator=self.label_separator,
                split_seed=None,
                separated=None if given is None else Separated(DELIMITERS[given]),
            )
        )

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The samples, with the draw of the labels where there is one."""
        return self._drawn(self.read(root, media_root=media_root))

    def adopted(self, rows: GivenRows) -> Table:
        """Rows given in Python, with the same columns, splits and draw as a table has."""
        refuse_for_rows(self, "encoding", "delimiter")
        return self._drawn(self._split(partial(rows, columns=self.columns, label_separator=self.label_separator)))

    def _split(self, read: Callable[..., Table]) -> Table:
        """The table that is read for what somebody reads, with splits."""
        table = read(reads=self.reads) if self.on_missing == "error" else blanked(lambda reads: read(reads=reads), self.reads)
        return with_splits(table, seed=self.seed)

    def _drawn(self, table: Table) -> Table:
        return table if self.labels is None else FewLabels(None if self.labels == "all" else self.labels).candidates(table)
