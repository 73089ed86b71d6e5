"""Text through any Hugging Face encoder."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint
from transformers import AutoTokenizer

from polysense.data.media import content_key
from polysense.data.vocabulary import Vocabulary
from polysense.encoders.aspects import MISSING, AspectLengths, aspects_of, pair_key, refuse_unpaired, takes_segments
from polysense.encoders.encoder import Encoder, architecture_of, masked_mean
from polysense.encoders.heap import give_back
from polysense.encoders.loading import explained, load_backbone, saved_part, saved_weights, text_folder, text_tower
from polysense.encoders.packing import Packing, first_position, run_packed
from polysense.errors import DataError, RecipeError, choices
from polysense.progress import say_of_data
from polysense.types import MARK, Fields, Sample

PLACES = frozenset({"name_or_path", "vocab_file", "merges_file", "tokenizer_file", "special_tokens_map_file", "is_local"})
"""What a tokenizer notes about where it came from, which changes nothing that it gives."""


TOKENS = ("input_ids", "attention_mask", "token_type_ids")
"""What the network is given; the last one where it tells segments apart, and there are two."""

SEGMENT = f"{MARK}segment"
"""In its place where a fusion runs the network."""

Pooling = Literal["mean", "avg", "cls", "cls_before_pooler", "avg_top2", "avg_first_last", "avg_embeddings_last"]

LAYERS: dict[str, tuple[int, ...]] = {
    "mean": (-1,),
    "avg": (-1,),
    "avg_top2": (-1, -2),
    "avg_first_last": (1, -1),
    "avg_embeddings_last": (0, -1),
}
"""The hidden states whose mean over the tokens is the summary; 0 are the embeddings."""


class TransformerText(Encoder):
    """A Hugging Face text encoder (BERT, RoBERTa, MPNet, DistilBERT, ...); the encoder of T5 or BART, the text tower of CLIP.

    No work is done on padding: on a processor the tokens of a batch stand in one row, and each text attends to itself. Networks
    that cannot be run so, and graphics cards, are given rows of like length in pieces, each padded only to its own longest row.
    Without dropout the result equals that of the padded batch; with dropout it is equal in distribution.

    Poolings: ``mean`` (SimCSE calls it ``avg``) over the tokens of the last layer; ``cls_before_pooler``, the first state; ``cls``, the
    first state through ``tanh(W h + b)``, a head of this encoder's own that starts anew, or from the one of a run; ``avg_top2`` of the
    last two layers, ``avg_first_last`` of the first and last, ``avg_embeddings_last`` of embeddings and last.

    Args:
        pretrained: ``minilm`` (packaged), a folder, a Hugging Face id, or a run or saved model whose text encoder to start from.
        weights: ``random`` builds from the folder's configuration alone.
        shape: entries of the configuration that differ (``{num_hidden_layers: 4}``); with random weights only.
        trainable: whether the weights are fine-tuned.
        pooling: how the summary is made, see above.
        tokens: ``all`` gives the states of all tokens, ``pooled`` the summary alone, in much less memory; ``embedded`` looks the
            tokens up and leaves the layers to a fusion that runs them over text and picture at once (``Mmbt``, ``Lxmert``, ``Vilt``).
        max_length: longest text in tokens, special tokens included; longer texts are cut.
        train_max_length: the same in training mode, where that is to be shorter; in use ``max_length`` counts.
        piece_rows: rows a piece, where there are pieces; 0 encodes the batch padded, in one go.
        recompute: run each piece again in the backward pass instead of keeping what is inside: with ``tokens: pooled`` and a
            large batch, the memory is that of one piece and the summaries. Gradients are the same, dropout included.
        aspect: read each row's aspect before its text, as the tokenizer joins pairs (``[CLS] aspect [SEP] text [SEP]``), in segments
            of their own where the model has them. Of a pair that is too long, the text is cut.
        beside: another column of the table that is read behind the text, as the second of such a pair, where a row has it: the words
            in a picture, a title; ``pair`` is the row's second text. Of a pair that is too long, the longer one is cut.
        normalize: ``tweets`` reads posts in the spelling of BERTweet's training, see :func:`polysense.data.tweets.normalized`.
        dropout: the rate in all layers, in training; by default those that the model was saved with.
    """

    modality = "text"

    def __init__(
        self,
        pretrained: str = "minilm",
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        shape: dict[str, Any] | None = None,
        trainable: bool = True,
        pooling: Pooling = "mean",
        tokens: Literal["all", "pooled", "embedded"] = "all",
        max_length: int = 128,
        train_max_length: int | None = None,
        piece_rows: int = 8,
        recompute: bool = False,
        aspect: bool = False,
        beside: str | None = None,
        normalize: Literal["tweets"] | None = None,
        dropout: float | None = None,
    ) -> None:
        super().__init__(trainable=trainable)
        if tokens == "embedded" and (pooling != "mean" or recompute or aspect):
            raise RecipeError(
                "encoders.text, tokens: embedded: the fusion runs the layers; leave pooling, recompute and aspect out"
            )
        if dropout is not None and not 0 <= dropout < 1:
            raise RecipeError(f"encoders.text.dropout: from 0 to below 1, found {dropout}")
        with explained("text encoder", pretrained):
            source = text_folder(pretrained)
            self.tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
            self._settle_padding(pretrained)
            self.backbone = text_tower(load_backbone(source, weights, tower="text", shape=shape, dropout=dropout))
            self.width = int(self.backbone.config.hidden_size)
            self.max_length = min(max_length, int(self.tokenizer.model_max_length), self.positions)
        self.train_max_length = min(train_max_length or self.max_length, self.max_length)
        self.head = nn.Linear(self.width, self.width) if pooling == "cls" else None
        saved = saved_weights(source) if weights == "pretrained" else None
        if self.head is not None and saved is not None and (trained := saved_part(saved, "text", "head")):
            self.head.load_state_dict(trained)
        self.pooling = pooling
        self.tokens = tokens
        self.piece_rows = piece_rows
        self.recompute = recompute
        self.aspect = aspect
        self.beside = beside
        self.normalize = normalize
        if aspect and beside is not None:
            raise RecipeError(
                "encoders.text: a pair is read, so that either an aspect or another column may stand with the text"
            )
        if aspect or beside is not None:
            refuse_unpaired(self.tokenizer, pretrained, what="aspect" if aspect else "beside")
        self._lengths = AspectLengths(self.tokenizer)
        self.pairs = aspect or beside is not None
        self.segments = self.pairs and takes_segments(self.tokenizer, self.backbone)
        self.freeze()

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The arguments as they are; says how many texts have nothing beside them.

        Raises:
            DataError: none has anything there: the column has another name.
        """
        beside = arguments.get("beside")
        texts = [sample for sample in samples if sample.text is not None]
        if beside is not None and texts:
            lacking = sum(not _second(sample, beside) for sample in texts)
            if lacking == len(texts):
                columns = {name for sample in texts for name in ("pair", *sample.extra) if _second(sample, name)}
                raise DataError(
                    f"encoders.text.beside: no training row has anything in a column {beside!r}; {choices(beside, columns)}"
                )
            if lacking:
                say_of_data(f"{lacking} of {len(texts)} training texts have no {beside!r} and are read alone")
        return dict(arguments)

    @property
    def lent(self) -> nn.Module | None:
        """The backbone, with ``tokens: embedded``."""
        return self.backbone if self.tokens == "embedded" else None

    @property
    def kept(self) -> Encoder | None:
        """Itself, if it is frozen and runs its layers: looking words up saves nothing, and what says their segments is not kept."""
        return None if self.trainable or self.tokens == "embedded" else self

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What its tokens are."""
        return Vocabulary.of(self.tokenizer, size=self.embeddings.shape[0])

    @property
    def embeddings(self) -> Tensor:
        """The word embeddings (vocabulary, width) that its tokens are looked up in."""
        weight: Tensor = self.backbone.get_input_embeddings().weight
        return weight

    def _settle_padding(self, pretrained: str) -> None:
        """Models that were trained without padding have no token for it; any will do, for the mask hides it."""
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        if self.tokenizer.pad_token_id is None:
            raise RecipeError(f"the text encoder {pretrained!r} cannot be used: its tokenizer has no token to pad with")

    @property
    def positions(self) -> int:
        """How many tokens the model has positions for; RoBERTa and its kin count theirs from behind the padding token's number."""
        config = self.backbone.config
        known = getattr(config, "max_position_embeddings", None) or self.tokenizer.model_max_length
        embeddings = getattr(getattr(self.backbone, "embeddings", None), "position_embeddings", None)
        padding = getattr(embeddings, "padding_idx", None)
        return int(known) - (0 if padding is None else int(padding) + 1)

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``input_ids`` and ``attention_mask``, both (batch, longest) int64; a text without tokens gets one for padding.

        With ``aspect``, ``beside`` or ``normalize`` also the ``key`` of what is read, and of pairs ``token_type_ids`` where the model
        has segments, which are marks for the fusion with ``tokens: embedded``.

        Raises:
            DataError: names the row whose aspect is missing, or leaves no room for the text.
        """
        for sample in samples:
            if (fault := self.aspect_fault(sample)) is not None:
                raise DataError(f"{sample.origin or f'the row with id {sample.id!r}'}, aspect: {fault}")
        tokens = self._tokens(samples, return_attention_mask=True, return_tensors="pt")
        ids, mask = tokens["input_ids"].long(), tokens["attention_mask"].long()
        if ids.shape[1] == 0:
            ids, mask = ids.new_full((len(samples), 1), self.tokenizer.pad_token_id), mask.new_zeros((len(samples), 1))
        mask[mask.sum(dim=1) == 0, 0] = 1  # attention to nothing at all is NaN
        fields = {"input_ids": ids, "attention_mask": mask}
        if self.segments:
            fields[SEGMENT if self.tokens == "embedded" else "token_type_ids"] = tokens["token_type_ids"].long()
        if self.pairs or self.normalize is not None:
            fields["key"] = torch.tensor([self.key(sample) for sample in samples])
        return fields

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

    def aspect_fault(self, sample: Sample) -> str | None:
        """Why it cannot read the row's aspect with its text; None where it can, or reads texts alone."""
        if not self.aspect or sample.text is None:
            return None
        aspect = sample.aspect or ""
        if not aspect.strip():
            return MISSING
        around = self.tokenizer.num_special_tokens_to_add(pair=True)
        taken = self._lengths.of(aspect) + around
        if taken < self._longest:
            return None
        return f"it takes {taken} of {self._longest} tokens, the special ones included, and leaves no room for the text"

    def is_cut(self, sample: Sample) -> bool:
        """Whether a part of its text is not read, for it has too many tokens."""
        pair = (sample.aspect or "", self._text(sample)) if self.aspect else (self._text(sample), self.other(sample))
        return len(self.tokenizer(*pair, verbose=False)["input_ids"]) > self._longest

    def spans(self, samples: Sequence[Sample]) -> list[list[tuple[int, int]]]:
        """Which characters of its text, from the first to behind the last, each token of :meth:`prepare` stands for; (0, 0): for none.

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
        tokens = self._tokens(samples, return_attention_mask=False, return_offsets_mapping=True)
        found = [[(int(start), int(end)) for start, end in row] or [(0, 0)] for row in tokens["offset_mapping"]]
        if not self.aspect:
            return found
        segments = [tokens.sequence_ids(row) for row in range(len(samples))]
        return [
            [span if segment == 1 else (0, 0) for span, segment in zip(row, parts, strict=True)]
            for row, parts in zip(found, segments, strict=True)
        ]

    def _tokens(self, samples: Sequence[Sample], **wanted: Any) -> Any:
        """What the tokenizer makes of the texts, padded to the longest; ``wanted`` says what it is to return."""
        texts = [self._text(sample) for sample in samples]
        limits = {"max_length": self._longest, "padding": "longest", "padding_side": "right"}
        if self.beside is not None:
            return self._with_seconds(texts, [self.other(sample) for sample in samples], limits, wanted)
        if not self.aspect:
            return self.tokenizer(texts, truncation=True, **limits, **wanted)
        return self.tokenizer(
            aspects_of(samples), texts, truncation="only_second", return_token_type_ids=self.segments, **limits, **wanted
        )

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

    @property
    def _longest(self) -> int:
        """Tokens that are read of a row, special ones included."""
        return self.train_max_length if self.training else self.max_length

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States of the last layer, the attention mask, and their pooling; or with ``tokens: pooled`` the pooling as the one state.

        With ``tokens: embedded`` the states are the tokens' word embeddings.
        """
        mask = fields["attention_mask"]
        if self.tokens == "embedded":
            words = self.backbone.get_input_embeddings()(fields["input_ids"])
            return words, mask.bool(), masked_mean(words, mask.bool())
        states, summary = self._in_pieces(*(fields[name] for name in TOKENS if name in fields))
        if self.tokens == "pooled":
            return states, torch.ones(states.shape[:2], dtype=torch.bool, device=states.device), summary
        return states, mask.bool(), summary

    def _in_pieces(self, *tokens: Tensor) -> tuple[Tensor, Tensor]:
        """``tokens``, here and below: those of ``TOKENS`` that there are, each (rows, time)."""
        rows, time = tokens[0].shape
        lengths = tokens[1].sum(dim=1)
        whole = not self.recompute and (self._packs(tokens[0]) or bool((lengths == time).all()))
        if whole or not 0 < self.piece_rows < rows:
            return self._piece(*tokens)
        tokens = (self._looked_up(tokens[0]), *tokens[1:])
        order = torch.argsort(lengths, stable=True)
        pieces = []
        for chosen in torch.split(order, self.piece_rows):
            longest = int(lengths[chosen].max())
            states, summary = self._piece(*(one[chosen, :longest] for one in tokens))
            pieces.append((states if self.tokens == "pooled" else pad(states, (0, 0, 0, time - longest)), summary))
        back = torch.argsort(order)
        return torch.cat([states for states, _ in pieces])[back], torch.cat([summary for _, summary in pieces])[back]

    def _packs(self, tokens: Tensor) -> bool:
        """Whether texts of different lengths are packed: not on graphics cards, where attention by lengths is slow."""
        return self.piece_rows != 0 and tokens.device.type == "cpu" and self._first_position is not None

    @cached_property
    def _first_position(self) -> int | None:
        return first_position(self.backbone)

    def _looked_up(self, ids: Tensor) -> Tensor:
        """In training the words' embeddings (rows, time, width), else the tokens as they are.

        The gradient of a look-up is as large as the vocabulary: one a batch in the place of one a piece.
        """
        if torch.is_grad_enabled() and self.embeddings.requires_grad and self._takes_embeddings:
            found: Tensor = self.backbone.get_input_embeddings()(ids)
            return found
        return ids

    @cached_property
    def _takes_embeddings(self) -> bool:
        """Whether the network makes the same of embedded words as of tokens: those of the BERT kind do."""
        inner = getattr(self.backbone, "embeddings", None)
        takes = "inputs_embeds" in inspect.signature(self.backbone.forward).parameters
        return takes and getattr(inner, "word_embeddings", None) is self.backbone.get_input_embeddings()

    def _piece(self, *tokens: Tensor) -> tuple[Tensor, Tensor]:
        if self.recompute and torch.is_grad_enabled():
            states, summary = checkpoint(self._after_others, *tokens, use_reentrant=False, preserve_rng_state=True)
        else:
            states, summary = self._states(*tokens)
        return states, summary

    def _after_others(self, *tokens: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`_states` in the memory of the piece before; run forward and, for the gradient, backward."""
        if tokens[0].device.type == "cpu":
            give_back()
        return self._states(*tokens)

    def _states(self, *tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The states (rows, time, width), or the summary as the one state, and the summary (rows, width)."""
        named = dict(zip(TOKENS, tokens, strict=False))
        mask = named["attention_mask"]
        if tokens[0].is_floating_point():
            named["inputs_embeds"] = named.pop("input_ids")
        inner = {layer for layer in LAYERS.get(self.pooling, ()) if layer != -1}
        packing = Packing(mask) if self._packs(mask) and not mask.all() else None
        if packing is None:
            output = self.backbone(**named, output_hidden_states=bool(inner))
        else:
            first = self._first_position or 0
            output = run_packed(self.backbone, packing, first=first, tokens=named, hidden_states=bool(inner))
        layers = {-1: output.last_hidden_state, **{layer: output.hidden_states[layer] for layer in inner}}
        if packing is not None:
            layers = {layer: packing.unpack(states) for layer, states in layers.items()}
        return self._pooled(layers, mask)

    def _pooled(self, layers: Mapping[int, Tensor], mask: Tensor) -> tuple[Tensor, Tensor]:
        """Of hidden states by their number, each (rows, time, width)."""
        states = layers[-1]
        if self.pooling in LAYERS:
            summary = torch.stack([masked_mean(layers[layer], mask.bool()) for layer in LAYERS[self.pooling]]).mean(dim=0)
        else:
            summary = states[:, 0] if self.head is None else torch.tanh(self.head(states[:, 0]))
        return (summary.unsqueeze(1) if self.tokens == "pooled" else states), summary

    def save_assets(self, folder: Path) -> None:
        """Configuration and tokenizer."""
        self.backbone.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def architecture(self) -> str:
        """The backbone's configuration."""
        return architecture_of(self.backbone.config)

    def preprocessing(self) -> str:
        """Tokenizer, length, pooling, and whether aspects are read."""
        about = (" aspect" if self.aspect else "") + f" {self.beside} {self.normalize}" * bool(self.beside or self.normalize)
        return f"text {json.dumps(self._rules(), default=str)} {self.max_length} {self.pooling} {self.tokens}{about}"

    def _rules(self) -> Any:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in Python: its code is known by name only
            kept = {name: value for name, value in self.tokenizer.init_kwargs.items() if name not in PLACES}
            return [type(self.tokenizer).__name__, sorted(self.tokenizer.get_vocab().items()), sorted(kept.items())]
        # The tokenizer notes its last call there; what it was asked before does not change what it gives now.
        return {name: value for name, value in json.loads(backend.to_str()).items() if name not in {"truncation", "padding"}}


def _second(sample: Sample, column: str) -> str | None:
    """What stands in a column that is read beside the text; None where there is nothing."""
    found = sample.pair if column == "pair" else sample.extra.get(column)
    return None if found is None else str(found) or None
