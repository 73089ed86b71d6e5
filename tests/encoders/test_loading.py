from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from polysense.encoders.loading import explained
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError


def with_foreign_code(folder: str, target: Path) -> Path:
    """A copy whose configuration names a model class in a Python file of its own, which would leave a mark when run."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text("utf-8"))
    config |= {"model_type": "foreign", "auto_map": {"AutoConfig": "foreign.Config", "AutoModel": "foreign.Model"}}
    (target / "config.json").write_text(json.dumps(config), "utf-8")
    (target / "foreign.py").write_text(f"open({str(target / 'mark')!r}, 'w')\n", "utf-8")
    return target


@pytest.mark.parametrize("weights", ["pretrained", "random"])
def test_code_that_comes_with_a_model_is_not_run_and_not_asked_about(
    tiny_text: str, tiny_vision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    text = with_foreign_code(tiny_text, tmp_path / "text")
    vision = with_foreign_code(tiny_vision, tmp_path / "vision")
    with pytest.raises(RecipeError, match="text encoder"):
        TransformerText(str(text), weights=weights)
    with pytest.raises(RecipeError, match="image encoder"):
        VisionImage(str(vision), weights=weights)
    assert not (text / "mark").exists()
    assert not (vision / "mark").exists()


def test_pickled_weights_are_not_read(tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").unlink()
    torch.save(TransformerText(tiny_text).backbone.state_dict(), folder / "pytorch_model.bin")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(RecipeError, match="safetensors"):
        TransformerText(str(folder))


@pytest.mark.parametrize(
    "error", [OSError("no"), ValueError("no"), AttributeError("no"), KeyError("no"), ImportError("no"), RuntimeError("no")]
)
def test_whatever_the_libraries_raise_names_the_encoder(error: Exception) -> None:
    with (
        pytest.raises(RecipeError, match=r"text encoder 'mine' cannot be loaded: .*no.*Hugging Face id"),
        explained("text encoder", "mine"),
    ):
        raise error


def test_what_polysense_says_itself_is_passed_on() -> None:
    with pytest.raises(RecipeError, match=r"^no token$"), explained("text encoder", "mine"):
        raise RecipeError("no token")


def test_weights_that_were_cut_off_are_a_recipe_error(tiny_text: str, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(tiny_text, folder)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(RecipeError, match="cannot be loaded"):
        TransformerText(str(folder))


def test_a_configuration_without_a_width_is_a_recipe_error(tiny_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.encoders.transformer_text.text_tower", lambda _: object())
    with pytest.raises(RecipeError, match="cannot be loaded: AttributeError"):
        TransformerText(tiny_text)
