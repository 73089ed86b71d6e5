"""The contract of an evaluator, and how it asks a learner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import torch

from polysense.data.collate import Collate
from polysense.data.table import Table
from polysense.decoding.decoder import Decoder
from polysense.decoding.settings import Decoding
from polysense.learner import Learner
from polysense.metrics.bootstrap import PairedDifference
from polysense.objectives.generation import Generation
from polysense.types import Batch, Fields, Prediction, Sample

Progress = Callable[[int, int], None]
Found = TypeVar("Found")


class Answerer:
    """Asks a learner about samples: in batches of similar length, in evaluation mode, answers in the order of the samples.

    Nothing random is drawn, unless dropout is asked for, and the learner's mode and all generators are put back afterwards:
    evaluating never changes training.

    Args:
        learner: trained or in training.
        collate: prepares samples without targets.
        batch_size: rows a batch.
        heard: gets the samples and their answers whenever all modalities are shown.
    """

    def __init__(
        self,
        learner: Learner,
        collate: Collate,
        *,
        batch_size: int = 64,
        heard: Callable[[Sequence[Sample], Prediction], None] | None = None,
    ) -> None:
        self.learner = learner
        self.collate = collate
        self.batch_size = batch_size
        self.heard = heard

    def predict(
        self,
        samples: Sequence[Sample],
        *,
        only: Collection[str] | None = None,
        vectors: bool = False,
        progress: Progress | None = None,
    ) -> Prediction:
        """Each sample's answers; ``only`` names the modalities that are shown, the others are hidden; ``vectors`` adds these."""
        rows: list[dict[str, Any]] = [{} for _ in samples]
        with self.asking():
            for places, batch in self._batches(samples, only, progress):
                prediction, _ = self.learner.answer(batch, [samples[place] for place in places], vectors=vectors)
                for place, row in zip(places, prediction.rows() or [{} for _ in places], strict=True):
                    rows[place] = row
        names = list(rows[0]) if rows else []
        found = Prediction({name: [row[name] for row in rows] for name in names})
        if self.heard is not None and only is None:
            self.heard(samples, found)
        return found

    def write(
        self, samples: Sequence[Sample], objective: Generation, how: Decoding, *, progress: Progress | None = None
    ) -> list[str]:
        """What an objective writes of each sample's text and picture, whichever it has: its source alone."""
        texts = [""] * len(samples)
        decoder = Decoder(self.learner.model, objective)
        with self.asking():
            for places, batch in self._batches(samples, None, progress):
                for place, tokens in zip(places, decoder.write(batch, how), strict=True):
                    texts[place] = decoder.said(tokens)
        return texts

    def encode(
        self,
        samples: Sequence[Sample],
        *,
        part: str | None = None,
        dropout: int | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """The summaries (samples, width) float32: fused, or of the modality ``part`` by itself.

        With the seed ``dropout`` as in training: what is dropped follows from the seed and the samples.
        """
        vectors: np.ndarray | None = None
        with self.asking() if dropout is None else self._dropping(dropout):
            for places, batch in self._batches(samples, None, progress):
                representation = self.learner.model(batch)
                chosen = representation.fused if part is None else representation.parts[part]
                summary = chosen.summary.float().cpu().numpy()
                if vectors is None:
                    vectors = np.zeros((len(samples), summary.shape[1]), dtype=np.float32)
                vectors[places] = summary
        return np.zeros((0, self.learner.model.fusion.width), dtype=np.float32) if vectors is None else vectors

    def terms(self, samples: Sequence[Sample], *, batch_size: int) -> list[tuple[int, dict[str, float]]]:
        """For each batch of ``batch_size`` samples its rows and the objectives' losses; what views draw follows from its number."""

        def losses(batch: Batch, step: int) -> tuple[int, dict[str, float]]:
            return batch.size, {name: float(term) for name, term in self.learner.terms(batch, step=step).items()}

        return self.ask(samples, losses, batch_size=batch_size)

    def ask(self, samples: Sequence[Sample], question: Callable[[Batch, int], Found], *, batch_size: int) -> list[Found]:
        """What ``question`` finds of each batch of ``batch_size`` samples, in their order and with all fields, and of its number."""
        collate = Collate(self.collate.modalities, self.learner.preparers, companions=self.learner.companions)
        with self.asking():
            return [
                question(_moved(Batch.of(collate(samples[start : start + batch_size])), self._device()), step)
                for step, start in enumerate(range(0, len(samples), batch_size))
            ]

    @contextmanager
    def asking(self, mode: bool = False) -> Iterator[None]:
        """Evaluation mode and no gradients, until the answers are there or something goes wrong; training mode if ``mode``."""
        training = self.learner.training
        self.learner.train(mode)
        try:
            with torch.inference_mode():
                yield
        finally:
            self.learner.train(training)

    @contextmanager
    def _dropping(self, seed: int) -> Iterator[None]:
        """Training mode, with dropout drawn from ``seed``; the generators of the training stay where they are."""
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), self.asking(mode=True):
            torch.manual_seed(seed)
            yield

    def _batches(
        self, samples: Sequence[Sample], only: Collection[str] | None, progress: Progress | None
    ) -> Iterator[tuple[list[int], Batch]]:
        """Batches of similar length, each with the places of its rows."""
        order = sorted(range(len(samples)), key=lambda place: len(samples[place].text or ""))
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            yield places, self.batch([samples[place] for place in places], only)
            if progress is not None:
                progress(start + len(places), len(order))

    def batch(self, samples: Sequence[Sample], only: Collection[str] | None = None) -> Batch:
        """The samples as tensors, where the learner is; ``only`` names the modalities that are kept."""
        batch = Batch.of(self.collate(samples))
        if only is not None:
            batch = Batch(parts={name: part for name, part in batch.parts.items() if name in only}, fields=batch.fields)
        return _moved(batch, self._device())

    def _device(self) -> torch.device:
        return next(self.learner.parameters()).device


