"""What a learner writes of the rows of an evaluation, and what people wrote of the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from polysense.decoding.settings import Decoding
from polysense.evaluation.evaluator import Answerer
from polysense.learner import Learner
from polysense.metrics.captions import words
from polysense.objectives.generation import Generation
from polysense.objectives.tag_fields import tags_of
from polysense.types import Sample


class Written(NamedTuple):
    """Texts as words."""

    texts: list[list[str]]
    """One of each picture, or of each source text."""
    references: list[list[list[str]]]
    """All that people wrote of it."""


def writes(learner: Learner, target: Literal["text", "pair"]) -> Generation | None:
    """The first objective that writes texts of that kind; None where there is none."""
    every = (one for one in learner.active.values() if isinstance(one, Generation))
    return next((one for one in every if one.target == target), None)


def decoding(objective: Generation, beams: int | None) -> Decoding:
    """The recipe's, with so many beams unless None."""
    how = Decoding.of(objective)
    return how if beams is None else replace(how, beams=beams)


def written(
    answerer: Answerer, samples: Sequence[Sample], target: Literal["text", "pair"], *, beams: int | None
) -> Written | None:
    """One text of each group of rows, from the source of its first row, beside the texts of all its rows.

    Rows of a group share the source: they have the same picture, or the same text, with the same second text where the model
    reads one beside it. A column ``group`` does not count: it may be
    an album, or whoever wrote the texts.

    Args:
        answerer: asks the learner.
        samples: rows that have both source and target count.
        target: what is written.
        beams: in place of the recipe's.

    Returns:
        None where no objective writes it, or no row has it.
    """
    objective = writes(answerer.learner, target)
    if objective is None or not (groups := by_source(samples, target, answerer.learner)):
        return None
    asked = [shown_source(several[0], objective) for several in groups]
    return Written(
        [words(text) for text in answerer.write(asked, objective, decoding(objective, beams))],
        [[words(getattr(row, target)) for row in several] for several in groups],
    )


def by_source(samples: Sequence[Sample], target: Literal["text", "pair"], learner: Learner) -> list[list[Sample]]:
    """The rows that have both a target and what it is written of, picture or text, those of an equal one together.

    Texts are equal where what the learner reads with them is, too.
    """
    source = "image" if target == "text" else "text"
    encoder = learner.model.encoder(source)
    groups: dict[int, list[Sample]] = {}
    for row in samples:
        if getattr(row, source) is not None and getattr(row, target) is not None:
            groups.setdefault(encoder.key(row), []).append(row)
    return list(groups.values())


def shown_source(sample: Sample, objective: Generation) -> Sample:
    """The row without what is to be written: a picture, with its tags as the text where the objective reads such, or a text."""
    if objective.target == "pair":
        return replace(sample, pair=None)
    return replace(sample, text=None if objective.tags is None else tags_of(sample, objective.tags))
