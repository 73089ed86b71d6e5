from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import mean

import pytest

from polysense.cli.main import execute
from polysense.inference.predictor import load


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


def test_json_holds_the_means_and_every_seed(trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run = trained_runs["both"]
    record = json.loads((run / "run.json").read_text())
    for split in ("test", "validation", "dev"):
        assert execute(["evaluate", str(run), "--split", split, "--json"]) == 0
        found = read(capsys)
        name = "test" if split == "test" else "validation"
        assert found["split"] == name
        assert found["per_seed"] == [{"seed": one["seed"], "metrics": one[name]} for one in record["per_seed"]]
        expected = [one[name]["weighted_f1"] for one in record["per_seed"]]
        assert found["metrics"]["weighted_f1"] == pytest.approx(mean(expected))
        assert found["std"]["weighted_f1"] == pytest.approx(abs(expected[0] - expected[1]) / 2**0.5)


def test_measured_anew_on_its_own_data_it_scores_the_same(
    trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(trained_runs["both"])
    assert execute(["evaluate", run, "--json"]) == 0
    stored = read(capsys)
    assert execute(["evaluate", run, "--data", str(toy_posts), "--json"]) == 0
    anew = read(capsys)
    assert [one["seed"] for one in anew["per_seed"]] == [0, 1]
    for one, two in zip(anew["per_seed"], stored["per_seed"], strict=True):
        assert one["metrics"] == pytest.approx(two["metrics"])
    assert anew["metrics"] == pytest.approx(stored["metrics"])


def test_people_get_a_table(trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["evaluate", str(trained_runs["base"])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "test"
    assert "mean over seeds 0, 1" in lines[0]
    assert any(line.startswith("weighted_f1 ") for line in lines)


def test_one_seed_or_a_saved_model_is_measured_alone(
    trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = str(trained_runs["base"] / "seed-1")
    assert execute(["evaluate", seed, "--json"]) == 0
    found = read(capsys)
    assert [one["seed"] for one in found["per_seed"]] == [1]
    assert set(found["std"].values()) == {None}
    assert execute(["evaluate", seed, "--data", str(toy_posts), "--json"]) == 0
    anew = read(capsys)
    assert [one["seed"] for one in anew["per_seed"]] == [1]
    assert anew["metrics"] == pytest.approx(found["metrics"])
    assert execute(["evaluate", seed, "--data", str(toy_posts)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["test", "seed", "1"]


def test_seeds_are_listed_by_number(trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys) -> None:
    run = shutil.copytree(trained_runs["base"], tmp_path / "run")
    (run / "seed-1").rename(run / "seed-10")
    shutil.copytree(run / "seed-0", run / "seed-2")
    (run / "seed-notes").mkdir()
    assert execute(["evaluate", str(run), "--data", str(toy_posts), "--json"]) == 0
    assert [one["seed"] for one in read(capsys)["per_seed"]] == [0, 2, 10]


def other_table(toy_posts: Path, folder: Path, change: dict[int, tuple[str, str]]) -> Path:
    """A copy of the toy table in which some rows are changed; pictures are found by --media-root."""
    lines = (toy_posts / "posts.csv").read_text("utf-8").splitlines(keepends=True)
    for row, (old, new) in change.items():
        assert old in lines[row]
        lines[row] = lines[row].replace(old, new)
    (folder / "other.csv").write_text("".join(lines), "utf-8")
    return folder / "other.csv"


def test_labels_that_the_model_does_not_know_are_bad_rows(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (toy_posts / "posts.csv").read_text("utf-8").splitlines()
    row = next(place for place, line in enumerate(lines) if ",test," in line)
    label = lines[row].split(",test,")[0].rpartition(",")[2]
    table = other_table(toy_posts, tmp_path, {row: (f",{label},test,", ",angry,test,")})
    arguments = ["evaluate", str(trained_runs["base"]), "--data", str(table), "--media-root", str(toy_posts), "--json"]
    assert execute(arguments) == 3
    said = capsys.readouterr().err
    assert f"other.csv, row {row}" in said
    assert "'angry' is not among the classes" in said
    assert execute([*arguments, "--skip-bad-rows"]) == 0
    metrics = read(capsys)["metrics"]
    assert sum(value for name, value in metrics.items() if name.startswith("support/")) == 10


def test_rows_without_labels_cannot_be_measured(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "posts.csv").write_text("text,split\nhello,test\n")
    assert execute(["evaluate", str(trained_runs["base"]), "--data", str(tmp_path / "posts.csv")]) == 3
    assert "no row of 'test' has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("split", "code", "said"),
    [
        ("tets", 2, "did you mean 'test'"),
        ("train", 3, "no metrics of 'train'; valid: 'test', 'validation' (or name a table"),
    ],
)
def test_a_split_without_metrics(
    trained_runs: dict[str, Path], capsys: pytest.CaptureFixture[str], split: str, code: int, said: str
) -> None:
    assert execute(["evaluate", str(trained_runs["base"]), "--split", split]) == code
    assert said in capsys.readouterr().err


def test_a_saved_model_shows_the_numbers_of_its_seed(
    trained_runs: dict[str, Path], tmp_path: Path, toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained_runs["both"]
    record = json.loads((run / "run.json").read_text())
    best = record["best_seed"]
    load(run).save_pretrained(tmp_path / "model")
    assert execute(["evaluate", str(tmp_path / "model"), "--json"]) == 0
    expected = next(one["test"] for one in record["per_seed"] if one["seed"] == best)
    assert read(capsys)["per_seed"] == [{"seed": best, "metrics": expected}]
    for more in ([], ["--data", str(toy_posts)]):
        assert execute(["evaluate", str(tmp_path / "model"), *more]) == 0
        assert capsys.readouterr().out.splitlines()[0].split() == ["test", "seed", str(best)]


def test_a_table_of_other_columns_and_another_encoding(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(trained_runs["base"])
    lines = (toy_posts / "posts.csv").read_text("utf-8").splitlines(keepends=True)
    lines[0] = lines[0].replace("text,image,label", "tweet,photo,mood")
    lines[1] = lines[1].replace(",", ",caf\u00e9 ", 1)
    table = tmp_path / "tweets.csv"
    table.write_text("".join(lines), "latin-1")
    arguments = ["evaluate", run, "--data", str(table), "--media-root", str(toy_posts), "--json"]
    columns = ["--columns", "text=tweet,image=photo,label=mood"]
    assert execute([*arguments, *columns]) == 3
    assert "is not UTF-8" in capsys.readouterr().err
    assert execute([*arguments, *columns, "--encoding", "latin-1"]) == 0
    assert sum(value for name, value in read(capsys)["metrics"].items() if name.startswith("support/")) == 11
    assert execute(["evaluate", run, *columns]) == 2
    assert "--columns is for asking the models anew" in capsys.readouterr().err


def test_other_evaluators_ask_anew(trained_runs: dict[str, Path], toy_posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(trained_runs["both"])
    assert execute(["evaluate", run, "--data", str(toy_posts), "--evaluator", "retrieval", "--json"]) == 0
    metrics = read(capsys)["metrics"]
    assert metrics
    assert "weighted_f1" not in metrics
    assert execute(["evaluate", run, "--evaluator", "retrieval"]) == 2
    assert "--data" in capsys.readouterr().err
    assert execute(["evaluate", run, "--data", str(toy_posts), "--evaluator", "retreival"]) == 2
    assert "did you mean 'Retrieval'" in capsys.readouterr().err
