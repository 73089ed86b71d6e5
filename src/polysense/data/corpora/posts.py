"""Any user's own table."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.table import Table, read_table


class Posts(Corpus):
    """Your own table of posts: CSV, TSV, JSON lines or Parquet, with media beside it.

    Standard columns are ``id, text, image, audio, video, pair, negatives, aspect, spans, label, score, split, group``; ``columns``
    maps them to other names (``{text: tweet}``). A table without splits gets 80/10/10 ones, drawn by ``seed``, that keep equal
    posts together.
    ``label_separator`` makes rows multi-label (``"|"``: ``joy|surprise``).
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")
    modalities: ClassVar[tuple[str, ...]] = ("text", "image", "audio", "video")
    layout: ClassVar[tuple[str, ...]] = ("a table (.csv, .tsv, .jsonl, .parquet)", "the media it names")

    def __init__(
        self,
        columns: dict[str, str] | None = None,
        encoding: str = "utf-8",
        label_separator: str | None = None,
        seed: int = 0,
    ) -> None:
        self.columns = columns
        self.encoding = encoding
        self.label_separator = label_separator
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The samples of the table ``root``, or of the only table in the folder ``root``."""
        return read_table(
            expect(self, Path(root)),
            columns=self.columns,
            media_root=media_root,
            encoding=self.encoding,
            label_separator=self.label_separator,
            split_seed=self.seed,
        )
