"""Names that may be ids of the hub, and names that can only be folders of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from polysense.encoders import loading
from polysense.encoders.model_name import may_be_on_hub, nearest_run, runs_here
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError
from polysense.inference.finding import find_model


@pytest.mark.parametrize("name", ["org/name", "org/name-1.5_b", "gpt2", "minilm", "run/s", "runs"])
def test_ids_of_the_hub(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert may_be_on_hub(name)


NO_IDS = ["runs/x", "./x", "../x", "/x", "~/x", "x/y/z", "runs/x/seed-0", "org/name/", "here/x", ""]


@pytest.mark.parametrize("name", NO_IDS)
def test_names_that_are_no_ids(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert not may_be_on_hub(name)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current folder; asking for the hub is an error."""

    def ask() -> bool:
        pytest.fail("the hub was asked")

    monkeypatch.setattr(loading, "hub_answers", ask)
    monkeypatch.setattr("polysense.inference.foreign.hub.hub_answers", ask)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["runs/nope", "./nope", "~/nope"])
def test_a_run_that_is_not_there_is_not_looked_for_on_the_hub(name: str, hub: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no run .*nope: name the folder that `polysense train` wrote"):
        find_model(name, trust_recipe_code=False, pooling=None)


def test_an_encoder_of_a_run_that_is_not_there_says_that_runs_may_stand_there(hub: Path) -> None:
    said = (
        "cannot be loaded: there is no such folder; it may be a packaged one .*, a run or saved model of polysense, another "
        "folder, or a Hugging Face id"
    )
    with pytest.raises(RecipeError, match=f"the text encoder 'runs/nope' {said}"):
        TransformerText("runs/nope")
    with pytest.raises(RecipeError, match=f"the image encoder 'runs/nope' {said}"):
        VisionImage("runs/nope")
    (hub / "runs/hope").mkdir(parents=True)
    (hub / "runs/hope/recipe.yaml").touch()
    with pytest.raises(RecipeError, match=r"there is no such folder; did you mean 'runs/hope'\?; it may be"):
        TransformerText("runs/nope")


def test_the_nearest_run_is_a_run(tmp_path: Path) -> None:
    for name in ("talk", "talks2"):
        (tmp_path / name).mkdir()
    assert nearest_run(tmp_path / "talks") == ""
    (tmp_path / "talks2/recipe.yaml").touch()
    assert nearest_run(tmp_path / "talks") == f"; did you mean '{tmp_path / 'talks2'}'?"
    assert nearest_run(tmp_path / "none/talks") == ""


def test_runs_that_may_be_meant_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert runs_here("better") == ""
    for name in ("runs/better_two", "runs/base", "mine", "runs/notes"):
        (tmp_path / name).mkdir(parents=True)
        if name != "runs/notes":
            (tmp_path / name / "recipe.yaml").touch()
    assert runs_here("better") == "; did you mean 'runs/better_two'? runs that are here: 'mine', 'runs/base', 'runs/better_two'"
    assert runs_here("zzz") == "; runs that are here: 'mine', 'runs/base', 'runs/better_two'"
    assert runs_here("org/name") == ""
    with pytest.raises(
        RecipeError, match=r"no folder 'better'; did you mean 'runs/better_two'\? .*; as a model of the Hugging Face hub"
    ):
        find_model("better", trust_recipe_code=False, pooling=None)


def test_a_folder_that_may_not_be_entered_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("secret", "talks2"):
        (tmp_path / name).mkdir()
    (tmp_path / "talks2/recipe.yaml").touch()
    entered = Path.is_file

    def is_file(self: Path) -> bool:
        if self.parent.name == "secret":
            raise PermissionError(13, "Permission denied")
        return entered(self)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert nearest_run(tmp_path / "talks") == f"; did you mean '{tmp_path / 'talks2'}'?"
