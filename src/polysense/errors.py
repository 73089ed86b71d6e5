"""What goes wrong on the user's side, with the exit code that the command line gives for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Literal


class PolysenseError(Exception):
    """A run failed for a stated reason (exit code 1)."""

    exit_code = 1


class RecipeError(PolysenseError, ValueError):
    """A recipe, an option or a name is wrong (exit code 2)."""

    exit_code = 2


class DataError(PolysenseError, ValueError):
    """The data cannot be used (exit code 3). The message names the file and, where there is one, the row and the field."""

    exit_code = 3

    def __init__(self, message: str, *, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class ArgumentError(DataError):
    """The data do not fit an argument of the corpus that reads them: ``argument`` names it, ``instead`` is a value that they fit."""

    def __init__(self, message: str, *, argument: str, instead: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message, problems=problems)
        self.argument = argument
        self.instead = instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with one row of a table."""

    file: str
    row: int | None
    """From 1, the header is not a row; None for the table as a whole."""
    id: str | None
    field: str
    reason: str
    severity: Literal["bad", "warning"] = "bad"

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        name = f" (id {self.id})" if self.id else ""
        return f"{place}{name}, {self.field}: {self.reason}"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


LISTED = 8
"""Names that a message lists; of more, those nearest to what was written."""


def choices(wrong: str, valid: Iterable[str], *, listed: Sequence[str] | None = None) -> str:
    """``did you mean 'x'? valid: 'x', 'y'``: the end of a message about a name that is not there.

    A long list is cut short, unless the names to be ``listed`` are given: these are all told, in their order.
    """
    names = sorted({str(name) for name in valid})
    near = get_close_matches(wrong, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if listed is not None:
        return f"{hint}valid: {', '.join(map(repr, listed))}"
    shown = names if len(names) <= LISTED else sorted(names, key=lambda name: -_likeness(wrong, name))[:LISTED]
    rest = f", ... ({len(names)} in all)" if len(names) > LISTED else ""
    return f"{hint}valid: {', '.join(repr(name) for name in shown) or '(none)'}{rest}"


def _likeness(one: str, other: str) -> float:
    """From 0 to 1, as the nearest name is found."""
    return SequenceMatcher(None, other, one).ratio()


def display(path: Path | str) -> str:
    """A path as messages show it: relative to the current folder where that is shorter."""
    path = Path(path)
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
