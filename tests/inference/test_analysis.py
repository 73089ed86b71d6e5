from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import pytest

from polysense.errors import RecipeError
from polysense.inference.analysis import Analysis, Analyst, Opinion
from polysense.inference.aspect_summary import Summary
from polysense.inference.label_sides import side
from polysense.inference.predictor import Predictor
from polysense.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge, Pair, find
from polysense.report.analysis import marked
from polysense.types import Sample

KNOWLEDGE = Knowledge(
    {"good": Entry(1.0, POSITIVE), "bad": Entry(-1.0, NEGATIVE), "crisp": Entry(0.5, POSITIVE)},
    {("screen", "crisp"): Pair(3, POSITIVE), ("soup", "bad"): Pair(2, NEGATIVE), ("staff", "good"): Pair(2, POSITIVE)},
)
TEXT = "Good staff, but a bad soup. The screen wasn't crisp."


def review(text: str, number: int = 1, **more: Any) -> Sample:
    return Sample(id=f"r{number}", text=text, **more)


class Says:
    """A model by a rule; it remembers what it was asked."""

    source = "runs/said"
    labels = ("negative", "positive")
    roles = ("aspect", "opinion")

    def __init__(self, rule: Any, *, reads_aspects: bool = False) -> None:
        self.rule = rule
        self.reads_aspects = reads_aspects
        self.asked: list[Sample] = []

    def predict(self, rows: Sequence[Sample]) -> list[dict[str, Any]]:
        self.asked += rows
        return [{"id": row.id, **self.rule(row)} for row in rows]


def classes(label: str) -> dict[str, Any]:
    return {"label": label, "probabilities": {"negative": 0.5, "positive": 0.5}}


def seen(analysis: Analysis) -> list[tuple[str, str | None, list[str]]]:
    return [
        (one.text, one.opinion.label if one.opinion else None, [word.word for word in one.evidence]) for one in analysis.aspects
    ]


def test_knowledge_alone_answers_all_three_questions() -> None:
    found = list(Analyst(knowledge=KNOWLEDGE).read([review(TEXT), review("It came.", 2), review("", 3)]))
    assert seen(found[0]) == [
        ("staff", "positive", ["good"]),
        ("soup", "negative", ["bad"]),
        ("screen", "negative", ["crisp"]),  # for it is negated
    ]
    assert all(TEXT[one.start : one.end] == one.text for one in found[0].aspects)
    assert found[0].opinion == Opinion("negative")  # 1 - 1 - .5
    assert found[0].aspects[2].evidence[0].negated
    assert found[0].aspects[2].evidence[0].polarity == "positive"
    assert found[1].opinion == Opinion("neutral")
    assert not found[1].aspects
    assert found[2].opinion == Opinion("neutral")


def test_models_come_before_knowledge_and_each_row_gets_its_own_answers() -> None:
    polarity = Says(lambda row: classes("positive" if "staff" in row.text else "negative"))
    spans = [{"start": 5, "end": 10, "role": "aspect"}, {"start": 22, "end": 26, "role": "aspect"}]
    terms = Says(lambda row: {"spans": [*spans, {"start": 0, "end": 4, "role": "opinion"}] if row.text == TEXT else []})
    aspects = Says(lambda row: classes({"staff": "positive", "soup": "negative"}[row.aspect]), reads_aspects=True)
    models = {"polarity": polarity, "terms": terms, "aspects": aspects}
    analyst = Analyst(knowledge=KNOWLEDGE, **cast("dict[str, Predictor]", models))
    rows = [review("Nothing.", 1), review(TEXT, 2, aspect="left over from the table"), review("Nothing.", 3)]
    found = list(analyst.read(rows))
    assert [one.opinion.label for one in found if one.opinion] == ["negative", "positive", "negative"]
    assert seen(found[1]) == [("staff", "positive", ["good"]), ("soup", "negative", ["bad"])]
    assert found[1].as_dict()["aspects"][0]["opinion"]["probabilities"] == {"negative": 0.5, "positive": 0.5}
    assert [(row.id, row.aspect) for row in aspects.asked] == [("r2", "staff"), ("r2", "soup")]
    assert all(row.aspect is None for row in (*polarity.asked, *terms.asked))


