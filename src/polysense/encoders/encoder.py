"""The contract of an encoder: how one modality of some samples becomes ``Encoded``."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
import transformers
from torch import Tensor, nn

from polysense.data.media import content_key
from polysense.data.regions import RegionLayout
from polysense.types import MARK, Encoded, Fields, Sample

CODE = 2
"""Raised whenever this package changes what an encoder gives for the same input, so that kept outputs are made again."""


def architecture_of(config: Any) -> str:
    """A Hugging Face configuration as text, without what says where it came from."""
    kept = {
        name: value
        for name, value in config.to_dict().items()
        if name not in {"_name_or_path", "transformers_version", "dtype"}
    }
    return json.dumps(kept, sort_keys=True, default=str)


class Encoder(nn.Module, ABC):
    """One modality in, token states and one summary vector out.

    An encoder whose weights come from a model folder takes ``pretrained`` (a folder or a Hugging Face id) and ``weights``
    (``"pretrained"`` or ``"random"``) and keeps what it needs to be rebuilt through :meth:`save_assets`: a saved run rebuilds
    it as ``pretrained=<run>/encoders/<modality>, weights="random"`` and then loads the run's own weights.
    """

    modality: str
    """Which modality of a sample it reads."""

    width: int
    """Width of states and summary."""

    pairs: bool = False
    """Whether it reads something else of a row together with the modality, see :meth:`other`."""

    def __init__(self, *, trainable: bool) -> None:
        super().__init__()
        self.trainable = trainable

    def other(self, sample: Sample) -> str | None:
        """What of the row is read together with the modality, so that the two are the content."""
        del sample
        return None

    def key(self, sample: Sample) -> int:
        """Equal in rows that are equal to it: no signal may call one of them the wrong partner of the other. 0: it has none."""
        return content_key(getattr(sample, self.modality))

    def exchanged(self, sample: Sample, source: Sample) -> Sample:
        """The row with all that it reads of another one, as views exchange it in training."""
        content: dict[str, Any] = {self.modality: getattr(source, self.modality)}
        return replace(sample, **content)

    @property
    def kept(self) -> Encoder | None:
        """The encoder whose outputs for a row no training changes, so that they are kept: itself, or a frozen one that it reads."""
        return None if self.trainable else self

    @property
    def cached(self) -> Encoder | None:
        """:attr:`kept` where a network is run for it; the outputs of an encoder without weights are what it is given."""
        return self.kept if next(self.parameters(), None) is not None else None

    @property
    def lent(self) -> nn.Module | None:
        """The network that it owns and leaves to the fusion to run, over several modalities at once; None: it runs it itself."""
        return None

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The recipe's keyword arguments with all that depends on the training samples filled in (the width of frames).

        What it returns is written into the saved recipe, so a saved run is rebuilt without the data.

        Raises:
            DataError: the samples do not fit the arguments.
        """
        del samples
        return dict(arguments)

    def fit(self, samples: Sequence[Sample]) -> None:
        """Take what it keeps of the training samples in its buffers (means, deviations); called once, before training."""
        del samples

    def read_as(self, layout: RegionLayout) -> None:
        """Be told what the fusion takes the last numbers of each state for; called once, when the model is put together."""
        del layout

    @abstractmethod
    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The tensors that :meth:`encode` reads, a row a sample; samples without the modality get a blank row."""

    @abstractmethod
    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """``states (batch, time, width)``, ``mask (batch, time)`` bool and ``summary (batch, width)`` of prepared fields."""

    @abstractmethod
    def save_assets(self, folder: Path) -> None:
        """Write configuration and preprocessing (no weights) into ``folder``."""

    @abstractmethod
    def preprocessing(self) -> str:
        """A text that changes whenever prepared tensors or the pooling of states would."""

    def architecture(self) -> str:
        """A text that changes whenever the network would compute something else with the same weights."""
        return ""

    def forward(self, fields: Fields) -> Encoded:
        """Encode, or take the states that a frozen encoder left in the cache. What a view has marked goes past it."""
        marks = {name.removeprefix(MARK): mark for name, mark in fields.items() if name.startswith(MARK)}
        return Encoded(*self._encoded(fields), fields["present"], marks=marks)

    def _encoded(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        if "states" in fields and self.kept is self:
            return fields["states"], fields["mask"], fields["summary"]
        if self.trainable:
            return self.encode(fields)
        device = fields["present"].device.type
        with torch.no_grad(), torch.autocast(device, enabled=False):  # in full precision, as the cache keeps it
            return self.encode(fields)

    def train(self, mode: bool = True) -> Self:
        """A frozen encoder stays in evaluation mode: no dropout, no running statistics."""
        return super().train(mode and self.trainable)

    def freeze(self) -> None:
        """Switch gradients off unless the encoder is trainable; called once its weights are in place."""
        self.requires_grad_(self.trainable)
        self.train(self.trainable)

    def fingerprint(self) -> str:
        """sha256 over all that decides the outputs: class, preprocessing, configuration, weights, and the code's own version."""
        made_by = (CODE, transformers.__version__, type(self).__name__, self.preprocessing(), self.architecture())
        digest = hashlib.sha256(json.dumps(made_by).encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``states`` (batch, time, width) over the True places of ``mask`` (batch, time); zero where there are none."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
