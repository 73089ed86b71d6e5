"""The contract of a corpus: a reader for one data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from polysense.data.table import Table, with_splits
from polysense.errors import DataError, display


class Corpus(ABC):
    """A reader for one data set.

    The first line of a subclass's docstring is its description in `polysense data list`. One file in `data/corpora` holds one
    corpus; its constructor's arguments are what a recipe may choose.
    """

    tasks: ClassVar[tuple[str, ...]]
    """What the targets are for: ``classification``, ``regression``, ``similarity``, ..."""
    modalities: ClassVar[tuple[str, ...]]
    """What the samples have."""
    layout: ClassVar[tuple[str, ...]]
    """The files that the folder holds, for messages: ``images/<id>.jpg``."""
    own_files: ClassVar[bool] = False
    """Whether it reads anybody's files, each by itself: nothing about a file says that it is none of its."""

    @abstractmethod
    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The samples under ``root``, with the published splits where there are any; media may lie in another folder."""

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """What a training reads: as :meth:`read`, but where training rows are drawn all there are, and the draw in ``draws``."""
        return self.read(root, media_root=media_root)

    def adopted(self, table: Table) -> Table:
        """Rows that were given in Python as rows of this corpus: those without a split get one (80/10/10, seed 0)."""
        return with_splits(table, seed=0)


def expect(corpus: Corpus, path: Path) -> Path:
    """``path`` if it exists; else a DataError that says what was looked for and how the corpus is laid out."""
    try:
        if path.exists():
            return path
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    layout = ", ".join(corpus.layout)
    raise DataError(f"{type(corpus).__name__}: {display(path)} is not there; expected in the data folder: {layout}")
