"""The mathematics of the objectives, as pure functions of tensors.

Contrastive losses here share one core: rows of a square matrix of logits whose diagonal holds the true pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from polysense.distributed import gather, mean, share


def cosine_logits(left: Tensor, right: Tensor, *, scale: float | Tensor) -> Tensor:
    """``scale`` times the cosine of every row of ``left`` (n, width) with every row of ``right`` (m, width): (n, m)."""
    with torch.autocast(left.device.type, enabled=False):  # a scale of 100 would blow up the rounding of bfloat16
        return scale * (F.normalize(left.float(), dim=-1) @ F.normalize(right.float(), dim=-1).T)


def diagonal_cross_entropy(
    logits: Tensor, *, duplicates: Tensor | None = None, offset: int = 0, weights: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of the rows of ``logits`` (n, m >= n) against their own diagonal entry, over all processes.

    Args:
        logits: (n, m); entry (i, i + offset) is the true pair of row i, all others are its negatives.
        duplicates: (n, m) bool; True off the diagonal marks a column that is no negative of the row (same content). Those
            cells count as minus infinity; a row with no negative left stays out of the mean.
        offset: where the columns of this process begin among those gathered from all.
        weights: (n,) a factor for each row's term; 1 by default.

    Returns:
        A scalar; 0 (with no gradient) where no row has a negative.
    """
    targets = torch.arange(logits.shape[0], device=logits.device) + offset
    kept = None
    if duplicates is not None:
        own = F.one_hot(targets, logits.shape[1]).bool()
        barred = duplicates & ~own
        logits = logits.masked_fill(barred, -torch.inf)
        kept = ~(logits.isneginf() | own).all(dim=1)
    each = F.cross_entropy(logits, targets, reduction="none")
    return mean(each if weights is None else each * weights, kept)


def equal_keys(*keys: Tensor) -> Tensor:
    """(n, rows of all processes) bool: True where a row and a column are equal in at least one of ``keys``, each (n,)."""
    equal = [own.unsqueeze(1) == gather(own)[0].unsqueeze(0) for own in keys]
    return torch.stack(equal).any(dim=0)


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    *,
    temperature: float | Tensor,
    hard_negatives: Tensor | Sequence[Tensor] | None = None,
    hard_negative_log_weight: float = 0.0,
    duplicates: Tensor | None = None,
    present: Tensor | Sequence[Tensor] | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """One-directional contrast: each anchor against its own positive among all positives (SimCSE, equations 1 and 5).

    ``l_i = -log( e^{s(a_i,p_i)/t} / sum_j [ e^{s(a_i,p_j)/t} + w^{[i=j]} e^{s(a_i,n_j)/t} ] )``, mean over i; s is the cosine.
    With several processes the positives and negatives of all of them stand in the sum.

    Args:
        anchors: (batch, width).
        positives: (batch, width); row i belongs to anchor i.
        temperature: t, above 0.
        hard_negatives: (batch, width), or several of that shape; row i of each is a hard negative of anchor i and a plain one of
            the others. Several add a term to the sum each.
        hard_negative_log_weight: the LOGARITHM of w, added to the logit of each anchor's own hard negatives.
        duplicates: (batch, positives of all processes) bool: pairs off the diagonal that are no negatives of each other.
        present: for each of the hard negatives (batch,) bool, False in the rows that have none; all have one by default.
        weights: (batch,) a factor for each anchor's term; 1 by default.
    """
    columns, offset = gather(positives)
    blocks = [cosine_logits(anchors, columns, scale=1 / temperature)]
    there = _several(present)
    for place, negatives in enumerate(_several(hard_negatives)):
        hard = cosine_logits(anchors, gather(negatives)[0], scale=1 / temperature)
        rows = torch.arange(hard.shape[0], device=hard.device)
        hard = hard + hard_negative_log_weight * F.one_hot(rows + offset, hard.shape[1])
        if there:
            hard = hard.masked_fill(~gather(there[place])[0], -torch.inf)
        blocks.append(hard)
    logits = torch.cat(blocks, dim=1)
    if duplicates is not None:
        duplicates = F.pad(duplicates, (0, logits.shape[1] - duplicates.shape[1]), value=False)
    return diagonal_cross_entropy(logits, duplicates=duplicates, offset=offset, weights=weights)


def _several(tensors: Tensor | Sequence[Tensor] | None) -> Sequence[Tensor]:
    """None, one or some of them as some."""
    return () if tensors is None else (tensors,) if isinstance(tensors, Tensor) else tensors


def symmetric_info_nce(left: Tensor, right: Tensor, *, scale: float | Tensor, duplicates: Tensor | None = None) -> Tensor:
    """Two-directional contrast: ``(CE(S, diag) + CE(S^T, diag)) / 2`` with ``S = scale * cos(left_i, right_j)``.

    With several processes each row is compared with the rows of all of them.

    Args:
        left: (batch, width).
        right: (batch, width); row i belongs to row i of ``left``.
        scale: the inverse temperature, a number or a learned tensor.
        duplicates: (batch, rows of all processes) bool, symmetric where there is one process: pairs off the diagonal that are no
            negatives of each other.
    """
    lefts, offset = gather(left)
    rights, _ = gather(right)
    forward = diagonal_cross_entropy(cosine_logits(left, rights, scale=scale), duplicates=duplicates, offset=offset)
    backward = diagonal_cross_entropy(cosine_logits(right, lefts, scale=scale), duplicates=duplicates, offset=offset)
    return (forward + backward) / 2


