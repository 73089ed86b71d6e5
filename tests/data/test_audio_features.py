from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from made_films import RATE, pulses, tone
from polysense.data.audio_features import (
    COEFFICIENTS,
    FLOOR,
    MELS,
    PARTS,
    acoustic,
    energy,
    f0,
    frames_of,
    log_mel,
    mel,
    mel_filters,
    mfcc,
    power_spectrum,
)


def sound(*, hertz: float = 1000, seconds: float = 0.5, amplitude: float = 0.5) -> torch.Tensor:
    return torch.from_numpy(tone(hertz, seconds, amplitude=amplitude))


def test_the_peak_of_a_sine_is_a_quarter_of_its_square() -> None:
    power = power_spectrum(sound(hertz=1000, amplitude=0.5))
    assert (power.argmax(dim=1) == 64).all(), "1000 of 8000 hertz of 513 bins"
    assert power[:, 64].numpy() == pytest.approx(0.5**2 / 4, rel=1e-3)


def test_a_spectrum_is_the_one_of_loops() -> None:
    samples = torch.from_numpy(np.random.default_rng(0).normal(size=1500))
    window = np.hanning(641)[:-1]  # periodic
    found = power_spectrum(samples).numpy()
    assert len(found) == 3
    for place in range(3):
        frame = samples.numpy()[320 * place : 320 * place + 640] * window
        expected = np.abs(np.fft.rfft(frame, 1024)) ** 2 / window.sum() ** 2
        assert found[place] == pytest.approx(expected, abs=1e-12)


def test_mel_filters_are_triangles_that_sum_to_one_between_the_outer_centres() -> None:
    filters = mel_filters()
    assert filters.shape == (513, MELS)
    centres = filters.argmax(dim=0)
    assert (centres.diff() > 0).all()
    assert filters[int(centres[0]) + 1 : int(centres[-1])].sum(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    assert float(mel(torch.tensor(1000.0))) == pytest.approx(1000, abs=0.1)


def test_a_tone_is_loudest_in_the_filter_of_its_pitch() -> None:
    heard = [int(log_mel(sound(hertz=hertz)).mean(dim=0).argmax()) for hertz in (200, 500, 1000, 3000, 7000)]
    nearest = [int(mel_filters()[round(hertz / 8000 * 512)].argmax()) for hertz in (200, 500, 1000, 3000, 7000)]
    assert heard == nearest


def test_mfcc_is_the_cosine_transform_of_log_mel() -> None:
    bands = log_mel(torch.from_numpy(pulses(150, 0.2)))
    row = bands[0].tolist()
    for number in range(COEFFICIENTS):
        scale = math.sqrt((1 if number == 0 else 2) / MELS)
        expected = scale * sum(row[n] * math.cos(math.pi / MELS * (n + 0.5) * number) for n in range(MELS))
        assert float(mfcc(bands)[0, number]) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_energy_is_in_decibels() -> None:
    assert energy(sound(amplitude=1.0)).numpy() == pytest.approx(10 * math.log10(0.5), abs=0.01)
    assert energy(sound(amplitude=0.1)).numpy() == pytest.approx(10 * math.log10(0.005), abs=0.01)
    assert energy(torch.zeros(RATE)).numpy() == pytest.approx(10 * math.log10(FLOOR))


def test_pitch_is_in_octaves_above_100_hertz() -> None:
    found = f0(torch.from_numpy(pulses(200, 0.5)))
    assert found[:, 0].numpy() == pytest.approx(1, abs=0.01)
    assert (found[:, 1] == 1).all()
    assert not f0(torch.zeros(RATE)).any()


def test_the_parts_stand_side_by_side() -> None:
    samples = torch.from_numpy(pulses(150, 1.0))
    whole = acoustic(samples)
    assert whole.shape == (49, 56), "49 frames of 40 ms, one every 20 ms, in a second"
    pieces = [acoustic(samples, (part,)) for part in PARTS]
    assert [one.shape[1] for one in pieces] == [40, 13, 1, 2]
    assert torch.equal(torch.cat(pieces, dim=1), whole)
    assert torch.equal(acoustic(samples, ("f0", "mfcc")), torch.cat([pieces[1], pieces[3]], dim=1)), "always in one order"


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 959, 960])
def test_short_sound_is_one_frame_and_no_frame_leaves_the_sound(samples: int) -> None:
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32))
    rows = 2 if samples == 960 else 1
    assert frames_of(noise).shape == (rows, 640)
    assert acoustic(noise).shape == (rows, 56)
    assert torch.isfinite(acoustic(noise)).all()
