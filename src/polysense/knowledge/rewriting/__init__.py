"""Other texts for captions: what says the same, and what says almost the same of no such picture. Needs no torch."""

from __future__ import annotations

from polysense.data.caption import Caption
from polysense.data.rewrite import LEVELS, NEGATIVE_LEVELS, Level, Rewrite
from polysense.data.rewrites import Rewrites
from polysense.knowledge.rewriting.control import Told, text_only_control
from polysense.knowledge.rewriting.making import PER_LEVEL, rewrite
from polysense.knowledge.rewriting.replacements import Draw
from polysense.knowledge.rewriting.translator import Translator

__all__ = [
    "LEVELS",
    "NEGATIVE_LEVELS",
    "PER_LEVEL",
    "Caption",
    "Draw",
    "Level",
    "Rewrite",
    "Rewrites",
    "Told",
    "Translator",
    "rewrite",
    "text_only_control",
]