def many_to_many_contrast(positives: Tensor, negatives: Tensor) -> Tensor:
    """Contrast of several positives with several negatives, the positives summed inside the logarithm (UNIMO, equation 1).

    ``-log( sum_P e^s / (sum_P e^s + sum_N e^s) )``, mean over the rows of all processes; a row without a positive or without a
    negative stays out of the mean.

    Args:
        positives: (rows, most) scores, already divided by the temperature; minus infinity where a row has none.
        negatives: (rows, most) likewise.

    Returns:
        A scalar; 0 (with no gradient) where no row has both.
    """
    positives, negatives = positives.float(), negatives.float()
    kept = (positives > -torch.inf).any(dim=1) & (negatives > -torch.inf).any(dim=1)
    # Rows that stay out get numbers of their own: the gradient of an empty sum is NaN, and NaN times 0 is NaN.
    positives, negatives = positives.masked_fill(~kept.unsqueeze(1), 0.0), negatives.masked_fill(~kept.unsqueeze(1), 0.0)
    return mean(F.softplus(negatives.logsumexp(dim=1) - positives.logsumexp(dim=1)), kept)


def circle(positives: Tensor, negatives: Tensor, *, margin: float, scale: float) -> Tensor:
    """The circle loss of similarities from 0 to 1, mean over the rows of all processes (Sun et al., CVPR 2020, equation 6).

    ``log( 1 + sum_n e^{s a_n (n - m)} sum_p e^{-s a_p (p - 1 + m)} )``, ``a_n = relu(n + m)`` and ``a_p = relu(1 + m - p)`` without
    gradient. A row without a positive or without a negative stays out of the mean. Its least value is not 0: with p = 1 and k
    negatives of 0 it is ``log(1 + k e^{-2 s m^2})``.

    Args:
        positives: (rows, most); minus infinity where a row has none.
        negatives: (rows, most) likewise.
        margin: m.
        scale: s.
    """
    there = [scores > -torch.inf for scores in (positives, negatives)]
    p, n = (scores.float().masked_fill(~real, 0.0) for scores, real in zip((positives, negatives), there, strict=True))
    kept = there[0].any(dim=1) & there[1].any(dim=1)
    logits = [-scale * (1 + margin - p).relu().detach() * (p - 1 + margin), scale * (n + margin).relu().detach() * (n - margin)]
    # Rows that stay out get numbers of their own: the gradient of an empty sum is NaN, and NaN times 0 is NaN.
    sums = [
        values.masked_fill(~real, -torch.inf).masked_fill(~kept.unsqueeze(1), 0.0).logsumexp(dim=1)
        for values, real in zip(logits, there, strict=True)
    ]
    return mean(F.softplus(sums[0] + sums[1]), kept)


def class_weighted_cross_entropy(
    logits: Tensor, targets: Tensor, *, class_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy with class weights, divided by the number of ROWS of all processes (not by the sum of their weights).

    Args:
        logits: (rows, classes).
        targets: (rows,) int64 class numbers.
        class_weights: (classes,) or None.
        label_smoothing: share of the target mass spread evenly over the classes, 0 to 1.
    """
    total = F.cross_entropy(logits.float(), targets, weight=class_weights, label_smoothing=label_smoothing, reduction="sum")
    return share(total, targets.shape[0])


def symmetric_divergence(one: Tensor, other: Tensor) -> Tensor:
    """``KL(p, q) + KL(q, p) = sum_c (p_c - q_c) (log p_c - log q_c)`` of the softmaxes of two logits (rows, kinds): (rows,)."""
    p, q = one.float().log_softmax(dim=-1), other.float().log_softmax(dim=-1)
    return ((p.exp() - q.exp()) * (p - q)).sum(dim=-1)


def balanced_class_weights(counts: Tensor) -> Tensor:
    """``n / (K * n_c)`` for training counts (classes,): rare classes weigh more, the mean row weighs 1."""
    counts = counts.double()
    return (counts.sum() / (counts.numel() * counts)).float()


def binary_cross_entropy_of_sets(logits: Tensor, members: Tensor) -> Tensor:
    """Which classes a row's set is made of: binary cross-entropy, summed over all classes, a number a row.

    Args:
        logits: (rows, classes).
        members: (rows, longest) int64, the classes in each set; a repeated one counts once, negative numbers are padding.
    """
    targets = logits.new_zeros(logits.shape[0], logits.shape[1] + 1)
    targets.scatter_(1, members.where(members >= 0, logits.shape[1]), 1.0)
    return F.binary_cross_entropy_with_logits(logits, targets[:, :-1], reduction="none").sum(dim=1)


def regression_errors(predictions: Tensor, targets: Tensor, *, kind: Literal["l1", "mse", "huber"]) -> Tensor:
    """The error of each of ``predictions`` (rows,): absolute, squared, or Huber's (half the square up to 1, linear beyond)."""
    if kind == "l1":
        return (predictions - targets).abs()
    if kind == "mse":
        return (predictions - targets).square()
    return F.huber_loss(predictions, targets, reduction="none")


def moved_label(human: Tensor, own: Tensor, fused: Tensor) -> Tensor:
    """The new label (rows,) of a modality: the mean of the rule of ratios and the rule of differences (Self-MM, equation 9).

    ``1/2 (alpha_s / alpha_m) y_m + 1/2 (y_m + alpha_s - alpha_m)``

    Args:
        human: y_m, (rows,).
        own: alpha_s of the modality.
        fused: alpha_m; in the denominator it keeps its sign, and at least 1e-8.
    """
    floor = torch.where(fused < 0, -1.0, 1.0) * fused.abs().clamp(min=1e-8)
    return (own / floor * human + human + own - fused) / 2
