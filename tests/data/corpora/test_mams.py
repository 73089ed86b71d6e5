from __future__ import annotations

from pathlib import Path

import pytest

from made_aspect_xml import sentence, write_sentences
from polysense.data.corpora.mams import Mams
from polysense.errors import DataError, RecipeError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for part in ("MAMS-ATSA", "MAMS-ACSA"):
        for place, name in enumerate(("train", "val", "test")):
            sentences = [sentence(10 * place + n, named=False) for n in range(3 - place)]
            write_sentences(tmp_path / part / "raw" / f"{name}.xml", sentences)
    return tmp_path


def test_terms_categories_and_spans_in_the_published_splits(root: Path) -> None:
    terms, categories, spans = (Mams(**chosen).read(root) for chosen in ({}, {"about": "category"}, {"task": "extraction"}))
    assert terms.splits == {"train": 9, "validation": 6, "test": 3}
    assert categories.splits == {"train": 6, "validation": 4, "test": 2}
    assert spans.splits == {"train": 3, "validation": 2, "test": 1}
    assert len({row.id for row in terms.samples}) == 18
    assert [(row.aspect, row.label) for row in terms.split("test")] == [
        ("soup", "positive"),
        ("soup bowl", "negative"),
        ("staff", "neutral"),
    ]
    assert [row.aspect for row in categories.split("test")] == ["food", "service"]
    assert len(spans.split("test")[0].spans or ()) == 3


def test_it_may_lie_among_other_sets(root: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for part in ("MAMS-ATSA", "MAMS-ACSA"):
        (tmp_path / "data" / "mams").mkdir(exist_ok=True)
        (root / part).rename(tmp_path / "data" / "mams" / part)
    assert Mams().read(tmp_path / "data").splits["train"] == 9


def test_what_is_wrong_is_named(root: Path) -> None:
    with pytest.raises(RecipeError, match="Mams, about: 'both' is not one"):
        Mams(about="both")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="a category has no place"):
        Mams(about="category", task="extraction")
    write_sentences(root / "MAMS-ATSA/raw/val.xml", ["<sentence><text>cut"])
    with pytest.raises(DataError, match=r"val\.xml, line 4: not XML, or cut off"):
        Mams().read(root)
    write_sentences(root / "MAMS-ATSA/raw/val.xml", [])
    with pytest.raises(DataError, match=r"val\.xml has no sentences"):
        Mams().read(root)
    (root / "MAMS-ATSA/raw/test.xml").unlink()
    with pytest.raises(DataError, match=r"Mams: .*test\.xml is not there"):
        Mams().read(root)
