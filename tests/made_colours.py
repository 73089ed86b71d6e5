"""Posts of a coloured picture and a text that names the colour, and tiny networks of random weights that learn them in seconds.

The networks start from larger weights than usual (deviation 0.15): at a width of 32 those of BERT (0.02) keep attention even for
hundreds of steps.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from polysense.fusion.fusion import Fusion
from polysense.recipe import Recipe
from polysense.recipe.parts import known
from polysense.recipe.recipe import check_recipe
from polysense.types import Sample

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 200, 60),
    "blue": (50, 60, 220),
    "yellow": (230, 220, 50),
    "white": (250, 250, 250),
    "black": (10, 10, 10),
    "purple": (150, 40, 180),
    "orange": (240, 140, 20),
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "box", "see", *COLOURS]
SIDE = 32
"""Of the pictures and of what the networks read, in pixels."""

BORROWING = ("Mmbt", "Lxmert", "Vilt", "SingleStream")
"""The fusions that run the text encoder's network over both modalities."""


def posts(count: int, *, seed: int = 0) -> list[Sample]:
    """``count`` posts, the colours in turn; pictures of one colour differ a little."""
    draw = random.Random(seed)
    found = []
    for row in range(count):
        colour = list(COLOURS)[row % len(COLOURS)]
        shade = tuple(max(0, min(255, value + draw.randint(-12, 12))) for value in COLOURS[colour])
        text = f"a {colour} box"
        mood = "positive" if colour in ("red", "yellow", "white", "orange") else "negative"
        found.append(
            Sample(id=str(row), text=text, image=Image.new("RGB", (SIDE, SIDE), shade), label=mood, score=0.5, index=row)
        )
    return found


def write_networks(folder: Path) -> None:
    """``bert``, ``vit``, ``vilt`` and ``lxmert`` below ``folder``, each with its tokenizer or picture preprocessing."""
    import torch
    from transformers import (
        BertConfig,
        BertModel,
        BertTokenizer,
        LxmertConfig,
        LxmertModel,
        ViltConfig,
        ViltImageProcessorPil,
        ViltModel,
        ViTConfig,
        ViTImageProcessorPil,
        ViTModel,
    )

    sizes = {
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.15,
    }
    words = {**sizes, "vocab_size": len(WORDS), "max_position_embeddings": 16}
    pictures = {"image_size": SIDE, "patch_size": 16}
    stacks = {"l_layers": 1, "r_layers": 1, "x_layers": 1, "visual_feat_dim": 16}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(**words, num_hidden_layers=2)).save_pretrained(folder / "bert")
        ViTModel(ViTConfig(**sizes, **pictures, num_hidden_layers=1)).save_pretrained(folder / "vit")
        ViltModel(ViltConfig(**words, **pictures, num_hidden_layers=2)).save_pretrained(folder / "vilt")
        LxmertModel(LxmertConfig(**words, **stacks)).save_pretrained(folder / "lxmert")
    tokenizer = BertTokenizer(vocab={word: place for place, word in enumerate(WORDS)}, model_max_length=16)
    for name in ("bert", "vilt", "lxmert"):
        tokenizer.save_pretrained(folder / name)
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder / "vit")
    halves = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    ViltImageProcessorPil(size={"shortest_edge": SIDE}, size_divisor=16, **halves).save_pretrained(folder / "vilt")


def parts_of(fusion: str, networks: Path, **arguments: Any) -> dict[str, Any]:
    """The encoders and the fusion of a recipe, by the fusion's class name, with its ``arguments``."""
    text: dict[str, Any] = {"pretrained": str(networks / "bert")}
    image = {"class_path": "VisionImage", "init_args": {"pretrained": str(networks / "vit"), "trainable": True}}
    if known(Fusion)[fusion].borrow is not Fusion.borrow:
        text["tokens"] = "embedded"
    if fusion == "Lxmert":
        text["pretrained"] = str(networks / "lxmert")
    if fusion == "Vilt":
        text["pretrained"] = str(networks / "vilt")
        image = {"class_path": "ViltPatches", "init_args": {"pretrained": str(networks / "vilt")}}
    return {
        "encoders": {"text": {"class_path": "TransformerText", "init_args": text}, "image": image},
        "fusion": {"class_path": fusion, "init_args": arguments},
    }


def recipe_of(
    fusion: str,
    networks: Path,
    objectives: Mapping[str, Any],
    *,
    samples: Sequence[Sample] = (),
    trainable: bool = True,
    beside: str | None = None,
    **arguments: Any,
) -> Recipe:
    """A recipe of the tiny networks, completed from ``samples``.

    ``trainable`` and ``beside`` are the text encoder's, ``arguments`` the fusion's.
    """
    parts = parts_of(fusion, networks, **arguments)
    parts["encoders"]["text"]["init_args"] |= {"trainable": trainable, "beside": beside}
    raw = {**parts, "objectives": dict(objectives), "evaluation": {"evaluators": ["Losses"], "best": "last"}}
    return check_recipe(fusion, raw, None).complete(samples)
