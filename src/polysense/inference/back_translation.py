"""Captions in other words: translated into another language and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import torch

from polysense.errors import RecipeError
from polysense.knowledge.rewriting.translator import Translator

LONGEST = 128
"""Tokens of a translation, at most."""


class BackTranslation(Translator):
    """Two sequence-to-sequence models of Hugging Face, one there and one back. Beam search: the same text, the same paraphrases.

    Args:
        there: an id or a folder: a model from the captions' language into another one.
        back: the way back.
        several: paraphrases of a text, before equal ones are dropped: the best so many of the way back.
        batch_size: texts a pass.

    Raises:
        RecipeError: a model cannot be loaded.
    """

    def __init__(self, there: str, back: str, *, several: int = 3, batch_size: int = 32) -> None:
        self.names = (there, back)
        self.several = several
        self.batch_size = batch_size
        self._models = [_load(name) for name in self.names]

    @property
    def name(self) -> str:
        """Both models."""
        return f"back-translation by {self.names[0]} and {self.names[1]}"

    def paraphrase(self, texts: Sequence[str]) -> list[list[str]]:
        """At most ``several`` different texts for each, without blank ones."""
        found: list[list[str]] = []
        for start in range(0, len(texts), self.batch_size):
            block = list(texts[start : start + self.batch_size])
            abroad = _translate(self._models[0], block, 1)
            there = [text for text in abroad if text]  # of nothing, nothing comes back
            said = iter(_translate(self._models[1], there, self.several) if there else [])
            found += [list(dict.fromkeys(filter(None, islice(said, self.several if text else 0)))) for text in abroad]
        return found


def _load(name: str) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name), AutoModelForSeq2SeqLM.from_pretrained(name).eval()
    except (OSError, ValueError) as error:
        raise RecipeError(f"translate: {name} is no translation model that can be loaded: {error}") from None


def _translate(model: tuple[Any, Any], texts: list[str], several: int) -> list[str]:
    tokenizer, network = model
    inputs = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=LONGEST)
    wanted = ("input_ids", "attention_mask")
    with torch.inference_mode():
        ids = network.generate(
            **{name: inputs[name] for name in wanted},
            max_new_tokens=LONGEST,
            num_beams=max(4, several),
            num_return_sequences=several,
            do_sample=False,
        )
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
