"""How near is what a model writes to what people wrote, and is one model nearer than another?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from polysense.errors import DataError
from polysense.evaluation.evaluator import Answerer, Comparable, Difference
from polysense.evaluation.written import Written, decoding, writes, written
from polysense.learner import Learner
from polysense.metrics.bootstrap import paired_bootstrap
from polysense.metrics.captions import BLEU_COUNTS, bleu_counts, bleu_of
from polysense.types import Sample

Floats = NDArray[np.float64]
Each = Callable[[Sequence[Sequence[str]], Sequence[Sequence[Sequence[str]]]], list[float]]
"""A metric of each text against its references."""


class Writing(Comparable[Floats]):
    """``bleu_4`` and means over texts of other metrics, times 100. An outcome is what each text adds to their sums.

    Args:
        beams: in place of the recipe's; 1 is much faster, to choose a checkpoint by.
    """

    field: ClassVar[Literal["text", "pair"]]
    """What is written."""
    order: ClassVar[tuple[str, ...]]
    """The metrics as they are told."""

    def __init__(self, beams: int | None = None) -> None:
        self.beams = beams

    def fits(self, learner: Learner) -> bool:
        """Whether an objective writes such texts."""
        return writes(learner, self.field) is not None

    def settings(self, learner: Learner) -> dict[str, Any]:
        """The decoding."""
        objective = writes(learner, self.field)
        return {} if objective is None else decoding(objective, self.beams).in_use()

    @property
    @abstractmethod
    def means(self) -> Mapping[str, Each]:
        """The metrics that are means over texts."""

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Write, compare; empty where nothing is written."""
        found = written(answerer, samples, self.field, beams=self.beams)
        return (
            {}
            if found is None
            else {name: float(value) for name, value in self._metrics(self._counts(found).sum(axis=0)).items()}
        )

    def outcomes(self, answerer: Answerer, samples: Sequence[Sample]) -> Floats:
        """What each text adds to the sums of the metrics, (texts, counts)."""
        found = written(answerer, samples, self.field, beams=self.beams)
        if found is None:
            raise DataError(f"{type(self).__name__} needs {self.needs}")
        return self._counts(found)

    def differences(
        self, base: Sequence[Floats], other: Sequence[Floats], *, resamples: int, seed: int
    ) -> dict[str, Difference]:
        """Of each metric, drawn over texts; what words are rare, which CIDEr weighs by, is that of all of them in every draw."""
        drawn = paired_bootstrap(np.stack(base), np.stack(other), self._metrics, resamples=resamples, seed=seed)
        return {name: (one, len(base[0])) for name, one in drawn.items()}

    def _counts(self, found: Written) -> Floats:
        bleu = [bleu_counts(text, several) for text, several in zip(found.texts, found.references, strict=True)]
        means = [each(found.texts, found.references) for each in self.means.values()]
        return np.column_stack([np.array(bleu, dtype=np.float64), *means, np.ones(len(bleu))])

    def _metrics(self, counts: Floats) -> dict[str, Floats]:
        found = {"bleu_4": 100 * bleu_of(counts[..., :BLEU_COUNTS])}
        for place, name in enumerate(self.means, start=BLEU_COUNTS):
            found[name] = 100 * counts[..., place] / counts[..., -1]
        return {name: found[name] for name in self.order}
