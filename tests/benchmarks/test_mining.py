from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from made_reviews import chinese_reviews

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/mining.py"


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.mark.filterwarnings("ignore:.*windows:UserWarning")
def test_chinese_knowledge_is_judged_by_labels_of_reviews_that_it_never_saw(script: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("rjieba")
    reviews = chinese_reviews(120)
    rows = [f"{1 - number % 2}\t{number}，{text}" for number, text in enumerate(reviews)]
    home = tmp_path / "chnsenticorp"
    home.mkdir()
    (home / "train.tsv").write_text("label\ttext_a\n" + "\n".join(rows[:80]), "utf-8")
    (home / "dev.tsv").write_text(
        "qid\tlabel\ttext_a\n" + "\n".join(f"{at}\t{row}" for at, row in enumerate(rows[80:])), "utf-8"
    )
    (home / "test.tsv").write_text("qid\ttext_a\n0\t好", "utf-8")
    (home / "test_labels_derived.tsv").write_text("qid\tlabel\tsource\n0\t1\tx", "utf-8")
    home = tmp_path / "nlpcc14_sc"
    home.mkdir()
    for at, side in enumerate(("positive", "negative")):
        texts = [f'<review id="{number}">\n{number}，{text}\n</review>' for number, text in enumerate(reviews[at:80:2])]
        (home / f"sample.{side}.txt").write_text("\n".join(texts), "utf-8")
    tests = [f'<review id="{at}" label="{1 - at % 2}">\n{at + 500}，{text}\n</review>' for at, text in enumerate(reviews[80:])]
    (home / "test.label.cn.txt").write_text("\n".join(tests), "utf-8")
    script["_random_chinese_seeds"].__globals__["_random_chinese_seeds"] = lambda corpus, reviews: {}  # made texts are too few
    found = script["chinese"](tmp_path, 1)
    assert {name: (one["texts"], one["judged by"]) for name, one in found.items()} == {
        "chnsenticorp": (80, "validation"),
        "nlpcc14": (80, "test"),
    }
    for one in found.values():
        assert one["default"]["all words"] == {"accuracy": 1.0, "ties": 0.0, "reviews": 40}
        assert one["default"]["without seeds"]["accuracy"] > 0.8
        assert one["seeds exchanged"]["without seeds"]["accuracy"] == 0.0
    assert json.dumps(found)


def test_every_english_arm_is_another_setting(script: dict[str, Any]) -> None:
    arms = script["arms"]()
    assert len({repr(settings) for settings in arms.values()}) == len(arms)
    assert len({repr(settings) for settings in script["chinese_arms"]().values()}) == len(script["chinese_arms"]())
