from __future__ import annotations

from pathlib import Path

import pytest

from made_benchmarks import write_sick, write_sts_benchmark, write_sts_tasks, write_transfer_tasks
from polysense.data.decontaminate import SIMILARITY_SETS, comparable, evaluation_sentences, without
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError
from polysense.types import Sample


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("A man, with a HAT .", "amanwithahat"),
        ("  it 's \t fine\n", "itsfine"),
        ("snake_case -- “quoted” …", "snakecasequoted"),
        ("Été 2012!", "été2012"),
        (" . ", ""),
    ],
)
def test_what_makes_two_sentences_the_same(text: str, same: str) -> None:
    assert comparable(text) == same
    assert comparable(same) == same


def test_sentences_of_every_similarity_set(tmp_path: Path) -> None:
    write_sts_tasks(tmp_path, years=(12,))
    write_sts_benchmark(tmp_path)
    write_sick(tmp_path)
    found = evaluation_sentences(tmp_path)
    assert {
        comparable(one)
        for one in ("a red hat", "a red cap 12", "the red dev", "the red train", "a brown dog", "a red cat of trial")
    } <= found
    assert evaluation_sentences(tmp_path / "sts_b") == found
    sets = [evaluation_sentences(tmp_path, [name]) for name in SIMILARITY_SETS]
    assert frozenset().union(*sets) == found
    assert comparable("a red hat") not in sets[1]


def test_what_is_only_trained_on_is_no_evaluation_sentence(tmp_path: Path) -> None:
    write_transfer_tasks(tmp_path)
    found = evaluation_sentences(tmp_path, ["senteval_transfer"])
    assert {"good0mr", "good0dev", "good0test", "bad0test"} <= found
    assert "good0train" not in found


def test_captions_that_retrieval_is_scored_on(tmp_path: Path) -> None:
    (tmp_path / "flickr8k").mkdir()
    rows = [f"{split} caption,{number}.jpg,{split}" for number, split in enumerate(("train", "dev", "test", ""))]
    (tmp_path / "flickr8k" / "captions.csv").write_text("\n".join(["caption,image,split", *rows]))
    assert evaluation_sentences(tmp_path, ["flickr8k"]) == {"devcaption", "testcaption"}


def test_only_training_rows_are_left_out() -> None:
    banned = {comparable("a red hat")}
    rows = [
        Sample(id="0", text="A red hat.", split="train"),
        Sample(id="1", text="A red hat.", split="validation"),
        Sample(id="2", text="A red hat", split="test"),
        Sample(id="3", text="x", pair="a Red hat!", split="train"),
        Sample(id="4", text="x", negatives=("y", "a red  hat"), split="train"),
        Sample(id="5", text="a red hat here", pair="", split="train"),
        Sample(id="6", split="train"),
    ]
    table, count = without(Table(name="x", samples=tuple(rows)), banned)
    assert [one.id for one in table.samples] == ["1", "2", "5", "6"]
    assert count == 3


def test_sets_that_are_unknown_or_absent_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="exclude: 'sts-b' is no evaluation set; did you mean 'sts_b'"):
        evaluation_sentences(tmp_path, ["sts-b"])
    with pytest.raises(DataError, match=r"the evaluation set 'sts_b' is neither in .* nor beside it"):
        evaluation_sentences(tmp_path, ["sts_b"])
