from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from polysense.data.rows import SPLITS
from polysense.data.splits import linked, make_splits, with_unlabelled
from polysense.types import Sample

labels = st.sampled_from([None, "a", "b", "c"])
rows = st.lists(
    st.tuples(labels, st.sampled_from(range(30)), st.sampled_from([None, None, "g1", "g2", "g3"])), min_size=1, max_size=60
)


def samples_of(drawn: list[tuple[str | None, int, str | None]]) -> list[Sample]:
    return [
        Sample(id=str(row), text=f"text {text}", label=label, group=group) for row, (label, text, group) in enumerate(drawn)
    ]


@given(rows, st.integers(0, 5))
def test_no_group_crosses_splits(drawn, seed: int) -> None:
    samples = samples_of(drawn)
    made = make_splits(samples, seed=seed)
    assert set(made) <= set(SPLITS)
    for key in (lambda sample: sample.text, lambda sample: sample.group):
        splits = defaultdict(set)
        for sample, split in zip(samples, made, strict=True):
            splits[key(sample)].add(split)
        splits.pop(None, None)
        assert all(len(found) == 1 for found in splits.values())


@given(rows, st.integers(0, 5))
def test_equal_seeds_make_equal_splits(drawn, seed: int) -> None:
    samples = samples_of(drawn)
    assert make_splits(samples, seed=seed) == make_splits(samples, seed=seed)


@settings(max_examples=60)
@given(st.lists(labels, min_size=1, max_size=250), st.integers(0, 3))
def test_every_class_has_its_share_in_every_split(drawn, seed: int) -> None:
    """Without groups, the count of each class in each split is within two rows of its fraction; rows without a class train."""
    samples = [Sample(id=str(row), text=str(row), label=label) for row, label in enumerate(drawn)]
    made = make_splits(samples, seed=seed)
    if any(drawn):
        assert {split for split, label in zip(made, drawn, strict=True) if label is None} <= {"train"}
        made, drawn = zip(*[pair for pair in zip(made, drawn, strict=True) if pair[1] is not None], strict=True)
    counts = Counter(zip(drawn, made, strict=True))
    for label, total in Counter(drawn).items():
        for split, fraction in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
            assert abs(counts[label, split] - fraction * total) < 2
    for split, fraction in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
        assert abs(made.count(split) - fraction * len(drawn)) < 2


