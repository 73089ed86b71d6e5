"""Runs that write: captions of coloured pictures and short forms of made sentences, trained in seconds."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image
from tests.made_colours import COLOURS, SIDE

PICTURES = 16
"""Of which half train."""


def write_captions(root: Path) -> None:
    """Flickr8k's layout below ``root``: pictures of a colour, five captions each that name it."""
    (root / "flickr8k" / "images").mkdir(parents=True)
    with (root / "flickr8k" / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "split", "caption_id", "caption"])
        for number in range(PICTURES):
            colour = list(COLOURS)[number % len(COLOURS)]
            name, split = f"{number}.png", "train" if number < 8 else "dev" if number % 2 else "test"
            Image.new("RGB", (SIDE, SIDE), COLOURS[colour]).save(root / "flickr8k" / "images" / name)
            for caption in range(5):
                writer.writerow([name, split, caption, f"a {colour} box" if caption else f"see a {colour} box"])


def write_pairs(file: Path) -> None:
    """A table of texts and what is to be made of them: the colour."""
    with file.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(["text", "pair", "split"])
        for number in range(48):
            colour = list(COLOURS)[number % len(COLOURS)]
            split = "train" if number < 32 else "validation" if number < 40 else "test"
            writer.writerow([f"see a {colour} box" if number % 3 else f"a {colour} box see", f"{colour} box", split])


def small(networks: Path, *, epochs: int) -> list[str]:
    """Overrides that put the tiny networks of the colours into a recipe, whose texts have 16 places."""
    return [
        f"encoders.text.pretrained={networks / 'bert'}",
        "encoders.text.max_length=8",
        f"training.num_train_epochs={epochs}",
        "training.per_device_train_batch_size=8",
        "training.learning_rate=3.0e-3",
        "training.bf16=false",
        "evaluation.patience=null",
    ]


def caption_settings(networks: Path, *, epochs: int) -> list[str]:
    """For ``unimo/caption``."""
    written = "objectives.caption.objective"
    return [
        *small(networks, epochs=epochs),
        f"encoders.image={{class_path: VisionImage, init_args: {{pretrained: {networks / 'vit'}, trainable: true}}}}",
        f"{written}.longest=8",
        f"{written}.min_length=0",
        f"{written}.beams=2",
    ]


def summary_settings(networks: Path, *, epochs: int) -> list[str]:
    """For ``unimo/summarize``."""
    return [*small(networks, epochs=epochs), "objectives.summary.objective.longest=5", "objectives.summary.objective.beams=2"]
