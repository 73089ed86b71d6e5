from __future__ import annotations

import json
from pathlib import Path

import pytest

from polysense.data.corpora.cote import Cote
from polysense.errors import DataError
from polysense.types import Span


def write(folder: Path) -> Path:
    """Made-up sentences in the published form."""
    home = folder / "cote_zh" / "baidu"
    home.mkdir(parents=True)
    for split, count in (("train", 20), ("test", 3)):
        rows = [{"s": f"红灯{number}号很好,红灯{number}号不贵。", "ot": f"红灯{number}号"} for number in range(count)]
        (home / f"{split}.txt").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", "utf-8")
    return folder / "cote_zh"


def test_the_first_occurrence_is_the_span(tmp_path: Path) -> None:
    folder = write(tmp_path)
    table = Cote().read(tmp_path)
    assert table.splits == {"train": 18, "validation": 2, "test": 3}
    row = table.split("test")[1]
    assert (row.text, row.spans) == ("红灯1号很好,红灯1号不贵。", (Span(0, 4, "target"),))
    assert row.origin.endswith("test.txt, row 2")
    assert Cote().read(folder).samples == table.samples
    validation = {seed: {row.id for row in Cote(seed).read(folder).split("validation")} for seed in range(4)}
    assert len({frozenset(ids) for ids in validation.values()}) > 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"s": "红灯"', r"not JSON"),
        ('{"s": "红灯", "ot": "蓝灯"}', r"expected a sentence 's' and a target 'ot' that stands in it"),
        ('{"s": "红灯", "ot": ""}', r"expected a sentence"),
        ('{"s": "红灯"}', r"expected a sentence"),
        ("[]", r"expected a sentence"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path) / "baidu" / "train.txt"
    path.write_text(path.read_text("utf-8") + f"\n{line}\n", "utf-8")
    with pytest.raises(DataError, match=rf"train\.txt, row 22: {message}"):
        Cote().read(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"Cote: .*train\.txt is not there"):
        Cote().read(tmp_path)


def test_the_published_counts(data_folder) -> None:
    table = Cote().read(data_folder("cote_zh"))
    splits = table.splits
    assert splits["train"] + splits["validation"] == 8533
    assert splits["validation"] == pytest.approx(853, abs=2)
    assert splits["test"] == 3658
    assert all(len(sample.spans or ()) == 1 for sample in table.samples)
