"""Moments, overlaps, likelihoods and entropies: golden numbers, loops, and what must hold for any input."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from polysense.distributions import (
    central_moment_discrepancy,
    entropy_of_sides,
    gaussian_log_likelihood,
    overlap,
)
from polysense.losses import info_nce

few = settings(max_examples=15, deadline=None)
X = torch.tensor([[0.1, 0.9], [0.3, 0.5], [0.8, 0.2]])
Y = torch.tensor([[0.2, 0.4], [0.6, 0.6], [0.4, 0.8]])


def codes(seed: int, rows: int, width: int = 3) -> Tensor:
    return torch.rand(rows, width, generator=torch.Generator().manual_seed(seed))


def close(found: Tensor, expected: float) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=0)


class TestMoments:
    def test_golden(self) -> None:
        terms = [0.066667, 0.081771, 0.012673, 0.013652, 0.002732]
        for last in range(1, 6):
            close(central_moment_discrepancy(X, Y, moments=last), sum(terms[:last]))
        close(central_moment_discrepancy(X, Y), 0.177494)

    @few
    @given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
    def test_against_a_loop(self, seed: int, rows: int, others: int) -> None:
        x, y = codes(seed, rows), codes(seed + 1, others)
        total = 0.0
        for power in range(1, 6):
            squares = 0.0
            for at in range(3):
                sides = []
                for side in (x[:, at].tolist(), y[:, at].tolist()):
                    middle = sum(side) / len(side)
                    sides.append(middle if power == 1 else sum((one - middle) ** power for one in side) / len(side))
                squares += (sides[0] - sides[1]) ** 2
            total += math.sqrt(squares)
        assert float(central_moment_discrepancy(x, y)) == pytest.approx(total, abs=2e-5)
        torch.testing.assert_close(central_moment_discrepancy(x, y), central_moment_discrepancy(y, x))

    def test_equal_sides_are_at_zero_and_the_gradient_is_finite(self) -> None:
        x = X.clone().requires_grad_()
        found = central_moment_discrepancy(x, X[[2, 0, 1]])
        found.backward()
        assert float(found.detach()) < 1e-5
        assert x.grad is not None
        assert bool(x.grad.isfinite().all())
        assert float(central_moment_discrepancy(X, X + 0.1)) > 0.1
        assert float(central_moment_discrepancy(X, X.mean(dim=0) + 2 * (X - X.mean(dim=0)))) > 0.1


class TestOverlap:
    def test_golden(self) -> None:
        close(overlap(X, Y), 0.971290)

    @few
    @given(st.integers(0, 10**6), st.integers(2, 6))
    def test_against_a_loop(self, seed: int, rows: int) -> None:
        x, y = codes(seed, rows), codes(seed + 1, rows)
        sides = []
        for side in (x, y):
            centred = side - side.mean(dim=0)
            sides.append([[one / (math.sqrt(sum(v * v for v in row)) + 1e-6) for one in row] for row in centred.tolist()])
        entries = [sum(left[i] * right[j] for left, right in zip(*sides, strict=True)) ** 2 for i in range(3) for j in range(3)]
        close(overlap(x, y), sum(entries) / 9)

    def test_what_is_uncorrelated_does_not_overlap(self) -> None:
        left = torch.tensor([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
        right = torch.tensor([[0.0, 2], [0, -2], [0, 2], [0, -2]])
        assert float(overlap(left, right + 5)) < 1e-10
        assert float(overlap(left, left)) > 1
        assert float(overlap(left[:1], right[:1])) == 0

    def test_no_gradient_through_the_lengths(self) -> None:
        x = X.clone().requires_grad_()
        overlap(x, Y).backward()
        centred = (X - X.mean(dim=0)).requires_grad_()
        lengths = centred.detach().norm(dim=1, keepdim=True) + 1e-6
        other = (Y - Y.mean(dim=0)) / ((Y - Y.mean(dim=0)).norm(dim=1, keepdim=True) + 1e-6)
        ((centred / lengths).T @ other).square().mean().backward()
        assert x.grad is not None
        assert centred.grad is not None
        torch.testing.assert_close(x.grad, centred.grad - centred.grad.mean(dim=0))


class TestBound:
    mean = torch.tensor([[0.1, 0.2], [0.0, -0.3]])
    log_variance = torch.tensor([[0.0, 0.5], [-0.2, 0.1]])
    values = torch.tensor([[0.4, 0.0], [0.2, -0.1]])

    def test_golden(self) -> None:
        for normalized, expected in ((False, -0.049828), (True, -0.149828)):
            found = gaussian_log_likelihood(self.mean, self.log_variance, self.values, normalized=normalized)
            assert found.shape == (2,)
            close(found.mean(), expected)

    def test_it_is_the_density_without_its_constant(self) -> None:
        normal = torch.distributions.Normal(self.mean, (self.log_variance / 2).exp())
        expected = (normal.log_prob(self.values) + math.log(2 * math.pi) / 2).sum(dim=1)
        torch.testing.assert_close(gaussian_log_likelihood(self.mean, self.log_variance, self.values), expected)

    def test_a_larger_variance_costs_something_only_with_its_term(self) -> None:
        for normalized in (True, False):
            small, large = (
                gaussian_log_likelihood(self.mean, torch.full((2, 2), size), self.values, normalized=normalized).mean()
                for size in (0.0, 5.0)
            )
            assert (small > large) == normalized

    def test_the_golden_entropy(self) -> None:
        positive = torch.tensor([[0.1, 0.5], [0.4, 0.2], [-0.3, 0.1], [0.2, -0.4]])
        negative = torch.tensor([[0.0, 0.3], [-0.5, 0.2], [0.1, -0.1]])
        close(entropy_of_sides(positive, negative, ridge=0.0), -2.851991)
        close(entropy_of_sides(negative, positive, ridge=0.0), -2.851991)

    @few
    @given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 5))
    def test_entropy_is_finite_for_any_rows(self, seed: int, rows: int, others: int) -> None:
        sides = [codes(seed, rows).requires_grad_(), torch.zeros(others, 3, requires_grad=True)]
        found = entropy_of_sides(*sides)
        found.backward()
        assert bool(found.isfinite())
        assert all(side.grad is not None and bool(side.grad.isfinite().all()) for side in sides)


class TestPredictionOfTheModality:
    own = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    told = torch.tensor([[1.0, 0.2], [0.1, 1], [0.8, 1.2]])

    def test_golden(self) -> None:
        close(info_nce(self.own, self.told, temperature=1.0), 0.847691)

    @few
    @given(st.integers(0, 10**6), st.integers(1, 6))
    def test_its_bounds_and_the_order_of_rows(self, seed: int, rows: int) -> None:
        own, told = codes(seed, rows) - 0.5, codes(seed + 1, rows) - 0.5
        found = info_nce(own, told, temperature=1.0)
        assert -1e-5 <= float(found) <= math.log(rows) + 2
        order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(info_nce(own[order], told[order], temperature=1.0), found)
