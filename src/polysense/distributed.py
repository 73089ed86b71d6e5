"""Several processes that train one model: rows gathered with their gradients, and means over the rows of all of them.

With one process every function here gives back what it got. The rules make the gradient that data-parallel training averages equal
to the gradient of one process that holds all rows, uneven batches included. Every process calls them in the same order, with no row
of its own if need be: they wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as processes
from torch import Tensor


@dataclass
class _Standing:
    alone: bool = False
    group: Any = None
    """Of the functions here; None is the group that all processes share by default."""


_here = _Standing()


@contextmanager
def own_group(timeout: timedelta) -> Iterator[None]:
    """Give the functions here connections of their own, so that their order is free of that of averaged gradients.

    An averaged gradient is sent once it is ready, which may be earlier in a process whose rows lack a modality.

    Args:
        timeout: how long a process waits for the others.
    """
    _here.group = processes.new_group(timeout=timeout)
    try:
        yield
    finally:
        _here.group = None


@contextmanager
def alone() -> Iterator[None]:
    """For a while this process computes by itself, as if it were the only one."""
    before, _here.alone = _here.alone, True
    try:
        yield
    finally:
        _here.alone = before


def _together() -> bool:
    return not _here.alone and processes.is_available() and processes.is_initialized()


def world() -> int:
    """The number of processes."""
    return processes.get_world_size() if _together() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return processes.get_rank() if _together() else 0


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
    if kept is None:
        return share(values.sum(), values.numel())
    return share(values.masked_fill(~kept, 0.0).sum(), kept.sum())


def share(total: Tensor, count: Tensor | int) -> Tensor:
    """The share that this process has in a mean over all, from its own sum and number of values; see :func:`mean`."""
    numbers = torch.as_tensor(count, device=total.device).clone()
    if world() > 1:
        processes.all_reduce(numbers, group=_here.group)
    return total * world() / numbers.clamp(min=1)


def everywhere(here: bool) -> bool:
    """Whether something holds in every process."""
    if world() == 1:
        return here
    found = torch.tensor(int(here))
    processes.all_reduce(found, op=processes.ReduceOp.MIN, group=_here.group)
    return bool(found)


def averages(values: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """The mean of each named value over the processes that have it; without the names that none has."""
    if world() == 1:
        return {name: values[name] for name in names if name in values}
    found = torch.tensor([[values.get(name, 0.0), float(name in values)] for name in names], dtype=torch.float64)
    processes.all_reduce(found, group=_here.group)
    return {name: total / count for name, (total, count) in zip(names, found.tolist(), strict=True) if count}


def meet() -> None:
    """Go on when all processes are here."""
    everywhere(True)


def own_part(rows: Sequence[Any]) -> slice:
    """Which of the rows of a batch are this process's: parts of equal size, or one row less, in the order of the processes."""
    begin, end = (-(-len(rows) * place // world()) for place in (rank(), rank() + 1))
    return slice(begin, end)


def _counts(rows: Tensor) -> list[int]:
    own = torch.tensor([rows.shape[0]], device=rows.device)
    every = [torch.zeros_like(own) for _ in range(world())]
    processes.all_gather(every, own, group=_here.group)
    return [int(count) for count in every]


class _Gather(torch.autograd.Function):
    """All processes' rows forward; the sum of all processes' gradients of the own rows backward."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: rows.shape[0]] = rows
        every = [torch.empty_like(padded) for _ in counts]
        processes.all_gather(every, padded, group=_here.group)
        return torch.cat([part[:count] for part, count in zip(every, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].float()  # summed in full precision
        gradient = gradient.clone() if gradient is gradients[0] else gradient
        processes.all_reduce(gradient, group=_here.group)
        start = sum(ctx.counts[: rank()])
        return gradient[start : start + ctx.counts[rank()]].to(gradients[0].dtype), None
