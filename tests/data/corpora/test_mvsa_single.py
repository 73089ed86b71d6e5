from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.data.splits import linked
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder of the corpus's layout: 60 labelled rows, then two unlabelled ones, the second with the picture of a test row."""
    (tmp_path / "images").mkdir()
    lines = ["id,image,text,label,split_clmlf,split_course"]
    for n in range(60):
        Image.new("RGB", (4, 4), (n, 0, 0)).save(tmp_path / "images" / f"{n}.jpg", quality=100)
        fold = "dev" if n < 6 else "test" if n < 12 else "train"
        lines.append(f"{n},{n}.jpg,text {n},{['negative', 'neutral', 'positive'][n % 3]},{fold},{'test' if n < 8 else 'train'}")
    Image.new("RGB", (4, 4), "white").save(tmp_path / "images" / "60.jpg")
    (tmp_path / "images" / "61.jpg").write_bytes((tmp_path / "images" / "7.jpg").read_bytes())
    lines += ["60,60.jpg,text 60,,,", "61,61.jpg,text 61,,,"]
    (tmp_path / "mvsa_single.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def counts(table: Table, split: str) -> dict[str | tuple[str, ...] | None, int]:
    return dict(Counter(sample.label for sample in table.split(split)))


def test_the_usual_split(made_up: Path) -> None:
    table = MvsaSingle().read(made_up)
    assert table.name == "mvsa_single"
    assert table.splits == {"train": 48, "validation": 6, "test": 6}
    assert table.problems == ()
    assert table.samples[0].image == made_up / "images" / "0.jpg"
    assert not table.split_made
    assert table.samples[0].extra == {"split_course": "test"}
    assert MvsaSingle().read(made_up / "mvsa_single.csv").samples == table.samples


def test_the_other_split_gets_a_validation_part(made_up: Path) -> None:
    table = MvsaSingle(split="split_course").read(made_up)
    assert table.splits == {"train": 47, "validation": 5, "test": 8}
    assert {sample.id for sample in table.split("test")} == {str(n) for n in range(8)}
    assert MvsaSingle(split="split_course").read(made_up).samples == table.samples
    assert MvsaSingle(split="split_course", seed=1).read(made_up).samples != table.samples


def test_unlabelled_rows_train_unless_they_show_what_is_tested(made_up: Path) -> None:
    table = MvsaSingle(unlabelled=True).read(made_up)
    assert table.splits == {"train": 49, "validation": 6, "test": 6}
    assert [sample.id for sample in table.split("train") if sample.label is None] == ["60"]


def test_a_row_without_its_picture_is_there_for_models_of_texts(made_up: Path) -> None:
    (made_up / "images" / "3.jpg").unlink()
    assert [(one.row, one.field) for one in MvsaSingle().read(made_up).bad] == [(4, "image")]
    table = MvsaSingle().read_by(["text"]).read(made_up)
    assert not table.bad
    assert [sample.image for sample in table.samples if sample.id == "3"] == [None]


def test_what_is_missing_is_named(made_up: Path) -> None:
    with pytest.raises(DataError, match=r"MvsaSingle: .*mvsa_single\.csv is not there; .*images/<id>\.jpg"):
        MvsaSingle().read(made_up / "elsewhere")
    (made_up / "images").rename(made_up / "pictures")
    with pytest.raises(DataError, match=r"MvsaSingle: .*images is not there"):
        MvsaSingle().read(made_up)
    assert len(MvsaSingle().read(made_up, media_root=made_up / "pictures")) == 60


def test_an_unknown_split_column() -> None:
    with pytest.raises(RecipeError, match="'split_clmf' is not one; did you mean 'split_clmlf'"):
        MvsaSingle(split="split_clmf")  # type: ignore[arg-type]


def test_the_published_counts(data_folder) -> None:
    table = MvsaSingle().read(data_folder("mvsa_single"))
    assert counts(table, "train") == {"positive": 2147, "neutral": 376, "negative": 1088}
    assert counts(table, "validation") == {"positive": 268, "neutral": 47, "negative": 135}
    assert counts(table, "test") == {"positive": 268, "neutral": 47, "negative": 135}
    assert table.problems == ()
    texts = " ".join(sample.text or "" for sample in table.samples)
    assert "b'" not in texts[:1000]
    assert "â€" not in texts


def test_the_other_published_counts(data_folder) -> None:
    table = MvsaSingle(split="split_course").read(data_folder("mvsa_single"))
    assert counts(table, "test") == {"positive": 295, "neutral": 51, "negative": 165}
    train, validation = table.split("train"), table.split("validation")
    assert (len(train), len(validation)) == (3600, 400)
    groups = linked([*train, *validation])
    assert not set(groups[: len(train)]) & set(groups[len(train) :])
