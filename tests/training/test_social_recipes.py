"""The five base models of the social-media paper, each with the auxiliary losses that it is asked for, from a table to predictions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from made_colours import posts
from polysense.inference.predictor import load
from polysense.training.run import train

MODELS = ("concat", "attention", "mmbt", "lxmert", "vilt")
SIGNALS = {"": set(), "_itc": {"contrast"}, "_itm": {"matching"}, "_both": {"contrast", "matching"}}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 posts."""
    folder = tmp_path_factory.mktemp("posts")
    lines = ["id,text,image,label,split"]
    for row, post in enumerate(posts(64)):
        post.image.save(folder / f"{row}.png")
        split = "validation" if row % 8 == 6 else "test" if row % 8 == 7 else "train"
        lines.append(f"{row},{post.text} {row},{row}.png,{'positive' if row % 3 else 'negative'},{split}")
    (folder / "posts.csv").write_text("\n".join(lines) + "\n")
    return folder / "posts.csv"


@pytest.mark.parametrize("model", MODELS)
def test_each_model_learns_exactly_the_losses_it_is_asked_for(model: str, table: Path, networks: Path, tmp_path: Path) -> None:
    whole = model if model in ("lxmert", "vilt") else None
    small = [
        f"encoders.text.pretrained={networks / (whole or 'bert')}",
        f"encoders.image.pretrained={networks / ('vilt' if model == 'vilt' else 'vit')}",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=24",
        "training.bf16=false",
    ]
    for signals, losses in SIGNALS.items():
        run = tmp_path / f"run{signals}"
        summary = train(f"social/posts_{model}{signals}", table, out=run, overrides=small)
        journal = [json.loads(line) for line in (run / "seed-0" / "journal.jsonl").read_text().splitlines()]
        assert [set(line["terms"]) for line in journal] == [{"classification", *losses}] * 4
        assert all(math.isfinite(value) for line in journal for value in line["terms"].values())
        assert summary["per_seed"][0]["epochs"] == 2
        predictor = load(run)
        rows = [{"text": f"a red box {row}", "image": str(table.parent / f"{row}.png")} for row in range(6)]
        answers = predictor.predict(rows)
        assert {"match" in answer for answer in answers} == {"matching" in losses}
        assert {"similarity" in answer for answer in answers} == {"contrast" in losses}
        assert load(run).predict(rows) == answers
        kept = [json.loads(line) for line in (run / "seed-0" / "predictions" / "test.jsonl").read_text().splitlines()]
        asked = [
            {"text": f"{posts(64)[int(one['id'])].text} {one['id']}", "image": str(table.parent / f"{one['id']}.png")}
            for one in kept
        ]
        for one, answer in zip(kept, predictor.predict(asked), strict=True):
            assert one["label"] == answer["label"]
            assert one["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-4)
