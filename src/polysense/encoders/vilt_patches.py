"""Pictures as the patches that a ViLT reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad
from transformers import AutoConfig, AutoImageProcessor, ViltModel

from polysense.data.media import load_image
from polysense.encoders.encoder import Encoder, architecture_of
from polysense.encoders.loading import explained, load_backbone, saved_folder, saved_part, saved_weights
from polysense.encoders.vision_image import blank
from polysense.errors import RecipeError
from polysense.types import Fields, Sample


class ViltPatches(Encoder):
    """The patches of a picture through one linear layer, with their places: what the fusion ``Vilt`` reads.

    Pictures keep their shape; those of a batch are padded to the largest. The places that the network has learned are stretched over
    each picture's own patches. The first state is the picture's class token; the summary is the patches' mean.

    Unlike the network in transformers, which draws them at random, all patches are read, in their order; ``max_image_length`` of its
    configuration is not used.

    Args:
        pretrained: a ViLT: a folder, a Hugging Face id, or a run or saved model whose image encoder to start from.
        weights: ``random`` builds from the folder's configuration alone.
        trainable: whether the weights are fine-tuned.
    """

    modality = "image"

    def __init__(
        self,
        pretrained: str = "dandelin/vilt-b32-mlm",
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        trainable: bool = True,
    ) -> None:
        super().__init__(trainable=trainable)
        source = saved_folder(pretrained, "image")
        with explained("image encoder", pretrained):
            self.processor = AutoImageProcessor.from_pretrained(source, backend="pil", trust_remote_code=False)  # type: ignore[no-untyped-call]
            saved = saved_weights(source) if weights == "pretrained" else None
            network = _without_layers(source) if weights == "random" or saved is not None else load_backbone(source, weights)
            if not isinstance(network, ViltModel):
                raise RecipeError(
                    f"encoders.image: ViltPatches reads the patches of a ViLT, {pretrained!r} is a {type(network).__name__}"
                )
            embeddings: Any = network.embeddings
            self.config = AutoConfig.from_pretrained(source, trust_remote_code=False)
            self.backbone = Patches(embeddings, int(self.config.patch_size))
            if saved is not None:
                self.backbone.load_state_dict(saved_part(saved, "image"))
        self.width = int(self.config.hidden_size)
        self.freeze()

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``pixel_values`` (batch, 3, height, width) and ``pixel_mask`` (batch, height, width); a grey picture where there is none."""
        pictures = [blank() if sample.image is None else load_image(sample.image) for sample in samples]
        read = self.processor(images=pictures, return_tensors="pt")
        return {"pixel_values": read["pixel_values"], "pixel_mask": read["pixel_mask"].bool()}

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """The class token and the patches, row by row of the picture; the mask; the mean over the patches."""
        states, mask = self.backbone(fields["pixel_values"], fields["pixel_mask"])
        weights = mask[:, 1:].unsqueeze(-1).to(states.dtype)
        return states, mask, (states[:, 1:] * weights).sum(dim=1) / weights.sum(dim=1)

    def save_assets(self, folder: Path) -> None:
        """Configuration and picture preprocessing."""
        self.config.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    def architecture(self) -> str:
        """The network's configuration."""
        return architecture_of(self.config)

    def preprocessing(self) -> str:
        """Picture processor."""
        return f"image {self.processor.to_json_string()} patches"


def _without_layers(source: str) -> Any:
    """With random weights: of the network only the embeddings are of use."""
    return load_backbone(source, "random", shape={"num_hidden_layers": 0})


class Patches(nn.Module):
    """The picture's side of a ViLT's embeddings: patch projection, class token and places.

    Args:
        embeddings: of a ``ViltModel``.
        size: side of a patch, in pixels.
    """

    def __init__(self, embeddings: Any, size: int) -> None:
        super().__init__()
        self.projection = embeddings.patch_embeddings.projection
        self.cls_token = embeddings.cls_token
        self.position_embeddings = embeddings.position_embeddings
        self.dropout = embeddings.dropout
        self.size = size

    def forward(self, pixels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, 1 + patches, width) of pictures (batch, 3, height, width), and which of them are real."""
        patches = self.projection(pixels)
        rows, _, high, wide = patches.shape
        real = mask[:, :: self.size, :: self.size][:, :high, :wide]
        places = torch.cat([self._places(*_extent(one), high, wide) for one in real])
        states = (patches + places.to(patches.dtype)).flatten(2).transpose(1, 2)
        first = (self.cls_token + self.position_embeddings[:, :1]).expand(rows, -1, -1).to(states.dtype)
        there = torch.cat([torch.ones_like(real[:, 0, :1]), real.flatten(1)], dim=1)
        return self.dropout(torch.cat([first, states], dim=1)), there

    def _places(self, rows: int, columns: int, high: int, wide: int) -> Tensor:
        """The learned places stretched over ``rows`` x ``columns`` patches, (1, width, high, wide)."""
        learned = self.position_embeddings[:, 1:]
        side = round(learned.shape[1] ** 0.5)
        square = learned.transpose(1, 2).reshape(1, -1, side, side)
        stretched = interpolate(square, size=(rows, columns), mode="bilinear", align_corners=True)
        return pad(stretched, (0, wide - columns, 0, high - rows))


def _extent(real: Tensor) -> tuple[int, int]:
    """Rows and columns of the real patches, which fill the upper left corner."""
    return int(real[:, 0].sum()), int(real[0].sum())
