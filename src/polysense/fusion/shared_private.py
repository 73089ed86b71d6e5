"""Fusion of what the modalities share with what each has for itself."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion, Placeholders, any_present, single_state
from polysense.types import Encoded, Widths


class SharedPrivate(Fusion):
    """A shared and a private code of each modality, through a Transformer layer over all of them, joined.

    Each summary becomes ``u_m = LayerNorm(ReLU(A_m m))``, then ``p_m = sigmoid(P_m u_m)`` and ``s_m = sigmoid(S u_m)``, S being
    one for all.
    The codes, private ones first, are the tokens of one Transformer layer; the summary is ``ReLU(dropout(W [all of them]))``.
    Objectives make the codes what they are called: ``Orthogonality`` (private ones apart), ``MomentDiscrepancy`` (shared ones alike)
    and ``Reconstruction`` (both together hold the modality).   Source: MISA (ACM MM 2020).

    Args:
        widths: width of each modality's summary; supplied by the build.
        code_width: of each code.
        width: of the result; three times ``code_width`` by default.
        heads: of the layer's attention.
        feed_forward: width inside the layer.
        layer_dropout: inside the layer.
        dropout: before the last ReLU.
    """

    def __init__(
        self,
        widths: Widths,
        *,
        code_width: int = 128,
        width: int | None = None,
        heads: int = 2,
        feed_forward: int = 2048,
        layer_dropout: float = 0.1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if heads < 1 or code_width % heads:
            raise RecipeError(f"fusion: code_width {code_width} must be a multiple of heads {heads}")
        self.modalities = tuple(widths)
        self.width = width or 3 * code_width
        self.codes = {f"{kind}.{name}": code_width for kind in ("projected", "private", "shared") for name in self.modalities}
        self.placeholders = Placeholders(widths)
        self.project = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(own, code_width), nn.ReLU(), nn.LayerNorm(code_width))
                for name, own in widths.items()
            }
        )
        self.private = nn.ModuleDict({name: nn.Linear(code_width, code_width) for name in self.modalities})
        self.shared = nn.Linear(code_width, code_width)
        self.layer = nn.TransformerEncoderLayer(code_width, heads, feed_forward, layer_dropout, batch_first=True)
        self.mix = nn.Sequential(nn.Linear(2 * len(self.modalities) * code_width, self.width), nn.Dropout(dropout), nn.ReLU())

    def forward(self, parts: Mapping[str, Encoded]) -> Encoded:
        """Split, let the codes look at each other, join; the codes are those before they did."""
        projected = {name: self.project[name](self.placeholders.summary(name, parts)) for name in self.modalities}
        private = {name: torch.sigmoid(self.private[name](vector)) for name, vector in projected.items()}
        shared = {name: torch.sigmoid(self.shared(vector)) for name, vector in projected.items()}
        mixed = self.mix(self.layer(torch.stack([*private.values(), *shared.values()], dim=1)).flatten(1))
        plain = single_state(mixed, any_present(parts))
        codes = _named("projected", projected) | _named("private", private) | _named("shared", shared)
        return Encoded(plain.states, plain.mask, plain.summary, plain.present, codes)


def _named(kind: str, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{kind}.{name}": code for name, code in codes.items()}
