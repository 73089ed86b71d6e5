"""Semantic textual similarity: do the cosines of sentence embeddings follow human scores?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from polysense.data.corpora.sick import Sick
from polysense.data.corpora.sts_benchmark import StsBenchmark
from polysense.data.corpora.sts_tasks import YEARS, StsTasks
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.evaluation.evaluator import Answerer, Evaluator
from polysense.evaluation.sentences import by_task, embed
from polysense.metrics.correlation import Agreement, agreement, paired_cosine
from polysense.types import Sample

DEVELOPMENT = "STS-B dev"
TEST_SETS: tuple[str, ...] = (*YEARS, "STS-B test", "SICK-R test")
"""The seven sets that papers average over."""


class Sts(Evaluator):
    """``STS12`` to ``STS16``, ``STS-B dev``, ``STS-B test``, ``SICK-R test``: Spearman correlation times 100, and their average.

    Of each pair of sentences the cosine of the two fused embeddings is held against the human score, in float32. A year of
    STS is one correlation over the pairs of all its subsets together (the setting "all"). ``avg`` is the plain mean of the
    seven test sets and is there only when all seven are; ``avg_present`` is the mean of those that are there. STS-B dev is in
    neither: models are chosen by it.

    Rows are those with a ``pair`` and a ``score``; the column ``task`` says which set they belong to, and rows without one give
    ``spearman``. What is undefined, for instance because a collapsed model gives all pairs one cosine, is NaN.

    Args:
        tasks: measure these sets only.
        details: adds for each set ``<set> pearson`` and ``<set> n`` (pairs), and for one of several subsets ``<set>/<subset>``,
            ``<set> mean`` and ``<set> wmean`` (by pairs) of the subsets' correlations; correlations are times 100.
    """

    before_training: ClassVar[bool] = True

    def __init__(self, tasks: list[str] | None = None, details: bool = False) -> None:
        self.tasks = tasks
        self.details = details

    def read(self, root: Path) -> Table | None:
        """Those of STS12 to STS16, STS-B dev and test, and SICK test that are under ``root``; None for somebody's own table.

        Raises:
            RecipeError: ``tasks`` names none of these sets.
            DataError: none of the sets is there, or one of them is damaged.
        """
        if Path(root).is_file():
            return None
        for task in self.tasks or ():
            if task not in (DEVELOPMENT, *TEST_SETS):
                raise RecipeError(f"Sts, tasks: {task!r} is not a set; {choices(task, (DEVELOPMENT, *TEST_SETS))}")
        sets = (StsTasks(), StsBenchmark(splits=["validation"]), StsBenchmark(splits=["test"]), Sick(splits=["test"]))
        tables = [one.read(root) for one in sets if one.there(root)]
        samples = tuple(sample for table in tables for sample in self._chosen(table.samples))
        if not samples:
            wanted = ", ".join(self.tasks or (*TEST_SETS, DEVELOPMENT))
            raise DataError(
                f"Sts: {display(root)} holds none of {wanted}; looked for sts_senteval/STS12-en-test to STS16-en-test, "
                "sts_b/sts-dev.csv, sts_b/sts-test.csv and sick2014/SICK_test_annotated.txt"
            )
        digests = {f"{table.name}/{file}": digest for table in tables for file, digest in table.digests.items()}
        return replace(tables[0], name="sts", samples=samples, digests=digests, folder=Path(root))

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Embed each sentence once, compare, correlate."""
        pairs = [sample for sample in self._chosen(samples) if sample.pair is not None and sample.score is not None]
        if not pairs:
            return {}
        vectors = embed(answerer, [*(pair.text or "" for pair in pairs), *(pair.pair or "" for pair in pairs)])
        cosines = paired_cosine(vectors[: len(pairs)], vectors[len(pairs) :])
        gold = np.array([pair.score for pair in pairs], dtype=np.float64)
        subsets = [pair.extra.get("subset", "") for pair in pairs]
        metrics: dict[str, float] = {}
        for task, places in sorted(by_task(pairs).items(), key=_as_papers_list_them):
            found = agreement(cosines[places], gold[places], [subsets[place] for place in places])
            metrics[task or "spearman"] = 100 * found.spearman
            if self.details:
                metrics |= _details(task, found)
        return metrics | _averages(metrics)

    def _chosen(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """The samples of the sets that are asked for."""
        if self.tasks is None:
            return samples
        return [sample for sample in samples if sample.extra.get("task") in self.tasks]


def _as_papers_list_them(entry: tuple[str | None, list[int]]) -> int:
    """The known sets in the order of the papers' tables, before others in their order of appearance."""
    known = (*YEARS, DEVELOPMENT, *TEST_SETS[len(YEARS) :])
    return known.index(entry[0]) if entry[0] in known else len(known)


def _details(task: str | None, found: Agreement) -> dict[str, float]:
    prefix = "" if task is None else f"{task} "
    metrics = {f"{prefix}pearson": 100 * found.pearson, f"{prefix}n": float(found.pairs)}
    if len(found.subsets) > 1:
        metrics |= {f"{prefix}mean": 100 * found.mean, f"{prefix}wmean": 100 * found.weighted_mean}
        metrics |= {f"{prefix.strip()}/{name}": 100 * value for name, value in found.subsets.items()}
    return metrics


def _averages(metrics: dict[str, float]) -> dict[str, float]:
    present = [metrics[name] for name in TEST_SETS if name in metrics]
    if not present:
        return {}
    average = math.fsum(present) / len(present)
    return {"avg_present": average} | ({"avg": average} if len(present) == len(TEST_SETS) else {})
