"""Text through any Hugging Face encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from transformers import AutoTokenizer

from polysense.encoders.encoder import Encoder, architecture_of, masked_mean
from polysense.encoders.loading import explained, load_backbone, text_tower
from polysense.encoders.packaged import PACKAGED, packaged_folder
from polysense.errors import RecipeError
from polysense.types import Fields, Sample

PLACES = frozenset({"name_or_path", "vocab_file", "merges_file", "tokenizer_file", "special_tokens_map_file", "is_local"})
"""What a tokenizer notes about where it came from, which changes nothing that it gives."""


class TransformerText(Encoder):
    """A Hugging Face text encoder (BERT, RoBERTa, MPNet, DistilBERT, ...); the encoder of T5 or BART, the text tower of CLIP.

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
            self._settle_padding(pretrained)
            self.backbone = text_tower(load_backbone(source, weights, tower="text"))
            self.width = int(self.backbone.config.hidden_size)
            self.max_length = min(max_length, int(self.tokenizer.model_max_length), self._positions())
        self.pooling = pooling
        self.piece_rows = piece_rows
        self.freeze()

    def _settle_padding(self, pretrained: str) -> None:
        """Models that were trained without padding have no token for it; any will do, for the mask hides it."""
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        if self.tokenizer.pad_token_id is None:
            raise RecipeError(f"the text encoder {pretrained!r} cannot be used: its tokenizer has no token to pad with")

    def _positions(self) -> int:
        """How many tokens the model has positions for; RoBERTa and its kin count theirs from behind the padding token's number."""
        config = self.backbone.config
        known = getattr(config, "max_position_embeddings", None) or self.tokenizer.model_max_length
        embeddings = getattr(getattr(self.backbone, "embeddings", None), "position_embeddings", None)
        padding = getattr(embeddings, "padding_idx", None)
        return int(known) - (0 if padding is None else int(padding) + 1)

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``input_ids`` and ``attention_mask``, both (batch, longest) int64; a text without tokens gets one for padding."""
        texts = [sample.text or "" for sample in samples]
        tokens = self.tokenizer(
            texts,
            truncation=True,
            max_length=self.max_length,
            padding="longest",
            padding_side="right",
            return_attention_mask=True,
            return_tensors="pt",
        )
        ids, mask = tokens["input_ids"].long(), tokens["attention_mask"].long()
        if ids.shape[1] == 0:
            ids, mask = ids.new_full((len(texts), 1), self.tokenizer.pad_token_id), mask.new_zeros((len(texts), 1))
        mask[mask.sum(dim=1) == 0, 0] = 1  # attention to nothing at all is NaN
        return {"input_ids": ids, "attention_mask": mask}

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
        return f"text {json.dumps(self._rules(), default=str)} {self.max_length} {self.pooling}"

    def _rules(self) -> Any:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in Python: its code is known by name only
            kept = {name: value for name, value in self.tokenizer.init_kwargs.items() if name not in PLACES}
            return [type(self.tokenizer).__name__, sorted(self.tokenizer.get_vocab().items()), sorted(kept.items())]
        # The tokenizer notes its last call there; what it was asked before does not change what it gives now.
        return {name: value for name, value in json.loads(backend.to_str()).items() if name not in {"truncation", "padding"}}
