"""Backbone and tokenizer as transformers loads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import torch

from polysense.encoders.loading import without_bars
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.inference.foreign.loading import NOTE
from polysense.inference.foreign.released import FAMILIES


def write_transformers(encoder: TransformerText, folder: Path) -> None:
    """Backbone and tokenizer, and a note of the pooling. The head of ``cls`` takes the pooler's place: ``pooler_output``."""
    state = backbone_state(encoder)
    if encoder.head is not None:
        if encoder.backbone.config.model_type not in FAMILIES or "pooler.dense.weight" not in state:
            kind = type(encoder.backbone).__name__
            raise RecipeError(
                f"--to transformers: {kind} has no place for the dense layer of the pooling 'cls'; sentence-transformers has"
            )
        state |= {f"pooler.dense.{name}": tensor for name, tensor in encoder.head.state_dict().items()}
    write_backbone(encoder, folder, state)
    write_json(folder / NOTE, {"pooling": encoder.pooling, "max_length": encoder.max_length})


def backbone_state(encoder: TransformerText) -> dict[str, torch.Tensor]:
    """The backbone's tensors, if transformers rebuilds a model of its kind from its configuration.

    Raises:
        RecipeError: it is a part of a larger model, which cannot be loaded by itself.
    """
    from transformers import MODEL_MAPPING

    kinds = MODEL_MAPPING.get(type(encoder.backbone.config), ())
    if type(encoder.backbone) not in (kinds if isinstance(kinds, tuple) else (kinds,)):
        raise RecipeError(f"a {type(encoder.backbone).__name__} is a part of a larger model and cannot be loaded by itself")
    state: dict[str, torch.Tensor] = encoder.backbone.state_dict()
    return dict(state)


def write_backbone(encoder: TransformerText, folder: Path, state: Mapping[str, torch.Tensor], **settings: Any) -> None:
    """Weights, configuration (with ``settings``) and tokenizer, which pads on the right and cuts where the encoder does."""
    backbone = copy(encoder.backbone)
    backbone.config = deepcopy(encoder.backbone.config)
    for name, value in settings.items():
        setattr(backbone.config, name, value)
    with without_bars():
        backbone.save_pretrained(folder, state_dict=dict(state))
    tokenizer = deepcopy(encoder.tokenizer)
    tokenizer.padding_side = "right"
    tokenizer.model_max_length = encoder.max_length
    tokenizer.save_pretrained(folder)


def write_json(file: Path, value: Any) -> None:
    """A JSON file, its folder made where it is not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
