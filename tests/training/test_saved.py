from __future__ import annotations

from pathlib import Path

import pytest
import torch

from polysense.errors import PolysenseError, RecipeError
from polysense.recipe import load_recipe
from polysense.training.saved import read_model, write_model

LABELS = "objectives.classification.objective.labels=[negative, positive]"


@pytest.mark.parametrize("recipe", ["social/posts_concat_both", "social/posts_attention_itm", "social/posts_concat"])
def test_what_is_written_is_read_back(tiny_encoders: list[str], tmp_path: Path, recipe: str) -> None:
    written = load_recipe(recipe, [*tiny_encoders, LABELS])
    learner = written.build(seed=3)
    write_model(tmp_path / "model", written, learner)
    read, again = read_model(tmp_path / "model")
    assert read == written
    assert not again.training
    state, other = learner.state_dict(), again.state_dict()
    assert state.keys() == other.keys()
    assert all(torch.equal(state[name], other[name]) for name in state)
    names = sorted(str(path.relative_to(tmp_path / "model")) for path in (tmp_path / "model").iterdir())
    assert [name.rpartition("/")[2] for name in names] == ["encoders", "model.safetensors", "recipe.yaml", "self_check.json"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no folder"):
        read_model(tmp_path / "nowhere")


def test_another_recipes_weights_do_not_fit(tiny_encoders: list[str], tmp_path: Path) -> None:
    both = load_recipe("social/posts_concat_both", [*tiny_encoders, LABELS])
    write_model(tmp_path, both, both.build(seed=0))
    base = load_recipe("social/posts_concat", [*tiny_encoders, LABELS])
    (tmp_path / "recipe.yaml").write_text(base.to_yaml())
    with pytest.raises(PolysenseError, match=r"model\.safetensors cannot be loaded"):
        read_model(tmp_path)
