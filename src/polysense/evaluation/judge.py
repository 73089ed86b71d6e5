"""Texts and pictures read together, pair by pair: each is encoded once, however many pairs it stands in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from polysense.evaluation.evaluator import Answerer, Progress
from polysense.learner import Learner
from polysense.objectives.objective import Aligning, Judging
from polysense.types import Encoded, Sample

PICTURES = 256
"""Pictures held encoded at a time: of 49 cells of 1,280 numbers they take 64 MB."""

TEXTS = 256
"""Texts held encoded at a time."""


def judging(learner: Learner) -> Judging | None:
    """The objective that judges pairs read together, of several the first that learns nothing else; None where there is none.

    One that also aligns has towers for telling other rows apart, and may never have read a text with another row's picture.
    """
    found = [one for one in learner.active.values() if isinstance(one, Judging)]
    return min(found, key=lambda one: isinstance(one, Aligning), default=None)


def aligning(learner: Learner) -> Aligning | None:
    """The first objective that aligns text and image; None where there is none."""
    heads = (one for one in learner.active.values() if isinstance(one, Aligning))
    return next((one for one in heads if {"text", "image"} <= set(one.aligned)), None)


def judge(
    answerer: Answerer,
    head: Judging,
    texts: Sequence[Sample],
    pictures: Sequence[Sample],
    pairs: NDArray[np.int64],
    *,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """How well the texts and pictures of ``pairs`` fit, (pairs,): the higher, the better.

    A picture is encoded once and a text once for each block of ``PICTURES`` pictures, whatever the number of pairs; what
    reads them together is run for each pair.

    Args:
        answerer: holds the learner.
        head: of the learner.
        texts: rows with a text; their other modalities are not read.
        pictures: rows with a picture, likewise.
        pairs: (pairs, 2) the number of a text and of a picture.
        progress: gets (pairs done, pairs).

    Raises:
        DataError: a picture cannot be read.
    """
    scores, done = np.zeros(len(pairs)), 0
    for shown in _blocks(pairs[:, 1], PICTURES):
        seen = np.unique(pairs[shown, 1])
        image = _encoded(answerer, [pictures[number] for number in seen], "image")
        for here in _blocks(pairs[shown, 0], TEXTS):
            chosen = shown[here]
            read = np.unique(pairs[chosen, 0])
            text = _encoded(answerer, [texts[number] for number in read], "text")
            for start in range(0, len(chosen), answerer.batch_size):
                some = chosen[start : start + answerer.batch_size]
                rows = {"text": np.searchsorted(read, pairs[some, 0]), "image": np.searchsorted(seen, pairs[some, 1])}
                scores[some] = _judged(answerer, head, {"text": text, "image": image}, rows)
                done += len(some)
                if progress is not None:
                    progress(done, len(pairs))
    return scores


def _blocks(numbers: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """The places of ``numbers`` in groups that hold at most ``size`` different ones each, by number."""
    if not len(numbers):
        return []
    order = np.argsort(numbers, kind="stable")
    _, which = np.unique(numbers[order], return_inverse=True)
    return np.split(order, np.searchsorted(which, np.arange(size, which[-1] + 1, size)))


def _encoded(answerer: Answerer, samples: Sequence[Sample], modality: str) -> Encoded:
    """What the encoder of a modality makes of the samples, before anything is read together."""
    pieces: list[Encoded] = []
    with answerer.asking():
        for start in range(0, len(samples), answerer.batch_size):
            alone = [_alone(sample, modality) for sample in samples[start : start + answerer.batch_size]]
            pieces.append(answerer.learner.model.encode(answerer.batch(alone))[modality])
    return _joined(pieces)


def _joined(pieces: Sequence[Encoded]) -> Encoded:
    """Pieces below each other, padded to the longest."""
    longest = max(piece.states.shape[1] for piece in pieces)
    states, masks, marks = [], [], defaultdict(list)
    for piece in pieces:
        room = longest - piece.states.shape[1]
        states.append(torch.nn.functional.pad(piece.states, (0, 0, 0, room)))
        masks.append(torch.nn.functional.pad(piece.mask, (0, room)))
        for name, mark in piece.marks.items():
            marks[name].append(torch.nn.functional.pad(mark, (0, room)))
    summary, present = (torch.cat([getattr(piece, name) for piece in pieces]) for name in ("summary", "present"))
    joined = {name: torch.cat(some) for name, some in marks.items()}
    return Encoded(torch.cat(states), torch.cat(masks), summary, present, marks=joined)


def _judged(
    answerer: Answerer, head: Judging, parts: dict[str, Encoded], rows: dict[str, NDArray[np.int64]]
) -> NDArray[np.float64]:
    model = answerer.learner.model
    with answerer.asking():
        places = {name: torch.from_numpy(numbers).to(parts[name].summary.device) for name, numbers in rows.items()}
        shown = {name: _cut(parts[name].rows(places[name])) for name in model.encoders if name in parts}
        found = head.judge(model.fuse(shown, index=places["text"]))
    scores: NDArray[np.float64] = found.double().cpu().numpy()
    return scores


def _cut(part: Encoded) -> Encoded:
    """Up to the last state that is real in any row."""
    longest = int(part.mask.any(dim=0).nonzero().max()) + 1 if part.mask.any() else 1
    marks = {name: mark[:, :longest] for name, mark in part.marks.items()}
    return replace(part, states=part.states[:, :longest], mask=part.mask[:, :longest], marks=marks)


def _alone(sample: Sample, modality: str) -> Sample:
    others: dict[str, Any] = {name: None for name in sample.modalities if name != modality}
    return replace(sample, **others)
