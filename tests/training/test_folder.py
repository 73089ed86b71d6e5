from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from polysense.data.json_file import read_object
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.recipe import load_recipe
from polysense.training.checkpoints import whole
from polysense.training.folder import best_folder, refuse_another_run, run_of, seed_of, standing, start

DATA_NOTE = {"name": "posts.csv", "content": "0f" * 32}


def run_folder(folder: Path) -> Path:
    start(folder, load_recipe("social/posts_concat"), DATA_NOTE, resume=False, overwrite=False)
    return folder


@pytest.mark.parametrize("options", [{"resume": False, "overwrite": True}, {"resume": True, "overwrite": False}])
def test_other_files_are_never_touched(tmp_path: Path, options: dict[str, bool]) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(RecipeError, match="holds no run"):
        refuse_another_run(tmp_path, **options)
    assert (tmp_path / "thesis.txt").read_text() == "three years"


def test_a_run_that_is_there_is_neither_mixed_nor_replaced_unasked(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    with pytest.raises(RecipeError, match=r"--resume.*--overwrite.*another --out"):
        refuse_another_run(folder, resume=False, overwrite=False)


def test_a_new_or_empty_folder_is_fine(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "new"):
        for resume, overwrite in ((False, False), (True, False), (False, True)):
            refuse_another_run(folder, resume=resume, overwrite=overwrite)
    assert not (tmp_path / "new").exists()


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(DataError, match="is not a folder"):
        refuse_another_run(tmp_path / "run", resume=False, overwrite=False)
    with pytest.raises(DataError, match="cannot be written"):
        run_folder(tmp_path / "run" / "inside")


def test_a_disk_that_is_full_at_the_start_leaves_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_for_the_second(file: Path) -> None:
        if file.name == ".recipe.yaml.partial":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("polysense.training.checkpoints.settle", full_for_the_second)
    with pytest.raises(DataError, match="No space left on device"):
        run_folder(tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_a_recipe_of_the_users_own_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("base: social/posts_concat")
    with pytest.raises(RecipeError, match="holds no run"):
        refuse_another_run(tmp_path, resume=False, overwrite=True)


def test_overwriting_throws_the_run_away_and_nothing_else(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "seed-7" / "predictions").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "answers.jsonl").write_text("mine")
    refuse_another_run(folder, resume=False, overwrite=True)
    start(folder, load_recipe("social/posts_text"), DATA_NOTE, resume=False, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ["answers.jsonl", "data.json", "recipe.yaml"]
    assert "posts_text" in (folder / "recipe.yaml").read_text()


def test_going_on_wants_the_same_recipe_and_the_same_data(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    recipe = load_recipe("social/posts_concat")
    start(folder, recipe, DATA_NOTE, resume=True, overwrite=False)
    with pytest.raises(RecipeError, match=r"other data.*\n  table: posts\.csv, now tweets\.csv$"):
        start(folder, recipe, DATA_NOTE | {"name": "tweets.csv", "content": "1e" * 32}, resume=True, overwrite=False)
    with pytest.raises(RecipeError, match=r"another recipe.*\n  training\.seed: 0, now 3$"):
        start(folder, recipe.with_training(seed=3), DATA_NOTE, resume=True, overwrite=False)
    with pytest.raises(RecipeError, match=r"\n  name: social/posts_concat, now mine$"):
        start(folder, replace(recipe, name="mine"), DATA_NOTE, resume=True, overwrite=False)
    assert read_object(folder / "data.json") == DATA_NOTE


def test_an_argument_that_came_later_stands_at_its_default(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    recipe = load_recipe("social/posts_concat")
    file = folder / "recipe.yaml"
    written = recipe.to_yaml()
    assert written.count("piece_rows: 8\n") == 1
    file.write_text(re.sub(r" +piece_rows: 8\n", "", written))
    start(folder, recipe, DATA_NOTE, resume=True, overwrite=False)
    other = load_recipe("social/posts_concat", ["encoders.text.piece_rows=4"])
    with pytest.raises(RecipeError, match=r"another recipe.*\n  encoders\.text\.piece_rows: 8, now 4$"):
        start(folder, other, DATA_NOTE, resume=True, overwrite=False)
    file.write_text(written.replace("piece_rows: 8\n", "rows_of_a_piece: 8\n"))
    with pytest.raises(RecipeError, match=r"another recipe.*\n  encoders\.text\.rows_of_a_piece: 8, now not there"):
        start(folder, recipe, DATA_NOTE, resume=True, overwrite=False)


def test_a_refusal_names_other_releases_too(tmp_path: Path) -> None:
    recipe = load_recipe("social/posts_concat")
    start(tmp_path, recipe, DATA_NOTE | {"made_with": {"torch": "2.1"}}, resume=False, overwrite=False)
    now = DATA_NOTE | {"made_with": {"torch": "2.2"}}
    with pytest.raises(RecipeError, match=r"\n  training\.seed: .*\n  made with torch 2\.1, now 2\.2$"):
        start(tmp_path, recipe.with_training(seed=3), now, resume=True, overwrite=False)


def test_what_becomes_of_a_seed_that_goes_on(tmp_path: Path) -> None:
    assert standing(tmp_path / "seed-0") == "begins anew"
    with whole(tmp_path / "checkpoints", 7) as partial:
        (partial / "checkpoint-7").mkdir()
    assert standing(tmp_path) == "goes on from step 7"
    (tmp_path / "run.json").write_text("{}")
    assert standing(tmp_path) == "is finished: its results are read"


def test_the_seed_of_a_folder_with_weights(tmp_path: Path) -> None:
    run_json = tmp_path / "run.json"
    run_json.write_text(json.dumps({"best_seed": 3}))
    assert seed_of(tmp_path) is None, "a run of several seeds"
    (tmp_path / "model.safetensors").touch()
    assert seed_of(tmp_path) == 3
    run_json.write_text(json.dumps({"best_seed": 3, "seed": 1}))
    assert seed_of(tmp_path) == 1
    run_json.unlink()
    assert seed_of(tmp_path) is None


def test_the_best_seed_answers_for_a_finished_run(tmp_path: Path) -> None:
    (tmp_path / "seed-0").mkdir()
    with pytest.raises(PolysenseError, match="not finished"):
        best_folder(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"best_seed": 3}))
    (tmp_path / "seed-0").rmdir()
    assert best_folder(tmp_path) == tmp_path / "seed-3"
    (tmp_path / "run.json").write_text('{"best_seed"')
    with pytest.raises(PolysenseError, match=r"run\.json is damaged"):
        best_folder(tmp_path)


def test_who_answers_while_a_seed_that_came_later_is_trained_is_told(tmp_path: Path) -> None:
    for seed in (2, 3):
        (tmp_path / f"seed-{seed}").mkdir()
        (tmp_path / f"seed-{seed}" / "model.safetensors").touch()
    (tmp_path / "seed-notes").mkdir()
    (tmp_path / "seed-3" / "run.json").write_text("{}")
    (tmp_path / "run.json").write_text(json.dumps({"best_seed": 3}))
    with pytest.warns(UserWarning, match=r"is not finished \(seed-2\): seed-3 answers, the best of those that were finished"):
        assert best_folder(tmp_path) == tmp_path / "seed-3"
    with pytest.warns(UserWarning, match=r"seed-2 is not finished: its weights are the best so far"):
        assert best_folder(tmp_path / "seed-2") == tmp_path / "seed-2"
    assert best_folder(tmp_path / "seed-3") == tmp_path / "seed-3"


def test_a_seed_belongs_to_its_run_and_a_model_to_itself(tmp_path: Path) -> None:
    run_json = tmp_path / "run.json"
    assert run_of(tmp_path / "seed-0") == tmp_path / "seed-0"
    run_json.write_text("{}")
    assert run_of(tmp_path / "seed-0") == tmp_path
    assert run_of(tmp_path / "model") == tmp_path / "model"


@pytest.mark.parametrize("left", [["data.json"], ["data.json", ".recipe.yaml.partial"], [".data.json.partial"]])
@pytest.mark.parametrize("options", [{"resume": True, "overwrite": False}, {"resume": False, "overwrite": True}])
def test_a_start_that_was_killed_can_be_repeated(tmp_path: Path, left: list[str], options: dict[str, bool]) -> None:
    for name in left:
        (tmp_path / name).write_text(json.dumps(DATA_NOTE))
    refuse_another_run(tmp_path, **options)
    start(tmp_path, load_recipe("social/posts_concat"), DATA_NOTE, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.json", "recipe.yaml"]


def test_the_recipe_is_what_makes_a_folder_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("polysense.training.folder.write_whole", lambda file, _: written.append(file.name))
    run_folder(tmp_path / "run")
    assert written == ["data.json", "recipe.yaml"]


@pytest.mark.parametrize("text", ['[{"text": "sun"}]', '{"text": ["sun"]}', "{"])
def test_a_table_of_the_users_own_is_no_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.json").write_text(text)
    for options in ({"resume": True, "overwrite": False}, {"resume": False, "overwrite": True}):
        with pytest.raises(RecipeError, match="holds no run"):
            refuse_another_run(tmp_path, **options)


def test_without_a_note_of_the_data_there_is_no_going_on(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "seed-0").mkdir()
    (folder / "data.json").unlink()
    with pytest.raises(RecipeError, match=r"has no data\.json.*--overwrite"):
        start(folder, load_recipe("social/posts_concat"), DATA_NOTE, resume=True, overwrite=False)


def test_going_on_with_other_releases_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, made = load_recipe("social/posts_concat"), {"torch": "2.1", "cache": "on"}
    start(tmp_path, recipe, {**DATA_NOTE, "made_with": made}, resume=False, overwrite=False)
    start(tmp_path, recipe, {**DATA_NOTE, "made_with": made}, resume=True, overwrite=False)
    assert capsys.readouterr().err == ""
    start(tmp_path, recipe, {**DATA_NOTE, "made_with": {"torch": "2.2", "cache": "off"}}, resume=True, overwrite=False)
    said = capsys.readouterr().err
    assert "warning" in said
    assert "torch 2.1, now 2.2; cache on, now off" in said
    assert len(said.splitlines()) == 1
