"""Sound or film through a recurrent network."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from polysense.encoders.recurrence import Recurrence
from polysense.encoders.sequence import SequenceEncoder
from polysense.errors import RecipeError
from polysense.types import Fields


class SequenceLSTM(SequenceEncoder):
    """What an LSTM remembers of a sequence at its own last frame, see :class:`polysense.encoders.recurrence.Recurrence`.

    Source: Self-MM (AAAI 2021), which encodes sound and film like this; in both directions MMIM (EMNLP 2021), with two layers besides
    MISA (ACM MM 2020).

    Args:
        modality: ``audio`` or ``video``.
        width: of states and summary.
        hidden: numbers that each layer remembers, in each direction.
        layers: how many.
        bidirectional: read the sequence from its end, too.
        dropout: share of the numbers of h that are dropped in training.
        tokens: ``all`` gives each frame a state, ``W h_t + b``, for fusions that read sequences; ``pooled`` only the summary.
        frame_width: numbers a frame; taken from the training rows.
        features: what made the frames, name and parameters; taken from the training rows. Frames made otherwise are refused.
        standardize: bring each number of a frame to mean 0 and deviation 1 over all frames of the training rows.
        max_length: frames of a sequence that are read, from its beginning; all by default.
    """

    def __init__(
        self,
        modality: Literal["audio", "video"],
        *,
        width: int = 16,
        hidden: int = 16,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        tokens: Literal["all", "pooled"] = "all",
        frame_width: int | None = None,
        features: dict[str, Any] | None = None,
        standardize: bool = False,
        max_length: int | None = None,
    ) -> None:
        super().__init__(
            modality,
            width=width,
            frame_width=frame_width,
            features=features,
            standardize=standardize,
            max_length=max_length,
        )
        if layers < 1:
            raise RecipeError(f"encoders.{modality}, layers: expected a number from 1 up, found {layers}")
        self.tokens = tokens
        self.recurrent = Recurrence(
            self.frame_width, hidden, width, layers=layers, bidirectional=bidirectional, dropout=dropout
        )
        self.freeze()

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States (batch, longest or 1, width), where they stand, and the summaries; a row without frames is read as one of zeros."""
        frames, mask = self.sequences(fields)
        states, summary = self.recurrent(frames, mask)
        if self.tokens == "pooled":
            return summary.unsqueeze(1), mask.any(dim=1, keepdim=True), summary
        return states, mask, summary
