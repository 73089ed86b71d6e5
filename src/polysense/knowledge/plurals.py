"""Singular and plural of a name in English, by how they are written."""

from __future__ import annotations

from collections.abc import Collection, Iterator

_IRREGULAR = {"children": "child", "feet": "foot", "geese": "goose", "lice": "louse", "mice": "mouse", "teeth": "tooth"}

_NO_PLURAL = frozenset(("lens", "means", "news", "series", "species"))
"""They end as a plural does of another word: *new*, *len*."""

_SHORTEST = 3
"""Letters of a singular: *gas* is none of *ga*."""

_HISSING = ("ses", "xes", "zes", "ches", "shes", "oes")


def one_name(names: Collection[str]) -> dict[str, str]:
    """Each of the names, in lower case, with the one that it is a plural of, or itself.

    A plural is only known by its singular among the names: *movies* is *movie* where both are there. So the rule needs no dictionary,
    cuts no *s* off a word that merely ends in one, and leaves other scripts alone. Of several words the last one counts.
    """
    there = frozenset(names)
    return {name: _root(name, there) for name in names}


def _root(name: str, there: frozenset[str]) -> str:
    before, blank, last = name.rpartition(" ")
    for singular in _singulars(last):
        if len(singular) >= _SHORTEST and (found := f"{before}{blank}{singular}") in there:
            return _root(found, there)
    return name


def _singulars(word: str) -> Iterator[str]:
    """What the word may be a plural of, the likeliest first."""
    if word in _NO_PLURAL or word.endswith("ss"):
        return
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if word.endswith("men"):
        yield f"{word[:-3]}man"
    if word.endswith("s"):
        yield word[:-1]
    if word.endswith(_HISSING):
        yield word[:-2]
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    if word.endswith("ves"):
        yield f"{word[:-3]}f"
        yield f"{word[:-3]}fe"
