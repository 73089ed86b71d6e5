from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from polysense.data.table import read_table
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.objectives.classification import Classification
from polysense.recipe import Recipe, load_recipe
from polysense.training import rehearsal
from polysense.training.rehearsal import rehearse, telling
from polysense.training.splits import Splits
from polysense.types import Sample


@pytest.fixture
def splits(toy_posts: Path) -> Splits:
    return Splits.of(read_table(toy_posts))


@pytest.fixture
def recipe(tiny_encoders: list[str], splits: Splits) -> Recipe:
    return load_recipe("social/posts_concat_both", tiny_encoders).complete(splits.train)


def test_a_good_recipe_passes_and_leaves_no_trace(recipe: Recipe, splits: Splits, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    rehearse(recipe, splits, tmp_path / "run", seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("batch", [1, 2])
def test_objectives_that_compare_rows_need_two_in_a_batch(
    tiny_encoders: list[str], splits: Splits, tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = f"training.per_device_train_batch_size={batch}"
    recipe = load_recipe("social/posts_concat_itc", [*tiny_encoders, size]).complete(splits.train)
    if batch > 1:
        rehearse(recipe, splits, tmp_path / "run", seed=0)
        return
    with pytest.raises(RecipeError, match="the objective contrast tells a row from the others of its batch, so it needs two"):
        rehearse(recipe, splits, tmp_path / "run", seed=0)
    monkeypatch.setattr(rehearsal, "world", lambda: 2)
    rehearse(recipe, splits, tmp_path / "run", seed=0)  # two processes have a row each
    monkeypatch.undo()
    plain = load_recipe("social/posts_concat", [*tiny_encoders, size]).complete(splits.train)
    rehearse(plain, splits, tmp_path / "run", seed=0)


@pytest.mark.parametrize(
    ("kind", "method"),
    [(TransformerText, "encode"), (Classification, "forward"), (Classification, "answer"), (TransformerText, "save_assets")],
)
@pytest.mark.parametrize("error", [AttributeError("no such pooling"), RuntimeError("sizes differ"), IndexError("out of range")])
def test_what_would_break_training_is_said_before(
    recipe: Recipe, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type, method: str, error: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(kind, method, broken)
    with pytest.raises(RecipeError, match=f"cannot be run with this data: {type(error).__name__}: {error}"):
        rehearse(recipe, splits, tmp_path / "run", seed=0)


def test_a_disk_that_is_too_small_is_said_before(
    recipe: Recipe, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = sum(one.numel() * 4 * (7 if one.requires_grad else 3) for one in recipe.build(seed=0).parameters())
    disk = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda _: disk._replace(free=weights - 1))
    with pytest.raises(
        DataError, match=r"run: a training of this model writes about .* MB, and .* MB are free under .*make room"
    ):
        rehearse(recipe, splits, tmp_path / "new/run", seed=0)
    monkeypatch.setattr(rehearsal.shutil, "disk_usage", lambda _: disk._replace(free=weights))
    rehearse(recipe, splits, tmp_path / "new/run", seed=0)


def test_what_polysense_says_itself_is_passed_on(
    recipe: Recipe, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise PolysenseError("a term became nan")

    monkeypatch.setattr(Classification, "forward", broken)
    with pytest.raises(PolysenseError, match=r"^a term became nan$"):
        rehearse(recipe, splits, tmp_path / "run", seed=0)


def test_the_rows_that_tell_most_are_taken() -> None:
    rows = [
        Sample(id="no label", text="sun"),
        Sample(id="first", text="rain", label="bad"),
        Sample(id="same text", text="Rain ", label="bad"),
        *(Sample(id=f"more {number}", text=f"day {number}", label="good") for number in range(9)),
    ]
    assert [row.id for row in telling(rows, ["text"])] == ["first", "more 0", "more 1", "more 2"]
    assert [row.id for row in telling(rows[:3], ["text"])] == ["first", "no label"]
    assert telling([], ["text"]) == []
