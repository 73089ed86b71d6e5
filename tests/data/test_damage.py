from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from polysense.data.damage import Damage
from polysense.data.frames import HeldFrames, Provenance, StoredFrames, write_frames
from polysense.errors import DataError, RecipeError
from polysense.types import Sample

READS = ("text", "audio", "video")


def clips(count: int = 6, *, time: int = 400, offset: float = 0.0) -> list[Sample]:
    draw = np.random.default_rng(5)
    scales = np.array([0.5, 1.0, 3.0])
    return [
        Sample(
            id=str(row),
            text=f"clip {row}",
            audio=HeldFrames((offset + scales * draw.standard_normal((time + row, 3))).astype(np.float32), Provenance("made")),
        )
        for row in range(count)
    ]


def audio(sample: Sample) -> HeldFrames:
    assert sample.audio is not None
    return sample.audio  # type: ignore[return-value]


def test_a_dropped_modality_is_missing_and_all_else_stays() -> None:
    samples = clips()
    found = Damage(drop=("text",)).of(samples, reads=READS)
    assert [one.modalities for one in found] == [("audio",)] * len(samples)
    assert [one.audio for one in found] == [one.audio for one in samples]
    assert [one.text for one in samples] == [f"clip {row}" for row in range(6)], "the rows themselves are not changed"


def test_lost_frames_are_zero_the_others_and_the_length_stay() -> None:
    for share in (0.0, 0.3, 1.0):
        lost = total = 0
        for before, after in zip(clips(), Damage(frames=share, noise=1e-9).of(clips(), reads=READS), strict=True):
            whole, found = audio(before).read(), audio(after).read()
            gone = (found == 0).all(axis=1)
            assert found.shape == whole.shape == audio(after).shape
            assert found[~gone] == pytest.approx(whole[~gone], abs=1e-5)
            lost, total = lost + int(gone.sum()), total + len(gone)
        assert lost / total == pytest.approx(share, abs=0.04)


def test_what_is_lost_follows_from_the_sequence_alone_and_grows_with_the_share() -> None:
    samples = clips()
    few, many = (Damage(frames=share).of(samples, reads=READS) for share in (0.3, 0.6))
    turned = Damage(frames=0.3).of(samples[::-1], reads=READS)[::-1]
    for one, two, same in zip(few, many, turned, strict=True):
        assert np.array_equal(audio(one).read(), audio(same).read())
        gone = (audio(one).read() == 0).all(axis=1)
        assert (audio(two).read()[gone] == 0).all()
    assert not np.array_equal((audio(few[0]).read() == 0)[:400], (audio(few[1]).read() == 0)[:400])


@pytest.mark.parametrize("offset", [0.0, 10_000.0])
def test_noise_is_in_standard_deviations_of_each_number_over_all_rows(offset: float) -> None:
    samples = clips(offset=offset)
    frames = np.concatenate([audio(one).read() for one in samples])
    added = [
        audio(after).read() - audio(before).read()
        for before, after in zip(samples, Damage(noise=0.5).of(samples, reads=READS), strict=True)
    ]
    assert np.concatenate(added).std(axis=0) == pytest.approx(0.5 * frames.std(axis=0), rel=0.1)
    assert np.concatenate(added).mean(axis=0) == pytest.approx(np.zeros(3), abs=0.1)


def test_a_damaged_sequence_is_known_by_its_damage_and_says_what_made_it() -> None:
    sample = clips(1)
    keys = {
        audio(Damage(frames=frames, noise=noise).of(sample, reads=READS)[0]).key
        for frames, noise in ((0.2, 0.0), (0.4, 0.0), (0.2, 1.0), (0.2, 2.0))
    }
    assert len(keys | {audio(sample[0]).key}) == 5, "a cache must not take one for another"
    assert audio(Damage(frames=0.2).of(sample, reads=READS)[0]).provenance == Provenance("made")


def test_stored_sequences_stay_what_they_are_on_disk(tmp_path: Path) -> None:
    store = tmp_path / "audio.safetensors"
    write_frames(store, [audio(one).read() for one in clips(2)], Provenance("made"))
    before = store.read_bytes()
    sample = Sample(id="1", audio=StoredFrames(store, 1))
    found = audio(Damage(frames=0.5, noise=0.1).of([sample], reads=READS)[0]).read()
    assert 0.3 < (found == 0).all(axis=1).mean() < 0.7
    assert store.read_bytes() == before


def test_a_row_without_a_sequence_stays_as_it_is() -> None:
    samples = [*clips(1), Sample(id="t", text="text alone")]
    assert Damage(frames=1.0, noise=1.0).of(samples, reads=READS)[1] == samples[1]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"no modality 'sound' to drop.*valid: 'audio'"):
        Damage(drop=("sound",))
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(RecipeError, match="share of frames"):
            Damage(frames=share)
    for noise in (-1.0, float("nan"), float("inf")):
        with pytest.raises(RecipeError, match="noise"):
            Damage(noise=noise)
    with pytest.raises(RecipeError, match=r"does not read 'image'.*valid: 'audio', 'text'"):
        Damage(drop=("image",)).of(clips(), reads=("text", "audio"))
    lone = Sample(id="s", audio=audio(clips(1)[0]), origin="a.csv, row 3")
    with pytest.raises(DataError, match=r"1 of 7 rows have nothing left .* without audio \(the first: a.csv, row 3\)"):
        Damage(drop=("audio",)).of([*clips(), lone], reads=READS)
    with pytest.raises(DataError, match="no row has a sequence"):
        Damage(frames=0.5).of(clips(), reads=("text",))
    narrow = Sample(id="n", audio=HeldFrames(np.zeros((3, 2), dtype=np.float32)))
    with pytest.raises(DataError, match="2 numbers a frame, 3"):
        Damage(noise=1.0).of([*clips(), narrow], reads=READS)


def test_nothing_is_asked_for_by_default() -> None:
    assert not Damage()
    assert str(Damage(drop=("text", "audio"), frames=0.25, noise=0.5)) == (
        "without text and audio, 25% of the frames lost, noise of 0.5 standard deviations on the frames"
    )
