"""What an LSTM remembers of sequences, each read to its own end."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class Recurrence(nn.Module):
    """``W dropout(h) + b``, h being what LSTMs remember at a sequence's own end, those of all layers and directions side by side.

    Sequences are packed: the network never steps over what is not there. Between two layers stands a LayerNorm, as in MISA (ACM
    MM 2020); with one layer it is the sub-network of Self-MM (AAAI 2021), in both directions that of MMIM (EMNLP 2021).

    Args:
        reads: numbers a step.
        hidden: numbers that each layer remembers, in each direction.
        width: of states and summary.
        layers: how many.
        bidirectional: read the sequences from their ends, too.
        dropout: share of the numbers of h that are dropped in training.
    """

    def __init__(
        self, reads: int, hidden: int, width: int, *, layers: int = 1, bidirectional: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        remembered = (2 if bidirectional else 1) * hidden
        self.layers = nn.ModuleList(
            nn.LSTM(remembered if layer else reads, hidden, batch_first=True, bidirectional=bidirectional)
            for layer in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(remembered) for _ in range(layers - 1))
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(layers * remembered, width)

    def forward(self, sequences: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, time, width), zero where nothing stands, and summaries (batch, width).

        A row of nothing is read as one step of zeros. A state is ``W h_t + b``, h_t being what the layers give at that step.

        Args:
            sequences: (batch, time, reads); zero where nothing stands.
            mask: (batch, time) bool: where something stands, from the beginning of each row on.
        """
        lengths = mask.sum(dim=1).clamp(min=1).cpu()  # packing wants them there
        read = pack_padded_sequence(sequences, lengths, batch_first=True, enforce_sorted=False)
        steps, ends = [], []
        for place, layer in enumerate(self.layers):
            if place:
                read = _with(read, self.norms[place - 1](read.data))
            read, (last, _) = layer(read)
            steps.append(read.data)
            ends.append(last.transpose(0, 1).flatten(1))
        summary = self.project(self.dropout(torch.cat(ends, dim=1)))
        projected = _with(read, self.project(torch.cat(steps, dim=1)))
        states, _ = pad_packed_sequence(projected, batch_first=True, total_length=sequences.shape[1])
        return states.masked_fill(~mask.unsqueeze(-1), 0.0), summary


def _with(packed: PackedSequence, data: Tensor) -> PackedSequence:
    """Other numbers at the same steps of the same rows."""
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
