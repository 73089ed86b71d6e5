"""What many reviews say of each aspect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from polysense.inference.analysis import Analysis
from polysense.inference.label_sides import Side, by_side, same_meaning, side
from polysense.knowledge.plurals import one_name

NAMED = 3
"""Reviews named for an aspect."""


def reviews(count: int) -> str:
    """``1 review``, ``1,200 reviews``."""
    return f"{count:,} {'review' if count == 1 else 'reviews'}"


@dataclass
class AspectCounts:
    """One aspect over all reviews."""

    forms: Counter[str] = field(default_factory=Counter)
    """How it is written, with blanks as one blank."""
    labels: Counter[str] = field(default_factory=Counter)
    """Opinions by what they are. A mention of which nothing is said, by a model or a sentiment word, is none."""
    words: Counter[str] = field(default_factory=Counter)
    """The evidence; ``not w`` where w stood behind a negator."""
    first: dict[str, int] = field(default_factory=dict)
    """Ids of the first reviews that speak of it, with their places among all."""

    @property
    def aspect(self) -> str:
        """As it is mostly written; of equally frequent forms one in lower case, else the first of the alphabet."""
        return min(self.forms, key=lambda form: (-self.forms[form], form != form.lower(), form))

    @property
    def mentions(self) -> int:
        """How often it stands in a review."""
        return self.forms.total()

    @property
    def reviews(self) -> list[str]:
        """Ids of the first reviews that speak of it."""
        return sorted(self.first, key=self.first.__getitem__)[:NAMED]

    @property
    def opinions(self) -> int:
        """Mentions of which something is said."""
        return self.labels.total()

    def count(self, wanted: Side) -> int:
        """Opinions of one side."""
        return sum(count for label, count in self.labels.items() if side(label) == wanted)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the most frequent first."""
        return {
            "aspect": self.aspect,
            "forms": dict(self.forms.most_common()),
            "mentions": self.mentions,
            "opinions": self.opinions,
            "labels": dict(self.labels.most_common()),
            "words": [word for word, _ in self.words.most_common(8)],
            "reviews": self.reviews,
        }


class Summary:
    """Counts over reviews, one after the other: memory grows with the number of different aspects, and of words for each, alone.

    Aspects that differ in case, in the blanks between their words, or as singular and plural (:mod:`polysense.knowledge.plurals`),
    are one.
    """

    def __init__(self) -> None:
        self.reviews = 0
        self.errors = 0
        """Reviews that a model could not read."""
        self.cut = 0
        """Reviews that a model read the beginning of, as they are longer than it reads."""
        self.without_evidence = 0
        """Reviews that words were to answer for, and that hold none of the lexicon."""
        self.labels: Counter[str] = Counter()
        self.against: Counter[tuple[str, str]] = Counter()
        """Reviews by the table's label and what was found."""
        self._aspects: dict[str, AspectCounts] = {}
        """By their text in lower case; singular and plural apart, for which belong together shows at the end."""

    def add(self, analysis: Analysis) -> None:
        """One more review."""
        self.reviews += 1
        if analysis.error is not None:
            self.errors += 1
            return
        self.cut += analysis.cut
        self.without_evidence += analysis.without_evidence
        if analysis.opinion is not None:
            self.labels[analysis.opinion.label] += 1
            if analysis.target is not None:
                self.against[analysis.target, analysis.opinion.label] += 1
        for seen in analysis.aspects:
            form = " ".join(seen.text.split())
            counts = self._aspects.setdefault(form.casefold(), AspectCounts())
            counts.forms[form] += 1
            if seen.opinion is not None and seen.tells:
                counts.labels[seen.opinion.label] += 1
            counts.words.update(f"not {word.word}" if word.negated else word.word for word in seen.evidence)
            if len(counts.first) < NAMED:
                counts.first.setdefault(analysis.id, self.reviews)

    @property
    def read(self) -> int:
        """Reviews without an error."""
        return self.reviews - self.errors

    def notes(self) -> list[str]:
        """What a reader should know before the counts."""
        found = []
        if self.without_evidence:
            hold = "holds" if self.without_evidence == 1 else "hold"
            found.append(
                f"{self.without_evidence:,} of {reviews(self.read)} {hold} no word of the lexicon, and counted as neutral"
            )
        if self.cut:
            are, were = ("is", "was") if self.cut == 1 else ("are", "were")
            found.append(f"{self.cut:,} of {reviews(self.read)} {are} longer than a model reads, and {were} cut for it")
        return found

    def aspects(self) -> list[AspectCounts]:
        """By opinions, then by mentions, the most first; equal ones alphabetically."""
        found: dict[str, AspectCounts] = {}
        for name, root in one_name(self._aspects).items():
            one, joined = self._aspects[name], found.setdefault(root, AspectCounts())
            for counter, counts in ((joined.forms, one.forms), (joined.labels, one.labels), (joined.words, one.words)):
                counter.update(counts)
            for review, place in one.first.items():
                joined.first[review] = min(place, joined.first.get(review, place))
        return sorted(found.values(), key=lambda one: (-one.opinions, -one.mentions, one.aspect))

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
            "errors": self.errors,
            "cut": self.cut,
            "without_evidence": self.without_evidence,
            "labels": dict(self.labels.most_common()),
            **(labelled if self.against else {}),
            "aspects": [one.as_dict() for one in self.aspects()],
        }
