"""How a row becomes tokens: its text in the model's spelling, with an aspect before it or another column behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from polysense.data.media import content_key
from polysense.encoders.aspects import MISSING, AspectLengths, aspects_of, pair_key, refuse_unpaired
from polysense.errors import DataError, RecipeError, choices
from polysense.progress import say_of_data
from polysense.types import Sample

TOKENS = ("input_ids", "attention_mask", "token_type_ids")
"""What the network is given; the last one where it tells segments apart, and there are two."""

PLACES = frozenset({"name_or_path", "vocab_file", "merges_file", "tokenizer_file", "special_tokens_map_file", "is_local"})
"""What a tokenizer notes about where it came from, which changes nothing that it gives."""


class TextReader:
    """Reads rows for one text encoder.

    Args:
        tokenizer: of the encoder.
        pretrained: its name, for messages.
        aspect: read each row's aspect before its text.
        beside: the column that is read behind the text, where a row has it.
        normalize: the spelling in which texts are read.
        segments: whether the network tells the two of a pair apart.

    Raises:
        RecipeError: both are asked for, or the tokenizer cannot part the two of a pair.
    """

    def __init__(
        self,
        tokenizer: Any,
        pretrained: str,
        *,
        aspect: bool,
        beside: str | None,
        normalize: Literal["tweets"] | None,
        segments: bool,
    ) -> None:
        if aspect and beside is not None:
            raise RecipeError(
                "encoders.text: a pair is read, so that either an aspect or another column may stand with the text"
            )
        if aspect or beside is not None:
            refuse_unpaired(tokenizer, pretrained, what="aspect" if aspect else "beside")
        self.tokenizer = tokenizer
        self.aspect = aspect
        self.beside = beside
        self.normalize = normalize
        self.segments = segments
        self.pairs = aspect or beside is not None
        self._lengths = AspectLengths(tokenizer)

    def key(self, sample: Sample) -> int:
        """Equal where text and what stands with it are, as the model has them spelled: retweets differ in handle and address."""
        text = None if sample.text is None else self._text(sample)
        return pair_key(self.other(sample), text) if self.pairs else content_key(text)

    def exchanged(self, sample: Sample, source: Sample) -> Sample:
        """The text, and its aspect or what is read beside it."""
        found = replace(sample, text=source.text)
        if self.aspect:
            return replace(found, aspect=source.aspect)
        if self.beside is None:
            return found
        if self.beside == "pair":
            return replace(found, pair=source.pair)
        extra = {name: value for name, value in sample.extra.items() if name != self.beside}
        return replace(found, extra=extra | {name: value for name, value in source.extra.items() if name == self.beside})

    def other(self, sample: Sample) -> str | None:
        """The row's aspect, or what is read behind its text; None where there is nothing."""
        if self.aspect:
            return sample.aspect
        if self.beside is None or sample.text is None:
            return None
        found = _second(sample, self.beside)
        return None if found is None else self._spelled(found) or None

    def aspect_fault(self, sample: Sample, longest: int) -> str | None:
        """Why it cannot read the row's aspect with its text; None where it can, or reads texts alone."""
        if not self.aspect or sample.text is None:
            return None
        aspect = sample.aspect or ""
        if not aspect.strip():
            return MISSING
        around = self.tokenizer.num_special_tokens_to_add(pair=True)
        taken = self._lengths.of(aspect) + around
        if taken < longest:
            return None
        return f"it takes {taken} of {longest} tokens, the special ones included, and leaves no room for the text"

    def is_cut(self, sample: Sample, longest: int) -> bool:
        """Whether a part of its text is not read, for it has too many tokens."""
        pair = (sample.aspect or "", self._text(sample)) if self.aspect else (self._text(sample), self.other(sample))
        return len(self.tokenizer(*pair, verbose=False)["input_ids"]) > longest

    def spans(self, samples: Sequence[Sample], longest: int) -> list[list[tuple[int, int]]]:
        """Which characters of its text, from the first to behind the last, each token of :meth:`tokens` stands for; (0, 0): for none.

        The tokens of an aspect stand for none.

        What is known of a text by its characters (words of a lexicon, marked spans, words that stand for others) is laid onto its
        tokens by this, see :class:`polysense.data.alignment.Alignment`.

        Raises:
            RecipeError: the tokenizer cannot tell, or the tokens are not those of the text as it was given.
        """
        if self.normalize is not None or self.beside is not None:
            raise RecipeError(
                "encoders.text: with normalize or beside its tokens are not those of the text alone, so that words and spans cannot be "
                "found in them"
            )
        if not self.tokenizer.is_fast:
            raise RecipeError(
                f"the tokenizer {type(self.tokenizer).__name__} does not say which characters its tokens stand for"
            )
        tokens = self.tokens(samples, longest, return_attention_mask=False, return_offsets_mapping=True)
        found = [[(int(start), int(end)) for start, end in row] or [(0, 0)] for row in tokens["offset_mapping"]]
        if not self.aspect:
            return found
        segments = [tokens.sequence_ids(row) for row in range(len(samples))]
        return [
            [span if segment == 1 else (0, 0) for span, segment in zip(row, parts, strict=True)]
            for row, parts in zip(found, segments, strict=True)
        ]

    def tokens(self, samples: Sequence[Sample], longest: int, **wanted: Any) -> Any:
        """What the tokenizer makes of the texts, padded to the longest; ``wanted`` says what it is to return."""
        texts = [self._text(sample) for sample in samples]
        limits = {"max_length": longest, "padding": "longest", "padding_side": "right"}
        if self.beside is not None:
            return self._with_seconds(texts, [self.other(sample) for sample in samples], limits, wanted)
        if not self.aspect:
            return self.tokenizer(texts, truncation=True, **limits, **wanted)
        return self.tokenizer(
            aspects_of(samples), texts, truncation="only_second", return_token_type_ids=self.segments, **limits, **wanted
        )

    def rules(self) -> Any:
        """All that decides which tokens the tokenizer makes of a text, as JSON can hold it."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in Python: its code is known by name only
            kept = {name: value for name, value in self.tokenizer.init_kwargs.items() if name not in PLACES}
            return [type(self.tokenizer).__name__, sorted(self.tokenizer.get_vocab().items()), sorted(kept.items())]
        # The tokenizer notes its last call there; what it was asked before does not change what it gives now.
        return {name: value for name, value in json.loads(backend.to_str()).items() if name not in {"truncation", "padding"}}

    def _with_seconds(
        self, texts: Sequence[str], seconds: Sequence[str | None], limits: dict[str, Any], wanted: dict[str, Any]
    ) -> Any:
        """Each text with its second, or alone where it has none: a batch of the tokenizer's own is all pairs or none."""
        rows = [
            self.tokenizer(text, second or None, truncation="longest_first", max_length=limits["max_length"], verbose=False)
            for text, second in zip(texts, seconds, strict=True)
        ]
        names = [name for name in TOKENS if name in self.tokenizer.model_input_names]
        padded = {"padding": limits["padding"], "padding_side": limits["padding_side"], **wanted}
        return self.tokenizer.pad([{name: row[name] for name in names} for row in rows], **padded)

    def _text(self, sample: Sample) -> str:
        return self._spelled(sample.text or "")

    def _spelled(self, text: str) -> str:
        if self.normalize is None:
            return text
        from polysense.data.tweets import normalized  # its table of emoji takes a while to load

        return normalized(text)


def settle_padding(tokenizer: Any, pretrained: str) -> None:
    """Models that were trained without padding have no token for it; any will do, for the mask hides it."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token_id is None:
        raise RecipeError(f"the text encoder {pretrained!r} cannot be used: its tokenizer has no token to pad with")


def tell_lacking(samples: Sequence[Sample], beside: str) -> None:
    """Say how many texts have nothing beside them.

    Raises:
        DataError: none has anything there: the column has another name.
    """
    texts = [sample for sample in samples if sample.text is not None]
    lacking = sum(not _second(sample, beside) for sample in texts)
    if texts and lacking == len(texts):
        columns = {name for sample in texts for name in ("pair", *sample.extra) if _second(sample, name)}
        raise DataError(
            f"encoders.text.beside: no training row has anything in a column {beside!r}; {choices(beside, columns)}"
        )
    if lacking:
        say_of_data(f"{lacking} of {len(texts)} training texts have no {beside!r} and are read alone")


def _second(sample: Sample, column: str) -> str | None:
    """What stands in a column that is read beside the text; None where there is nothing."""
    found = sample.pair if column == "pair" else sample.extra.get(column)
    return None if found is None else str(found) or None
