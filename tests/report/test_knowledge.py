from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from made_reviews import SEVEN, barely, chinese_reviews, english_reviews, quietly
from polysense.knowledge import POSITIVE, Entry, Knowledge
from polysense.report.knowledge import knowledge_html, write_knowledge_report


class Sections(HTMLParser):
    """The sections of a page, its ids, and what it would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str | None] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.figures = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.sections += [values.get("id")] if tag == "section" else []
        self.ids += [values["id"]] if values.get("id") else []
        self.figures += tag == "svg"
        self.loads += [value for name, value in attrs if name in ("src", "href") and value and not value.startswith("#")]


def test_the_page_shows_words_aspects_and_origin_in_one_file(tmp_path: Path) -> None:
    found = quietly(english_reviews())
    text = write_knowledge_report(found, tmp_path / "report.html").read_text("utf-8")
    page = Sections(text)
    assert page.sections == ["words", "aspects", "origin"]
    assert page.figures == 3
    assert page.loads == []
    assert len(page.ids) == len(set(page.ids))
    for word in ("crisp", "stale", "soup", found.record["corpus"]["sha256"], "REVIEWS_EN_46"):
        assert word in text
    assert text == knowledge_html(found, title="Sentiment knowledge")


def test_what_is_not_there_has_no_section() -> None:
    assert Sections(knowledge_html(barely(SEVEN), title="x")).sections == ["words", "origin"]
    lexicon = Sections(knowledge_html(Knowledge({"good": Entry(1.0, POSITIVE)}), title="x"))
    assert lexicon.sections == ["words"]
    only_seeds = knowledge_html(Knowledge({"good": Entry(1.0, POSITIVE, seed=True)}), title="x")
    assert "No word was found" in only_seeds


def test_chinese_words_and_signs_of_formulas_are_text() -> None:
    assert "宽敞" in knowledge_html(quietly(chinese_reviews(), language="zh"), title="x")
    page = knowledge_html(Knowledge({"a$b$c": Entry(1.0, POSITIVE), "<i>": Entry(0.5, POSITIVE)}), title="<b>")
    assert "a$b$c" in page
    assert "<i>" not in page
    assert "<b>" not in page.replace("<b>0</b>", "").replace("<b>2</b>", "")
