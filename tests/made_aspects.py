"""Made-up sentences with aspects, of three classes, and a run of a tiny encoder that was trained on them."""

from __future__ import annotations

import csv
from pathlib import Path

THINGS = ("garden", "home", "day", "rain", "sun", "morning")
SAID = {"positive": "was lovely", "negative": "was so bad", "neutral": "was there"}


def rows() -> list[dict[str, str]]:
    """Each sentence speaks of two things in two ways; each way is a row, and neighbours stand in one split."""
    found = []
    names = list(SAID)
    for number in range(24):
        one, other = THINGS[number % 6], THINGS[(number + 1 + number // 6) % 6]
        first, second = names[number % 3], names[(number + 1) % 3]
        text = f"the {one} {SAID[first]} but the {other} {SAID[second]} on day {number}"
        split = ("validation", "test")[number % 2] if number < 8 else "train"
        for aspect, label in ((one, first), (other, second)):
            found.append({"text": text, "aspect": aspect, "label": label, "split": split})
    return found


def write_aspects(file: Path) -> Path:
    """They as a CSV file."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        table = csv.DictWriter(opened, fieldnames=["text", "aspect", "label", "split"])
        table.writeheader()
        table.writerows(rows())
    return file


def overrides(tiny_text: str) -> list[str]:
    """Of the recipes under ``skep``, for seconds of training."""
    return [
        f"encoders.text.pretrained={tiny_text}",
        "encoders.text.max_length=64",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=8",
        "training.learning_rate=1.0e-3",
        "training.bf16=false",
    ]
