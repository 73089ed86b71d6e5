"""Made-up clips: what they say about themselves is true of their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from polysense.cli.main import execute
from polysense.data.corpora.clips import Clips
from polysense.data.toy.clips import FRAMES, VIEWS, WORDS, make_clips, write_toy_clips
from polysense.data.verify import verify


def test_scores_follow_the_stated_rule() -> None:
    made = make_clips(4000, seed=0)
    parts = made.scores
    assert np.allclose(made.score, 0.5 * parts["text"] + 0.25 * parts["audio"] + 0.25 * parts["video"])
    for name, other in (("text", "audio"), ("text", "video"), ("audio", "video")):
        assert 0.4 < np.corrcoef(parts[name], parts[other])[0, 1] < 0.6  # they share a half
        assert (np.sign(parts[name]) != np.sign(parts[other])).mean() > 0.25  # and are often at odds
    assert all(np.abs(one).max() <= 3 for one in parts.values())


def test_a_product_is_in_no_sum_of_its_factors() -> None:
    made, sums = (make_clips(4000, seed=0, rule=rule) for rule in ("product", "sum"))
    assert np.allclose(made.score, made.scores["text"] * made.scores["audio"] / 3)
    assert made.texts == sums.texts
    assert all(np.array_equal(made.sequences[name], sums.sequences[name]) for name in VIEWS)
    design = np.stack([*made.scores.values(), np.ones(4000)], axis=1)
    weights, *_ = np.linalg.lstsq(design, made.score, rcond=None)
    assert (made.score - design @ weights).var() > 0.95 * made.score.var()


def test_each_modality_shows_its_own_score() -> None:
    """A ridge regression on what a modality shows finds its own score, not the others'."""
    made = make_clips(2000, seed=1)
    strength = {word: place for place, word in enumerate(WORDS)}
    shown = {name: clips.mean(axis=1) for name, clips in made.sequences.items()}
    shown["text"] = np.array([[np.mean([strength[word] for word in text.split()])] for text in made.texts])
    for name, features in shown.items():
        design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
        weights, *_ = np.linalg.lstsq(design[:1000], made.scores[name][:1000], rcond=None)
        found = np.corrcoef(design[1000:] @ weights, made.scores[name][1000:])[0, 1]
        assert found > 0.9, name
    assert {name: clips.shape[1:] for name, clips in made.sequences.items()} == {
        name: (FRAMES, view.width) for name, view in VIEWS.items()
    }
    assert {len(text.split()) for text in made.texts} == {6}


def test_the_seed_makes_the_clips(tmp_path: Path) -> None:
    one, again, other = (make_clips(50, seed=seed) for seed in (3, 3, 4))
    assert one.texts == again.texts != other.texts
    assert np.array_equal(one.sequences["audio"], again.sequences["audio"])
    first, second = (write_toy_clips(tmp_path / name, clips=50, seed=3) for name in "ab")
    assert (first / "video.safetensors").read_bytes() == (second / "video.safetensors").read_bytes()


def test_the_folder_is_sound_and_says_that_it_is_made_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["data", "toy-clips", str(tmp_path / "toy"), "--clips", "124"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "toy")
    table = Clips().read(tmp_path / "toy")
    assert table.splits == {"train": 64, "validation": 20, "test": 40}
    assert "synthetic" in table.name
    assert {one.extra["synthetic"] for one in table.samples} == {"true"}
    assert [one for one in verify(table) if one.severity == "bad"] == []
    row = table.samples[0]
    assert row.score == pytest.approx(0.5 * row.scores["text"] + 0.25 * row.scores["audio"] + 0.25 * row.scores["video"])
    assert len({str(one.audio.provenance) for one in table.samples}) == 1
    assert execute(["data", "toy-clips", str(tmp_path / "product"), "--clips", "20", "--rule", "product"]) == 0
    row = Clips().read(tmp_path / "product").samples[0]
    assert row.score == pytest.approx(row.scores["text"] * row.scores["audio"] / 3)
    capsys.readouterr()
    assert execute(["data", "toy-clips", str(tmp_path / "other"), "--rule", "products"]) == 2
    assert "did you mean 'product'" in capsys.readouterr().err
    assert execute(["data", "toy-clips", str(tmp_path / "toy")]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
