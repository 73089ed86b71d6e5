"""What an LSTM remembers of sequences, each read to its own end."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class Recurrence(nn.Module):
    """``W dropout(h) + b``, h being what LSTMs remember at a sequence's own end, those of all layers and directions side by side.

    What stands behind a sequence's end comes after all that is read of it, in the other direction too, which begins at the end of
    each row: so nothing of it is in any result. (Packed sequences would give the same; with rows of unequal lengths torch reads them
    on a processor in about seven times the time.) Between two layers stands a LayerNorm, as in MISA (ACM MM 2020); with one layer it
    is the sub-network of Self-MM (AAAI 2021), in both directions that of MMIM (EMNLP 2021).

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
        lengths = mask.sum(dim=1).clamp(min=1)
        rows, longest = torch.arange(len(lengths), device=lengths.device), int(lengths.max())
        turned = _turned(lengths, longest)
        read = sequences[:, :longest]
        steps, ends = [], []
        for place, layer in enumerate(self.layers):
            assert isinstance(layer, nn.LSTM)
            if place:
                read = self.norms[place - 1](read)
            directions = [_direction(layer, read)]
            ends.append(directions[0][rows, lengths - 1])
            if layer.bidirectional:
                back = _direction(layer, read.gather(1, turned.expand(-1, -1, read.shape[2])), backwards=True)
                ends.append(back[rows, lengths - 1])
                directions.append(back.gather(1, turned.expand(-1, -1, back.shape[2])))
            read = torch.cat(directions, dim=2)
            steps.append(read)
        summary = self.project(self.dropout(torch.cat(ends, dim=1)))
        states = pad(self.project(torch.cat(steps, dim=2)), (0, 0, 0, sequences.shape[1] - longest))
        return states.masked_fill(~mask.unsqueeze(-1), 0.0), summary


def _turned(lengths: Tensor, longest: int) -> Tensor:
    """(batch, longest, 1) int64: each row's steps from its own end to its beginning; what is behind the end stays."""
    steps = torch.arange(longest, device=lengths.device)
    turned = lengths.unsqueeze(1) - 1 - steps
    return torch.where(turned >= 0, turned, steps).unsqueeze(2)


def _direction(layer: nn.LSTM, read: Tensor, *, backwards: bool = False) -> Tensor:
    """What one direction of a layer remembers after each step, (batch, time, hidden); it reads as it is given."""
    if not layer.bidirectional:
        alone: Tensor = layer(read)[0]
        return alone
    ending = "_reverse" if backwards else ""
    weights: list[Tensor] = [
        layer.get_parameter(f"{name}_l0{ending}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    start = read.new_zeros(1, read.shape[0], layer.hidden_size)
    states: Tensor = torch.lstm(read, (start, start), weights, True, 1, 0.0, layer.training, False, True)[0]
    return states
