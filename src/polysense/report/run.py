"""A finished run's folder, read for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polysense.data.json_file import read_lines, read_object
from polysense.errors import DataError, display
from polysense.metrics.sentiment import Dataset
from polysense.training.examples import EXAMPLES
from polysense.training.folder import RECIPE, SUMMARY
from polysense.training.predictions import Predictions, read_predictions
from polysense.training.rival import scored_split
from polysense.training.score_rules import score_rules

Lines = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the folder of a run holds; what is absent is empty."""

    path: Path
    record: Mapping[str, Any]
    """``run.json``"""
    recipe: str
    """``recipe.yaml`` as it was written."""
    seeds: tuple[int, ...]
    journals: Mapping[int, Lines]
    """Seed to one entry an optimizer step."""
    evaluations: Mapping[int, Lines]
    """Seed to one entry a validation."""
    examples: Mapping[int, Mapping[str, Sequence[Mapping[str, Any]]]]
    """Seed to what it does with a few rows, of runs that learned from no targets (:func:`polysense.training.examples.examples`)."""
    predictions: Mapping[str, Mapping[int, Predictions]]
    """File name (``test``, ``test.text``) to seed to rows."""

    @classmethod
    def read(cls, path: Path) -> Run:
        """Read a run folder. Raises DataError if it is none, or if a file in it is broken."""
        path = Path(path)
        if not path.is_dir():
            raise DataError(f"{display(path)}: no such run folder")
        if not (record := read_object(path / SUMMARY)):
            raise DataError(f"{display(path)}: no {SUMMARY} in it: this is not the folder of a finished run")
        homes = {int(home.name.removeprefix("seed-")): home for home in path.glob("seed-*") if home.name[5:].isdecimal()}
        seeds = tuple(sorted(homes))
        names = sorted(
            {file.name.removesuffix(".jsonl") for home in homes.values() for file in home.glob("predictions/*.jsonl")}
        )
        recipe = path / RECIPE
        return cls(
            path=path,
            record=record,
            recipe=recipe.read_text(encoding="utf-8") if recipe.is_file() else "",
            seeds=seeds,
            journals={seed: journal(homes[seed] / "journal.jsonl") for seed in seeds},
            evaluations={seed: journal(homes[seed] / "evaluations.jsonl") for seed in seeds},
            examples={seed: read_object(homes[seed] / EXAMPLES) for seed in seeds},
            predictions={name: read_all(path, name, seeds=seeds) for name in names},
        )

    @property
    def name(self) -> str:
        """The folder's own name, by which tables call the run."""
        return self.path.resolve().name

    @property
    def split(self) -> str | None:
        """The split that the report shows: test, else validation, else none."""
        return next((name for name in ("test", "validation") if self.predictions.get(name)), None)

    @property
    def scored(self) -> str:
        """The split that the scores are of: of the predictions, else of what the run wrote down."""
        return self.split or scored_split(self.record)

    @property
    def shown(self) -> Mapping[int, Predictions]:
        """The predictions of that split, by seed."""
        return self.predictions.get(self.split or "", {})

    @property
    def labels(self) -> list[str]:
        """The classes in the recipe's order; without a record of them those that rows name, sorted."""
        if self.record.get("labels"):
            return [str(label) for label in self.record["labels"]]
        values = [row.get(field) for part in self.shown.values() for row in part.rows for field in ("target", "label")]
        names = (name for value in values for name in (value if isinstance(value, list) else [value]))
        return sorted({name for name in names if isinstance(name, str)})

    @property
    def rules(self) -> Dataset:
        """By whose rules scores are measured."""
        return score_rules(self.record.get("recipe") or {})

    @property
    def best_seed(self) -> int | None:
        """The seed that predicts."""
        best = self.record.get("best_seed")
        return best if best in self.seeds else next(iter(self.seeds), None)

    @property
    def synthetic(self) -> bool:
        """Whether the data were made by a program."""
        return bool(self.record.get("synthetic"))


def read_all(path: Path, name: str, *, seeds: Sequence[int]) -> dict[int, Predictions]:
    """One predictions file of every seed that has it."""
    there = [seed for seed in seeds if (path / f"seed-{seed}" / "predictions" / f"{name}.jsonl").is_file()]
    return {seed: read_predictions(path, seed, name) for seed in there}


def journal(file: Path) -> Lines:
    """The lines of a journal; empty if there is none. The last one may have been cut off by a kill."""
    return tuple(read_lines(file, may_be_cut_off=True))
