from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from killed_making import retrieve_until
from made_captions import made_captions
from polysense.data.media import normalised
from polysense.data.neighbours import Neighbours
from polysense.errors import DataError, RecipeError
from polysense.knowledge import retrieval
from polysense.knowledge.nearest import highest
from polysense.knowledge.retrieval import image_neighbours, text_neighbours
from polysense.knowledge.tfidf import tfidf


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from((-np.inf, 0.0, 0.25, 0.5, 1.0)), max_size=12), st.integers(1, 14))
def test_the_highest_are_those_of_a_stable_sort(scores: list[float], most: int) -> None:
    expected = sorted(
        (place for place in range(len(scores)) if np.isfinite(scores[place])), key=lambda place: (-scores[place], place)
    )
    assert highest(np.array(scores), most).tolist() == expected[:most]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 300))
def test_sentences_by_tfidf_equal_explicit_loops(seed: int, pool: int, cells: int) -> None:
    texts = [caption.text for caption in made_captions(6, seed=seed)]
    unpaired = [caption.text for caption in made_captions(9, seed=seed + 1)] + [texts[0].upper()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polysense.knowledge.nearest.CELLS", cells)
        found = text_neighbours(texts, unpaired, pool=pool)
    keys = sorted({normalised(text) for text in texts})
    others = sorted({normalised(text) for text in unpaired})
    rows, gallery = (part.toarray() for part in tfidf(keys, others))
    for key, row in zip(keys, rows, strict=True):
        scores = {
            other: round(float(sum(a * b for a, b in zip(row, one, strict=True))), 6)
            for other, one in zip(others, gallery, strict=True)
        }
        kept = [other for other in others if 0 < scores[other] <= 0.98 and other != key]
        expected = sorted(kept, key=lambda other: (-scores[other], other))[:pool]
        got = found.of(key)
        assert [normalised(text) for text, _ in got] == expected
        assert [score for _, score in got] == pytest.approx([scores[other] for other in expected], abs=1e-6)
        assert all(text in unpaired for text, _ in got)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from((0.0, 0.3, 0.5, 1.0)))
def test_pictures_equal_explicit_loops(seed: int, tagged: bool, lam: float) -> None:
    draw = np.random.default_rng(seed)
    features = {f"{n}.jpg": draw.standard_normal(3) for n in range(7)}
    unpaired = {f"u/{n}.jpg": draw.standard_normal(3) for n in range(12)} | {"3.jpg": draw.standard_normal(3)}
    unpaired["u/copy.jpg"] = features["1.jpg"] * 2
    tags = {name: set(draw.choice(list("abcd"), draw.integers(0, 4))) for name in features}
    others = {name: set(draw.choice(list("abcd"), draw.integers(0, 4))) for name in unpaired}
    found = image_neighbours(
        features, unpaired, tags=tags if tagged else None, unpaired_tags=others if tagged else None, lam=lam, pool=5
    )
    for name, one in features.items():
        scores = {}
        for other, two in unpaired.items():
            cosine = float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
            either = tags[name] | others[other]
            overlap = len(tags[name] & others[other]) / len(either) if either else 0.0
            if cosine <= 0.98 and other != name:
                scores[other] = lam * cosine + (1 - lam) * overlap if tagged else cosine
        got = found.of(name)
        assert [score for _, score in got] == pytest.approx(sorted(scores.values(), reverse=True)[:5], abs=2e-6)
        assert all(scores[other] == pytest.approx(score, abs=2e-6) for other, score in got)
        assert len({other for other, _ in got}) == len(got) == 5
    assert "u/copy.jpg" not in dict(found.of("1.jpg"))
    assert "3.jpg" not in dict(found.of("3.jpg"))


def test_vectors_of_an_encoder_take_the_place_of_tfidf() -> None:
    texts, unpaired = ["a dog", "a cat"], ["hound", "puss", "A DOG"]
    vectors = np.array([[1.0, 0], [0, 1]]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.7]])
    found = text_neighbours(texts, unpaired, vectors=vectors)
    assert [text for text, _ in found.of("A dog")] == ["puss"]  # hound is a copy by its cosine, A DOG by its words
    assert [text for text, _ in found.of("a cat")] == ["puss", "A DOG", "hound"]
    with pytest.raises(RecipeError, match=r"vectors: \(1, 2\) and \(3, 2\) do not fit 2 captions and 3 sentences"):
        text_neighbours(texts, unpaired, vectors=(vectors[0][:1], vectors[1]))


def test_wrong_arguments_are_told() -> None:
    one = {"1.jpg": np.ones(2)}
    with pytest.raises(RecipeError, match="lam: expected a number from 0 to 1, found 2"):
        image_neighbours(one, one, lam=2)
    with pytest.raises(RecipeError, match="give both, or none"):
        image_neighbours(one, one, tags={})
    with pytest.raises(DataError, match="there are no unpaired pictures"):
        image_neighbours(one, {})
    with pytest.raises(DataError, match="there are no captions"):
        text_neighbours([], ["a"])
    with pytest.raises(RecipeError, match="pool: expected a number from 1 up"):
        text_neighbours(["a"], ["b"], pool=0)


TEXTS = [caption.text for caption in made_captions(20)]
UNPAIRED = [caption.text for caption in made_captions(20, seed=9)]


def test_a_killed_making_goes_on_and_equals_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "SHARD", 10)
    process = multiprocessing.get_context("spawn").Process(target=retrieve_until, args=(3, tmp_path), kwargs={"shard": 10})
    process.start()
    process.join()
    assert process.exitcode == -9
    assert len(list((tmp_path / ".neighbours-texts").glob("*.parquet"))) == 2
    whole = text_neighbours(TEXTS, UNPAIRED)
    assert text_neighbours(TEXTS, UNPAIRED, folder=tmp_path) == whole
    assert Neighbours.read(tmp_path, "texts") == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["neighbours.json", "texts.parquet"]


def test_a_folder_of_something_else_is_refused_unless_overwritten(tmp_path: Path) -> None:
    features = {f"{n}.jpg": np.eye(3)[n] + 0.1 for n in range(2)}
    unpaired = {"u.jpg": np.ones(3)}
    first = text_neighbours(TEXTS, UNPAIRED, folder=tmp_path, paired="first")
    images = image_neighbours(features, unpaired, folder=tmp_path, paired="first")
    assert text_neighbours(TEXTS, UNPAIRED, folder=tmp_path, paired="first") == first
    with pytest.raises(RecipeError, match=r"holds texts\.parquet, made from something else"):
        text_neighbours(TEXTS, UNPAIRED[:9], folder=tmp_path, paired="first")
    with pytest.raises(RecipeError, match=r"holds texts\.parquet and images\.parquet, made from something else"):
        text_neighbours(TEXTS[:9], UNPAIRED, folder=tmp_path, paired="second")
    assert Neighbours.read(tmp_path, "texts") == first
    text_neighbours(TEXTS, UNPAIRED[:9], folder=tmp_path, paired="first", overwrite=True)
    assert Neighbours.read(tmp_path, "images") == images
    second = text_neighbours(TEXTS[:9], UNPAIRED, folder=tmp_path, paired="second", overwrite=True)
    assert Neighbours.read(tmp_path, "texts") == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["neighbours.json", "texts.parquet"]
    assert "images" not in (tmp_path / "neighbours.json").read_text("utf-8")
    with pytest.raises(RecipeError, match=r"holds texts\.parquet, made from something else"):
        image_neighbours(features, unpaired, folder=tmp_path, paired="first")
