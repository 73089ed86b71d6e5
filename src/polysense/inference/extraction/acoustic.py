"""Log-mel, MFCC, energy and pitch of a recording, or of the sound of a film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from polysense.data.audio_features import PARTS, SETTINGS, acoustic
from polysense.data.clip_file import read_sound
from polysense.data.frames import Provenance
from polysense.data.pitch import PITCH_SETTINGS
from polysense.errors import RecipeError, choices
from polysense.inference.extraction.extractor import Extractor, Medium, file_of


class Acoustic(Extractor):
    """See :mod:`polysense.data.audio_features`: a frame every 20 ms.

    Args:
        parts: which of ``log_mel``, ``mfcc``, ``energy``, ``f0``; all by default.
    """

    name = "polysense acoustic"

    def __init__(self, parts: Sequence[str] = PARTS) -> None:
        for part in parts:
            if part not in PARTS:
                raise RecipeError(f"there is no part {part!r} of sound; {choices(part, PARTS)}")
        self.parts = tuple(part for part in PARTS if part in parts)
        if not self.parts:
            raise RecipeError(f"sound: name at least one of {', '.join(PARTS)}")

    @property
    def provenance(self) -> Provenance:
        """The parts and their settings."""
        pitch = {"pitch": PITCH_SETTINGS} if "f0" in self.parts else {}
        return Provenance(self.name, {"parts": list(self.parts), **SETTINGS, **pitch}, {"torch": torch.__version__})

    def extract(self, medium: Medium) -> np.ndarray:
        """(time, up to 56)."""
        found: np.ndarray = acoustic(torch.from_numpy(read_sound(file_of(medium))), self.parts).numpy()
        return found
