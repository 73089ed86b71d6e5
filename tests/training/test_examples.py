from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.made_colours import posts, recipe_of

from polysense.data.collate import Collate
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.judge import aligning
from polysense.evaluation.retrieval import projected
from polysense.training import examples as module
from polysense.training.examples import examples
from polysense.types import Sample


@pytest.fixture
def rows(tmp_path: Path) -> list[Sample]:
    """Six different posts, their pictures as files."""
    found = []
    for one in posts(6):
        one.image.save(tmp_path / f"{one.id}.png")  # type: ignore[union-attr]
        found.append(replace(one, image=tmp_path / f"{one.id}.png"))
    return found


def answerer(networks: Path, samples: Sequence[Sample], **objectives: Any) -> Answerer:
    made = recipe_of("SingleStream", networks, objectives, samples=list(samples)).build(seed=0)
    return Answerer(made, Collate({name: made.model.encoder(name) for name in made.model.encoders}), batch_size=4)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_texts_find_the_nearest_others(networks: Path, rows: list[Sample]) -> None:
    asked = answerer(networks, rows, language="MaskedLanguage")
    found = examples(asked, [*rows, replace(rows[0], id="again"), replace(rows[1], id="blank", text=" ")])
    assert set(found) == {"texts"}
    vectors = unit(asked.encode([replace(row, image=None) for row in rows]))
    assert [one["text"] for one in found["texts"]] == [row.text for row in rows]
    for place, one in enumerate(found["texts"]):
        cosines = {str(row.text): float(vectors[place] @ vectors[other]) for other, row in enumerate(rows) if other != place}
        best = sorted(cosines, key=lambda text: -cosines[text])[:4]
        assert [hit["text"] for hit in one["found"]] == best
        assert [hit["score"] for hit in one["found"]] == pytest.approx([cosines[text] for text in best], abs=1e-5)


def test_texts_find_pictures_where_a_model_aligns_them(networks: Path, rows: list[Sample]) -> None:
    asked = answerer(networks, rows, contrast="ImageTextContrast")
    found = examples(asked, [*rows, replace(rows[0], id="again", text="see a box")])["pictures"]
    head = aligning(asked.learner)
    assert head is not None
    cosines = unit(projected(asked, head, rows, "text")) @ unit(projected(asked, head, rows, "image")).T
    assert len(found) == len(rows), "each picture once"
    for place, one in enumerate(found):
        order = np.argsort(-cosines[place], kind="stable")[:4]
        assert [hit["image"] for hit in one["found"]] == [str(rows[other].image) for other in order]
        assert [hit["own"] for hit in one["found"]] == [other == place for other in order]


def test_what_is_written_stands_beside_what_people_wrote(networks: Path, rows: list[Sample]) -> None:
    samples = [*rows, replace(rows[0], id="again", text="see a red box")]
    asked = answerer(networks, samples, writing={"class_path": "Generation", "init_args": {"longest": 6}})
    found = examples(asked, samples)["written"]
    assert [one["image"] for one in found] == [str(row.image) for row in rows]
    assert [one["references"] for one in found] == [["a red box", "see a red box"], *([row.text] for row in rows[1:])]
    assert all(isinstance(one["written"], str) and one["source"] is None for one in found)


def test_a_few_rows_at_equal_distances_are_shown(networks: Path, rows: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN", 3)
    monkeypatch.setattr(module, "ROWS", 5)
    found = examples(answerer(networks, rows, contrast="ImageTextContrast"), rows)
    assert [one["text"] for one in found["texts"]] == [rows[0].text, rows[2].text, rows[5].text]
    assert len(found["pictures"]) == 3


def test_nothing_is_shown_where_nothing_is_there(networks: Path, rows: list[Sample]) -> None:
    assert examples(answerer(networks, rows, contrast="ImageTextContrast"), []) == {}
    alone = [replace(row, text=None) for row in rows]
    assert examples(answerer(networks, rows, contrast="ImageTextContrast"), alone) == {}
