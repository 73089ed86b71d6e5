from __future__ import annotations

from pathlib import Path

import pytest

from made_benchmarks import write_sts_benchmark
from polysense.data.corpora.sts_benchmark import StsBenchmark
from polysense.errors import DataError, RecipeError


def test_three_splits(tmp_path: Path) -> None:
    folder = write_sts_benchmark(tmp_path)
    table = StsBenchmark().read(tmp_path)
    assert table.splits == {"train": 6, "validation": 5, "test": 4}
    row = table.split("validation")[1]
    assert (row.text, row.pair, row.score) == ('the "green dev', "a green dog", 1.0)
    assert row.extra == {"task": "STS-B dev", "genre": "genre", "file": "file"}
    assert StsBenchmark().read(folder).samples == table.samples
    assert set(table.digests) == {"sts-train.csv", "sts-dev.csv", "sts-test.csv"}


def test_only_the_splits_that_are_asked_for_are_read(tmp_path: Path) -> None:
    folder = write_sts_benchmark(tmp_path)
    (folder / "sts-test.csv").unlink()
    table = StsBenchmark(splits=["validation"]).read(tmp_path)
    assert table.splits == {"validation": 5}
    assert StsBenchmark(splits=["train", "validation"]).there(tmp_path)
    assert not StsBenchmark().there(tmp_path)
    with pytest.raises(DataError, match=r"StsBenchmark: .*sts-test\.csv is not there"):
        StsBenchmark().read(tmp_path)
    with pytest.raises(RecipeError, match=r"splits: 'dev' is not one; .*'validation'"):
        StsBenchmark(splits=["dev"])  # type: ignore[list-item]


def test_a_short_line_is_named(tmp_path: Path) -> None:
    folder = write_sts_benchmark(tmp_path)
    with (folder / "sts-dev.csv").open("a") as file:
        file.write("main\tfile\t2012\t0001\t3\ta man\n")
    with pytest.raises(DataError, match=r"sts-dev\.csv, row 6: 7 tab-separated cells are expected, found 6"):
        StsBenchmark().read(tmp_path)


def test_the_published_counts(data_folder) -> None:
    assert StsBenchmark().read(data_folder("sts_b")).splits == {"train": 5749, "validation": 1500, "test": 1379}
