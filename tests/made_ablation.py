"""Findings of an ablation with chosen numbers, without training anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from polysense.metrics.multiple import holm
from polysense.training.ablation.findings import Effect, Findings, Level
from polysense.training.ablation.own_task import Learned
from polysense.training.ablation.question import Ablation
from polysense.training.ablation.signals import SIGNALS, Weighted
from polysense.training.compared import Comparison

Gains = Mapping[int, Mapping[str, tuple[float, float, float]]]
"""By number of labels and arm: difference, half the width of its interval, p."""

NOTE = "3 seeds: the spread between seeds is hardly known, the interval may be too narrow"


def made_findings(
    gains: Gains,
    *,
    base: float = 0.5,
    words: float | None = 0.4,
    synthetic: bool = False,
    learned: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    alike: Mapping[str, int] = MappingProxyType({}),
    constant: tuple[str, float] | None = None,
) -> Findings:
    """Three seeds on 451 test rows; the largest number of labels is all of them.

    ``learned`` is by signal what its models reach of its own task on 450 validation pairs, and chance;
    ``alike`` is by arm how many of its seeds answer one class to all rows.
    """
    adjusted = iter(holm([p for arms in gains.values() for _, _, p in arms.values()]))
    return Findings(
        metric="weighted_f1",
        rows=451,
        seeds=(0, 1, 2),
        levels=tuple(
            Level(
                labels=labels,
                named="all" if labels == max(gains) else str(labels),
                base=(base - 0.01, base, base + 0.01),
                words=words,
                constant=constant,
                base_alike=alike.get("base", 0),
                effects=tuple(
                    replace(
                        _effect(arm, base, *numbers, p_adjusted=next(adjusted), seeds=(0, 1, 2)),
                        learned=tuple(made_learned(one, *learned[one]) for one in arm.split("+") if one in learned),
                        alike=alike.get(arm, 0),
                    )
                    for arm, numbers in arms.items()
                ),
            )
            for labels, arms in gains.items()
        ),
        note=NOTE,
        synthetic=synthetic,
        data="posts.csv",
    )


def made_learned(signal: str, score: float, chance: float, *, questions: int = 450) -> Learned:
    """Of three seeds with that mean."""
    task = SIGNALS[signal].task
    assert task is not None
    scores = (score - 0.01, score, score + 0.01)
    return Learned(signal=signal, task=task, scores=scores, chance=chance, questions=questions)


def _effect(
    arm: str, base: float, difference: float, half: float, p: float, *, p_adjusted: float, seeds: tuple[int, ...]
) -> Effect:
    each = tuple(difference + step for step in (-0.01, 0.0, 0.01))
    comparison = Comparison(
        metric="weighted_f1",
        split="test",
        base=base,
        other=base + difference,
        difference=difference,
        low=difference - half,
        high=difference + half,
        p_value=p,
        detectable=half,
        seeds=seeds,
        rows=451,
        resamples=5000,
        per_seed=each,
        note=NOTE,
    )
    return Effect(arm=arm, scores=tuple(base + one for one in each), comparison=comparison, p_adjusted=p_adjusted)


def made_question(labels: Sequence[int], signals: Sequence[str]) -> Ablation:
    """Of three seeds; the largest number of labels is all of them."""
    return Ablation(
        recipe="social/posts_concat",
        data=Path("posts.csv"),
        out=Path("out"),
        seeds=(0, 1, 2),
        labels=tuple(labels),
        all_labels=max(labels),
        unlabelled=7,
        signals=tuple(Weighted(name) for name in signals),
        overrides=("training.bf16=false",),
        evaluators=({"class_path": "ClassificationReport", "init_args": {}},),
        questions=dict.fromkeys(signals, 450),
        entry="classification",
        weight=1.0,
        steps=dict.fromkeys(labels, 100),
        few=dict.fromkeys(labels, ()),
        metric=None,
        bytes_each=10**8,
        skip_bad_rows=False,
        media_root=None,
        use_cache=True,
    )
