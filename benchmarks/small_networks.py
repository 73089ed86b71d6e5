"""A small LXMERT and a small ViLT, for machines without their published weights: random layers over known words.

The embeddings of words are the first principal components of MiniLM's; all else is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModel,
    AutoTokenizer,
    LxmertConfig,
    LxmertModel,
    ViltConfig,
    ViltImageProcessorPil,
    ViltModel,
)

from polysense.encoders.packaged import packaged_folder

WIDTH, HEADS, INNER = 128, 4, 512
SIDE, PATCH = 128, 32
"""Pixels of a picture's shorter side, and of a patch's sides."""

GRID_WIDTH = 1280
"""Of a cell of EfficientNet-Lite0, which this LXMERT reads."""


def write_networks(folder: Path, *, seed: int = 0) -> None:
    """The folders ``lxmert`` and ``vilt``, each with its tokenizer; what is there stays."""
    if folder.is_dir():
        return
    words = packaged_folder("minilm")
    tokenizer = AutoTokenizer.from_pretrained(words)
    known = AutoModel.from_pretrained(words).get_input_embeddings().weight.detach()
    sizes = {
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "vocab_size": known.shape[0],
        "max_position_embeddings": 128,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        lxmert = LxmertModel(LxmertConfig(**sizes, l_layers=2, x_layers=2, r_layers=1, visual_feat_dim=GRID_WIDTH))
        vilt = ViltModel(ViltConfig(**sizes, num_hidden_layers=4, image_size=SIDE, patch_size=PATCH))
        start = principal(known, WIDTH)
    partial = folder.with_name(f".{folder.name}.partial")
    networks: dict[str, Any] = {"lxmert": lxmert, "vilt": vilt}  # their methods have no types
    for name, network in networks.items():
        embeddings = network.get_input_embeddings().weight
        embeddings.data.copy_(start * embeddings.std())
        network.save_pretrained(partial / name)
        tokenizer.save_pretrained(partial / name)
    pictures: dict[str, Any] = {"size": {"shortest_edge": SIDE}, "size_divisor": PATCH}
    ViltImageProcessorPil(**pictures).save_pretrained(partial / "vilt")
    partial.rename(folder)


def principal(rows: Tensor, width: int) -> Tensor:
    """(rows, width): the first principal components, with a standard deviation of 1 over all numbers."""
    _, _, directions = torch.pca_lowrank(rows, q=width, niter=4)
    found: Tensor = (rows - rows.mean(0)) @ directions
    return found / found.std()
