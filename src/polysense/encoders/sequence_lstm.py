"""Sound or film through a recurrent network."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from polysense.encoders.sequence import SequenceEncoder
from polysense.types import Fields


class SequenceLSTM(SequenceEncoder):
    """``W dropout(h) + b``, where h is what an LSTM of one layer remembers at a sequence's own last frame.

    Sequences are packed: the network never steps over what is not there. Source: Self-MM (AAAI 2021), which encodes sound and
    film like this; in both directions (MMIM, EMNLP 2021), h is the end of each.

    Args:
        modality: ``audio`` or ``video``.
        width: of states and summary.
        hidden: numbers that the network remembers, in each direction.
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
        self.tokens = tokens
        self.recurrent = nn.LSTM(self.frame_width, hidden, batch_first=True, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear((2 if bidirectional else 1) * hidden, width)
        self.freeze()

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States (batch, longest or 1, width), where they stand, and the summaries; a row without frames is read as one of zeros."""
        frames, mask = self.sequences(fields)
        lengths = fields["lengths"].clamp(min=1).cpu()  # packing wants them there
        packed = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
        steps, (last, _) = self.recurrent(packed)
        summary = self.project(self.dropout(last.transpose(0, 1).flatten(1)))
        if self.tokens == "pooled":
            return summary.unsqueeze(1), mask.any(dim=1, keepdim=True), summary
        projected = PackedSequence(self.project(steps.data), steps.batch_sizes, steps.sorted_indices, steps.unsorted_indices)
        states, _ = pad_packed_sequence(projected, batch_first=True, total_length=frames.shape[1])
        return states.masked_fill(~mask.unsqueeze(-1), 0.0), mask, summary
