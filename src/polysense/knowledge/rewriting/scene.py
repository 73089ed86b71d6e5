"""What a caption speaks of: objects, their attributes, and how two of them stand to each other, by rules over tagged words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from polysense.knowledge.rewriting.grammar import (
    AUXILIARIES,
    DETERMINERS,
    NO_OBJECTS,
    NUMBERS,
    PREPOSITIONS,
    SINGLE,
    is_plural,
    stem,
)
from polysense.knowledge.tagger import Token

Kind = Literal["object", "attribute", "relation", "phrase"]
Role = Literal["determiner", "auxiliary", "preposition", "number", "adjective", "noun", "verb", "other"]


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a caption that may be exchanged as a whole."""

    kind: Kind
    shape: str
    """What the grammar around it asks for: another part of this kind and shape may stand in its place."""
    start: int
    """Its first character."""
    end: int
    """Behind its last character."""
    words: str
    """As they are looked up, one space between them."""
    core: str
    """The word that carries the meaning: the noun of a phrase, the verb of a relation."""
    before: str
    """The word before it; empty at the beginning and behind a sign."""
    after: str
    """The word behind it."""


def verb_stems(captions: Iterable[Sequence[Token]]) -> frozenset[str]:
    """The stems of what stands in some caption as a verb in *-ing*: *jumping* says that *jumps* may be a verb, too."""
    return frozenset(stem(t.word) for tokens in captions for t in tokens if t.tag == "VERB" and t.word.endswith("ing"))


def parts(text: str, tokens: Sequence[Token], verbs: frozenset[str]) -> list[Part]:
    """The objects, attributes, relations and noun phrases of a caption, in the order of the text.

    An object is the last noun of a run of nouns; attributes are the adjectives, numbers and participles right before the run; a
    relation is what stands between two objects, if that is a preposition, a verb, or a verb with its preposition. A phrase is an object
    with what stands before it in its run, if anything does.

    Args:
        text: the caption.
        tokens: its words with their tags.
        verbs: what `verb_stems` found in the corpus.
    """
    return _Reading(text, tokens, verbs).parts()


class _Reading:
    """One caption while it is read."""

    def __init__(self, text: str, tokens: Sequence[Token], verbs: frozenset[str]) -> None:
        self.text = text
        self.tokens = tokens
        self.joined = [  # whether nothing but a space stands between a word and the next one
            text[one.end : other.start].isspace() for one, other in pairwise(tokens)
        ]
        self.roles = [_role(token) for token in tokens]
        for place in range(len(tokens)):
            self._settle(place, verbs)

    def _settle(self, place: int, verbs: frozenset[str]) -> None:
        """Put right what a tagger does not see: *dog jumps over*, and *a swimming pool*."""
        role, word = self.roles[place], self.tokens[place].word
        before = self.roles[place - 1] if place and self.joined[place - 1] else "other"
        after = self.roles[place + 1] if place < len(self.joined) and self.joined[place] else "other"
        ends_run = before == "noun" and after != "noun" and not is_plural(self.tokens[place - 1].word)
        in_run = before in ("determiner", "number", "adjective") and after in ("noun", "adjective", "verb")
        if role == "noun" and ends_run and word.endswith("s") and stem(word) in verbs:
            self.roles[place] = "verb"
        elif role == "verb" and in_run and word.endswith(("ing", "ed", "en")):
            self.roles[place] = "adjective"

    def parts(self) -> list[Part]:
        runs = self._runs()
        found: list[Part] = []
        for number, (begin, noun, end) in enumerate(runs):
            shape = "plural" if is_plural(self.tokens[end - 1].word) else "singular"
            found += [
                self._part("attribute", self._attribute_shape(place), place, place + 1, place) for place in range(begin, noun)
            ]
            found.append(self._part("object", shape, end - 1, end, end - 1))
            if end - begin > 1:
                found.append(self._part("phrase", shape, begin, end, end - 1))
            if number + 1 < len(runs) and (relation := self._relation(end, runs[number + 1][0])):
                found.append(relation)
        return found

    def _runs(self) -> list[tuple[int, int, int]]:
        """(first attribute, first noun, behind the last noun) of each noun phrase."""
        runs = []
        place = 0
        while place < len(self.roles):
            begin = place
            while self._goes_on(begin, place, ("number", "adjective")):
                place += 1
            noun = place
            while self._goes_on(begin, place, ("noun",)):
                place += 1
            if place > noun:
                runs.append((begin, noun, place))
            place = max(place, begin + 1) if place > noun else max(noun, begin + 1)
        return runs

    def _goes_on(self, begin: int, place: int, roles: tuple[Role, ...]) -> bool:
        return place < len(self.roles) and self.roles[place] in roles and (place == begin or self.joined[place - 1])

    def _attribute_shape(self, place: int) -> str:
        if self.roles[place] != "number":
            return "adjective"
        return "one" if self.tokens[place].word in SINGLE else "number"

    def _relation(self, begin: int, end: int) -> Part | None:
        """Between the objects that end at ``begin`` and whose phrase begins at ``end``."""
        if not all(self.joined[begin - 1 : end]):
            return None
        while end > begin and self.roles[end - 1] == "determiner":
            end -= 1
        while begin < end and self.roles[begin] == "auxiliary":
            begin += 1
        roles = self.roles[begin:end]
        if roles == ["preposition"]:
            return self._part("relation", "preposition", begin, end, begin)
        form = _form(self.tokens[begin].word) if begin < end else ""
        if roles == ["verb", "preposition"] or (roles == ["verb"] and form != "ed"):  # not *a snow covered hill*
            return self._part("relation", form + " preposition" * (len(roles) - 1), begin, end, begin)
        return None

    def _part(self, kind: Kind, shape: str, begin: int, end: int, core: int) -> Part:
        tokens = self.tokens
        return Part(
            kind=kind,
            shape=shape,
            start=tokens[begin].start,
            end=tokens[end - 1].end,
            words=" ".join(token.word for token in tokens[begin:end]),
            core=tokens[core].word,
            before=_context(tokens[begin - 1].word) if begin and self.joined[begin - 1] else "",
            after=tokens[end].word if end < len(tokens) and self.joined[end - 1] else "",
        )


def _role(token: Token) -> Role:
    word = token.word
    for role, words in _CLOSED.items():
        if word in words:
            return role
    if word.isdecimal():
        return "number"
    if token.tag == "NOUN":
        return "noun" if word not in NO_OBJECTS and word[0].isalpha() else "other"
    if token.tag == "ADJ":
        return "adjective"
    return "verb" if token.tag == "VERB" else "other"


_CLOSED: dict[Role, frozenset[str]] = {
    "determiner": DETERMINERS,
    "auxiliary": AUXILIARIES,
    "preposition": PREPOSITIONS,
    "number": NUMBERS | SINGLE,
}


def _form(verb: str) -> str:
    return next((ending for ending in ("ing", "ed", "s") if verb.endswith(ending)), "base")


def _context(word: str) -> str:
    """The two forms of an article are one: which one stands there is put right afterwards."""
    return "a" if word == "an" else word
