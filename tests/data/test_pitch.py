from __future__ import annotations

import numpy as np
import pytest
import torch

from made_films import RATE, pulses, tone
from polysense.data.pitch import normalised_difference, pitches


def framed(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(samples).unfold(0, 640, 320)


@pytest.mark.parametrize("hertz", [65.0, 110.0, 220.5, 333.0, 480.0])
def test_the_pitch_of_tones_and_of_voices_is_found(hertz: float) -> None:
    for sound in (tone(hertz, 0.5), pulses(hertz, 0.5)):
        assert pitches(framed(sound), rate=RATE).numpy() == pytest.approx(hertz, rel=0.005)


def test_a_voice_without_its_lowest_tone_keeps_its_pitch() -> None:
    sound = tone(300, 0.5) + tone(450, 0.5) + tone(600, 0.5)
    assert pitches(framed(sound), rate=RATE).numpy() == pytest.approx(150, rel=0.01)


def test_noise_and_silence_have_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert (pitches(framed(noise), rate=RATE) > 0).float().mean() < 0.05
    assert not pitches(framed(np.zeros(RATE, dtype=np.float32)), rate=RATE).any()
    assert not pitches(framed(tone(200, 0.5, amplitude=1e-4)), rate=RATE).any(), "too quiet"


def test_the_difference_is_the_one_of_loops() -> None:
    frame = np.random.default_rng(1).normal(size=40)
    longest, width = 15, 25
    differences = [sum((frame[j] - frame[j + lag]) ** 2 for j in range(width)) for lag in range(longest + 1)]
    expected = [1.0] + [differences[lag] * lag / sum(differences[1 : lag + 1]) for lag in range(1, longest + 1)]
    found = normalised_difference(torch.from_numpy(frame).unsqueeze(0), longest)[0]
    assert found.numpy() == pytest.approx(expected)


def test_frames_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="a frame has 320 samples; the lowest pitch takes 534"):
        pitches(torch.zeros(1, 320), rate=RATE)
