"""Sentiment knowledge from plain text: a lexicon and pairs of aspect and sentiment word. Needs no torch."""

from __future__ import annotations

from polysense.knowledge.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge, Pair
from polysense.knowledge.occurrences import Found, FoundPair, Occurrences, find

__all__ = ["NEGATIVE", "POSITIVE", "Entry", "Found", "FoundPair", "Knowledge", "Occurrences", "Pair", "find"]
