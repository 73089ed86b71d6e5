"""How the rows of a batch are distributed, and how two sides of it differ: pure functions of tensors, like the losses."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-12
"""Under a root, so that its gradient at 0 is 0 and not NaN."""


def central_moment_discrepancy(left: Tensor, right: Tensor, *, moments: int = 5) -> Tensor:
    """``|| E x - E y || + sum_{k=2..moments} || E (x - E x)^k - E (y - E y)^k ||``, a scalar (CMD; Zellinger et al., ICLR 2017).

    Args:
        left: x, (rows, width), numbers between 0 and 1.
        right: y, (rows, width); the numbers of rows may differ.
        moments: the highest one.
    """
    means = left.mean(dim=0), right.mean(dim=0)
    centred = left - means[0], right - means[1]
    gaps = [means[0] - means[1], *(_moment(centred[0], k) - _moment(centred[1], k) for k in range(2, moments + 1))]
    return torch.stack([(gap.square().sum() + EPSILON).sqrt() for gap in gaps]).sum()


def _moment(centred: Tensor, power: int) -> Tensor:
    moment: Tensor = centred.pow(power).mean(dim=0)
    return moment


def overlap(left: Tensor, right: Tensor) -> Tensor:
    """The mean of ``(X^T Y)^2`` over its entries, a scalar: 0 where no number of x is correlated with one of y (MISA, ACM MM 2020).

    X and Y are the sides, centred over the rows; each row is then divided by its length, through which no gradient flows.

    Args:
        left: (rows, width).
        right: (rows, width).
    """
    products: Tensor = _directions(left).T @ _directions(right)
    return products.square().mean()


def _directions(vectors: Tensor) -> Tensor:
    centred = vectors - vectors.mean(dim=0)
    lengths: Tensor = centred.detach().norm(dim=1, keepdim=True)
    return centred / (lengths + 1e-6)


def gaussian_log_likelihood(mean: Tensor, log_variance: Tensor, values: Tensor, *, normalized: bool = True) -> Tensor:
    """``sum_d [ -(y - mu)^2 / (2 exp(logvar)) - logvar / 2 ]`` of each row (rows,): log N(y; mu, var) without its constant.

    Args:
        mean: mu, (rows, width).
        log_variance: (rows, width).
        values: y, (rows, width).
        normalized: with the term ``-logvar / 2``. Without it (MMIM's released code) a larger variance costs nothing.
    """
    terms = -(values - mean).square() / (2 * log_variance.exp())
    return (terms - log_variance / 2 if normalized else terms).sum(dim=1)


def entropy_of_sides(positive: Tensor, negative: Tensor, *, ridge: float = 1e-4) -> Tensor:
    """``1/4 (logdet Cov_pos + logdet Cov_neg)``, a scalar: the entropy of two Gaussians, up to constants (MMIM, EMNLP 2021).

    Args:
        positive: (rows, width); its covariance is taken over the rows, which are divided by.
        negative: (rows, width).
        ridge: added to the variances, so that few rows do not make a determinant of 0.
    """
    return (_log_determinant(positive, ridge) + _log_determinant(negative, ridge)) / 4


def _log_determinant(rows: Tensor, ridge: float) -> Tensor:
    centred = (rows - rows.mean(dim=0)).float()
    covariance = centred.T @ centred / rows.shape[0]
    found: Tensor = torch.logdet(covariance + ridge * torch.eye(rows.shape[1], device=rows.device))
    return found
