from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.corpora.nlpcc14 import Nlpcc14
from polysense.errors import DataError


def reviews(count: int, said: str, *, label: str = "") -> str:
    return "\ufeff" + "\n".join(f'<review id="{n}"{label}>\n\n {said} {n}\n<3 & more\n</review>\n' for n in range(count))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    home = tmp_path / "nlpcc14_sc"
    home.mkdir()
    (home / "sample.positive.txt").write_text(reviews(10, "很好"), encoding="utf-8")
    (home / "sample.negative.txt").write_text(reviews(10, "太差"), encoding="utf-8")
    tested = reviews(2, "还行", label='  label="1"') + reviews(1, "不好", label=' label="0"')[1:]
    (home / "test.label.cn.txt").write_text(tested, encoding="utf-8")
    return tmp_path


def test_training_validation_and_test(root: Path) -> None:
    table = Nlpcc14().read(root)
    assert table.splits == {"train": 18, "validation": 2, "test": 3}
    assert sorted(str(row.label) for row in table.split("validation")) == ["negative", "positive"]
    first, _, last = table.split("test")
    assert (first.text, first.label, last.label) == ("还行 0 <3 & more", "positive", "negative")
    assert len({row.id for row in table.samples}) == 23
    assert Nlpcc14().read(root / "nlpcc14_sc").samples == table.samples


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<review id="0">a</review>', 'row 1: the review has no label="0" and no label="1"'),
        ('<review id="0" label="2">a</review>', "row 1: the review has no label"),
        ('<review id="0" label="1">a</review>\n<review id="1" label="1">b', "line 2: the review .* has no </review>"),
        ("nothing", "has no reviews"),
    ],
)
def test_a_wrong_review_is_named(root: Path, text: str, said: str) -> None:
    (root / "nlpcc14_sc/test.label.cn.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"test\.label\.cn\.txt,? {said}"):
        Nlpcc14().read(root)


def test_the_published_counts(data_folder) -> None:
    table = Nlpcc14().read(data_folder("nlpcc14_sc"))
    assert table.splits == {"train": 9000, "validation": 1000, "test": 2500}
    for splits, count in ((("train", "validation"), 5000), (("test",), 1250)):
        for label in ("positive", "negative"):
            assert sum(row.label == label and row.split in splits for row in table.samples) == count
