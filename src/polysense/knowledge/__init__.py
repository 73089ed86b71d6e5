"""Sentiment knowledge from plain text: a lexicon and pairs of aspect and sentiment word. Needs no torch."""

from __future__ import annotations

from polysense.knowledge.entries import NEGATIVE, POSITIVE, Entry, Pair
from polysense.knowledge.knowledge import AspectSummary, Knowledge
from polysense.knowledge.mining import mine
from polysense.knowledge.occurrences import Found, FoundPair, Occurrences, find
from polysense.knowledge.seeds import Seeds

__all__ = [
    "NEGATIVE",
    "POSITIVE",
    "AspectSummary",
    "Entry",
    "Found",
    "FoundPair",
    "Knowledge",
    "Occurrences",
    "Pair",
    "Seeds",
    "find",
    "mine",
]
