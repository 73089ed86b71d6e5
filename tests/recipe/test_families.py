"""Recipes that are put together by their names."""

from __future__ import annotations

import pytest
import yaml

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.recipe import list_recipes, load_recipe
from polysense.recipe.families import families
from polysense.recipe.files import SHIPPED, merge, read_recipe
from polysense.recipe.parts import known

MSA, SOCIAL = families(SHIPPED)
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


def test_the_summaries_of_the_paper_have_no_layer_that_starts_from_nothing() -> None:
    """The first states of text and picture for both Ber-ViT, the pre-trained pooler for MMBT."""
    for model in ("concat", "attention"):
        recipe = load_recipe(f"social/parity_mvsa_{model}_both")
        assert recipe.encoders["text"].arguments["pooling"] == "cls_before_pooler"
        assert recipe.encoders["image"].arguments["pooling"] == "cls"  # of a vision encoder: its first state
        assert recipe.encoders["image"].arguments["trainable"] is False
    assert load_recipe("social/parity_mvsa_mmbt").fusion.arguments["pooling"] == "pooler"


def test_every_corpus_of_clips_has_every_model_that_was_published_for_it() -> None:
    names = set(list_recipes())
    humans = {"mlf_dnn", "mtfn", "mlmf"}
    every = set(MSA.models)
    for corpus, models in (
        ("mosi", every - humans),
        ("mosei", every - humans),
        ("sims", every),
        ("simsv2", every - {"mag", "mmim"}),
    ):
        assert set(MSA.members[corpus]) == {f"msa/{corpus}_{model}" for model in models}
        assert set(MSA.members[corpus]) <= names
    assert {f"msa/{model}" for model in MSA.models} <= names


def test_what_a_corpus_changes_in_a_model_stands_over_the_plain_recipe() -> None:
    raw = yaml.safe_load((SHIPPED / "msa" / "_family.yaml").read_text("utf-8"))
    for corpus, made in raw["tables"].items():
        for model, changes in made.get("changes", {}).items():
            assert model not in made.get("without", ())
            found = read_recipe(f"msa/{corpus}_{model}")
            assert merge(found, changes) == found
            assert merge(read_recipe(f"msa/{model}"), changes) != read_recipe(f"msa/{model}"), "it says what is so anyhow"


def test_the_text_encoder_and_the_scores_are_those_of_the_corpus() -> None:
    for corpus, text, highest in (
        ("mosei", "google-bert/bert-base-uncased", 3),
        ("simsv2", "google-bert/bert-base-chinese", 1),
    ):
        for name in MSA.members[corpus]:
            recipe = load_recipe(name)
            assert recipe.encoders["text"].arguments["pretrained"] == text
            assert recipe.objectives["regression"].part.arguments["score_range"] == [-highest, highest]


def test_the_parameters_for_a_corpus_are_those_that_were_published() -> None:
    tfn, mtfn, mult = (load_recipe(f"msa/{name}") for name in ("mosei_tfn", "simsv2_mtfn", "sims_mult"))
    assert [tfn.encoders[name].arguments["width"] for name in ("text", "audio", "video")] == [128, 16, 128]
    assert (tfn.fusion.arguments["width"], tfn.fusion.arguments["dropout"]) == (16, 0.4)
    assert (tfn.training["per_device_train_batch_size"], tfn.training["learning_rate"]) == (128, 5e-3)
    assert mtfn.objectives["unimodal"].part.arguments["modality_weights"] == {"text": 0.4, "audio": 0.4, "video": 0.8}
    assert mult.fusion.arguments["kernels"] == {"text": 5, "audio": 1, "video": 1}
    assert mult.fusion.arguments["attention_dropout"] == {"text": 0.2, "audio": 0.1, "video": 0.0}


def test_a_name_that_is_not_there_has_a_nearest_one() -> None:
    with pytest.raises(RecipeError, match=r"there is no recipe 'social/mvsa_mbt_itc'; did you mean 'social/mvsa_mmbt_itc'\?"):
        load_recipe("social/mvsa_mbt_itc")
