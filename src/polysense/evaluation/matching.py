"""Does the matching head tell a post's own text from another one's?"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from polysense.encoders.encoder import Encoder
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.types import Sample


class Matching(Evaluator):
    """``matching_accuracy`` (balanced; .5 is chance) and ``matching_auc`` on the pairs as they are and with exchanged texts.

    Every row with text and picture is asked twice: as it is, and with the text of another row of different text and picture,
    drawn by ``seed``. What the text encoder reads beside a text (words in the picture, an aspect) goes with it, as in training.
    Empty for a model without a matching head.
    """

    needs: ClassVar[str] = "texts with pictures, and a model with a matching head (ImageTextMatching)"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Ask, exchange, ask again."""
        pairs = [sample for sample in samples if sample.text is not None and sample.image is not None]
        own = answerer.predict(pairs).columns
        if "match" not in own:
            return {}
        model = answerer.learner.model
        wrong = mismatched(pairs, model.encoder("text"), model.encoder("image"), seed=self.seed)
        if not wrong:
            return {}
        kept = np.array(own["match"], dtype=np.float64)
        exchanged = np.array(answerer.predict(wrong).columns["match"], dtype=np.float64)
        accuracy = ((kept >= 0.5).mean() + (exchanged < 0.5).mean()) / 2
        return {"matching_accuracy": float(accuracy), "matching_auc": area_under_curve(kept, exchanged)}


def mismatched(pairs: Sequence[Sample], text: Encoder, image: Encoder, *, seed: int) -> list[Sample]:
    """Each pair with what ``text`` reads of another one; left out is a pair from which no other differs in text and in picture."""
    draw = random.Random(seed)
    keys = [(text.key(pair), image.key(pair)) for pair in pairs]
    wrong = []
    for pair, (own_text, own_image) in zip(pairs, keys, strict=True):
        for place in _drawn(len(pairs), draw):
            if keys[place][0] != own_text and keys[place][1] != own_image:
                wrong.append(text.exchanged(pair, pairs[place]))
                break
    return wrong


def _drawn(count: int, draw: random.Random) -> Iterator[int]:
    """Places in random order: a few draws, which nearly always suffice, then every place."""
    for _ in range(20):
        yield draw.randrange(count)
    yield from draw.sample(range(count), count)


def area_under_curve(above: np.ndarray, below: np.ndarray) -> float:
    """The chance that a value of ``above`` is larger than one of ``below``; ties count half."""
    from scipy.stats import rankdata

    order = rankdata(np.concatenate([above, below]))
    wins = order[: len(above)].sum() - len(above) * (len(above) + 1) / 2
    return float(wins / (len(above) * len(below)))
