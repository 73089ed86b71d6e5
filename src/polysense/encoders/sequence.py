"""What the encoders of sound and film have in common: how sequences of frames become tensors, and what of the data they know."""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from polysense.data.frames import Frames
from polysense.data.regions import RegionLayout
from polysense.encoders.encoder import Encoder
from polysense.errors import DataError, RecipeError
from polysense.types import Fields, Sample


class SequenceEncoder(Encoder, ABC):
    """An encoder of sequences that were computed of recordings or films before (see `data.frames`).

    Rows keep their own lengths: what stands behind the end of a row, and which other rows are in the batch, changes no result.

    Args:
        modality: ``audio`` or ``video``.
        width: of states and summary.
        frame_width: numbers a frame; taken from the training rows.
        features: what made the frames, name and parameters; taken from the training rows. Frames made otherwise are refused.
        standardize: bring each number of a frame to mean 0 and deviation 1 over all frames of the training rows.
        max_length: frames of a sequence that are read, from its beginning; all by default.
    """

    mean: Tensor
    deviation: Tensor
    layout: RegionLayout | None = None
    """What the last numbers of a frame must be; None: anything."""

    def __init__(
        self,
        modality: Literal["audio", "video", "image"],
        *,
        width: int,
        frame_width: int | None,
        features: Mapping[str, Any] | None,
        standardize: bool,
        max_length: int | None,
    ) -> None:
        super().__init__(trainable=True)
        for name, value in (("width", width), ("frame_width", frame_width), ("max_length", max_length)):
            if value is not None and value < 1:
                raise RecipeError(f"encoders.{modality}, {name}: expected a number from 1 up, found {value}")
        if frame_width is None:
            raise RecipeError(
                f"encoders.{modality}: frame_width comes from the training rows: complete the recipe before it is built"
            )
        self.modality = modality
        self.width = width
        self.frame_width = frame_width
        self.features = None if features is None else dict(features)
        self.standardize = standardize
        self.max_length = max_length
        if standardize:
            self.register_buffer("mean", torch.zeros(frame_width))
            self.register_buffer("deviation", torch.ones(frame_width))

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """With the frames' width and what made them, which must be the same in all training rows.

        Raises:
            DataError: they are not, or no row has frames.
        """
        modality = arguments["modality"]
        found = {name: arguments[name] for name in ("frame_width", "features") if arguments[name] is not None}
        for sample, frames in _sequences(samples, modality):
            made = _identity(frames)
            found = {"frame_width": frames.shape[1], "features": made} | found
            _refuse_others(frames, sample, modality, found["frame_width"], found["features"])
        if "frame_width" not in found:
            raise DataError(f"no training row has {modality}; the recipe has an encoder for it")
        return {**arguments, **found}

    def fit(self, samples: Sequence[Sample]) -> None:
        """Mean and deviation of each number of a frame, over all frames of the samples; a number that never changes is shifted only."""
        if not self.standardize:
            return
        count = 0
        total, squares = torch.zeros(2, self.frame_width, dtype=torch.float64)
        shift: Tensor | None = None  # near the mean, so that the squares of large numbers do not swallow the small differences
        for _, frames in _sequences(samples, self.modality):
            read = torch.from_numpy(frames.read()[: self.max_length]).double()
            shift = read.mean(dim=0) if shift is None else shift
            count += len(read)
            total += (read - shift).sum(dim=0)
            squares += (read - shift).square().sum(dim=0)
        if shift is None:
            return
        deviation = (squares / count - (total / count).square()).clamp(min=0).sqrt()
        self.mean.copy_(shift + total / count)
        self.deviation.copy_(torch.where(deviation > 1e-6 * (1 + self.mean.abs().cpu()), deviation, torch.ones_like(deviation)))

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``frames`` (batch, longest, frame width) float32 and ``lengths`` (batch,): 0, and zeros, where a sample has none.

        Raises:
            DataError: a sample has a recording or film and no frames, or they cannot be read, are not finite, of another width or
                layout, or made otherwise than those that the model learned from.
        """
        read = [self._read(sample) for sample in samples]
        lengths = [0 if one is None else len(one) for one in read]
        frames = torch.zeros(len(samples), max([1, *lengths]), self.frame_width)
        for row, (one, length) in enumerate(zip(read, lengths, strict=True)):
            if one is not None:
                frames[row, :length] = one
        return {"frames": frames, "lengths": torch.tensor(lengths)}

    def _read(self, sample: Sample) -> Tensor | None:
        for _, frames in _sequences([sample], self.modality):
            _refuse_others(frames, sample, self.modality, self.frame_width, self.features)
            read = frames.read()[: self.max_length]
            if self.layout is not None and (fault := self.layout.fault(read)) is not None:
                raise DataError(f"{_place(sample, self.modality)}: {frames}, {fault}")
            return torch.from_numpy(read)
        return None

    def sequences(self, fields: Fields) -> tuple[Tensor, Tensor]:
        """Frames (batch, longest, frame width), standardised and zero behind each end, and where frames stand (batch, longest) bool."""
        frames = fields["frames"]
        mask = torch.arange(frames.shape[1], device=frames.device) < fields["lengths"].unsqueeze(1)
        if self.standardize:
            frames = (frames - self.mean) / self.deviation
        return frames.masked_fill(~mask.unsqueeze(-1), 0.0), mask

    def save_assets(self, folder: Path) -> None:
        """Nothing: the recipe and the weights say all."""

    def preprocessing(self) -> str:
        """What frames it takes, and how many of them."""
        return json.dumps([self.modality, self.frame_width, self.features, self.max_length], sort_keys=True)


def _sequences(samples: Sequence[Sample], modality: str) -> Iterator[tuple[Sample, Frames]]:
    """The samples that have the modality, with their frames."""
    for sample in samples:
        media = getattr(sample, modality)
        if isinstance(media, Frames):
            yield sample, media
        elif media is not None:
            what, reads, by = ("picture", "regions", " regions") if modality == "image" else ("recording or film", "frames", "")
            raise DataError(
                f"{_place(sample, modality)}: {media} is a {what}, the encoder reads {reads} that were computed of it before; "
                f"`polysense data extract{by}` computes them"
            )


def _refuse_others(frames: Frames, sample: Sample, modality: str, width: int, features: Mapping[str, Any] | None) -> None:
    """Raise a DataError where the frames are not of the kind that the model reads."""
    if frames.shape[1] != width:
        raise DataError(f"{_place(sample, modality)}: {frames} has {frames.shape[1]} numbers a frame, the model reads {width}")
    if (made := _identity(frames)) != features:
        raise DataError(
            f"{_place(sample, modality)}: {frames} is made by {_told(made)}, the model reads what is made by {_told(features)}"
            f"{_way_out(made, features)}"
        )


def _way_out(made: Mapping[str, Any] | None, features: Mapping[str, Any] | None) -> str:
    """Features that were converted of another file may be the same thing: whoever made them knows."""
    if made is None or features is None:
        return ""
    both = (made["parameters"], features["parameters"])
    if not all("key" in one for one in both) or not any("sha256" in one for one in both):
        return ""
    return (
        ". Features of two files are told apart by what the files hold; if both were made in the same way, say so: "
        "polysense data convert mmsa FILE OUT --features-of FOLDER, the converted folder that the model was trained on"
    )


def _identity(frames: Frames) -> dict[str, Any] | None:
    return None if frames.provenance is None else frames.provenance.identity


def _told(made: Mapping[str, Any] | None) -> str:
    return "something that nobody noted" if made is None else json.dumps(made, sort_keys=True)


def _place(sample: Sample, modality: str) -> str:
    return f"{sample.origin or sample.id}, {modality}"
