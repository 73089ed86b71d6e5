"""How far a lexicon agrees with another one that had no part in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from polysense.knowledge.entries import NEGATIVE, POSITIVE
from polysense.knowledge.knowledge import Knowledge

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


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None
