from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.corpora.sst import Sst
from polysense.errors import DataError, RecipeError

PARTS = {"train": "train", "dev": "validation", "test": "test"}


def write_sst(root: Path) -> Path:
    """Four training sentences, two of the other parts, in two classes and in five."""
    for kind in ("binary", "fine"):
        home = root / "senteval_transfer" / "SST" / kind
        home.mkdir(parents=True)
        for name in PARTS:
            rows = range(4 if name == "train" else 2)
            lines = [f"a  film {n} .\t{n % 2}" if kind == "binary" else f"{n % 5} a film {n} ." for n in rows]
            (home / f"sentiment-{name}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_two_classes_and_five(tmp_path: Path) -> None:
    write_sst(tmp_path)
    two, five = Sst().read(tmp_path), Sst(classes=5).read(tmp_path / "senteval_transfer")
    assert two.splits == five.splits == {"train": 4, "validation": 2, "test": 2}
    assert [(row.text, row.label) for row in two.split("validation")] == [
        ("a film 0 .", "negative"),
        ("a film 1 .", "positive"),
    ]
    assert [row.label for row in five.split("train")] == ["very negative", "negative", "neutral", "positive"]
    assert Sst(splits=["test"]).read(tmp_path).splits == {"test": 2}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a film", "row 3: 2 tab-separated cells"),
        ("a film\t2", "row 3: a sentence and its class, 0 to 1"),
        ("\t1", "row 3: a sentence"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = write_sst(tmp_path) / "senteval_transfer/SST/binary/sentiment-dev"
    file.write_text(file.read_text("utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"sentiment-dev, {said}"):
        Sst().read(tmp_path)


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="classes: 3 is not one; valid: '2', '5'"):
        Sst(classes=3)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="splits: 'dev' is not one"):
        Sst(splits=["dev"])  # type: ignore[list-item]
    with pytest.raises(DataError, match="sentiment-train is not there"):
        Sst().read(tmp_path)


def test_the_published_counts(data_folder) -> None:
    root = data_folder("senteval_transfer")
    two, five = Sst().read(root), Sst(classes=5).read(root)
    assert two.splits == {"train": 67349, "validation": 872, "test": 1821}
    assert five.splits == {"train": 8544, "validation": 1101, "test": 2210}
    positive = [sum(row.label == "positive" for row in two.split(split)) for split in two.splits]
    assert positive == [37569, 444, 909]
    assert len(five.labels()) == 5
