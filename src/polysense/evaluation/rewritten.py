"""Does a picture fit its own caption better than one that was rewritten to say something else?"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

import numpy as np

from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.evaluation.judge import aligning, judge, judging
from polysense.evaluation.retrieval import projected
from polysense.knowledge.rewriting import NEGATIVE_LEVELS, Caption, Rewrites
from polysense.learner import Learner
from polysense.seeds import seed_from
from polysense.types import Sample


class Rewritten(Evaluator):
    """``above_word``, ``above_phrase``, ``above_sentence``: of a level's rewritten captions, the share that the own caption is above.

    By what an objective that judges pairs read together says (``CrossModalContrast``, ``ImageTextMatching``, ``PairRanking``), and as
    ``above_word_towers`` and so on by the cosine in the space of an aligning one; each where the model has one. Equal scores count
    against the model. Beside them stands ``control_word`` and so on, of the same table (``rewriting.json``): the share that a
    classifier of texts alone, which sees no picture, tells apart; there is none where the pairs were too few to tell;
    and ``pairs_word`` and so on, how many pairs were asked about.

    Args:
        rewrites: the folder that `polysense rewrite` wrote of these captions. A relative path counts from the current folder, other
            than that of a corpus, which is looked for at the data first.
        per_level: rewrites of a level that are asked about of each caption, drawn by ``seed``.
    """

    needs: ClassVar[str] = (
        "captions that the rewrites are of, with their pictures, and a model that judges or aligns the two (CrossModalContrast, "
        "ImageTextMatching, PairRanking, ImageTextContrast)"
    )

    def __init__(self, rewrites: str, per_level: int = 2, seed: int = 0) -> None:
        if per_level < 1:
            raise RecipeError(f"Rewritten.per_level: expected a number from 1 up, found {per_level}")
        self.rewrites, self.per_level, self.seed = rewrites, per_level, seed

    def fits(self, learner: Learner) -> bool:
        """Whether an objective judges or aligns text and image."""
        return judging(learner) is not None or aligning(learner) is not None

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Judge each caption and its rewrites; empty where none of the captions has any."""
        table = Rewrites.read(self.rewrites)
        rows = [sample for sample in samples if sample.text is not None and sample.image is not None]
        texts, asked, levels = list(rows), [], []
        for row, sample in enumerate(rows):
            caption = Caption.of(sample)
            found = table.of(caption.text, caption.picture)
            for level in NEGATIVE_LEVELS:
                pool = [one.text for one in found if one.level == level]
                draw = Random(seed_from(self.seed, "rewritten", sample.id, level))
                for text in draw.sample(pool, min(self.per_level, len(pool))):
                    asked.append((row, len(texts)))
                    levels.append(level)
                    texts.append(Sample(id=f"{sample.id}/{len(texts)}", text=text, image=sample.image))
        if not asked:
            return {}
        pairs, level_of = np.array(asked), np.array(levels)
        metrics: dict[str, float] = {}
        for suffix, scores in self._scores(answerer, rows, texts, pairs).items():
            above = scores[pairs[:, 0]] > scores[pairs[:, 1]]
            metrics |= {f"above_{level}{suffix}": float(above[level_of == level].mean()) for level in dict.fromkeys(levels)}
        if metrics:
            told = {level: one["accuracy"] for level, one in table.record.get("control", {}).items()}
            metrics |= {f"control_{level}": told[level] for level in dict.fromkeys(levels) if told.get(level) is not None}
            metrics |= {f"pairs_{level}": float((level_of == level).sum()) for level in dict.fromkeys(levels)}
        return metrics

    def _scores(
        self, answerer: Answerer, rows: Sequence[Sample], texts: Sequence[Sample], pairs: np.ndarray
    ) -> dict[str, np.ndarray]:
        """How well each text fits its picture, (texts,), by kind of score; those that are not asked about stay NaN."""
        picture_of = np.arange(len(texts))
        picture_of[pairs[:, 1]] = pairs[:, 0]
        used = np.unique(pairs)
        found = {}
        objective = judging(answerer.learner)
        if objective is not None:
            joint = np.full(len(texts), np.nan)
            joint[used] = judge(answerer, objective, texts, rows, np.stack([used, picture_of[used]], axis=1))
            found[""] = joint
        head = aligning(answerer.learner)
        if head is not None:
            text, image = projected(answerer, head, texts, "text"), projected(answerer, head, rows, "image")
            found["_towers"] = (text * image[picture_of]).sum(axis=1)
        return found
