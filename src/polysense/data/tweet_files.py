"""Sets of posts whose pictures are named by the post's own id: ``tweet_id, text, label, split`` beside ``images/<tweet_id>.jpg``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.pictured import read_pictured
from polysense.data.table import Table, with_splits
from polysense.data.tablefile import read_raw

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
IMAGES = "images"


def tweet_layout(name: str, *further: str, also: str | None = None) -> tuple[str, ...]:
    """For messages and documentation; ``also`` is another way to name pictures (see `read_tweets`)."""
    columns = ", ".join(["tweet_id", "text", "label", "split", *further])
    other = "" if also is None else f"{also.format('<tweet_id>')}.jpg, "
    return (f"{name}.csv (or .tsv, .jsonl, .parquet) with the columns {columns}", f"{IMAGES}/<tweet_id>.jpg (or {other}.png)")


def tweet_files(name: str) -> tuple[tuple[str, str], ...]:
    """By what the set is known: its table, with any of the endings, beside the folder of pictures."""
    return tuple((f"{name}{ending}", IMAGES) for ending in ENDINGS)


def read_tweets(
    corpus: Corpus,
    root: Path,
    name: str,
    *,
    media_root: Path | None,
    also: str | None = None,
    label: Callable[[Mapping[str, object]], str | None] | None = None,
) -> Table:
    """The posts of the set ``name`` under ``root``, its own folder or one that holds many sets.

    The id stands in ``tweet_id`` or ``id``; further columns are kept as the table's own. Without a column ``split`` posts are
    split 80/10/10, with about equal shares of every class; equal posts stay together. ``media_root`` may hold regions in the place
    of pictures, ``also`` is how pictures may be called that are not called by the id alone (``T{}``), and ``label`` makes the labels
    (see `read_pictured`).

    Raises:
        DataError: the table or the folder of pictures is not there, or cannot be read.
    """
    home = set_folder(root, name) if not root.is_file() else root.parent
    files = [root] if root.is_file() else [home / f"{name}{ending}" for ending in ENDINGS]
    path = next((file for file in files if file.is_file()), files[0])
    images = expect(corpus, home / IMAGES if media_root is None else Path(media_root))
    key = "tweet_id" if "tweet_id" in read_raw(expect(corpus, path)).columns else "id"
    columns = {"id": key, "image": key, "text": "text"}
    table = read_pictured(path, columns=columns, pictures=images, also=also, label=label, reads=corpus.reads)
    return with_splits(replace(table, name=name, corpus=type(corpus).__name__), seed=0)
