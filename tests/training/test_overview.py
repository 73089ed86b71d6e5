from __future__ import annotations

from typing import Any

from PIL import Image

from polysense.data.bad_rows import held_out
from polysense.data.table import Table, from_rows
from polysense.training.overview import counted, joined_labels, overview
from polysense.training.splits import Splits

PICTURE = Image.new("RGB", (8, 8))


def row(split: str | None, **changes: Any) -> dict[str, Any]:
    return {"text": "sun", "image": PICTURE, "label": "a", "split": split, **changes}


def told(table: Table, *, drawn: int | None = None) -> list[str]:
    splits = Splits.of(table)
    labels = counted(splits)["train"].labelled
    return overview(table, splits, shown=len(splits.train) if drawn is None else drawn, labels=labels)


def test_a_whole_table_is_one_line() -> None:
    table = from_rows([row("train"), row("train"), row("dev")], name="posts.csv")
    assert told(table) == ["posts.csv: train 2 labelled rows, validation 1 labelled row (splits: the table's own)"]


def test_what_rows_lack_is_told() -> None:
    rows = [row("train"), row("train", label=None), row("dev", image=None), row("test"), row(None), row("dev", text=None)]
    table = from_rows(rows, name="posts.csv")
    splits = Splits.of(table)
    assert told(table) == [
        "posts.csv: train 1 labelled and 1 unlabelled rows, validation 2 labelled rows, test 1 labelled row "
        "(splits: the table's own)",
        "posts.csv: 1 of 5 rows without text; 1 of 5 rows without image; 1 row in no split is left out",
    ]
    assert {name: count.labelled for name, count in counted(splits).items()} == {"train": 1, "validation": 2, "test": 1}


def test_splits_that_were_drawn_are_called_so() -> None:
    table = from_rows([{"text": f"words {number}", "label": "ab"[number % 2]} for number in range(20)])
    assert told(table)[0].endswith("(splits: drawn, for the table has none)")


def test_how_many_rows_a_seed_draws_is_told() -> None:
    table = from_rows([row("train"), row("train"), row("dev")], name="posts.csv")
    assert told(table, drawn=1)[1:] == ["posts.csv: each seed draws 1 of the 2 training rows"]


def test_how_many_labels_a_seed_draws_is_told() -> None:
    table = from_rows([row("train"), row("train"), row("train", label=None), row("dev")], name="posts.csv")
    lines = overview(table, Splits.of(table), shown=3, labels=1)
    assert lines[1:] == ["posts.csv: each seed draws 1 of the 2 labels; the other rows count as unlabelled"]


def test_rows_that_were_held_out_are_not_called_the_tables_own_split() -> None:
    table = held_out(from_rows([row("train", text=f"words {number}", image=None) for number in range(9)]), count=2, seed=0)
    assert told(table)[0].endswith("(splits: 2 training rows held out for validation, as the corpus's `validation` asks)")


def test_labels_that_are_several_in_one_are_told() -> None:
    rows = [row("train", label=label) for label in ("no|no|yes", "no|no", "maybe|no", "no")]
    [line] = joined_labels(from_rows(rows))
    assert "3 of 4 labels hold '|' and count as one class each" in line
    assert "--set corpora.0.label_separator='|'" in line
    assert joined_labels(from_rows(rows[:1] + rows[3:] * 2)) == []
    assert joined_labels(from_rows([row("train", label=["no", "yes"])])) == []
