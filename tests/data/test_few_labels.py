"""Fewer labels: nested, stratified, by the seed alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.data.corpora.posts import Posts
from polysense.data.draws import Drawn
from polysense.data.few_labels import FewLabels, in_turn
from polysense.data.table import Table, from_rows
from polysense.errors import ArgumentError, RecipeError
from polysense.types import Sample


def samples(*counts: int, unlabelled: int = 0) -> list[Sample]:
    labels = [*(name for name, count in zip("abc", counts, strict=False) for _ in range(count)), *[None] * unlabelled]
    return [Sample(id=str(place), text=f"words {place}", label=label, split="train") for place, label in enumerate(labels)]


def drawn(rows: list[Sample], count: int | None, *, seed: int = 0) -> Drawn:
    return Drawn(rows, {"": FewLabels(count)}, seed=seed)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=3), st.integers(0, 9), st.integers(0, 5))
def test_every_beginning_has_the_shares_of_the_classes(counts: list[int], unlabelled: int, seed: int) -> None:
    rows = samples(*counts, unlabelled=unlabelled)
    order = in_turn(rows, seed=seed)
    assert sorted(order) == list(range(sum(counts)))
    for end in range(len(counts), len(order) + 1):
        found = Counter(rows[place].label for place in order[:end])
        for name, count in zip("abc", counts, strict=False):
            assert found[name] >= 1
            assert abs(found[name] - end * count / sum(counts)) <= len(counts)


def test_a_smaller_count_is_nested_and_the_seed_decides() -> None:
    rows = samples(30, 20, unlabelled=10)

    def kept(count: int, seed: int) -> set[str]:
        return {sample.id for sample in drawn(rows, count, seed=seed).samples if sample.label is not None}

    assert len(kept(10, 0)) == 10
    assert kept(10, 0) < kept(25, 0) < kept(50, 0)
    assert kept(10, 0) == kept(10, 0)
    assert kept(10, 0) != kept(10, 1)
    assert kept(50, 0) == kept(50, 1)


def test_the_other_rows_are_shown_without_their_labels() -> None:
    rows = samples(30, 20, unlabelled=10)
    found = drawn(rows, 8)
    assert found.sizes == [8, 52]
    assert sorted(sample.id for sample in found.samples) == sorted(sample.id for sample in rows)
    assert [sample.label is None for sample in found.samples] == [False] * 8 + [True] * 52
    assert found.epoch(0) == found.epoch(3) == list(range(60))
    assert drawn(rows, None).sizes == [50, 10]
    assert drawn(samples(3, 3), None).sizes == [6]


def test_rows_with_several_labels_are_drawn_by_their_sets() -> None:
    rows = [Sample(id=str(n), text="x", label=("a", "b") if n % 4 else ("a",), split="train") for n in range(40)]
    kept = [rows[place].label for place in in_turn(rows, seed=0)[:8]]
    assert Counter(kept) == {("a", "b"): 6, ("a",): 2}


def table(**labels: int) -> Table:
    rows = [{"text": f"{name} {n}", "label": name, "split": "train"} for name, count in labels.items() for n in range(count)]
    return from_rows([*rows, {"text": "v", "label": "a", "split": "dev"}, {"text": "no label", "split": "train"}])


def test_more_labels_than_there_are_and_fewer_than_classes_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"labels: 6 labels are asked for, the training rows have 5") as error:
        FewLabels(6).candidates(table(a=3, b=2))
    assert error.value.instead == "5"
    with pytest.raises(ArgumentError, match=r"labels: 2 labels are asked for, there are 3 classes and each needs one"):
        FewLabels(2).candidates(table(a=3, b=2, c=1))
    assert FewLabels(5).candidates(table(a=3, b=2)).draws == {"": FewLabels(5)}


def test_the_corpus_of_posts_draws_labels_for_training_alone(tmp_path) -> None:
    lines = [f"words {n},{'ab'[n % 2]},{'dev' if n > 8 else 'train'}" for n in range(12)]
    (tmp_path / "posts.csv").write_text("\n".join(["text,label,split", *lines]))
    corpus = Posts(labels=4)
    assert corpus.read(tmp_path).draws == {}
    assert corpus.candidates(tmp_path).draws == {"": FewLabels(4)}
    assert corpus.candidates(tmp_path).samples == corpus.read(tmp_path).samples
    assert Posts(labels="all").candidates(tmp_path).draws == {"": FewLabels(None)}
    assert Posts().candidates(tmp_path).draws == {}
    with pytest.raises(RecipeError, match="labels: expected a number from 1 up, all or null, found 0"):
        Posts(labels=0)
