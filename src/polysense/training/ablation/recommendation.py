"""What the numbers of an ablation say to do, in plain words, and what they cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from polysense.training.ablation.findings import Effect, Findings, Level
from polysense.training.ablation.own_task import percent
from polysense.training.ablation.question import BASE


def recommendation(findings: Findings) -> str:
    """One paragraph: what to train with all labels, or with the most that were asked for."""
    largest = findings.levels[-1]
    best = best_effect(largest)
    if largest.nothing_learned:
        return " ".join([_nothing_learned(largest), MORE, *_worse_than_words(largest, findings.metric)])
    if best is not None:
        advice = f"Train with {_arm(best)}: {_effect(best)} with {_labels(largest)}."
    else:
        helped = [(level, gain) for level in findings.levels if (gain := best_effect(level)) is not None]
        harmed = any(one.visible for one in largest.effects)
        none = "no signal helps visibly there" if harmed else _none_visible(largest, findings)
        advice = f"With {_labels(largest)} train without signals: {none}."
        if helped:
            listed = "; ".join(f"{_arm(gain)} with {_labels(level)}" for level, gain in helped)
            advice += f" With fewer labels a signal is worth it: {listed}."
    return " ".join([advice, *_not_learned(largest), *_worse_than_words(largest, findings.metric)])


MORE = "Give the base more epochs, a higher learning rate or more rows, or take another recipe, and ask again."


def _nothing_learned(level: Level) -> str:
    return (
        f"Nothing was learned with {_labels(level)}: every model answers one class to all test rows, "
        "so the differences say nothing of the signals."
    )


def sentences(findings: Findings) -> list[str]:
    """What was seen with each number of labels, a sentence or two each."""
    return [_level(level, findings) for level in findings.levels]


def recommended(findings: Findings) -> str | None:
    """The arm that is advised for the most labels: None where it learned nothing or the words alone do better than it."""
    largest = findings.levels[-1]
    best = best_effect(largest)
    arm = BASE if best is None else best.arm
    if largest.alike.get(arm) == len(largest.base) or _worse_than_words(largest, findings.metric):
        return None
    return arm


def best_effect(level: Level) -> Effect | None:
    """The largest visible gain of models that tell rows apart, if there is one."""
    gains = [one for one in level.effects if one.visible and one.comparison.difference > 0 and one.alike < len(one.scores)]
    return max(gains, key=lambda one: one.comparison.difference, default=None)


def _not_learned(level: Level) -> list[str]:
    """Of each signal that did not learn its own task in the arm that has it alone, and whose effect is none that is seen."""
    seen = {one.arm for one in level.effects if one.visible}
    return [
        f"{found.signal.upper()} did not learn {found.task.learns} ({percent(found.score)} %, chance {percent(found.chance)}): "
        "nothing is known of what it would add."
        for found, _ in level.own_tasks
        if found.enough is False and found.signal not in seen
    ]


def _level(level: Level, findings: Findings) -> str:
    if level.nothing_learned:
        return f"With {_labels(level)} nothing was learned."
    helped = [one for one in level.effects if one.visible and one.comparison.difference > 0]
    hurt = [one for one in level.effects if one.visible and one.comparison.difference < 0]
    parts = [f"{_arm(one)} helps, {_effect(one)}" for one in helped] + [f"{_arm(one)} harms, {_effect(one)}" for one in hurt]
    if parts:
        said = f"With {_labels(level)}: {'; '.join(parts)}."
        if len(parts) < len(level.effects):
            said += " No effect of the others is visible."
    else:
        said = f"With {_labels(level)} {_none_visible(level, findings)}."
    hints = [one for one in level.effects if not one.visible and one.comparison.p_value < 0.05]
    if hints:
        named = ", ".join(f"{_arm(one)} (p {one.comparison.p_value:.3f})" for one in hints)
        said += f" By itself {named} would be, but not as one of {findings.looked_at} comparisons."
    if level.alike:
        named = ", ".join(f"{_listed(arm.split('+'))} ({count} of {len(level.base)})" for arm, count in level.alike.items())
        said += f" Seeds whose models learned nothing, for they answer one class to all test rows: {named}."
    idle = [found.signal.upper() for found, _ in level.own_tasks if found.enough is False]
    if idle:
        said += f" {_listed(idle)} did not learn {'its own task' if len(idle) == 1 else 'their own tasks'}."
    return said


def _arm(effect: Effect) -> str:
    signals = effect.arm.split("+")
    return f"{_listed(signals)} together" if len(signals) > 1 else effect.arm


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _effect(effect: Effect) -> str:
    found = effect.comparison
    return f"{_points(found.difference, '+')} points (95 % interval {_points(found.low, '+')} to {_points(found.high, '+')})"


def _none_visible(level: Level, findings: Findings) -> str:
    """That nothing was seen, and the size below which an effect could not have been."""
    widths = sorted(
        one.comparison.detectable for one in level.effects if one.comparison.detectable
    )  # 0: equal answers, no limit
    evidence = f"{findings.rows} test rows and {len(findings.seeds)} seed{'s' if len(findings.seeds) != 1 else ''}"
    if not widths:
        return f"no signal changes the score on {evidence}"
    low, high = _points(widths[0]), _points(widths[-1])
    size = high if low == high else f"{low} to {high}"
    return f"no signal is visible, and an effect below about {size} points could not have been shown with {evidence}"


def _worse_than_words(level: Level, metric: str) -> list[str]:
    """That the words alone do better than the arm that is advised, if they do; others may be above them by luck."""
    best = best_effect(level)
    arm, reached = ("the base", fmean(level.base)) if best is None else (_arm(best), fmean(best.scores))
    if level.words is None or level.words <= reached:
        return []
    named = metric.replace("_", " ").replace("f1", "F1")
    return [
        f"But TF-IDF of the texts alone reaches {_points(level.words)} {named} with {_labels(level)}; {arm}, with "
        f"{_points(reached)}, is not worth its training yet."
    ]


def _labels(level: Level) -> str:
    return f"all {level.labels} labels" if level.named == "all" else f"{level.labels} labels"


def _points(value: float, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f}"
