from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from polysense.data.corpora.amazon_reviews import AmazonReviews
from polysense.errors import DataError, RecipeError


def review(said: str, rating: str) -> str:
    return (
        f"<review>\n<unique_id>\ngives_it_away\n</unique_id>\n<asin>\nB1\n</asin>\n<rating>\n{rating}\n</rating>\n"
        f"<reviewer>\nSomebody\n</reviewer>\n<review_text>\n{said} a < b &amp; c\n\n&lt;3\n</review_text>\n</review>\n"
    )


def write(root: Path, domain: str, label: str, text: str) -> None:
    file = root / "amazon_blitzer" / domain / f"{label}.review.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for domain in ("electronics", "kitchen_and_housewares"):
        for label, rating in (("positive", "5.0"), ("negative", "1.0")):
            write(tmp_path, domain, label, "".join(review(f"{label} {domain} {n}", rating) for n in range(10)))
    return tmp_path


def test_a_domain_by_itself(root: Path) -> None:
    table = AmazonReviews().read(root)
    assert table.splits == {"train": 16, "validation": 2, "test": 2}
    row = table.samples[3]
    assert row.text == "positive electronics 3 a < b & c <3"
    assert (row.id, row.label) == ("electronics/positive/4", "positive")
    assert row.extra == {"domain": "electronics", "rating": "5.0", "product": "B1"}
    assert "Somebody" not in repr(table)
    assert "gives_it_away" not in repr(table)


def test_one_domain_for_training_and_the_other_for_testing(root: Path) -> None:
    table = AmazonReviews(test="kitchen_and_housewares").read(root / "amazon_blitzer")
    assert table.splits == {"train": 18, "validation": 2, "test": 20}
    assert {row.extra["domain"] for row in table.split("test")} == {"kitchen_and_housewares"}
    assert {row.extra["domain"] for row in table.split("train")} == {"electronics"}


def test_what_is_wrong_is_named(root: Path) -> None:
    with pytest.raises(RecipeError, match="AmazonReviews, domain: 'books' is not one"):
        AmazonReviews(domain="books")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="name the other domain"):
        AmazonReviews(test="electronics")
    write(root, "electronics", "negative", review("a", "1.0") + "<review>\n<rating>\n1\n</rating>\n</review>")
    with pytest.raises(DataError, match=r"negative\.review\.gz, row 2: the review has no <review_text>"):
        AmazonReviews().read(root)
    file = root / "amazon_blitzer/electronics/negative.review.gz"
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(DataError, match=r"negative\.review\.gz cannot be read"):
        AmazonReviews().read(root)
    file.unlink()
    with pytest.raises(DataError, match=r"AmazonReviews: .*negative\.review\.gz is not there"):
        AmazonReviews().read(root)


# Of positive and negative texts; the 979 that are published differ in blanks alone.
DISTINCT = {"electronics": (987, 978), "kitchen_and_housewares": (996, 981)}
RATINGS = {
    "electronics": {"5.0": 680, "4.0": 320, "1.0": 666, "2.0": 334},
    "kitchen_and_housewares": {"5.0": 754, "4.0": 246, "1.0": 687, "2.0": 313},
}


@pytest.mark.parametrize("domain", DISTINCT)
def test_the_published_counts(data_folder, domain: Any) -> None:
    table = AmazonReviews(domain=domain).read(data_folder("amazon_blitzer"))
    by_label = {label: [row.text for row in table.samples if row.label == label] for label in ("positive", "negative")}
    assert [len(texts) for texts in by_label.values()] == [1000, 1000]
    assert tuple(len(set(texts)) for texts in by_label.values()) == DISTINCT[domain]
    assert Counter(row.extra["rating"] for row in table.samples) == RATINGS[domain]
    splits = {split: {row.text for row in table.split(split)} for split in table.splits}
    assert not splits["train"] & (splits["validation"] | splits["test"])
