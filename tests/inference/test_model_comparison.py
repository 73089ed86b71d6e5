"""Embedding runs on their own table and on STS: which rows they are asked about, and what stands beside the difference."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import polysense
from foreign_models import modular
from made_benchmarks import write_sick, write_sts_benchmark, write_sts_tasks
from polysense.cli.main import execute
from polysense.errors import DataError, RecipeError
from polysense.evaluation.retrieval import Retrieval
from polysense.evaluation.sts import Sts
from polysense.inference.measure import Reading, measure, plan
from polysense.inference.model_comparison import compare_models
from polysense.inference.predictor import Predictor
from polysense.training.run import train

PICTURES, CAPTIONS, HELD = 12, 4, 12


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["words", "image"])
        for n in range(PICTURES):
            Image.new("RGB", (8, 8), (20 * n, 90, 255 - 20 * n)).save(folder / f"{n}.png")
            rows.writerows([f"caption {k} of picture {n}", f"{n}.png"] for k in range(CAPTIONS))
    return folder


@pytest.fixture(scope="module")
def runs(album: Path, tiny_encoders: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two runs of two seeds on captions, one of them with shuffled pictures, and one that held other rows out."""
    root = tmp_path_factory.mktemp("embedding")
    for name, choices, seeds in (
        ("paired", {}, [0, 1]),
        ("shuffled", {"images": "shuffled"}, [0, 1]),
        ("elsewhere", {"seed": 5}, [0]),
    ):
        corpus = {"class_path": "Captions", "init_args": {"validation": HELD, "columns": {"text": "words"}, **choices}}
        settings = [
            *tiny_encoders,
            f"corpora={json.dumps([corpus])}",
            "mixture=Pooled",
            "training.num_train_epochs=1",
            "training.per_device_train_batch_size=5",
            "training.eval_strategy=epoch",
            "evaluation.evaluators=[Losses]",
            "evaluation.best=last",
        ]
        train("mcse/mcse", album, out=root / name, seeds=seeds, overrides=settings)
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data sets")
    for write in (write_sts_tasks, write_sts_benchmark, write_sick):
        write(root)
    return root


def test_a_runs_own_table_is_measured_on_the_rows_that_it_held_out(
    runs: dict[str, Path], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = album / "captions.csv"
    found = measure(runs["paired"], Reading(data=table), plans=plan([Retrieval()], table))
    assert (found.split, found.rows) == ("validation", HELD)
    assert f"the {HELD} rows that it held out for validation are measured" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"no rows in the split 'test'; splits: train 36, validation 12"):
        measure(runs["paired"], Reading(data=table, split="test"), plans=plan([Retrieval()], table))
    trained = measure(runs["paired"], Reading(data=table, split="train"), plans=plan([Retrieval()], table))
    assert (trained.split, trained.rows) == ("train", PICTURES * CAPTIONS - HELD)
    assert "of which each seed drew those that it trained on" in capsys.readouterr().err


def test_of_a_runs_own_table_without_its_pictures_the_bad_rows_are_named(
    runs: dict[str, Path], album: Path, tmp_path: Path
) -> None:
    table = shutil.copy(album / "captions.csv", tmp_path)
    with pytest.raises(DataError, match=r"captions\.csv: 48 bad rows(?s:.*)--media-root(?s:.*)--corpus Captions"):
        measure(runs["paired"], Reading(data=Path(table)), plans=plan([Retrieval()], Path(table)))


