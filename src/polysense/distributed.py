"""Several processes that train one model: rows gathered with their gradients, and means over the rows of all of them.

With one process every function here gives back what it got. The rules make the gradient that data-parallel training averages equal
to the gradient of one process that holds all rows, uneven batches included.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as processes
from torch import Tensor


def world() -> int:
    """The number of processes."""
    return processes.get_world_size() if processes.is_available() and processes.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return processes.get_rank() if processes.is_available() and processes.is_initialized() else 0


def gather(rows: Tensor) -> tuple[Tensor, int]:
    """The rows of all processes (total, ...), in the order of the processes, and where this one's own begin.

    Processes may have different numbers of rows; the gradient of a row flows back to the process that made it.
    """
    if world() == 1:
        return rows, 0
    counts = _counts(rows)
    gathered: Tensor = _Gather.apply(rows, counts)  # type: ignore[no-untyped-call]
    return gathered, sum(counts[: rank()])


def mean(values: Tensor, kept: Tensor | None = None) -> Tensor:
    """The mean of ``values`` (rows,) where ``kept`` (rows,) bool, over all processes; 0 (without gradient) where none is kept.

    Each process gives its own share, scaled by the number of processes: averaged over them, shares and gradients are those of the mean.
    """
    count = torch.tensor(values.numel(), device=values.device) if kept is None else kept.sum()
    total = values.sum() if kept is None else values.masked_fill(~kept, 0.0).sum()
    if world() > 1:
        processes.all_reduce(count)
    return total * world() / count.clamp(min=1)


def everywhere(here: bool) -> bool:
    """Whether something holds in every process."""
    if world() == 1:
        return here
    found = torch.tensor(int(here))
    processes.all_reduce(found, op=processes.ReduceOp.MIN)
    return bool(found)


def _counts(rows: Tensor) -> list[int]:
    own = torch.tensor([rows.shape[0]], device=rows.device)
    every = [torch.zeros_like(own) for _ in range(world())]
    processes.all_gather(every, own)
    return [int(count) for count in every]


class _Gather(torch.autograd.Function):
    """All processes' rows forward; the sum of all processes' gradients of the own rows backward."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: rows.shape[0]] = rows
        every = [torch.empty_like(padded) for _ in counts]
        processes.all_gather(every, padded)
        return torch.cat([part[:count] for part, count in zip(every, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].contiguous()
        processes.all_reduce(gradient)
        start = sum(ctx.counts[: rank()])
        return gradient[start : start + ctx.counts[rank()]], None
