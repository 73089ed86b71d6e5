from __future__ import annotations

from polysense.training.changes import changed_data, changed_entries, changed_making


def test_entries_are_named_as_they_are_overridden() -> None:
    before = {
        "objectives": {"mood": {"objective": {"class_path": "Classification", "init_args": {"labels": ["a"]}}, "weight": 1.0}},
        "corpora": [{"class_path": "Posts", "init_args": {"seed": 0}}],
        "training": {"learning_rate": 0.001, "seed": 0},
    }
    now = {
        "objectives": {
            "mood": {"objective": {"class_path": "Classification", "init_args": {"labels": ["a", "b"]}}, "weight": 1}
        },
        "corpora": [{"class_path": "Posts", "init_args": {"seed": 1}}],
        "training": {"learning_rate": 0.01, "max_steps": 9, "seed": 0},
    }
    assert changed_entries(before, before) == []
    assert changed_entries(before, now) == [
        "objectives.mood.labels: ['a'], now ['a', 'b']",
        "corpora.0.seed: 0, now 1",
        "training.learning_rate: 0.001, now 0.01",
        "training.max_steps: not there, now 9",
    ]
    assert changed_entries(now, before)[-1] == "training.max_steps: 9, now not there"


def test_many_and_long_differences_are_cut_short() -> None:
    lines = changed_entries({str(number): "x" * 200 for number in range(20)}, {})
    assert len(lines) == 9
    assert lines[-1] == "... and 12 more"
    assert len(lines[0]) < 100


def test_data_differ_in_what_the_notes_tell() -> None:
    before = {"name": "a.csv", "splits": {"train": 9, "test": 3}, "digests": {"a.csv": "0f"}, "content": "0f"}
    assert changed_data(before, before | {"splits": {"train": 8, "test": 3}, "digests": {"a.csv": "1e"}, "content": "1e"}) == [
        "rows a split: train 9, test 3, now train 8, test 3",
        "the file a.csv is another one",
    ]
    assert changed_data(before, before | {"name": "b.csv", "content": "1e"}) == ["table: a.csv, now b.csv"]
    assert changed_data(before, before | {"content": "1e"}) == ["the rows, their order or the content of their pictures differ"]


def test_releases_differ() -> None:
    before, now = {"made_with": {"torch": "2.1", "cache": "on"}}, {"made_with": {"torch": "2.2", "cache": "on", "new": "1"}}
    assert changed_making(before, now) == ["torch 2.1, now 2.2"]
    assert changed_making({}, now) == []
