"""MAG: its equation against a loop, how far a state may be moved, and what it cannot join."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from polysense.errors import RecipeError
from polysense.fusion.adaptation_gate import AdaptationGate, shortened
from polysense.types import Encoded

WIDTHS = {"text": 4, "audio": 2, "video": 3}


def part(states: Tensor) -> Encoded:
    rows, time = states.shape[:2]
    return Encoded(states, torch.ones(rows, time, dtype=torch.bool), states[:, 0], torch.ones(rows, dtype=torch.bool))


@torch.no_grad()
def test_the_gate_against_a_loop() -> None:
    torch.manual_seed(0)
    fusion = AdaptationGate(WIDTHS, beta=0.4, layers=0)
    text, audio, video = torch.randn(1, 3, 4), torch.randn(1, 6, 2), torch.randn(1, 3, 3)
    moved = []
    for place in range(3):
        e, shift = text[0, place], torch.zeros(4)
        for name, x in (("audio", audio[0, 2 * place : 2 * place + 2].mean(dim=0)), ("video", video[0, place])):
            gate = torch.relu(fusion.gates[name].weight @ torch.cat([x, e]) + fusion.gates[name].bias)
            shift += gate * (fusion.shifts[name].weight @ x + fusion.shifts[name].bias)
        share = min(0.4 * float(e.norm()) / (float(shift.norm()) + 1e-6), 1.0)
        moved.append(fusion.norm(e + share * shift))
    fused = fusion({"text": part(text), "audio": part(audio), "video": part(video)})
    torch.testing.assert_close(fused.summary[0], torch.stack(moved).mean(dim=0), atol=1e-5, rtol=1e-5)


def test_no_shift_is_longer_than_its_share() -> None:
    states, shift = torch.tensor([[[3.0, 4]]]), torch.tensor([[[0.0, 20]]])
    torch.testing.assert_close(shortened(shift, states, beta=1.0), torch.tensor([[[0.0, 5]]]))
    torch.testing.assert_close(shortened(shift, states, beta=0.5), torch.tensor([[[0.0, 2.5]]]))
    torch.testing.assert_close(shortened(shift / 10, states, beta=1.0), shift / 10)


def test_a_shift_of_nothing_leaves_numbers_and_gradients_finite() -> None:
    shift = torch.zeros(1, 2, 3, requires_grad=True)
    found = shortened(shift, torch.ones(1, 2, 3), beta=1.0)
    found.sum().backward()
    assert not found.any()
    assert shift.grad is not None
    assert bool(shift.grad.isfinite().all())


@pytest.mark.parametrize(
    ("widths", "choices", "message"),
    [
        ({"text": 4}, {}, "moves text by other modalities, the recipe has none"),
        (WIDTHS, {"moved": "txt"}, "fusion.moved: no encoder for 'txt'; did you mean 'text'"),
        (WIDTHS, {"heads": 3}, "the width 4 of text must be a multiple of heads 3"),
    ],
)
def test_what_it_cannot_join_is_said(widths: dict[str, int], choices: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        AdaptationGate(widths, **choices)  # type: ignore[arg-type]
