"""How near are the texts that a model makes of others (summaries, questions) to those of people?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.evaluation.written import written
from polysense.metrics.captions import bleu_4, rouge_l_f1, rouge_n
from polysense.types import Sample


class Summarizing(Evaluator):
    """``rouge_1``, ``rouge_2``, ``rouge_l`` (F1) and ``bleu_4`` of what is written of each text against its ``pair``; times 100.

    Rows of one ``group``, or without one of equal texts, have one text and several references, of which the best counts. What is
    written follows the recipe's ``Generation``. Empty for a model without one of ``target: pair``. No stemming; ROUGE-L is that of
    whole texts, not of their sentences.

    Args:
        beams: in place of the recipe's; 1 is much faster, to choose a checkpoint by.
    """

    needs: ClassVar[str] = "texts with a pair, and a model that writes of texts (Generation with target: pair)"

    def __init__(self, beams: int | None = None) -> None:
        self.beams = beams

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Write, compare."""
        found = written(answerer, samples, "pair", beams=self.beams)
        if found is None:
            return {}
        return {
            "rouge_1": 100 * rouge_n(*found, order=1),
            "rouge_2": 100 * rouge_n(*found, order=2),
            "rouge_l": 100 * rouge_l_f1(*found),
            "bleu_4": 100 * bleu_4(*found),
        }
