"""Dropout by sixteen random bits an entry is dropout: shares, scale, gradient, seeds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from polysense.encoders.quick_dropout import CHANCES, QuickDropout, dropped, quicken, random_bits


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_share_is_dropped_and_the_others_are_scaled(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = dropped(torch.ones(1000, 401, dtype=dtype), rate)
    assert found.dtype == dtype
    assert (found == 0).double().mean().item() == pytest.approx(rate, abs=0.004)
    torch.testing.assert_close(found[found != 0].unique(), torch.tensor([1 / (1 - rate)]).to(dtype), rtol=1e-4, atol=0)
    by_place = (found == 0).double()
    assert by_place.mean(dim=0).sub(rate).abs().max() < 6 * (rate * (1 - rate) / 1000) ** 0.5, "no place is dropped more often"
    neighbours = torch.corrcoef(torch.stack([by_place[:, :-1].flatten(), by_place[:, 1:].flatten()]))[0, 1]
    assert neighbours.abs() < 0.01, "four entries of one number are independent"


def test_all_values_of_the_bits_are_drawn() -> None:
    torch.manual_seed(0)
    counts = torch.bincount(random_bits(1 << 20).long() + CHANCES // 2, minlength=CHANCES)
    assert counts.sum() == 1 << 20
    assert counts.max() < 16 + 7 * 4, "16 are expected, with a deviation of 4"
    assert (counts == 0).sum() < 5


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
def test_any_number_of_bits(count: int) -> None:
    assert random_bits(count).shape == (count,)
    assert dropped(torch.ones(count), 0.1).shape == (count,)


def test_the_gradient_goes_where_the_state_went() -> None:
    states = torch.randn(50, 30, requires_grad=True)
    found = dropped(states, 0.3)
    found.sum().backward()
    assert states.grad is not None
    assert torch.equal(states.grad == 0, found == 0)
    torch.testing.assert_close(states.grad * states.detach(), found.detach())


def test_the_seed_of_torch_is_that_of_the_masks() -> None:
    states, found = torch.ones(100), []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        found.append(dropped(states, 0.5))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize(("rate", "left"), [(0.0, 1.0), (1e-7, 1.0), (1.0, 0.0)])
def test_rates_that_sixteen_bits_cannot_tell_from_none_or_all(rate: float, left: float) -> None:
    torch.testing.assert_close(dropped(torch.ones(100), rate), torch.full((100,), left))


def test_every_dropout_of_a_network_is_replaced() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.25), nn.Dropout1d(0.5))).eval()
    names = list(network.state_dict())
    quicken(network)
    assert [type(one) for one in (network[1], network[2][0], network[2][1])] == [QuickDropout, QuickDropout, nn.Dropout1d]
    assert [network[1].p, network[2][0].p] == [0.5, 0.25]
    assert list(network.state_dict()) == names
    states = torch.randn(6, 4)
    assert torch.equal(network[1](states), states), "in use nothing is dropped"
    assert (network.train()[1](states) == 0).any()
