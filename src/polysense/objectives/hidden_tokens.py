"""What an objective that hides tokens needs of the text encoder."""

from __future__ import annotations

from torch import Tensor

from polysense.encoders.encoder import Encoder
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.types import Batch, Representation


def hiding_encoder(encoder: Encoder, asker: str) -> TransformerText:
    """The text encoder, if it has a token that hides others; ``asker`` is the objective, for messages.

    Raises:
        RecipeError: it has none, or is frozen: its outputs for plain texts are kept, and nothing else is read.
    """
    if not isinstance(encoder, TransformerText) or encoder.vocabulary.mask is None:
        raise RecipeError(f"{asker}: the text encoder has no token that masks others; take one of the BERT family")
    if not encoder.trainable:
        raise RecipeError(f"{asker} teaches the text encoder: write encoders.text.trainable: true")
    return encoder


def token_states(seen: Representation, shown: Batch, asker: str) -> Tensor:
    """The states (batch, time, width) of all tokens that were shown.

    Raises:
        RecipeError: the encoder gives its summary alone.
    """
    states = seen.parts["text"].states
    if states.shape[1] != shown.parts["text"]["input_ids"].shape[1]:
        raise RecipeError(f"{asker} needs the states of all tokens: write encoders.text.tokens: all")
    return states
