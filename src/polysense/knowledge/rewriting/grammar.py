"""The closed classes of English words, number, and stems: as much grammar as exchanging words needs."""

from __future__ import annotations

_WORDS = {
    "determiners": """
        a an the this that these those some any each every both all no many several few another other
        my your his her its our their""",
    "numbers": "two three four five six seven eight nine ten eleven twelve twenty thirty fifty hundred dozen",
    "auxiliaries": "am is are was were be been being has have had does do did",
    "prepositions": """
        about above across against along alongside amid among around as at atop behind below beneath beside besides between beyond by
        down during for from in inside into like near of off on onto out outside over past through throughout to toward towards under
        underneath up upon via with within without""",
    "no objects": """
        front lot lots kind kinds type sort one others someone something somebody anyone anything everyone everything nothing nobody
        other each while there it them him her they he she who what which""",
    "plurals": "men women children people feet teeth geese mice sheep cattle police folks",
    "singulars": "gas canvas lens christmas atlas bus plus chess",
}


def _words(name: str) -> frozenset[str]:
    return frozenset(_WORDS[name].split())


DETERMINERS = _words("determiners")
NUMBERS = _words("numbers")
SINGLE = frozenset(("one", "1"))
AUXILIARIES = _words("auxiliaries")
PREPOSITIONS = _words("prepositions")
NO_OBJECTS = _words("no objects")
"""What a tagger may take for nouns, and names nothing that could be exchanged: *in front of, a lot of*."""

_PLURALS, _SINGULARS = _words("plurals"), _words("singulars")
_VOWELS = "aeiou"
_AN = ("hour", "honest", "honor", "honour", "heir")
_A = ("one", "once", "uni", "use", "usu", "eu", "ukulele", "ut")


def is_plural(noun: str) -> bool:
    """Whether a noun stands for several: by its ending, and a list of those that have none."""
    last = noun.rpartition("-")[2]
    if last in _PLURALS or last.endswith(("women", "men", "people", "children")):
        return True
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in _SINGULARS and len(last) > 2


def stem(word: str) -> str:
    """The same for the forms of a word: *runs, running, run*. It is no word itself."""
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in _VOWELS:
        word = word[:-1]
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def article(following: str) -> str:
    """*a* or *an* before these words, by how they begin."""
    word = following.lower()
    if word.startswith(_AN):
        return "an"
    return "an" if word[:1] in tuple(_VOWELS) and not word.startswith(_A) else "a"
