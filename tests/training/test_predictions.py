from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_runs import make_run
from polysense.errors import DataError
from polysense.training.predictions import (
    Predictions,
    aligned_labels,
    names_of,
    predicted_seeds,
    predicted_splits,
    read_predictions,
    refuse_other_rows,
)


def test_what_there_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", seeds=[10, 2])
    (run / "seed-notes").mkdir()
    assert predicted_seeds(run) == [2, 10]
    assert predicted_splits(run, 2) == ["test", "test.image", "test.text", "validation", "validation.image", "validation.text"]
    assert read_predictions(run, 2, "test.text").ids[:2] == ["test-0", "test-1"]


def test_what_is_absent_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", splits=["validation"])
    with pytest.raises(DataError, match="no such run folder"):
        predicted_seeds(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no seed has predictions for split 'test'"):
        predicted_seeds(run)
    with pytest.raises(DataError, match="valid: 'validation'"):
        read_predictions(run, 0, "test")


def test_line_separators_inside_a_text_do_not_break_a_row(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows=3)
    path = run / "seed-0" / "predictions" / "test.jsonl"
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    path.write_text(
        json.dumps(json.loads(first) | {"text": "one\u2028two\x85"}, ensure_ascii=False) + "\n" + rest, encoding="utf-8"
    )
    predictions = read_predictions(run, 0)
    assert predictions.ids == ["test-0", "test-1", "test-2"]
    assert predictions.rows[0]["text"] == "one\u2028two\x85"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows"),
        ('{"id": "1", "target": "a", "label": "a"}\n{"id": "2", "tar', "row 2: not JSON"),
        ('{"id": "1", "label": "a"}\n', "row 1: no target"),
        ('{"id": "1", "target": "a", "label": "a"}\n' * 2, "row 2: id '1' was already row 1"),
        ("[1]\n", "row 1: expected an object"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "seed-0" / "predictions" / "test.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as raised:
        read_predictions(tmp_path, 0)
    assert "test.jsonl" in str(raised.value)


def rows(*targets: object, **labels: object) -> Predictions:
    """Rows 0, 1, ... with these targets; ``labels`` by row, as in ``row0="a"``."""
    return Predictions(
        Path("test.jsonl"),
        tuple({"id": number, "target": target, "label": labels.get(f"row{number}")} for number, target in enumerate(targets)),
    )


def test_the_order_of_rows_and_of_their_labels_does_not_matter() -> None:
    one = rows(["a", "b"], "c")
    refuse_other_rows(one, Predictions(one.path, ({"id": 1, "target": "c"}, {"id": "0", "target": ["b", "a"]})))
    with pytest.raises(DataError, match="differ in the target of 1 rows"):
        refuse_other_rows(one, rows(["a"], "c"))


def test_answers_in_the_order_that_was_asked_for() -> None:
    found = rows("a", "b", "c", row0="a", row2=["b", "c"])
    assert aligned_labels(found, ids=["2", "0"]) == [["b", "c"], ["a"]]
    with pytest.raises(DataError, match=r"test\.jsonl: 1 rows have a target but no predicted label \(1\)"):
        aligned_labels(found, ids=["0", "1"])


def test_one_label_is_a_list_of_one() -> None:
    assert names_of("ab") == ["ab"]
    assert names_of(["a", "b"]) == ["a", "b"]
