"""Recordings and films, made with PyAV: tones and plain colours."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

RATE = 16_000


def tone(hertz: float, seconds: float, *, amplitude: float = 0.5, rate: int = RATE) -> np.ndarray:
    """(samples,) float32 of a sine."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pulses(hertz: float, seconds: float, *, amplitude: float = 0.5, rate: int = RATE) -> np.ndarray:
    """(samples,) float32 of the first harmonics of a voice."""
    harmonics = [tone(hertz * number, seconds, amplitude=amplitude / number, rate=rate) for number in range(1, 6)]
    return (np.sum(harmonics, axis=0) / 2).astype(np.float32)


def write_film(
    path: Path,
    *,
    sound: np.ndarray | None = None,
    colours: Sequence[tuple[int, int, int]] = (),
    per_second: int = 5,
    size: tuple[int, int] = (64, 48),
    rate: int = RATE,
) -> Path:
    """Write samples (channels, samples) or (samples,) and pictures of one colour each, as whatever the ending of the name says."""
    import av

    options = {"movflags": "faststart"} if path.suffix in {".mp4", ".m4a"} else {}
    with av.open(str(path), "w", options=options) as container:
        film = voice = None
        if colours:
            film = container.add_stream("mpeg4", rate=per_second)
            film.width, film.height, film.pix_fmt = *size, "yuv420p"
            film.time_base = Fraction(1, per_second)
        if sound is not None:
            channels = np.atleast_2d(sound)
            voice = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "aac", rate=rate)
            voice.layout = "mono" if len(channels) == 1 else "stereo"
        if film is not None:
            for place, colour in enumerate(colours):
                picture = np.full((size[1], size[0], 3), colour, dtype=np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = place, Fraction(1, per_second)
                container.mux(film.encode(frame))
            container.mux(film.encode(None))
        if voice is not None:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(channels.astype(np.float32)), format="fltp", layout=voice.layout.name
            )
            frame.sample_rate, frame.pts = rate, 0
            resampler = av.AudioResampler(format=voice.format.name, layout=voice.layout.name, rate=rate)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(voice.encode(piece))
            container.mux(voice.encode(None))
    return path


def write_takes(folder: Path) -> None:
    """Films and recordings of a second, and files that cannot be used."""
    red, blue = (255, 0, 0), (0, 0, 255)
    for number in range(4):
        write_film(folder / f"{number}.mp4", sound=pulses(150 + 50 * number, 1), colours=[red, blue, red], per_second=3)
    write_film(folder / "voice.wav", sound=pulses(200, 1))
    write_film(folder / "silent.wav", sound=np.zeros(RATE, dtype=np.float32))
    write_film(folder / "mute.mp4", colours=[red, blue, red], per_second=3)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_bytes(b"what a day\n" * 99)
    (folder / "cut.mp4").write_bytes((folder / "0.mp4").read_bytes()[:4000])
