"""How near are the captions that a model writes to those of people?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from polysense.evaluation.writing import Each, Writing
from polysense.metrics.captions import cider_each, rouge_l_each


class Captioning(Writing):
    """``bleu_4``, ``rouge_l`` and ``cider`` of a caption of each picture against all that the samples have of it; times 100.

    Pictures are told apart by their content. The captions are written as the recipe's ``Generation``
    says. Empty for a model without one of ``target: text``. CIDEr weighs words by how few pictures they are said of, so that it
    depends on the samples: of one picture alone it is 0.

    Args:
        beams: in place of the recipe's; 1 is much faster, to choose a checkpoint by.
    """

    needs: ClassVar[str] = "pictures with captions, and a model that writes of pictures (Generation with target: text)"
    field = "text"
    order = ("bleu_4", "rouge_l", "cider")
    units = "pictures"

    @property
    def means(self) -> Mapping[str, Each]:
        """Metrics that are means over pictures."""
        return {"rouge_l": rouge_l_each, "cider": cider_each}
