from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_models import modular
from polysense.cli.main import execute
from polysense.data.table import read_table
from polysense.inference.foreign.loading import PoolingWarning
from polysense.inference.predictor import load

TEXTS = ["so tired of this rain", "what a lovely day", "", "a long walk by the sea " * 6, "what a lovely day"]


@pytest.fixture
def model(tiny_text: str, tmp_path: Path) -> str:
    return str(modular(tiny_text, tmp_path / "model", {"pooling_mode_mean_tokens": True}))


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS) + "\n", "utf-8")
    return file


def found(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert execute(["search", *arguments, "--json"]) == 0
    answers: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return answers


def test_a_table_of_the_nearest(model: str, collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["search", model, str(collection), "--query", "what a lovely day", "--top", "3"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == "what a lovely day"
    assert lines[1].split() == ["score", "id", "text"]
    assert lines[3].split(maxsplit=2) == ["1.0000", "2", "what a lovely day"]
    assert lines[4].split(maxsplit=2) == ["1.0000", "5", "what a lovely day"]
    assert len([line for line in lines if line]) == 6
    assert "1 row with an empty text is never found" in captured.err


@pytest.mark.parametrize("backend", ["exact", "faiss", "hnsw"])
@pytest.mark.parametrize("form", ["texts.txt", "texts.csv", "v.npy", "v.parquet"])
def test_every_form_of_a_collection_gives_the_same(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, backend: str
) -> None:
    if backend != "exact":
        pytest.importorskip("faiss")
    texts = [text for text in TEXTS if text]  # a table has no empty rows
    collection.write_text("\n".join(texts) + "\n", "utf-8")
    (tmp_path / "texts.csv").write_text("id,text\n" + "".join(f"{row},{text}\n" for row, text in enumerate(texts, start=1)))
    options = ["--query", "a walk", "--query", "rain", "--top", "2", "--backend", backend]
    expected = found([model, str(collection), *options], capsys)
    assert [hits["query"] for hits in expected] == ["a walk", "rain"]
    assert {len(hits["hits"]) for hits in expected} == {2}
    if form.startswith("v."):
        assert execute(["encode", model, str(collection), "--out", str(tmp_path / form)]) == 0
    options += ["--rows", str(collection)] if form == "v.npy" else []
    answers = found([model, str(tmp_path / form), *options], capsys)
    for one, other in zip(answers, expected, strict=True):
        for hit, same in zip(one["hits"], other["hits"], strict=True):
            assert hit == {**same, "score": pytest.approx(same["score"], abs=1e-5)}


def test_vectors_alone_are_numbered(model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["encode", model, str(collection), "--out", str(tmp_path / "v.npy")]) == 0
    [answer] = found([model, str(tmp_path / "v.npy"), "--query", TEXTS[0], "--top", "1"], capsys)
    assert answer["hits"] == [{"row": 0, "score": pytest.approx(1, abs=1e-5), "id": "1", "text": None}]


def test_queries_from_a_file_and_a_threshold(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "queries.txt").write_text("what a lovely day\nso tired of this rain\n")
    answers = found([model, str(collection), "--queries", str(tmp_path / "queries.txt"), "--threshold", "0.99999"], capsys)
    assert [[hit["id"] for hit in answer["hits"]] for answer in answers] == [["2", "5"], ["1"]]


def test_text_finds_picture_and_picture_finds_text(
    trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, table = str(trained_runs["both"]), str(toy_posts / "posts.csv")
    samples = read_table(toy_posts / "posts.csv").samples
    model = load(run)
    cosines = model.similarity(str(samples[0].text), samples, shared=True)  # against their texts
    assert cosines.shape == (64,)  # type: ignore[union-attr]
    picture = str(samples[5].image)
    [answer] = found([run, table, "--image", picture, "--top", "64"], capsys)
    expected = model.encode(samples, shared=True) @ model.encode({"image": picture}, shared=True)
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx(sorted(expected, reverse=True), abs=1e-5)
    [answer] = found([run, table, "--query", str(samples[0].text), "--shared", "--part", "image", "--top", "64"], capsys)
    expected = model.encode(samples, part="image", shared=True) @ model.encode(str(samples[0].text), shared=True)
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx(sorted(expected, reverse=True), abs=1e-5)
    best = samples[answer["hits"][0]["row"]]
    assert (answer["hits"][0]["id"], Path(answer["hits"][0]["image"]).name) == (best.id, Path(str(best.image)).name)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "name what to look for"),
        (["--query", "a", "--backend", "fais"], 2, "did you mean 'faiss'"),
        (["--query", "a", "--rows", "texts.txt"], 2, "--rows is for an .npy file"),
        (["--query", "a", "--part", "image"], 2, "part: 'image' is none of this model; valid: 'text'"),
        (["--text", "a"], 2, "--text: looks for pictures, and "),
        (["--query", "a", "--shared"], 2, "has no space that text and picture share"),
    ],
)
def test_wrong_options(
    model: str, collection: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    assert execute(["search", model, str(collection), *options]) == code
    assert said in capsys.readouterr().err


def test_vectors_of_another_width_or_count(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "v.npy", np.ones((3, 7), dtype=np.float32))
    assert execute(["search", model, str(tmp_path / "v.npy"), "--query", "a"]) == 2
    assert "the collection of width 7" in capsys.readouterr().err
    assert execute(["search", model, str(tmp_path / "v.npy"), "--query", "a", "--rows", str(collection)]) == 3
    assert "has 5 rows, there are 3 vectors" in capsys.readouterr().err
    (tmp_path / "broken.npy").write_bytes(b"nothing of the kind")
    assert execute(["search", model, str(tmp_path / "broken.npy"), "--query", "a"]) == 3
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.float32(3), "found float32 of the shape ()"),
        (np.ones((3, 32), dtype=np.int64), "found int64 of the shape (3, 32)"),
        (np.where(np.eye(3, 32), np.nan, 1.0), "v.npy, row 1: the vector holds NaN or infinite numbers"),
    ],
)
def test_what_is_no_vector_is_refused(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], array: Any, said: str
) -> None:
    np.save(tmp_path / "v.npy", array)
    assert execute(["search", model, str(tmp_path / "v.npy"), "--query", "a"]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("form", ["v.npy", "v.parquet"])
def test_a_file_that_was_cut_is_refused(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    arguments = ["encode", model, str(collection), "--out", str(tmp_path / form)]
    assert execute(arguments) == 0
    os.truncate(tmp_path / form, (tmp_path / form).stat().st_size - 9)
    assert execute(["search", model, str(tmp_path / form), "--query", "a"]) == 3
    assert execute([*arguments, "--resume"]) == 2
    assert f"{form} is damaged, or holds other rows: replace it with --overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["v.npy", "v.parquet"])
def test_vectors_of_another_model_are_refused_by_its_name(
    model: str, tiny_text: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    vectors = tmp_path / form
    assert execute(["encode", model, str(collection), "--out", str(vectors)]) == 0
    moved = shutil.copytree(model, tmp_path / "moved")
    assert execute(["search", str(moved), str(vectors), "--query", "a"]) == 0  # the same model elsewhere
    for other in (["--pooling", "cls_before_pooler"], []):  # the same weights read otherwise; other weights of the same width
        name = str(moved) if other else str(other_weights(Path(model), tmp_path / "other"))
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PoolingWarning)
            assert execute(["search", name, str(vectors), "--query", "a", *other]) == 2
        said = capsys.readouterr().err
        assert f"{form} holds vectors of the model" in said
        assert f"{model!r}" in said
        assert "search with the model that made them" in said


def other_weights(model: Path, folder: Path) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, folder)
    [file] = folder.rglob("model.safetensors")
    save_file({name: tensor + 0.5 for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    return folder


def test_vectors_of_another_space_are_refused(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, table, vectors = str(trained_runs["both"]), str(toy_posts / "posts.csv"), str(tmp_path / "v.parquet")
    assert execute(["encode", run, table, "--out", vectors, "--shared", "--part", "image"]) == 0
    assert execute(["search", run, vectors, "--query", "a"]) == 2
    assert "stand in the space that text and picture share: add --shared" in capsys.readouterr().err
    assert execute(["search", run, vectors, "--query", "a", "--shared"]) == 0
    assert execute(["encode", run, table, "--out", vectors, "--part", "text", "--overwrite"]) == 0
    assert execute(["search", run, vectors, "--query", "a"]) == 2
    assert "its vectors are of text: say --part text" in capsys.readouterr().err
    assert execute(["search", run, vectors, "--query", "a", "--shared"]) == 2
    assert "leave out --shared" in capsys.readouterr().err
    assert execute(["search", run, vectors, "--query", "a", "--part", "text"]) == 0


@pytest.mark.parametrize("form", ["texts.txt", "v.parquet", "v.npy"])
def test_an_empty_text_is_neither_found_nor_looked_for(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    if form != "texts.txt":
        assert execute(["encode", model, str(collection), "--out", str(tmp_path / form)]) == 0
    (tmp_path / "queries.txt").write_text("a walk\n\nrain\n", "utf-8")
    arguments = [model, str(tmp_path / form), "--queries", str(tmp_path / "queries.txt"), "--top", "9", "--json"]
    arguments += ["--rows", str(collection)] if form == "v.npy" else []
    capsys.readouterr()
    assert execute(["search", *arguments]) == 0
    captured = capsys.readouterr()
    answers = json.loads(captured.out)
    assert [one["query"] for one in answers] == ["a walk", "rain"]
    for one in answers:
        assert sorted(hit["row"] for hit in one["hits"]) == [0, 1, 3, 4]
        assert all(hit["text"] == TEXTS[hit["row"]] and hit["id"] == str(hit["row"] + 1) for hit in one["hits"])
    assert "1 row with an empty text is never found" in captured.err
    assert "queries.txt: 1 blank line is not looked for" in captured.err
    assert execute(["search", model, str(collection), "--query", " "]) == 2
    assert "--query: is empty" in capsys.readouterr().err


def test_blank_rows_of_an_array_may_be_found_which_is_said(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = str(tmp_path / "v.npy")
    assert execute(["encode", model, str(collection), "--out", vectors]) == 0
    capsys.readouterr()
    assert execute(["search", model, vectors, "--query", "rain"]) == 0
    said = capsys.readouterr().err
    assert "holds vectors alone: name the file that was encoded with --rows" in said
    assert "1 row with an empty text may be found: --rows says which they are" in said
    assert execute(["search", model, vectors, "--query", "rain", "--rows", str(collection)]) == 0
    assert "may be found" not in capsys.readouterr().err


def test_rows_that_were_left_out_of_the_vectors_are_left_out_of_what_is_shown(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "posts.csv").write_text("id,text\na,what a day\nb,\nc,so much rain\n")
    table, vectors = str(tmp_path / "posts.csv"), str(tmp_path / "v.npy")
    assert execute(["encode", model, table, "--out", vectors, "--skip-bad-rows"]) == 0
    [answer] = found([model, vectors, "--rows", table, "--skip-bad-rows", "--query", "so much rain"], capsys)
    assert [(hit["id"], hit["text"]) for hit in answer["hits"]] == [("c", "so much rain"), ("a", "what a day")]


def test_rows_with_bad_pictures_are_left_out_as_encode_did(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = str(trained_runs["both"]), tmp_path / "posts"
    shutil.copytree(toy_posts, folder)
    samples = read_table(folder / "posts.csv").samples
    Path(str(samples[1].image)).write_bytes(b"no picture")
    table, vectors = str(folder / "posts.csv"), str(tmp_path / "v.npy")
    assert execute(["encode", run, table, "--out", vectors, "--skip-bad-rows"]) == 0
    [answer] = found([run, vectors, "--rows", table, "--skip-bad-rows", "--query", str(samples[2].text), "--top", "99"], capsys)
    assert {hit["id"] for hit in answer["hits"]} == {sample.id for sample in samples} - {samples[1].id}


def test_columns_are_those_of_every_table_that_is_read(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, texts in (("there.csv", TEXTS[:2]), ("asked.csv", TEXTS[1:2])):
        (tmp_path / name).write_text("id,tweet\n" + "".join(f"{row},{text}\n" for row, text in enumerate(texts)))
    there, asked = str(tmp_path / "there.csv"), str(tmp_path / "asked.csv")
    [answer] = found([model, there, "--queries", asked, "--columns", "text=tweet", "--top", "1"], capsys)
    assert (answer["query"], answer["hits"][0]["text"]) == (TEXTS[1], TEXTS[1])
    (tmp_path / "lines.txt").write_text(f"{TEXTS[0]}\n")
    [answer] = found([model, str(tmp_path / "lines.txt"), "--queries", asked, "--columns", "text=tweet"], capsys)
    assert answer["query"] == TEXTS[1]
    (tmp_path / "asked.csv").write_text(f"id,tweet\n1,{TEXTS[0]}\n2,\n")
    assert execute(["search", model, there, "--queries", asked, "--columns", "text=tweet"]) == 3
    capsys.readouterr()
    arguments = ["search", model, there, "--queries", asked, "--columns", "text=tweet", "--skip-bad-rows"]
    assert execute(arguments) == 0
    assert "asked.csv: skipped: " in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--columns", "text=tweet"), ("--media-root", "."), ("--skip-bad-rows",)])
@pytest.mark.parametrize("form", ["texts.txt", "v.npy", "v.parquet"])
def test_what_only_a_table_could_use_is_refused(
    model: str, collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, option: tuple[str, ...]
) -> None:
    if form != "texts.txt":
        assert execute(["encode", model, str(collection), "--out", str(tmp_path / form)]) == 0
    code = execute(["search", model, str(tmp_path / form), "--query", "a", *option])
    said = f"{option[0]}: no table is read" in capsys.readouterr().err
    nothing_bad = form == "texts.txt" and option == ("--skip-bad-rows",)  # its lines are read, and none is bad
    assert (code, said) == ((0, False) if nothing_bad else (2, True))