@given(st.integers(0, 20))
def test_label_shares_are_within_two_points_of_the_whole_despite_groups(seed: int) -> None:
    drawn = [("abbccc"[n % 6], n if n % 4 else n // 3, None) for n in range(1200)]
    samples = samples_of(drawn)
    made = make_splits(samples, seed=seed)
    whole = Counter(sample.label for sample in samples)
    for split in SPLITS:
        part = Counter(sample.label for sample, name in zip(samples, made, strict=True) if name == split)
        for label, count in whole.items():
            assert abs(part[label] / part.total() - count / len(samples)) < 0.02


def test_unlabelled_rows_train_and_move_no_labelled_one() -> None:
    labelled = [Sample(id=str(n), text=f"text {n}", label="ab"[n % 2]) for n in range(100)]
    free = [Sample(id=f"more {n}", text=f"more {n}") for n in range(900)]
    made = make_splits([*labelled, *free])
    assert made[:100] == make_splits(labelled)
    assert Counter(made[:100]) == {"train": 80, "validation": 10, "test": 10}
    assert Counter(made[100:]) == {"train": 900}


def test_unlabelled_rows_stay_with_the_labelled_ones_that_they_belong_to() -> None:
    """Nine unlabelled texts of each author, and one labelled: those of held-out authors are held out too, and count nothing."""
    samples = [
        Sample(id=str(n), text=str(n), label="ab"[n % 20 // 10] if n % 10 == 9 else None, group=str(n // 10))
        for n in range(1000)
    ]
    made = make_splits(samples)
    assert Counter(made) == {"train": 800, "validation": 100, "test": 100}
    assert all(len({made[n + k] for k in range(10)}) == 1 for n in range(0, 1000, 10))
    of_class = Counter((made[n], samples[n].label) for n in range(9, 1000, 10))
    assert {of_class[split, label] for split in ("validation", "test") for label in "ab"} == {5}


def test_scores_and_marked_spans_are_labels_too() -> None:
    for target in ({"score": 0.5}, {"spans": ()}):
        samples = [Sample(id=str(n), text=str(n), **(target if n < 20 else {})) for n in range(50)]
        made = make_splits(samples)
        assert Counter(made[:20]) == {"train": 16, "validation": 2, "test": 2}
        assert set(made[20:]) == {"train"}


def test_where_no_row_is_labelled_all_are_parted() -> None:
    assert Counter(make_splits([Sample(id=str(n), text=str(n)) for n in range(50)])) == {
        "train": 40,
        "validation": 5,
        "test": 5,
    }


def test_unlabelled_rows_without_a_split_train_unless_they_belong_to_a_held_out_row() -> None:
    samples = [
        Sample(id="train", text="a", label="x", split="train"),
        Sample(id="test", text="b", label="x", split="test", group="g"),
        Sample(id="dev", text="c", label="x", split="validation"),
        Sample(id="set aside", text="d", label="x"),
        Sample(id="free", text="e"),
        Sample(id="seen in training", text="A"),
        Sample(id="seen in test", text="B"),
        Sample(id="of its group", text="f", group="g"),
        Sample(id="held out", text="h", split="test"),
    ]
    placed, left_out = with_unlabelled(samples)
    assert {one.id for one in placed if one.split == "train"} == {"train", "free", "seen in training"}
    assert {one.id for one in placed if one.split is None} == {"set aside", "seen in test", "of its group"}
    assert left_out == 2
    assert [replace(one, split=None) for one in placed] == [replace(one, split=None) for one in samples]


def test_in_a_table_without_labels_an_empty_split_is_none() -> None:
    samples = [Sample(id="1", text="a", split="train"), Sample(id="2", text="b")]
    assert with_unlabelled(samples) == (samples, 0)


def test_many_small_classes_still_fill_every_split() -> None:
    samples = [Sample(id=str(n), text=str(n), label=f"class {n % 40}") for n in range(120)]
    assert Counter(make_splits(samples)) == {"train": 96, "validation": 12, "test": 12}


def test_other_seeds_make_other_splits() -> None:
    samples = [Sample(id=str(n), text=str(n)) for n in range(50)]
    assert make_splits(samples, seed=0) != make_splits(samples, seed=1)


def test_links_are_transitive(tmp_path: Path) -> None:
    for name, colour in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / name)
    samples = [
        Sample(id="1", text="same text", image=tmp_path / "a.png"),
        Sample(id="2", text="Same  TEXT", image=tmp_path / "c.png"),
        Sample(id="3", text="other", image=tmp_path / "b.png"),
        Sample(id="4", text="third", group="g"),
        Sample(id="5", text="other", group="g"),
        Sample(id="6", text="alone"),
    ]
    groups = linked(samples)
    assert len(set(groups[:5])) == 1
    assert groups[5] not in groups[:5]


def test_blank_texts_link_nothing() -> None:
    assert len(set(linked([Sample(id="1", text=""), Sample(id="2", text=" "), Sample(id="3", text=None)]))) == 3


def test_pictures_in_memory_link_by_their_pixels() -> None:
    one, two, three = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    first, second, third = linked([Sample(id=str(n), image=image) for n, image in enumerate((one, two, three))])
    assert first == second != third


def test_a_picture_that_cannot_be_read_links_rows_that_name_it(tmp_path: Path) -> None:
    first, second, third = linked(
        [Sample(id=str(n), image=tmp_path / name) for n, name in enumerate(["x.png", "x.png", "y.png"])]
    )
    assert first == second != third


def test_a_fraction_of_0_gets_nothing() -> None:
    samples = [Sample(id=str(n), text=str(n), label=str(n % 3)) for n in range(50)]
    assert Counter(make_splits(samples, fractions=(0.9, 0.1, 0.0))) == {"train": 45, "validation": 5}


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_must_add_up(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        make_splits([Sample(id="1", text="a")], fractions=fractions)


def test_no_samples_no_splits() -> None:
    assert make_splits([]) == []
