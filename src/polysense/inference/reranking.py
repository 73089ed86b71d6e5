"""What a search found, in the order of how well query and row fit when they are read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from polysense.errors import DataError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.judge import judge
from polysense.inference.search import Hit
from polysense.objectives.objective import Judging
from polysense.progress import Progress
from polysense.types import Sample


def reranked(
    answerer: Answerer,
    head: Judging,
    queries: Sequence[Sample],
    hits: Sequence[Sequence[Hit]],
    rows: Mapping[int, Sample],
    *,
    progress: Progress | None = None,
) -> list[list[Hit]]:
    """The hits of each query by their ``fit``; equal ones, and those without one, stay in the order in which they were found.

    Args:
        answerer: holds the learner.
        head: of the learner.
        queries: one that has a text is read with the pictures of the rows, another one with their texts.
        hits: of each query.
        rows: of the collection, by the numbers that the hits name.
        progress: gets (pairs done, pairs), of the queries with a text, then of the others.

    Raises:
        DataError: a row lacks what is to be read, or cannot be used; names it.
    """
    numbers = list(rows)
    place = {row: number for number, row in enumerate(numbers)}
    there = [rows[row] for row in numbers]
    by_text = [(query.text or "").strip() != "" for query in queries]
    scores = [np.zeros(0)] * len(queries)
    for texts_ask in (True, False):
        chosen = [number for number, has_text in enumerate(by_text) if has_text == texts_ask and hits[number]]
        if not chosen:
            continue
        pairs = np.array([(number, place[hit.row]) for number in chosen for hit in hits[number]], dtype=np.int64)
        texts, pictures = (queries, there) if texts_ask else (there, queries)
        pairs = pairs if texts_ask else pairs[:, ::-1]
        _refuse_lacking(texts, pictures, pairs)
        judged = judge(answerer, head, texts, pictures, pairs, progress=progress)
        ends = np.cumsum([len(hits[number]) for number in chosen])
        for number, some in zip(chosen, np.split(judged, ends[:-1]), strict=True):
            scores[number] = some
    return [_in_order(every, some) for every, some in zip(hits, scores, strict=True)]


def _refuse_lacking(texts: Sequence[Sample], pictures: Sequence[Sample], pairs: np.ndarray) -> None:
    for modality, samples, numbers in (("text", texts, pairs[:, 0]), ("image", pictures, pairs[:, 1])):
        for number in numbers.tolist():
            if modality not in samples[number].modalities:
                raise DataError(f"row {samples[number].id}: it has no {modality} to be read together with the query")


def _in_order(hits: Sequence[Hit], scores: np.ndarray) -> list[Hit]:
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    return [replace(hits[place], fit=float(scores[place])) for place in order]
