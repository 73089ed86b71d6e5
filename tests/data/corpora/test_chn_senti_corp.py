from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.corpora.chn_senti_corp import ChnSentiCorp
from polysense.errors import DataError, RecipeError

FILES = {
    "train.tsv": 'label\ttext_a\n1\t房间很好\n0\t"书 太旧\n1\t电脑好\n',
    "dev.tsv": "qid\tlabel\ttext_a\n0\t1\t房间很好\n1\t0\t服务差\n",
    "test.tsv": 'qid\ttext_a\n0\t"书  太旧\n1\t新书\n2\t还行\n',
    "test_labels_derived.tsv": "qid\tlabel\tsource\n0\t0\ta\n2\t?\t\n1\t1\tb\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "chnsenticorp").mkdir()
    for name, text in FILES.items():
        (tmp_path / "chnsenticorp" / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_three_parts(root: Path) -> None:
    table = ChnSentiCorp().read(root)
    assert table.splits == {"train": 3, "validation": 2, "test": 3}
    assert [(row.text, row.label) for row in table.split("test")] == [
        ('"书  太旧', "negative"),
        ("新书", "positive"),
        ("还行", None),
    ]
    assert ChnSentiCorp(splits=["train", "validation"]).read(root / "chnsenticorp").splits == {"train": 3, "validation": 2}


def test_what_stands_in_training_may_be_left_out(root: Path) -> None:
    table = ChnSentiCorp(leave_out_seen=True).read(root)
    assert table.splits == {"train": 3, "validation": 1, "test": 2}
    assert table.left_out == {"validation reviews that stand in train": 1, "test reviews that stand in train": 1}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("train.tsv", "label\ttext\n1\ta\n", r"train\.tsv has no column 'text_a'; did you mean 'text'"),
        ("train.tsv", "label\ttext_a\n1\ta\n2\tb\n", r"train\.tsv, row 2: '2' is not a label"),
        ("dev.tsv", "qid\tlabel\ttext_a\n0\t1\n", r"dev\.tsv, row 1: 3 tab-separated cells are expected, found 2"),
        ("train.tsv", "label\ttext_a\n1\t \n", r"train\.tsv, row 1: the review has no text"),
    ],
)
def test_a_wrong_file_is_named(root: Path, name: str, text: str, said: str) -> None:
    (root / "chnsenticorp" / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        ChnSentiCorp().read(root)


def test_test_rows_need_the_derived_labels(root: Path) -> None:
    (root / "chnsenticorp/test_labels_derived.tsv").unlink()
    with pytest.raises(DataError, match=r"test_labels_derived\.tsv is not there"):
        ChnSentiCorp().read(root)
    assert len(ChnSentiCorp(splits=["validation"]).read(root)) == 2
    with pytest.raises(RecipeError, match="splits: 'dev' is not one"):
        ChnSentiCorp(splits=["dev"])  # type: ignore[list-item]


def test_the_published_counts(data_folder) -> None:
    root = data_folder("chnsenticorp")
    table = ChnSentiCorp().read(root)
    assert table.splits == {"train": 9600, "validation": 1200, "test": 1200}
    positive = [sum(row.label == "positive" for row in table.split(split)) for split in table.splits]
    assert positive == [4799, 593, 614]
    assert sum(row.label is None for row in table.samples) == 1
    assert len({row.text for row in table.split("train")}) == 8249
    kept = ChnSentiCorp(leave_out_seen=True).read(root)
    assert list(kept.left_out.values()) == [338, 331]
    assert kept.splits == {"train": 9600, "validation": 862, "test": 869}
