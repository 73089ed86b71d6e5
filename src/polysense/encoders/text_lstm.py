"""Text through an LSTM over the states of a text encoder that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor

from polysense.encoders.encoder import Encoder
from polysense.encoders.recurrence import Recurrence
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.types import Fields, Sample


class TextLSTM(Encoder):
    """What an LSTM remembers at a text's own end, of the states of a frozen ``TransformerText``.

    Source: the text sub-network of LF-DNN, TFN and LMF as MMSA has them, over frozen BERT.
    Relations: ``SequenceLSTM`` does the same with sound and film; it is how a wide text encoder becomes narrow for ``TensorProduct``.

    Args:
        pretrained: whose states are read, see ``TransformerText``.
        weights: likewise.
        width: of states and summary.
        hidden: numbers that the LSTM remembers.
        dropout: share of those that are dropped in training.
        tokens: ``all`` gives each token a state, ``pooled`` only the summary.
        max_length: longest text in tokens, special tokens included; longer texts are cut.
    """

    modality = "text"

    def __init__(
        self,
        pretrained: str = "minilm",
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        width: int = 32,
        hidden: int = 128,
        dropout: float = 0.0,
        tokens: Literal["all", "pooled"] = "all",
        max_length: int = 128,
    ) -> None:
        super().__init__(trainable=True)
        if width < 1 or hidden < 1:
            raise RecipeError(f"encoders.text: width and hidden are numbers from 1 up, found {width} and {hidden}")
        self.width = width
        self.tokens = tokens
        self.reader = TransformerText(pretrained, weights=weights, trainable=False, max_length=max_length)
        self.recurrent = Recurrence(self.reader.width, hidden, width, dropout=dropout)

    @property
    def kept(self) -> Encoder:
        """The text encoder that it reads."""
        return self.reader

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tokens of the texts."""
        return self.reader.prepare(samples)

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States (batch, longest or 1, width), where they stand, and the summaries."""
        read = self.reader(fields)
        states, summary = self.recurrent(read.states.masked_fill(~read.mask.unsqueeze(-1), 0.0), read.mask)
        if self.tokens == "pooled":
            return summary.unsqueeze(1), read.mask.any(dim=1, keepdim=True), summary
        return states, read.mask, summary

    def save_assets(self, folder: Path) -> None:
        """Those of the text encoder that it reads."""
        self.reader.save_assets(folder)

    def preprocessing(self) -> str:
        """That of the text encoder that it reads, and whether tokens have states."""
        return f"{self.reader.preprocessing()} read by an LSTM, {self.tokens}"

    def architecture(self) -> str:
        """That of the text encoder that it reads."""
        return self.reader.architecture()
