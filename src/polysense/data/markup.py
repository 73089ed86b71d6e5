"""HTML in texts: tags and entities are no words. What stands in their place is as long, so that no other character moves."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.entities import html5

_LINE_ELEMENTS = """
address article aside blockquote br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li
main nav ol option p pre section table tbody td tfoot th thead tr ul
"""
"""Elements that begin a new line: a sentence ends at their tags."""

_OTHER_ELEMENTS = """
a abbr acronym audio b bdi bdo big button cite code del dfn em embed font i iframe img input ins kbd label mark nobr object q s
samp select small source span strike strong sub sup textarea tt u var video wbr
"""
_LINES = frozenset(_LINE_ELEMENTS.split())

INNER = "\u2060"
"""What follows an apostrophe inside a word to the length of its entity: a word goes on behind it. Unicode calls it the word joiner."""

_ATTRIBUTE = r"""\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
_MARKUP = re.compile(
    rf"(?:<|&lt;)/?(?P<element>{'|'.join((_LINE_ELEMENTS + _OTHER_ELEMENTS).split())})(?:{_ATTRIBUTE})*\s*/?(?:>|&gt;)"
    r"|<!--(?:(?!<!--|-->).)*-->"
    r"|&(?P<entity>#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});",
    re.IGNORECASE | re.DOTALL,
)
"""A tag of an element that HTML knows (``a <c and d> e`` holds none), escaped or not; a comment; an entity."""


def without_markup(text: str) -> str:
    """The text with blanks in place of its tags, comments and entities, as long as before.

    The blanks of a tag that begins a new line begin with a line feed, those of an entity with its sign where it stands for one:
    ``&mdash;`` is a dash. An entity for a letter is blank, for the word that it is part of has no characters of its own. An apostrophe
    between letters or digits (``isn&#39;t``) is followed by :data:`INNER` in place of blanks, and so ends no word.
    """
    return _MARKUP.sub(_blank, text) if "<" in text or "&" in text else text


def _blank(found: re.Match[str]) -> str:
    element, entity = found["element"], found["entity"]
    if element is not None:
        sign = "\n" if element.lower() in _LINES else " "
    elif entity is None:
        sign = " "
    elif not entity.startswith("#") and f"{entity};" not in html5:
        return found.group()  # no entity: an ampersand, a word and a semicolon
    else:
        sign = unescape(found.group())
        sign = sign if len(sign) == 1 and unicodedata.category(sign)[0] in "PSZ" else " "
        around = found.string[max(found.start() - 1, 0) : found.start()], found.string[found.end() : found.end() + 1]
        if sign in "'’" and all(character.isalnum() for character in around):
            return sign.ljust(len(found.group()), INNER)
    return sign.ljust(len(found.group()))
