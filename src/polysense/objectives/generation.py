"""Texts written token by token: what a model says of a picture, or makes of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from polysense.data.collate import Prepares
from polysense.distributed import everywhere, mean
from polysense.encoders.encoder import Encoder
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError, choices
from polysense.fusion.fusion import Fusion
from polysense.fusion.single_stream import SingleStream
from polysense.model import Model
from polysense.objectives.masked_language import MaskedLanguage
from polysense.objectives.objective import Choosing, Chosen, Look, Objective, Recovered, Recovering
from polysense.objectives.tag_fields import TagFields, tags_of
from polysense.objectives.word_head import WordHead
from polysense.types import Batch, Sample, Widths
from polysense.views.fragments import Fragments
from polysense.views.masked import KEPT
from polysense.views.view import View
from polysense.views.whole_target import WholeTarget
from polysense.views.written import Counting


class Generation(Recovering, Choosing):
    """Write a text, each token from the source and the tokens before it.

    ``loss = mean over target tokens of CE(E LN(gelu(W h + c)) + b, next token)``; h is the fused state of the token before, which has
    read the whole source (picture and text) and the target up to itself; E are the encoder's word embeddings.
    Reads: text, or pair and text, and the picture where there is one.   Source: UNIMO (ACL 2021), sequence-to-sequence generation.
    Relations: ``MaskedLanguage`` hides tokens in their place; the two take turns in pre-training and share one head (``head_of``).
    Needs: the fusion ``SingleStream``.

    Args:
        widths: supplied by the build.
        target: ``fragments`` of the text, taken out of it (pre-training); the ``text`` itself, of a picture (captions); the ``pair``,
            from the text (summaries, questions).
        longest: tokens that are written of a whole target, [SEP] included; a longer one is cut.
        smoothing: of the labels, the share that is spread evenly over the vocabulary; in training only.
        places: of a whole target, ``continuous`` behind its source text, or ``restart`` at 0.
        tags: a column of the table whose words are read with the picture, where a row has them; ``target: text`` only.
        share: of a text's tokens that fragments take.
        head_of: a ``MaskedLanguage`` of the recipe, by its name, whose head serves here too; null: a head of its own.
        tied: of a head of its own, see ``MaskedLanguage``.
        beams: how many beginnings are kept when it writes, unless asked otherwise; 1 is greedy. Likewise the next four.
        length_penalty: p in the rank of a text, sum of log probabilities / ((5 + length) / 6)^p.
        min_length: tokens that are written at least, [SEP] not among them.
        max_length: tokens at which a text ends when it writes; null: ``longest``.
        no_repeat: length of sequences of tokens that do not occur twice in a text; 0 allows all.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(
        self,
        widths: Widths,
        *,
        target: Literal["fragments", "text", "pair"] = "text",
        longest: int = 50,
        smoothing: float = 0.0,
        places: Counting = "continuous",
        tags: str | None = None,
        share: float = 0.25,
        head_of: str | None = None,
        tied: bool = True,
        beams: int = 5,
        length_penalty: float = 0.6,
        min_length: int = 0,
        max_length: int | None = None,
        no_repeat: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= smoothing < 1 or not 0 < share < 1:
            raise RecipeError("Generation: smoothing lies from 0 to below 1, share between 0 and 1")
        self.max_length = longest if max_length is None else max_length
        if longest < 2 or beams < 1 or not 0 <= min_length < self.max_length or no_repeat < 0:
            raise RecipeError(
                "Generation: longest from 2 up, beams from 1 up, min_length from 0 to below longest or max_length, no_repeat from 0 up"
            )
        if tags is not None and target != "text":
            raise RecipeError("Generation: tags are read with a picture whose text is written: target: text")
        self.target, self.longest, self.smoothing, self.places, self.tags = target, longest, smoothing, places, tags
        self.share, self.head_of = share, head_of
        self.beams, self.length_penalty, self.min_length, self.no_repeat = beams, length_penalty, min_length, no_repeat
        self.companions = target == "pair"
        self.own_head = WordHead(widths["fused"], widths["vocabulary"], tied=tied) if head_of is None else None
        self._borrowed: list[WordHead] = []  # in a list, for it is another one's: no module of this one

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The arguments as they are.

        Raises:
            DataError: no row has what is to be written, or nothing to write it of.
        """
        target, tags = arguments["target"], arguments["tags"]
        if target == "pair" and not any(sample.text is not None and sample.pair is not None for sample in samples):
            raise DataError("Generation with target: pair: no training row has a text and a 'pair' to be made of it")
        if target == "text" and not any(sample.text is not None and _has_source(sample, tags) for sample in samples):
            raise DataError("Generation with target: text: no training row has a text and a picture that it says something of")
        return dict(arguments)

    def borrow(self, others: Mapping[str, Objective]) -> None:
        """The head of a ``MaskedLanguage``."""
        if self.head_of is None:
            return
        lender = others.get(self.head_of)
        if not isinstance(lender, MaskedLanguage):
            lenders = [name for name, one in others.items() if isinstance(one, MaskedLanguage)]
            raise RecipeError(
                f"Generation.head_of: {self.head_of!r} is no MaskedLanguage of this recipe; {choices(self.head_of, lenders)}"
            )
        self._borrowed = [lender.head]

    @property
    def head(self) -> WordHead:
        """Its own, or the borrowed one."""
        return self._borrowed[0] if self.own_head is None else self.own_head

    def preparer(self, model: Model) -> Prepares:
        """The tags, where there are any to read."""
        return self if self.tags is None else TagFields(writing_encoder(model.encoder("text")), self.tags)

    def view(self, look: Look) -> View:
        """What is shown in training."""
        encoder = writing_encoder(look.encoder("text"))
        if self.target == "fragments":
            return Fragments(encoder.vocabulary, share=self.share)
        return WholeTarget(
            encoder.vocabulary,
            self.target,
            longest=self.longest,
            positions=encoder.positions,
            counting=self.places,
            tags=None if self.tags is None else "tags",
        )

    def forward(self, look: Look) -> Tensor | None:
        """Cross-entropy over what is written; None where nothing is, in no process."""
        found = self.choose(look)
        return None if found is None else found.loss

    def choose(self, look: Look) -> Chosen | None:
        """A choice a written token, among the vocabulary."""
        found = None if everywhere(not self.has_targets(look.batch)) else self.recover(look)
        if found is None or everywhere(not len(found.truth)):
            return None
        smoothing = self.smoothing if self.training else 0.0
        each = nn.functional.cross_entropy(found.scores, found.truth[:, 0], label_smoothing=smoothing, reduction="none")
        return Chosen(found.scores, mean(each))

    def has_targets(self, batch: Batch) -> bool:
        """Whether the texts that it writes are in a batch."""
        return batch.has(self.reads) and (self.target == "fragments" or self.target in batch.parts)

    def recover(self, look: Look) -> Recovered:
        """The tokens that are written, among all of the vocabulary."""
        encoder = writing_encoder(look.encoder("text"))
        writing_fusion(look.fusion)
        shown, seen = look(self.view(look))
        original = shown.targets["original"]
        chosen = original != KEPT
        states = seen.fused.states[:, : original.shape[1]]
        return Recovered(self.head(states[chosen], encoder.embeddings), original[chosen].unsqueeze(1))


def _has_source(sample: Sample, tags: str | None) -> bool:
    return sample.image is not None or (tags is not None and tags_of(sample, tags) is not None)


def writing_encoder(encoder: Encoder) -> TransformerText:
    """The text encoder, if texts can be written with it.

    Raises:
        RecipeError: it has no tokens before and behind a text, or reads something else with it.
    """
    if not isinstance(encoder, TransformerText) or encoder.vocabulary.start is None or encoder.vocabulary.end is None:
        raise RecipeError("Generation: the text encoder has no tokens before and behind a text; take one of the BERT family")
    if encoder.pairs:
        raise RecipeError("Generation: the text encoder reads something else with each text; leave aspect and beside out")
    return encoder


def writing_fusion(fusion: Fusion) -> SingleStream:
    """The fusion, if its targets see only what stands before them.

    Raises:
        RecipeError: it reads no marks, so that targets would see themselves.
    """
    if not isinstance(fusion, SingleStream):
        raise RecipeError(f"Generation needs the fusion SingleStream: {type(fusion).__name__} shows every token all the others")
    return fusion
