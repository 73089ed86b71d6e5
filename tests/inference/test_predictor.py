from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import polysense
from polysense.data.table import read_table
from polysense.errors import DataError, PolysenseError, Problem, RecipeError
from polysense.inference.predictor import Predictor, load
from polysense.training.run import train
from polysense.types import Sample


@pytest.fixture(scope="module")
def model(trained_runs: dict[str, Path]) -> Predictor:
    return load(trained_runs["both"])


@pytest.fixture(scope="module")
def posts(toy_posts: Path) -> list[Sample]:
    return read_table(toy_posts).split("test")


@pytest.fixture
def run(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return shutil.copytree(trained_runs["both"], tmp_path / "copy")


def assert_same_answers(found: list[dict[str, Any]], expected: list[dict[str, Any]], *, within: float = 1e-5) -> None:
    assert len(found) == len(expected)
    for one, two in zip(found, expected, strict=True):
        assert one["label"] == two["label"]
        assert one["missing"] == two["missing"]
        assert one["probabilities"] == pytest.approx(two["probabilities"], abs=within)
        for name in ("match", "similarity"):
            assert one[name] == (two[name] if two[name] is None else pytest.approx(two[name], abs=within))


# --- what rows may be ---


def test_the_same_post_in_every_form_gets_the_same_answer(model: Predictor, posts: list[Sample]) -> None:
    post = posts[0]
    assert isinstance(post.image, Path)
    with Image.open(post.image) as picture:
        picture.load()
    forms = [
        post,
        {"id": post.id, "text": post.text, "image": post.image},
        {"id": post.id, "text": post.text, "image": str(post.image)},
        {"id": post.id, "text": post.text, "image": picture},
        {"id": post.id, "text": post.text, "image": post.image, "label": "positive", "mood": 3},
    ]
    answers = model.predict(forms)
    assert [answer["id"] for answer in answers] == [post.id] * 5
    assert set(answers[0]) == {"id", "label", "probabilities", "match", "similarity", "missing"}
    assert answers[0]["missing"] == []
    assert_same_answers(answers, [answers[0]] * 5)


def test_a_bare_text_is_a_row(model: Predictor) -> None:
    one = model.predict("what a lovely day")
    assert_same_answers(one, model.predict([{"text": "what a lovely day"}]))
    assert one[0]["missing"] == ["image"]
    assert (one[0]["match"], one[0]["similarity"]) == (None, None)
    assert len(model.predict(["one", "two"])) == 2


def test_rows_without_an_id_are_numbered(model: Predictor) -> None:
    assert [answer["id"] for answer in model.predict(["a", {"id": "mine", "text": "b"}, "c"])] == ["1", "mine", "3"]


def test_a_picture_alone_is_answered(model: Predictor, posts: list[Sample]) -> None:
    answer = model.predict({"image": posts[0].image})[0]
    assert answer["missing"] == ["text"]
    assert answer["match"] is None
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


def test_an_empty_text_is_a_text(model: Predictor, posts: list[Sample]) -> None:
    assert model.predict({"text": "", "image": posts[0].image})[0]["missing"] == []


def test_the_models_answers_are_those_of_its_run(model: Predictor, posts: list[Sample]) -> None:
    rows = [json.loads(line) for line in (Path(model.source) / "predictions" / "test.jsonl").read_text().splitlines()]
    assert_same_answers(model.predict(posts), rows)
    alone = [json.loads(line) for line in (Path(model.source) / "predictions" / "test.text.jsonl").read_text().splitlines()]
    assert_same_answers(model.predict([str(post.text) for post in posts]), alone)


# --- order and batches ---


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_answers_do_not_depend_on_batches(model: Predictor, posts: list[Sample], batch_size: int) -> None:
    other = Predictor(model.recipe, model.learner, batch_size=batch_size)
    rows: list[Any] = [*posts, "short", "a much longer text " * 3, {"image": posts[3].image}]
    expected = [model.predict([row])[0] | {"id": ""} for row in rows]
    assert_same_answers(other.predict(rows), expected)
    assert_same_answers(other.predict(rows[::-1]), expected[::-1])
    assert other.encode(rows) == pytest.approx(np.concatenate([model.encode([row]) for row in rows]), abs=1e-5)


def test_rows_are_read_in_blocks_and_kept_in_order(model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.inference.respondent.BLOCK", 4)
    taken = 0

    def endless() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield {"id": f"post {taken}", "text": "word " * (taken % 5 + 1)}

    stream = model.stream(endless())
    assert [next(stream)["id"] for _ in range(6)] == [f"post {number}" for number in range(1, 7)]
    assert taken == 8


def test_nothing_is_nothing(model: Predictor) -> None:
    assert model.predict([]) == []
    assert model.predict_proba([]).shape == (0, 3)
    assert model.encode([]).shape == (0, model.encode(["a"]).shape[1])


def test_progress_is_told(model: Predictor) -> None:
    told: list[tuple[int, int]] = []
    model.predict(["a", "b"], progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 2)]


# --- bad rows ---


def test_a_bad_row_gets_its_reason_and_the_others_their_answers(model: Predictor, posts: list[Sample], tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    assert isinstance(posts[0].image, Path)
    (tmp_path / "half.jpg").write_bytes(posts[0].image.read_bytes()[:900])
    rows: list[Any] = [
        posts[0],
        {"id": "gone", "text": "x", "image": tmp_path / "gone.jpg"},
        {"id": "text", "text": "x", "image": tmp_path / "text.jpg"},
        {"id": "half", "text": "x", "image": tmp_path / "half.jpg"},
        {"id": "none"},
        {"id": "sound", "audio": __file__},
        {"id": "number", "text": ["a", 5]},
        7,
        None,
        Problem(file="posts.csv", row=3, id="given", field="row", reason="2 cells where the header has 3"),
        posts[1],
    ]
    answers = model.predict(rows)
    reasons = {answer["id"]: answer["error"] for answer in answers if "error" in answer}
    assert list(reasons) == ["gone", "text", "half", "none", "sound", "number", "8", "9", "given"]
    assert "gone.jpg does not exist" in reasons["gone"]
    assert "text.jpg is not a picture (it holds text)" in reasons["text"]
    assert "half.jpg is truncated" in reasons["half"]
    assert "nothing usable" in reasons["none"]
    assert reasons["sound"] == "row: the model reads text and image, the row has audio"
    assert reasons["number"] == "text: expected text, got list"
    assert reasons["8"] == "row: expected a text, its words, or a dict, got int"
    assert reasons["given"] == "row: 2 cells where the header has 3"
    assert_same_answers([answers[0], answers[-1]], model.predict(posts[:2]))


@pytest.mark.parametrize("method", ["predict_proba", "encode"])
def test_where_a_table_of_numbers_is_wanted_a_bad_row_is_an_error(model: Predictor, method: str) -> None:
    with pytest.raises(DataError, match=r"row 2: .*nothing usable"):
        getattr(model, method)(["fine", {"text": None}])


# --- probabilities and embeddings ---


def test_probabilities_stand_in_the_order_of_the_labels(model: Predictor, posts: list[Sample]) -> None:
    table = model.predict_proba(posts)
    assert model.labels == ["negative", "neutral", "positive"]
    assert table.shape == (11, 3)
    assert table.sum(axis=1) == pytest.approx(np.ones(11))
    for row, answer in zip(table, model.predict(posts), strict=True):
        assert row.tolist() == pytest.approx([answer["probabilities"][label] for label in model.labels])
        assert answer["label"] == model.labels[row.argmax()]


@pytest.mark.parametrize(("part", "width"), [(None, 32), ("text", 32), ("image", 32)])
def test_embeddings_are_float32_rows(model: Predictor, posts: list[Sample], part: str | None, width: int) -> None:
    vectors = model.encode(posts, part=part)
    assert vectors.dtype == np.float32
    assert vectors.shape == (11, width)
    long = model.encode(posts, part=part, normalize=True)
    assert np.linalg.norm(long, axis=1) == pytest.approx(np.ones(11), abs=1e-6)
    assert long == pytest.approx(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64", np.float64])
def test_embeddings_of_another_precision(model: Predictor, posts: list[Sample], dtype: Any) -> None:
    found = model.encode(posts, dtype=dtype)
    assert found.dtype == np.dtype(dtype)
    assert found == pytest.approx(model.encode(posts), abs=1e-2)


@pytest.mark.parametrize("dtype", ["int8", "bool", "complex64", "floaty", np.int8])
def test_embeddings_are_no_integers(model: Predictor, posts: list[Sample], dtype: Any) -> None:
    with pytest.raises(RecipeError, match=r"dtype: '\w+' is not one; .*'float16', 'float32', 'float64'"):
        model.encode(posts, dtype=dtype)


def test_a_parts_embedding_reads_that_part_alone(model: Predictor, posts: list[Sample]) -> None:
    assert model.encode(posts, part="text") == pytest.approx(
        model.encode([str(post.text) for post in posts], part="text"), abs=1e-5
    )
    with pytest.raises(DataError, match="row 1: it has no image"):
        model.encode("a text", part="image")
    with pytest.raises(
        RecipeError, match=r"part: 'imagen' is none of this model; did you mean 'image'\? valid: 'image', 'text'"
    ):
        model.encode("a text", part="imagen")


# --- saving and loading ---


def test_the_best_seed_on_validation_answers(trained_runs: dict[str, Path], model: Predictor, run: Path) -> None:
    best = json.loads((trained_runs["both"] / "run.json").read_text())["best_seed"]
    assert Path(model.source).name == f"seed-{best}"
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"best_seed": 1 - best}))
    assert Path(load(run).source).name == f"seed-{1 - best}"