def test_without_knowledge_there_is_no_evidence_and_nothing_is_guessed() -> None:
    terms = Says(lambda _: {"spans": [{"start": 0, "end": 4, "role": "dish"}]})
    terms.roles = ("dish",)
    (found,) = Analyst(terms=cast("Predictor", terms), role="dish").read([review("soup: bad")])
    assert seen(found) == [("soup", None, [])]
    assert found.opinion is None


def test_a_row_that_a_model_cannot_use_keeps_its_place() -> None:
    polarity = Says(lambda row: {"error": "text: too odd"} if row.id == "r1" else classes("positive"))
    analyst = Analyst(knowledge=KNOWLEDGE, polarity=cast("Predictor", polarity))
    first, second = analyst.read([review(TEXT, 1), review(TEXT, 2)])
    assert (first.error, first.opinion, first.aspects) == ("text: too odd", None, ())
    assert second.error is None
    assert len(second.aspects) == 3


def test_an_aspect_that_its_model_cannot_read_loses_nothing_else() -> None:
    def odd(row: Sample) -> dict[str, Any]:
        return {"error": "aspect: odd"} if row.aspect == "soup" else classes("positive")

    aspects = cast("Predictor", Says(odd, reads_aspects=True))
    (found,) = Analyst(knowledge=KNOWLEDGE, aspects=aspects).read([review(TEXT)])
    assert [(one.text, one.error) for one in found.aspects] == [("staff", None), ("soup", "aspect: odd"), ("screen", None)]
    assert found.error is None
    assert found.opinion == Opinion("negative")
    summary = Summary()
    summary.add(found)
    assert {one.aspect: dict(one.labels) for one in summary.aspects()}["soup"] == {}


def test_with_knowledge_alone_aspects_and_evidence_are_its_pairs() -> None:
    text = "bad staff good, soup <br> bad. screen? crisp! Mr. staff good"
    pairs = find(text, KNOWLEDGE).pairs
    (found,) = Analyst(knowledge=KNOWLEDGE).read([review(text)])
    expected: dict[int, list[int]] = {}
    for pair in pairs:
        expected.setdefault(pair.start, []).append(pair.word.start)
    assert expected
    evidence = {one.start: [word.start for word in one.evidence] for one in found.aspects}
    assert evidence == {match.start(): expected.get(match.start(), []) for match in re.finditer("staff|soup|screen", text)}
    assert list(evidence) == sorted(evidence)
    assert [one.opinion for one in found.aspects if not one.tells] == [Opinion("neutral")] * (len(evidence) - len(expected))


def test_evidence_against_a_model_is_marked() -> None:
    labels = {"staff": "negative", "soup": "neg", "screen": "mixed"}
    aspects = cast("Predictor", Says(lambda row: classes(labels[row.aspect]), reads_aspects=True))
    (found,) = Analyst(knowledge=KNOWLEDGE, aspects=aspects).read([review(TEXT)])
    assert [[word.agrees for word in one.evidence] for one in found.aspects] == [[False], [True], [None]]
    assert ("Good", "positive against", "positive, against what the model says") in marked(found)
    labels["screen"] = "negative"
    (found,) = Analyst(knowledge=KNOWLEDGE, aspects=aspects).read([review(TEXT)])
    assert [word.agrees for word in found.aspects[2].evidence] == [True]  # not crisp
    (found,) = Analyst(knowledge=KNOWLEDGE).read([review(TEXT)])
    assert {word.agrees for one in found.aspects for word in one.evidence} == {None}


