from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from polysense.data.corpora.mosi import Mosi
from polysense.objectives.unimodal_labels import UnimodalLabelGenerator

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results"


@pytest.mark.parametrize("name", ["self_mm_labels", "msa_zoo", "modality_dropout", "skep_effect"])
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
    last = runpy.run_path(str(ROOT / "benchmarks/self_mm_labels.py"))["last"]
    with_losses, without = ([last(epochs, "partial_r") for epochs in labels[arm].values()] for arm in ("self_mm", "losses_off"))
    assert min(with_losses) >= 0.35
    assert np.mean(with_losses) >= np.mean(without) + 0.05


def test_the_plain_loop_makes_the_same_labels() -> None:
    plain = runpy.run_path(str(ROOT / "benchmarks/self_mm_step.py"))
    draw = torch.Generator().manual_seed(0)
    human = torch.randint(-30, 31, (40,), generator=draw) / 10
    labels = plain["FieldLabels"](human)
    ours = UnimodalLabelGenerator(40, plain["FEATURES"], limit=3.0, exclude_zero=True)
    for _ in range(3):
        for rows in torch.randperm(40, generator=draw).split(8):
            features = {key: torch.randn(8, width, generator=draw) for key, width in plain["FEATURES"].items()}
            labels.observe(rows, features)
            ours.observe(rows, features, human[rows])
    for key in ("text", "audio", "video"):
        torch.testing.assert_close(labels.label[key], ours.labels[key], atol=1e-4, rtol=0)
    assert (ours.labels["text"] - human).abs().max() > 0.1


def test_the_shares_of_a_step_follow_from_its_seconds() -> None:
    found = json.loads((RESULTS / "self_mm_step.json").read_text("utf-8"))
    for lengths in ("words", "longest"):
        rounds = found[lengths]["rounds"]
        assert len(rounds) >= 5
        assert found[lengths]["outside_encoders"]["median"] == pytest.approx(
            np.median([1 - one["encoders"] / one["ours"] for one in rounds]), abs=1e-3
        )
        for arm in ("field", "unpacked"):
            ratio = np.median([one[arm] / one["ours"] for one in rounds])
            assert found[lengths][f"{arm}_over_ours"]["median"] == pytest.approx(ratio, abs=1e-3)


def test_the_reference_on_mosi_is_the_one_that_is_known() -> None:
    root = Path(os.environ.get("POLYSENSE_DATA", "")) / "mosi"
    if not (root / "label.csv").is_file():
        pytest.skip("POLYSENSE_DATA has no mosi")
    table = Mosi().read(root)
    found = runpy.run_path(str(ROOT / "benchmarks/mosi.py"))["reference"](table.split("train"), table.split("test"))
    known = {"MAE": 1.134, "Corr": 0.538, "Has0_acc_2": 0.710, "Non0_acc_2": 0.720}
    assert {name: found[name] for name in known} == pytest.approx(known, abs=1e-3)