def test_a_saved_model_answers_the_same(model: Predictor, posts: list[Sample], tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "deep" / "saved")
    again = Predictor.from_pretrained(str(tmp_path / "deep" / "saved"))
    assert again.predict(posts) == model.predict(posts)
    assert np.array_equal(again.encode(posts), model.encode(posts))
    assert (again.labels, again.modalities) == (model.labels, ("text", "image"))
    card = tmp_path / "deep" / "saved" / "README.md"
    assert card.read_bytes() == (Path(model.source).parent / "README.md").read_bytes()
    again.save_pretrained(tmp_path / "deep" / "saved")
    again.save_pretrained(tmp_path / "second")
    assert (tmp_path / "second" / "README.md").read_bytes() == card.read_bytes()


def test_a_run_carries_all_that_it_needs(
    tiny_encoders: list[str], tiny_text: str, tiny_vision: str, toy_posts: Path, posts: list[Sample], tmp_path: Path
) -> None:
    text, vision = (shutil.copytree(folder, tmp_path / name) for folder, name in ((tiny_text, "text"), (tiny_vision, "vision")))
    overrides = [override.replace(tiny_text, str(text)).replace(tiny_vision, str(vision)) for override in tiny_encoders]
    train("social/posts_attention_both", toy_posts, out=tmp_path / "run", overrides=[*overrides, "training.max_steps=2"])
    before = load(tmp_path / "run").predict(posts)
    shutil.rmtree(text)
    shutil.rmtree(vision)
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").predict(posts) == before


