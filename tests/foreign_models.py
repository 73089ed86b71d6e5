"""Model folders as other libraries and the released code of SimCSE and MCSE write them, tiny."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

TEXTS = ["what a lovely day", "so tired of this rain, it will not stop", "yes", "a much longer text " * 12]


def plain(tiny_text: str, folder: Path) -> Path:
    """A transformers folder without a pooler: nothing in it looks like SimCSE."""
    shutil.copytree(tiny_text, folder)
    state = load_file(folder / "model.safetensors")
    save_file({name: tensor for name, tensor in state.items() if not name.startswith("pooler.")}, folder / "model.safetensors")
    return folder


def modular(tiny_text: str, folder: Path, pooling: dict[str, Any], *more: str, max_length: int | None = 16) -> Path:
    """A sentence-transformers folder with a pooling and further modules, their folders to be filled by the test."""
    shutil.copytree(tiny_text, folder)
    kinds = ["Transformer", "Pooling", *more]
    rows = [
        {"idx": at, "name": str(at), "path": f"{at}_{kind}" if at else "", "type": f"sentence_transformers.models.{kind}"}
        for at, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(rows), "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 32, **pooling}), "utf-8")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_length}), "utf-8")
    return folder


def head(seed: int = 5) -> dict[str, Tensor]:
    """A dense layer that is not the backbone's own pooler."""
    draw = torch.Generator().manual_seed(seed)
    return {"weight": torch.randn(32, 32, generator=draw) / 6, "bias": torch.randn(32, generator=draw)}


def converted(tiny_text: str, folder: Path) -> Path:
    """As converted for transformers: names without prefix, the head where BERT's own pooler stands."""
    shutil.copytree(tiny_text, folder)
    state = load_file(folder / "model.safetensors")
    save_file({**state, **{f"pooler.dense.{name}": tensor for name, tensor in head().items()}}, folder / "model.safetensors")
    return folder


def trained(tiny_text: str, folder: Path, name: str, *, pickled: bool) -> Path:
    """As the training code writes it: the backbone under ``bert.``, the head beside it as ``name``."""
    shutil.copytree(tiny_text, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertForCL"]}), "utf-8")
    own = load_file(folder / "model.safetensors")
    state = {f"bert.{key}": tensor for key, tensor in own.items() if name == "pooler.dense" or not key.startswith("pooler.")}
    state["bert.embeddings.position_ids"] = torch.arange(64).unsqueeze(0)
    state |= {f"{name}.{part}": tensor for part, tensor in head().items()}
    if pickled:
        (folder / "model.safetensors").unlink()
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors")
    return folder


@torch.no_grad()
def by_transformers(folder: str | Path, texts: list[str], *, max_length: int = 64) -> Any:
    """What transformers gives: ``last_hidden_state``, ``pooler_output``, ``hidden_states``; and the mask."""
    tokens = AutoTokenizer.from_pretrained(folder)(
        texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
    )
    return AutoModel.from_pretrained(folder).eval()(**tokens, output_hidden_states=True), tokens["attention_mask"]


def mean(states: Tensor, mask: Tensor) -> Tensor:
    """(rows, width): the mean over the tokens of each row."""
    return torch.stack([row[real.bool()].mean(dim=0) for row, real in zip(states, mask, strict=True)])
