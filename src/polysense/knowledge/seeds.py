"""Seeds: the few words whose polarity is given, from which that of the others is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polysense.data.lines import read_lines
from polysense.errors import DataError, RecipeError, choices, display
from polysense.knowledge.english import look_up_form
from polysense.knowledge.tagger import Language

HOME = Path(__file__).with_name("seed_lists")
DEFAULTS: dict[Language, str] = {"en": "REVIEWS_EN_46", "zh": "REVIEWS_ZH_28"}


@dataclass(frozen=True, slots=True)
class Seeds:
    """Words of praise and of blame.

    Raises:
        RecipeError: a side is empty, or a word stands on both.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    name: str = "own seeds"
    note: str = ""
    """Where they come from, and how sure that is."""

    def __post_init__(self) -> None:
        for side in ("positive", "negative"):
            words = tuple(dict.fromkeys(look_up_form(word.strip()) for word in getattr(self, side)))
            if not words:
                raise RecipeError(f"seeds: no {side} word in {self.name}")
            object.__setattr__(self, side, words)
        both = sorted({*self.positive} & {*self.negative})
        if both:
            words_are = f"{', '.join(map(repr, both))} {'is' if len(both) == 1 else 'are'}"
            raise RecipeError(f"seeds: in {self.name} {words_are} positive and negative at once")

    def exchanged(self) -> Seeds:
        """Praise for blame: a control. What is mined with them must come out with the opposite sign."""
        return Seeds(self.negative, self.positive, f"{self.name}, exchanged", self.note)

    @classmethod
    def named(cls, name: str) -> Seeds:
        """A list of the package. Raises RecipeError for a name that is not there."""
        if name not in seed_lists():
            raise RecipeError(f"seeds: there is no list {name!r}; {choices(name, seed_lists())}")
        return replace(cls.read(HOME / f"{name}.tsv"), name=name)

    @classmethod
    def read(cls, path: Path) -> Seeds:
        """A file with ``word<TAB>positive`` or ``word<TAB>negative`` a line; ``#`` begins a comment, a header row is allowed.

        Raises:
            DataError: it cannot be read, or a line is none of these; the message names it.
            RecipeError: a side is empty, or a word stands on both.
        """
        sides: dict[str, list[str]] = {"positive": [], "negative": []}
        notes: list[str] = []
        for number, line in enumerate(read_lines(path), start=1):
            word, tab, side = (part.strip() for part in line.partition("\t"))
            if line.startswith("#"):
                notes.append(line.lstrip("# "))
            elif (word, side) == ("word", "polarity") or not line.strip():
                continue
            elif tab := side.lower():
                if tab not in sides:
                    raise DataError(f"{display(path)}, line {number}: {side!r} is no polarity; {choices(side, sides)}")
                sides[tab].append(word)
            else:
                raise DataError(f"{display(path)}, line {number}: a word, a tab, and positive or negative are expected")
        return cls(tuple(sides["positive"]), tuple(sides["negative"]), path.name, " ".join(notes))


def seed_lists() -> Sequence[str]:
    """The names of the package's lists."""
    return sorted(path.stem for path in HOME.glob("*.tsv"))
