"""Pretrained backbones: from a folder or the Hugging Face hub, with errors that say what was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel
from transformers.utils import logging as progress_bars

from polysense.encoders.packaged import PACKAGED
from polysense.errors import PolysenseError, RecipeError, choices


def load_backbone(
    source: str, weights: str, *, tower: Literal["text", "vision"] = "vision", shape: Mapping[str, Any] | None = None
) -> Any:
    """A Hugging Face model in float32, with its weights or (``weights="random"``) from its configuration alone.

    Of a model of several towers with ``random`` weights, ``tower`` alone; ``shape`` changes entries of its configuration.

    Raises:
        RecipeError: ``shape`` names an entry that the configuration does not have, or the weights are not random.
    """
    if weights == "random":
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
        return AutoModel.from_config(_shaped(getattr(config, f"{tower}_config", config), shape or {}))  # type: ignore[no-untyped-call]
    if shape:
        raise RecipeError("shape: pretrained weights have a shape of their own; write weights: random")
    with _quiet() if Path(source).is_dir() else contextlib.nullcontext():
        return AutoModel.from_pretrained(source, dtype=torch.float32, trust_remote_code=False, use_safetensors=True)


def _shaped(config: Any, shape: Mapping[str, Any]) -> Any:
    for name, value in shape.items():
        if not hasattr(config, name):
            raise RecipeError(f"shape: {type(config).__name__} has no entry {name!r}; {choices(name, config.to_dict())}")
        setattr(config, name, value)
    return config


def text_tower(model: Any) -> Any:
    """What reads the text: the text tower of a model with several (CLIP), the encoder of one with a decoder (T5, BART), or itself."""
    while getattr(model, "text_model", None) is not None:
        model = model.text_model
    if getattr(model, "encoder", None) is not None and getattr(model, "decoder", None) is not None:
        model = model.get_encoder()
    return model


@contextlib.contextmanager
def explained(what: str, pretrained: str) -> Iterator[None]:
    """Turn what goes wrong while loading into a RecipeError that names the encoder and what may stand there."""
    try:
        yield
    except PolysenseError:
        raise
    except (OSError, ValueError, AttributeError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        packaged = ", ".join(repr(name) for name in PACKAGED)
        reason = str(error).strip().partition("\n")[0]
        if not isinstance(error, OSError | ValueError):  # which are written to be read
            reason = f"{type(error).__name__}: {reason}"
        raise RecipeError(
            f"the {what} {pretrained!r} cannot be loaded: {reason} (a packaged one ({packaged}), a folder, or a Hugging Face id)"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No bar while a local file is read: it is there at once."""
    was_on = progress_bars.is_progress_bar_enabled()
    progress_bars.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_on:
            progress_bars.enable_progress_bar()  # type: ignore[no-untyped-call]
