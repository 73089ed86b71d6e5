"""What the objectives of hidden sentiment share: the knowledge, and what it hides."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError
from polysense.knowledge import find
from polysense.model import Model
from polysense.objectives.hidden_tokens import hiding_encoder, token_states
from polysense.objectives.kept_knowledge import keep, offer, recall, settle
from polysense.objectives.objective import Look, Recovering
from polysense.objectives.sentiment_fields import SentimentFields
from polysense.types import Sample
from polysense.views.sentiment_masked import SentimentMasked

LOOKED_THROUGH = 1000
"""Training texts in which a word of the knowledge must be found; knowledge of another language has none in any."""

FEW = 0.05
"""Below this share of them a warning is given: knowledge of another domain, or of another language with some words in common."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was hidden of a batch, and what the model made of the rest."""

    targets: Mapping[str, Tensor]
    """Of :class:`SentimentMasked`."""
    states: Tensor
    """(batch, time, width) of the text."""
    embeddings: Tensor
    """(tokens, width), the text encoder's own."""


class SentimentObjective(Recovering):
    """An objective that recovers sentiment which :class:`SentimentMasked` hid. Equal choices share one pass.

    Args:
        knowledge: what to hide by: the folder that `polysense mine` wrote, or a lexicon, from the folder in which the command is given.
            The saved recipe holds its digest, the run a copy; prediction needs neither.
        share: of a text's tokens, hidden beside the pairs; above 0 and below 1.
        most_pairs: pairs of aspect and sentiment word that are hidden in a text.
        skip_negated: hide no sentiment word with a negator at most three words to its left, in its clause.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text"})
    recovers_pairs: ClassVar[bool] = False
    """Whether it learns from hidden pairs alone."""

    def __init__(self, *, knowledge: str | None, share: float, most_pairs: int, skip_negated: bool) -> None:
        super().__init__()
        if not 0 < share < 1 or most_pairs < 0:
            raise RecipeError(f"{type(self).__name__}: share lies between 0 and 1, most_pairs from 0 up")
        self.knowledge, self.share, self.most_pairs, self.skip_negated = knowledge, share, most_pairs, skip_negated

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The knowledge's digest in place of its folder.

        Raises:
            RecipeError: there is no such knowledge.
            DataError: it is damaged, or no training text holds a word of it.

        Warns:
            UserWarning: few training texts hold a word of it, or none a pair that is to be recovered.
        """
        digest = settle(arguments.get("knowledge"))
        knowledge = recall(digest)
        texts = tuple(islice((sample.text for sample in samples if sample.text), LOOKED_THROUGH))
        with_words, with_pairs = _occurring(digest, texts)
        what = (
            f"of the knowledge {arguments['knowledge']!r} ({len(knowledge.words)} words, {len(knowledge.pairs)} pairs, language "
            f"{knowledge.language!r}): was it mined from texts like these?"
        )
        if not with_words:
            raise DataError(f"none of {len(texts)} training texts holds a word {what}")
        if with_words < FEW * len(texts):
            warnings.warn(f"only {with_words} of {len(texts)} training texts hold a word {what}", stacklevel=2)
        elif cls.recovers_pairs and not with_pairs:
            warnings.warn(f"{cls.__name__}: none of {len(texts)} training texts holds a pair {what}", stacklevel=2)
        return {**arguments, "knowledge": digest}

    def preparer(self, model: Model) -> SentimentFields:
        """Who finds the words of the knowledge in the texts."""
        return self._fields(hiding_encoder(model.encoder("text"), type(self).__name__))

    def save_assets(self, folder: Path) -> None:
        """A copy of the knowledge."""
        if self.knowledge is not None:
            keep(self.knowledge, folder)

    def load_assets(self, folder: Path) -> None:
        """The copy, if it is there."""
        if self.knowledge is not None:
            offer(self.knowledge, folder)

    def hide(self, look: Look) -> Hidden:
        """What all objectives of one knowledge and equal choices see of a batch."""
        asker = type(self).__name__
        encoder = hiding_encoder(look.encoder("text"), asker)
        source = self._fields(encoder).source
        view = SentimentMasked(encoder.vocabulary, source, share=self.share, most_pairs=self.most_pairs)
        shown, seen = look(view)
        return Hidden(shown.targets, token_states(seen, shown.batch, asker), encoder.embeddings)

    def _fields(self, encoder: TransformerText) -> SentimentFields:
        if self.knowledge is None:
            raise RecipeError(f"{type(self).__name__}: knowledge: nothing is named")
        return SentimentFields(encoder, self.knowledge, self.skip_negated)


@lru_cache(maxsize=1)
def _occurring(digest: str, texts: tuple[str, ...]) -> tuple[int, int]:
    """How many of the texts hold a word of the knowledge, and how many a pair; objectives that share it ask once."""
    found = [find(text, recall(digest)) for text in texts]
    return sum(bool(one.words) for one in found), sum(bool(one.pairs) for one in found)
