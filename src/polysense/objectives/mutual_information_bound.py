"""One modality is to tell what the others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere, gather, mean
from polysense.distributions import entropy_of_sides, gaussian_log_likelihood
from polysense.errors import RecipeError, choices
from polysense.objectives.codes import rows_with
from polysense.objectives.objective import Look, Objective
from polysense.objectives.regression import score_field
from polysense.types import MODALITIES, Fields, Representation, Sample, Widths
from polysense.views.plain import Plain

WIDEST = 10.0
"""Bound on the logarithm of a variance, on both sides: else a summary that became a constant would have any likelihood."""


class MutualInformationBound(Objective):
    """Minus the Barber-Agakov bound of the mutual information of one modality x and each other y: ``-( E log q(y|x) + H(y) )``, summed.

    q is a Gaussian, its mean and its logarithm of the variance from two networks of two layers:
    ``E sum_d [ -(y - mu)^2 / (2 exp(logvar)) - logvar / 2 ]``. H is that of two Gaussians, one of the rows of positive score and
    one of the negative ones: ``1/4 (logdet Cov_pos + logdet Cov_neg)`` of ``tanh(W y + b)``, of a quarter of y's width; it is left
    out of batches in which a side has no more rows than that has numbers.
    Reads: the modalities; with ``entropy`` the score.   Source: MMIM (EMNLP 2021).
    Relations: ``ContrastivePrediction`` does the same between the modalities and their fusion.

    Args:
        widths: supplied by the build.
        source: x.
        hidden: width inside the networks; that of y by default.
        entropy: with H(y). Without it the bound can be had by a y that says nothing.
        normalized: with the term ``-logvar / 2``, which MMIM's released code lacks.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, widths: Widths, *, source: str = "text", hidden: int | None = None, entropy: bool = True, normalized: bool = True
    ) -> None:
        super().__init__()
        modalities = [name for name in MODALITIES if name in widths]
        if source not in modalities:
            raise RecipeError(f"MutualInformationBound.source: no encoder for {source!r}; {choices(source, modalities)}")
        self.source = source
        self.targets = tuple(name for name in modalities if name != source)
        if not self.targets:
            raise RecipeError(f"MutualInformationBound: {source} is the only modality, it takes two to tell each other")
        self.widths = {name: widths[name] for name in self.targets}
        self.means = nn.ModuleDict({name: _network(widths[source], widths[name], hidden) for name in self.targets})
        self.log_variances = nn.ModuleDict({name: _network(widths[source], widths[name], hidden) for name in self.targets})
        self.reduce = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(widths[name], max(1, widths[name] // 4)), nn.Tanh()) for name in self.targets}
            if entropy
            else {}
        )
        self.normalized = normalized

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``score`` (batch,) float32, NaN where there is none."""
        return {"score": score_field([sample.score for sample in samples])}

    def forward(self, look: Look) -> Tensor | None:
        """The sum over the other modalities that the batch has beside the source."""
        shown, seen = look(Plain())
        terms = []
        for name in self.targets:
            rows = rows_with(seen, self.source, name)
            if everywhere(not bool(rows.any())):
                continue
            terms.append(-mean(self._likelihood(name, seen, rows)))
            if name in self.reduce:
                terms += self._entropy(name, seen, shown.batch.fields["score"].where(rows, torch.nan))
        return torch.stack(terms).sum() if terms else None

    def _likelihood(self, name: str, seen: Representation, rows: Tensor) -> Tensor:
        """(rows,): log q(y|x) of those that have both."""
        if not bool(rows.any()):
            return seen.fused.summary.new_zeros(0)
        x, y = seen.parts[self.source].summary[rows], seen.parts[name].summary[rows].float()
        log_variance = WIDEST * torch.tanh(self.log_variances[name](x).float() / WIDEST)
        return gaussian_log_likelihood(self.means[name](x).float(), log_variance, y, normalized=self.normalized)

    def _entropy(self, name: str, seen: Representation, score: Tensor) -> list[Tensor]:
        """-H(y), or nothing where the rows do not suffice."""
        layer = self.reduce[name]
        sides = []
        for side in (score > 0, score < 0):
            y = seen.parts[name].summary[side] if name in seen.parts else seen.fused.summary.new_zeros(0, self.widths[name])
            sides.append(gather(layer(y))[0])
        positive, negative = sides
        return [-entropy_of_sides(positive, negative)] if min(map(len, sides)) > positive.shape[1] else []


def _network(width: int, out: int, hidden: int | None) -> nn.Sequential:
    inner = out if hidden is None else hidden
    return nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, out))
