"""A model of clips answers for recordings and films as it does for their features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from polysense import Predictor
from polysense.data.frames import HeldFrames
from polysense.encoders.sequence import SequenceEncoder
from polysense.errors import DataError, RecipeError
from polysense.inference.extraction.acoustic import Acoustic
from polysense.inference.extraction.film import Film
from polysense.inference.measure import Reading, measure
from polysense.learner import Learner
from polysense.objectives.unimodal_labels import UnimodalLabels
from polysense.recipe import Recipe, load_recipe
from polysense.types import Sample

Write = Callable[[Sequence[Mapping[str, object]]], Path]


@pytest.fixture(scope="module")
def model(takes: Path, tiny_text: str, tiny_vision: str) -> Predictor:
    """Untrained."""
    sound, film = Acoustic(("mfcc", "energy")), Film(tiny_vision, pictures_per_second=1)
    path = takes / "0.mp4"
    rows = [
        Sample(
            id=str(number),
            text="so good",
            audio=HeldFrames(sound.extract(path), sound.provenance),
            video=HeldFrames(film.extract(path), film.provenance),
            score=number - 1.5,
            index=number,
        )
        for number in range(4)
    ]
    recipe = load_recipe("self_mm/clips", [f"encoders.text.pretrained={tiny_text}"]).complete(rows)
    return Predictor(recipe, taught(recipe))


def taught(recipe: Recipe) -> Learner:
    """With heads that count as trained."""
    learner = recipe.build(seed=0)
    learner.get_buffer("objectives.unimodal.taught").fill_(True)
    return learner


def test_a_film_is_answered_as_its_features_are(model: Predictor, takes: Path) -> None:
    features = {name: model.learner.model.encoder(name) for name in ("audio", "video")}
    assert all(isinstance(one, SequenceEncoder) and one.features for one in features.values())
    path = takes / "1.mp4"
    sound = Acoustic(("mfcc", "energy"))
    made = HeldFrames(sound.extract(path), sound.provenance)
    by_file, with_sound, by_features = model.predict(
        [
            {"text": "so bad", "video": str(path)},
            {"text": "so bad", "audio": str(path), "video": path},
            {"text": "so bad", "audio": made, "video": str(path)},
        ]
    )
    names = {"label", "score", "score_text", "score_audio", "score_video", "disagree", "missing", "id"}
    assert set(by_file) == names
    assert by_file["missing"] == []
    for other in (with_sound, by_features):
        scores = [name for name in names if name.startswith("score")]
        assert [other[name] for name in scores] == pytest.approx([by_file[name] for name in scores], abs=1e-5)
        assert other["missing"] == []
    silent = model.predict({"text": "so bad", "video": takes / "2.mp4"})[0]
    assert silent["score_audio"] != by_file["score_audio"]


def test_any_modality_may_be_missing(model: Predictor, takes: Path) -> None:
    found = model.predict(
        [
            {"video": takes / "1.mp4"},
            {"audio": takes / "voice.wav"},
            {"text": "so bad"},
            {"text": "so bad", "audio": takes / "voice.wav"},
        ]
    )
    assert [one["missing"] for one in found] == [["text"], ["text", "video"], ["audio", "video"], ["video"]]
    assert all(isinstance(one["score"], float) and one["label"] in {"negative", "neutral", "positive"} for one in found)
    assert found[1]["score_text"] is None
    assert "disagree" not in found[1]


def test_an_empty_text_of_a_clip_is_none(model: Predictor, takes: Path) -> None:
    film = {"video": takes / "1.mp4"}
    without, *others = model.predict([film, {**film, "text": ""}, {**film, "text": " \n"}])
    for one in others:
        assert one["missing"] == ["text"]
        assert one["score_text"] is None
        assert one["score"] == pytest.approx(without["score"], abs=1e-6)


def test_what_the_scores_are_read_off_is_given_on_request(model: Predictor, takes: Path, tiny_text: str) -> None:
    rows = [{"text": "so bad", "video": takes / "1.mp4"}, {"text": "so bad"}]
    plain, found = model.predict(rows), model.predict(rows, vectors=True)
    for one, other in zip(plain, found, strict=True):
        assert one == {name: value for name, value in other.items() if not name.startswith("vector_")}
    own = model.learner.objective("unimodal")
    assert isinstance(own, UnimodalLabels)
    for name in ("text", "audio", "video"):
        score = own.heads[name](torch.tensor(found[0][f"vector_{name}"])).item()
        assert score == pytest.approx(found[0][f"score_{name}"], abs=1e-5)
    assert len(found[0]["vector_fused"]) == model.learner.model.fusion.width
    assert found[1]["vector_audio"] is None
    assert found[1]["vector_text"] is not None

    settings = [
        f"encoders.text.pretrained={tiny_text}",
        "encoders.audio=null",
        "encoders.video=null",
        "objectives.unimodal=null",
    ]
    recipe = load_recipe("self_mm/clips", settings).complete([Sample(id="0", text="so good", score=1.0, index=0)])
    with pytest.raises(RecipeError, match="has no score of each modality"):
        Predictor(recipe, recipe.build(seed=0)).predict("so good", vectors=True)


def test_what_a_film_lacks_is_missing_and_said(model: Predictor, takes: Path) -> None:
    with pytest.warns(UserWarning, match=r"rows, row 1, audio: .*mute\.mp4 has no sound: the clip counts as having none"):
        found = model.predict([{"text": "so bad", "video": takes / "mute.mp4"}])
    assert found[0]["missing"] == ["audio"]


@pytest.mark.filterwarnings("ignore:rows, row")
def test_a_clip_that_cannot_be_used_is_an_error_and_the_others_are_answered(model: Predictor, takes: Path) -> None:
    names = ("empty.mp4", "text.mp4", "cut.mp4", "none.mp4", "0.mp4")
    *bad, sound = model.predict([{"id": name, "text": "x", "video": takes / name} for name in names])
    reasons = ("is an empty file", "is damaged", "breaks off: it has 4,000 of at least", "does not exist")
    for one, reason in zip(bad, reasons, strict=True):
        assert reason in one["error"]
        assert "score" not in one
    assert isinstance(sound["score"], float)
    assert model.predict({"audio": takes / "silent.wav"})[0]["error"].startswith("row: nothing usable: no text, and")


def test_features_of_another_making_are_refused(model: Predictor, takes: Path) -> None:
    other = Acoustic(("log_mel",))
    frames = HeldFrames(np.zeros((3, 14), dtype=np.float32), other.provenance)
    assert "the model reads what is made by" in model.predict({"text": "x", "audio": frames})[0]["error"]


def test_a_model_of_other_features_says_that_it_cannot_make_them(takes: Path, tiny_text: str) -> None:
    rows = [
        Sample(id="0", text="so good", audio=HeldFrames(np.ones((3, 5), dtype=np.float32)), score=score, index=0)
        for score in (1, -1)
    ]
    settings = [f"encoders.text.pretrained={tiny_text}", "encoders.video=null"]
    recipe = load_recipe("self_mm/clips", settings).complete(rows)
    answer = Predictor(recipe, taught(recipe)).predict({"text": "x", "audio": takes / "voice.wav"})[0]
    assert "nobody noted the making of" in answer["error"]


def test_clips_are_embedded_too(model: Predictor, takes: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = model.encode([{"text": "so bad", "video": takes / "1.mp4"}, {"video": takes / "2.mp4"}])
    assert vectors.shape == (2, model.width())


ROWS = [
    {"id": "a", "text": "so good", "video": "0.mp4", "score": 2, "split": "test"},
    {"id": "b", "text": "so bad", "video": "1.mp4", "audio": "voice.wav", "score": -1, "split": "test"},
    {"id": "c", "text": "", "video": "2.mp4", "score": 0.5, "split": "test"},
    {"id": "d", "text": "so bad", "video": "mute.mp4", "score": -3, "split": "test"},
    {"id": "e", "text": "so bad", "video": "3.mp4", "score": 3, "split": "train"},
]


def test_a_labelled_table_of_films_is_measured_as_it_is_answered(
    model: Predictor, table: Write, takes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save_pretrained(tmp_path / "model")
    found = measure(tmp_path / "model", Reading(data=table(ROWS)))
    with pytest.warns(UserWarning, match="has no sound"):
        answers = model.predict(
            [
                {name: takes / value if name in {"audio", "video"} else value for name, value in row.items() if value != ""}
                for row in ROWS[:4]
            ]
        )
    errors = [abs(answer["score"] - row["score"]) for answer, row in zip(answers, ROWS, strict=False)]
    assert (found.split, found.rows) == ("test", 4)
    assert found.per_seed[0]["metrics"]["MAE"] == pytest.approx(np.mean(errors), abs=1e-5)
    told = capsys.readouterr().err
    assert "row 4 (id d), audio: " in told
    assert "measured without" not in told


def test_a_modality_that_no_row_of_what_is_measured_has_is_told(
    model: Predictor, table: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save_pretrained(tmp_path / "model")
    rows = [{("vidoe" if name == "video" else name): value for name, value in row.items()} for row in ROWS]
    measure(tmp_path / "model", Reading(data=table(rows), skip_bad_rows=True))
    assert (
        "rows has video, which the model was trained with: measured without; --columns video=COLUMN" in capsys.readouterr().err
    )


def test_films_that_cannot_be_used_are_bad_rows_of_what_is_measured(
    model: Predictor, table: Write, takes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save_pretrained(tmp_path / "model")
    reading = Reading(data=table([*ROWS[:2], {**ROWS[2], "video": "cut.mp4"}]))
    with pytest.raises(DataError, match=r"1 bad row\n.*clips\.csv, row 3 \(id c\), video: .*cut\.mp4 breaks off") as error:
        measure(tmp_path / "model", reading)
    answer = model.predict({"text": "x", "video": takes / "cut.mp4"})[0]
    assert answer["error"] in str(error.value), "predict says the same"
    assert measure(tmp_path / "model", replace(reading, skip_bad_rows=True)).rows == 2
    assert capsys.readouterr().err.count("clips.csv: 1 bad row left out") == 1


def test_a_film_that_cannot_be_used_is_told_once(model: Predictor, takes: Path) -> None:
    read = model.extracted(Sample(id="a", text="x", video=takes / "text.mp4"))
    assert [(one.field, one.severity) for one in read.problems] == [("video", "bad")]