def test_reviews_that_a_model_cut_or_that_hold_no_evidence_are_counted() -> None:
    polarity = cast("Predictor", Says(lambda row: classes("positive") | ({"cut": True} if row.id == "r1" else {})))
    terms = cast("Predictor", Says(lambda row: {"spans": []} | ({"cut": True} if row.id == "r2" else {})))
    rows = [review(text, number) for number, text in enumerate(("Nothing", "bad", "Fine", "good"))]
    for models, cut, without in (
        ({"polarity": polarity, "terms": terms}, [False, True, True, False], 0),
        ({"terms": terms}, [False, False, True, False], 2),
        ({}, [False] * 4, 2),
    ):
        summary = Summary()
        found = list(Analyst(knowledge=KNOWLEDGE, **models).read(rows))
        for one in found:
            summary.add(one)
        assert [one.cut for one in found] == cut
        assert (summary.cut, summary.without_evidence, summary.read) == (sum(cut), without, 4)
    (found,) = Analyst(terms=terms).read(rows[:1])
    assert not found.without_evidence  # there is no lexicon


def test_a_long_review() -> None:
    text = "good staff. bad soup. " * 4000
    spans = [{"start": match.start(), "end": match.end(), "role": "aspect"} for match in re.finditer("staff|soup", text)]
    terms = cast("Predictor", Says(lambda _: {"spans": spans}))
    (found,) = Analyst(knowledge=KNOWLEDGE, terms=terms).read([review(text)])
    assert [len(one.evidence) for one in found.aspects] == [1] * 8000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bad soup, <br>staff good", {"soup": ["bad"], "staff": ["good"]}),
        ("The soup of Mr. Good, bad", {"soup": ["good", "bad"]}),  # no sentence ends behind Mr.
        ("staff good soup", {"staff": [], "soup": ["good"]}),  # of two equally near ones the right one
        ("Bad! The soup came. The staff left", {"soup": [], "staff": []}),  # a sentence ends between
        ("bad soup, staff: good", {"soup": ["bad"], "staff": ["good"]}),
        ("The soup of the staff is bad", {"soup": [], "staff": ["bad"]}),
        ("Soup 4.5 bad", {"Soup": ["bad"]}),
        ("The staff, good soup", {"staff": [], "soup": ["good"]}),
        ("The staff that I saw was good - soup", {"staff": ["good"], "soup": []}),  # the nearer one is behind a dash
        ("staff, soup: that was good", {"staff": [], "soup": ["good"]}),  # their clause has none: the nearest of the sentence
        ("fish, soup was good", {"fish, soup": ["good"]}),  # an aspect may go over a comma
        ("soup<br />good staff", {"soup": [], "staff": ["good"]}),
    ],
)
def test_a_word_speaks_of_the_nearest_aspect_of_its_sentence(text: str, said: dict[str, list[str]]) -> None:
    spans = [{"start": (at := text.index(name)), "end": at + len(name), "role": "aspect"} for name in said]
    terms = cast("Predictor", Says(lambda _: {"spans": spans}))
    (found,) = Analyst(knowledge=KNOWLEDGE, terms=terms).read([review(text)])
    assert {one.text: [word.word for word in one.evidence] for one in found.aspects} == said


def test_a_sentiment_word_inside_an_aspect_speaks_of_nothing() -> None:
    terms = cast("Predictor", Says(lambda _: {"spans": [{"start": 0, "end": 9, "role": "aspect"}]}))
    (found,) = Analyst(knowledge=KNOWLEDGE, terms=terms).read([review("good soup, bad")])
    assert seen(found) == [("good soup", "negative", ["bad"])]


def test_what_cannot_serve_is_refused() -> None:
    plain = cast("Predictor", Says(classes))
    nameless = Says(classes)
    nameless.labels = ()
    with pytest.raises(RecipeError, match="nothing to analyse with"):
        Analyst()
    with pytest.raises(RecipeError, match="nothing finds them"):
        Analyst(aspects=plain, polarity=plain)
    with pytest.raises(RecipeError, match="polarity: runs/said has no classes"):
        Analyst(polarity=cast("Predictor", nameless))
    with pytest.raises(RecipeError, match="role: runs/said does not mark 'asepct'; did you mean 'aspect'"):
        Analyst(terms=plain, role="asepct")
    asked = cast("Predictor", Says(classes, reads_aspects=True))
    with pytest.raises(RecipeError, match=r"polarity: runs/said reads an aspect with each text.*give it as `aspects`"):
        Analyst(polarity=asked)
    with pytest.raises(RecipeError, match=r"aspects: runs/said reads no aspect.*give it as `polarity`"):
        Analyst(knowledge=KNOWLEDGE, aspects=plain)
    unmarked = Says(classes)
    unmarked.roles = ()
    with pytest.raises(RecipeError, match="terms: runs/said marks nothing"):
        Analyst(terms=cast("Predictor", unmarked))
    several = cast("Predictor", Says(lambda _: {"label": ("joy", "surprise"), "probabilities": {}}))
    with pytest.raises(RecipeError, match="runs/said answers several classes at once"):
        list(Analyst(polarity=several).read([review("soup")]))


