from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from made_films import RATE, pulses, tone, write_film
from polysense.data.clip_file import FILMS, SOUNDS, NothingThereError, check_file, kind, read_pictures, read_sound
from polysense.errors import DataError, PolysenseError

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of red, two of blue, and a voice of 200 hertz."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_film(path, sound=pulses(200, 4), colours=[RED] * 10 + [BLUE] * 10)


def colours(path: Path, per_second: float) -> str:
    return "".join("r" if one.getpixel((5, 5))[0] > 128 else "b" for one in read_pictures(path, per_second=per_second))


def test_the_ending_says_what_a_file_should_be() -> None:
    assert kind("a/Take 1.MP4") == "video"
    assert kind("take.wav") == "audio"
    assert kind("posts.csv") is None
    assert not set(SOUNDS) & set(FILMS)


def test_sound_is_one_channel_of_16_000_samples_a_second(tmp_path: Path) -> None:
    left = tone(440, 1.5, rate=44_100)
    path = write_film(tmp_path / "a.wav", sound=np.stack([left, np.zeros_like(left)]), rate=44_100)
    samples = read_sound(path)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(1.5 * RATE, abs=2)
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * RATE / len(samples) == pytest.approx(440, abs=1)


def test_a_wave_file_keeps_its_samples(tmp_path: Path) -> None:
    sound = pulses(150, 0.5)
    assert np.abs(read_sound(write_film(tmp_path / "a.wav", sound=sound)) - sound).max() < 1 / 30_000


def test_pictures_come_at_their_times(film: Path) -> None:
    assert colours(film, 1) == "rrbb"
    assert colours(film, 0.5) == "rb"
    assert colours(film, 2) == "rrrrbbbb"
    assert colours(film, 100) == "r" * 10 + "b" * 10, "a picture is shown once"
    assert next(read_pictures(film, per_second=1)).size == (64, 48)


def test_a_film_of_few_pictures_is_whole(tmp_path: Path) -> None:
    assert colours(write_film(tmp_path / "a.mp4", colours=[RED, BLUE], per_second=1), 1) == "rb"


def test_what_is_not_there_is_told_apart_from_what_is_damaged(tmp_path: Path, film: Path) -> None:
    with pytest.raises(NothingThereError, match=r"a\.wav has no film"):
        list(read_pictures(write_film(tmp_path / "a.wav", sound=tone(200, 1)), per_second=1))
    with pytest.raises(NothingThereError, match=r"a\.mp4 has no sound"):
        read_sound(write_film(tmp_path / "a.mp4", colours=[RED]))
    with pytest.raises(NothingThereError, match=r"silent\.wav is silent"):
        read_sound(write_film(tmp_path / "silent.wav", sound=np.zeros(RATE, dtype=np.float32)))
    with pytest.raises(
        NothingThereError, match=r"click\.wav has 5 ms of sound, less than the 40 ms that are looked at at a time"
    ):
        read_sound(write_film(tmp_path / "click.wav", sound=tone(200, 0.005)))
    assert len(read_sound(write_film(tmp_path / "word.wav", sound=tone(200, 0.04)))) == 640
    with pytest.raises(NothingThereError, match=r"a\.wav has no film"):
        check_file(tmp_path / "a.wav", "video")
    with pytest.raises(NothingThereError, match=r"a\.mp4 has no sound"):
        check_file(tmp_path / "a.mp4", "audio")


@pytest.mark.parametrize("ending", [".wav", ".m4a", ".mp4", ".mov", ".mkv", ".avi"])
def test_whole_files_are_found_sound_without_decoding_them(ending: str, tmp_path: Path) -> None:
    seen = ending not in SOUNDS
    path = write_film(tmp_path / f"a{ending}", sound=pulses(200, 3), colours=[RED, BLUE] * 8 if seen else ())
    check_file(path, "audio")
    if seen:
        check_file(path, "video")


@pytest.mark.parametrize("ending", [".wav", ".mp4", ".mkv"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_what_breaks_off_is_found_without_decoding_it(ending: str, share: float, tmp_path: Path) -> None:
    path = write_film(tmp_path / f"a{ending}", sound=pulses(200, 6), colours=[RED, BLUE] * 15 if ending != ".wav" else ())
    path.write_bytes(cut(path, share))
    for medium in ("audio", "video") if ending != ".wav" else ("audio",):
        with pytest.raises(DataError, match=r"breaks off: it has .* of at least"):
            check_file(path, medium)
        with pytest.raises(DataError):
            read_sound(path) if medium == "audio" else list(read_pictures(path, per_second=1))


def cut(path: Path, share: float) -> bytes:
    content = path.read_bytes()
    return content[: int(len(content) * share)]


BAD: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda film: b"", "is an empty file"),
    "text": (lambda film: b"what a day\n" * 99, "is damaged, or no recording or film"),
    "zeros": (lambda film: bytes(5000), "is damaged, or no recording or film"),
    "playlist": (lambda film: b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "is damaged, or no recording or film"),
    "a few bytes": (lambda film: film.read_bytes()[:10], "is damaged, or no recording or film"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_their_reason(name: str, film: Path, tmp_path: Path) -> None:
    content, reason = BAD[name]
    path = tmp_path / "bad.mp4"
    path.write_bytes(content(film))
    with pytest.raises(DataError, match=reason):
        list(read_pictures(path, per_second=5))
    with pytest.raises(DataError, match=reason):
        read_sound(path)
    with pytest.raises(DataError, match=reason):
        check_file(path, "video")


def test_a_wave_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.wav", sound=tone(200, 1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(DataError, match=r"breaks off: it has 31,078 of at least 32,077 bytes"):
        read_sound(path)
    path.write_bytes(whole[:4] + b"\xff\xff\xff\xff" + whole[8:])  # as a pipe leaves it
    assert len(read_sound(path)) == RATE


def test_a_stream_that_was_cut_off_is_refused_by_the_length_of_its_tracks(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", sound=pulses(200, 4), colours=[RED] * 10 + [BLUE] * 10)
    assert colours(path, 1) == "rrbb"
    assert len(read_sound(path)) >= 4 * RATE
    segment = path.read_bytes().index(b"\x18\x53\x80\x67") + 4
    part = bytearray(cut(path, 0.6))
    part[segment : segment + 8] = b"\x01" + b"\xff" * 7  # as if its size had not been known
    path.write_bytes(part)
    with pytest.raises(DataError, match=r"breaks off: .* of its 4\.\d seconds"):
        list(read_pictures(path, per_second=5))
    with pytest.raises(DataError, match=r"breaks off: .* of its 4\.\d seconds"):
        read_sound(path)


def test_files_that_are_not_there_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.wav cannot be read: No such file"):
        read_sound(tmp_path / "none.wav")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_sound(tmp_path)


def test_long_and_large_files_are_refused(film: Path) -> None:
    with pytest.raises(DataError, match=r"film\.mp4 is 4\.0 seconds long, more than 3"):
        read_sound(film, longest=3)
    with pytest.raises(DataError, match=r"film\.mp4 is 4\.0 seconds long, more than 3"):
        list(read_pictures(film, per_second=1, longest=3))
    with pytest.raises(DataError, match=r"has pictures of 64 x 48 pixels, more than the limit of 3,000"):
        list(read_pictures(film, per_second=1, most_pixels=3000))


def test_without_pyav_the_command_is_named(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(PolysenseError, match=r"^recordings and films are read by PyAV: pip install 'polysense\[media\]'$"):
        read_sound(film)
