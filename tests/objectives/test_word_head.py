"""The head that guesses words: its equation, and where it starts."""

from __future__ import annotations

import math

import pytest
import torch

from polysense.objectives.word_head import WordHead

WIDTH, TOKENS = 6, 9


@pytest.mark.parametrize("tied", [True, False])
def test_it_is_its_equation(tied: bool) -> None:
    torch.manual_seed(0)
    head = WordHead(WIDTH, TOKENS, tied=tied)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    states, embeddings = torch.randn(4, WIDTH), torch.randn(TOKENS, WIDTH)
    dense, _, norm = head.transform
    table = embeddings if head.decoder is None else head.decoder.weight
    for state, found in zip(states, head(states, embeddings), strict=True):
        raw = dense.weight @ state + dense.bias
        curved = raw * (1 + torch.erf(raw / math.sqrt(2))) / 2
        even = (curved - curved.mean()) / (curved.var(correction=0) + norm.eps).sqrt()
        torch.testing.assert_close(found, table @ (even * norm.weight + norm.bias) + head.bias, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_its_norm_starts_neutral_and_no_word_is_preferred(tied: bool) -> None:
    head = WordHead(WIDTH, TOKENS, tied=tied)
    norm = head.transform[2]
    assert norm.weight.tolist() == [1.0] * WIDTH
    assert norm.bias.tolist() == [0.0] * WIDTH
    assert head.bias.tolist() == [0.0] * TOKENS
