"""Sentiment as a number: does the score that is predicted follow the one that people gave?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from polysense.errors import DataError, RecipeError, choices
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.metrics.classification import classification_metrics, confusion
from polysense.metrics.sentiment import OF_EACH, SIDES, Dataset, clipped, msa_regression, paired
from polysense.types import MODALITIES, Sample

DATASETS = ("mosi", "sims")


class SentimentRegression(Evaluator):
    """``MAE``, ``Corr`` and the accuracies and F1 of the field, by the rules of a data set; and ``rows``, how many were measured.

    ``mosi``, for MOSI, MOSEI and other scores from -3 to 3: ``Has0_acc_2``, ``Has0_F1_score``, ``Non0_acc_2``, ``Non0_F1_score``,
    ``Mult_acc_5``, ``Mult_acc_7``. ``sims``, for SIMS and other scores from -1 to 1: ``Mult_acc_2``, ``Mult_acc_3``,
    ``Mult_acc_5``, ``F1_score``. The rules are those of :func:`polysense.metrics.sentiment.msa_regression`; fractions from 0 to 1,
    MAE in units of the scores. Of a model that gives each modality a score of its own (`UnimodalLabels`) also ``MAE/<modality>``
    and ``Corr/<modality>`` of that, over the rows that have the modality: against what people scored of the modality by itself
    where some row has that, else against the score of the whole row; there is nothing of heads that have learned nothing.

    To choose a checkpoint: ``best: MAE``, or ``MAE/text`` for what one modality says by itself; that less is better is known. Until a
    head has learned something, the metric of its modality is no number, which is worse than any. Rows without a score, or with nothing
    that the model reads, are left out.

    Args:
        dataset: whose rules. null follows the data: a training writes ``sims`` into its recipe where no score may be beyond -1 to 1
            (``score_range`` of the clips), and ``mosi`` where more may be, or nobody said.
        details: adds, of both conventions for 0 or the one of SIMS, ``<convention>_precision/<side>``, ``<convention>_recall/<side>``
            and the rows ``<convention>_confusion/<true side>/<side>``.
    """

    target = "score"

    def __init__(self, dataset: Literal["mosi", "sims"] | None = None, details: bool = False) -> None:
        if dataset is not None and dataset not in DATASETS:
            raise RecipeError(f"SentimentRegression, dataset: there is no {dataset!r}; {choices(dataset, DATASETS)}")
        self.dataset: Dataset = dataset or "mosi"
        self.details = details

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Predict and score."""
        scored = [sample for sample in samples if sample.score is not None]
        if not scored:
            return {}
        columns = answerer.predict(scored).columns
        if "score" not in columns:
            raise RecipeError("evaluation.evaluators: SentimentRegression needs an objective Regression of weight above 0")
        answered = [(sample, answer) for sample, answer in zip(scored, columns["score"], strict=True) if answer is not None]
        _refuse_no_number(answered)
        found, truth = [answer for _, answer in answered], [float(sample.score or 0) for sample, _ in answered]
        metrics = {**msa_regression(found, truth, dataset=self.dataset), "rows": float(len(answered))}
        return metrics | self._own(scored, columns) | (self._sides(found, truth) if self.details else {})

    def _own(self, samples: Sequence[Sample], columns: Mapping[str, Sequence[float | None]]) -> dict[str, float]:
        """How good the score of each modality is that has one."""
        metrics: dict[str, float] = {}
        for name in MODALITIES:
            human = any(sample.scores.get(name) is not None for sample in samples)
            wanted = [sample.scores.get(name) if human else sample.score for sample in samples]
            asked = zip(samples, columns.get(f"score_{name}", [None] * len(samples)), wanted, strict=True)
            told = [(sample, answer, truth) for sample, answer, truth in asked if answer is not None and truth is not None]
            if told:
                _refuse_no_number([(sample, answer) for sample, answer, _ in told])
                found = msa_regression([answer for _, answer, _ in told], [truth for *_, truth in told], dataset=self.dataset)
                metrics |= {f"{metric}/{name}": found[metric] for metric in OF_EACH}
        return metrics

    def _sides(self, predictions: Sequence[float], labels: Sequence[float]) -> dict[str, float]:
        found, truth = paired(predictions, labels, dataset=self.dataset)
        if self.dataset == "sims":
            found, truth = clipped(found, truth)
            asked = {"Mult_acc_2": (found > 0, truth > 0)}
        else:
            some = truth != 0
            asked = {"Has0": (found >= 0, truth >= 0), "Non0": (found[some] > 0, truth[some] > 0)}
        metrics: dict[str, float] = {}
        for name, sides in asked.items():
            answers, targets = ([SIDES[int(one)] for one in side] for side in sides)
            scores = classification_metrics(targets, answers, labels=SIDES)
            counts = confusion(targets, answers, labels=SIDES)
            for place, side in enumerate(SIDES):
                metrics |= {f"{name}_{one}/{side}": scores[f"{one}/{side}"] for one in ("precision", "recall")}
                metrics |= {f"{name}_confusion/{side}/{other}": float(counts[place, at]) for at, other in enumerate(SIDES)}
        return metrics


def _refuse_no_number(answered: Sequence[tuple[Sample, float]]) -> None:
    for sample, answer in answered:
        if not math.isfinite(answer):
            raise DataError(f"{sample.origin or f'the row with id {sample.id!r}'}: the predicted score is not a number")
