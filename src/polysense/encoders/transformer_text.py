"""Text through any Hugging Face encoder."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint
from transformers import AutoTokenizer

from polysense.data.vocabulary import Vocabulary
from polysense.encoders.aspects import takes_segments
from polysense.encoders.encoder import Encoder, architecture_of, masked_mean
from polysense.encoders.heap import give_back
from polysense.encoders.loading import explained, load_backbone, saved_part, saved_weights, text_folder, text_tower
from polysense.encoders.packing import Packing, first_position, run_packed
from polysense.encoders.quick_dropout import quicken
from polysense.encoders.text_reader import TOKENS, TextReader, settle_padding, tell_lacking
from polysense.errors import DataError, RecipeError
from polysense.types import MARK, Fields, Sample

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
            settle_padding(self.tokenizer, pretrained)
            self.backbone = text_tower(load_backbone(source, weights, tower="text", shape=shape, dropout=dropout))
            quicken(self.backbone)
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
        segments = (aspect or beside is not None) and takes_segments(self.tokenizer, self.backbone)
        self._reader = TextReader(
            self.tokenizer, pretrained, aspect=aspect, beside=beside, normalize=normalize, segments=segments
        )
        self.pairs = self._reader.pairs
        self.freeze()

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The arguments as they are; says how many texts have nothing beside them.

        Raises:
            DataError: none has anything there: the column has another name.
        """
        if (beside := arguments.get("beside")) is not None:
            tell_lacking(samples, beside)
        return dict(arguments)

    @property
    def segments(self) -> bool:
        """Whether the network is told which of the two a token is of."""
        return self._reader.segments

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
        tokens = self._reader.tokens(samples, self._longest, return_attention_mask=True, return_tensors="pt")
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
        """See :meth:`TextReader.key`."""
        return self._reader.key(sample)

    def exchanged(self, sample: Sample, source: Sample) -> Sample:
        """See :meth:`TextReader.exchanged`."""
        return self._reader.exchanged(sample, source)

    def other(self, sample: Sample) -> str | None:
        """See :meth:`TextReader.other`."""
        return self._reader.other(sample)

    def aspect_fault(self, sample: Sample) -> str | None:
        """See :meth:`TextReader.aspect_fault`."""
        return self._reader.aspect_fault(sample, self._longest)

    def is_cut(self, sample: Sample) -> bool:
        """See :meth:`TextReader.is_cut`."""
        return self._reader.is_cut(sample, self._longest)

    def spans(self, samples: Sequence[Sample]) -> list[list[tuple[int, int]]]:
        """See :meth:`TextReader.spans`."""
        return self._reader.spans(samples, self._longest)

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
        if not self.recompute:  # words of a whole batch, and their gradients, are what recomputing must not hold
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
        return f"text {json.dumps(self._reader.rules(), default=str)} {self.max_length} {self.pooling} {self.tokens}{about}"
