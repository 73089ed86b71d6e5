"""How far a lexicon agrees with another one, or with the labels of texts, that had no part in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from polysense.errors import DataError
from polysense.knowledge.entries import NEGATIVE, POSITIVE, Polarity
from polysense.knowledge.knowledge import Knowledge
from polysense.knowledge.occurrences import find

SURE = 0.5
"""Words of the other lexicon count from this size of their score on."""


def agreement(
    knowledge: Knowledge,
    judge: Knowledge,
    *,
    unscored: Collection[str] = (),
    strongest: int = 300,
    sure: float = SURE,
) -> Mapping[str, Any]:
    """Whether the words have the sign that the judge gives them. Seeds are left out: their sign was given.

    Args:
        knowledge: what is judged. For ``balanced`` mine it with a large ``top``.
        judge: a lexicon that gave no seeds.
        unscored: words that were scored with 0, which the knowledge does not hold: ``record["scored 0"]`` of what was mined. Each
            that the judge knows is wrong in ``balanced``.
        strongest: words that ``strongest`` looks at, half of them a side.
        sure: how large a score of the judge must be.

    Returns:
        ``strongest``: the share of right signs among the strongest words that the judge knows, and their number ``strongest_words``;
        ``balanced``: the mean of the shares right of the judge's negative and of its positive words, and the number ``words`` of both.
        A share of no words is None.
    """
    known = {word: entry.score > 0 for word, entry in judge.words.items() if abs(entry.score) > sure}
    ranked = {side: knowledge.strongest(side) for side in (NEGATIVE, POSITIVE)}
    top = [known[word] == bool(side) for side, found in ranked.items() for word, _ in found[: strongest // 2] if word in known]
    sides: dict[bool, list[bool]] = {False: [], True: []}
    for side, found in ranked.items():
        for word, _ in found:
            if word in known:
                sides[known[word]].append(known[word] == bool(side))
    for word in known.keys() & set(unscored):
        sides[known[word]].append(False)
    shares = [_share(right) for right in sides.values()]
    return {
        "strongest": _share(top),
        "strongest_words": len(top),
        "balanced": None if None in shares else sum(share or 0.0 for share in shares) / 2,
        "words": sum(map(len, sides.values())),
    }


def label_agreement(knowledge: Knowledge, reviews: Iterable[tuple[str, Polarity]]) -> Mapping[str, Any]:
    """Whether the summed scores of a text's words have the sign of its label; behind a negator a word counts for the other side.

    Args:
        knowledge: what is judged.
        reviews: texts with their labels, which gave nothing to it.

    Returns:
        ``accuracy``: the share right, where a sum of 0 is wrong; ``ties``: the share of sums of 0; the number ``reviews``.

    Raises:
        DataError: there are no reviews.
    """
    sums = [(found.balance, label) for text, label in reviews for found in (find(text, knowledge),)]
    if not sums:
        raise DataError("no reviews to judge by")
    right = sum(total != 0 and (total > 0) == bool(label) for total, label in sums)
    return {"accuracy": right / len(sums), "ties": sum(total == 0 for total, _ in sums) / len(sums), "reviews": len(sums)}


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None
