"""What a learner can be asked, read off its active objectives."""

from __future__ import annotations

from polysense.errors import PolysenseError, RecipeError
from polysense.evaluation.judge import judging
from polysense.evaluation.sentiment import SentimentRegression
from polysense.learner import Learner
from polysense.metrics.sentiment import Dataset
from polysense.objectives.classification import Classification
from polysense.objectives.generation import Generation
from polysense.objectives.objective import Aligning, Judging
from polysense.objectives.span_tagging import SpanTagging
from polysense.objectives.unimodal_labels import UnimodalLabels
from polysense.recipe import Recipe


def classification(learner: Learner) -> Classification | None:
    """The objective whose classes it answers; None where it has none."""
    return next((one for one in learner.active.values() if isinstance(one, Classification)), None)


def thresholds(head: Classification | None) -> dict[str, float]:
    """Of each class, where such decide; empty where the likeliest class is answered, or of several those of one half and more."""
    if head is None or (head.decide == "likeliest" and head.threshold == 0.5):
        return {}
    own = [head.threshold] * len(head.labels) if head.decide == "likeliest" else head.thresholds.tolist()
    return dict(zip(head.labels, own, strict=True))


def roles(learner: Learner) -> tuple[str, ...]:
    """The roles of the spans that it marks; empty where it marks none."""
    marking = (one for one in learner.active.values() if isinstance(one, SpanTagging))
    return next((one.roles for one in marking), ())


def writes(learner: Learner) -> bool:
    """Whether it writes captions of pictures, or texts from texts."""
    return any(isinstance(one, Generation) and one.target != "fragments" for one in learner.active.values())


def scale(recipe: Recipe) -> Dataset | None:
    """Of the scores, by the evaluator that the recipe measures them with; None where it measures no sentiment."""
    parts = (part for part in recipe.evaluation.evaluators if part.kind is SentimentRegression)
    return next((part.build().dataset for part in parts), None)


def judge_of(learner: Learner, name: str) -> Judging:
    """The objective that judges pairs which are read together.

    Raises:
        PolysenseError: there is none; names the model.
    """
    head = judging(learner)
    if head is None:
        raise PolysenseError(
            f"{name} has no objective that judges a text and a picture that are read together: train it "
            "with ImageTextMatching, CrossModalContrast or PairRanking"
        )
    return head


def judges_blindly(learner: Learner, recipe: Recipe) -> bool:
    """Whether what judges pairs may never have read a text with a picture that is not its own.

    A contrast reads pictures with rewritten captions alone, and was trained without any; its towers tell other rows apart.
    """
    rewritten = any(part.arguments.get("rewrites") for part in recipe.corpora)
    return isinstance(judging(learner), Aligning) and not rewritten


def refuse_unable(learner: Learner, name: str, *, vectors: bool) -> None:
    """Raise where it cannot answer rows.

    Args:
        learner: that is asked.
        name: of the model, for messages.
        vectors: those that each modality's score is read off are asked for, too.

    Raises:
        PolysenseError: it answers nothing; says what it does.
        RecipeError: it has no such vectors.
    """
    if not learner.answers:
        instead = "writes texts: use caption or generate" if writes(learner) else "turns rows into vectors: use encode"
        raise PolysenseError(f"{name} answers nothing, it {instead}")
    if vectors and not any(isinstance(one, UnimodalLabels) for one in learner.active.values()):
        raise RecipeError(f"{name} has no score of each modality (UnimodalLabels), whose vectors are asked for: use encode")
