"""Going on from a run: what is taken up, what begins anew, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from made_colours import parts_of
from polysense.errors import RecipeError
from polysense.recipe.files import dump_yaml
from polysense.recipe.recipe import Recipe, load_recipe, read_saved
from polysense.training.saved import read_model, write_model
from polysense.types import Sample


def recipe_of(
    folder: Path,
    networks: Path,
    *,
    labels: list[str],
    hidden: int | None = None,
    fusion: str = "SingleStream",
    start: Path | None = None,
) -> Recipe:
    parts = parts_of(fusion, networks)
    raw = {
        **parts,
        "objectives": {
            "mood": {"class_path": "Classification", "init_args": {"labels": labels, "hidden": hidden}},
            "matching": "ImageTextMatching",
        },
        "evaluation": {"evaluators": ["Losses"], "best": "last"},
        **({"start": str(start)} if start else {}),
    }
    folder.mkdir(exist_ok=True)
    (folder / "r.yaml").write_text(dump_yaml(raw))
    return load_recipe(str(folder / "r.yaml"))


@pytest.fixture
def saved(networks: Path, tmp_path: Path) -> Path:
    """A model all of whose weights are other ones than those that a recipe starts with."""
    recipe = recipe_of(tmp_path / "first", networks, labels=["a", "b"])
    learner = recipe.build(seed=7)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.normal_()
    write_model(tmp_path / "saved", recipe, learner)
    return tmp_path / "saved"


def test_all_that_is_the_same_is_taken_up(saved: Path, networks: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path / "second", networks, labels=["a", "b"], start=saved)
    assert recipe.going_on().entries == ["encoders.text", "encoders.image", "fusion", "objectives.mood", "objectives.matching"]
    own, found = read_model(saved)[1].state_dict(), recipe.build(seed=0).state_dict()
    for name, value in own.items():
        if name != "micro_step":
            torch.testing.assert_close(found[name], value, msg=name)
    assert recipe.encoders["text"].arguments["pretrained"] == str(saved)


def test_the_rest_begins_anew(saved: Path, networks: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path / "second", networks, labels=["a", "b"], fusion="Mmbt", start=saved)
    assert recipe.going_on().entries == ["encoders.text", "encoders.image", "objectives.mood", "objectives.matching"]
    fresh = recipe_of(tmp_path / "third", networks, labels=["a", "b"], fusion="Mmbt").build(seed=0)
    built = recipe.build(seed=0)
    torch.testing.assert_close(built.model.fusion.state_dict(), fresh.model.fusion.state_dict())
    assert not torch.equal(
        built.objective("mood").state_dict()["head.1.weight"], fresh.objective("mood").state_dict()["head.1.weight"]
    )


def test_what_is_taken_up_is_told_on_one_line(saved: Path, networks: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path / "second", networks, labels=["a", "b"], fusion="Mmbt", start=saved)
    told = recipe.going_on().in_words(recipe)
    assert told.startswith("start: encoders.text, encoders.image, objectives.mood, objectives.matching of ")
    assert told.endswith("saved; anew: fusion")


def test_a_saved_model_needs_its_start_no_more(saved: Path, networks: Path, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path / "second", networks, labels=["a", "b"], start=saved)
    learner = recipe.build(seed=0)
    write_model(tmp_path / "last", recipe, learner)
    saved.rename(tmp_path / "elsewhere")
    assert read_saved(tmp_path / "last").start == str(saved)
    torch.testing.assert_close(read_model(tmp_path / "last")[1].state_dict(), learner.state_dict())


def test_what_is_refused(saved: Path, networks: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"objectives\.mood\.head\.\d\.weight of .* has another shape"):
        recipe_of(tmp_path / "second", networks, labels=["a", "b"], hidden=8, start=saved).build(seed=0)
    with pytest.raises(RecipeError, match=r"objectives\.mood\.labels of .* are other ones .* \(one has more\)"):
        recipe_of(tmp_path / "second", networks, labels=["a", "b", "c"], start=saved).build(seed=0)
    with pytest.raises(RecipeError, match=r"\(the 1\. is 'a' and 'b'\); give the entry another name"):
        recipe_of(tmp_path / "second", networks, labels=["b", "a"], start=saved).build(seed=0)
    with pytest.raises(RecipeError, match="is no run and no saved model"):
        recipe_of(tmp_path / "second", networks, labels=["a", "b"], start=tmp_path / "none")
    (tmp_path / "second" / "r.yaml").write_text((tmp_path / "first" / "r.yaml").read_text() + "start: [a]\n")
    with pytest.raises(RecipeError, match="start: expected the folder"):
        load_recipe(str(tmp_path / "second" / "r.yaml"))


def test_the_seed_that_a_run_is_taken_from_is_named(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.yaml").touch()
    (run / "run.json").write_text('{"best_seed": 3}')
    recipe = load_recipe("social/posts_text", [f"encoders.text.pretrained={run}"])
    samples = [Sample(id=name, text=name, label=name) for name in ("sad", "glad")]
    assert recipe.complete(samples).encoders["text"].arguments["pretrained"] == str(run / "seed-3")
    started = replace(recipe, encoders={}, start=str(run))
    assert started.complete(samples).start == str(run / "seed-3")
