"""What a model's folder says about how it makes one vector of a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from polysense.inference.foreign.weights import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The transformer's folder, its pooling, and what stands behind it."""

    transformer: Path
    """Where configuration, tokenizer and weights are."""
    weights: Weights
    pooling: str
    """As ``TransformerText`` names it."""
    doubt: str = ""
    """Why the pooling may be another one; empty where the folder says it."""
    head: dict[str, Tensor] | None = None
    """``weight`` (width, width) and ``bias`` (width,) of the dense layer that the pooling ``cls`` needs, where there is one."""
    max_length: int | None = None
    """Longest text in tokens; None where only the transformer limits it."""
    lower_case: bool = False
    """Whether texts are put in lower case before the tokenizer."""
    trained: bool = False
    """Whether the weights are as a training wrote them: the backbone under a prefix, heads beside it."""
    heads: Path | None = None
    """The folder of the heads that MCSE saved beside the encoder, where they are to be read."""
