"""What UNIMO's recipes set: the numbers of the paper and its code, and of each ablation the one thing that its name says."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from polysense.recipe import list_recipes, load_recipe

Written = dict[str, Any]


def written(name: str) -> Written:
    return load_recipe(f"unimo/{name}").written()


WHOLE = "pretrain_flickr8k"


@pytest.fixture(scope="module")
def loaded() -> Written:
    return written(WHOLE)


def no_rewriting(whole: Written) -> None:
    whole["corpora"][0]["init_args"]["rewrites"] = None


def no_retrieval(whole: Written) -> None:
    whole["corpora"][0]["init_args"]["neighbours"] = None


def no_text(whole: Written) -> None:
    without(whole, "Sentences")


def no_pictures(whole: Written) -> None:
    without(whole, "Pictures")


def no_contrast(whole: Written) -> None:
    """Without it there is no space in which pictures could be found, and so no best checkpoint."""
    del whole["objectives"]["contrast"]
    judged = whole["evaluation"]
    judged["evaluators"] = [one for one in judged["evaluators"] if one["class_path"] != "Retrieval"]
    judged |= {"best": "last", "patience": None}


def without(whole: Written, corpus: str) -> None:
    whole["corpora"] = [one for one in whole["corpora"] if one["class_path"] != corpus]
    whole["mixture"]["init_args"]["shares"] = [1.0] * len(whole["corpora"])


ABLATIONS = {f"{WHOLE}_{take.__name__}": take for take in (no_rewriting, no_retrieval, no_text, no_pictures, no_contrast)}


def test_the_whole_has_what_its_ablations_lack(loaded: Written) -> None:
    assert {name for name in list_recipes() if name.startswith(f"unimo/{WHOLE}_")} == {f"unimo/{name}" for name in ABLATIONS}
    assert [one["class_path"] for one in loaded["corpora"]] == ["Flickr8k", "Sentences", "Pictures"]
    assert {"rewrites": "rewrites", "neighbours": "neighbours"}.items() <= loaded["corpora"][0]["init_args"].items()
    assert set(loaded["objectives"]) == {"contrast", "regions", "language", "writing"}
    assert loaded["mixture"] == {"class_path": "Ratio", "init_args": {"shares": [1.0] * 3}}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_lacks_what_its_name_says_and_nothing_else(name: str, loaded: Written) -> None:
    wanted = deepcopy(loaded)
    ABLATIONS[name](wanted)
    assert written(name) == wanted != loaded


def training(rate: Any, batch: Any, epochs: int, **more: Any) -> Written:
    return {"learning_rate": rate, "batch": batch, "num_train_epochs": epochs, **more}


def writing(longest: int, **more: Any) -> Written:
    return {"smoothing": 0.1, "beams": 5, "longest": longest, **more}


RATES, BATCHES = (1e-5, 2e-5, 3e-5), (16, 32)
"""Any of them, say the authors."""
SENTENCES = training(RATES, BATCHES, 10, weight_decay=0.0, warmup_steps=0.06)
SHIFTS = {"steps": 4, "rate": 0.05, "start": 0.4, "radius": 0.4, "agreement": 1.0}
CAPTION_SHIFTS = {**SHIFTS, "rate": 0.03, "radius": None}
REGIONS = {"encoders.image": {"max_length": 100}, "fusion": {"boxes": "states", "classes": 1601}}

PUBLISHED: dict[str, dict[str, Written]] = {
    "parity_sst2": {"training": SENTENCES, "encoders.text": {"max_length": 512}, "objectives.classification": {"dropout": 0.1}},
    "parity_mnli": {"training": SENTENCES, "encoders.text": {"max_length": 512}, "objectives.classification": {"dropout": 0.1}},
    "parity_stsb": {"training": SENTENCES, "encoders.text": {"max_length": 512}, "objectives.similarity": {"loss": "mse"}},
    "parity_cnndm": {
        "training": training(4e-5, 32, 20, weight_decay=0.01, adam_beta2=0.98),
        "encoders.text": {"max_length": 512},
        "objectives.summary": writing(128, min_length=20, length_penalty=0.6, no_repeat=3, places="restart"),
    },
    "parity_gigaword": {
        "training": training(3e-5, 128, 10),
        "encoders.text": {"max_length": 128},
        "objectives.summary": writing(32, min_length=5, length_penalty=0.6),
    },
    "parity_squad_qg": {
        "training": training(1.25e-5, 32, 20),
        "encoders.text": {"max_length": 416},
        "objectives.summary": writing(96, max_length=48, length_penalty=1.0),
    },
    "parity_caption_coco": {
        **REGIONS,
        "training": training(7e-6, 64, 20),
        "objectives.caption": writing(50, min_length=5, length_penalty=0.6, tags="tags"),
        "objectives.adversarial": CAPTION_SHIFTS,
    },
    "parity_entail_snli_ve": {
        "encoders.image": REGIONS["encoders.image"],
        "fusion": {**REGIONS["fusion"], "pooling": "sum"},
        "training": training(1e-5, 192, 10, weight_decay=0.0),
        "objectives.classification": {"hidden": 2048, "dropout": 0.1},
        "objectives.adversarial": SHIFTS,
    },
    "parity_retrieval": {
        "encoders.image": REGIONS["encoders.image"],
        "fusion": {**REGIONS["fusion"], "pooling": "product"},
        "training": training(5e-6, 64, 40, weight_decay=0.1),
        "objectives.ranking": {"loss": "circle", "margin": 0.2, "scale": 1.0, "count": 10},
    },
    "parity_vqa": {
        "encoders.image": REGIONS["encoders.image"],
        "fusion": {**REGIONS["fusion"], "pooling": "product"},
        "training": {"learning_rate": 1e-5},
        "objectives.answers": {"least": 9},
    },
    "parity_pretrain": {
        **REGIONS,
        "encoders.text": {"max_length": 512},
        "training": {"max_steps": 500_000, "learning_rate": 5e-5, "lr_scheduler_type": "linear", "bf16": True},
        "mixture": {"shares": [1.0, 1.0, 1.0]},
        "objectives.contrast": {"initial_temperature": 0.07, "softmax": "one"},
        "objectives.regions": {"share": 0.15, "overlap": 0.4},
        "objectives.language": {"share": 0.15, "longest_span": 10, "span_stop": 0.2, "beside": True},
        "objectives.writing": {"share": 0.25},
        "corpora.0": {
            "positives": True,
            "negatives": {"sentence": 3, "phrase": 2, "word": 3},
            "near_texts": 2,
            "near_images": 0,
        },
    },
    "entail_adversarial": {"objectives.adversarial": SHIFTS},
    "vqa_adversarial": {"objectives.adversarial": {"steps": 4, "agreement": 1.0}},
    "caption_adversarial": {"objectives.adversarial": CAPTION_SHIFTS},
}


def settings(raw: Written, entry: str) -> Written:
    """The arguments of a part, or of the training with rows a step."""
    if entry == "training":
        found = raw[entry]
        return {**found, "batch": found["per_device_train_batch_size"] * found.get("gradient_accumulation_steps", 1)}
    for key in entry.split("."):
        raw = raw[int(key)] if isinstance(raw, list) else raw[key]
    found = raw.get("objective", raw)["init_args"]
    assert isinstance(found, dict)
    return found


def test_every_recipe_of_the_authors_settings_is_held_to_them() -> None:
    named = {name for name in list_recipes() if name.startswith("unimo/parity_") or name.endswith("_adversarial")}
    assert {name for name in named if name.startswith("unimo/")} == {f"unimo/{name}" for name in PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_settings_are_those_that_were_published(name: str) -> None:
    raw = written(name)
    for entry, wanted in PUBLISHED[name].items():
        found = settings(raw, entry)
        for key, value in wanted.items():
            assert found[key] in (value if isinstance(value, tuple) else (value,)), f"{entry}.{key}: {found[key]}"
