"""The contract of a corpus: a reader for one data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from copy import copy
from inspect import signature
from pathlib import Path
from typing import ClassVar, Protocol, Self

from polysense.data.rows import MEDIA
from polysense.data.table import Table, with_splits
from polysense.errors import DataError, RecipeError, display


class GivenRows(Protocol):
    """Rows that were given in Python, without splits of our making."""

    def __call__(
        self, *, columns: Mapping[str, str] | None = None, label_separator: str | None = None, reads: Collection[str] = MEDIA
    ) -> Table:
        """Read them: see `data.table.from_rows`."""


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
    known_by: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Sets of files and folders, each of which tells the corpus from others; those of the ``layout`` where there are none."""
    own_files: ClassVar[bool] = False
    """Whether it reads anybody's files, each by itself: nothing about a file says that it is none of its."""

    reads: Collection[str] = MEDIA
    """The modalities that somebody reads: where its rows may lack media, others that cannot be used make no row bad."""

    def read_by(self, modalities: Collection[str]) -> Self:
        """The same reader for a model that reads these ``modalities``."""
        found = copy(self)
        found.reads = tuple(modalities)
        return found

    @abstractmethod
    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The samples under ``root``, with the published splits where there are any; media may lie in another folder."""

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """What a training reads: as :meth:`read`, but where training rows are drawn all there are, and the draw in ``draws``."""
        return self.read(root, media_root=media_root)

    def adopted(self, rows: GivenRows) -> Table:
        """Rows that were given in Python, as :meth:`candidates` reads a file's: those without a split get one (80/10/10, seed 0).

        Where a corpus says nothing else, all its arguments mean something for its files alone.

        Raises:
            RecipeError: an argument was chosen that means something for files alone.
        """
        refuse_for_rows(self, *signature(type(self)).parameters)
        return with_splits(rows(), seed=0)


def expect(corpus: Corpus, path: Path) -> Path:
    """``path`` if it exists; else a DataError that says what was looked for and how the corpus is laid out."""
    try:
        if path.exists():
            return path
    except OSError as error:
        raise DataError(f"{display(path)} cannot be read: {error.strerror or error}") from None
    layout = ", ".join(corpus.layout)
    raise DataError(f"{type(corpus).__name__}: {display(path)} is not there; expected in the data folder: {layout}")


def refuse_for_rows(corpus: Corpus, *arguments: str) -> None:
    """Raise a RecipeError where one of the ``arguments``, which mean something for files alone, is not at its default."""
    for name in arguments:
        default, found = signature(type(corpus)).parameters[name].default, getattr(corpus, name)
        if found != default:
            raise RecipeError(
                f"{type(corpus).__name__}, {name}: {found!r} says something of files, and rows given in Python are in none; "
                f"leave it at {'null' if default is None else repr(default)}"
            )
