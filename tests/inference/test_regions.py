"""Regions of pictures by detectors of the DETR kind, as tiny networks of random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessorPil,
    ResNetConfig,
    RTDetrImageProcessorPil,
    RTDetrResNetConfig,
    RTDetrV2Config,
    RTDetrV2ForObjectDetection,
)

from polysense.data.frames import StoredFrames
from polysense.errors import RecipeError
from polysense.inference.regions import RegionDetector, write_regions


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("detr")
    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", out_features=["stage2"], num_channels=3
    )
    config = DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=6,
        num_labels=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        DetrForObjectDetection(config).save_pretrained(folder)
    DetrImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 64}).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def real_time(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("rt_detr")
    backbone = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrV2Config(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=6,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_labels=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        RTDetrV2ForObjectDetection(config).save_pretrained(folder)
    RTDetrImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return str(folder)


def test_a_real_time_detector_has_no_class_for_nothing(real_time: str) -> None:
    made = RegionDetector(real_time, regions=4)
    assert made.model.config.num_labels == 3
    found = made.regions(picture(0))
    assert found.shape == (4, 20)
    with torch.inference_mode():
        output = made.model(**made.processor(images=picture(0), return_tensors="pt"))
    surest = int(output.logits[0].amax(dim=-1).argmax())
    np.testing.assert_allclose(found[0, :16], output.last_hidden_state[0, surest].numpy(), atol=1e-6)


def picture(red: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(red).integers(0, 255, (24, 40, 3), dtype=np.uint8))


def test_the_surest_queries_are_the_regions(detector: str, tmp_path: Path) -> None:
    made = RegionDetector(detector, regions=4)
    write_regions(tmp_path / "regions.safetensors", [picture(0), picture(1)], made)
    found = [StoredFrames(tmp_path / "regions.safetensors", row).read() for row in (0, 1)]
    assert [one.shape for one in found] == [(4, 20), (4, 20)]
    assert not np.array_equal(found[0], found[1])
    assert found[0][:, 16:].min() >= 0
    assert found[0][:, 16:].max() <= 1
    assert (found[0][:, 18:] >= found[0][:, 16:18]).all()
    kept = StoredFrames(tmp_path / "regions.safetensors", 0).provenance
    assert kept is not None
    assert kept.identity["parameters"] == {"detector": detector, "regions": 4}


def test_fewer_regions_are_the_first_of_more(detector: str) -> None:
    few, many = (
        RegionDetector(detector, regions=2).regions(picture(3)),
        RegionDetector(detector, regions=36).regions(picture(3)),
    )
    assert many.shape == (6, 20)
    np.testing.assert_array_equal(many[:2], few)


def test_what_is_no_detector_is_refused(tmp_path: Path, detector: str) -> None:
    with pytest.raises(RecipeError, match=r"the object detector '.*' cannot be loaded"):
        RegionDetector(str(tmp_path))
    with pytest.raises(RecipeError, match="regions: expected a number from 1 up, found 0"):
        RegionDetector(detector, regions=0)
