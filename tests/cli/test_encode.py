from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from polysense.cli.main import execute
from polysense.data.table import read_table
from polysense.inference.predictor import load


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
    assert "answers, the best on validation" in captured.err


def test_parquet_names_the_rows(trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors.parquet"
    assert (
        execute(["encode", str(trained_runs["both"]), str(toy_posts / "posts.csv"), "--out", str(out), "--part", "text"]) == 0
    )
    frame = pl.read_parquet(out)
    assert frame["id"].to_list()[:2] == ["toy-0001", "toy-0002"]
    assert np.stack(frame["embedding"].to_list()).shape == (64, 32)


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
