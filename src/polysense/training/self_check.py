"""Whether a model that is loaded answers as it did when it was saved: some inputs of nobody, and what it made of them.

Weights that do not fit are refused when they are read. What fits and is wrong all the same (a tokenizer or a recipe that was changed,
files of two models in one folder, a release that computes otherwise) shows in what comes out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from polysense.boxes import BOX
from polysense.data.collate import Collate
from polysense.data.frames import HeldFrames, Provenance
from polysense.data.json_file import read_object
from polysense.encoders.sequence import SequenceEncoder
from polysense.encoders.text_lstm import TextLSTM
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vilt_patches import ViltPatches
from polysense.encoders.vision_image import VisionImage
from polysense.errors import PolysenseError, display
from polysense.evaluation.evaluator import Answerer
from polysense.learner import Learner
from polysense.training.checkpoints import write_whole
from polysense.types import Sample

FILE = "self_check.json"

TEXTS = ("The soup was good.", "It took an hour, and nobody at the desk knew why!", "房间很干净。")
ASPECT = "it"
GREYS = (128, 255, 0)
"""Of blank pictures, one a text."""

LENGTHS = (3, 7, 1)
"""Frames of the sequences, one a text."""

NUMBERS = 16
"""Of each vector, from its beginning."""

TOLERANCE = 0.01
"""Of the largest number of a row. Machines differ in the sixth digit; another model differs in the first or second."""


def write_self_check(folder: Path, learner: Learner) -> None:
    """Write what the model makes of the inputs; nothing where it reads something that cannot be made here, as stored features."""
    if rows := _rows(learner):
        write_whole(folder / FILE, json.dumps({"outputs": _outputs(learner, rows)}) + "\n")


def refuse_other_outputs(folder: Path, learner: Learner) -> None:
    """Nothing where the model does what was written, or nothing was.

    Raises:
        PolysenseError: it does something else.
        DataError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return
    stored, found = read_object(file).get("outputs"), _outputs(learner, _rows(learner))
    if not _alike(stored, found):
        raise PolysenseError(
            f"{display(folder)} is not the model that was saved there: its outputs differ from those in {FILE}. Were its recipe, its "
            f"tokenizer or its weights changed? Without {FILE} it is loaded as it is"
        )


def _rows(learner: Learner) -> list[Sample]:
    encoders = [learner.model.encoder(name) for name in learner.model.encoders]
    if not all(
        isinstance(encoder, TransformerText | TextLSTM | VisionImage | ViltPatches | SequenceEncoder) for encoder in encoders
    ):
        return []
    sequences = {encoder.modality: encoder for encoder in encoders if isinstance(encoder, SequenceEncoder)}
    aspect = ASPECT if any(isinstance(encoder, TransformerText) and encoder.aspect for encoder in encoders) else None
    reads = set(learner.model.encoders)
    return [
        Sample(
            id=str(number),
            text=text if "text" in reads else None,
            aspect=aspect,
            image=_frames(sequences.get("image"), number) or (_picture(grey) if "image" in reads else None),
            audio=_frames(sequences.get("audio"), number),
            video=_frames(sequences.get("video"), number),
            index=number,
        )
        for number, (text, grey) in enumerate(zip(TEXTS, GREYS, strict=True))
    ]


def _picture(grey: int) -> Image.Image:
    return Image.new("RGB", (64, 64), (grey, grey, grey))


def _frames(encoder: SequenceEncoder | None, number: int) -> HeldFrames | None:
    """Waves, of another length in each row."""
    if encoder is None:
        return None
    times = range(LENGTHS[number])
    waves = [[math.sin(1 + time + number * place) for place in range(encoder.frame_width)] for time in times]
    made = None if encoder.features is None else Provenance(encoder.features["name"], encoder.features["parameters"])
    numbers = np.array(waves, dtype=np.float32)
    return HeldFrames(numbers if encoder.layout is None else _regions(numbers, encoder.layout.classes), made)


def _regions(waves: np.ndarray, classes: int) -> np.ndarray:
    """The waves with probabilities and boxes as their last numbers."""
    features, chances, corners = np.split(waves, [-BOX - classes, -BOX], axis=1)
    chances = (chances + 2) / (chances + 2).sum(axis=1, keepdims=True)
    boxes = np.sort((corners.reshape(-1, 2, 2) + 1) / 2, axis=1).reshape(-1, BOX)
    return np.hstack([features, chances, boxes])


def _outputs(learner: Learner, rows: list[Sample]) -> list[list[float]]:
    """Of each row the beginning of its vector, and every number that is answered."""
    answerer = Answerer(learner, Collate({name: learner.model.encoder(name) for name in learner.model.encoders}))
    vectors = answerer.encode(rows)[:, :NUMBERS].tolist()
    answers = answerer.predict(rows).rows() if learner.answers else [{} for _ in rows]
    return [
        [round(float(number), 6) for number in (*vector, *_numbers(answer))]
        for vector, answer in zip(vectors, answers, strict=True)
    ]


def _numbers(answer: Any) -> Iterator[float]:
    """Those in an answer, however deep; not its words, which turn on the last digit where two classes are even."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        for one in answer:
            yield from _numbers(one)
    elif isinstance(answer, int | float):
        yield answer


def _alike(stored: Any, found: list[list[float]]) -> bool:
    if not isinstance(stored, list) or [len(row) for row in stored] != [len(row) for row in found]:
        return False
    return all(
        abs(before - now) <= TOLERANCE * max(map(abs, row))
        for row, again in zip(stored, found, strict=True)
        for before, now in zip(row, again, strict=True)
    )
