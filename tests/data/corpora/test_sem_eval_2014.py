from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from made_aspect_xml import sentence, write_sentences
from polysense.data.corpora.sem_eval_2014 import SemEval2014
from polysense.errors import DataError, RecipeError

BARE = '<sentence id="bare"><text>Nothing to say.</text></sentence>'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twenty training sentences, one without aspects; three for testing, one of which has a conflict."""
    home = tmp_path / "semeval2014"
    for name in ("Laptops", "Restaurants"):
        write_sentences(home / f"{name}_Train.xml", [BARE, *(sentence(n) for n in range(19))])
        tested = [sentence(50), sentence(51, polarity="conflict"), BARE]
        write_sentences(home / f"{name}_Test_Gold.xml", tested)
    return tmp_path


def test_a_row_is_a_sentence_and_one_of_its_terms(root: Path) -> None:
    table = SemEval2014().read(root)
    assert table.splits == {"train": 51, "validation": 6, "test": 5}
    first, second, third = table.split("test")[:3]
    assert first.text == "The soup & the soup bowl 50, the staff 50."
    assert [(row.aspect, row.label) for row in (first, second, third)] == [
        ("soup", "positive"),
        ("soup bowl", "negative"),
        ("staff", "neutral"),
    ]
    assert first.text[int(second.extra["from"]) : int(second.extra["to"])] == "soup bowl"
    assert table.left_out == {"of conflicting polarity": 1}
    assert SemEval2014(domain="laptop").read(root / "semeval2014").splits == table.splits
    assert "conflict" in SemEval2014(conflict=True).read(root).labels("test")


def test_the_aspects_of_a_sentence_stay_in_one_split_that_the_seed_draws(root: Path) -> None:
    table = SemEval2014().read(root)
    texts = [{row.text for row in table.split(split)} for split in ("train", "validation")]
    assert not texts[0] & texts[1]
    assert SemEval2014().read(root).samples == table.samples
    assert {row.text for row in SemEval2014(seed=1).read(root).split("validation")} != texts[1]


def test_a_row_is_a_sentence_and_one_of_its_categories(root: Path) -> None:
    rows = SemEval2014(about="category").read(root).split("test")
    assert [(row.aspect, row.label) for row in rows] == [("food", "positive"), ("service", "neutral"), ("food", "positive")]


def test_a_row_is_a_sentence_and_the_spans_of_its_terms(root: Path) -> None:
    table = SemEval2014(task="extraction").read(root)
    assert table.splits == {"train": 18, "validation": 2, "test": 3}
    first, _, bare = table.split("test")
    assert [(span.of(first.text or ""), span.role) for span in first.spans or ()] == [
        ("soup", "aspect"),
        ("soup bowl", "aspect"),
        ("staff", "aspect"),
    ]
    assert bare.spans == ()
    assert (first.aspect, first.label) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("<sentence><text> </text></sentence>", "row 2: the sentence has no text"),
        (sentence(1, polarity="great"), "row 2: 'great' is not a polarity; .*valid: 'conflict'"),
        (sentence(1).replace('term="soup"', 'trm="soup"'), "row 2: <aspectTerm> number 1 has no 'term'"),
        ("<sentence><text>cut o", "line 5: not XML, or cut off"),
    ],
)
def test_a_wrong_sentence_is_named(root: Path, wrong: str, said: str) -> None:
    write_sentences(root / "semeval2014/Laptops_Train.xml", [sentence(0), wrong])
    with pytest.raises(DataError, match=rf"Laptops_Train\.xml, {said}"):
        SemEval2014(domain="laptop").read(root)


@pytest.mark.parametrize("wrong", ['from="5"', 'from="400"', 'from=""', 'from="-4"'])
def test_a_term_that_stands_elsewhere_is_named(root: Path, wrong: str) -> None:
    write_sentences(root / "semeval2014/Laptops_Train.xml", [sentence(0).replace('from="4"', wrong)])
    with pytest.raises(DataError, match=r"row 1: the term 'soup' does not stand at the characters"):
        SemEval2014(domain="laptop", task="extraction").read(root)


def test_wrong_arguments(root: Path) -> None:
    arguments: list[dict[str, Any]] = [{"domain": "hotel"}, {"about": "terms"}, {"task": "polarities"}]
    for wrong in arguments:
        with pytest.raises(RecipeError, match=f"SemEval2014, {next(iter(wrong))}: .* is not one"):
            SemEval2014(**wrong)
    with pytest.raises(RecipeError, match="categories are known of restaurants alone"):
        SemEval2014(domain="laptop", about="category")
    (root / "semeval2014/Laptops_Test_Gold.xml").unlink()
    with pytest.raises(DataError, match=r"SemEval2014: .*Laptops_Test_Gold\.xml is not there"):
        SemEval2014(domain="laptop").read(root)


COUNTS = {  # of all, of test: positive, negative, neutral
    ("laptop", "term"): ((994, 870, 464), (341, 128, 169)),
    ("restaurant", "term"): ((2164, 807, 637), (728, 196, 196)),
    ("restaurant", "category"): ((2178, 839, 501), (657, 222, 94)),
}


@pytest.mark.parametrize(("domain", "about"), COUNTS)
def test_the_published_counts(data_folder, domain: Any, about: Any) -> None:
    root = data_folder("semeval2014")
    table = SemEval2014(domain=domain, about=about).read(root)
    for split, expected in zip((("train", "validation"), ("test",)), COUNTS[domain, about], strict=True):
        labels = Counter(row.label for row in table.samples if row.split in split)
        assert labels == dict(zip(("positive", "negative", "neutral"), expected, strict=True))
    assert table.left_out["of conflicting polarity"] == {"laptop": 61, "restaurant": 105 if about == "term" else 248}[domain]
    held = {split: {row.text for row in table.split(split)} for split in table.splits}
    assert not held["train"] & held["validation"]


@pytest.mark.parametrize(("domain", "sentences", "terms"), [("laptop", (3048, 800), 1492), ("restaurant", (3044, 800), 2023)])
def test_the_published_sentences(data_folder, domain: Any, sentences: tuple[int, int], terms: int) -> None:
    table = SemEval2014(domain=domain, task="extraction").read(data_folder("semeval2014"))
    trained = [*table.split("train"), *table.split("validation")]
    assert (len(trained), len(table.split("test"))) == sentences
    assert sum(bool(row.spans) for row in trained) >= terms
