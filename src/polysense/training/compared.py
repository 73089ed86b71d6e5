"""What a comparison of two runs came to: the difference in one metric with its interval, and what it says in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any

from polysense.metrics.bootstrap import PairedDifference
from polysense.metrics.names import lower_is_better
from polysense.metrics.sentiment import OF_EACH

FEW_SEEDS = 5
"""Below this the spread between seeds is hardly known, and the note says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``other - base`` of one metric, as a fraction (0.01 is one point); of MAE in units of the scores."""

    metric: str
    split: str
    base: float
    """The base run's mean over the seeds."""
    other: float
    difference: float
    low: float
    """Lower end of the 95 % interval; NaN, as ``high``, ``p_value`` and ``detectable``, of too few rows for one."""
    high: float
    p_value: float
    """Two-sided, never 0."""
    detectable: float
    """Half the width of the interval: about the smallest difference that could have been shown."""
    seeds: tuple[int, ...]
    """Those of both; none where two single models are compared."""
    rows: int
    """Rows with a known target, or as many pairs of sentences or pictures."""
    resamples: int
    per_seed: tuple[float, ...]
    """The difference of each seed, in the order of ``seeds``."""
    units: str = "rows"
    """What the rows are."""
    note: str = ""
    """What a reader must know beside the numbers; empty if nothing."""
    groups: Mapping[str, Comparison] = field(default_factory=dict)
    """The same for the rows of each value of the column that was asked for."""

    @classmethod
    def of(
        cls,
        metric: str,
        found: PairedDifference,
        *,
        split: str,
        seeds: Sequence[int],
        rows: int,
        resamples: int,
        notes: Sequence[str],
        units: str = "rows",
    ) -> Comparison:
        """One metric's difference with what it was computed from; ``notes`` make the ``note``."""
        return cls(
            metric=metric,
            split=split,
            base=found.base,
            other=found.other,
            difference=found.difference,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            detectable=(found.high - found.low) / 2,
            seeds=tuple(seeds),
            rows=rows,
            resamples=resamples,
            per_seed=found.per_seed,
            units=units,
            note="; ".join(notes),
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def in_words(self, *, base: str = "the base", other: str = "the run") -> str:
        """What the interval says, for a reader who knows no statistics; without one, the difference and no more.

        Args:
            base: the base run's name.
            other: the other run's name.
        """
        metric = self.metric.replace("_", " ").replace("f1", "F1")
        seeds = f" and {len(self.seeds)} seed{'s' if len(self.seeds) != 1 else ''}" if self.seeds else ""
        evidence = f"{self.rows} {self.units}{seeds}"
        if not self.has_interval:
            return (
                f"Against {base}, the difference of {other} in {metric} is {self._amount(self.difference, sign='+')}; "
                f"{evidence} are too few for an interval, so that nothing is known of an effect."
            )
        if not self.low <= 0 <= self.high:
            side = "higher" if self.low > 0 else "lower"
            low, high = sorted((abs(self.low), abs(self.high)))
            amount = f"{self._amount(abs(self.difference))} {side} in {metric}"
            if lower_is_better(self.metric):
                amount += f", which is {'worse' if self.low > 0 else 'better'}"
            return (
                f"Against {base}, {other} scores {amount} "
                f"(95 % interval {self._number(low)} to {self._number(high)}; {evidence})."
            )
        if self.low == self.high:
            return f"Against {base}, {other} makes no difference in {metric}: they score the same ({evidence})."
        return (
            f"Against {base}, no effect of {other} is visible in {metric} ({self._amount(self.difference, sign='+')}): an effect "
            f"below about {self._amount(self.detectable)} could not have been shown with {evidence}."
        )

    def _amount(self, value: float, *, sign: str = "") -> str:
        return self._number(value, sign=sign) + ("" if self._is_in_units else " points")

    def _number(self, value: float, *, sign: str = "") -> str:
        return f"{value:{sign}.3f}" if self._is_in_units else f"{100 * value:{sign}.1f}"

    @property
    def has_interval(self) -> bool:
        """Whether there are rows enough for an interval and a p."""
        return not isnan(self.p_value)

    @property
    def _is_in_units(self) -> bool:
        """Whether it is no fraction of rows, so that a difference is not told in points."""
        return self.metric.partition("/")[0] in OF_EACH


def cautions(seeds: Sequence[int]) -> tuple[str, ...]:
    """What too few seeds leave unknown."""
    if len(seeds) == 1:
        return ("one seed: only the test rows were resampled, another seed may give another difference",)
    if len(seeds) < FEW_SEEDS:
        return (f"{len(seeds)} seeds: the spread between seeds is hardly known, the interval may be too narrow",)
    return ()


def disagreement(per_seed: Sequence[float]) -> tuple[str, ...]:
    """That two seeds differ in which run is better: no number of rows makes p small then."""
    if len(per_seed) == 2 and min(per_seed) <= 0 <= max(per_seed) and any(per_seed):
        return (
            "the two seeds do not agree that one run is better, and p cannot be small: half of the draws hold one of them alone",
        )
    return ()
