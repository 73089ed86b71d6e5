"""Pictures through any Hugging Face vision model, or the packaged EfficientNet-Lite0."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, ViTImageProcessorPil

from polysense.data.media import load_image
from polysense.encoders import efficientnet_lite
from polysense.encoders.encoder import Encoder, architecture_of
from polysense.encoders.loading import explained, load_backbone, saved_folder, saved_part, saved_weights, vision_tower
from polysense.errors import RecipeError
from polysense.types import Fields, Sample


class VisionImage(Encoder):
    """A vision model: transformers give patch tokens, convolutional networks the cells of their last feature map.

    Args:
        pretrained: ``efficientnet-lite0`` (packaged), a folder, a Hugging Face id (ViT, DINOv2, CLIP, SigLIP, ResNet, ...), or a
            run or saved model whose image encoder to start from.
        weights: ``random`` builds from the folder's configuration alone.
        trainable: whether the weights are fine-tuned. A frozen encoder runs once over a corpus, its outputs are cached.
        tokens: ``grid`` keeps every token as a state; ``pooled`` only the summary, as a single state (a much smaller cache).
        pooling: ``mean`` over the patches (class and register tokens left out), or ``cls``, the first state (transformers only).
        cells: side of the grid: the patches are averaged to so many times so many cells, each patch in one of them, class and
            register tokens left out; by default all states are kept as they are. Of a square picture.
    """

    modality = "image"

    def __init__(
        self,
        pretrained: str = efficientnet_lite.NAME,
        *,
        weights: Literal["pretrained", "random"] = "pretrained",
        trainable: bool = False,
        tokens: Literal["grid", "pooled"] = "grid",
        pooling: Literal["mean", "cls"] = "mean",
        cells: int | None = None,
    ) -> None:
        super().__init__(trainable=trainable)
        if cells is not None and (cells < 1 or tokens == "pooled"):
            raise RecipeError(f"encoders.image.cells: a number from 1 up, with tokens: grid; found {cells}, tokens: {tokens}")
        source = saved_folder(pretrained, "image")
        if source == efficientnet_lite.NAME or _is_saved_lite(source):
            self.backbone: Any = _lite(source, weights)
            self.processor = _lite_processor()
            self.width = efficientnet_lite.WIDTH
        else:
            self.backbone, self.processor, self.width = _from_hub(source, weights, named=pretrained)
        self.tokens = tokens
        self.pooling = pooling
        self.cells = cells
        self.freeze()

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``pixel_values`` (batch, 3, height, width); a sample without a picture gets a grey one."""
        pictures = [blank() if sample.image is None else load_image(sample.image) for sample in samples]
        return {"pixel_values": self.processor(images=pictures, return_tensors="pt")["pixel_values"]}

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """States (batch, tokens, width), an all-True mask, and their pooling."""
        output = self.backbone(fields["pixel_values"])
        states = output if isinstance(output, Tensor) else output.last_hidden_state
        if states.dim() == 4:
            if self.pooling == "cls":
                raise RecipeError("encoders.image: pooling 'cls' needs a transformer, this is a convolutional network")
            states = states.flatten(2).transpose(1, 2)
        patches = states[:, self._special_tokens(states, fields["pixel_values"]) :]
        summary = states[:, 0] if self.pooling == "cls" else patches.mean(dim=1)
        if self.tokens == "pooled":
            states = summary.unsqueeze(1)
        elif self.cells is not None:
            states = _averaged(patches, self.cells)
        return states, torch.ones(states.shape[:2], dtype=torch.bool, device=states.device), summary

    def _special_tokens(self, states: Tensor, pixel_values: Tensor) -> int:
        """How many states stand before the patches: class and register tokens of a transformer."""
        patch = getattr(getattr(self.backbone, "config", None), "patch_size", None)
        if not isinstance(patch, int):
            return 0
        height, width = pixel_values.shape[-2:]
        special = states.shape[1] - (height // patch) * (width // patch)
        return special if 0 < special < states.shape[1] else 0

    def save_assets(self, folder: Path) -> None:
        """Configuration and picture preprocessing."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.backbone, efficientnet_lite.EfficientNetLite):
            (folder / "config.json").write_text(json.dumps({"model_type": efficientnet_lite.NAME}), encoding="utf-8")
        else:
            self.backbone.config.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    def architecture(self) -> str:
        """The backbone's configuration."""
        if isinstance(self.backbone, efficientnet_lite.EfficientNetLite):
            return efficientnet_lite.NAME
        return architecture_of(self.backbone.config)

    def preprocessing(self) -> str:
        """Picture processor, kept tokens and pooling."""
        cells = "" if self.cells is None else f" {self.cells} disjoint"
        return f"image {self.processor.to_json_string()} {self.tokens} {self.pooling}{cells}"


def _averaged(patches: Tensor, cells: int) -> Tensor:
    """Patches (batch, side * side, width) as ``cells`` x ``cells`` means of them."""
    rows, time, width = patches.shape
    side = math.isqrt(time)
    if side * side != time or cells > side:
        raise RecipeError(
            f"encoders.image.cells: the picture has {time} patches, of which no {cells} x {cells} cells can be made"
        )
    share = _shares(side, cells).to(patches)
    square = patches.reshape(rows, side, side, width)
    return torch.einsum("iy,jx,byxw->bijw", share, share, square).flatten(1, 2)


def _shares(side: int, cells: int) -> Tensor:
    """(cells, side): the weight of each line of patches in the mean of each line of cells; a patch lies in one cell alone.

    Where ``cells`` does not divide ``side``, some are a patch wider than others.
    """
    edges = [(2 * number * side + cells) // (2 * cells) for number in range(cells + 1)]
    share = torch.zeros(cells, side)
    for number, (start, end) in enumerate(pairwise(edges)):
        share[number, start:end] = 1 / (end - start)
    return share


def blank() -> Image.Image:
    """What stands in for a picture that is not there."""
    return Image.new("RGB", (64, 64), (127, 127, 127))


def _is_saved_lite(pretrained: str) -> bool:
    config = Path(pretrained) / "config.json"
    return config.is_file() and json.loads(config.read_text(encoding="utf-8")).get("model_type") == efficientnet_lite.NAME


def _lite(source: str, weights: str) -> efficientnet_lite.EfficientNetLite:
    """The packaged network, with its own weights or with those of a saved model."""
    saved = saved_weights(source) if weights == "pretrained" else None
    network = efficientnet_lite.EfficientNetLite(pretrained=weights == "pretrained" and saved is None)
    if saved is not None:
        with explained("image encoder", source):
            network.load_state_dict(saved_part(saved, "image"))
    return network


def _lite_processor() -> Any:
    size = {"height": efficientnet_lite.PICTURE_SIZE, "width": efficientnet_lite.PICTURE_SIZE}
    return ViTImageProcessorPil(
        size=size, image_mean=list(efficientnet_lite.MEAN), image_std=list(efficientnet_lite.DEVIATION), resample=3
    )


def _from_hub(source: str, weights: str, *, named: str) -> tuple[Any, Any, int]:
    with explained("image encoder", named):
        processor = AutoImageProcessor.from_pretrained(source, backend="pil", trust_remote_code=False)  # type: ignore[no-untyped-call]
        backbone = vision_tower(load_backbone(source, weights))
        sizes = getattr(backbone.config, "hidden_sizes", None)
        width = int(sizes[-1] if sizes else backbone.config.hidden_size)
    return backbone, processor, width