def _moved(batch: Batch, device: torch.device) -> Batch:
    parts = {name: _to(part, device) for name, part in batch.parts.items()}
    return Batch(parts=parts, fields=_to(batch.fields, device))


def _to(fields: Fields, device: torch.device) -> Fields:
    return {name: tensor.to(device) for name, tensor in fields.items()}


class Evaluator(ABC):
    """Metrics of a learner on samples."""

    before_training: ClassVar[bool] = False
    """Whether they mean something before training, as those of embeddings do: how good is the encoder that training starts from?"""
    target: ClassVar[Literal["label", "score", "spans"] | None] = None
    """The field that an answer is compared with: rows without it are left out. None where no target is read."""
    needs: ClassVar[str] = "rows with the targets that it measures, and a model that answers them"
    """What there must be for it to measure anything, as a message says it."""

    def read(self, root: Path) -> Table | None:
        """The benchmark that this evaluator measures on, from the folder of all data sets; None where any samples will do.

        Raises:
            DataError: the benchmark is not there, or damaged.
        """
        del root
        return None

    def fits(self, learner: Learner) -> bool:
        """Whether the model can do what is measured, whatever the rows are."""
        del learner
        return True

    def settings(self, learner: Learner) -> dict[str, Any]:
        """How the model was asked, where there are ways to choose from: a decoding, for instance."""
        del learner
        return {}

    @abstractmethod
    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """A flat dict of metrics; empty where the samples have no targets."""


def ways_asked(evaluators: Iterable[Evaluator], learner: Learner) -> dict[str, dict[str, Any]]:
    """:meth:`Evaluator.settings` of those that have any, by name."""
    return {type(one).__name__: how for one in evaluators if (how := one.settings(learner))}


def measured_rows(evaluators: Iterable[Evaluator | type[Evaluator]], samples: Sequence[Sample]) -> int:
    """How many of the samples have a target of one of the evaluators; all, where none of these reads targets."""
    targets = {one.target for one in evaluators if one.target is not None}
    return sum(not targets or any(getattr(sample, target) is not None for target in targets) for sample in samples)


Outcome = TypeVar("Outcome")

Difference = tuple[PairedDifference, int]
"""Of one metric, as a fraction, and over how many pairs, queries or pictures it was drawn."""


class Comparable(Evaluator, Generic[Outcome]):
    """An evaluator by which two models can be compared, paired over what they are measured on."""

    units: ClassVar[str]
    """What is drawn anew: ``pairs``, ``pictures``."""

    @abstractmethod
    def outcomes(self, answerer: Answerer, samples: Sequence[Sample]) -> Outcome:
        """What a model gives for each pair or query.

        Raises:
            DataError: there is nothing to compare by among the samples, or the model cannot be asked.
        """

    @abstractmethod
    def differences(
        self, base: Sequence[Outcome], other: Sequence[Outcome], *, resamples: int, seed: int
    ) -> dict[str, Difference]:
        """``other - base`` of each metric; both have a model a seed, in the same order, asked about the same samples.

        Raises:
            DataError: a metric of one of the models is undefined.
        """
