"""What decides what is mined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from polysense.errors import RecipeError, choices
from polysense.knowledge.patterns import PATTERNS, Pattern
from polysense.knowledge.scores import Balance
from polysense.knowledge.seeds import DEFAULTS as SEEDS
from polysense.knowledge.seeds import Seeds
from polysense.knowledge.tagger import LANGUAGES, TAGS, Language, Tag
from polysense.knowledge.windows import DEFAULTS as WINDOWS
from polysense.knowledge.windows import Window, check_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The arguments of `mine`, which says what each means.

    Raises:
        RecipeError: one of them is wrong; the message names it and what is valid.
    """

    language: Language = "en"
    seeds: Seeds | None = None
    window: Window | None = None
    tags: Sequence[Tag] | None = ("ADJ", "ADV", "VERB")
    patterns: Sequence[Pattern] | None = PATTERNS
    top: int = 400
    min_count: int | None = None
    min_seed_count: int = 5
    min_score: float = 0.0
    min_pair_count: int = 2
    function_words: bool = False
    smoothing: float = 0.0
    balance: Balance = "mean"
    skip_negated: bool = False
    pairs: bool = True

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise RecipeError(f"language: {self.language!r} is not known; {choices(str(self.language), LANGUAGES)}")
        if self.window is not None:
            check_window(self.window)
        if self.window == "pattern" and self.patterns is None:
            raise RecipeError("window: 'pattern' needs patterns")
        if self.balance not in get_args(Balance):
            raise RecipeError(f"balance: {self.balance!r} is not known; {choices(self.balance, get_args(Balance))}")
        for tag in self.tags or ():
            if tag not in TAGS:
                raise RecipeError(f"tags: {tag!r} is no tag; {choices(tag, TAGS)}")
        leasts = {"top": 0, "min_count": 1, "min_seed_count": 1, "min_score": 0, "min_pair_count": 1, "smoothing": 0}
        for name, least in leasts.items():
            if (value := getattr(self, name)) is not None and not value >= least:
                raise RecipeError(f"{name}: {value} is too small; at least {least}")

    @property
    def used_seeds(self) -> Seeds:
        """Those that were given, or the language's."""
        return self.seeds or Seeds.named(SEEDS[self.language])

    @property
    def used_window(self) -> Window:
        """The one that was given, or the language's."""
        return WINDOWS[self.language] if self.window is None else self.window

    @property
    def needs_tags(self) -> bool:
        """Whether anything depends on the kinds of words."""
        return self.tags is not None or self.patterns is not None or self.pairs
