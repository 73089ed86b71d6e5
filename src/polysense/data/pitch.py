"""How high a voice is: the fundamental frequency of short frames of sound."""

from __future__ import annotations

import torch
from torch import Tensor

LOWEST_PITCH = 60.0
HIGHEST_PITCH = 500.0
"""Hertz: voices of people lie between."""

THRESHOLD = 0.15
"""Of the normalised difference; a frame that never falls below it has no pitch."""

SILENCE = 1e-6
"""Mean square (-60 dB) below which a frame has no pitch."""

PITCH_SETTINGS = {"method": "yin", "lowest": LOWEST_PITCH, "highest": HIGHEST_PITCH, "threshold": THRESHOLD, "silence": SILENCE}
"""All that decides the numbers."""

_AT_ONCE = 2048  # frames; each takes some 30 KB on the way


def pitches(frames: Tensor, *, rate: int) -> Tensor:
    """The pitch (time,) in hertz of frames (time, samples), 0 where there is none.

    ``d(t) = sum_j (x_j - x_{j+t})^2`` over the samples that a frame has beyond its longest lag, divided by its mean over the lags
    up to t. The first valley below the threshold is the period, refined by the parabola through its neighbours.
    Source: YIN (de Cheveigne and Kawahara, JASA 2002), steps 2 to 5.

    Raises:
        ValueError: frames are shorter than two periods of the lowest pitch.
    """
    longest = int(rate / LOWEST_PITCH) + 1
    if frames.shape[1] < 2 * longest:
        raise ValueError(f"a frame has {frames.shape[1]} samples; the lowest pitch takes {2 * longest}")
    return torch.cat([_pitches(block, rate, longest) for block in torch.split(frames, _AT_ONCE)])


def _pitches(frames: Tensor, rate: int, longest: int) -> Tensor:
    shape = normalised_difference(frames.double(), longest)
    shortest = max(int(rate / HIGHEST_PITCH), 2)
    lags = torch.arange(1, longest)
    inside, before, behind = shape[:, 1:-1], shape[:, :-2], shape[:, 2:]
    valley = (inside < THRESHOLD) & (inside <= before) & (inside < behind) & (lags >= shortest)
    first = valley.int().argmax(dim=1, keepdim=True)
    left, low, right = (side.gather(1, first).squeeze(1) for side in (before, inside, behind))
    bend = left - 2 * low + right
    shift = torch.where(bend > 0, (left - right) / (2 * bend.clamp(min=1e-12)), 0.0)
    period = lags[first.squeeze(1)] + shift
    voiced = valley.any(dim=1) & (frames.square().mean(dim=1) > SILENCE)
    return torch.where(voiced, rate / period, 0.0).to(frames.dtype)


def normalised_difference(frames: Tensor, longest: int) -> Tensor:
    """``d(t) / ((1 / t) sum_{s=1..t} d(s))`` (time, longest + 1) of frames (time, samples); 1 at lag 0."""
    width = frames.shape[1] - longest
    size = 1 << (frames.shape[1] + width - 1).bit_length()
    spectrum = torch.fft.rfft(frames, size)
    first = torch.fft.rfft(frames[:, :width], size)
    shared = torch.fft.irfft(first.conj() * spectrum, size)[:, : longest + 1]
    sums = torch.nn.functional.pad(frames.square().cumsum(dim=1), (1, 0))
    energies = sums[:, width : width + longest + 1] - sums[:, : longest + 1]
    difference = (energies[:, :1] + energies - 2 * shared).clamp(min=0)[:, 1:]
    lags = torch.arange(1, longest + 1)
    total = difference.cumsum(dim=1)
    normal = torch.where(total > 0, difference * lags / total.clamp(min=1e-30), 1.0)
    return torch.nn.functional.pad(normal, (1, 0), value=1.0)
