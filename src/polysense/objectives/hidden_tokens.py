"""What objectives that hide tokens share: what they need of the text encoder, and the loss of those that hide one thing at a time."""

from __future__ import annotations

from torch import Tensor, nn

from polysense.distributed import everywhere, mean
from polysense.encoders.encoder import Encoder
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.objectives.objective import Recovered
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


def token_states(seen: Representation, shown: Batch, asker: str, *, fusion: Fusion | None = None) -> Tensor:
    """The states (batch, time, width) of all tokens that were shown; with a ``fusion``, having read the other modalities.

    Raises:
        RecipeError: the encoder gives its summary alone, or the fusion no states of the tokens.
    """
    if fusion is not None:
        if not fusion.text_first:
            raise RecipeError(
                f"{asker}, beside: {type(fusion).__name__} gives no states of tokens; take one of one stream, or leave it out"
            )
        return seen.fused.states[:, : shown.parts["text"]["input_ids"].shape[1]]
    states = seen.parts["text"].states
    if states.shape[1] != shown.parts["text"]["input_ids"].shape[1]:
        raise RecipeError(f"{asker} needs the states of all tokens: write encoders.text.tokens: all")
    return states


def cross_entropy_of(found: Recovered) -> Tensor | None:
    """The mean over what was hidden, of all processes; None where none of them hid anything."""
    if everywhere(not len(found.truth)):
        return None
    return mean(nn.functional.cross_entropy(found.scores, found.truth[:, 0], reduction="none"))
