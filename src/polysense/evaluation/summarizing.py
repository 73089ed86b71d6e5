"""How near are the texts that a model makes of others (summaries, questions) to those of people?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from polysense.evaluation.writing import Each, Writing
from polysense.metrics.captions import rouge_l_f1_each, rouge_n_each


class Summarizing(Writing):
    """``rouge_1``, ``rouge_2``, ``rouge_l`` (F1) and ``bleu_4`` of what is written of each text against its ``pair``; times 100.

    Rows of equal texts have one text and several references, of which the best counts. What is written follows the recipe's
    ``Generation``. Empty for a model without one of ``target: pair``. No stemming; ROUGE-L is that of whole texts, not of their
    sentences.

    Args:
        beams: in place of the recipe's; 1 is much faster, to choose a checkpoint by.
    """

    needs: ClassVar[str] = "texts with a pair, and a model that writes of texts (Generation with target: pair)"
    field = "pair"
    order = ("rouge_1", "rouge_2", "rouge_l", "bleu_4")
    units = "texts"

    @property
    def means(self) -> Mapping[str, Each]:
        """Metrics that are means over texts."""
        return {
            "rouge_1": partial(rouge_n_each, order=1),
            "rouge_2": partial(rouge_n_each, order=2),
            "rouge_l": rouge_l_f1_each,
        }
