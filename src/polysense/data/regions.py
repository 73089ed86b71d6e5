"""How the numbers of a region of a picture lie: features, the detector's probabilities of classes where it has them, and the box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polysense.boxes import BOX

if TYPE_CHECKING:
    import numpy as np

BEYOND = 1e-3
"""So far may a box reach out of the picture, as a fraction of it: for rounding."""

OFF = 1e-2
"""So far may the sum of probabilities be from 1: numbers that were kept in half precision add up so."""


@dataclass(frozen=True)
class RegionLayout:
    """The last numbers of a region: probabilities of ``classes`` classes, then left, top, right, bottom as fractions of the picture."""

    classes: int = 0

    @property
    def numbers(self) -> int:
        """How many they are."""
        return self.classes + BOX

    def fault(self, regions: np.ndarray) -> str | None:
        """The first reason why regions (count, numbers) are no such; None where they are."""
        boxes = regions[:, -BOX:]
        wrong = (boxes.min(axis=1) < -BEYOND) | (boxes.max(axis=1) > 1 + BEYOND) | (boxes[:, :2] > boxes[:, 2:]).any(axis=1)
        if wrong.any():
            first = int(wrong.argmax())
            found = ", ".join(f"{number:g}" for number in boxes[first])
            return (
                f"region {first + 1}: its last {BOX} numbers are a box: left, top, right, bottom as fractions of the picture, "
                f"found {found}"
            )
        if not self.classes:
            return None
        fault = distribution_fault(regions[:, -BOX - self.classes : -BOX])
        return None if fault is None else f"{fault}; they are the {self.classes} numbers before the box"


def distribution_fault(chances: np.ndarray) -> str | None:
    """The first reason why rows (count, classes) are no probabilities, not negative and with the sum 1; None where they are."""
    least, total = chances.min(axis=1), chances.sum(axis=1)
    wrong = (least < -OFF / chances.shape[1]) | (abs(total - 1) > OFF)
    if not wrong.any():
        return None
    first = int(wrong.argmax())
    return (
        f"region {first + 1}: probabilities of classes are not negative and sum to 1, "
        f"found {least[first]:g} as the least and {total[first]:g} as the sum"
    )
