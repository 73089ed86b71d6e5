"""SKEP's tasks of marking from their recipes: made-up files in the layout of each set, training, saving, answering, comparing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from made_aspect_xml import sentence, write_sentences
from made_aspects import overrides
from polysense.inference.predictor import load
from polysense.recipe import load_recipe
from polysense.report import write_report
from polysense.training.comparison import compare_each
from polysense.training.run import train


def mpqa(root: Path) -> None:
    home = root / "mpqa2_orl/jsons/new"
    home.mkdir(parents=True)
    for part, name in enumerate(["dev", *(f"test_fold_{fold}" for fold in range(4))]):
        documents: dict[str, Any] = {
            f"document{n}": {
                "document_path": f"docs/{part}-{n}",
                "sentence0": {
                    "sentence_tokenized": ["She", "likes", "long", "walks", str(10 * part + n)],
                    "ds0": {
                        "ds_indices": [1],
                        "ds_implicit": False,
                        "ds_insubstantial": "none",
                        "holders_indices": [[0]],
                        "att0": {"targets_indices": [[2, 3]]},
                        "att_num": 1,
                    },
                },
            }
            for n in range(6)
        }
        content = json.dumps({**documents, "documents_num": 6})
        (home / f"{name}.json.gz").write_bytes(gzip.compress(content.encode()))


def cote(root: Path) -> None:
    home = root / "cote_zh/baidu"
    home.mkdir(parents=True)
    for split, count in (("train", 30), ("test", 4)):
        rows = [{"s": f"红灯{number}号很好。", "ot": f"红灯{number}号"} for number in range(count)]
        (home / f"{split}.txt").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", "utf-8")


def laptops(root: Path) -> None:
    write_sentences(root / "semeval2014/Laptops_Train.xml", [sentence(n) for n in range(20)])
    write_sentences(root / "semeval2014/Laptops_Test_Gold.xml", [sentence(n) for n in range(90, 94)])


TASKS: dict[str, tuple[Callable[[Path], None], tuple[str, ...], dict[str, str]]] = {
    "skep/mpqa": (mpqa, ("holder", "target"), {"text": "She likes rain", "aspect": "likes"}),
    "skep/cote_bd": (cote, ("target",), {"text": "红灯1号很好。"}),
    "skep/aspect_terms": (laptops, ("aspect",), {"text": "The staff was there."}),
}


@pytest.mark.parametrize("recipe", TASKS)
def test_a_task_is_trained_saved_answered_and_compared(recipe: str, tiny_text: str, tmp_path: Path) -> None:
    write_set, roles, row = TASKS[recipe]
    write_set(tmp_path / "data")
    shortened = [*overrides(tiny_text), "training.max_steps=2"]
    summary = train(recipe, tmp_path / "data", out=tmp_path / "run", seeds=[0], overrides=shortened)
    assert {f"{measure}_f1/{role}" for measure in ("exact", "binary", "proportional") for role in roles} <= set(
        summary["per_seed"][0]["test"]
    )
    model = load(tmp_path / "run")
    assert model.roles == roles
    answer = model.predict(row)[0]
    assert isinstance(answer["spans"], list)
    model.save_pretrained(tmp_path / "saved")
    assert load(tmp_path / "saved").predict(row)[0] == answer
    assert "<html" in write_report(tmp_path / "run").read_text("utf-8")
    found = compare_each(tmp_path / "run", tmp_path / "run", resamples=50)
    assert {name: one.base for name, one in found.items()} == {
        name: pytest.approx(summary["per_seed"][0]["test"][name]) for name in ("exact_f1", "binary_f1", "proportional_f1")
    }


def test_recipes_name_the_encoder_that_their_language_needs() -> None:
    """A recipe of one language or model that starts from another's was a defect of the authors' configurations."""
    chinese = {"skep/chnsenticorp", "skep/nlpcc14", "skep/se_absa16_phone", "skep/cote_bd"}
    english = {
        "skep/sst2",
        "skep/semeval14_laptop",
        "skep/semeval14_restaurant",
        "skep/mpqa",
        "skep/aspect_terms",
        "skep/pretrain",
    }
    for names, encoder in ((chinese, "google-bert/bert-base-chinese"), (english, "minilm")):
        for name in names:
            assert load_recipe(name).encoders["text"].arguments["pretrained"] == encoder, name
