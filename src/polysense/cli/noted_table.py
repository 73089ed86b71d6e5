"""What a run noted of its own table: a table that a model is to answer is mostly laid out in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from polysense.data.pair_files import FORMATS
from polysense.data.rows import MEDIA
from polysense.data.tablefile import DELIMITERS, Separated, find_table, read_raw
from polysense.errors import DataError


@dataclass(frozen=True, slots=True)
class NotedTable:
    """The layout of a run's table, as its recipe has it."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Fields by the names that their columns had, where these were not ours."""
    delimiter: str | None = None
    """One of ``DELIMITERS``."""
    label_separator: str | None = None
    """What stands between the labels of a row that has several."""
    media: tuple[str, ...] = MEDIA
    """Those that the run's model reads: the files of others may be missing."""

    @classmethod
    def of(cls, run: str) -> NotedTable:
        """Of a run's folder; without names where its table had our own, or it had none."""
        from polysense.recipe.files import parse_yaml
        from polysense.training.folder import RECIPE

        file = Path(run) / RECIPE
        if not file.is_file():
            return cls()
        recipe = parse_yaml(file.read_text(encoding="utf-8"), str(file))
        match recipe.get("encoders"):
            case dict(encoders):
                media = tuple(name for name in MEDIA if name in encoders)
            case _:
                media = MEDIA
        match recipe.get("corpora"):
            case [{"init_args": dict(given)}]:
                return cls(
                    {str(name): str(column) for name, column in (given.get("columns") or {}).items()},
                    given.get("delimiter"),
                    given.get("label_separator"),
                    media,
                )
        return cls(media=media)

    def separated(self, path: Path, *, encoding: str) -> Separated | None:
        """How the cells of another table are laid out, where it is laid out as the run's was and not as its name says."""
        if self.delimiter is None or find_table(path).suffix.lower() not in FORMATS:
            return None
        own = Separated(DELIMITERS[self.delimiter])
        try:
            return own if len(read_raw(find_table(path), encoding=encoding, separated=own).columns) > 1 else None
        except DataError:
            return None
