"""The products of modalities: golden numbers, loops, what is linear in what, and how the two are one."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polysense.errors import RecipeError
from polysense.fusion.fusion import single_state
from polysense.fusion.low_rank_product import LowRankProduct, low_rank_product
from polysense.fusion.tensor_product import TensorProduct, outer_product, with_one
from polysense.types import Encoded

few = settings(max_examples=15, deadline=None)
WIDTHS = {"text": 2, "audio": 1, "video": 3}


def of(summary: torch.Tensor) -> Encoded:
    return single_state(summary, torch.ones(len(summary), dtype=torch.bool))


def parts(rows: int = 4, *, seed: int = 0) -> dict[str, Encoded]:
    draw = torch.Generator().manual_seed(seed)
    return {name: of(torch.randn(rows, width, generator=draw)) for name, width in WIDTHS.items()}


def test_the_golden_product() -> None:
    product = outer_product([torch.tensor([[2.0]]), torch.tensor([[3.0]]), torch.tensor([[5.0, 7.0]])])
    assert product.tolist() == [[1, 5, 7, 3, 15, 21, 2, 10, 14, 6, 30, 42]]


def test_the_golden_low_rank_product() -> None:
    vectors = [torch.tensor([[2.0]]), torch.tensor([[3.0]]), torch.tensor([[5.0, 7.0]])]
    factors = [torch.tensor(rows).unsqueeze(-1) for rows in ([[1.0, 2], [0, 1]], [[0.5, 1], [1, 0]], [[1.0, 0, 1], [2, 1, 0]])]
    found = low_rank_product(vectors, factors, torch.tensor([0.5, -1])) + 0.1
    torch.testing.assert_close(found, torch.tensor([[56.1]]), atol=1e-5, rtol=0)


def test_text_runs_fastest_whatever_the_recipe_lists_first() -> None:
    torch.manual_seed(0)
    fusion, given_parts = TensorProduct(WIDTHS, width=5, layers=1), parts()
    audio, video, text = (with_one(given_parts[name].summary) for name in ("audio", "video", "text"))
    products = [
        torch.stack([audio[:, i] * video[:, j] * text[:, k] for i in range(2) for j in range(4) for k in range(3)], dim=1)
    ]
    layer = fusion.mix[1]
    torch.testing.assert_close(fusion(given_parts).summary, torch.relu(layer(products[0])), atol=1e-5, rtol=1e-5)
    same = TensorProduct({name: WIDTHS[name] for name in ("audio", "video", "text")}, width=5, layers=1)
    same.load_state_dict(fusion.state_dict())
    torch.testing.assert_close(same(given_parts).summary, fusion(given_parts).summary)


def test_the_low_rank_product_against_a_loop() -> None:
    torch.manual_seed(0)
    fusion, given_parts = LowRankProduct(WIDTHS, width=2, rank=3).requires_grad_(False), parts()
    found = fusion(given_parts).summary
    for row, out in itertools.product(range(4), range(2)):
        expected = float(fusion.bias[out])
        for rank in range(3):
            term = float(fusion.rank_weights[rank])
            for name in WIDTHS:
                vector = [1.0, *given_parts[name].summary[row].tolist()]
                term *= sum(one * float(fusion.factors[name][rank, at, out]) for at, one in enumerate(vector))
            expected += term
        assert float(found[row, out]) == pytest.approx(expected, abs=1e-5)


def test_everything_of_a_low_rank_product_learns() -> None:
    torch.manual_seed(0)
    fusion = LowRankProduct(WIDTHS, width=2, rank=3)
    fusion(parts()).summary.sum().backward()
    for name in ("rank_weights", "bias", *(f"factors.{one}" for one in WIDTHS)):
        gradient = fusion.get_parameter(name).grad
        assert gradient is not None
        assert float(gradient.abs().sum()) > 0


@few
@given(st.integers(0, 10**6), st.sampled_from(sorted(WIDTHS)), st.floats(-2, 2))
def test_products_are_linear_in_each_modality_with_its_one(seed: int, name: str, share: float) -> None:
    torch.manual_seed(seed)
    low, vectors = LowRankProduct(WIDTHS, width=2, rank=2), parts(seed=seed)
    other = torch.randn(4, WIDTHS[name])
    mixed = share * vectors[name].summary + (1 - share) * other  # the ones mix to one

    def products(summary: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        changed = {**vectors, name: of(summary)}
        return outer_product([part.summary for part in changed.values()]), low(changed).summary

    for first, second, both in zip(products(vectors[name].summary), products(other), products(mixed), strict=True):
        torch.testing.assert_close(both, share * first + (1 - share) * second, atol=1e-3, rtol=1e-4)


def test_with_enough_ranks_it_is_any_linear_read_out_of_the_whole_product() -> None:
    draw = torch.Generator().manual_seed(3)
    read_out, vectors = torch.randn(24, generator=draw), [part.summary for part in parts().values()]
    places = list(itertools.product(*(range(width + 1) for width in WIDTHS.values())))
    factors = [torch.zeros(24, width + 1, 1) for width in WIDTHS.values()]
    for rank, place in enumerate(places):
        for factor, at in zip(factors, place, strict=True):
            factor[rank, at] = 1.0
    found = low_rank_product(vectors, factors, read_out).squeeze(1)
    torch.testing.assert_close(found, outer_product(vectors) @ read_out, atol=1e-4, rtol=1e-4)


def test_a_product_that_is_too_large_is_refused_with_advice() -> None:
    with pytest.raises(RecipeError, match=r"\(99 \+ 1\) x \(99 \+ 1\) x \(99 \+ 1\) = 1000000 numbers.*LowRankProduct"):
        TensorProduct({"text": 99, "audio": 99, "video": 99}, width=64)
    TensorProduct({"text": 9, "audio": 9}, width=4, most_weights=400)
    with pytest.raises(RecipeError, match="400 weights, more than most_weights 399"):
        TensorProduct({"text": 9, "audio": 9}, width=4, most_weights=399)


@pytest.mark.parametrize(("kind", "choices"), [(TensorProduct, {"layers": 0}), (LowRankProduct, {"rank": 0})])
def test_impossible_numbers_are_refused(kind: type, choices: dict[str, int]) -> None:
    with pytest.raises(RecipeError, match="from 1 up"):
        kind(WIDTHS, **choices)
