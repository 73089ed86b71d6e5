"""The question which signal helps: a classifier alone and with each signal, over seeds and numbers of labels.

Every arm at every number of labels is an ordinary run in a folder of its own. The arms differ in their objectives alone: the seeds, the
labels that each seed draws, their batches, validation and test are the same for all, and so is the number of steps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polysense.data.counts import plural
from polysense.data.media import content_key
from polysense.data.rows import MEDIA
from polysense.data.sampling import ShuffledBatches
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError
from polysense.evaluation.classification_report import ClassificationReport
from polysense.metrics.classification import classification_metrics, multilabel_metrics
from polysense.metrics.names import metric_choices
from polysense.objectives.classification import Classification
from polysense.objectives.regression import Regression
from polysense.recipe import Recipe, load_recipe
from polysense.training.ablation.signals import SIGNALS, Weighted, refuse_missing_columns
from polysense.training.processes import launched
from polysense.training.run import read_data, usable_rows

BASE = "base"
"""The arm without a signal."""

DEFAULT_LABELS: tuple[int, ...] = (100, 500)
"""Numbers of labels that are tried besides all, where the table has more."""

FEWEST_STEPS = 100
"""A training on few labels goes on for so many steps, if one on all labels does: in fewer passes nothing is learned."""


INSTEAD = (
    "ablate compares classifiers. Train a recipe of scores with a signal and without, on several seeds, and compare the runs: "
    "`polysense train self_mm/clips --data DATA --out A --seeds 0,1,2`, the same with --out B and "
    """--set 'objectives.language={"objective": "MaskedLanguage", "weight": 0.1}', """
    "then `polysense compare A B`, which says of MAE that less is better"
)
"""Of scores."""

MOST_RATINGS = 20
"""Labels that are numbers with fractions may be classes, as half stars are; more of them than this are scores."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to train: the classifier with some signals, or none."""

    signals: tuple[Weighted, ...] = ()

    @property
    def name(self) -> str:
        """``base``, ``itc``, ``itc+itm``: also that of its folder."""
        return "+".join(one.name for one in self.signals) or BASE

    def overrides(self, *, entry: str, weight: float) -> list[str]:
        """What it changes in the recipe; the ``weight`` of the classifier under ``entry`` is shared with the signals."""
        rest = weight * (1 - sum(one.weight for one in self.signals))
        mixture = {"class_path": "Beside", "init_args": {"share": 1.0 if self.signals else 0.0}}
        own = [f"mixture={json.dumps(mixture)}", f"objectives.{entry}.weight={round(rest, 6)}"]
        return [*own, *(one.override for one in self.signals)]


