"""Recordings through a pretrained speech encoder, and their words by a pretrained recogniser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import (
    AutoFeatureExtractor,
    AutoModel,
    AutoProcessor,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from polysense.data.clip_file import SAMPLE_RATE, read_sound
from polysense.data.frames import Provenance
from polysense.encoders.loading import explained, without_bars
from polysense.errors import RecipeError
from polysense.inference.extraction.extractor import Extractor, Medium, file_of, located, settings, weights_digest

SECONDS_AT_ONCE = 30
"""Longer recordings are read in pieces: memory does not grow with their length."""

SHORTEST = 400
"""Samples that speech encoders of the wav2vec 2.0 family need for one state; shorter sound gets silence behind it."""


class Speech(Extractor):
    """The last states of a speech encoder (wav2vec 2.0, HuBERT, WavLM, Whisper's encoder, ...), in 30 seconds at a time.

    Args:
        pretrained: a Hugging Face id, or a folder.
    """

    name = "polysense speech encoder"

    def __init__(self, pretrained: str) -> None:
        self.pretrained = located(pretrained)
        with explained("speech encoder", pretrained, such_as=["facebook/wav2vec2-base-960h"]), without_bars():
            self._features = AutoFeatureExtractor.from_pretrained(pretrained, trust_remote_code=False)  # type: ignore[no-untyped-call]
            model = AutoModel.from_pretrained(pretrained, dtype=torch.float32, trust_remote_code=False, use_safetensors=True)
        if self._features.model_input_names[0] not in {"input_values", "input_features"}:
            raise RecipeError(f"{pretrained!r} reads {', '.join(self._features.model_input_names)}, and no sound")
        if self._features.sampling_rate != SAMPLE_RATE:
            raise RecipeError(
                f"{pretrained!r} hears {self._features.sampling_rate:,} samples a second, {SAMPLE_RATE:,} are read"
            )
        self._encoder: Any = (model.get_encoder() if model.config.is_encoder_decoder else model).eval()
        self._digest = weights_digest(self._encoder)

    @property
    def provenance(self) -> Provenance:
        """The encoder by its weights."""
        return Provenance(
            self.name,
            {
                "pretrained": self.pretrained,
                "weights": self._digest,
                "seconds_at_once": SECONDS_AT_ONCE,
                **settings(self._features.to_dict(), ("do_normalize", "feature_size", "hop_length", "n_fft")),
            },
            {"transformers": transformers.__version__},
        )

    def extract(self, medium: Medium) -> np.ndarray:
        """(time, width of the encoder)."""
        return np.concatenate([self._states(piece) for piece in pieces(read_sound(file_of(medium)))])

    @torch.no_grad()
    def _states(self, samples: np.ndarray) -> np.ndarray:
        read = self._features(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        name = self._features.model_input_names[0]
        states: np.ndarray = self._encoder(read[name]).last_hidden_state[0].float().numpy()
        if isinstance(self._features, WhisperFeatureExtractor):  # always 30 seconds; the rest of them is silence
            share = len(samples) / (SECONDS_AT_ONCE * SAMPLE_RATE)
            states = states[: max(1, math.ceil(share * len(states)))]
        return states


class Recogniser:
    """What is said in a recording, by a Whisper model.

    Args:
        pretrained: a Hugging Face id (``openai/whisper-base``), or a folder.
    """

    def __init__(self, pretrained: str) -> None:
        self.pretrained = located(pretrained)
        with explained("speech recogniser", pretrained, such_as=["openai/whisper-base"]), without_bars():
            self._processor = AutoProcessor.from_pretrained(pretrained, trust_remote_code=False)  # type: ignore[no-untyped-call]
            model: Any = WhisperForConditionalGeneration.from_pretrained(pretrained, dtype=torch.float32, use_safetensors=True)
        self._model = model.eval()

    @property
    def identity(self) -> str:
        """By its weights."""
        return f"{self.pretrained} {weights_digest(self._model)}"

    @torch.no_grad()
    def transcribe(self, path: Path) -> str:
        """The words, without time stamps; what is silent has none. Raises as :meth:`Extractor.extract`."""
        said = []
        for piece in pieces(read_sound(path)):
            read = self._processor(piece, sampling_rate=SAMPLE_RATE, return_tensors="pt")
            words = self._model.generate(read["input_features"])
            said.append(self._processor.batch_decode(words, skip_special_tokens=True)[0].strip())
        return " ".join(one for one in said if one)


def pieces(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Of 30 seconds each; the last one may be shorter, and has silence behind it where it is too short to be read."""
    step = SECONDS_AT_ONCE * SAMPLE_RATE
    for begin in range(0, len(samples), step):
        piece = samples[begin : begin + step]
        yield np.pad(piece, (0, max(0, SHORTEST - len(piece))))
