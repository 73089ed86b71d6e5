"""What many reviews say of each aspect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from polysense.inference.analysis import Analysis

Side = Literal["positive", "negative", "other"]

NAMED = 3
"""Reviews named for an aspect."""


_PRAISE = ("pos", "good", "great", "excellent", "praise", "正", "好")
_BLAME = ("neg", "bad", "poor", "terrible", "blame", "负", "差")
"""How words begin that name a side."""


def side(label: str) -> Side:
    """The side of a class by its name, as data sets write them: ``positive``, ``very negative``, ``pos``, ``正面``."""
    words = re.findall(r"[^\W_]+", label.casefold())
    praise, blame = (any(word.startswith(names) for word in words) for names in (_PRAISE, _BLAME))
    if praise == blame:
        return "other"
    return "positive" if praise else "negative"


def by_side(label: str) -> tuple[int, str]:
    """To sort classes by: praise first, blame last."""
    return ("positive", "other", "negative").index(side(label)), label


def same_meaning(one: str, other: str) -> bool:
    """Whether two labels have the same name, or the same side of the two: ``pos`` and ``positive``."""
    return one.casefold() == other.casefold() or (side(one) == side(other) != "other")


@dataclass
class AspectCounts:
    """One aspect over all reviews."""

    aspect: str
    labels: Counter[str] = field(default_factory=Counter)
    """Mentions by what was thought of them."""
    words: Counter[str] = field(default_factory=Counter)
    """The evidence; ``not w`` where w stood behind a negator."""
    reviews: list[str] = field(default_factory=list)
    """Ids of the first reviews that speak of it."""
    mentions: int = 0

    def count(self, wanted: Side) -> int:
        """Mentions of one side."""
        return sum(count for label, count in self.labels.items() if side(label) == wanted)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the most frequent first."""
        return {
            "aspect": self.aspect,
            "mentions": self.mentions,
            "labels": dict(self.labels.most_common()),
            "words": [word for word, _ in self.words.most_common(8)],
            "reviews": self.reviews,
        }


class Summary:
    """Counts over reviews, one after the other: memory grows with the number of different aspects, and of words for each, alone.

    Aspects that differ in case or in the blanks between their words are one; it has the name that was seen first, in lower case.
    """

    def __init__(self) -> None:
        self.reviews = 0
        self.unread = 0
        self.labels: Counter[str] = Counter()
        self.against: Counter[tuple[str, str]] = Counter()
        """Reviews by the table's label and what was found."""
        self._aspects: dict[str, AspectCounts] = {}

    def add(self, analysis: Analysis) -> None:
        """One more review."""
        self.reviews += 1
        if analysis.error is not None:
            self.unread += 1
            return
        if analysis.opinion is not None:
            self.labels[analysis.opinion.label] += 1
            if analysis.target is not None:
                self.against[analysis.target, analysis.opinion.label] += 1
        for seen in analysis.aspects:
            name = " ".join(seen.text.casefold().split())
            counts = self._aspects.setdefault(name, AspectCounts(name))
            counts.mentions += 1
            if seen.opinion is not None:
                counts.labels[seen.opinion.label] += 1
            counts.words.update(f"not {word.word}" if word.negated else word.word for word in seen.evidence)
            if len(counts.reviews) < NAMED and analysis.id not in counts.reviews:
                counts.reviews.append(analysis.id)

    def aspects(self) -> list[AspectCounts]:
        """From the one most spoken of on; equal ones alphabetically."""
        return sorted(self._aspects.values(), key=lambda one: (-one.mentions, one.aspect))

    @property
    def classes(self) -> list[str]:
        """Every label that an aspect got: praise first, blame last."""
        found: Iterable[str] = {label for one in self._aspects.values() for label in one.labels}
        return sorted(found, key=by_side)

    @property
    def agreement(self) -> float | None:
        """The share of the labelled reviews that were found to be what the table says, by name or by side.

        None where no review is labelled, or no label of the table is a side or a class that was found.
        """
        if not any(
            side(target) != "other" or target.casefold() in map(str.casefold, self.labels) for target, _ in self.against
        ):
            return None
        same = sum(count for (target, found), count in self.against.items() if same_meaning(target, found))
        return same / self.against.total()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        labelled = {
            "labelled": self.against.total(),
            "agreement": self.agreement,
            "against": [
                {"target": target, "label": label, "reviews": count} for (target, label), count in self.against.most_common()
            ],
        }
        return {
            "reviews": self.reviews,
            "unread": self.unread,
            "labels": dict(self.labels.most_common()),
            **(labelled if self.against else {}),
            "aspects": [one.as_dict() for one in self.aspects()],
        }
