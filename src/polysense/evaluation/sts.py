"""Semantic textual similarity: do the cosines of sentence embeddings follow human scores?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from polysense.data.corpora.sick import Sick
from polysense.data.corpora.sts_benchmark import StsBenchmark
from polysense.data.corpora.sts_tasks import YEARS, StsTasks
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.evaluation.evaluator import Answerer, Comparable, Difference
from polysense.evaluation.sentences import by_task, embed, pooled
from polysense.learner import Learner
from polysense.metrics.correlation import Agreement, Floats, agreement, paired_cosine
from polysense.metrics.rank_bootstrap import Resampled, averaged, resampled_spearman
from polysense.progress import bar, say
from polysense.types import Sample

DEVELOPMENT = "STS-B dev"
TEST_SETS: tuple[str, ...] = (*YEARS, "STS-B test", "SICK-R test")
"""The seven sets that papers average over."""
UNNAMED = "spearman"
"""What the correlation of rows is called that name no set."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The pairs of one set, with what a model says of them."""

    cosines: Floats
    """(pairs,)"""
    gold: Floats
    subsets: Sequence[str]


class Sts(Comparable[dict[str, Scored]]):
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

    target = "score"
    before_training: ClassVar[bool] = True
    units: ClassVar[str] = "pairs"

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

    def settings(self, learner: Learner) -> dict[str, Any]:
        """The pooling, and what is measured."""
        return {**pooled(learner), "measured": "Spearman's correlation of cosines with scores, times 100"}

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Embed each sentence once, compare, correlate."""
        metrics: dict[str, float] = {}
        for task, scored, place in self._scored(answerer, samples):
            found = agreement(scored.cosines, scored.gold, scored.subsets)
            metrics[task or UNNAMED] = 100 * found.spearman
            if place:
                say(f"{task}: {100 * found.spearman:.2f}, {found.pairs:,} pairs ({place})")
            if self.details:
                metrics |= _details(task, found)
        return metrics | _averages(metrics)

    def outcomes(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, Scored]:
        """The cosines of each set."""
        found = {}
        for task, scored, place in self._scored(answerer, samples):
            found[task or UNNAMED] = scored
            if place:
                say(f"{task}: {len(scored.gold):,} pairs encoded ({place})")
        if not found:
            raise DataError("Sts: no row has a pair of sentences with a score")
        return found

    def differences(
        self, base: Sequence[dict[str, Scored]], other: Sequence[dict[str, Scored]], *, resamples: int, seed: int
    ) -> dict[str, Difference]:
        """Of Spearman's correlation on each set, over its pairs, and of the averages."""
        found: dict[str, Resampled] = {}
        for part, task in enumerate(base[0]):
            before, after = (np.stack([one[task].cosines for one in arm]) for arm in (base, other))
            gold = base[0][task].gold
            found[task] = resampled_spearman(before, after, gold, resamples=resamples, seed=seed, part=part)
            if not np.isfinite([*found[task].base, *found[task].other]).all():
                raise DataError(f"Sts: the correlation on {task} is undefined: a model gives all pairs one cosine")
        pairs = {task: len(base[0][task].gold) for task in found}
        present = [task for task in TEST_SETS if task in found]
        rows = sum(pairs[task] for task in present)
        whole = {name: averaged([found[task] for task in present]) for name in _averages(dict.fromkeys(found, 0.0))}
        return {task: (one.described, pairs.get(task, rows)) for task, one in (found | whole).items()}

    def _scored(self, answerer: Answerer, samples: Sequence[Sample]) -> Iterator[tuple[str | None, Scored, str]]:
        """Each set's pairs with their cosines, one set after the other, and ``2 of 6 sets``; empty for the only one."""
        rows = self._chosen(samples)
        pairs = [sample for sample in rows if sample.pair is not None and sample.score is not None]
        if halves := sum((sample.pair is None) != (sample.score is None) for sample in rows):
            say(f"Sts: left out {halves:,} of {len(rows):,} rows that have a pair without a score, or a score without a pair")
        sets = sorted(by_task(pairs).items(), key=_as_papers_list_them)
        vectors: dict[str, np.ndarray] = {}  # of sentences: STS-B has many of the other sets'
        for done, (task, places) in enumerate(sets, start=1):
            chosen = [pairs[place] for place in places]
            left, right = [pair.text or "" for pair in chosen], [pair.pair or "" for pair in chosen]
            if new := [text for text in dict.fromkeys([*left, *right]) if text not in vectors]:
                with bar(f"encoding {task or 'pairs'}", "sentences") as progress:
                    vectors |= zip(new, embed(answerer, new, progress=progress), strict=True)
            yield (
                task,
                Scored(
                    paired_cosine(*(np.stack([vectors[text] for text in side]) for side in (left, right))),
                    np.array([pair.score for pair in chosen], dtype=np.float64),
                    [pair.extra.get("subset", "") for pair in chosen],
                ),
                f"{done} of {len(sets)} sets" if len(sets) > 1 else "",
            )

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
