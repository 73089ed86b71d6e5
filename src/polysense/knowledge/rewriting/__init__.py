"""Other texts for captions: what says the same, and what says almost the same of no such picture. Needs no torch."""

from __future__ import annotations

from polysense.knowledge.rewriting.caption import Caption
from polysense.knowledge.rewriting.rewrite import LEVELS, NEGATIVE_LEVELS, Level, Rewrite
from polysense.knowledge.rewriting.rewrites import Rewrites

__all__ = ["LEVELS", "NEGATIVE_LEVELS", "Caption", "Level", "Rewrite", "Rewrites"]
