from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from polysense.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks/unimo_effects.py"))


def test_the_page_is_what_the_script_writes_of_the_numbers(script: dict[str, Any]) -> None:
    result = json.loads((RESULTS / "unimo_effects.json").read_text("utf-8"))
    assert script["markdown"](result) == (RESULTS / "unimo_effects.md").read_text("utf-8")


def test_every_arm_is_a_recipe(script: dict[str, Any]) -> None:
    without = ("no_companions", "no_contrast", "text_only")
    for name, (_, changes) in script["ARMS"].items():
        cells = () if name == "text_only" else (script["CELLS"],)
        recipe = load_recipe("unimo/pretrain_pairs", [*cells, *script["SMALL"], *changes])
        assert ("contrast" in recipe.objectives) == (name not in ("no_contrast", "text_only"))
        kinds = [part.kind.__name__ for part in recipe.corpora]
        assert kinds == [
            "Flickr8k",
            *(["Sentences"] * (name != "no_text")),
            *(["Pictures"] * (name not in ("no_pictures", "text_only"))),
        ]
        pairs = recipe.corpora[0].arguments
        assert (pairs["rewrites"] is None) == (name in ("no_rewriting", *without))
        assert (pairs["neighbours"] is None) == (name in ("no_retrieval", *without))
        assert recipe.evaluation.best == "last"
    for recipe, metrics, arms, changes in script["TUNED"].values():
        assert load_recipe(recipe, changes).objectives
        assert metrics
        assert set(arms) <= {"start", *script["ARMS"]}


def test_the_page_says_what_was_measured(script: dict[str, Any]) -> None:
    recall = [f"{way}_R@{k}" for way in ("text_to_image", "image_to_text") for k in (1, 5, 10)]
    one = {"mean": 0.25, "std": 0.01, "seeds": [0.24, 0.26]}
    asked = dict.fromkeys(script["ASKED"].values())
    arms = {
        "text_only": {name: {"seeds": [40.0, 60.0]} for name in asked},
        "no_contrast": {name: {"seeds": [50.0, 75.0]} for name in asked},
        "no_retrieval": {name: {"seeds": [80.0]} for name in asked},
        "full": {name: {"seeds": [40.0, 70.0]} for name in asked},
    }
    result = {
        "baselines": {"chance": dict.fromkeys(recall, 0.001)},
        "arms": {
            "full": {f"retrieval: {name}": one for name in recall}
            | {"rewritten: above_word": one, "captions: perplexity": one},
            "no_rewriting": {f"retrieval: {name}": one for name in recall}
            | {"rewritten: above_word": one, "rewritten: above_word_towers": one},
            "text_only": {"captions: perplexity": {"mean": 30.0, "std": None, "seeds": [30.0]}},
        },
        "prepared": {"free texts": 32_000, "of them captions": 22_000, "free pictures": 4869},
        "commits": {"full": "1234567", "no_rewriting": "1234567", "text_only": "89abcde"},
        "machine": "a machine",
        "surprises": script["surprises"](arms),
        "control": {level: {"accuracy": 0.55} for level in ("word", "phrase", "sentence")},
        "tasks": {"sts": {"start": {"spearman": {"mean": 61.5, "std": None, "seeds": [61.5]}}}},
        "differences": {"full - x": {name: {"difference": 0.01, "low": -0.01, "high": 0.03} for name in recall}},
    }
    assert result["surprises"]["full / no_retrieval"]["captions: perplexity"]["difference"] == pytest.approx(-0.5)
    page = script["markdown"](result)
    assert "| no_contrast / text_only | +25.0 (+25.0 to +25.0) |" in page
    assert "| full / no_retrieval | -50.0 | -50.0 | -50.0 |" in page
    assert "| chance | 0.1 |" in page
    assert "| full | 25.0 ± 1.0 | 25.0 ± 1.0 |" in page
    assert "| text_only | 30.0 |" in page
    assert "| text alone, the control | 55.0 | 55.0 |" in page
    assert "| full | 25.0 ± 1.0 |  |" in page
    assert "| no_rewriting |  | 25.0 ± 1.0 |" in page
    assert "Commit 1234567, 89abcde, a machine." in page
    assert "| start | 61.5 |" in page
    assert "+1.0 (-1.0 to +3.0)" in page
