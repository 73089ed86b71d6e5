"""Text through any Hugging Face encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor
from transformers import AutoTokenizer

from polysense.encoders.encoder import Encoder, architecture_of, masked_mean
from polysense.encoders.loading import explained, load_backbone
from polysense.encoders.packaged import PACKAGED, packaged_folder
from polysense.types import Fields, Sample


class TransformerText(Encoder):
    """A Hugging Face text encoder (BERT, RoBERTa, MPNet, DistilBERT, ...).

    Rows of a batch are sorted by length and encoded in pieces, each padded only to its own longest row, so that little work is
    done on padding. Without dropout the result equals the unsorted pass; with dropout it is equal in distribution.

    Args:
        pretrained: ``minilm`` (packaged), a folder, or a Hugging Face id.
        weights: ``random`` builds from the folder's configuration alone.
        trainable: whether the weights are fine-tuned.
        pooling: how the summary is made: ``mean`` over the tokens, or ``cls``, the first state.
        max_length: longest text in tokens, special tokens included; longer texts are cut.
        piece_rows: rows a piece; 0 encodes the batch in one go.
    """

    modality: ClassVar[str] = "text"

    def __init__(
        self,
        pretrained: str = "minilm",
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        trainable: bool = True,
        pooling: Literal["mean", "cls"] = "mean",
        max_length: int = 128,
        piece_rows: int = 8,
    ) -> None:
        super().__init__(trainable=trainable)
        source = str(packaged_folder(pretrained)) if pretrained in PACKAGED else pretrained
        with explained("text encoder", pretrained):
            self.tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
            self.backbone = load_backbone(source, weights)
        self.width = int(self.backbone.config.hidden_size)
        self.pooling = pooling
        self.max_length = min(max_length, int(self.tokenizer.model_max_length), self._positions())
        self.piece_rows = piece_rows
        self.freeze()

    def _positions(self) -> int:
        """How many tokens the model has positions for; RoBERTa and its kin count theirs from behind the padding token's number."""
        config = self.backbone.config
        known = getattr(config, "max_position_embeddings", None) or self.tokenizer.model_max_length
        embeddings = getattr(getattr(self.backbone, "embeddings", None), "position_embeddings", None)
        padding = getattr(embeddings, "padding_idx", None)
        return int(known) - (0 if padding is None else int(padding) + 1)

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``input_ids`` and ``attention_mask``, both (batch, longest) int64."""
        texts = [sample.text or "" for sample in samples]
        tokens = self.tokenizer(
            texts, truncation=True, max_length=self.max_length, padding="longest", padding_side="right", return_tensors="pt"
        )
        return {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States of the last layer, the attention mask, and their pooling."""
        ids, mask = fields["input_ids"], fields["attention_mask"]
        states = self._in_pieces(ids, mask)
        real = mask.bool()
        summary = states[:, 0] if self.pooling == "cls" else masked_mean(states, real)
        return states, real, summary

    def _in_pieces(self, ids: Tensor, mask: Tensor) -> Tensor:
        rows, time = ids.shape
        lengths = mask.sum(dim=1)
        if not 0 < self.piece_rows < rows or bool((lengths == time).all()):
            return self._states(ids, mask)
        order = torch.argsort(lengths, stable=True)
        pieces = []
        for chosen in torch.split(order, self.piece_rows):
            longest = int(lengths[chosen].max())
            states = self._states(ids[chosen, :longest], mask[chosen, :longest])
            pieces.append(torch.nn.functional.pad(states, (0, 0, 0, time - longest)))
        return torch.cat(pieces)[torch.argsort(order)]

    def _states(self, ids: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self.backbone(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    def save_assets(self, folder: Path) -> None:
        """Configuration and tokenizer."""
        self.backbone.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def architecture(self) -> str:
        """The backbone's configuration."""
        return architecture_of(self.backbone.config)

    def preprocessing(self) -> str:
        """Tokenizer, length and pooling."""
        tokenizer = json.loads(self.tokenizer.backend_tokenizer.to_str())
        # The tokenizer notes its last call there; what it was asked before does not change what it gives now.
        rules = {name: value for name, value in tokenizer.items() if name not in {"truncation", "padding"}}
        return f"text {json.dumps(rules)} {self.max_length} {self.pooling}"
