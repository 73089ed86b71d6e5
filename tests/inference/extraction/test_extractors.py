from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from made_films import write_film
from polysense.data.clip_file import NothingThereError, read_pictures, read_sound
from polysense.encoders.vision_image import VisionImage
from polysense.errors import DataError, RecipeError
from polysense.inference.extraction.acoustic import Acoustic
from polysense.inference.extraction.faces import FaceDetector
from polysense.inference.extraction.film import AT_ONCE, Film
from polysense.inference.extraction.making import film_extractor, remade, sound_extractor
from polysense.inference.extraction.speech import Recogniser, Speech, pieces
from polysense.types import Sample


def test_sound_is_made_again_from_its_record(takes: Path) -> None:
    made = sound_extractor("mfcc,f0")
    again = remade(made.provenance.identity)
    assert again.provenance.identity == made.provenance.identity
    frames = made.extract(takes / "0.mp4")
    assert frames.shape[1] == 13 + 2
    assert frames.dtype == np.float32
    assert np.array_equal(again.extract(takes / "0.mp4"), frames)
    assert sound_extractor("acoustic").extract(takes / "voice.wav").shape == (49, 56)


def test_settings_of_the_pitch_are_no_part_of_what_has_none() -> None:
    assert "pitch" in Acoustic(("f0",)).provenance.parameters
    assert "pitch" not in Acoustic(("mfcc",)).provenance.parameters


def test_parts_that_are_not_there_are_refused() -> None:
    with pytest.raises(RecipeError, match="no part 'mfc' of sound; did you mean 'mfcc'"):
        sound_extractor("mfc,f0")
    with pytest.raises(RecipeError, match="the speech encoder 'acustic' cannot be loaded"):
        sound_extractor("acustic")


def test_a_film_is_the_summaries_of_its_pictures(takes: Path, tiny_vision: str) -> None:
    frames = film_extractor(tiny_vision, pictures_per_second=3, faces=None).extract(takes / "0.mp4")
    encoder = VisionImage(tiny_vision).eval()
    pictures = [Sample(id="", image=one) for one in read_pictures(takes / "0.mp4", per_second=3)]
    with torch.no_grad():
        expected = encoder.encode(encoder.prepare(pictures))[2].numpy()
    assert frames.shape == (3, 32)
    assert frames == pytest.approx(expected, abs=1e-5)


def test_a_long_film_is_read_some_pictures_at_a_time(tmp_path: Path, tiny_vision: str) -> None:
    count = 2 * AT_ONCE + 3
    path = write_film(tmp_path / "a.mp4", colours=[(5 * place, 0, 0) for place in range(count)], per_second=10)
    assert Film(tiny_vision, pictures_per_second=10).extract(path).shape == (count, 32)


