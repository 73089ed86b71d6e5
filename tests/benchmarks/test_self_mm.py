from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results"


@pytest.mark.parametrize("name", ["self_mm_labels", "msa_zoo"])
def test_the_page_is_what_the_script_writes_of_the_numbers(name: str) -> None:
    made = runpy.run_path(str(ROOT / f"benchmarks/{name}.py"))["markdown"]
    page = (RESULTS / f"{name}.md").read_text("utf-8")
    assert made(json.loads((RESULTS / f"{name}.json").read_text("utf-8"))) == page


def test_a_partial_correlation_takes_the_third_away() -> None:
    script = runpy.run_path(str(ROOT / "benchmarks/self_mm_labels.py"))
    draw = np.random.default_rng(0)
    given, own, other = draw.normal(size=(3, 5000))
    assert script["correlation"](given + own, given + other) == pytest.approx(0.5, abs=0.05)
    assert script["partial_correlation"](given + own, given + other, given) == pytest.approx(0, abs=0.05)
    assert script["partial_correlation"](given + own, own - 2 * given, given) == pytest.approx(1)
    assert script["correlation"](np.ones(5), np.arange(5.0)) == 0


def test_the_labels_meet_their_gates() -> None:
    labels = json.loads((RESULTS / "self_mm_labels.json").read_text("utf-8"))["labels"]
    last = runpy.run_path(str(ROOT / "benchmarks/self_mm_labels.py"))["last_partial"]
    with_losses, without = ([last(epochs) for epochs in labels[arm].values()] for arm in ("self_mm", "losses_off"))
    assert min(with_losses) >= 0.35
    assert np.mean(with_losses) >= np.mean(without) + 0.05
