"""Makes small run folders, shaped like those that training leaves behind, with made-up numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LABELS = ("negative", "neutral", "positive")
SHARES = (0.3, 0.1, 0.6)
TEXTS = (
    "What a week. Thank you to everyone who came out in the rain to help us plant trees! #community",
    "Three trains cancelled before eight o'clock, and nobody tells you anything. @northline do better",
    "New menu is up on the website, same hours as always.",
    "He said 'just one more minute' at nine. It is now half past two <script>alert('x')</script> & still going",
    "So proud of this little team \U0001f49b",
    "",
    "The queue at the pharmacy was out of the door, again, and two of the three counters were closed all morning long.",
    "lovely. just lovely. another flat tyre",
)


def make_run(
    folder: Path,
    *,
    seeds: Sequence[int] = (0, 1),
    rows: int = 60,
    skill: float = 1.2,
    noise: int = 0,
    labels: Sequence[str] = LABELS,
    modalities: Sequence[str] = ("text", "image"),
    terms: Sequence[str] = ("classification", "contrast", "matching"),
    splits: Sequence[str] = ("validation", "test"),
    steps: int = 40,
    synthetic: bool = False,
    pictures: Path | None = None,
    name: str = "social/mvsa_concat_both",
) -> Path:
    """A run folder; ``skill`` is how far the true class stands out of the noise, ``noise`` picks other luck for the model."""
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in seeds:
        home = folder / f"seed-{seed}"
        luck = np.random.default_rng([seed, noise, 7])
        write_journal(home, luck, steps=steps, terms=terms)
        scores: dict[str, Any] = {"seed": seed}
        for split in splits:
            table = made_rows(split, rows=rows, labels=labels, skill=skill, luck=luck, modalities=modalities, pictures=pictures)
            write_lines(home / "predictions" / f"{split}.jsonl", table)
            right = float(np.mean([row["label"] == row["target"] for row in table]))
            scores[split] = {"weighted_f1": right, "accuracy": right}
            for alone in modalities if len(modalities) > 1 else ():
                weaker = made_rows(
                    split, rows=rows, labels=labels, skill=skill / 2, luck=luck, modalities=[alone], pictures=pictures
                )
                hidden = [other for other in modalities if other != alone]
                write_lines(home / "predictions" / f"{split}.{alone}.jsonl", [row | {"missing": hidden} for row in weaker])
        results.append(scores)
    record = {
        "polysense": "0.1.0",
        "name": name,
        "synthetic": synthetic,
        "best_seed": seeds[0],
        "best_metric": "weighted_f1",
        "greater_is_better": True,
        "seeds": list(seeds),
        "per_seed": results,
        "data": {
            "name": "made_posts",
            "digests": {"posts.csv": "0f" * 32},
            "splits": {"train": 400, "validation": rows, "test": rows},
        },
        "labels": list(labels),
        "versions": {"python": "3.11.2", "torch": "2.13.0", "transformers": "5.23.0"},
        "skipped_rows": [],
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "recipe.yaml").write_text(
        "# A made-up recipe.\nfusion: Concatenation\ntraining: {num_train_epochs: 4}\n", encoding="utf-8"
    )
    return folder


def made_rows(
    split: str,
    *,
    rows: int,
    labels: Sequence[str],
    skill: float,
    luck: np.random.Generator,
    modalities: Sequence[str],
    pictures: Path | None,
) -> list[dict[str, Any]]:
    """Predictions of one split: the targets depend on the split alone, the answers on the luck."""
    world = np.random.default_rng([len(split), rows])
    shares = np.array(SHARES) if len(labels) == len(SHARES) else np.full(len(labels), 1 / len(labels))
    truth = world.choice(len(labels), size=rows, p=shares)
    logits = luck.normal(size=(rows, len(labels))) + skill * np.eye(len(labels))[truth] + np.log(shares)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    both = len(modalities) > 1
    return [
        {
            "id": f"{split}-{number}",
            "target": labels[truth[number]],
            "label": labels[int(chances[number].argmax())],
            "probabilities": {label: round(float(chance), 6) for label, chance in zip(labels, chances[number], strict=True)},
            "match": round(float(luck.uniform(0.4, 1)), 4) if both else None,
            "similarity": round(float(luck.normal(0.2, 0.1)), 4) if both else None,
            "missing": [],
            "text": TEXTS[number % len(TEXTS)] if "text" in modalities else None,
            "image": str(pictures / f"{number % 12}.jpg") if pictures and "image" in modalities else None,
        }
        for number in range(rows)
    ]


def write_journal(home: Path, luck: np.random.Generator, *, steps: int, terms: Sequence[str]) -> None:
    """A falling loss with noise, and an evaluation every tenth of the run."""
    journal, evaluations = [], []
    for step in range(1, steps + 1):
        fall = np.exp(-3 * step / steps)
        values = {term: float((0.4 + place + fall) * luck.lognormal(0, 0.15)) for place, term in enumerate(terms)}
        journal.append(
            {
                "step": step,
                "epoch": 4 * step / steps,
                "loss": float(np.mean(list(values.values()))),
                "learning_rate": 5e-5 * (1 - step / steps),
                "grad_norm": float(luck.lognormal()),
                "terms": values,
            }
        )
        if step % max(1, steps // 10) == 0:
            score = 0.7 - 0.3 * fall + float(luck.normal(0, 0.01))
            evaluations.append({"step": step, "epoch": 4 * step / steps, "metrics": {"weighted_f1": score, "accuracy": score}})
    write_lines(home / "journal.jsonl", journal)
    write_lines(home / "evaluations.jsonl", evaluations)


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def draw_pictures(folder: Path, *, count: int = 12) -> Path:
    """Coloured gradients of several shapes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        width, height = 160 + 20 * (number % 4), 120 + 30 * (number % 3)
        across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
        tint = np.random.default_rng(number).uniform(80, 255, size=3)
        Image.fromarray((np.stack([across, down, 1 - across], axis=-1) * tint).astype(np.uint8)).save(folder / f"{number}.jpg")
    return folder
