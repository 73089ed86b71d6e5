"""Classification: the labelled task itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor, nn

from polysense.data.table import classes
from polysense.distributed import everywhere, share
from polysense.errors import DataError, choices
from polysense.losses import balanced_class_weights, class_weighted_cross_entropy
from polysense.metrics.temperature import fitted_temperature
from polysense.metrics.thresholds import fitted_cuts, fitted_thresholds
from polysense.objectives.objective import Answering, Choosing, Chosen, Look
from polysense.progress import say_of_data
from polysense.types import Fields, Prediction, Representation, Sample, Widths
from polysense.views.plain import Plain
from polysense.views.view import View

UNLABELLED = -100


class Classification(Answering, Choosing):
    """Which class (or which classes) a row belongs to.

    Single-label: ``(1/n) sum_i w_{y_i} CE(z_i, y_i)`` over the labelled rows, divided by their NUMBER, not by the sum of the weights.
    Multi-label: the mean over rows and classes of the binary cross-entropy, positives weighted.
    Reads: label.   Source: Findings of EACL 2024, section 5 (CE).   Relations: sees the plain pair only, never an exchanged text.

    Args:
        widths: supplied by the build.
        labels: the classes in order; taken from the training rows, sorted, where it is null.
        class_weights: ``none``; ``balanced``, which is n / (K n_c) over the training rows ((n - n_c) / n_c for the positives of
            a multi-label task, where a class that every row has counts as if one row had it not); or one number a class.
        label_smoothing: share of the target mass spread over all classes.
        multi_label: independent classes, any number of them a row.
        threshold: probability from which a multi-label class is answered.
        dropout: before the last layer.
        hidden: width of a layer with GELU before the dropout; none where it is null.
        calibrate: divide the logits by a temperature that is fitted on the validation rows after training, so that of the answers
            with a probability of 80 % four in five are right (Guo et al., 2017). Which class is the likeliest stays as it is.
        decide: ``likeliest``; or ``macro_f1``, by a threshold for each class, fitted on the validation rows to the largest F1: of
            several classes the one whose probability exceeds its threshold most, as a ratio; in multi-label tasks in the place of
            ``threshold``. Validation scores are then a little too good, test scores are not.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"label"})
    sees_partial = True
    class_weights: Tensor | None
    temperature: Tensor
    thresholds: Tensor

    def __init__(
        self,
        widths: Widths,
        *,
        labels: list[str] | None = None,
        class_weights: Literal["none", "balanced"] | list[float] = "none",
        label_smoothing: float = 0.0,
        multi_label: bool = False,
        threshold: float = 0.5,
        dropout: float = 0.05,
        hidden: int | None = None,
        calibrate: bool = False,
        decide: Literal["likeliest", "macro_f1"] = "likeliest",
    ) -> None:
        super().__init__()
        if labels is None or class_weights == "balanced":
            raise ValueError("labels and balanced class weights come from the training rows: call complete() first")
        if class_weights != "none" and len(class_weights) != len(labels):
            raise ValueError(f"class_weights: write one number a class, found {len(class_weights)} for {len(labels)} classes")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing: expected a share from 0 up to 1, found {label_smoothing}")
        if not 0 < threshold < 1:
            raise ValueError(f"threshold: expected a probability between 0 and 1, found {threshold}")
        if threshold != 0.5 and not multi_label:
            raise ValueError("threshold: is of multi-label tasks; where a row has one class, the likeliest is answered")
        if threshold != 0.5 and decide != "likeliest":
            raise ValueError("threshold: with decide: macro_f1 each class has a threshold of its own, which is fitted")
        self.labels = list(labels)
        self.calibrate, self.decide = calibrate, decide
        self.settles = calibrate or decide != "likeliest"
        if calibrate:
            self.register_buffer("temperature", torch.ones(()))
        if decide != "likeliest":
            self.register_buffer("thresholds", torch.empty(len(self.labels)))
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label
        self.threshold = threshold
        self.unsettle()
        weights = None if class_weights == "none" else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)
        if hidden is not None and hidden < 1:
            raise ValueError(f"hidden: expected a width from 1 up, found {hidden}")
        before = [] if hidden is None else [nn.Linear(widths["fused"], hidden), nn.GELU()]
        self.head = nn.Sequential(*before, nn.Dropout(dropout), nn.Linear(hidden or widths["fused"], len(self.labels)))

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """Fill in classes and class weights; refuse rows with other labels and classes without rows."""
        completed = dict(arguments)
        several = bool(completed.get("multi_label"))
        counts = Counter(label for sample in samples for label in classes(sample))
        labels = list(completed.get("labels") or sorted(counts))
        refuse_other_labels(samples, labels, several=several)
        absent = [label for label in labels if not counts[label]]
        if absent:
            raise DataError(f"no training row has the label {', '.join(map(repr, absent))}")
        if len(labels) < (1 if several else 2):
            found = ", ".join(map(repr, labels)) or "none at all"
            raise DataError(f"a classification needs at least two classes; the training rows have {found}")
        completed["labels"] = labels
        if completed.get("class_weights") == "balanced":
            completed["class_weights"] = _balanced(samples, labels, several=several)
        return completed

    @classmethod
    def complete_shown(
        cls, arguments: Mapping[str, Any], completed: Mapping[str, Any], samples: Sequence[Sample]
    ) -> dict[str, Any]:
        """``balanced`` class weights are those of the labels that are shown.

        A class without any counts as if it had one row; of several labels a row, one that all rows have as if one had it not.
        """
        if arguments.get("class_weights") != "balanced":
            return {}
        several = bool(completed.get("multi_label"))
        return {"class_weights": _balanced(samples, completed["labels"], several=several)}

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``label``: (batch,) class numbers, -100 unlabelled; multi-label (batch, classes) 0/1, -100 unlabelled.

        Raises:
            DataError: names a row with a label that is no class, or with none or several where one is expected.
        """
        refuse_other_labels(samples, self.labels, several=self.multi_label)
        if all(sample.label is None for sample in samples):
            return {}
        if self.multi_label:
            rows = [self._row_of_many(sample) for sample in samples]
            return {"label": torch.tensor(rows, dtype=torch.float32)}
        numbers = [UNLABELLED if sample.label is None else self.labels.index(classes(sample)[0]) for sample in samples]
        return {"label": torch.tensor(numbers)}

    def _row_of_many(self, sample: Sample) -> list[float]:
        if sample.label is None:
            return [float(UNLABELLED)] * len(self.labels)
        given = classes(sample)
        return [float(label in given) for label in self.labels]

    def forward(self, look: Look) -> Tensor | None:
        """The loss over the labelled rows."""
        found = self.choose(look)
        return None if found is None else found.loss

    def view(self, look: Look) -> View:
        """The rows as they are."""
        return Plain()

    def choose(self, look: Look) -> Chosen | None:
        """A choice a labelled row; where several labels may stand in a row, one between yes and no for each class."""
        shown, seen = look(self.view(look))
        targets = shown.batch.fields["label"]
        labelled = (targets if targets.dim() == 1 else targets[:, 0]) != UNLABELLED
        rows = labelled & seen.fused.present
        if everywhere(not bool(rows.any())):
            return None
        logits = self.head(seen.fused.summary[rows])
        if self.multi_label:
            total = nn.functional.binary_cross_entropy_with_logits(
                logits.float(), self._smooth(targets[rows]), pos_weight=self.class_weights, reduction="sum"
            )
            yes_or_no = torch.stack([logits, torch.zeros_like(logits)], dim=-1)
            return Chosen(yes_or_no.flatten(0, 1), share(total, logits.numel()))
        loss = class_weighted_cross_entropy(
            logits, targets[rows], class_weights=self.class_weights, label_smoothing=self.label_smoothing
        )
        return Chosen(logits, loss)

    def _smooth(self, targets: Tensor) -> Tensor:
        return targets * (1 - self.label_smoothing) + self.label_smoothing / 2

    def answer(self, representation: Representation) -> Prediction:
        """``label`` and ``probabilities`` (class to number)."""
        return self._answered(self.head(representation.fused.summary).float())

    def settled_anew(self, probabilities: Sequence[Mapping[str, float]]) -> Prediction:
        """What it answers, settled, to the rows to which it gave these probabilities before."""
        chances = _table(probabilities, self.labels)
        return self._answered(torch.from_numpy(_logits(chances, several=self.multi_label)))

    def _answered(self, logits: Tensor) -> Prediction:
        if self.calibrate:
            logits = logits / self.temperature
        probabilities = logits.sigmoid() if self.multi_label else logits.softmax(dim=-1)
        named = [dict(zip(self.labels, row, strict=True)) for row in probabilities.tolist()]
        return Prediction({"label": self._decided(probabilities), "probabilities": named})

    def _decided(self, probabilities: Tensor) -> list[str | tuple[str, ...]]:
        own = self.thresholds if self.decide != "likeliest" else None
        if self.multi_label:
            reached = (probabilities >= (self.threshold if own is None else own)).tolist()
            return [tuple(label for label, there in zip(self.labels, row, strict=True) if there) for row in reached]
        ratio = probabilities if own is None else probabilities / own
        return [self.labels[place] for place in ratio.argmax(dim=-1).tolist()]

    def unsettle(self) -> None:
        """A temperature of 1, and thresholds by which the likeliest class is answered."""
        if self.calibrate:
            self.temperature.fill_(1.0)
        if self.decide != "likeliest":
            self.thresholds.fill_(0.5 if self.multi_label else 1 / len(self.labels))

    def settle(self, answers: Prediction, samples: Sequence[Sample]) -> dict[str, Any]:
        """The temperature, and the thresholds at that temperature."""
        rows = [row for row, sample in enumerate(samples) if sample.label is not None]
        if not rows:
            return {}
        chances = _table([answers.columns["probabilities"][row] for row in rows], self.labels)
        given = [classes(samples[row]) for row in rows]
        truth = np.array([[label in some for label in self.labels] for some in given], dtype=np.intp)
        found: dict[str, Any] = {}
        if self.calibrate:
            logits = _logits(chances, several=self.multi_label)
            new = fitted_temperature(logits, truth if self.multi_label else truth.argmax(axis=1))
            self.temperature.fill_(new)
            chances = _at(logits / new, several=self.multi_label)
            found["temperature"] = round(new, 6)
        if self.decide != "likeliest":
            own = fitted_cuts(chances, truth) if self.multi_label else fitted_thresholds(chances, truth.argmax(axis=1))
            if absent := [label for label, count in zip(self.labels, truth.sum(axis=0), strict=True) if not count]:
                named = ", ".join(map(repr, absent))
                say_of_data(f"decide: {self.decide} fits no threshold of classes that no validation row has: {named}")
            self.thresholds.copy_(torch.from_numpy(own))
            found["thresholds"] = {label: round(float(value), 6) for label, value in zip(self.labels, own, strict=True)}
        return found


def _table(probabilities: Sequence[Mapping[str, float]], labels: Sequence[str]) -> NDArray[np.float64]:
    """(rows, classes), none of them 0 or 1, whose logarithms have no value."""
    table = np.array([[row[label] for label in labels] for row in probabilities], dtype=np.float64)
    return table.reshape(len(table), len(labels)).clip(1e-12, 1 - 1e-12)


def _logits(chances: NDArray[np.float64], *, several: bool) -> NDArray[np.float64]:
    """Of which these are the probabilities; where a row has one class, up to a number that is the same for all of its classes."""
    found: NDArray[np.float64] = np.log(chances) - (np.log1p(-chances) if several else 0.0)
    return found


def _at(logits: NDArray[np.float64], *, several: bool) -> NDArray[np.float64]:
    found: NDArray[np.float64] = expit(logits) if several else softmax(logits, axis=1)
    return found


def _balanced(samples: Sequence[Sample], labels: Sequence[str], *, several: bool) -> list[float]:
    """The weight of each class by the labels that the samples have.

    A class without a row counts as if it had one; of several labels a row, a class without negatives as if it had one of them.
    """
    counts = Counter(label for sample in samples for label in classes(sample))
    tally = torch.tensor([max(1, counts[label]) for label in labels])
    labelled = sum(1 for sample in samples if sample.label is not None)
    weights = (labelled - tally).clamp(min=1) / tally if several else balanced_class_weights(tally)
    return [round(float(weight), 6) for weight in weights]


def refuse_other_labels(samples: Sequence[Sample], labels: Sequence[str], *, several: bool) -> None:
    """A DataError for the first row whose label is not one of ``labels``, or not one only unless ``several`` may stand in a row."""
    for sample in samples:
        given = classes(sample)
        row = sample.origin or f"the row with id {sample.id!r}"
        for label in given:
            if label not in labels:
                raise DataError(f"{row}, label: {label!r} is not a class of the recipe; {choices(label, labels)}")
        if sample.label is not None and len(given) != 1 and not several:
            raise DataError(f"{row}, label: {len(given)} labels in one row; for such rows set multi_label: true in the recipe")