def arms_of(signals: Sequence[Weighted]) -> list[Arm]:
    """The base, each signal alone, and all together."""
    alone = [Arm((one,)) for one in signals]
    return [Arm(), *alone, *([Arm(tuple(signals))] if len(signals) > 1 else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """A question that can be answered: what is trained on what, and where it goes. Made by :func:`ask`."""

    recipe: str
    data: Path
    out: Path
    seeds: tuple[int, ...]
    labels: tuple[int, ...]
    """Ascending."""
    all_labels: int
    """Labelled training rows of the table."""
    unlabelled: int
    """Its other training rows."""
    signals: tuple[Weighted, ...]
    overrides: tuple[str, ...]
    """Of every arm, as the user gave them."""
    evaluators: tuple[Mapping[str, Any], ...]
    """Those of the recipe, as it writes them."""
    questions: Mapping[str, int]
    """By signal, how many different things its own task can be asked about on validation."""
    entry: str
    """The classifier in the recipe."""
    weight: float
    """Its weight there."""
    steps: Mapping[int, int]
    """Optimizer steps of a training, at most, by its number of labels."""
    few: Mapping[int, tuple[str, ...]]
    """What a recipe needs, by the number of labels, to take as many steps."""
    metric: str | None
    """By which arms are compared; None for the one that chose the checkpoints."""
    bytes_each: int
    """What a training leaves on the disk."""
    skip_bad_rows: bool
    media_root: Path | None
    use_cache: bool

    @property
    def arms(self) -> list[Arm]:
        """What is trained at every number of labels; the base first."""
        return arms_of(self.signals)

    @property
    def trainings(self) -> int:
        """How many there are."""
        return len(self.labels) * len(self.arms) * len(self.seeds)

    def named(self, labels: int) -> str:
        """``100`` or ``all``."""
        return "all" if labels == self.all_labels else str(labels)

    def folder(self, labels: int, arm: str) -> Path:
        """Of a run."""
        return self.out / f"labels-{self.named(labels)}" / arm

    def changes(self, labels: int, arm: Arm) -> list[str]:
        """All overrides of a run, those of the user last; an arm that stopped early would have taken fewer steps than the others."""
        own = arm.overrides(entry=self.entry, weight=self.weight)
        judged = ["evaluation.patience=null", *self._measures(arm)]
        return [f"corpora.0.labels={self.named(labels)}", *judged, *own, *self.few[labels], *self.overrides]

    def _measures(self, arm: Arm) -> list[str]:
        """The recipe's evaluators and those of the signals' own tasks, where the arm has such."""
        there = {one["class_path"] for one in self.evaluators}
        needed = dict.fromkeys(one.kind.task.evaluator for one in arm.signals if one.kind.task is not None)
        further = [name for name in needed if name not in there]
        return [f"evaluation.evaluators={json.dumps([*self.evaluators, *further])}"] if further else []

    def cost(self, labels: int, arm: Arm) -> float:
        """Of a training, in units of their own: its steps, weighed by what a step passes through the text encoder."""
        rows = 2.0 if arm.signals and (self.unlabelled or labels < self.all_labels) else 1.0
        return self.steps[labels] * rows * (1 + sum(one.kind.passes for one in arm.signals))


def ask(
    recipe: str | None,
    data: Path,
    *,
    out: Path,
    seeds: Sequence[int],
    labels: Sequence[int | str] | None = None,
    signals: Sequence[Weighted] | None = None,
    metric: str | None = None,
    overrides: Sequence[str] = (),
    skip_bad_rows: bool = False,
    media_root: Path | None = None,
    use_cache: bool = True,
) -> Ablation:
    """Check a question before anything is trained.

    Args:
        recipe: of the base, with one classification and the corpus ``Posts``; by the columns of the table where it is None.
        data: a table.
        out: the folder of all runs.
        seeds: of every run.
        labels: numbers of labels, or ``all``; those of ``DEFAULT_LABELS`` that the table has more of, and all, by default.
        signals: those to try; all that the columns of the table allow by default.
        metric: by which arms are compared; the one that chooses the checkpoints by default.
        overrides: ``key.to.value=new`` over the recipe of every arm.
        skip_bad_rows: leave out the rows that cannot be used.
        media_root: the folder that pictures may lie in; the table's own by default.
        use_cache: run frozen encoders once.

    Raises:
        RecipeError: the recipe does not fit, or a signal needs a column that is not there.
        DataError: the table cannot answer the question: it has no labels or scores in their place, one class, fewer labels than
            asked for, no test rows.
    """
    if launched() > 1:
        raise RecipeError("ablate trains one run after another in one process; start it without torchrun")
    if len(set(seeds)) != len(seeds) or not seeds:
        raise RecipeError(f"--seeds: every seed once, found {list(seeds)}")
    if recipe is None:
        reader = load_recipe("social/posts_text", [change for change in overrides if change.startswith("corpora.")])
        table = read_data(reader, data, media_root=media_root, reads=MEDIA)
        recipe = _recipe_for(table)
        read = _read_as_posts(recipe, overrides)
    else:
        read = _read_as_posts(recipe, overrides)
        table = read_data(read, data, media_root=media_root)
    _refuse_scores(table)
    table.require(["label"])
    table = usable_rows(read, table, skip_bad_rows=skip_bad_rows)
    if all(sample.label is None for sample in table.split("test")):
        raise DataError(f"{table.name}: no row of the split 'test' has a 'label'")
    there = [name for name in (*read.encoders, *(("pair",) if _has(table, "pair") else ())) if _has(table, name)]
    wanted = tuple(signals if signals is not None else _allowed(there, table))
    refuse_missing_columns(wanted, there, table=table.name)
    entry, weight = _classifier(read, wanted)
    training = table.split("train")
    complete = read.complete(training)  # which refuses a single class
    _refuse_metric(complete, entry, metric)
    every = sum(sample.label is not None for sample in training)
    counts = _counts(labels, every, classes=len(complete.objectives[entry].part.arguments["labels"]), table=table.name)
    steps, few = _steps(read, counts, every)
    return Ablation(
        recipe=recipe,
        data=data,
        out=out,
        seeds=tuple(seeds),
        labels=counts,
        all_labels=every,
        unlabelled=len(training) - every,
        signals=wanted,
        overrides=tuple(overrides),
        evaluators=tuple(part.written() for part in read.evaluation.evaluators),
        questions={one.name: _questions(table, one.kind.needs) for one in wanted},
        entry=entry,
        weight=weight,
        steps=steps,
        few=few,
        metric=metric,
        bytes_each=_bytes(complete),
        skip_bad_rows=skip_bad_rows,
        media_root=media_root,
        use_cache=use_cache,
    )


def _refuse_scores(table: Table) -> None:
    """Signals are compared by how well classes are told apart; a score that is taken for a class would be answered wrongly."""
    labels = {sample.label for sample in table.samples if isinstance(sample.label, str)}
    if not labels and any(sample.score is not None for sample in table.samples):
        raise DataError(f"{table.name}: has scores and no 'label'; {INSTEAD}")
    if len(labels) > MOST_RATINGS and all(map(_is_number, labels)) and not all(float(one).is_integer() for one in labels):
        example = min(one for one in labels if not float(one).is_integer())
        raise DataError(
            f"{table.name}: its {len(labels)} labels are numbers such as {example}: scores and no classes; {INSTEAD}"
        )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _read_as_posts(recipe: str, overrides: Sequence[str]) -> Recipe:
    read = load_recipe(recipe, overrides)
    kinds = {signal.part.kind for signal in read.objectives.values()}
    if Regression in kinds and Classification not in kinds:
        raise RecipeError(f"--recipe {recipe}: predicts scores; {INSTEAD}")
    if [part.kind.__name__ for part in read.corpora] != ["Posts"]:
        found = ", ".join(part.kind.__name__ for part in read.corpora) or "nothing"
        raise RecipeError(
            f"--recipe {recipe}: reads {found}; ablate draws labels of a table, so name one whose corpora are [Posts]"
        )
    return read


def _recipe_for(table: Table) -> str:
    """The shipped one for the modalities of the table; of text and picture that in whose fusion ITM can be learned."""
    text, image = _has(table, "text"), _has(table, "image")
    return "social/posts_interactions" if text and image else "social/posts_text" if text else "social/posts_image"


def _questions(table: Table, needs: Sequence[str]) -> int:
    """How many different texts or pictures, whichever is named last, the validation rows with all that is needed have."""
    rows = [row for row in table.samples if row.split == "validation" and all(getattr(row, name) for name in needs)]
    return len({content_key(getattr(row, needs[-1])) for row in rows})


def _has(table: Table, name: str) -> bool:
    return any(getattr(sample, name) is not None for sample in table.samples)


def _allowed(there: Sequence[str], table: Table) -> list[Weighted]:
    found = [Weighted(name) for name, kind in SIGNALS.items() if set(kind.needs) <= set(there)]
    if not found:
        raise RecipeError(
            f"{table.name}: no signal can be tried with {', '.join(map(repr, there)) or 'these columns'} alone; "
            "those of text need the column 'text', ITC and ITM also 'image'"
        )
    return found


def _classifier(recipe: Recipe, signals: Sequence[Weighted]) -> tuple[str, float]:
    """The entry of the recipe's classification, and its weight."""
    found = [name for name, signal in recipe.objectives.items() if signal.part.kind is Classification]
    if len(found) != 1:
        raise RecipeError(f"--recipe {recipe.name}: ablate needs one objective Classification, this one has {len(found)}")
    kinds = {signal.part.kind.__name__ for signal in recipe.objectives.values()}
    for one in signals:
        if one.kind.objective in kinds or one.kind.entry in recipe.objectives:
            raise RecipeError(f"--recipe {recipe.name}: has the signal {one.name} already; name a base without it")
    return found[0], recipe.objectives[found[0]].weight


def _refuse_metric(recipe: Recipe, entry: str, metric: str | None) -> None:
    """Now, and not after hours of training: a metric that no classifier of these classes is measured by."""
    if ClassificationReport not in [part.kind for part in recipe.evaluation.evaluators]:
        raise RecipeError(
            f"--recipe {recipe.name}: its evaluation.evaluators lack ClassificationReport, by which arms are compared"
        )
    arguments = recipe.objectives[entry].part.arguments
    one = arguments["labels"][:1]
    if arguments["multi_label"]:
        found = multilabel_metrics([one], [one], labels=arguments["labels"])
    else:
        found = classification_metrics(one, one, labels=arguments["labels"])
    if metric is not None and metric not in found:
        raise RecipeError(f"--metric: no metric {metric!r}; {metric_choices(metric, found)}")


def _counts(labels: Sequence[int | str] | None, every: int, *, classes: int, table: str) -> tuple[int, ...]:
    if labels is None:
        return (*(count for count in DEFAULT_LABELS if classes <= count < every), every)
    found = sorted({every if isinstance(count, str) else count for count in labels})
    if found[-1] > every:
        raise DataError(f"--labels {found[-1]}: {table} has {every} labelled training {plural(every)}")
    if found[0] < classes:
        raise DataError(f"--labels {found[0]}: there are {classes} classes and each needs a labelled row")
    return tuple(found)


def _steps(recipe: Recipe, counts: Sequence[int], every: int) -> tuple[dict[int, int], dict[int, tuple[str, ...]]]:
    """The steps of a training by its number of labels, and what makes a recipe for few labels take them.

    Validation comes as often as it would have: with every epoch of the recipe, now stretched over the steps.
    """
    most = int(recipe.training.get("max_steps", -1))
    epochs = float(recipe.training.get("num_train_epochs", 3))
    batch = int(recipe.training.get("per_device_train_batch_size", 8))
    together = int(recipe.training.get("gradient_accumulation_steps", 1))

    def usual(count: int) -> int:
        return max(1, math.ceil(epochs * math.ceil(len(ShuffledBatches(count, batch, seed=0)) / together)))

    if most > 0 or recipe.training.get("eval_strategy", "epoch") != "epoch":  # the user has decided
        return {count: most if most > 0 else usual(count) for count in counts}, dict.fromkeys(counts, ())
    least = min(FEWEST_STEPS, usual(every))
    steps = {count: max(usual(count), least) for count in counts}
    few: dict[int, tuple[str, ...]] = {}
    for count in counts:
        every_so_many = math.ceil(steps[count] / max(1, round(epochs)))
        stretched = (
            f"training.max_steps={steps[count]}",
            "training.eval_strategy=steps",
            f"training.eval_steps={every_so_many}",
        )
        few[count] = stretched if steps[count] > usual(count) else ()
    return steps, few


def _bytes(recipe: Recipe) -> int:
    learner = recipe.build(seed=0)
    return sum(one.numel() * one.element_size() for one in learner.parameters())
