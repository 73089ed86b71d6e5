"""What a tokenizer's tokens are, as far as masking needs to know."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens of one text encoder. Two vocabularies are equal only if they are one object: views compare fast."""

    size: int
    mask: int | None
    """The token that stands for a hidden one; None where the model knows none."""
    special: Tensor = field(repr=False)
    """(size,) bool: tokens that are no part of a text: padding, start, separator, mask."""
    continues: Tensor = field(repr=False)
    """(size,) bool: tokens that go on with the word of the token before them."""
    start: int | None = field(default=None, repr=False)
    """The token before a text ([CLS], <s>); None where there is none."""
    end: int | None = field(default=None, repr=False)
    """The token behind one ([SEP], </s>)."""

    @classmethod
    def of(cls, tokenizer: Any, *, size: int) -> Vocabulary:
        """The vocabulary of a Hugging Face tokenizer; ``size`` is what the model has embeddings for, which may be more."""
        special, continues = torch.zeros(size, dtype=torch.bool), torch.zeros(size, dtype=torch.bool)
        known = {token: number for token, number in tokenizer.get_vocab().items() if number < size}
        prefix, marker = _marks(tokenizer, known)
        for token, number in known.items():
            continues[number] = token.startswith(prefix) if prefix else bool(marker) and _goes_on(token, marker)
        places = [number for number in tokenizer.all_special_ids if number < size and number != tokenizer.unk_token_id]
        special[places] = True
        continues[places] = False
        return cls(
            size=size,
            mask=tokenizer.mask_token_id,
            special=special,
            continues=continues,
            start=tokenizer.cls_token_id,
            end=tokenizer.sep_token_id,
        )

    def words(self, ids: Tensor) -> Tensor:
        """Which word of its row each token belongs to, from 0: (batch, time) int64 for ids (batch, time); -1 for special tokens."""
        special = self.special.to(ids.device)[ids]
        before = torch.nn.functional.pad(special[:, :-1], (1, 0), value=True)
        starts = ~special & (~self.continues.to(ids.device)[ids] | before)
        return (starts.cumsum(dim=1) - 1).masked_fill(special, -1)


def _marks(tokenizer: Any, known: dict[str, int]) -> tuple[str, str]:
    """What stands before a token that continues a word (WordPiece), or before one that begins a word (BPE, Unigram)."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    model = json.loads(backend.to_str())["model"] if backend is not None else {}
    prefix = model.get("continuing_subword_prefix") or ("##" if any(token.startswith("##") for token in known) else "")
    if prefix:
        return str(prefix), ""
    return "", next((marker for marker in ("\u2581", "\u0120") if any(token.startswith(marker) for token in known)), "")


def _goes_on(token: str, marker: str) -> bool:
    return not token.startswith(marker) and token[:1].isalnum()
