"""MulT's layers: the golden masks, a loop, positions, the last state of each row."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from polysense.errors import RecipeError
from polysense.fusion.cross_modal import CrossModalTransformer, allowed
from polysense.fusion.pairwise_cross_attention import PairwiseCrossAttention
from polysense.fusion.states import States
from polysense.positions import positions
from polysense.types import Encoded


def states(*lengths: int, width: int = 4, time: int | None = None, seed: int = 0) -> States:
    draw = torch.Generator().manual_seed(seed)
    return States(torch.randn(len(lengths), time or max(lengths), width, generator=draw), torch.tensor(lengths))


@pytest.mark.parametrize(
    ("queries", "keys", "closed"),
    [(2, 4, {(0, 3)}), (4, 2, set()), (3, 3, {(0, 1), (0, 2), (1, 2)})],
)
def test_the_golden_masks(queries: int, keys: int, closed: set[tuple[int, int]]) -> None:
    mask = allowed(states(queries), states(keys), causal=True)[0]
    assert {(i, j) for i in range(queries) for j in range(keys) if not mask[i, j]} == closed
    longer = allowed(states(queries, time=queries + 2), states(keys, time=keys + 3), causal=True)[0]
    assert torch.equal(longer[:queries, :keys], mask)
    assert not longer[:, keys:].any()
    assert allowed(states(queries), states(keys), causal=False).all()


def transformer(**choices: bool) -> CrossModalTransformer:
    torch.manual_seed(0)
    made = {"placed": True, "causal": False} | choices
    return CrossModalTransformer(4, 2, 1, attention_dropout=0.0, embedding_dropout=0.0, dropout=0.0, **made).eval()


@torch.no_grad()
@pytest.mark.parametrize("alone", [False, True])
def test_a_layer_against_a_loop(alone: bool) -> None:
    found, target, source = transformer(), states(3), states(5, seed=1)
    layer = found.layers[0]

    def placed(one: States) -> Tensor:
        return 2.0 * one.states[0] + positions(len(one.states[0]), 4, device=torch.device("cpu"))

    x = placed(target)
    queries = layer.norms[0](x)
    keys = queries if alone else layer.norms[0](placed(source))
    attended = torch.zeros(3, 4)
    for head in (slice(0, 2), slice(2, 4)):
        for row in range(3):
            scores = [float(layer.ask(queries[row])[head] @ layer.key(key)[head]) / math.sqrt(2) for key in keys]
            shares = torch.tensor(scores).softmax(0)
            attended[row, head] = sum(share * layer.value(key)[head] for share, key in zip(shares, keys, strict=True))
    x = x + layer.out(attended)
    x = x + layer.inner[3](torch.relu(layer.inner[0](layer.norms[1](x))))
    made = found(target) if alone else found(target, source)
    torch.testing.assert_close(made.states[0], found.norm(x), atol=1e-5, rtol=1e-5)


def test_order_counts_with_positions_alone() -> None:
    target, source = states(3), states(5, seed=1)
    turned = States(source.states.flip(1), source.lengths)
    for placed in (True, False):
        found = transformer(placed=placed)
        same = torch.allclose(found(target, source).states, found(target, turned).states, atol=1e-5)
        assert same != placed


def test_the_convolution_reads_each_rows_own_states() -> None:
    torch.manual_seed(0)
    fusion = PairwiseCrossAttention({"text": 3, "audio": 2}, state_width=4, heads=2, levels=1, kernels={"audio": 3}).eval()
    lengths = torch.tensor([5, 2, 3])
    frames = torch.randn(3, 5, 2)
    mask = torch.arange(5) < lengths.unsqueeze(1)
    there = torch.tensor([True, True, True])
    made = fusion._sequence("audio", {"audio": Encoded(frames, mask, frames[:, 0], there)})
    weight = fusion.convolve["audio"].weight
    assert made.lengths.tolist() == [3, 1, 1]
    for row, start in ((0, 0), (0, 1), (0, 2), (2, 0)):
        expected = torch.einsum("oik,ki->o", weight, frames[row, start : start + 3])
        torch.testing.assert_close(made.states[row, start], expected)
    padded = torch.cat([frames[1, :2], torch.zeros(1, 2)])
    torch.testing.assert_close(made.states[1, 0], torch.einsum("oik,ki->o", weight, padded))


@pytest.mark.parametrize(
    ("widths", "choices", "message"),
    [
        ({"text": 4}, {}, "joins two modalities or more, the recipe has text"),
        ({"text": 4, "audio": 4}, {"state_width": 9, "heads": 3}, "state_width 9 must be even and a multiple of heads 3"),
        ({"text": 4, "audio": 4}, {"kernels": {"vido": 3}}, r"fusion.kernels: no encoder for 'vido'; valid: 'audio', 'text'"),
        ({"text": 4, "audio": 4}, {"kernels": 0}, "levels and kernels are numbers from 1 up"),
    ],
)
def test_what_it_cannot_join_is_said(widths: dict[str, int], choices: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        PairwiseCrossAttention(widths, **choices)  # type: ignore[arg-type]
