"""Sentences with aspects in the XML of SemEval-2014, task 4: as rows to classify, or as rows with marked terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element

from polysense.data.rows import origin
from polysense.data.xml_file import read_xml
from polysense.errors import DataError, choices, display
from polysense.types import Sample, Span

ROLE = "aspect"
CONFLICT = "conflict"
POLARITIES = ("positive", "negative", "neutral", CONFLICT)

About = Literal["term", "category"]
_TAGS: dict[str, tuple[str, str]] = {"term": ("aspectTerm", "term"), "category": ("aspectCategory", "category")}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a file."""

    where: str
    """For messages: ``Laptops_Train.xml, row 12``."""
    name: str
    text: str
    element: Element


def read_sentences(path: Path) -> list[Sentence]:
    """The sentences of a file, numbered from 1.

    Raises:
        DataError: the file is not XML of that kind, or a sentence has no text; the message names it.
    """
    file, found = display(path), []
    for number, element in enumerate(read_xml(path, root="sentences").iter("sentence"), start=1):
        where, text = origin(file, number), element.findtext("text") or ""
        if not text.strip():
            raise DataError(f"{where}: the sentence has no text")
        found.append(Sentence(where, element.get("id") or str(number), text, element))
    if not found:
        raise DataError(f"{display(path)} has no sentences")
    return found


def asked(sentence: Sentence, about: About, split: str) -> Iterator[Sample]:
    """A row for each aspect of a sentence: the whole sentence, the aspect, its polarity; ``extra`` has the characters of a term.

    Raises:
        DataError: an aspect has no name, or another polarity than there are.
    """
    tag, attribute = _TAGS[about]
    for number, element in enumerate(sentence.element.iter(tag), start=1):
        aspect, polarity = (element.get(attribute) or "").strip(), element.get("polarity") or ""
        if not aspect:
            raise DataError(f"{sentence.where}: <{tag}> number {number} has no {attribute!r}")
        if polarity not in POLARITIES:
            raise DataError(f"{sentence.where}: {polarity!r} is not a polarity; {choices(polarity, POLARITIES)}")
        yield Sample(
            id=f"{split}/{sentence.name}/{number}",
            text=sentence.text,
            aspect=aspect,
            label=polarity,
            split=split,
            extra={key: element.get(key) or "" for key in ("from", "to") if about == "term"},
            origin=sentence.where,
        )


def marked(sentence: Sentence, split: str) -> Sample:
    """The sentence with the spans of its aspect terms, whatever their polarity; equal ones once.

    Raises:
        DataError: a term does not stand where it is said to.
    """
    spans = {_span(sentence, element) for element in sentence.element.iter("aspectTerm")}
    name = f"{split}/{sentence.name}"
    return Sample(id=name, text=sentence.text, spans=tuple(sorted(spans)), split=split, origin=sentence.where)


def _span(sentence: Sentence, element: Element) -> Span:
    start, end = (_number(element.get(name)) for name in ("from", "to"))
    if not 0 <= start < end <= len(sentence.text) or sentence.text[start:end] != element.get("term"):
        said = f"{element.get('from')} to {element.get('to')}"
        raise DataError(f"{sentence.where}: the term {element.get('term')!r} does not stand at the characters {said}")
    return Span(start, end, ROLE)


def _number(cell: str | None) -> int:
    return int(cell) if cell is not None and cell.isdecimal() else -1
