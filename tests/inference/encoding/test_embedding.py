"""What ``Predictor.encode`` and ``similarity`` give: shapes, order, spaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polysense.data.media import load_image
from polysense.data.table import read_table
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.inference.predictor import Predictor, load
from polysense.recipe.recipe import check_recipe
from polysense.types import Sample


@pytest.fixture(scope="module")
def model(trained_runs: dict[str, Path]) -> Predictor:
    return load(trained_runs["both"])


@pytest.fixture(scope="module")
def posts(toy_posts: Path) -> list[Sample]:
    return read_table(toy_posts).split("test")


# --- shapes and order ---


def test_one_row_is_a_vector_and_none_are_no_rows(sentence_model: Predictor, model: Predictor) -> None:
    for one, width in ((sentence_model, 32), (model, 32)):
        assert one.width() == width
        assert one.encode("a").shape == (width,)
        assert one.encode({"text": "a"}).shape == (width,)
        assert one.encode([]).shape == (0, width)
        assert one.encode(["a"]).shape == (1, width)
    assert model.encode([], shared=True).shape == (0, model.width(shared=True))


def test_the_order_is_that_of_the_rows(sentence_model: Predictor, sentences: list[str]) -> None:
    found = sentence_model.encode(sentences)
    assert found[::-1] == pytest.approx(sentence_model.encode(sentences[::-1]), abs=1e-5)
    for place in (0, 1, 17, 599):
        assert found[place] == pytest.approx(sentence_model.encode(sentences[place]), abs=1e-5)


def test_texts_dicts_and_samples_are_the_same(sentence_model: Predictor) -> None:
    texts = ["so tired", "of this rain"]
    expected = sentence_model.encode(texts)
    assert sentence_model.encode([{"text": text} for text in texts]) == pytest.approx(expected, abs=1e-6)
    assert sentence_model.encode([Sample(id="", text=text) for text in texts]) == pytest.approx(expected, abs=1e-6)
    assert sentence_model.encode(iter(texts), part="text") == pytest.approx(expected, abs=1e-6)


def test_what_is_read_beside_a_text_is_embedded_with_it(tiny_text: str) -> None:
    raw = {
        "encoders": {
            "text": {"class_path": "TransformerText", "init_args": {"pretrained": tiny_text, "beside": "pair"}},
            "image": "VisionImage",
        },
        "fusion": "Concatenation",
        "objectives": {"contrast": "ImageTextContrast"},
        "evaluation": {"evaluators": ["Losses"], "best": "last"},
    }
    recipe = check_recipe("beside", raw, None).complete(())
    model = Predictor(recipe, recipe.build(seed=0))
    rows = [Sample(id=str(row), text="a red dog", pair=pair, index=row) for row, pair in enumerate(("the sea", "a car", None))]
    asked = model._answerer.encode(rows, part="text")
    assert np.abs(asked[0] - asked[1]).max() > 1e-2
    assert model.encode(rows, part="text") == pytest.approx(asked, abs=1e-5)
    assert model.encode(["a red dog"], part="text")[0] == pytest.approx(asked[2], abs=1e-5)
    assert np.abs(np.diff(model.encode(rows, shared=True), axis=0)).max(axis=1).min() > 1e-3
    with pytest.raises(PolysenseError, match="encodes texts alone, and this model reads 'pair' with each"):
        Predictor(recipe, recipe.build(seed=0), engine="openvino")


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_the_type_of_the_array(sentence_model: Predictor, dtype: str) -> None:
    found = sentence_model.encode(["a", "b"], dtype=dtype)
    assert found.dtype == dtype
    assert found == pytest.approx(sentence_model.encode(["a", "b"]), abs=1e-2)


def test_blank_and_very_long_texts(sentence_model: Predictor) -> None:
    with pytest.warns(UserWarning, match="^1 of 4 texts have more than 64 tokens and were cut$"):
        found = sentence_model.encode(["", "  ", "word " * 20_000, "日本語 🙂"])
    assert np.isfinite(found).all()
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_half_a_character_is_named(sentence_model: Predictor) -> None:
    with pytest.raises(DataError, match="row 2: text: holds half of a surrogate pair"):
        sentence_model.encode(["fine", "\ud83d"])


def test_batches_change_nothing(sentence_model: Predictor, sentences: list[str]) -> None:
    assert sentence_model.encode(sentences[:50], batch_size=1) == pytest.approx(sentence_model.encode(sentences[:50]), abs=1e-5)


def test_many_texts_are_fast_and_still_the_same(tiny_text: str, sentences: list[str], sentence_model: Predictor) -> None:
    fast = Predictor(sentence_model.recipe, sentence_model.learner)
    one, other = fast.encode(sentences, normalize=True), sentence_model.encode(sentences, normalize=True)
    assert (one * other).sum(axis=1).min() > 0.999
    few = fast.encode(sentences[:9], expect=len(sentences), normalize=True)
    assert few == pytest.approx(one[:9], abs=0.01)


def test_measuring_stays_in_float32(sentence_model: Predictor, sentences: list[str]) -> None:
    class Asks(Evaluator):
        def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
            return {"difference": float(np.abs(answerer.encode(samples) - exact).max())}

    exact = sentence_model.encode(sentences[1:])
    fast = Predictor(sentence_model.recipe, sentence_model.learner, precision="bfloat16")
    assert np.abs(fast.encode(sentences[1:]) - exact).max() > 1e-4
    samples = [Sample(id=str(row), text=text) for row, text in enumerate(sentences[1:])]
    assert fast.measure(samples, evaluators=[Asks()])["difference"] < 1e-5


# --- rows with pictures ---


def test_a_bad_picture_names_its_row(model: Predictor, posts: list[Sample], tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    rows: list[Any] = [posts[0], {"id": "bad", "text": "x", "image": tmp_path / "text.jpg"}]
    with pytest.raises(DataError, match=r"row bad: image: .*text\.jpg is not a picture"):
        model.encode(rows)


def test_every_picture_is_decoded_once(model: Predictor, posts: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Any] = []

    def counted(source: Any) -> Any:
        decoded.append(source)
        return load_image(source)

    monkeypatch.setattr("polysense.encoders.vision_image.load_image", counted)
    model.predict(posts)
    assert len(decoded) == len(posts)
    model.encode(posts)
    assert len(decoded) == 2 * len(posts)


# --- the space that text and picture share ---


def test_a_picture_of_several_rows_is_run_once(
    model: Predictor, posts: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[int] = []
    encode = Answerer.encode

    def counted(self: Answerer, samples: Sequence[Sample], **more: Any) -> np.ndarray:
        run.append(len(samples))
        return encode(self, samples, **more)

    monkeypatch.setattr(Answerer, "encode", counted)
    several = [posts[0], posts[1], posts[0], posts[2], posts[1]]
    steps: list[tuple[int, int]] = []
    vectors = model.encode(several, part="image", progress=lambda done, total: steps.append((done, total)))
    assert run == [3]
    assert steps[-1] == (5, 5)
    assert vectors == pytest.approx(np.stack([model.encode(one, part="image") for one in several]), abs=1e-6)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bad = replace(posts[1], image=tmp_path / "bad.png")
    found, faults = model.encode_pictures([posts[0], bad, posts[0], bad])
    assert sorted(faults) == [1, 3]
    assert not found[[1, 3]].any()
    assert found[0] == pytest.approx(found[2])


def test_what_lacks_the_text_that_is_embedded_says_how_its_picture_is(
    tiny_text: str, posts: list[Sample], model: Predictor
) -> None:
    with pytest.raises(DataError, match=r"it has no text: say --part image to embed its image, and --shared beside it"):
        model.encode([replace(posts[0], text=None)], part="text")
    with pytest.raises(DataError, match=r"it has no image: say --part text to embed its text"):
        model.encode(["so tired"], part="image")


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_of_no_rows_is_refused(sentence_model: Predictor, size: int) -> None:
    with pytest.raises(RecipeError, match=f"batch_size: at least 1, found {size}"):
        sentence_model.encode(["a"], batch_size=size)


def test_the_shared_space_is_the_objectives(model: Predictor, posts: list[Sample]) -> None:
    aligning = model.learner.objective("contrast")
    with torch.inference_mode():
        expected = {
            name: aligning.project(name, torch.from_numpy(model.encode(posts, part=name))).numpy() for name in ("text", "image")
        }
    texts = [str(post.text) for post in posts]
    pictures = [{"image": post.image} for post in posts]
    for rows, part, name in (
        (posts, None, "text"),
        (texts, None, "text"),
        (posts, "text", "text"),
        (pictures, None, "image"),
        (posts, "image", "image"),
    ):
        found = model.encode(rows, part=part, shared=True)
        assert found == pytest.approx(expected[name], abs=1e-5)
        assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(posts)), abs=1e-5)
    mixed = model.encode([texts[0], pictures[1], posts[2]], shared=True)
    assert mixed == pytest.approx(np.stack([expected["text"][0], expected["image"][1], expected["text"][2]]), abs=1e-5)


def test_a_blank_text_beside_a_picture_is_none_here(model: Predictor, posts: list[Sample]) -> None:
    picture = {"image": posts[0].image}
    assert model.encode({"text": " ", **picture}, shared=True) == pytest.approx(model.encode(picture, shared=True), abs=1e-6)


def test_the_similarity_in_the_shared_space_is_the_one_that_is_predicted(model: Predictor, posts: list[Sample]) -> None:
    post = posts[0]
    found = model.similarity(str(post.text), {"image": post.image}, shared=True)
    assert found == pytest.approx(model.predict(post)[0]["similarity"], abs=1e-5)


def test_text_finds_picture_and_picture_finds_text(model: Predictor, posts: list[Sample]) -> None:
    cosines = model.similarity([str(post.text) for post in posts], [{"image": post.image} for post in posts], shared=True)
    assert isinstance(cosines, np.ndarray)
    pictures = model.index(posts, part="image", shared=True)
    for row, post in enumerate(posts):
        hits = pictures.search(str(post.text), top_k=len(posts))
        assert [hit.score for hit in hits] == pytest.approx(np.sort(cosines[row])[::-1], abs=1e-5)
        assert hits[0].item is posts[int(cosines[row].argmax())]
    texts = model.index([str(post.text) for post in posts], shared=True)
    [hit] = texts.search({"image": posts[3].image}, top_k=1)
    assert hit.score == pytest.approx(cosines[:, 3].max(), abs=1e-5)


def test_without_a_shared_space_that_is_said(
    trained_runs: dict[str, Path], model: Predictor, sentence_model: Predictor
) -> None:
    for one in (load(trained_runs["base"]), sentence_model):
        with pytest.raises(PolysenseError, match="no space that text and picture share"):
            one.encode("a", shared=True)
    with pytest.raises(RecipeError, match="valid: 'image', 'text'"):
        model.encode("a", part="audio", shared=True)
    with pytest.raises(DataError, match="row 1: it has no image"):
        model.encode("a", part="image", shared=True)


# --- similarity ---


def test_similarity_of_one_and_of_several(sentence_model: Predictor) -> None:
    texts = ["so tired", "of this rain", "yes"]
    matrix = sentence_model.similarity(texts, texts[:2])
    assert isinstance(matrix, np.ndarray)
    assert matrix.shape == (3, 2)
    assert np.diag(matrix) == pytest.approx(np.ones(2), abs=1e-5)
    assert sentence_model.similarity(texts[0], texts) == pytest.approx(np.concatenate([matrix[0], [matrix[2, 0]]]), abs=1e-5)
    assert sentence_model.similarity(texts, texts[0]) == pytest.approx(matrix[:, 0], abs=1e-5)
    one = sentence_model.similarity(texts[0], texts[1])
    assert isinstance(one, float)
    assert one == pytest.approx(matrix[0, 1], abs=1e-5)


# --- what it says of itself ---


def test_it_says_what_it_is(model: Predictor, sentence_model: Predictor, tiny_text: str) -> None:
    assert repr(model) == (
        f"Predictor({model.source!r}: reads text and image, 3 classes (negative, neutral, positive), vectors of width 32)"
    )
    assert repr(sentence_model) == f"Predictor({tiny_text!r}: reads text, vectors of width 32)"


def test_its_fingerprint_is_that_of_its_weights(model: Predictor, trained_runs: dict[str, Path]) -> None:
    assert load(trained_runs["both"]).fingerprint() == model.fingerprint()
    assert load(trained_runs["base"]).fingerprint() != model.fingerprint()


@pytest.mark.parametrize("method", ["predict", "encode", "predict_proba", "index"])
def test_nothing_at_all_is_refused(model: Predictor, method: str) -> None:
    with pytest.raises(DataError, match="rows: expected a text, a dict, or several of them, got NoneType"):
        getattr(model, method)(None)


def test_a_foreign_encoder_is_loaded_like_any_other(tiny_text: str, tmp_path: Path) -> None:
    from foreign_models import modular

    folder = modular(tiny_text, tmp_path / "foreign", {"pooling_mode_mean_tokens": True})
    found = load(folder)
    assert found.modalities == ("text",)
    assert found.encode(["a text", "another"]).shape == (2, 32)
