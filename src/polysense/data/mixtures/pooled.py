"""All rows in one pool."""

from __future__ import annotations

from collections.abc import Sequence

from polysense.data.mixtures.mixture import Batches, Mixture
from polysense.data.sampling import ShuffledBatches


class Pooled(Mixture):
    """The rows of all corpora, shuffled together: a batch may hold rows of several. An epoch shows every row once."""

    def batches(self, sizes: Sequence[int], batch_size: int, *, seed: int) -> Batches:
        """One shuffled pool."""
        return ShuffledBatches(sum(sizes), batch_size, seed=seed)
