"""Recipes that write train, are saved and loaded, and write what they learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.made_colours import COLOURS
from tests.made_writing import caption_settings, summary_settings, write_captions, write_pairs

from polysense.errors import RecipeError
from polysense.inference.predictor import load
from polysense.training.run import train


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writing")
    write_captions(folder)
    write_pairs(folder / "pairs.csv")
    return folder


def test_captions(root: Path, networks: Path, tmp_path: Path) -> None:
    settings = [*caption_settings(networks, epochs=40), "evaluation.best=last"]
    summary = train("unimo/caption", root, out=tmp_path / "run", overrides=settings)
    found = summary["per_seed"][0]["test"]
    assert found["cider"] > 100
    assert found["rouge_l"] > 60
    assert 1 < found["caption_perplexity"] < 3
    model = load(tmp_path / "run")
    pictures = [root / "flickr8k" / "images" / f"{number}.png" for number in range(8)]
    answers = model.caption(pictures)
    assert model.caption([{"image": picture} for picture in pictures]) == answers
    with pytest.raises(RecipeError, match=r"no choice 'beems' of how to write; did you mean 'beams'"):
        model.caption(pictures, beems=2)  # type: ignore[call-arg]
    assert [set(one) for one in answers] == [{"image", "caption"}] * 8
    right = [colour in one["caption"] for colour, one in zip(COLOURS, answers, strict=True)]
    assert sum(right) >= 7
    model.save_pretrained(tmp_path / "saved")
    assert load(tmp_path / "saved").caption(pictures) == answers
    assert 'model.caption("rain.jpg")' in (tmp_path / "run" / "README.md").read_text("utf-8")
    # a run goes on from it: with its head, which the caption's objective borrows
    settings = [*caption_settings(networks, epochs=1), f"start={tmp_path / 'run'}", "training.learning_rate=0.0"]
    train("unimo/caption", root, out=tmp_path / "on", overrides=settings)
    assert load(tmp_path / "on").caption(pictures) == answers


def test_summaries(root: Path, networks: Path, tmp_path: Path) -> None:
    settings = summary_settings(networks, epochs=20)
    summary = train("unimo/summarize", root / "pairs.csv", out=tmp_path / "run", overrides=settings)
    found = summary["per_seed"][0]["test"]
    assert found["rouge_1"] > 80
    model = load(tmp_path / "run")
    rows: list[Any] = ["see a red box", {"text": "a blue box see", "id": "b"}, {"image": "nothing.png"}, ""]
    answers = model.generate(rows)
    assert [one.get("written") for one in answers[:2]] == ["red box", "blue box"]
    assert answers[1]["id"] == "b"
    assert [set(one) for one in answers[2:]] == [{"id", "error"}] * 2
    assert model.generate(["see a red box"], beams=1, max_length=1) == [{"id": "1", "written": "red"}]
    assert 'model.generate("what a lovely day")' in (tmp_path / "run" / "README.md").read_text("utf-8")
    with pytest.raises(Exception, match="writes no captions"):
        model.caption("a.png")