def test_the_summary_counts_by_aspect() -> None:
    summary = Summary()
    texts = [TEXT, "The soup is bad", "SOUP bad, bad", "Nothing"]
    for analysis in Analyst(knowledge=KNOWLEDGE).read([review(text, number) for number, text in enumerate(texts)]):
        summary.add(analysis)
    summary.add(Analysis("r9", "", error="broken"))
    soup, screen, staff = summary.aspects()
    assert soup.as_dict() == {
        "aspect": "soup",
        "forms": {"soup": 2, "SOUP": 1},
        "mentions": 3,
        "opinions": 3,
        "labels": {"negative": 3},
        "words": ["bad"],
        "reviews": ["r0", "r1", "r2"],
    }
    assert soup.words["bad"] == 4
    assert screen.words == {"not crisp": 1}
    assert (staff.count("positive"), staff.count("negative"), staff.count("other")) == (1, 0, 0)
    assert (summary.reviews, summary.errors, summary.read) == (5, 1, 4)
    assert summary.labels == {"negative": 3, "neutral": 1}
    assert summary.classes == ["positive", "negative"]


def test_singular_and_plural_are_one_aspect_and_rows_keep_their_own_text() -> None:
    summary = Summary()
    rows = ["Soups", "soups", "SOUP", "bad soup", "Good Staff", "soups"]
    terms = Says(lambda row: {"spans": [{"start": row.text.rfind(" ") + 1, "end": len(row.text), "role": "aspect"}]})
    for analysis in Analyst(knowledge=KNOWLEDGE, terms=cast("Predictor", terms)).read(
        [review(text, number) for number, text in enumerate(rows)]
    ):
        assert analysis.aspects[0].text == analysis.text.split()[-1]
        summary.add(analysis)
    soups, staff = summary.aspects()
    assert (soups.aspect, soups.mentions, soups.reviews) == ("soups", 5, ["r0", "r1", "r2"])
    assert soups.forms == {"Soups": 1, "soups": 2, "SOUP": 1, "soup": 1}
    assert soups.labels == {"negative": 1}
    assert staff.aspect == "Staff"
    assert [one.aspect for one in summary.aspects()] == ["soups", "Staff"]  # asking changes nothing


def test_tags_of_a_page_are_no_aspects_and_no_evidence() -> None:
    knowledge = Knowledge(
        {"good": Entry(1.0, POSITIVE), "b": Entry(-1.0, NEGATIVE)},
        {("br", "good"): Pair(2, POSITIVE), ("staff", "good"): Pair(2, 1)},
    )
    text = "good<br /><b>staff</b> &amp; good&nbsp;staff&lt;br&gt;"
    (found,) = Analyst(knowledge=knowledge).read([review(text)])
    assert [(text[one.start : one.end], [word.start for word in one.evidence]) for one in found.aspects] == [
        ("staff", []),
        ("staff", [text.rindex("good")]),
    ]
    assert found.opinion == Opinion("positive")


def test_sides_by_the_names_of_data_sets() -> None:
    praise = ["positive", "POS", "正面", "very positive", "Good", "very_positive"]
    blame = ["negative", "neg", "负面", "very negative", "bad", "差评"]
    assert [side(name) for name in praise] == ["positive"] * len(praise)
    assert [side(name) for name in blame] == ["negative"] * len(blame)
    assert [side(name) for name in ("neutral", "conflict", "3", "positive or negative")] == ["other"] * 4
