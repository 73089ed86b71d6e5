from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from polysense.data.corpora.se_absa16 import FILES, SeAbsa16
from polysense.errors import DataError, RecipeError


def review(number: int, opinions: list[tuple[str, str]]) -> str:
    said = "".join(f'<Opinion category="{category}" polarity="{polarity}"/>' for category, polarity in opinions)
    clauses = [f"<sentence id='{number}:0'><text>屏幕{number}，</text></sentence>"]
    clauses.append(f"<sentence id='{number}:1'><text> 电池好。</text><Opinions>{said}</Opinions></sentence>")
    return f'<Review rid="{number}"><sentences>{"".join(clauses)}</sentences></Review>'


TWICE = [("PHONE#BATTERY", "positive"), ("PHONE#BATTERY", "positive"), ("DISPLAY#QUALITY", "negative")]
BOTH = [("PHONE#BATTERY", "positive"), ("PHONE#BATTERY", "negative")]


def write(root: Path, train: list[str], *, test: list[str]) -> Path:
    for split, reviews in (("train", train), ("test", test)):
        file = root / "se_absa16" / FILES["phone"][split]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("<Reviews>\n" + "\n".join(reviews) + "\n</Reviews>", encoding="utf-8")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    train = [review(number, TWICE) for number in range(10)]
    return write(tmp_path, train, test=[review(90, TWICE), review(91, BOTH), review(92, [])])


def test_a_row_is_an_opinion_on_the_whole_review(root: Path) -> None:
    table = SeAbsa16().read(root)
    assert table.splits == {"train": 27, "validation": 3, "test": 5}
    first = table.split("test")[0]
    assert (first.text, first.aspect, first.label, first.group) == ("屏幕90，电池好。", "phone#battery", "positive", "test/90")
    reviews = [{row.group for row in table.split(split)} for split in ("train", "validation")]
    assert not reviews[0] & reviews[1]
    assert {row.group for row in SeAbsa16(seed=4).read(root).split("validation")} != reviews[1]


def test_equal_opinions_may_be_merged(root: Path) -> None:
    table = SeAbsa16(merge=True).read(root)
    assert table.splits == {"train": 18, "validation": 2, "test": 2}
    assert [row.aspect for row in table.split("test")] == ["phone#battery", "display#quality"]
    assert table.left_out == {"repeated or of both polarities": 13}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (review(1, [("PHONE#BATTERY", "neutral")]), r"row 2: 'neutral' is not a polarity"),
        (review(1, [("", "positive")]), "row 2: an opinion has no category"),
        ('<Review rid="1"></Review>', "row 2: the review has no text"),
        ("<Review>", r"line 4: not XML, or cut off"),
    ],
)
def test_a_wrong_review_is_named(root: Path, wrong: str, said: str) -> None:
    write(root, [review(0, TWICE), wrong], test=[])
    with pytest.raises(DataError, match=rf"Chinese_phones_training\.xml, {said}"):
        SeAbsa16().read(root)


def test_wrong_arguments(root: Path) -> None:
    with pytest.raises(RecipeError, match=r"SeAbsa16, domain: 'phones' is not one; did you mean 'phone'"):
        SeAbsa16(domain="phones")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"camera_training\.xml is not there"):
        SeAbsa16(domain="camera").read(root)


COUNTS = {"phone": ((758, 575), (310, 219)), "camera": ((809, 450), (344, 137))}


@pytest.mark.parametrize("domain", COUNTS)
def test_the_published_counts(data_folder, domain: Any) -> None:
    table = SeAbsa16(domain=domain).read(data_folder("se_absa16"))
    for split, (positive, negative) in zip((("train", "validation"), ("test",)), COUNTS[domain], strict=True):
        labels = Counter(row.label for row in table.samples if row.split in split)
        assert labels == {"positive": positive, "negative": negative}
    aspects = {row.aspect for row in table.split("test")}
    assert len(aspects) == {"phone": 55, "camera": 51}[domain]
    assert len({row.group for row in table.samples}) <= 200
