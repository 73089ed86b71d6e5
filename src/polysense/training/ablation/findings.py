"""What the runs of an ablation came to: scores, differences with intervals, and what they are worth among all that were looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from polysense.data.json_file import read_object
from polysense.metrics.multiple import holm
from polysense.metrics.spread import sample_std
from polysense.training.ablation.own_task import Learned
from polysense.training.ablation.question import BASE, Ablation
from polysense.training.compared import Comparison
from polysense.training.comparison import compare
from polysense.training.folder import SUMMARY
from polysense.training.outcomes import ALIKE
from polysense.training.predictions import answered_alike
from polysense.training.rival import constant_answer, tfidf_scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A signal against the base, with one number of labels."""

    arm: str
    scores: tuple[float, ...]
    """On test, a seed each."""
    comparison: Comparison
    p_adjusted: float
    """Holm's, among all effects that were looked at; 1 where nothing was learned."""
    learned: tuple[Learned, ...] = ()
    """What its models learned of its signals, of those that it is measured of."""
    alike: int = 0
    """Seeds that answered all test rows alike, which tells none from another."""

    @property
    def visible(self) -> bool:
        """Whether it is told from none, among all that were looked at."""
        return self.p_adjusted < 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """All arms with one number of labels."""

    labels: int
    named: str
    """``100`` or ``all``."""
    base: tuple[float, ...]
    """The base's scores on test, a seed each."""
    words: float | None
    """What TF-IDF of the texts reaches with the same labels, mean over seeds; None where it has nothing to say."""
    effects: tuple[Effect, ...]
    constant: tuple[str, float] | None = None
    """``always “neutral”`` and what that reaches; None where rows have no class."""
    base_alike: int = 0
    """Seeds of the base that answered all test rows alike."""

    @property
    def alike(self) -> dict[str, int]:
        """Of each arm with such seeds, how many of them answered all test rows alike."""
        counts = {BASE: self.base_alike, **{one.arm: one.alike for one in self.effects}}
        return {arm: count for arm, count in counts.items() if count}

    @property
    def nothing_learned(self) -> bool:
        """Whether no model of any arm tells a test row from another."""
        return all(count == len(self.base) for count in (self.base_alike, *(one.alike for one in self.effects)))

    @property
    def own_tasks(self) -> list[tuple[Learned, Learned | None]]:
        """Of each signal that is measured what was learned of it alone, and beside all others where there are others."""
        alone = [found for one in self.effects for found in one.learned if found.signal == one.arm]
        together = {found.signal: found for one in self.effects for found in one.learned if found.signal != one.arm}
        return [(found, together.get(found.signal)) for found in alone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The answer in numbers."""

    metric: str
    rows: int
    """Labelled test rows."""
    seeds: tuple[int, ...]
    levels: tuple[Level, ...]
    """By ascending numbers of labels."""
    note: str
    synthetic: bool
    data: str

    @property
    def looked_at(self) -> int:
        """How many effects were compared with zero: those of numbers of labels at which something was learned."""
        return len(_looked_at(self.levels))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "metric": self.metric,
            "rows": self.rows,
            "seeds": list(self.seeds),
            "comparisons": self.looked_at,
            "correction": "Holm",
            "note": self.note,
            "synthetic": self.synthetic,
            "levels": [
                {
                    "labels": level.labels,
                    "all": level.named == "all",
                    BASE: _scores(level.base),
                    "tfidf": level.words,
                    "constant": None if level.constant is None else level.constant[1],
                    "answered_all_rows_alike": level.alike,
                    "effects": {
                        one.arm: {
                            **_scores(one.scores),
                            "p_adjusted": one.p_adjusted,
                            "against_base": one.comparison.as_dict(),
                            "own_tasks": {found.signal: found.as_dict() for found in one.learned},
                        }
                        for one in level.effects
                    },
                }
                for level in self.levels
            ],
        }


def _scores(values: Sequence[float]) -> dict[str, Any]:
    return {"mean": fmean(values), "std": sample_std(values), "per_seed": list(values)}


def read_findings(ablation: Ablation) -> Findings:
    """Compare the finished runs."""
    arms = [arm.name for arm in ablation.arms if arm.signals]
    found = {
        (labels, arm): compare(ablation.folder(labels, BASE), ablation.folder(labels, arm), metric=ablation.metric)
        for labels in ablation.labels
        for arm in arms
    }
    one = next(iter(found.values()))
    records = {labels: read_object(ablation.folder(labels, BASE) / SUMMARY) for labels in ablation.labels}
    levels = tuple(
        Level(
            labels=labels,
            named=ablation.named(labels),
            base=_of_seeds(ablation.folder(labels, BASE), one),
            words=tfidf_scores(records[labels]).get(one.metric),
            constant=_constant(records[labels], one),
            base_alike=_alike(ablation.folder(labels, BASE), one),
            effects=tuple(
                Effect(
                    arm=arm,
                    scores=_of_seeds(ablation.folder(labels, arm), one),
                    comparison=found[labels, arm],
                    p_adjusted=1.0,
                    learned=_learned(ablation, labels, arm, seeds=found[labels, arm].seeds),
                    alike=_alike(ablation.folder(labels, arm), one),
                )
                for arm in arms
            ),
        )
        for labels in ablation.labels
    )
    record = records[ablation.labels[0]]
    return Findings(
        metric=one.metric,
        rows=one.rows,
        seeds=one.seeds,
        levels=adjusted(levels),
        note=_notes(found),
        synthetic=bool(record.get("synthetic")),
        data=str(record["data"]["name"]),
    )


def _looked_at(levels: Sequence[Level]) -> list[tuple[int, str]]:
    """The number of labels and the arm of each effect that is compared with zero."""
    return [(level.labels, one.arm) for level in levels if not level.nothing_learned for one in level.effects]


def adjusted(levels: Sequence[Level]) -> tuple[Level, ...]:
    """The levels with Holm's p of each effect that is looked at."""
    every = {(level.labels, one.arm): one.comparison.p_value for level in levels for one in level.effects}
    asked = _looked_at(levels)
    found = dict(zip(asked, holm([every[one] for one in asked]), strict=True))
    return tuple(
        replace(
            level,
            effects=tuple(replace(one, p_adjusted=found.get((level.labels, one.arm), 1.0)) for one in level.effects),
        )
        for level in levels
    )


def _learned(ablation: Ablation, labels: int, arm: str, *, seeds: Sequence[int]) -> tuple[Learned, ...]:
    """Of each signal of the arm that is measured and could be asked about on validation."""
    results = [one for one in read_object(ablation.folder(labels, arm) / SUMMARY)["per_seed"] if one["seed"] in seeds]
    metrics: list[Mapping[str, float]] = [one["validation"] for one in results]
    signals = next(one.signals for one in ablation.arms if one.name == arm)
    found = []
    for signal in signals:
        task, questions = signal.kind.task, ablation.questions[signal.name]
        if task is not None and questions and all(task.metric in one for one in metrics):
            chance = fmean(task.chance(one, questions) for one in metrics)
            scores = tuple(one[task.metric] for one in metrics)
            found.append(Learned(signal=signal.name, task=task, scores=scores, chance=chance, questions=questions))
    return tuple(found)


def _notes(found: Mapping[tuple[int, str], Comparison]) -> str:
    """What must be known beside the comparisons: what holds for all of them, then what for some.

    That models answer all rows alike is said of each arm by itself.
    """
    each = {key: [part for part in one.note.split("; ") if part and ALIKE not in part] for key, one in found.items()}
    parts = dict.fromkeys(part for notes in each.values() for part in notes)
    said = []
    for part in sorted(parts, key=lambda part: -sum(part in notes for notes in each.values())):
        where = [f"{arm} with {labels} labels" for (labels, arm), notes in each.items() if part in notes]
        said.append(part if len(where) == len(each) else f"{part} ({', '.join(where)})")
    return "; ".join(said)


def _constant(record: Mapping[str, Any], comparison: Comparison) -> tuple[str, float] | None:
    named, metrics = constant_answer(record, comparison.split) or ("", {})
    return (named, float(metrics[comparison.metric])) if comparison.metric in metrics else None


def _alike(run: Path, comparison: Comparison) -> int:
    return len({one["seed"] for one in answered_alike(run, comparison.seeds, comparison.split)})


def _of_seeds(run: Path, comparison: Comparison) -> tuple[float, ...]:
    results: list[Mapping[str, Any]] = read_object(run / SUMMARY)["per_seed"]
    return tuple(float(result[comparison.split][comparison.metric]) for result in results if result["seed"] in comparison.seeds)