def test_the_rows_are_told_in_the_table_and_as_json(
    runs: dict[str, Path], album: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(runs["paired"]), "--evaluator", "retrieval", "--data", str(album / "captions.csv")]
    assert execute(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("validation")
    assert lines[-1] == f"{HELD} rows"
    assert execute([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["split"], found["rows"]) == ("validation", HELD)


def test_python_measures_what_the_command_does(
    runs: dict[str, Path], album: Path, benchmarks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--evaluator", "sts:tasks=[STS12, STS-B dev]", "--data", str(benchmarks), "--json"]
    assert execute(["evaluate", str(runs["paired"]), *asked]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = polysense.evaluate(runs["paired"], benchmarks, evaluators=["sts:tasks=[STS12, STS-B dev]"])
    assert set(found["metrics"]) == {"STS12", "STS-B dev", "avg_present"}
    assert found["metrics"]["avg_present"] == found["metrics"]["STS12"], "STS-B dev is in no average"
    assert printed == json.loads(json.dumps(found["metrics"] | found))
    assert [one["seed"] for one in found["per_seed"]] == [0, 1]
    reading = polysense.Reading(data=str(album / "captions.csv"), split="train")
    assert polysense.evaluate(runs["paired"], reading, evaluators=[Retrieval()])["rows"] == PICTURES * CAPTIONS - HELD
    with pytest.raises(DataError, match="there is no file or folder nowhere"):
        polysense.evaluate(runs["paired"], "nowhere", evaluators=["sts"])
    with pytest.raises(RecipeError, match="did you mean 'Sts'"):
        polysense.evaluate(runs["paired"], benchmarks, evaluators=["stss"])


def test_a_loaded_model_is_measured_as_its_folder_is(
    runs: dict[str, Path], album: Path, benchmarks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = polysense.load(runs["paired"] / "seed-1")
    for data, evaluators in ((benchmarks, ["sts"]), (album / "captions.csv", ["retrieval"])):
        folder = polysense.evaluate(runs["paired"] / "seed-1", data, evaluators=evaluators)
        assert polysense.evaluate(model, data, evaluators=evaluators) == folder
        assert folder["per_seed"][0]["seed"] == 1
    made = Predictor(model.recipe, model.learner)
    assert polysense.evaluate(made, benchmarks, evaluators=["sts"])["per_seed"][0]["seed"] is None
    capsys.readouterr()


def test_models_are_compared_by_the_name_of_an_evaluator(runs: dict[str, Path], benchmarks: Path) -> None:
    found = polysense.compare_models(runs["paired"], runs["shuffled"], "sts:tasks=[STS12]", benchmarks, resamples=200)
    assert found == compare_models(
        runs["paired"], runs["shuffled"], Sts(tasks=["STS12"]), Reading(data=benchmarks), resamples=200
    )
    with pytest.raises(RecipeError, match="'geometry': models are compared by sts, retrieval"):
        polysense.compare_models(runs["paired"], runs["shuffled"], "geometry", benchmarks)


def test_another_table_is_measured_whole(runs: dict[str, Path], album: Path, tmp_path: Path) -> None:
    lines = (album / "captions.csv").read_text("utf-8").replace("words", "text").splitlines()
    (tmp_path / "captions.csv").write_text("\n".join(lines[:9]), "utf-8")
    reading = Reading(data=tmp_path / "captions.csv", media_root=album)
    assert measure(runs["paired"], reading, plans=plan([Retrieval()], reading.data)).rows == 8


def test_retrieval_is_compared_over_the_pictures_that_both_held_out(runs: dict[str, Path], album: Path) -> None:
    reading = Reading(data=album / "captions.csv")
    found = compare_models(runs["paired"], runs["shuffled"], Retrieval(), reading, resamples=200)
    assert set(found) == {f"{way}_R@{k}" for way in ("text_to_image", "image_to_text") for k in (1, 5, 10)}
    one = found["text_to_image_R@1"]
    assert (one.rows, one.units, one.seeds, one.split) == (HELD // CAPTIONS, "pictures", (0, 1), "validation")
    for name, run in (("base", "paired"), ("other", "shuffled")):
        alone = measure(runs[run], reading, plans=plan([Retrieval()], reading.data)).per_seed
        for metric, compared in found.items():
            assert getattr(compared, name) == pytest.approx(sum(seed["metrics"][metric] for seed in alone) / 2)
    same = compare_models(runs["paired"], runs["paired"], Retrieval(), reading, resamples=200, metrics=["image_to_text_R@1"])
    [equal] = same.values()
    assert (equal.difference, equal.p_value) == (0, 1)


def test_rows_that_one_of_them_trained_on_are_not_compared(runs: dict[str, Path], album: Path) -> None:
    with pytest.raises(DataError, match="cannot be asked about the same rows"):
        compare_models(runs["paired"], runs["elsewhere"], Retrieval(), Reading(data=album / "captions.csv"), resamples=200)


def test_sts_is_compared_set_by_set_and_on_average(runs: dict[str, Path], benchmarks: Path) -> None:
    reading = Reading(data=benchmarks)
    found = compare_models(runs["paired"], runs["shuffled"], Sts(), reading, resamples=200)
    assert {"STS12", "STS-B dev", "SICK-R test", "avg_present", "avg"} <= set(found)
    assert (found["STS12"].rows, found["STS12"].units, found["STS12"].split) == (7, "pairs", "Sts")
    assert found["avg"].rows == 5 * 7 + 4 + 4
    alone = measure(runs["shuffled"], reading, plans=plan([Sts()], benchmarks)).per_seed
    for name, compared in found.items():
        assert 100 * compared.other == pytest.approx(sum(seed["metrics"][name] for seed in alone) / 2)
        assert compared.low <= compared.difference <= compared.high
        assert len(compared.per_seed) == 2
    with pytest.raises(RecipeError, match="no metric 'STS-B tset': did you mean 'STS-B test'"):
        compare_models(runs["paired"], runs["shuffled"], Sts(), reading, metrics=["STS-B tset"])


def test_a_single_model_is_the_same_for_every_seed(
    runs: dict[str, Path], benchmarks: Path, tiny_text: str, tmp_path: Path
) -> None:
    start = modular(tiny_text, tmp_path / "start", {"pooling_mode_cls_token": True})
    found = compare_models(start, runs["paired"], Sts(tasks=["STS-B test"]), Reading(data=benchmarks), resamples=200)
    one = found["STS-B test"]
    assert one.seeds == (0, 1)
    assert "start is one model, the same for every seed" in one.note
    alike = compare_models(start, start, Sts(tasks=["STS-B test"]), Reading(data=benchmarks), resamples=200)["STS-B test"]
    assert (alike.difference, alike.seeds, alike.note) == (0, (), "two single models: only the rows were resampled")
    assert "(4 pairs)" in alike.in_words()


def test_the_command_prints_every_metric_and_a_sentence(
    runs: dict[str, Path], benchmarks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["compare", str(runs["paired"]), str(runs["shuffled"])]
    assert execute([*both, "--evaluator", "sts", "--data", str(benchmarks), "--resamples", "200"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].split()[-1] == "pairs"
    assert all(f"\n{name} " in shown for name in ("STS12", "STS-B test", "avg"))
    assert "(43 pairs and 2 seeds" in shown or "with 43 pairs and 2 seeds" in shown or "; 43 pairs and 2 seeds)" in shown
    assert execute([*both, "--evaluator", "sts", "--data", str(benchmarks), "--resamples", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metric"] == "avg"
    assert found["metrics"]["avg"]["difference"] == found["difference"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "these runs embed and predict nothing: name what to ask both"),
        (["--evaluator", "sts"], 2, "name what to ask about with --data"),
        (["--data", "."], 2, "name what to ask with --evaluator"),
        (["--evaluator", "geometry", "--data", "."], 2, "models are compared by sts, retrieval, captioning and summarizing"),
        (["--evaluator", "sts", "--data", "nowhere"], 3, "there is no file or folder nowhere"),
        (["--evaluator", "sts", "--data", ".", "--by", "target"], 2, "--by is for predictions"),
        (
            ["--evaluator", "captioning", "--data", "ALBUM"],
            2,
            "paired cannot be measured by Captioning, which needs pictures with",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(
    runs: dict[str, Path], album: Path, options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [str(album / "captions.csv") if one == "ALBUM" else one for one in options]
    assert execute(["compare", str(runs["paired"]), str(runs["shuffled"]), *options]) == code
    assert said in capsys.readouterr().err


def test_a_model_that_cannot_do_it_is_refused_before_the_other_is_asked(
    runs: dict[str, Path], album: Path, tiny_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = modular(tiny_text, tmp_path / "start", {"pooling_mode_cls_token": True})
    with pytest.raises(RecipeError, match="start cannot be measured by Retrieval, which needs texts with pictures"):
        compare_models(runs["paired"], start, Retrieval(), Reading(data=album / "captions.csv"))
    assert "asking" not in capsys.readouterr().err
