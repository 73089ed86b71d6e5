from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


def test_every_part_is_built_by_itself(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    script = runpy.run_path(str(ROOT / "benchmarks/unimo_step.py"))
    together, alone = script["recipes"](str(networks / "bert"))
    assert set(alone) == set(together.objectives) == {"contrast", "regions", "language", "writing"}
    assert not any(signal.turn for signal in together.objectives.values())
    for name, recipe in alone.items():
        assert set(recipe.objectives) == {name}
        learner = recipe.build(seed=0)
        assert sum(one.numel() for one in learner.parameters() if one.requires_grad) > 0
        assert isinstance(learner, torch.nn.Module)
