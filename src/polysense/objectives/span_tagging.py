"""Marking spans of a text: aspects, or the holder and the target of an opinion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from polysense.data.tags import Scheme, Tags, in_characters, in_words, without_overlaps
from polysense.data.words import words
from polysense.distributed import everywhere, mean, rank
from polysense.errors import DataError, choices
from polysense.model import Model
from polysense.objectives.objective import Look, Marking
from polysense.objectives.packed_gru import PackedGru
from polysense.objectives.span_fields import FIRST, NOTHING, TAGS, SpanFields, marking_encoder, padded, read_words
from polysense.objectives.tag_chain import TagChain
from polysense.progress import say
from polysense.types import Encoded, Prediction, Representation, Sample, Span, Widths
from polysense.views.plain import Plain


class SpanTagging(Marking):
    """Which parts of a text play which role, by a tag for each word and a chain that knows which tag follows which.

    ``loss = mean over the marked rows of ln Z - s(tags)``, with ``s`` and ``Z`` of :mod:`polysense.crf` and the emissions ``W h + b``
    of the state ``h`` of each word's first token. Tags that no spans make (``I`` that goes on with nothing or with another role)
    are barred, in ``Z`` and in the answer. Words are those of :func:`polysense.data.words.words`.
    Reads: text, spans.   Source: SKEP (ACL 2020), opinion roles; the chain of Lafferty, McCallum and Pereira (ICML 2001).

    The chain learns best at a higher rate than an encoder that is fine-tuned: the shipped recipes give its part (``crf``) 1e-2 in
    ``training.learning_rates``; without that entry it has the rate of all.

    Args:
        widths: supplied by the build.
        roles: what spans may be; taken from the training rows, sorted, where it is null.
        scheme: ``BIO``, or ``BIOS``, in which a span of a single word has a tag of its own.
        bigru: two recurrent layers over the words' states, in both directions, before the tags.
        dropout: of the words' states.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", TAGS})

    def __init__(
        self,
        widths: Widths,
        *,
        roles: list[str] | None = None,
        scheme: Scheme = "BIO",
        bigru: bool = False,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if roles is None:
            raise ValueError("roles come from the training rows: call complete() first")
        if not roles or len(set(roles)) != len(roles):
            raise ValueError(f"roles: name each once, and at least one, found {roles}")
        self.tags = Tags(tuple(roles), scheme)
        self.dropout = nn.Dropout(dropout)
        self.gru = PackedGru(widths["text"]) if bigru else None
        self.head = nn.Linear(widths["text"] if self.gru is None else self.gru.width, len(self.tags.names))
        self.crf = TagChain(self.tags)

    @property
    def roles(self) -> tuple[str, ...]:
        """What spans may be, in the order of the tags."""
        return self.tags.roles

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """Fill in the roles; say how many spans are not learned, because they overlap longer ones.

        Raises:
            DataError: no row is marked, a row has another role, or a role has no span.
        """
        there = {span.role for sample in samples for span in sample.spans or ()}
        roles = list(arguments.get("roles") or sorted(there))
        refuse_other_roles(samples, roles)
        if absent := [role for role in roles if role not in there]:
            raise DataError(f"no training row has a span of the role {', '.join(map(repr, absent))}")
        if not roles:
            raise DataError("no training row has a span: mark them in the column 'spans'")
        _say_overlaps(samples)
        return {**arguments, "roles": roles}

    def preparer(self, model: Model) -> SpanFields:
        """Who lays the words and their tags onto the tokens."""
        return SpanFields(marking_encoder(model.encoder("text"), type(self).__name__), self.tags)

    def forward(self, look: Look) -> Tensor | None:
        """The mean over the marked rows; None where there are none."""
        shown, seen = look(Plain())
        tags, first = shown.batch.fields[TAGS], shown.batch.fields[FIRST]
        mask = tags != NOTHING
        marked = mask.any(dim=1) & seen.parts["text"].present
        if everywhere(not bool(marked.any())):
            return None
        emissions = self._emissions(seen.parts["text"], first)
        return mean(self.crf.surprise(emissions, tags, mask), marked)

    def _emissions(self, text: Encoded, first: Tensor) -> Tensor:
        """What the states of the tokens ``first`` (rows, words) say of the tags: (rows, words, tags), in single precision."""
        rows = torch.arange(len(first), device=first.device).unsqueeze(1)
        with torch.autocast(text.states.device.type, enabled=False):
            states = self.dropout(text.states[rows, first.clamp(min=0)].float())
            if self.gru is not None:
                states = self.gru(states, first != NOTHING)
            found: Tensor = self.head(states)
        return found

    def mark(self, representation: Representation, samples: Sequence[Sample], model: Model) -> Prediction:
        """``spans``: of each row a list of ``{"start", "end", "role", "text", "words"}``, in order; None where it has no text.

        ``start`` and ``end`` count characters, ``words`` are its first word and the one behind its last, from 0.

        ``unread``: its words behind the last one that the encoder reads whole; they have no spans.
        """
        text = representation.parts.get("text")
        if text is None:
            return Prediction({"spans": [None] * len(samples), "unread": [None] * len(samples)})
        read = read_words(samples, marking_encoder(model.encoder("text"), type(self).__name__))
        first = padded([row.first for row in read]).to(text.states.device)
        tags = self.crf.decode(self._emissions(text, first), first != NOTHING)
        spans = [self.tags.decode(row) for row in tags]
        return Prediction(
            {
                "spans": [_written(*row) for row in zip(samples, spans, (found.words for found in read), strict=True)],
                "unread": [None if sample.text is None else found.unread for sample, found in zip(samples, read, strict=True)],
            }
        )


def refuse_other_roles(samples: Sequence[Sample], roles: Sequence[str]) -> None:
    """A DataError for the first row that has a span of another role than ``roles``."""
    for sample in samples:
        for span in sample.spans or ():
            if span.role not in roles:
                row = sample.origin or f"the row with id {sample.id!r}"
                raise DataError(f"{row}, spans: {span.role!r} is not a role of the recipe; {choices(span.role, roles)}")


def _written(sample: Sample, spans: Sequence[Span], words: Sequence[tuple[int, int]]) -> list[dict[str, Any]] | None:
    """For an answer, the spans of a text, which count in its words."""
    text = sample.text
    if text is None:
        return None
    placed = zip(spans, in_characters(spans, words), strict=True)
    return [
        {"start": one.start, "end": one.end, "role": one.role, "text": one.of(text), "words": [span.start, span.end]}
        for span, one in placed
    ]


def _say_overlaps(samples: Sequence[Sample]) -> None:
    """How many spans a sequence of tags cannot say beside the others, once a run."""
    marked = [in_words(sample.spans, words(sample.text or "")) for sample in samples if sample.spans]
    every = sum(map(len, marked))
    left_out = every - sum(len(without_overlaps(spans)) for spans in marked)
    if left_out and rank() == 0:
        say(f"{left_out} of {every} spans of the training rows overlap longer ones of their text and are not learned")
