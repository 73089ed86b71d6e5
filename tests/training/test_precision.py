from __future__ import annotations

from pathlib import Path

import pytest
import torch

from polysense.recipe import load_recipe
from polysense.training import precision
from polysense.training.precision import bf16_pays, bf16_speed, settle_precision


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A processor with the instructions and no GPU; what was decided before is forgotten."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "bf16_pays", bf16_pays.__wrapped__)
    return monkeypatch


@pytest.mark.parametrize(("speed", "pays"), [(2.0, True), (1.0, False), (0.5, False)])
def test_bf16_pays_where_it_is_faster(machine: pytest.MonkeyPatch, speed: float, pays: bool) -> None:
    machine.setattr(precision, "bf16_speed", lambda: speed)
    assert precision.bf16_pays() is pays


def test_without_the_instructions_nothing_is_tried(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    machine.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    machine.setattr(precision, "bf16_speed", lambda: pytest.fail("tried"))
    assert not precision.bf16_pays()


def test_the_trial_times_both_and_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    assert bf16_speed() > 0
    assert torch.equal(before, torch.get_rng_state())


def test_the_machine_decides_where_the_recipe_does_not(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(precision, "bf16_speed", lambda: 2.0)
    recipe = load_recipe("social/posts_concat")
    assert settle_precision(recipe).training["bf16"] is True
    for written in ("training.bf16=false", "training.fp16=true"):
        recipe = load_recipe("social/posts_concat", [written])
        assert settle_precision(recipe) == recipe


@pytest.mark.parametrize("noted", [True, False])
def test_a_run_that_goes_on_keeps_to_what_it_began_with(machine: pytest.MonkeyPatch, tmp_path: Path, noted: bool) -> None:
    machine.setattr(precision, "bf16_speed", lambda: 0.5 if noted else 2.0)  # another machine, which would decide otherwise
    recipe = load_recipe("social/posts_concat")
    (tmp_path / "recipe.yaml").write_text(recipe.with_training(bf16=noted).to_yaml(), encoding="utf-8")
    assert settle_precision(recipe, begun=tmp_path).training["bf16"] is noted
    assert settle_precision(recipe).training["bf16"] is not noted
    assert settle_precision(recipe, begun=tmp_path / "nothing").training["bf16"] is not noted
