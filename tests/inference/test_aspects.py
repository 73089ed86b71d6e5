"""A model that reads aspects, from training to answers, and what is asked of the wrong model."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_aspects import overrides, rows, write_aspects
from polysense.cli.main import execute
from polysense.errors import DataError, RecipeError
from polysense.inference.encoding.openvino_engine import CannotConvertError
from polysense.inference.exporting.export import export
from polysense.inference.predictor import Predictor, load
from polysense.training.run import train
from polysense.types import Sample

TEXT = "the garden was lovely but the rain was so bad"
NO_ASPECT = "aspect: the model reads an aspect with each text, the row has none"
UNREAD = "aspect: the model reads texts alone, the row asks about an aspect"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_text: str) -> Path:
    folder = tmp_path_factory.mktemp("aspects")
    train("skep/aspects", write_aspects(folder / "table.csv"), out=folder / "run", overrides=overrides(tiny_text))
    return folder / "run"


@pytest.fixture(scope="module")
def model(run: Path) -> Predictor:
    return load(run)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, tiny_text: str) -> Predictor:
    """A model of whole texts."""
    folder = tmp_path_factory.mktemp("reviews")
    table = [{key: value for key, value in row.items() if key != "aspect"} for row in rows()]
    train("skep/reviews", table, out=folder / "run", overrides=overrides(tiny_text))
    return load(folder / "run")


def chances(answers: list[dict[str, Any]]) -> np.ndarray:
    return np.array([list(answer["probabilities"].values()) for answer in answers])


def test_the_answer_is_about_the_aspect(model: Predictor) -> None:
    assert model.labels == ["negative", "neutral", "positive"]
    one, other = model.predict([TEXT, TEXT], ["garden", "rain"])
    assert chances([one]) != pytest.approx(chances([other]), abs=1e-4)
    exchanged = model.predict([TEXT, TEXT], ["rain", "garden"])
    assert chances(exchanged) == pytest.approx(chances([other, one]), abs=1e-6)


def test_every_way_to_ask_gives_the_same_answer(model: Predictor) -> None:
    forms: list[Any] = [
        model.predict([{"text": TEXT, "aspect": "rain"}]),
        model.predict([Sample(id="1", text=TEXT, aspect="rain")]),
        model.predict([Sample(id="1", text=TEXT)], ["rain"]),
        model.predict([{"text": TEXT}], aspects=["rain"]),
        model.predict(TEXT, "rain"),
        model.predict(TEXT, ["rain"]),
    ]
    assert all(found == forms[0] for found in forms)
    assert model.predict_proba(TEXT, "rain")[0].tolist() == list(forms[0][0]["probabilities"].values())
    assert model.predict([], []) == []


def test_the_models_answers_are_those_of_its_run(model: Predictor, run: Path) -> None:
    kept = [json.loads(line) for line in (run / "seed-0/predictions/test.jsonl").read_text("utf-8").splitlines()]
    asked = [row for row in rows() if row["split"] == "test"]
    assert [row["aspect"] for row in kept] == [row["aspect"] for row in asked]
    assert chances(model.predict(asked)) == pytest.approx(chances(kept), abs=1e-5)


def test_a_saved_model_answers_the_same(model: Predictor, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    assert load(tmp_path).predict(rows()) == model.predict(rows())


@pytest.mark.parametrize("batch_size", [1, 5])
def test_answers_do_not_depend_on_batches_order_or_padding(model: Predictor, batch_size: int) -> None:
    asked = [*rows()[:9], {"text": "rain", "aspect": "rain"}, {"text": f"{TEXT} and that was all of it", "aspect": "it"}]
    expected = chances([model.predict([row])[0] for row in asked])
    other = Predictor(model.recipe, model.learner, batch_size=batch_size)
    assert chances(other.predict(asked)) == pytest.approx(expected, abs=1e-5)
    assert chances(other.predict(asked[::-1]))[::-1] == pytest.approx(expected, abs=1e-5)


def test_a_row_without_an_aspect_is_an_error_of_that_row(model: Predictor) -> None:
    blank: list[Any] = [TEXT, {"text": TEXT, "aspect": " "}, Sample(id="3", text=TEXT)]
    *errors, answer = model.predict([*blank, {"text": TEXT, "aspect": "rain"}])
    assert [found["error"] for found in errors] == [NO_ASPECT] * 3
    assert answer["label"] in model.labels
    with pytest.raises(DataError, match="row 1: aspect"):
        model.predict_proba([TEXT])


def test_an_aspect_that_leaves_no_room_is_an_error_of_that_row(model: Predictor) -> None:
    found, answer = model.predict([TEXT, TEXT], ["garden " * 70, "garden"])
    assert found["error"].startswith("aspect: it takes 73 of 64 tokens")
    assert "label" in answer


def test_a_model_of_texts_refuses_to_be_asked_about_an_aspect(plain: Predictor) -> None:
    found, answer = plain.predict([{"text": TEXT, "aspect": "rain"}, TEXT])
    assert found == {"id": "1", "error": UNREAD}
    assert answer["label"] in plain.labels
    assert plain.predict([TEXT], ["rain"])[0]["error"] == UNREAD


@pytest.mark.parametrize("aspects", [[], ["rain", "sun"], "rain"])
def test_there_is_an_aspect_for_every_row(model: Predictor, aspects: list[str] | str) -> None:
    with pytest.raises(ValueError, match=r"aspects: one for each row is expected, found [012] for 3"):
        model.predict([TEXT] * 3, aspects)


def test_a_row_has_one_aspect(model: Predictor) -> None:
    with pytest.raises(DataError, match="rows, row 1, aspect: the row has 'sun' of its own, and 'rain' is asked about"):
        model.predict([{"text": TEXT, "aspect": "sun"}], ["rain"])


def test_what_is_no_row_keeps_its_own_error(model: Predictor) -> None:
    found = model.predict([7, {"text": ["a", 7]}], ["rain", "sun"])  # type: ignore[list-item]
    assert [answer["error"] for answer in found] == [
        "row: expected a text, its words, or a dict, got int",
        "text: expected text, got list",
    ]


def test_vectors_are_of_text_and_aspect(model: Predictor, plain: Predictor) -> None:
    asked = [{"text": TEXT, "aspect": aspect} for aspect in ("garden", "rain")]
    one, other = model.encode(asked)
    assert not np.allclose(one, other, atol=1e-4)
    assert model.encode(asked[:1])[0] == pytest.approx(one, abs=1e-5)
    assert model.engine(10_000) == "torch, float32"
    with pytest.raises(DataError, match="row 1: aspect"):
        model.encode(TEXT)
    same = plain.encode(asked)  # which is not asked about them
    assert np.array_equal(same[0], same[1])


def test_other_engines_and_libraries_are_refused(model: Predictor, run: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotConvertError, match="reads an aspect with each"):
        load(run, engine="openvino")
    with pytest.raises(RecipeError, match="sentence-transformers reads texts alone"):
        export(run, tmp_path / "out", to="sentence-transformers")
    export(run, tmp_path / "kept", to="transformers")


def test_rows_are_not_measured_without_their_aspects(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_aspects(tmp_path / "asked.csv")
    assert execute(["evaluate", str(run), "--data", str(tmp_path / "asked.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]["accuracy"]
    kept = json.loads((run / "run.json").read_text("utf-8"))["per_seed"][0]["test"]["accuracy"]
    assert found == pytest.approx(kept)
    (tmp_path / "bare.csv").write_text(f"text,label,split\n{TEXT},positive,test\n", "utf-8")
    assert execute(["evaluate", str(run), "--data", str(tmp_path / "bare.csv")]) == 3
    assert "bare.csv: there is no column 'aspect'; name the one that holds it" in capsys.readouterr().err
    some = "text,aspect,label\na lovely garden,garden,positive\nthe rain was bad,,negative\n"
    (tmp_path / "some.csv").write_text(some, "utf-8")
    assert execute(["evaluate", str(run), "--data", str(tmp_path / "some.csv")]) == 3
    assert "some.csv, row 2 (id 2), aspect: the model reads an aspect" in capsys.readouterr().err
    assert execute(["evaluate", str(run), "--data", str(tmp_path / "some.csv"), "--skip-bad-rows", "--json"]) == 0


# --- aspects that do not stand in their texts ---


def test_what_the_text_does_not_hold_is_answered_with_a_note(model: Predictor) -> None:
    asked = ["rain", "Garden", "soup", "gard", "staff", "THE rain"]
    with pytest.warns(UserWarning, match="^3 of 6 texts do not hold the aspect that they are asked about") as said:
        answers = model.predict([TEXT] * 6, asked)
    assert len(said) == 1
    assert [answer.get("aspect_absent") for answer in answers] == [None, None, True, True, True, None]
    assert all("label" in answer for answer in answers)


def test_one_post_without_its_aspect_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["predict", str(run), "--text", TEXT, "--aspect", "soup"]) == 0
    shown = capsys.readouterr()
    assert "the text does not hold the aspect" in shown.out
    assert "warning: 1 of 1 texts do not hold the aspect" in shown.err
    assert execute(["predict", str(run), "--text", TEXT, "--aspect", "rain"]) == 0
    shown = capsys.readouterr()
    assert "does not hold" not in shown.out
    assert "warning" not in shown.err


# --- texts that are too long ---


def test_texts_that_are_cut_are_counted_in_one_warning(model: Predictor, plain: Predictor) -> None:
    long = "garden " * 80
    with pytest.warns(UserWarning, match="^2 of 3 texts have more than 64 tokens and were cut$") as said:
        answers = model.predict([long, TEXT, f"{long} rain"], ["garden", "rain", "garden"])
    assert len(said) == 1
    assert [answer.get("cut") for answer in answers] == [True, None, True]
    assert chances(answers[:1]) == pytest.approx(chances(answers[2:]), abs=1e-6)
    with pytest.warns(UserWarning, match="^1 of 2 texts"):
        plain.predict([long, TEXT])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain.predict(["garden " * 62, TEXT])  # what fits is not cut


def test_the_warning_comes_once_for_many_blocks(plain: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.inference.respondent.BLOCK", 2)
    with pytest.warns(UserWarning, match="^5 of 5 texts") as said:
        plain.predict(["garden " * 80] * 5)
    assert len(said) == 1


# --- from the command line ---


def test_one_post_and_its_aspect(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["predict", str(run), "--text", TEXT, "--aspect"]
    assert execute([*arguments, "rain", "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert execute([*arguments, "garden", "--json"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert set(one["probabilities"]) == {"negative", "neutral", "positive"}
    assert one["probabilities"] != other["probabilities"]
    assert execute(arguments[:-1]) == 3
    assert NO_ASPECT in capsys.readouterr().err


def test_the_rows_of_a_table_are_asked_about_their_aspects(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.csv").write_text(f"text,about\n{TEXT},rain\n{TEXT},\n{TEXT},garden\n", "utf-8")
    assert execute(["predict", str(run), str(tmp_path / "new.csv"), "--columns", "aspect=about"]) == 3
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in answer for answer in answers] == [False, True, False]
    assert answers[0]["probabilities"] != answers[2]["probabilities"]


def test_an_aspect_goes_with_a_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["predict", str(run), "table.csv", "--aspect", "rain"]) == 2
    assert "--aspect: goes with --text" in capsys.readouterr().err


def test_a_model_of_texts_says_so(plain: Predictor, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["predict", plain.source, "--text", TEXT, "--aspect", "rain"]) == 2
    assert f"--aspect: {plain.source} reads texts alone" in capsys.readouterr().err
