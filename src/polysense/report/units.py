"""How a metric is written: fractions in points, everything else with three digits, and which way is better."""

from __future__ import annotations

import re
from collections.abc import Sequence

from polysense.metrics.names import lower_is_better

FRACTIONS = re.compile(r"(f1|accuracy|precision|recall|acc_\d|F1_score)$")
"""How the names of metrics end that run from 0 to 1."""


ACRONYMS = {"bleu_4": "BLEU-4", "rouge_1": "ROUGE-1", "rouge_2": "ROUGE-2", "rouge_l": "ROUGE-L", "cider": "CIDEr"}


def is_fraction(metric: str) -> bool:
    """Whether a metric runs from 0 to 1 and is shown in points."""
    return FRACTIONS.search(metric.partition("/")[0]) is not None


def scale(metric: str) -> int:
    """What a value is multiplied with before it is shown."""
    return 100 if is_fraction(metric) else 1


def measure(value: float, metric: str) -> str:
    """A fraction in points, 0.6741 is ``67.4``; another value as ``0.674``."""
    text = points(value) if is_fraction(metric) else f"{value:.3f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def in_units(metrics: Sequence[str]) -> str:
    """What a table's numbers are, in words that follow what they are of."""
    inside = [is_fraction(metric) for metric in metrics]
    if all(inside):
        return ", in points"
    return ", fractions in points" if any(inside) else ""


def points(value: float) -> str:
    """A fraction in points: 0.6741 is ``67.4``."""
    return f"{100 * value:.1f}"


def signed(value: float, metric: str) -> str:
    """A difference with its sign, of fractions in points: ``+1.3``, ``−0.4``; of others ``+0.013``."""
    text = f"{100 * value:+.1f}" if is_fraction(metric) else f"{value:+.3f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def score(value: float) -> str:
    """One row's score with its sign: ``+0.61``, ``−2.00``."""
    text = f"{value:+.2f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def titled(metric: str) -> str:
    """A metric's name over its numbers; an arrow says that less is better."""
    return plain(metric) + (" ↓" if lower_is_better(metric) else "")


def plain(name: str) -> str:
    """A metric's or term's name for reading: ``weighted_f1`` is ``Weighted F1``."""
    words = ACRONYMS.get(name, name).replace("_", " ").replace("f1", "F1")
    return words[:1].upper() + words[1:]
