"""Made-up files in the XML of aspects, of SemEval's kind and of MAMS's."""

from __future__ import annotations

from pathlib import Path

TEXT = "The soup &amp; the soup bowl {0}, the staff {0}."
TERMS = ((4, 8, "soup", "positive"), (15, 24, "soup bowl", "negative"))


def sentence(number: int, *, polarity: str = "neutral", named: bool = True) -> str:
    """A sentence with three terms and two categories; ``polarity`` is that of the last term."""
    start = len(f"The soup & the soup bowl {number}, the ")
    terms = [*TERMS, (start, start + 5, "staff", polarity)]
    said = "".join(f'<aspectTerm term="{term}" polarity="{one}" from="{a}" to="{b}"/>' for a, b, term, one in terms)
    categories = (
        f'<aspectCategory category="food" polarity="positive"/><aspectCategory category="service" polarity="{polarity}"/>'
    )
    name = f' id="{number}"' if named else ""
    return (
        f"<sentence{name}><text>{TEXT.format(number)}</text><aspectTerms>{said}</aspectTerms>"
        f"<aspectCategories>{categories}</aspectCategories></sentence>"
    )


def write_sentences(file: Path, sentences: list[str]) -> Path:
    """A file of them, one a line, behind a first line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<sentences>\n' + "\n".join(sentences) + "\n</sentences>\n"
    file.write_text(text, encoding="utf-8")
    return file
