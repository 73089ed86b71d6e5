"""A fusion of one stream and a word head, as transformers' ``generate`` wants to see a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import (
    DynamicCache,
    GenerationConfig,
    GenerationMixin,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import CausalLMOutputWithPast

from polysense.decoding.beam_search import beam_search
from polysense.decoding.settings import Decoding
from polysense.fusion.single_stream import SingleStream, reads
from polysense.model import Model
from polysense.objectives.generation import Generation, writing_encoder, writing_fusion
from polysense.types import Batch, Encoded
from polysense.views.written import refuse_far_places, target_start


class Source(NamedTuple):
    """What was read of some rows, before the first target token."""

    cache: Any
    """Of transformers: the keys and values."""
    read: Tensor
    """(rows, time) bool: which of them are real."""
    first: Tensor
    """(rows,): the place of the target's [CLS]."""


class Decoder(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]  # of transformers
    """Reads sources and writes targets.

    Args:
        model: of the fusion ``SingleStream``.
        objective: whose head says the next token.
    """

    def __init__(self, model: Model, objective: Generation) -> None:
        encoder = writing_encoder(model.encoder("text"))
        super().__init__(PreTrainedConfig())
        self.encoder = encoder
        self.fusion: SingleStream = writing_fusion(model.fusion)
        self.head = objective.head
        self.counting = objective.places
        self._encode = model.encode  # a method: the model is no module of this one

    def read(self, batch: Batch) -> Source:
        """Run over the source: the texts and pictures of a batch, whichever a row has."""
        parts = self._encode(batch)
        tokens = []
        lengths = torch.zeros_like(batch.fields["index"])
        if "text" in parts:
            tokens.append(text := self.fusion.text_tokens(parts["text"]))
            lengths = text.real.sum(dim=1)
        if "image" in parts:
            tokens.append(self.fusion.image_tokens(parts["image"]))
        states = torch.cat([one.states for one in tokens], dim=1)
        real = torch.cat([one.real for one in tokens], dim=1)
        cache = DynamicCache()
        self.fusion.layers(states, reads(real, None, states.dtype), past=cache)
        first = target_start(lengths, self.counting)
        assert isinstance(first, Tensor)
        return Source(cache, real, first)

    def forward(
        self,
        input_ids: Tensor,
        past_key_values: Any,
        read: Tensor,
        first: Tensor,
        use_cache: bool = True,
        return_dict: bool = True,
    ) -> CausalLMOutputWithPast:
        """Logits (rows, new, tokens) of what follows each new target token.

        Args:
            input_ids: (rows, new): target tokens behind those in the cache.
            past_key_values: the keys and values of the source and of the target so far; those of the new tokens are added.
            read: (rows, source) bool: which of the source's are real.
            first: (rows,): the place of the target's first token.
            use_cache: there is no other way; transformers says it to every model.
            return_dict: likewise.
        """
        del use_cache, return_dict
        rows, new = input_ids.shape
        written = past_key_values.get_seq_length() - read.shape[1]
        places = first.unsqueeze(1) + written + torch.arange(new, device=input_ids.device)
        words = self.encoder.backbone.get_input_embeddings()(input_ids)
        real = torch.ones_like(input_ids, dtype=torch.bool)
        tokens = self.fusion.text_tokens(Encoded(words, real, words[:, 0], real[:, 0], marks={"place": places}))
        target = torch.ones(rows, written + new, dtype=torch.bool, device=input_ids.device)
        every = reads(torch.cat([read, target], dim=1), torch.cat([torch.zeros_like(read), target], dim=1), tokens.states.dtype)
        states = self.fusion.layers(tokens.states, every[:, :, -new:], past=past_key_values)
        logits = self.head(states.flatten(0, 1), self.encoder.embeddings).view(rows, new, -1)
        return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)

    def prepare_inputs_for_generation(  # type: ignore[override]  # this model's inputs by name
        self,
        input_ids: Tensor,
        next_sequence_length: int | None = None,
        past_key_values: Any = None,
        read: Tensor | None = None,
        first: Tensor | None = None,
        use_cache: bool | None = True,
        is_first_iteration: bool | None = False,
    ) -> dict[str, Any]:
        """The last token, with what stands before it in the cache."""
        del next_sequence_length, use_cache, is_first_iteration
        return {"input_ids": input_ids[:, -1:], "past_key_values": past_key_values, "read": read, "first": first}

    def said(self, tokens: list[int]) -> str:
        """Tokens as text."""
        return " ".join(str(self.encoder.tokenizer.decode(tokens, skip_special_tokens=True)).split())

    @torch.no_grad()
    def write(self, batch: Batch, how: Decoding) -> list[list[int]]:
        """For each row the tokens of a text, [CLS] and [SEP] left out.

        Raises:
            RecipeError: the longest text would not have a place in the text encoder.
        """
        source = self.read(batch)
        refuse_far_places(int(source.first.max()) + how.max_length - 1, self.encoder.positions)
        vocabulary = self.encoder.vocabulary
        assert vocabulary.start is not None
        assert vocabulary.end is not None
        if how.beams > 1:
            source.cache.batch_repeat_interleave(how.beams)
        silent = set(self.encoder.tokenizer.all_special_ids) - {vocabulary.end}
        config = GenerationConfig(  # type: ignore[no-untyped-call]  # of transformers
            max_new_tokens=how.max_length,
            min_new_tokens=how.min_length or None,
            num_beams=how.beams,
            length_penalty=how.length_penalty if how.beams > 1 else None,
            no_repeat_ngram_size=how.no_repeat,
            do_sample=how.sample,
            temperature=how.temperature if how.sample else None,
            top_p=how.top_p if how.sample else None,
            top_k=0 if how.sample else None,
            suppress_tokens=sorted(token for token in silent if token < vocabulary.size),
            eos_token_id=vocabulary.end,
            pad_token_id=self.encoder.tokenizer.pad_token_id,
            bos_token_id=vocabulary.start,
        )
        transformers_model: Any = self  # whose types say that a model of its own library is asked
        start = torch.full((batch.size, 1), vocabulary.start, device=self.device)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(how.seed)
            found = transformers_model.generate(
                start,
                generation_config=config,
                logits_processor=LogitsProcessorList([EndsInAnyCase(vocabulary.end)] if how.no_repeat else []),
                custom_generate=searched(how),
                past_key_values=source.cache,
                read=source.read,
                first=source.first,
            )
        return [_before(row[1:], vocabulary.end) for row in found.tolist()]


def searched(how: Decoding) -> Any:
    """The loop in which texts are sought; None leaves greedy choices and draws to transformers."""
    return beam_search if how.beams > 1 else None


class EndsInAnyCase(LogitsProcessor):
    """Where nothing may be written any more, for all that could be would be said twice, the text ends.

    Args:
        end: [SEP].
    """

    def __init__(self, end: int) -> None:
        self.end = end

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores, with a finite one in each row."""
        stuck = (scores == -torch.inf).all(dim=1)
        scores[stuck, self.end] = 0.0
        return scores


def _before(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens
