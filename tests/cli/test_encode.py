from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from foreign_models import modular
from polysense.cli.main import execute
from polysense.data.table import read_table
from polysense.inference.predictor import Predictor, load


def test_vectors_in_the_tables_order(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, table, out = trained_runs["both"], toy_posts / "posts.csv", tmp_path / "vectors.npy"
    assert execute(["encode", str(run), str(table), "--out", str(out), "--normalize"]) == 0
    vectors = np.load(out)
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(load(run).encode(read_table(table).samples, normalize=True), abs=1e-6)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"64 vectors of width {vectors.shape[1]}" in captured.err
    assert "answers, the best on validation (weighted_f1)\n" in captured.err


def test_a_seed_that_nobody_chose_is_not_called_the_best(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["both"], tmp_path / "run")
    summary = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(json.dumps({**summary, "best_metric": "last", "best_seed": 0}), "utf-8")
    (tmp_path / "s.txt").write_text("so much rain\n")
    assert execute(["encode", str(run), str(tmp_path / "s.txt"), "--out", str(tmp_path / "v.npy")]) == 0
    assert "seed-0 answers, the first, whose last weights were kept\n" in capsys.readouterr().err


def test_parquet_names_the_rows(trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors.parquet"
    assert (
        execute(["encode", str(trained_runs["both"]), str(toy_posts / "posts.csv"), "--out", str(out), "--part", "text"]) == 0
    )
    frame = pl.read_parquet(out)
    assert frame["id"].to_list()[:2] == ["toy-0001", "toy-0002"]
    assert np.stack(frame["embedding"].to_list()).shape == (64, 32)


def test_pictures_may_be_missing_where_texts_alone_are_encoded(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text("text,image\none,\ntwo,gone.jpg\n")
    options = ["--out", str(tmp_path / "vectors.npy"), "--part", "text"]
    assert execute(["encode", str(trained_runs["both"]), str(tmp_path / "posts.csv"), *options]) == 0
    assert len(np.load(tmp_path / "vectors.npy")) == 2


def test_bad_rows_are_refused_or_listed(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "posts.csv", tmp_path / "vectors.npy"
    table.write_text("text,image\none,\ntwo,gone.jpg\n")
    arguments = ["encode", str(trained_runs["both"]), str(table), "--out", str(out)]
    assert execute(arguments) == 3
    assert "posts.csv, row 2" in capsys.readouterr().err
    assert not out.exists()
    assert execute([*arguments, "--skip-bad-rows"]) == 0
    said = capsys.readouterr().err
    assert "skipped: " in said
    assert "row 2" in said
    assert len(np.load(out)) == 1


def test_a_table_in_another_encoding(trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = tmp_path / "posts.csv", tmp_path / "vectors.npy"
    table.write_bytes("text\na café\n".encode("latin-1"))
    arguments = ["encode", str(trained_runs["both"]), str(table), "--out", str(out)]
    assert execute(arguments) == 3
    assert "--encoding" in capsys.readouterr().err
    assert execute([*arguments, "--encoding", "latin-1"]) == 0
    assert np.load(out) == pytest.approx(load(trained_runs["both"]).encode([{"text": "a café"}]), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--out", "vectors.txt"], 2, "valid: '.npy', '.parquet'"),
        (["--out", "vectors.npy", "--part", "txt"], 2, "did you mean 'text'"),
        (["--out", "nowhere/at/all/vectors.npy"], 3, "nowhere/at/all"),
    ],
)
def test_wrong_options(
    trained_runs: dict[str, Path],
    toy_posts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(["encode", str(trained_runs["both"]), str(toy_posts / "posts.csv"), *options]) == code
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# --- sentences, one a line ---


@pytest.fixture
def model_folder(tiny_text: str, tmp_path: Path) -> str:
    """A text encoder that another library saved."""
    return str(modular(tiny_text, tmp_path / "model", {"pooling_mode_mean_tokens": True}))


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    file = tmp_path / "sentences.txt"
    file.write_bytes(
        ("\n".join(["so tired", "", "of this rain\u2028and wind", *(f"day {n}" for n in range(40))]) + "\r\n").encode()
    )
    return file


def texts_of(file: Path) -> list[str]:
    return [line.removesuffix("\r") for line in file.read_bytes().decode().removesuffix("\n").split("\n")]


def test_sentences_keep_their_lines(
    model_folder: str, sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "vectors.npy"
    assert execute(["encode", model_folder, str(sentences), "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "1 blank line gets the vector of the empty text, so that row k is line k" in said
    assert "43 vectors of width 32" in said
    assert "a second; torch, float32" in said
    assert np.load(out) == pytest.approx(load(model_folder).encode(texts_of(sentences)), abs=1e-5)


def test_parquet_holds_the_sentences(
    model_folder: str, sentences: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polysense.cli.encode.BLOCK", 9)
    out = tmp_path / "vectors.parquet"
    assert execute(["encode", model_folder, str(sentences), "--out", str(out), "--normalize"]) == 0
    frame = pl.read_parquet(out)
    assert frame["id"].to_list() == [str(number) for number in range(1, 44)]
    assert frame["text"].to_list() == texts_of(sentences)
    assert np.linalg.norm(frame["embedding"].to_numpy(), axis=1) == pytest.approx(np.ones(43), abs=1e-5)


@pytest.mark.parametrize("name", ["vectors.npy", "vectors.parquet"])
def test_an_interrupted_file_is_gone_on_with(
    model_folder: str,
    sentences: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setattr("polysense.cli.encode.BLOCK", 10)
    arguments = ["encode", model_folder, str(sentences), "--out"]
    encode, blocks = Predictor.encode, 0

    def interrupted(*given: Any, **options: Any) -> Any:
        nonlocal blocks
        blocks += 1
        if blocks == 3:
            raise KeyboardInterrupt
        return encode(*given, **options)

    assert execute([*arguments, str(tmp_path / f"whole-{name}")]) == 0
    monkeypatch.setattr(Predictor, "encode", interrupted)
    assert execute([*arguments, str(tmp_path / name)]) == 130
    assert "go on with the same command and --resume" in capsys.readouterr().err
    assert not (tmp_path / name).exists()
    assert execute([*arguments, str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert f"{name} was begun before, and 20 of its rows are there: go on with --resume, or begin anew with --overwrite" in said
    assert execute([*arguments, str(tmp_path / name), "--resume"]) == 0
    assert "20 of 43 rows are there already" in capsys.readouterr().err
    assert blocks == 6
    whole, resumed = (read(tmp_path / one) for one in (f"whole-{name}", name))
    assert np.array_equal(whole, resumed)
    assert not list(tmp_path.glob(".*.partial"))


def read(file: Path) -> np.ndarray:
    return np.load(file) if file.suffix == ".npy" else pl.read_parquet(file)["embedding"].to_numpy()


def test_going_on_takes_the_engine_that_began(
    model_folder: str, sentences: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which one is faster is measured anew by every command, and may come out otherwise on a busy machine."""
    out, trial = tmp_path / "v.npy", "polysense.inference.encoding.text_summaries.bf16_pays"
    arguments = ["encode", model_folder, str(sentences), "--out", str(out)]
    monkeypatch.setattr("polysense.inference.encoding.text_summaries.MANY", 5)
    monkeypatch.setattr("polysense.inference.encoding.text_summaries.is_installed", lambda: False)
    monkeypatch.setattr("polysense.cli.encode.BLOCK", 10)
    monkeypatch.setattr(trial, lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr("polysense.inference.vector_file.NpyFile._finished", lambda _: 1 / 0)
        assert execute(arguments) == 1
    monkeypatch.setattr(trial, lambda: False)
    assert execute([*arguments, "--resume", "--precision", "float32"]) == 2
    assert (
        "was begun with another engine or precision (torch, bfloat16, now torch, float32): begin anew"
        in capsys.readouterr().err
    )
    assert execute([*arguments, "--resume"]) == 0
    assert "torch, bfloat16" in capsys.readouterr().err
    assert execute([*arguments, "--resume"]) == 0
    assert "is whole: all 43 vectors are there already" in capsys.readouterr().err


def test_going_on_with_other_rows_or_settings_is_refused(
    model_folder: str, sentences: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["encode", model_folder, str(sentences), "--out", str(tmp_path / "v.npy")]
    monkeypatch.setattr("polysense.cli.encode.BLOCK", 10)
    with monkeypatch.context() as patch:
        patch.setattr("polysense.inference.vector_file.NpyFile._finished", lambda _: 1 / 0)
        assert execute(arguments) == 1
    capsys.readouterr()
    assert execute([*arguments, "--resume", "--normalize"]) == 2
    assert "was begun with another --normalize (False, now True)" in capsys.readouterr().err
    sentences.write_text("other\n" * 43)
    assert execute([*arguments, "--resume"]) == 2
    assert "was begun with other rows" in capsys.readouterr().err
    assert execute(arguments) == 2
    said = capsys.readouterr().err
    assert "v.npy was begun before, and 43 of its rows are there, but with other rows: begin anew with --overwrite" in said
    assert "--resume" not in said
    assert (tmp_path / ".v.npy.partial").is_dir()
    assert execute([*arguments, "--overwrite"]) == 0
    assert not (tmp_path / ".v.npy.partial").exists()


def test_pictures_stand_in_the_shared_space(trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors.npy"
    arguments = ["encode", str(trained_runs["both"]), str(toy_posts / "posts.csv"), "--out", str(out)]
    assert execute([*arguments, "--shared", "--part", "image"]) == 0
    samples = read_table(toy_posts / "posts.csv").samples
    expected = load(trained_runs["both"]).encode(samples, part="image", shared=True)
    assert np.load(out) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "torhc"], "did you mean 'torch'"),
        (["--columns", "text=tweet"], "a text file has no columns"),
        (["--shared"], "no space that text and picture share"),
    ],
)
def test_wrong_options_for_sentences(
    model_folder: str, sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert execute(["encode", model_folder, str(sentences), "--out", str(tmp_path / "v.npy"), *options]) in {1, 2}
    assert said in capsys.readouterr().err
    assert not (tmp_path / "v.npy").exists()


# --- files that are there, blank lines, texts that are cut ---


def test_a_file_that_is_there_is_replaced_only_if_asked(
    model_folder: str, sentences: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "vectors.npy"
    arguments = ["encode", model_folder, str(sentences), "--out", str(out)]
    assert execute(arguments) == 0
    before = out.read_bytes()
    assert execute([*arguments, "--normalize"]) == 2
    assert "is there already: replace it with --overwrite" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert execute([*arguments, "--normalize", "--overwrite"]) == 0
    assert out.read_bytes() != before


@pytest.mark.parametrize("ending", ["npy", "parquet"])
def test_a_whole_file_is_not_encoded_again(
    model_folder: str, sentences: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    out = tmp_path / f"vectors.{ending}"
    arguments = ["encode", model_folder, str(sentences), "--out", str(out)]
    assert execute([*arguments, "--resume"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "encode", None)
        assert execute([*arguments, "--resume"]) == 0
    assert "is whole: all 43 vectors are there already" in capsys.readouterr().err
    assert execute([*arguments, "--resume", "--normalize"]) == 2
    assert "was made with another --normalize (False, now True): replace it with --overwrite" in capsys.readouterr().err
    assert execute([*arguments, "--resume", "--normalize", "--overwrite"]) == 0


def test_a_table_that_train_would_take_is_encoded_and_verified(model_folder: str, tmp_path: Path, capsys: Any) -> None:
    table, out = tmp_path / "s.csv", tmp_path / "v.npy"
    table.write_text("sentence\nso tired\n")
    assert execute(["encode", model_folder, str(table), "--out", str(out)]) == 0
    assert "s.csv: text is 'sentence'" in capsys.readouterr().err
    assert np.load(out) == pytest.approx(load(model_folder).encode(["so tired"]), abs=1e-5)
    assert execute(["data", "verify", str(table)]) == 0


def test_texts_that_are_cut_are_told_once(model_folder: str, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "long.txt"
    longest = load(model_folder).learner.model.encoder("text").max_length
    file.write_text("\n".join(["so tired", *["day " * (2 * longest)] * 3, "day " * (longest - 2)]) + "\n", "utf-8")
    assert execute(["encode", model_folder, str(file), "--out", str(tmp_path / "v.npy")]) == 0
    assert f"warning: 3 of 5 texts have more than {longest} tokens and were cut\n" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="1 of 2 texts have more than"):
        load(model_folder).encode(["so tired", "day " * (2 * longest)])


def test_blank_lines_are_told(model_folder: str, sentences: Path, tmp_path: Path, capsys: Any) -> None:
    assert execute(["encode", model_folder, str(sentences), "--out", str(tmp_path / "v.npy")]) == 0
    assert "sentences.txt: 1 blank line gets the vector of the empty text, so that row k is line k" in capsys.readouterr().err


def test_what_can_be_seen_from_the_command_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    """In a process of its own: here torch is loaded."""
    (tmp_path / "there.npy").touch()
    script = (
        "import sys\nfrom polysense.cli.main import execute\n"
        "codes = [execute(words.split()) for words in sys.argv[1:]]\n"
        "assert 'torch' not in sys.modules, 'torch'\nprint(codes)\n"
    )
    commands = [
        "encode minilm nowhere.txt --out v.npy",
        f"encode minilm {tmp_path} --out {tmp_path}/there.npy",
        f"encode minilm {tmp_path} --out v.npz",
        f"encode minilm {tmp_path} --out v.npy --engine torhc",
        f"encode minilm {tmp_path} --out nowhere/v.npy",
        "search minilm nowhere.txt --query x",
        f"evaluate {tmp_path}/none --data {tmp_path}",
        "evaluate minilm --data nowhere --evaluator sts",
        "compare minilm minilm --evaluator sts --data nowhere",
        f"train mcse/simcse --data {tmp_path} --out {tmp_path}/there.npy",
    ]
    found = subprocess.run([sys.executable, "-c", script, *commands], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[3, 2, 2, 2, 3, 3, 2, 3, 3, 3]"


def test_sentences_from_stdin(
    trained_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def piped(written: bytes, *further: str) -> int:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(written)))
        return execute(["encode", str(trained_runs["both"]), "-", "--out", str(tmp_path / "v.npy"), *further])

    assert piped("a café\n\nso much rain".encode()) == 0
    assert "stdin: 1 blank line gets the vector of the empty text" in capsys.readouterr().err
    expected = load(trained_runs["both"]).encode(["a café", "", "so much rain"])
    assert np.load(tmp_path / "v.npy") == pytest.approx(expected, abs=1e-6)
    assert piped("a café\n\nso much rain".encode(), "--resume") == 0
    assert "is whole: all 3 vectors are there already" in capsys.readouterr().err
    for written, further, told in (
        (b"", (), "stdin is empty"),
        (b"a caf\xe9\n", (), "stdin is not UTF-8: line 1 holds the byte 0xE9"),
        (b"a\n", ("--columns", "text=a"), "what comes from stdin has no columns"),
        (b"a\n", ("--media-root", "."), "what comes from stdin names no pictures"),
    ):
        assert piped(written, "--overwrite", *further) in (2, 3)
        assert told in capsys.readouterr().err


def test_nothing_is_left_behind_by_what_could_not_begin(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(str(read_table(toy_posts).samples[0].image), pictures)
    arguments = ["encode", str(trained_runs["both"]), str(pictures), "--out", str(tmp_path / "v.npy"), "--part", "text"]
    assert execute(arguments) == 3
    assert "it has no text: say --part image to embed its image" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_the_table_of_a_folder_is_named(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "v.npy")
    assert execute(["encode", str(trained_runs["both"]), str(toy_posts), "--out", out, "--part", "text"]) == 0
    assert f"the rows are those of {toy_posts / 'posts.csv'}" in capsys.readouterr().err
