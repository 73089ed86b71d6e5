"""A recurrent network over the words of rows of different lengths."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class PackedGru(nn.Module):
    """Two layers of 128 in both directions. Rows are packed: the way back begins at a row's own last word, not on padding.

    Args:
        width: of the states that come in.
    """

    width = 2 * 128

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.GRU(width, self.width // 2, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """States (rows, words, 256) from states (rows, words, width); ``mask`` (rows, words) says where words stand: first."""
        if states.shape[1] == 0:
            return states.new_zeros((*states.shape[:2], self.width))
        lengths = mask.sum(dim=1).clamp(min=1).cpu()  # a row without words cannot be packed; nobody reads its state
        packed = pack_padded_sequence(states, lengths, batch_first=True, enforce_sorted=False)
        found, _ = pad_packed_sequence(self.layers(packed)[0], batch_first=True, total_length=states.shape[1])
        return found
