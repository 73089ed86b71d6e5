"""The mathematics of the objectives, as pure functions of tensors.

Contrastive losses here share one core: rows of a square matrix of logits whose diagonal holds the true pairs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def cosine_logits(left: Tensor, right: Tensor, *, scale: float | Tensor) -> Tensor:
    """``scale`` times the cosine of every row of ``left`` (n, width) with every row of ``right`` (m, width): (n, m)."""
    with torch.autocast(left.device.type, enabled=False):  # a scale of 100 would blow up the rounding of bfloat16
        return scale * (F.normalize(left.float(), dim=-1) @ F.normalize(right.float(), dim=-1).T)


def diagonal_cross_entropy(logits: Tensor, *, duplicates: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of the rows of ``logits`` (n, m >= n) against their own diagonal entry.

    Args:
        logits: (n, m); entry (i, i) is the true pair of row i, all others are its negatives.
        duplicates: (n, m) bool; True off the diagonal marks a column that is no negative of the row (same content). Those
            cells count as minus infinity; a row with no negative left stays out of the mean.

    Returns:
        A scalar; 0 (with no gradient) where no row has a negative.
    """
    count = logits.shape[0]
    targets = torch.arange(count, device=logits.device)
    if duplicates is None:
        return F.cross_entropy(logits, targets)
    barred = duplicates & ~_diagonal(duplicates)
    alone = (barred | _diagonal(duplicates)).all(dim=1)
    each = F.cross_entropy(logits.masked_fill(barred, -torch.inf), targets, reduction="none")
    return each.masked_fill(alone, 0.0).sum() / (~alone).sum().clamp(min=1)


def _diagonal(like: Tensor) -> Tensor:
    return torch.eye(*like.shape, dtype=torch.bool, device=like.device)


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    *,
    temperature: float | Tensor,
    hard_negatives: Tensor | None = None,
    hard_negative_log_weight: float = 0.0,
) -> Tensor:
    """One-directional contrast: each anchor against its own positive among all positives (SimCSE, equations 1 and 5).

    ``l_i = -log( e^{s(a_i,p_i)/t} / sum_j [ e^{s(a_i,p_j)/t} + w^{[i=j]} e^{s(a_i,n_j)/t} ] )``, mean over i; s is the cosine.

    Args:
        anchors: (batch, width).
        positives: (batch, width); row i belongs to anchor i.
        temperature: t, above 0.
        hard_negatives: (batch, width) or None; row i is the hard negative of anchor i and a plain one of the others.
        hard_negative_log_weight: the LOGARITHM of w, added to the logit of each anchor's own hard negative.
    """
    logits = cosine_logits(anchors, positives, scale=1 / temperature)
    if hard_negatives is not None:
        hard = cosine_logits(anchors, hard_negatives, scale=1 / temperature)
        own = torch.eye(*hard.shape, dtype=hard.dtype, device=hard.device)
        logits = torch.cat([logits, hard + hard_negative_log_weight * own], dim=1)
    return diagonal_cross_entropy(logits)


def symmetric_info_nce(left: Tensor, right: Tensor, *, scale: float | Tensor) -> Tensor:
    """Two-directional contrast: ``(CE(S, diag) + CE(S^T, diag)) / 2`` with ``S = scale * cos(left_i, right_j)``.

    Args:
        left: (batch, width).
        right: (batch, width); row i belongs to row i of ``left``.
        scale: the inverse temperature, a number or a learned tensor.
    """
    return symmetric_diagonal_cross_entropy(cosine_logits(left, right, scale=scale))


def symmetric_diagonal_cross_entropy(logits: Tensor, *, duplicates: Tensor | None = None) -> Tensor:
    """:func:`diagonal_cross_entropy` of square ``logits`` (n, n), averaged over rows-to-columns and columns-to-rows."""
    turned = None if duplicates is None else duplicates.T
    forward = diagonal_cross_entropy(logits, duplicates=duplicates)
    backward = diagonal_cross_entropy(logits.T, duplicates=turned)
    return (forward + backward) / 2


def class_weighted_cross_entropy(
    logits: Tensor, targets: Tensor, *, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy with class weights, divided by the number of ROWS (not by the sum of their weights).

    Args:
        logits: (rows, classes).
        targets: (rows,) int64 class numbers.
        class_weights: (classes,) or None.
        label_smoothing: share of the target mass spread evenly over the classes, 0 to 1.
    """
    total = F.cross_entropy(logits.float(), targets, weight=class_weights, label_smoothing=label_smoothing, reduction="sum")
    return total / targets.shape[0]


def balanced_class_weights(counts: Tensor) -> Tensor:
    """``n / (K * n_c)`` for training counts (classes,): rare classes weigh more, the mean row weighs 1."""
    counts = counts.double()
    return (counts.sum() / (counts.numel() * counts)).float()
