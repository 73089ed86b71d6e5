"""A text encoder as the chain of modules that sentence-transformers loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from polysense.encoders.transformer_text import LAYERS, TransformerText
from polysense.errors import RecipeError
from polysense.inference.exporting.to_transformers import backbone_state, write_backbone, write_json
from polysense.inference.foreign.modules import MODULES
from polysense.inference.foreign.weights import SAFE

THEIRS = "sentence_transformers.models"
"""Where they look for their modules; every release knows them by this path."""


def write_sentence_transformers(encoder: TransformerText, folder: Path) -> None:
    """Their chain of modules: transformer, weights of the layers, pooling, dense layer, as far as the pooling needs them.

    Raises:
        RecipeError: the encoder reads more than texts, or spells them anew, and theirs would not.
    """
    if encoder.aspect:
        raise RecipeError("the encoder reads an aspect with each text, a model of sentence-transformers reads texts alone")
    if encoder.beside is not None or encoder.normalize is not None:
        raise RecipeError(
            "the encoder reads texts with another column, or in another spelling (beside, normalize); a model of sentence-transformers "
            "reads them as they are"
        )
    layers = LAYERS.get(encoder.pooling, (-1,))
    deep = layers != (-1,)
    write_backbone(encoder, folder, backbone_state(encoder), **({"output_hidden_states": True} if deep else {}))
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": encoder.max_length, "do_lower_case": False})
    write_json(
        folder / "config_sentence_transformers.json",
        {"similarity_fn_name": "cosine", "prompts": {}, "default_prompt_name": None},
    )
    chain = ["Transformer"]
    if deep:
        chain.append("WeightedLayerPooling")
        _write_layers(folder / _place(chain), encoder, layers)
    chain.append("Pooling")
    write_json(folder / _place(chain) / "config.json", _pooling(encoder))
    if encoder.head is not None:
        chain.append("Dense")
        _write_dense(folder / _place(chain), encoder.head)
    places = ["", *(_place(chain[: at + 1]) for at in range(1, len(chain)))]
    rows = [
        {"idx": at, "name": str(at), "path": place, "type": f"{THEIRS}.{kind}"}
        for at, (kind, place) in enumerate(zip(chain, places, strict=True))
    ]
    write_json(folder / MODULES, rows)


def _place(chain: list[str]) -> str:
    """The folder of the last module of a chain: ``1_Pooling``."""
    return f"{len(chain) - 1}_{chain[-1]}"


def _pooling(encoder: TransformerText) -> dict[str, Any]:
    """In the spelling that every release reads."""
    first = encoder.pooling not in LAYERS
    return {
        "word_embedding_dimension": encoder.width,
        "pooling_mode_cls_token": first,
        "pooling_mode_mean_tokens": not first,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }


def _write_layers(folder: Path, encoder: TransformerText, layers: tuple[int, ...]) -> None:
    """The mean of some hidden states as weights of 1 and 0 over all of them, the embeddings first."""
    last = int(encoder.backbone.config.num_hidden_layers)
    weights = torch.zeros(last + 1)
    weights[list(layers)] = 1.0
    config = {"word_embedding_dimension": encoder.width, "layer_start": 0, "num_hidden_layers": last}
    write_json(folder / "config.json", config)
    save_file({"layer_weights": weights}, str(folder / SAFE))


def _write_dense(folder: Path, head: torch.nn.Linear) -> None:
    activation = f"{torch.nn.Tanh.__module__}.{torch.nn.Tanh.__name__}"
    config = {"in_features": head.in_features, "out_features": head.out_features, "bias": True}
    write_json(folder / "config.json", {**config, "activation_function": activation})
    save_file({f"linear.{name}": tensor.contiguous() for name, tensor in head.state_dict().items()}, str(folder / SAFE))
