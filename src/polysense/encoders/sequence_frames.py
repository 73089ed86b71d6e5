"""Sound or film as the frames that it is."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from polysense.data.regions import RegionLayout
from polysense.encoders.encoder import Encoder, masked_mean
from polysense.encoders.sequence import SequenceEncoder
from polysense.errors import RecipeError
from polysense.types import Fields


class SequenceFrames(SequenceEncoder):
    """Each frame is a state, which no layer has read: for fusions that read sequences by themselves. The summary is their mean.

    Args:
        modality: ``audio`` or ``video``; or ``image``, whose frames are the regions of a picture, each its numbers and then its box:
            left, top, right, bottom as fractions of the picture (``Lxmert``, ``SingleStream`` with ``boxes: states``). Regions whose
            boxes or probabilities are not what the fusion takes them for are refused, with the picture's name.
        frame_width: numbers a frame; taken from the training rows.
        features: what made the frames, name and parameters; taken from the training rows. Frames made otherwise are refused.
        standardize: bring each number of a frame to mean 0 and deviation 1 over all frames of the training rows.
        max_length: frames of a sequence that are read, from its beginning; all by default.
    """

    def __init__(
        self,
        modality: Literal["audio", "video", "image"],
        *,
        frame_width: int | None = None,
        features: dict[str, Any] | None = None,
        standardize: bool = False,
        max_length: int | None = None,
    ) -> None:
        super().__init__(
            modality,
            width=1 if frame_width is None else frame_width,
            frame_width=frame_width,
            features=features,
            standardize=standardize,
            max_length=max_length,
        )

    @property
    def kept(self) -> Encoder:
        """Itself: it has no weights that a training changes."""
        return self

    def read_as(self, layout: RegionLayout) -> None:
        """Frames of another layout are refused when they are read.

        Raises:
            RecipeError: they are standardised.
        """
        if self.standardize:
            raise RecipeError(
                f"encoders.{self.modality}.standardize: the fusion reads boxes of the frames, which are fractions of the picture no "
                "longer; write standardize: false"
            )
        self.layout = layout

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """The frames (batch, longest, frame width), where they stand, and their means."""
        frames, mask = self.sequences(fields)
        return frames, mask, masked_mean(frames, mask)
