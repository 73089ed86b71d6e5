from __future__ import annotations

from pathlib import Path

import pytest

from made_benchmarks import write_sick
from polysense.data.corpora.sick import Sick
from polysense.errors import DataError, RecipeError


def test_three_splits(tmp_path: Path) -> None:
    folder = write_sick(tmp_path)
    table = Sick().read(tmp_path)
    assert table.splits == {"train": 5, "validation": 3, "test": 4}
    row = table.split("test")[1]
    assert (row.text, row.pair, row.score) == ("A green cat of test_annotated", "A green bird", 2.0)
    assert row.extra == {"task": "SICK-R test", "entailment": "NEUTRAL"}  # the file's lines end in \r\n
    assert row.origin.endswith("SICK_test_annotated.txt, row 2")
    assert Sick(splits=["test"]).read(folder).samples == tuple(one for one in table.samples if one.split == "test")


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    folder = write_sick(tmp_path)
    path = folder / "SICK_trial.txt"
    lines = path.read_text()
    path.write_text(lines + "9\tA cat\tA dog\t0.5\tNEUTRAL\n")
    with pytest.raises(DataError, match=r"SICK_trial\.txt, row 4: the score '0\.5' is not a number from 1 to 5"):
        Sick().read(tmp_path)
    path.write_text(lines.partition("\n")[2])
    with pytest.raises(DataError, match=r"SICK_trial\.txt: the first line is not the header"):
        Sick().read(tmp_path)
    path.unlink()
    assert not Sick().there(tmp_path)
    assert Sick(splits=["test"]).there(tmp_path)
    with pytest.raises(RecipeError, match="'trial' is not one"):
        Sick(splits=["trial"])  # type: ignore[list-item]


def test_the_published_counts(data_folder) -> None:
    assert Sick().read(data_folder("sick2014")).splits == {"train": 4500, "validation": 500, "test": 4927}
