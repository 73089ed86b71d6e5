"""The contract of an extractor: how a recording, a film or a picture becomes a sequence of vectors that says how it was made."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from polysense.data.frames import Provenance
from polysense.data.media import Picture

Medium = Path | Picture
"""A file; or a picture that is held in memory."""


class Extractor(ABC):
    """A file (or a picture) in, frames (time, width) out."""

    @property
    @abstractmethod
    def provenance(self) -> Provenance:
        """Its name and all that decides the numbers; equal for extractors that make equal frames."""

    @abstractmethod
    def extract(self, medium: Medium) -> np.ndarray:
        """(time, width) float32, at least one frame.

        Raises:
            NothingThereError: it can be read and lacks what is asked for.
            DataError: it cannot be used.
            PolysenseError: PyAV is not installed.
        """


def file_of(medium: Medium) -> Path:
    """The file of a recording or film: none of them is held in memory (see `Sample`)."""
    assert isinstance(medium, Path)
    return medium


def weights_digest(network: nn.Module) -> str:
    """Equal for equal weights, wherever they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + tensor.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:16]


def located(pretrained: str) -> str:
    """A Hugging Face id as it is; a folder by a name that holds from wherever the features are made again."""
    return str(Path(pretrained).resolve()) if Path(pretrained).is_dir() else pretrained


def settings(configuration: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of a processor's settings that decide numbers; the others come and go with the versions of its library."""
    return {name: configuration[name] for name in names if configuration.get(name) is not None}
