"""How near are the captions that a model writes to those of people?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.evaluation.written import written
from polysense.metrics.captions import bleu_4, cider, rouge_l
from polysense.types import Sample


class Captioning(Evaluator):
    """``bleu_4``, ``rouge_l`` and ``cider`` of a caption of each picture against all that the samples have of it; times 100.

    Pictures are told apart by their content. The captions are written as the recipe's ``Generation``
    says. Empty for a model without one of ``target: text``. CIDEr weighs words by how few pictures they are said of, so that it
    depends on the samples: of one picture alone it is 0.

    Args:
        beams: in place of the recipe's; 1 is much faster, to choose a checkpoint by.
    """

    needs: ClassVar[str] = "pictures with captions, and a model that writes of pictures (Generation with target: text)"

    def __init__(self, beams: int | None = None) -> None:
        self.beams = beams

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Write, compare."""
        found = written(answerer, samples, "text", beams=self.beams)
        if found is None:
            return {}
        return {name: 100 * score(*found) for name, score in (("bleu_4", bleu_4), ("rouge_l", rouge_l), ("cider", cider))}
