"""Captions as commands read them: a user's own table, or a corpus of captions in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from polysense.errors import RecipeError, choices
from polysense.progress import say

if TYPE_CHECKING:
    from polysense.data.corpus import Corpus
    from polysense.types import Sample


def read_captions(
    path: Path,
    *,
    corpus: str | None,
    split: str,
    columns: Mapping[str, str],
    media_root: Path | None,
    encoding: str | None,
    skip_bad_rows: bool,
) -> list[Sample]:
    """Every caption of one split; all rows of a table without a column ``split``, which all are training rows.

    Raises:
        DataError: the rows cannot be used, or none is in the split.
        RecipeError: there is no such corpus of captions, or an option does not fit it.
    """
    from polysense.cli.paths import refuse_missing
    from polysense.data.bad_rows import refuse_or_skip

    refuse_missing(path)
    reader = _reader(path, corpus, columns=columns, encoding=encoding)
    table = refuse_or_skip(reader.candidates(path, media_root=media_root), skip_bad_rows=skip_bad_rows)
    rows = table.split(split)
    if others := {name: count for name, count in table.splits.items() if name != split}:
        say(
            f"{table.name}: {len(rows):,} captions of the split {split}; not read: {', '.join(f'{n} {c:,}' for n, c in others.items())}"
        )
    return rows


def _reader(path: Path, corpus: str | None, *, columns: Mapping[str, str], encoding: str | None) -> Corpus:
    from polysense.cli.data import corpus_reader, recognised
    from polysense.data.corpora import all_corpora
    from polysense.data.corpora.captions import Captions

    known = {name for name, one in all_corpora().items() if "captions" in one.tasks}
    if corpus is not None and corpus not in known:
        raise RecipeError(f"--corpus {corpus!r} is no corpus of captions; {choices(corpus, known)}")
    found = corpus or recognised(path)
    if found in known and found != "Captions":
        return corpus_reader(found, columns=columns, encoding=encoding)
    return Captions(columns=dict(columns), encoding=encoding or "utf-8", captions_per_image=None)
