from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from made_benchmarks import write_sts_tasks
from polysense.data.corpora.sts_tasks import StsTasks
from polysense.errors import DataError, RecipeError

COUNTS = {
    "STS12": {"MSRpar": 750, "MSRvid": 750, "SMTeuroparl": 459, "surprise.OnWN": 750, "surprise.SMTnews": 399},
    "STS13": {"FNWN": 189, "headlines": 750, "OnWN": 561},
    "STS14": {"deft-forum": 450, "deft-news": 300, "headlines": 750, "images": 750, "OnWN": 750, "tweet-news": 750},
    "STS15": {"answers-forums": 375, "answers-students": 750, "belief": 375, "headlines": 750, "images": 750},
    "STS16": {"answer-answer": 254, "headlines": 249, "plagiarism": 230, "postediting": 244, "question-question": 209},
}
"""Scored pairs."""


def test_scored_pairs_of_every_subset(tmp_path: Path) -> None:
    folder = write_sts_tasks(tmp_path, years=(12, 15))
    table = StsTasks().read(tmp_path)
    assert table.splits == {"test": 14}
    assert Counter((one.extra["task"], one.extra["subset"]) for one in table.samples) == {
        ("STS12", "alpha"): 4,
        ("STS12", "beta.two"): 3,
        ("STS15", "alpha"): 4,
        ("STS15", "beta.two"): 3,
    }
    second = table.samples[1]
    assert (second.text, second.pair, second.score) == ("a blue hat", "a blue cap 12", 0.0)  # line 2 has no score
    assert second.origin.endswith("STS.input.alpha.txt, row 3")
    assert len({one.id for one in table.samples}) == 14
    assert "STS12-en-test/STS.gs.alpha.txt" in table.digests
    assert StsTasks().read(folder).samples == table.samples
    assert StsTasks(years=["STS15"]).read(tmp_path).samples == table.samples[7:]


def test_other_line_breaks_do_not_shift_the_scores(tmp_path: Path) -> None:
    home = write_sts_tasks(tmp_path, years=(13,)) / "STS13-en-test"
    (home / "STS.input.alpha.txt").write_bytes("".join(f"a\u2028{n}  b\tc\x85{n}\r\n" for n in range(5)).encode())
    first = StsTasks().read(tmp_path).samples[0]
    assert (first.text, first.pair) == ("a 0 b", "c 0")


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    home = write_sts_tasks(tmp_path, years=(13,)) / "STS13-en-test"
    gold = home / "STS.gs.alpha.txt"
    gold.write_text("5\n4\n")
    with pytest.raises(DataError, match=r"STS\.input\.alpha\.txt has 5 lines and .*STS\.gs\.alpha\.txt has 2"):
        StsTasks().read(tmp_path)
    gold.write_text("5\n4\nx\n1\n1\n")
    with pytest.raises(DataError, match=r"STS\.input\.alpha\.txt, row 3: the score 'x' is not a number from 0 to 5"):
        StsTasks().read(tmp_path)
    gold.write_text("5\n4\n5.1\n1\n1\n")
    with pytest.raises(DataError, match=r"row 3: the score '5\.1'"):
        StsTasks().read(tmp_path)
    gold.write_text("1\n1\n1\n1\n1\n")
    (home / "STS.input.alpha.txt").write_text("a\tb\nonly one\na\tb\na\tb\na\tb\n")
    with pytest.raises(DataError, match=r"STS\.input\.alpha\.txt, row 2: 2 tab-separated cells are expected, found 1"):
        StsTasks().read(tmp_path)
    (home / "STS.input.alpha.txt").write_text("a\tb\na\t \na\tb\na\tb\na\tb\n")
    with pytest.raises(DataError, match="row 2: the second sentence is empty"):
        StsTasks().read(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    assert not StsTasks().there(tmp_path)
    with pytest.raises(DataError, match="holds none of the folders STS12-en-test, STS13-en-test"):
        StsTasks().read(tmp_path)
    (tmp_path / "STS12-en-test").mkdir()
    with pytest.raises(DataError, match=r"STS12-en-test holds no file STS\.gs\.<subset>\.txt"):
        StsTasks().read(tmp_path)
    with pytest.raises(RecipeError, match=r"'STS11' is not one; did you mean"):
        StsTasks(years=["STS11"])


def test_the_published_counts(data_folder) -> None:
    table = StsTasks().read(data_folder("sts_senteval"))
    found: dict[str, Counter[str]] = {}
    for one in table.samples:
        found.setdefault(one.extra["task"], Counter())[one.extra["subset"]] += 1
    assert found == {task: COUNTS[task] for task in found}
    assert {"STS12", "STS13", "STS14"} <= set(found)