def test_polysense_load_is_the_same_thing(trained_runs: dict[str, Path], model: Predictor) -> None:
    assert polysense.load(str(trained_runs["both"])).predict("a text") == model.predict("a text")


def break_weights(run: Path) -> None:
    for file in run.glob("seed-*/model.safetensors"):
        file.write_bytes(file.read_bytes()[:-100])


BROKEN: dict[str, tuple[Callable[[Path], Any], type[PolysenseError], str]] = {
    "not finished": (lambda run: (run / "run.json").unlink(), PolysenseError, "not finished: go on with .*--resume"),
    "no weights": (
        lambda run: [file.unlink() for file in run.glob("seed-*/model.safetensors")],
        PolysenseError,
        r"has a recipe but no model\.safetensors",
    ),
    "truncated weights": (break_weights, PolysenseError, r"model\.safetensors cannot be loaded"),
    "no recipe": (
        lambda run: [file.unlink() for file in run.glob("seed-*/recipe.yaml")],
        RecipeError,
        r"recipe\.yaml cannot be read",
    ),
    "a broken recipe": (
        lambda run: [file.write_text("encoders: [") for file in run.glob("seed-*/recipe.yaml")],
        RecipeError,
        "is not valid YAML",
    ),
    "no configuration": (
        lambda run: [shutil.rmtree(folder / "encoders" / "text") for folder in run.glob("seed-*")],
        RecipeError,
        "text encoder .* cannot be loaded",
    ),
    "a broken summary": (lambda run: (run / "run.json").write_text("{"), PolysenseError, r"run\.json is damaged"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_named(run: Path, kind: str) -> None:
    damage, error, said = BROKEN[kind]
    damage(run)
    with pytest.raises(error, match=said):
        load(run)


def test_a_run_that_is_not_there_is_no_model_of_the_hub() -> None:
    with pytest.raises(RecipeError, match="there is no run runs/not there: name the folder that `polysense train` wrote"):
        load("runs/not there")


@pytest.mark.parametrize("source", ["nobody/no-such-model", "not-there"])
def test_what_is_neither_here_nor_on_the_hub(source: str) -> None:
    with pytest.raises(
        RecipeError, match=f"there is no folder '{source}'.*; as a model of the Hugging Face hub it needs a network"
    ):
        load(source)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"is no saved model: .*recipe\.yaml cannot be read, and there is no config\.json"):
        load(tmp_path)


def test_no_pickle_is_ever_read(run: Path, model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("a pickle was read",))

    for folder in (run, *run.glob("seed-*"), *run.glob("seed-*/encoders/*")):
        for name in ("training_args.bin", "optimizer.pt", "pytorch_model.bin", "scheduler.pt"):
            torch.save(Trap(), folder / name)
    for reader in ("torch.load", "pickle.load", "pickle.loads", "torch.serialization.load"):
        monkeypatch.setattr(reader, lambda *_, reader=reader, **__: pytest.fail(f"{reader} was called"))
    assert load(run).predict("a text") == model.predict("a text")


def test_the_hub_gets_exactly_what_is_saved(model: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, Any] = {}

    class Hub:
        def __init__(self, token: str | None = None) -> None:
            calls["token"] = token

        def create_repo(self, repo_id: str, **settings: Any) -> None:
            calls["made"] = (repo_id, settings)

        def upload_folder(self, *, folder_path: str, repo_id: str, commit_message: str) -> str:
            calls["message"] = commit_message
            shutil.copytree(folder_path, tmp_path / "hub" / repo_id)
            return f"https://huggingface.co/{repo_id}"

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert model.push_to_hub("me/posts", private=True, token="secret") == "https://huggingface.co/me/posts"
    assert (calls["token"], calls["made"]) == ("secret", ("me/posts", {"private": True, "exist_ok": True}))
    model.save_pretrained(tmp_path / "saved")
    assert files(tmp_path / "hub" / "me" / "posts") == files(tmp_path / "saved")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: str(tmp_path / "hub" / name))
    assert load("me/posts").predict("a text") == model.predict("a text")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_the_files_of_a_model_are_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wanted: list[list[str]] = []

    def fetch(name: str, *, allow_patterns: list[str], ignore_patterns: list[str], local_files_only: bool) -> str:
        wanted.append(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    with pytest.raises(RecipeError, match="me/posts"):
        load("me/posts")
    assert sorted(wanted[0]) == ["README.md", "encoders/**", "model.safetensors", "recipe.yaml", "run.json", "self_check.json"]
    assert not any(pattern in {"*", "*.bin", "*.pt"} for patterns in wanted for pattern in patterns)


def test_the_weights_are_those_of_the_file(model: Predictor) -> None:
    stored = load_file(Path(model.source) / "model.safetensors")
    assert all(torch.equal(stored[name], value) for name, value in model.learner.state_dict().items())
    assert not model.learner.training
