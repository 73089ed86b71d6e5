"""Recipes that are put together by their names."""

from __future__ import annotations

import pytest

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.recipe import list_recipes, load_recipe
from polysense.recipe.families import families
from polysense.recipe.files import SHIPPED, read_recipe
from polysense.recipe.parts import known

(SOCIAL,) = families(SHIPPED)
CORPORA = {"posts": "Posts", "mvsa": "MvsaSingle", "tir": "Tir", "mhp": "Mhp", "msd": "Msd", "micd": "Micd"}


def test_every_table_has_every_model_with_every_signal() -> None:
    names = set(list_recipes())
    for table in ("posts", "mvsa", "tir_adds", "msd"):
        for model in SOCIAL.models:
            assert f"social/{table}_{model}" in names
            signals = [f"social/{table}_{model}_{signal}" for signal in SOCIAL.signals]
            assert all((name in names) == (model not in ("text", "image")) for name in signals)
    assert "social/mhp_image" not in names
    assert {name for name in names if name.startswith("social/parity_micd_") and name.count("_") == 2} == {
        f"social/parity_micd_{model}" for model in ("concat", "attention", "mmbt", "lxmert", "vilt")
    }


@pytest.mark.parametrize("table", SOCIAL.tables)
def test_the_parts_of_each_recipe_are_there_and_agree(table: str) -> None:
    wanted = {"itc": {"contrast"}, "itm": {"matching"}, "both": {"contrast", "matching"}}
    for name in SOCIAL.members[table]:
        raw = read_recipe(name)
        (corpus,) = raw["corpora"]
        assert (corpus if isinstance(corpus, str) else corpus["class_path"]) == CORPORA[
            table.split("_")[table.startswith("parity")]
        ]
        fusion = raw["fusion"] if isinstance(raw["fusion"], str) else raw["fusion"]["class_path"]
        assert fusion in known(Fusion)
        assert set(raw["objectives"]) - {"classification"} == wanted.get(name.rpartition("_")[2], set())
        assert sum(one["weight"] for one in raw["objectives"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize("table", SOCIAL.tables)
def test_a_recipe_of_each_table_is_sound(table: str) -> None:
    for name in [name for name in SOCIAL.members[table] if name.endswith("_both") and "interactions" not in name][:5]:
        assert load_recipe(name).name == name


def test_the_settings_of_the_paper_are_those_of_its_code() -> None:
    recipe = load_recipe("social/parity_tir_mmbt_both")
    training = recipe.training
    assert (training["per_device_train_batch_size"], training["learning_rate"], training["weight_decay"]) == (8, 1e-5, 2.5e-4)
    assert "learning_rates" not in training
    assert recipe.encoders["text"].arguments["pretrained"] == "jhu-clsp/bernice"
    assert load_recipe("social/parity_msd_mmbt").training["per_device_train_batch_size"] == 16


def test_a_name_that_is_not_there_has_a_nearest_one() -> None:
    with pytest.raises(RecipeError, match=r"there is no recipe 'social/mvsa_mbt_itc'; did you mean 'social/mvsa_mmbt_itc'\?"):
        load_recipe("social/mvsa_mbt_itc")
