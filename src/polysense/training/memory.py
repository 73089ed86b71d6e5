"""What objectives have made of the training rows, written down beside their ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars

from polysense.learner import Learner
from polysense.types import Sample


def write_memory(folder: Path, learner: Learner, samples: Sequence[Sample], *, step: int) -> None:
    """``<objective>.<step>.parquet`` of each objective that remembers something: ``id``, and its columns; null where it knows nothing.

    Args:
        folder: made where it is needed.
        learner: in training.
        samples: the training split; a sample's place in it is its ``index``.
        step: optimizer steps so far.
    """
    for name, objective in learner.active.items():
        if columns := objective.remembered():
            folder.mkdir(exist_ok=True)
            table = {"id": [sample.id for sample in samples]} | {key: values.cpu().numpy() for key, values in columns.items()}
            file = folder / f"{name}.{step:07d}.parquet"
            partial = file.with_name(f".{file.name}.partial")
            polars.DataFrame(table).fill_nan(None).write_parquet(partial)
            partial.replace(file)
