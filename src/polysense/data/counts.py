"""How many rows there are, and how many of them are labelled: counted in one way wherever it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polysense.types import Sample


@dataclass(frozen=True, slots=True)
class Counts:
    """Some rows in numbers."""

    labelled: int
    """Rows with a label (an empty list of labels is one), a score, or marked spans (none of them too)."""
    unlabelled: int

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Counts:
        """Of these rows."""
        labelled = sum(is_labelled(sample) for sample in samples)
        return cls(labelled, len(samples) - labelled)

    @property
    def rows(self) -> int:
        """All of them."""
        return self.labelled + self.unlabelled

    def __str__(self) -> str:
        if not self.unlabelled:
            return f"{self.labelled} labelled {plural(self.labelled)}"
        if not self.labelled:
            return f"{self.unlabelled} unlabelled {plural(self.unlabelled)}"
        return f"{self.labelled} labelled and {self.unlabelled} unlabelled rows"


def is_labelled(sample: Sample) -> bool:
    """Whether the row says what the answer is."""
    return sample.label is not None or sample.score is not None or sample.spans is not None


def plural(count: int) -> str:
    """``row`` or ``rows``."""
    return "row" if count == 1 else "rows"


def none_of(count: int) -> str:
    """``none of the 3 rows has``, or ``the one row has no``; what they lack follows."""
    return "the one row has no" if count == 1 else f"none of the {count} rows has"
