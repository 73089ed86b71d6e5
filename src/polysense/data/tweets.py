"""Posts as the encoders that were pre-trained on posts have seen them: the scheme of BERTweet (Nguyen, Vu, Nguyen, EMNLP 2020).

One rule a line, see :func:`normalized`; what was normalised once does not change when it is again.
"""

from __future__ import annotations

import html
import re

from emoji import demojize, emojize

USER, ADDRESS = "@USER", "HTTPURL"

PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "\u2026": "..."})

TOKEN = re.compile(
    r"""
    (?P<address>(?:https?://|www\.)\S*[^\s.,;:!?'"()\[\]{}<>])
  | (?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
  | (?P<user>@\w+)
  | (?P<emoji>:[^\s:]+:)
  | (?P<hashtag>\#\w+)
  | (?P<face>[<>]?[:;=8][-o*']?[)\](\[dDpP/|\\@}{](?!\w)|<3)
  | (?P<clock>\b[ap]\.m\.)
  | (?P<number>[+-]?\d+(?:[.,:/-]\d+)*%?(?!\w))
  | (?P<ending>(?i:n't|'(?:m|s|d|re|ve|ll))\b)
  | (?P<word>\w+(?:-\w+)*(?:'\w+)?)
  | (?P<dots>\.\.+)
  | (?P<sign>\S)
    """,
    re.VERBOSE,
)
ENDED = re.compile(r"(.+?)(n't|'(?:m|s|d|re|ve|ll))", re.IGNORECASE)
KEPT = frozenset({"can't", "ain't"})


def normalized(text: str) -> str:
    """The text with its tokens joined by single spaces.

    - HTML entities are decoded (``&amp;`` is ``&``), typographic apostrophes and the sign of three dots are plain ones;
    - a user's handle is ``@USER``, a web address ``HTTPURL``;
    - an emoji is its English name between colons (``:face_with_tears_of_joy:``);
    - contractions stand apart (``do n't``, ``it 's``; not ``can't`` and ``ain't``), ``cannot`` is ``can not``;
    - ``a.m.`` and ``p.m.`` stay whole; a line break is a space.
    """
    while (decoded := html.unescape(text)) != text:
        text = decoded
    text = demojize(text.translate(PLAIN), delimiters=(" :", ": "))
    return " ".join(_found(text))


def _found(text: str) -> list[str]:
    tokens: list[str] = []
    start = 0
    while (match := TOKEN.search(text, start)) is not None:
        kind, token = str(match.lastgroup), match[0]
        if kind == "emoji" and emojize(token) == token:  # two colons, and no emoji's name between them
            kind, token = "sign", ":"
        start = match.start() + len(token)
        tokens += _written(kind, token)
    return tokens


def _written(kind: str, token: str) -> list[str]:
    if kind == "address":
        return [ADDRESS]
    if kind == "user":
        return [USER]
    if kind != "word":
        return [token]
    if token.lower() == "cannot":
        return [token[:3], token[3:]]
    if token.lower() not in KEPT and (ended := ENDED.fullmatch(token)) is not None:
        return [*_found(ended[1]), ended[2]]
    return [token]
