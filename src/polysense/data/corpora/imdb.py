"""IMDB (Maas et al., ACL 2011), its training half."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.rows import origin
from polysense.data.splits import make_splits
from polysense.data.table import Table
from polysense.errors import DataError, display
from polysense.types import Sample

FOLDER = "imdb"
FILE = "train.jsonl.xz"


class Imdb(Corpus):
    """IMDB: 25,000 film reviews, negative or positive; ``extra`` has the ``rating``.

    The training half alone: 80/10/10 splits of it are drawn by ``seed``, keeping equal texts together. A film has many reviews, which
    may stand in several splits: what is measured here is no published IMDB accuracy.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = (FILE,)

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The reviews under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        path = expect(self, home / FILE)
        samples = _reviews(path)
        made = make_splits(samples, seed=self.seed)
        return Table(
            name=FOLDER,
            samples=tuple(replace(sample, split=split) for sample, split in zip(samples, made, strict=True)),
            columns=("text", "label", "rating"),
            digests={path.name: file_digest(path)},
            folder=home,
            split_made=True,
        )


def _reviews(path: Path) -> list[Sample]:
    """One JSON object a line; line breaks of the web page are blanks."""
    try:
        lines = lzma.decompress(path.read_bytes()).decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DataError(f"{display(path)} cannot be read: {error}") from None
    file = display(path)
    return [_review(line, origin(file, number)) for number, line in enumerate(lines, start=1)]


def _review(line: str, where: str) -> Sample:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not JSON ({error})") from None
    match row:
        case {"id": str(name), "label": 0 | 1 as label, "rating": int(rating), "text": str(text)} if text.strip():
            words = " ".join(text.replace("<br />", " ").split())
            named = "positive" if label else "negative"
            return Sample(id=name, text=words, label=named, extra={"rating": str(rating)}, origin=where)
    raise DataError(f"{where}: expected an id, a label 0 or 1, a rating and a text")
