from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import mean

import pytest
from PIL import Image

from foreign_models import modular, plain
from made_benchmarks import write_sick, write_sts_benchmark, write_sts_tasks, write_transfer_tasks
from polysense.cli.main import execute
from polysense.data.corpora.clips import Clips
from polysense.data.media import file_digest
from polysense.data.toy.clips import write_toy_clips
from polysense.inference.predictor import Predictor, load
from polysense.recipe import load_recipe


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out)


def test_a_model_of_texts_is_measured_on_rows_whose_pictures_are_missing(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from polysense.training.run import train

    posts = shutil.copytree(toy_posts, tmp_path / "posts")
    pictures = sorted((posts / "images").iterdir())
    for picture in pictures[::2]:
        picture.unlink()
    overrides = [override for override in tiny_encoders if not override.startswith("encoders.image")]
    train("social/posts_text", posts, out=tmp_path / "run", overrides=overrides)
    capsys.readouterr()
    assert execute(["evaluate", str(tmp_path / "run"), "--data", str(posts), "--json"]) == 0
    metrics = read(capsys)["metrics"]
    lines = (toy_posts / "posts.csv").read_text("utf-8").splitlines()
    assert sum(value for name, value in metrics.items() if name.startswith("support/")) == sum(
        ",test," in line for line in lines
    )


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
    assert lines[0].split()[-4:] == ["seed", "0", "seed", "1"]
    assert any(line.startswith("weighted_f1 ") for line in lines)
    assert any(line.startswith("ece is the expected calibration error") for line in lines)
    classes = next(place for place, line in enumerate(lines) if line.endswith("support"))
    assert lines[classes].split()[-4:] == ["f1", "precision", "recall", "support"]
    record = json.loads((trained_runs["base"] / "run.json").read_text())
    assert [line.split()[0] for line in lines[classes + 2 : classes + 2 + len(record["labels"])]] == record["labels"]
    assert not any("/" in line for line in lines)


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


def test_a_run_without_test_rows_shows_what_it_was_scored_on(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_runs["base"], run)
    record = json.loads((run / "run.json").read_text())
    for result in record["per_seed"]:
        result["test"] = {}
    (run / "run.json").write_text(json.dumps(record))
    assert execute(["evaluate", str(run), "--json"]) == 0
    found = read(capsys)
    assert found["split"] == "validation"
    assert [one["metrics"] for one in found["per_seed"]] == [one["validation"] for one in record["per_seed"]]


def test_vectors_that_became_one_are_told(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained_runs["base"], run)
    record = json.loads((run / "run.json").read_text())
    record["per_seed"][1]["test"] = {"alignment": 0.0, "uniformity": -0.0001}
    (run / "run.json").write_text(json.dumps(record))
    assert execute(["evaluate", str(run), "--json"]) == 0
    said = capsys.readouterr().err
    assert "Warning: seed 1 gives all sentences nearly the same vector (uniformity -0.0001" in said
    assert "seed 0 gives" not in said


def test_rows_without_labels_cannot_be_measured(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "posts.csv").write_text("text,split\nhello,test\n")
    assert execute(["evaluate", str(trained_runs["base"]), "--data", str(tmp_path / "posts.csv")]) == 3
    assert "no row of 'test' has" in capsys.readouterr().err


def test_rows_without_a_label_are_told_apart(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (toy_posts / "posts.csv").read_text("utf-8").splitlines()
    row = next(place for place, line in enumerate(lines) if ",test," in line)
    label = lines[row].split(",test,")[0].rpartition(",")[2]
    table = other_table(toy_posts, tmp_path, {row: (f",{label},test,", ",,test,")})
    arguments = ["evaluate", str(trained_runs["both"]), "--data", str(table), "--media-root", str(toy_posts)]
    assert execute([*arguments, "--json"]) == 0
    found = read(capsys)
    assert (found["rows"], found["left_out"]) == (10, 1)
    assert execute(arguments) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["10 rows", "1 more has no label, and has no part in the metrics"]
    assert execute([*arguments, "--evaluator", "matching", "--json"]) == 0  # which reads no labels
    found = read(capsys)
    assert (found["rows"], found["left_out"]) == (11, 0)


@pytest.mark.parametrize(
    ("split", "code", "said"),
    [
        ("tets", 2, "did you mean 'test'"),
        ("train", 2, "no metrics of 'train'; valid: 'test', 'validation' (or name a table"),
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


STS_KEYS = {"STS12", "STS13", "STS14", "STS15", "STS16", "STS-B dev", "STS-B test", "SICK-R test", "avg_present", "avg"}


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all data sets."""
    root = tmp_path_factory.mktemp("data sets")
    for write in (write_sts_tasks, write_sts_benchmark, write_sick, write_transfer_tasks):
        write(root)
    return root


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory, tiny_text: str) -> Path:
    """A text encoder of sentence-transformers."""
    return modular(tiny_text, tmp_path_factory.mktemp("foreign") / "sentences", {"pooling_mode_mean_tokens": True})


def test_sts_of_a_run_is_the_mean_over_its_seeds(
    trained_runs: dict[str, Path], benchmarks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each seed by itself gives what it gives as a part of the run; the keys stand at the top and under metrics."""
    run = trained_runs["base"]
    assert execute(["evaluate", str(run), "--evaluator", "sts", "--data", str(benchmarks), "--json"]) == 0
    found = read(capsys)
    assert set(found["metrics"]) == STS_KEYS
    assert {name: found[name] for name in STS_KEYS} == found["metrics"]
    assert found["split"] is None
    assert [one["seed"] for one in found["per_seed"]] == [0, 1]
    assert found["metrics"]["avg"] == pytest.approx(mean(one["metrics"]["avg"] for one in found["per_seed"]))
    assert found["std"]["STS12"] > 0
    assert execute(["evaluate", str(run / "seed-1"), "--evaluator", "sts", "--data", str(benchmarks), "--json"]) == 0
    assert read(capsys)["per_seed"] == [found["per_seed"][1]]


def test_another_librarys_encoder_and_several_evaluators(
    sentences: Path, benchmarks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [part for name in ("sts", "geometry", "transfer") for part in ("--evaluator", name)]
    assert execute(["evaluate", str(sentences), *asked, "--data", str(benchmarks), "--json"]) == 0
    found = read(capsys)
    assert set(found["metrics"]) > STS_KEYS | {"STS-B dev alignment", "STS-B dev uniformity", "MR", "SST2", "transfer avg"}
    assert found["per_seed"] == [{"seed": None, "metrics": found["metrics"]}]
    assert execute(["evaluate", str(sentences), *asked, "--data", str(benchmarks)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        execute(["evaluate", str(sentences), "--evaluator", "transfer:tasks=[MR,SST2]", "--data", str(benchmarks), "--json"])
        == 0
    )
    assert set(read(capsys)["metrics"]) == {"MR", "SST2", "transfer avg_present"}
    assert lines[0].split() == ["metric", "value"]
    assert any(line.startswith("STS-B dev alignment ") for line in lines)


def test_a_pooling_that_nothing_says_is_a_clean_warning(
    tiny_text: str, benchmarks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain(tiny_text, tmp_path / "plain")
    assert execute(["evaluate", str(folder), "--evaluator", "geometry", "--data", str(benchmarks), "--json"]) == 0
    captured = capsys.readouterr()
    assert set(json.loads(captured.out)["metrics"]) == {"STS-B dev alignment", "STS-B dev uniformity"}
    (said,) = [line for line in captured.err.splitlines() if "nothing in it says how it pools" in line]
    assert said.startswith(f"warning: {folder}: ")


def test_ones_own_pairs(sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table is measured by its split; what is undefined is null."""
    rows = ["text,pair,score,split", "one,two,1,test", "two,three,2,test", "so,so,5,dev", "a,b,2,dev", "c,d,2,train"]
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join([*rows, ""]), "utf-8")
    arguments = ["evaluate", str(sentences), "--evaluator", "sts", "--data", str(table), "--json"]
    assert execute([*arguments, "--split", "dev"]) == 0
    found = read(capsys)
    assert (found["split"], found["metrics"]) == ("validation", {"spearman": pytest.approx(100.0)})
    assert execute([*arguments, "--split", "train"]) == 0
    found = read(capsys)
    assert found["metrics"] == {"spearman": None}
    assert found["spearman"] is None


def test_retrieval_on_flickr8k(trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two test pictures of two captions each; the run's own table is of no account."""
    (tmp_path / "flickr8k" / "images").mkdir(parents=True)
    lines = ["image,split,caption_id,caption"]
    for number, split in enumerate(("train", "test", "train", "test")):
        Image.new("RGB", (40, 40), (60 * number, 0, 0)).save(tmp_path / "flickr8k" / "images" / f"{number}.jpg")
        lines += [f"{number}.jpg,{split},{caption},caption {caption} of {number}" for caption in range(2)]
    (tmp_path / "flickr8k" / "captions.csv").write_text("\n".join([*lines, ""]), "utf-8")
    for root in (tmp_path, tmp_path / "flickr8k"):
        arguments = ["evaluate", str(trained_runs["both"]), "--evaluator", "retrieval", "--data", str(root)]
        assert execute([*arguments, "--json"]) == 0
        captured = capsys.readouterr()
        assert "Retrieval: 4 rows of flickr8k" in captured.err
        found = json.loads(captured.out)
        assert found["text_to_image_R@5"] == found["image_to_text_R@5"] == 1.0
    assert execute([*arguments, "--evaluator", "sts", "--json"]) == 3
    assert "Sts: " in capsys.readouterr().err
    arguments[1] = str(trained_runs["base"])
    assert execute(arguments) == 2
    assert "cannot be measured by Retrieval, which needs texts with pictures, and a model that" in capsys.readouterr().err
    write_sts_benchmark(tmp_path)
    arguments[-1] = str(tmp_path)
    assert execute([*arguments, "--evaluator", "sts"]) == 2  # nor is one of several left out in silence


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--evaluator", "sts", "--data", "EMPTY"], 3, "holds none of STS12"),
        (["--evaluator", "transfer", "--data", "EMPTY"], 3, "holds none of MR"),
        (["--evaluator", "geometry", "--data", "EMPTY"], 3, "holds no set that Geometry can be measured on"),
        (["--evaluator", "sts", "--data", "EMPTY/lost"], 3, "there is no file or folder"),
        (["--evaluator", "stss", "--data", "SETS"], 2, "did you mean 'Sts'"),
        (["--evaluator", "sts", "--data", "SETS", "--split", "dev"], 2, "--split has no meaning for Sts"),
        (["--evaluator", "sts", "--data", "SETS", "--columns", "text=tweet"], 2, "--columns has no meaning for Sts"),
        (["--evaluator", "retrieval", "--data", "SETS"], 2, "cannot be measured by Retrieval, which needs texts with pictures"),
        (["--evaluator", "captioning", "--data", "SETS"], 2, "cannot be measured by Captioning, which needs"),
        (["--evaluator", "transfer:tasks=[MS]", "--data", "SETS"], 2, "'MS' is not one; did you mean"),
        (["--data", "SETS"], 2, "does not say what to measure: name it with --evaluator"),
        (["--evaluator", "sts"], 2, "name the table or folder with --data"),
        (["--skip-bad-rows"], 2, "--skip-bad-rows is for asking the models anew"),
        (["--data", "SETS", "--details"], 2, "--details is what evaluators add: name them with --evaluator"),
        ([], 2, "was not trained here"),
    ],
)
def test_what_cannot_be_measured(
    sentences: Path,
    benchmarks: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"EMPTY": str(tmp_path), "EMPTY/lost": str(tmp_path / "lost"), "SETS": str(benchmarks)}
    assert execute(["evaluate", str(sentences), *(names.get(word, word) for word in arguments)]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_run_that_is_misspelt_is_not_looked_for_elsewhere(
    trained_runs: dict[str, Path], benchmarks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained_runs["base"].parent)
    assert execute(["evaluate", "./bose", "--evaluator", "sts", "--data", str(benchmarks)]) == 2
    assert "there is no run bose" in capsys.readouterr().err
    monkeypatch.chdir(trained_runs["base"].parents[1])
    name = f"{trained_runs['base'].parent.name}/bose"
    assert execute(["evaluate", name, "--evaluator", "sts", "--data", str(benchmarks)]) == 2
    assert f"there is no run {name}" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["evaluate runs/x", "evaluate runs/x --data posts.csv", "predict runs/x --text good"])
def test_a_run_is_not_looked_for_elsewhere_where_no_run_was_trained_yet(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(words.split()) == 2
    assert "there is no run runs/x: name the folder that `polysense train` wrote" in capsys.readouterr().err


def test_a_model_from_elsewhere_wants_data(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("minilm", "nobody/none"):
        assert execute(["evaluate", name]) == 2
        said = capsys.readouterr().err
        assert f"{name} was not trained here" in said
        assert f"polysense evaluate {name} --data DATA --evaluator sts" in said


@pytest.fixture
def clips_and_model(tiny_text: str, tmp_path: Path) -> tuple[str, str]:
    """A folder of clips, and a saved model that reads them, with heads that count as trained."""
    clips = write_toy_clips(tmp_path / "clips", clips=40)
    rows = Clips().read(clips).samples
    recipe = load_recipe("self_mm/clips", [f"encoders.text.pretrained={tiny_text}"]).complete(rows)
    learner = recipe.build(seed=0)
    learner.get_buffer("objectives.unimodal.taught").fill_(True)
    Predictor(recipe, learner).save_pretrained(tmp_path / "model")
    return str(clips), str(tmp_path / "model")


def test_rows_are_damaged_before_the_model_is_asked(
    clips_and_model: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    clips, model = clips_and_model

    def measured(*options: str) -> dict[str, object]:
        assert execute(["evaluate", model, "--data", clips, "--json", *options]) == 0
        return read(capsys)

    whole = measured()
    assert "damage" not in whole
    samples = Clips().read(Path(clips)).split("test")
    scores = [row["score"] for row in load(model).predict([{"audio": one.audio, "video": one.video} for one in samples])]
    told = [one.score for one in samples]
    dropped = measured("--drop", "text")
    assert dropped["metrics"]["MAE"] == pytest.approx(mean(abs(a - b) for a, b in zip(scores, told, strict=True)), abs=1e-5)
    assert dropped["damage"] == {"drop": ["text"], "drop_frames": 0.0, "frame_noise": 0.0}
    assert dropped["undamaged"] == {name: whole[name] for name in ("metrics", "std", "per_seed")}
    found = [whole, dropped, measured("--drop-frames", "0.5"), measured("--frame-noise", "1")]
    assert len({round(one["metrics"]["MAE"], 6) for one in found}) == 4
    assert measured("--drop-frames", "0.5")["metrics"] == found[2]["metrics"]
    assert execute(["evaluate", model, "--data", clips, "--drop", "text", "--drop", "audio", "--drop-frames", "0.25"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["test", "value", "undamaged"]
    error = next(line.split() for line in lines if line.startswith("MAE "))
    assert error[2] == f"{whole['metrics']['MAE']:.4f}"
    assert error[1] != error[2]
    assert lines[-1] == "13 rows, without text and audio, 25% of the frames lost"


def test_a_runs_own_table_of_clips_is_measured_whatever_lies_beside_it(
    clips_and_model: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips, model = clips_and_model
    takes = Path(clips, "manifest.parquet").rename(Path(clips, "takes.parquet"))
    Path(clips, "clips.json").unlink()
    Path(clips, "other.csv").write_text("text,score\nso good,1\n", "utf-8")
    Path(model, "run.json").write_text(json.dumps({"data": {"digests": {takes.name: file_digest(takes)}}}), "utf-8")
    assert execute(["evaluate", model, "--data", str(takes), "--json"]) == 0
    assert (found := read(capsys))["rows"] == 13
    renamed = Path(shutil.copy(takes, Path(clips, "again.parquet")))  # another table, which is read as clips, too
    assert execute(["evaluate", model, "--data", str(renamed), "--json"]) == 0
    assert read(capsys)["metrics"] == found["metrics"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--drop", "sound"], "no modality 'sound' to drop"),
        (["--drop", "image"], "does not read 'image'"),
        (["--drop-frames", "1.5"], "share of frames"),
        (["--frame-noise", "-1"], "noise of 0 or more"),
        (["--drop", "text", "--drop", "audio", "--drop", "video"], "nothing left that the model reads"),
    ],
)
def test_damage_that_cannot_be_is_refused(
    options: list[str], message: str, clips_and_model: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    clips, model = clips_and_model
    assert execute(["evaluate", model, "--data", clips, *options]) != 0
    assert message in capsys.readouterr().err


def test_damage_is_for_rows_that_are_read(clips_and_model: tuple[str, str], tmp_path: Path, capsys) -> None:
    _, model = clips_and_model
    assert execute(["evaluate", model, "--drop", "text"]) == 2
    assert "--drop is for asking the models anew" in capsys.readouterr().err
    write_sts_tasks(tmp_path)
    assert execute(["evaluate", model, "--data", str(tmp_path), "--evaluator", "sts", "--drop-frames", "0.5"]) == 2
    assert "rows cannot be damaged (50% of the frames lost) for Sts" in capsys.readouterr().err


def test_a_model_that_answers_one_class_for_all_rows_is_told(
    trained_runs: dict[str, Path], toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained_runs["both"], tmp_path / "run")
    assert execute(["evaluate", str(run), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["one_answer"] == []
    assert "Warning" not in captured.err
    file = run / "seed-1/predictions/test.jsonl"
    rows = [json.loads(line) | {"label": "neutral"} for line in file.read_text("utf-8").splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert execute(["evaluate", str(run), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["one_answer"] == [{"seed": 1, "answer": "neutral", "rows": len(rows)}]
    warning = f"Warning: seed 1 answers 'neutral' for all {len(rows)} rows: it tells none of them from another"
    assert captured.err.splitlines() == [warning]
    assert execute(["evaluate", str(run / "seed-0")]) == 0
    assert capsys.readouterr().err == "", "the other seed"

    model = load(run / "seed-0")
    for tensor in model.learner.objective("classification").head.parameters():
        tensor.data.zero_()
    model.save_pretrained(tmp_path / "flat")
    assert execute(["evaluate", str(tmp_path / "flat"), "--data", str(toy_posts)]) == 0
    captured = capsys.readouterr()
    assert f"answers {model.labels[0]!r} for all {len(rows)} rows" in captured.err
    assert "Warning" not in captured.out


def test_a_model_that_answers_one_score_for_all_rows_is_told(
    clips_and_model: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips, source = clips_and_model
    assert execute(["evaluate", source, "--data", clips, "--json"]) == 0
    assert read(capsys)["one_answer"] == []
    model = load(source)
    for tensor in model.learner.objective("regression").head.parameters():
        tensor.data.zero_()
    model.save_pretrained(tmp_path / "flat")
    assert execute(["evaluate", str(tmp_path / "flat"), "--data", clips, "--drop", "audio", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["one_answer"] == [{"seed": None, "answer": 0.0, "rows": found["rows"]}]
    assert captured.err.count(f"Warning: the model answers 0.000 for all {found['rows']} rows") == 1
