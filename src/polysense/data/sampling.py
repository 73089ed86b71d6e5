"""Which rows form a training batch: shuffled anew each epoch, the same way for the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import torch


class ShuffledBatches:
    """Batches of row numbers; the order depends on (seed, epoch) alone, so that a resumed run sees the same batches.

    A last batch of one row is joined to the batch before it: contrasts and batch statistics need a second row.

    Args:
        rows: rows of the training split.
        batch_size: rows a batch.
        seed: of the run.
    """

    drop_last = False

    def __init__(self, rows: int, batch_size: int, *, seed: int) -> None:
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is given next."""
        self.epoch = epoch

    def __len__(self) -> int:
        full, rest = divmod(self.rows, self.batch_size)
        return max(full + (rest > 1), 1)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator()
        generator.manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.rows, generator=generator).tolist()
        for number in range(len(self)):
            start = number * self.batch_size
            end = self.rows if number == len(self) - 1 else start + self.batch_size
            yield order[start:end]