def test_a_film_is_made_again_from_its_record_and_with_no_other_weights(
    takes: Path, tiny_vision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "vision"
    shutil.copytree(tiny_vision, moved)
    monkeypatch.chdir(tmp_path)
    made = Film("vision", pictures_per_second=1)
    identity = made.provenance.identity
    assert np.array_equal(remade(identity).extract(takes / "0.mp4"), made.extract(takes / "0.mp4"))
    monkeypatch.chdir(takes)
    assert remade(identity).provenance.identity == identity, "a folder is found from anywhere"
    from transformers import ViTModel

    other = ViTModel.from_pretrained(moved)
    with torch.no_grad():
        next(other.parameters()).add_(1)
    other.save_pretrained(moved)
    with pytest.raises(DataError, match=r"made otherwise than polysense makes them now: weights .*, now .*; extract and train"):
        remade(identity)


@pytest.mark.parametrize("number", [0.0, -1.0, 101.0, float("nan")])
def test_impossible_numbers_of_pictures_are_refused(number: float, tiny_vision: str) -> None:
    with pytest.raises(RecipeError, match="pictures per second: expected a number above 0 and up to 100"):
        Film(tiny_vision, pictures_per_second=number)


def test_features_that_polysense_did_not_make_are_not_made() -> None:
    with pytest.raises(DataError, match="made by 'toy', which polysense cannot make of a file"):
        remade({"name": "toy", "parameters": {}})
    with pytest.raises(DataError, match="nobody noted the making of"):
        remade(None)


@pytest.mark.parametrize("made", [Acoustic.name, Film.name])
def test_a_record_that_lacks_something_is_told(made: str) -> None:
    with pytest.raises(DataError, match=f"made by '{made}' whose record lacks '(parts|faces)': another release"):
        remade({"name": made, "parameters": {"hop": 320}})


def test_sound_of_other_settings_is_not_taken_for_the_same() -> None:
    identity = Acoustic(("mfcc",)).provenance.identity
    identity["parameters"]["hop"] = 160
    with pytest.raises(DataError, match="hop 160, now 320"):
        remade(identity)


def test_a_speech_encoder_gives_its_last_states(takes: Path, tiny_speech: str) -> None:
    speech = sound_extractor(tiny_speech)
    frames = speech.extract(takes / "voice.wav")
    assert frames.shape == (49, 16)
    assert np.array_equal(remade(speech.provenance.identity).extract(takes / "voice.wav"), frames)
    assert not np.allclose(speech.extract(takes / "0.mp4")[:49], frames, atol=1e-3)


def test_whispers_encoder_gives_no_states_of_the_silence_behind(takes: Path, tiny_whisper: str) -> None:
    assert Speech(tiny_whisper).extract(takes / "voice.wav").shape == (50, 16)


def test_long_recordings_are_read_in_pieces() -> None:
    found = list(pieces(np.ones(30 * 16_000 + 100, dtype=np.float32)))
    assert [len(one) for one in found] == [480_000, 400]
    assert found[1].sum() == 100


def test_words_are_heard(takes: Path, tiny_whisper: str) -> None:
    recogniser = Recogniser(tiny_whisper)
    text = recogniser.transcribe(takes / "voice.wav")
    assert set(text) <= set("abcd")
    assert text
    with pytest.raises(NothingThereError, match="silent"):
        recogniser.transcribe(takes / "silent.wav")


class Boxes:
    """Finds given boxes: (score, class, left, top, right, bottom)."""

    def __init__(self, *boxes: tuple[float, int, float, float, float, float]) -> None:
        self.boxes = boxes

    def __call__(self, images: Image.Image, return_tensors: str) -> dict[str, torch.Tensor]:
        return {"pixel_values": torch.zeros(1, 3, 32, 32)}

    def post_process_object_detection(self, outputs: Any, threshold: float, target_sizes: Any) -> list[dict[str, torch.Tensor]]:
        kept = torch.tensor([box for box in self.boxes if box[0] >= threshold]).reshape(-1, 6)
        return [{"scores": kept[:, 0], "labels": kept[:, 1].long(), "boxes": kept[:, 2:]}]


@pytest.fixture
def detector(tiny_detector: str) -> FaceDetector:
    return FaceDetector(tiny_detector)


def test_the_surest_face_is_cut_out(detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.new("RGB", (64, 48))
    picture.paste((255, 0, 0), (10, 5, 30, 25))
    faces = Boxes((0.6, 0, 0, 0, 5, 5), (0.9, 0, 10, 5, 30, 25), (0.95, 1, 0, 0, 64, 48))
    monkeypatch.setattr(detector, "_processor", faces)
    found = detector.crop(picture)
    assert found is not None
    assert found.size == (20, 20)
    assert found.getpixel((0, 0)) == found.getpixel((19, 19)) == (255, 0, 0)
    monkeypatch.setattr(detector, "_processor", Boxes((0.9, 0, -7, -3, 20, 99)))
    found = detector.crop(picture)
    assert found is not None
    assert found.size == (20, 48), "a box that leaves the picture is cut"


@pytest.mark.parametrize("boxes", [[], [(0.4, 0, 0, 0, 9, 9)], [(0.9, 1, 0, 0, 9, 9)], [(0.9, 0, 70, 0, 80, 9)]])
def test_a_picture_without_a_face_gives_none(boxes: list[Any], detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "_processor", Boxes(*boxes))
    assert detector.crop(Image.new("RGB", (64, 48))) is None


def test_a_detector_runs(detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.inference.extraction.faces.THRESHOLD", 0.0)
    found = detector.crop(Image.new("RGB", (64, 48)))
    assert found is not None
    assert 0 < found.width <= 64
    assert 0 < found.height <= 48


def test_a_film_without_faces_says_so(
    takes: Path, tiny_vision: str, detector: FaceDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "_processor", Boxes())
    with pytest.raises(NothingThereError, match=r"0\.mp4 shows no face"):
        Film(tiny_vision, faces=detector).extract(takes / "0.mp4")


def test_a_detector_of_other_things_is_refused(tiny_detector: str, tmp_path: Path) -> None:
    shutil.copytree(tiny_detector, tmp_path / "cats")
    file = tmp_path / "cats/config.json"
    config = json.loads(file.read_text()) | {"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0, "dog": 1}}
    file.write_text(json.dumps(config))
    from transformers import YolosConfig, YolosForObjectDetection

    YolosForObjectDetection(YolosConfig.from_pretrained(tmp_path / "cats")).save_pretrained(tmp_path / "cats")
    with pytest.raises(RecipeError, match=r"finds cat, dog, \.\.\.: no class is called a face"):
        FaceDetector(str(tmp_path / "cats"))


def test_faces_are_part_of_the_record(tiny_vision: str, tiny_detector: str) -> None:
    identity = film_extractor(tiny_vision, pictures_per_second=1, faces=tiny_detector).provenance.identity
    assert identity["parameters"]["faces"]["threshold"] == 0.5
    assert remade(identity).provenance.identity == identity
    assert identity != Film(tiny_vision, pictures_per_second=1).provenance.identity


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_a_spoken_sentence_has_a_pitch_and_louder_words_than_pauses(tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    subprocess.run(["espeak-ng", "-w", path, "what a lovely day"], check=True)
    pitch = Acoustic(("f0",)).extract(path)
    voiced = pitch[pitch[:, 1] == 1]
    assert 0.2 < len(voiced) / len(pitch) < 1
    assert 60 <= 100 * 2 ** np.median(voiced[:, 0]) <= 300
    assert len(read_sound(path)) > 8000
