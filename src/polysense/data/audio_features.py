"""What speech sounds like, a row of numbers every 20 ms: log-mel, MFCC, energy and pitch.

A frame is 40 ms of sound, the next one begins 20 ms later: 640 and 320 samples at 16,000 a second. Frames begin with the first
sample, and none reaches beyond the last one; sound that is shorter than a frame is one frame, with silence behind it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor

from polysense.data.clip_file import SAMPLE_RATE
from polysense.data.pitch import pitches

WINDOW = 640
HOP = 320
"""Samples."""

POINTS = 1024
"""Of the Fourier transform; frames are filled up with zeros."""

MELS = 40
LOWEST = 20.0
HIGHEST = 8000.0
"""Hertz: where the lowest filter begins and the highest one ends."""

COEFFICIENTS = 13
"""MFCC kept, the first of which tells loudness."""

FLOOR = 1e-10
"""Added to powers before their logarithm: of silence -100 dB."""

Part = Literal["log_mel", "mfcc", "energy", "f0"]
PARTS: tuple[Part, ...] = get_args(Part)

SETTINGS = {
    "sample_rate": SAMPLE_RATE,
    "window": WINDOW,
    "hop": HOP,
    "points": POINTS,
    "mels": MELS,
    "lowest": LOWEST,
    "highest": HIGHEST,
    "coefficients": COEFFICIENTS,
    "floor": FLOOR,
}
"""All that decides the numbers but those of the pitch."""


def frames_of(samples: Tensor) -> Tensor:
    """The frames (time, 640) of samples (samples,)."""
    short = WINDOW - len(samples)
    return (torch.nn.functional.pad(samples, (0, short)) if short > 0 else samples).unfold(0, WINDOW, HOP)


def power_spectrum(samples: Tensor) -> Tensor:
    """(time, 513): ``|X|^2 / sum(w)^2`` of each frame under a Hann window w, so that a sine of amplitude a peaks at a^2 / 4."""
    window = torch.hann_window(WINDOW, dtype=samples.dtype)
    short = max(WINDOW - len(samples), 0)
    # The window stands in the middle of the transform: silence around the sound puts the frames where `frames_of` has them.
    margin = (POINTS - WINDOW) // 2
    around = torch.nn.functional.pad(samples, (margin, margin + short))
    spectrum = torch.stft(around, POINTS, hop_length=HOP, win_length=WINDOW, window=window, center=False, return_complex=True)
    return spectrum.abs().square().T / window.sum().square()


def mel(hertz: Tensor) -> Tensor:
    """Pitch as it is heard: ``2595 log10(1 + f / 700)`` (O'Shaughnessy, 1987)."""
    return 2595 * torch.log10(1 + hertz / 700)


@cache
def mel_filters() -> Tensor:
    """(513, 40): triangles that overlap by half, evenly spaced in mel, each 1 at its centre; between the first and the last centre
    the filters of a frequency sum to 1.
    """
    lowest, highest = mel(torch.tensor([LOWEST, HIGHEST], dtype=torch.float64)).tolist()
    edges = torch.linspace(lowest, highest, MELS + 2, dtype=torch.float64)
    places = mel(torch.linspace(0, SAMPLE_RATE / 2, POINTS // 2 + 1, dtype=torch.float64)).unsqueeze(1)
    step = edges[1] - edges[0]
    filters: Tensor = (1 - (places - edges[1:-1]).abs() / step).clamp(min=0)
    return filters.float()


def log_mel(samples: Tensor) -> Tensor:
    """(time, 40): natural logarithm of the power in each mel filter."""
    return (power_spectrum(samples) @ mel_filters().to(samples.dtype) + FLOOR).log()


def mfcc(bands: Tensor) -> Tensor:
    """(time, 13): the first coefficients of the orthonormal cosine transform (DCT-II) of log-mel (time, 40)."""
    count = bands.shape[1]
    angles = math.pi / count * (torch.arange(count) + 0.5).unsqueeze(1) * torch.arange(COEFFICIENTS)
    basis = angles.cos() * math.sqrt(2 / count)
    basis[:, 0] = math.sqrt(1 / count)
    return bands @ basis.to(bands.dtype)


def energy(samples: Tensor) -> Tensor:
    """(time, 1): the mean square of each frame in decibels; 0 is a constant of 1, a sine of amplitude a has ``10 log10(a^2 / 2)``."""
    return 10 * (frames_of(samples).square().mean(dim=1, keepdim=True) + FLOOR).log10()


def f0(samples: Tensor) -> Tensor:
    """(time, 2): octaves above 100 Hz, 0 where there is no pitch; and 1 or 0, whether there is one."""
    found = pitches(frames_of(samples), rate=SAMPLE_RATE)
    voiced = found > 0
    octaves = torch.where(voiced, (found.clamp(min=1) / 100).log2(), 0.0)
    return torch.stack([octaves, voiced.to(octaves.dtype)], dim=1)


def acoustic(samples: Tensor, parts: tuple[Part, ...] = PARTS) -> Tensor:
    """The ``parts`` of samples (samples,) side by side, in the order of `PARTS`: (time, 56) where all are taken."""
    bands = log_mel(samples)
    makers = {
        "log_mel": lambda: bands,
        "mfcc": lambda: mfcc(bands),
        "energy": lambda: energy(samples),
        "f0": lambda: f0(samples),
    }
    return torch.cat([makers[name]() for name in PARTS if name in parts], dim=1)
