from __future__ import annotations

from itertools import pairwise

import pytest

from polysense.data.markup import without_markup
from polysense.knowledge.chinese import JiebaTagger
from polysense.knowledge.english import PlainWords
from polysense.knowledge.gaps import Gap, gap_between
from polysense.knowledge.tagger import Language, Tagger


def gaps(text: str, tagger: Tagger, language: Language) -> list[Gap]:
    text = without_markup(text)
    tokens = tagger.tag(text)
    return [gap_between(text, one.word, one.end, other.start, language) for one, other in pairwise(tokens)]


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("good screen", Gap.JOINED),
        ("good\t screen", Gap.JOINED),
        ("isn't", Gap.JOINED),
        ("good, screen", Gap.CLAUSE),
        ("good,screen", Gap.CLAUSE),
        ("good; screen", Gap.CLAUSE),
        ("good: screen", Gap.CLAUSE),
        ("good—screen", Gap.CLAUSE),
        ("good - screen", Gap.CLAUSE),
        ("good [screen", Gap.CLAUSE),
        ("1,000", Gap.SIGN),
        ("12:30", Gap.SIGN),
        ("good 'screen", Gap.SIGN),
        ("good “screen", Gap.SIGN),
        ("good/screen", Gap.SIGN),
        ("good- screen", Gap.SIGN),
        ("good * screen", Gap.SIGN),
        ("good (screen)", Gap.CLAUSE),
        ("good. Screen", Gap.SENTENCE),
        ("good. screen", Gap.SENTENCE),
        ("good.Screen", Gap.SENTENCE),
        ("good.screen", Gap.SIGN),
        ("3.5", Gap.SIGN),
        ('good." Screen', Gap.SENTENCE),
        ("(good.) Screen", Gap.SENTENCE),
        ("good! screen", Gap.SENTENCE),
        ("good!!screen", Gap.SENTENCE),
        ("good... screen", Gap.SIGN),
        ("good... Screen", Gap.SENTENCE),
        ("good<br /><br />screen", Gap.SENTENCE),
        ("good</p><p class='x: y'>screen", Gap.SENTENCE),
        ("good <i title='a, b'>screen</i>", Gap.JOINED),
        ("good&mdash;screen", Gap.CLAUSE),
        ("good&nbsp;screen", Gap.JOINED),
        ("good &amp; screen", Gap.SIGN),
        ("good\nscreen", Gap.SENTENCE),
        ("in plan B.<br />Good", Gap.SENTENCE),
        ("good...\nscreen", Gap.SENTENCE),
        ("Dr. Good", Gap.SIGN),
        ("J. Good", Gap.SIGN),
        ("so am I. Good", Gap.SENTENCE),
        ("good -- screen", Gap.CLAUSE),
    ],
)
def test_what_stands_between_english_words(text: str, gap: Gap) -> None:
    assert gaps(text, PlainWords(), "en")[-1] is gap


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("早餐好吃", Gap.JOINED),
        ("“早餐”好吃", Gap.SIGN),
        *((f"早餐{sign}好吃", Gap.CLAUSE) for sign in ("，", ",", "、", "：", "（", "——")),
        ("早餐。好吃", Gap.SENTENCE),
    ],
)
def test_what_stands_between_chinese_words(text: str, gap: Gap) -> None:
    assert gaps(text, JiebaTagger(), "zh") == [gap]
