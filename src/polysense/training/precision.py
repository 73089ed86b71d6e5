"""Whether a machine multiplies faster in bfloat16: it is measured, for a processor's name and instructions do not tell."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional

from polysense.recipe import Recipe
from polysense.recipe.files import parse_yaml
from polysense.training.folder import RECIPE
from polysense.training.processes import from_first

ROWS, WIDTH, PAIRS = 512, 768, 7
"""Of the trial: a layer of a usual encoder on a few sentences, in turn in both ways; about a tenth of a second in all."""

GAIN = 1.15
"""How many times faster bfloat16 must be for its rounding to be worth it."""


@cache
def bf16_pays() -> bool:
    """Whether training and encoding are faster in bfloat16 here; asked once a process.

    A GPU is taken at its word. Of processors with the instructions (AVX512-BF16, AMX) some multiply in bfloat16 twice as fast
    as in float32, others at half the speed, so a layer's forward and backward pass is timed in both.
    """
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return bool(native) and bf16_speed() >= GAIN


def bf16_speed() -> float:
    """How many times as fast as float32 this processor is in bfloat16: the median of paired trials. Draws no random numbers."""
    weight = torch.ones(WIDTH, WIDTH, requires_grad=True)
    rows = torch.ones(ROWS, WIDTH, requires_grad=True)

    def seconds(fast: bool) -> float:
        begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            made = functional.linear(rows, weight)
        torch.autograd.grad(made, (rows, weight), torch.ones_like(made))
        return time.perf_counter() - begun

    for fast in (False, True):  # the first of each prepares kernels
        seconds(fast)
    return median(seconds(False) / seconds(True) for _ in range(PAIRS))


def settle_precision(recipe: Recipe, *, begun: Path | None = None) -> Recipe:
    """The recipe with ``bf16`` decided where it does not say: as the run in the folder ``begun`` has it, else by the machine.

    Of several processes the first decides for all.
    """
    if {"bf16", "fp16"} & set(recipe.training):
        return recipe
    return recipe.with_training(bf16=from_first(lambda: bf16_pays() if (noted := _noted(begun)) is None else noted))


def _noted(begun: Path | None) -> bool | None:
    file = None if begun is None else begun / RECIPE
    if file is None or not file.is_file():
        return None
    found = parse_yaml(file.read_text(encoding="utf-8"), RECIPE).get("training")
    noted = found.get("bf16") if isinstance(found, dict) else None
    return noted if isinstance(noted, bool) else None
