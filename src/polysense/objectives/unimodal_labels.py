"""Labels for each modality of a clip, made from the one score that people gave to the whole of it (Self-MM)."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from polysense.distributed import everywhere, gather, mean, rank
from polysense.errors import DataError, RecipeError, choices
from polysense.losses import moved_label
from polysense.objectives.objective import Answering, Look
from polysense.objectives.regression import as_answers, score_field, score_head
from polysense.objectives.row_visits import Visit, visit_of
from polysense.types import MODALITIES, Fields, Prediction, Representation, Sample, Widths
from polysense.views.plain import Plain

logger = logging.getLogger(__name__)

FUSED = "fused"

EPSILON = 1e-8
"""Added to a distance that is divided by."""

Distance = Literal["norm", "scaled_square"]
Alpha = Literal["positive_distance", "centre_distance", "symmetric"]


class Centres(NamedTuple):
    """The means (width,) of the features of the rows of one sign; zeros where no row has it."""

    pos: Tensor
    neg: Tensor


class UnimodalLabelGenerator(nn.Module):
    """The memory of the training rows, and the rule by which the labels of their single modalities move.

    It keeps each row's newest features and its label, by key, and how often the row was seen. The first visit sets all labels
    to the human score y_m; every later one moves those of the single modalities s, by where their features lie between the
    centres of the positive and the negative rows, and where the fused ones m lie between theirs::

        alpha_s = (d_neg - d_pos) / (d_pos + 1e-8)
        y_s     = clamp( 1/2 (alpha_s / alpha_m) y_m + 1/2 (y_m + alpha_s - alpha_m), -limit, limit )
        y_s^(n) = (n-1)/(n+1) y_s^(n-1) + 2/(n+1) y_s                    at the n-th visit, n >= 2

    A centre is the mean over the rows whose own current label has its sign. It is kept as a running sum and a count, so that a
    step costs what its batch costs, however many rows there are; the sums are added up anew each time as many rows have gone by
    as there are. A label that needs a centre of no rows stays as it is. All state is in buffers.

    Source: Self-MM (AAAI 2021). Ours: alpha_m keeps its sign and at least 1e-8; rows and modalities may be missing.

    Args:
        samples: training rows, numbered from 0.
        widths: of the features, by key: ``fused`` and the modalities.
        limit: the largest absolute label.
        distance: to a centre: ``norm`` is Euclidean, ``scaled_square`` its square over the root of the width (the paper's).
        exclude_zero: a label of 0 is no positive one.
        alpha: what the difference of the distances is divided by: the distance to the positive centre, the distance between the
            centres, or the sum of both distances.

    Raises:
        ValueError: a choice is none of these, or there is nothing to make labels for.
    """

    label: Tensor
    filled: Tensor
    visits: Tensor
    """(samples,) int64: how often each row was seen."""
    counts: Tensor
    passed: Tensor

    def __init__(
        self,
        samples: int,
        widths: Mapping[str, int],
        *,
        limit: float,
        distance: Distance = "norm",
        exclude_zero: bool = False,
        alpha: Alpha = "positive_distance",
    ) -> None:
        super().__init__()
        for name, chosen, kinds in (("distance", distance, Distance), ("alpha", alpha, Alpha)):
            if chosen not in get_args(kinds):
                raise ValueError(f"there is no {name} {chosen!r}; {choices(chosen, get_args(kinds))}")
        if FUSED not in widths or len(widths) < 2:
            raise ValueError(f"widths: write {FUSED!r} and at least one modality, found {', '.join(widths) or 'nothing'}")
        if not limit > 0:
            raise ValueError(f"limit: expected a number above 0, found {limit}")
        self.keys = tuple(widths)
        self.modalities = tuple(key for key in widths if key != FUSED)
        self.limit = limit
        self.distance: Distance = distance
        self.exclude_zero = exclude_zero
        self.alpha: Alpha = alpha
        self._said: set[str] = set()
        self.register_buffer("visits", torch.zeros(samples, dtype=torch.int64))
        self.register_buffer("label", torch.zeros(len(widths), samples))
        self.register_buffer("filled", torch.zeros(len(widths), samples, dtype=torch.bool))
        self.register_buffer("counts", torch.zeros(len(widths), 2))
        self.register_buffer("passed", torch.zeros((), dtype=torch.int64))  # rows since the sums were last added up
        for key, width in widths.items():
            self.register_buffer(f"features_{key}", torch.zeros(samples, width))
            self.register_buffer(f"sums_{key}", torch.zeros(2, width))

    def empty(self) -> UnimodalLabelGenerator:
        """One like it, of no rows."""
        widths = {key: self._features(key).shape[1] for key in self.keys}
        return UnimodalLabelGenerator(
            0, widths, limit=self.limit, distance=self.distance, exclude_zero=self.exclude_zero, alpha=self.alpha
        )

    @property
    def labels(self) -> dict[str, Tensor]:
        """The labels (samples,) by key as they stand; those of ``fused`` are the human scores. 0 in rows that were never seen."""
        return {key: self.label[place] for place, key in enumerate(self.keys)}

    @property
    def known(self) -> dict[str, Tensor]:
        """(samples,) bool by key: the rows that were seen with it."""
        return {key: self.filled[place] for place, key in enumerate(self.keys)}

    @property
    def centres(self) -> dict[str, Centres]:
        """By key."""
        return {key: Centres(*self._means(key)) for key in self.keys}

    def weights(self, index: Tensor, modality: str) -> Tensor:
        """``tanh(|y_s - y_m|)`` (batch,) of the rows ``index``: 0 where the label is still the human score."""
        labels = self.labels
        return torch.tanh((labels[modality][index] - labels[FUSED][index]).abs())

    @torch.no_grad()
    def observe(
        self,
        index: Tensor,
        features: Mapping[str, Tensor],
        human: Tensor,
        *,
        present: Mapping[str, Tensor] | None = None,
    ) -> None:
        """See rows once more: move their labels by the centres as they stand, then take up their features, then move the centres.

        The order of the rows makes no difference, not in the last bit. A row that stands in the batch several times is seen once,
        with the mean of its features.

        Args:
            index: (batch,) int64 numbers of the rows.
            features: (batch, width) by key; a modality may be missing altogether.
            human: (batch,) y_m; a row whose score is NaN is left out.
            present: (batch,) bool by key: False where the row lacks the modality, whose features then mean nothing. All by default.

        Raises:
            ValueError: a number is no row.
        """
        samples = len(self.visits)
        if bool(((index < 0) | (index >= samples)).any()):
            raise ValueError(f"index: rows are numbered from 0 below {samples}, found {int(index.min())} to {int(index.max())}")
        kind = self.label.dtype
        visit = visit_of(index, {key: values.to(kind) for key, values in features.items()}, human.to(kind), present or {})
        before = self.label[:, visit.rows]
        self._move(visit)
        for key in visit.features:
            self._take_up(key, visit, before[self.keys.index(key)])
        self.visits[visit.rows] += 1
        self.passed += len(visit.rows)
        if int(self.passed) >= samples:
            self.add_up()

    @torch.no_grad()
    def add_up(self) -> None:
        """Make the running sums and counts of all centres anew, from the memory; what rounding has added up is gone."""
        for place, key in enumerate(self.keys):
            signs = self._signs(self.label[place]) * self.filled[place]
            self._sums(key).copy_(signs @ self._features(key))
            self.counts[place] = signs.sum(dim=1)
        self.passed.zero_()

    def _move(self, visit: Visit) -> None:
        """The labels of the rows: the human score at the first visit, nearer to the new label at a later one."""
        seen = self.visits[visit.rows]
        self.label[:, visit.rows] = torch.where(seen == 0, visit.human, self.label[:, visit.rows])
        again = seen > 0
        if FUSED not in visit.features or not bool(again.any()) or not self._both(FUSED):
            return
        fused = self.position(FUSED, visit.features[FUSED])
        step = 2 / (seen + 2).to(fused)  # 2 / (n + 1) at visit n
        for modality in self.modalities:
            if modality not in visit.features or not self._both(modality):
                continue
            own = self.position(modality, visit.features[modality])
            new = moved_label(visit.human, own, fused).clamp(-self.limit, self.limit)
            place = self.keys.index(modality)
            old = self.label[place, visit.rows]
            moves = again & visit.there[modality] & visit.there[FUSED]
            self.label[place, visit.rows] = torch.where(moves, (1 - step) * old + step * new, old)

    def _take_up(self, key: str, visit: Visit, before: Tensor) -> None:
        """The rows' new features in place of the old ones, in the memory and in the sums; ``before`` (rows,) are the old labels."""
        place, there = self.keys.index(key), visit.there[key]
        memory, filled = self._features(key), self.filled[place, visit.rows]
        old, new = memory[visit.rows], visit.features[key]
        leaving = self._signs(before) * (filled & there)
        coming = self._signs(self.label[place, visit.rows]) * there
        self._sums(key).add_(coming @ new - leaving @ old)
        self.counts[place] += coming.sum(dim=1) - leaving.sum(dim=1)
        memory[visit.rows] = torch.where(there.unsqueeze(1), new, old)
        self.filled[place, visit.rows] = filled | there

    def position(self, key: str, features: Tensor) -> Tensor:
        """alpha_s (rows,): where features (rows, width) lie between the centres as they stand; above 0 nearer to the positive one."""
        pos, neg = self._means(key)
        scaled = self.distance == "scaled_square"
        to_pos, to_neg, between = (one - other for one, other in ((features, pos), (features, neg), (pos, neg)))
        d_pos, d_neg, apart = (_lengths(each, scaled=scaled) for each in (to_pos, to_neg, between))
        below = {"positive_distance": d_pos, "centre_distance": apart, "symmetric": d_pos + d_neg}[self.alpha]
        return (d_neg - d_pos) / (below + EPSILON)

    def _both(self, key: str) -> bool:
        """Whether the key has both centres; the first time that one is missing is said."""
        there = bool((self.counts[self.keys.index(key)] > 0).all())
        if not there and key not in self._said and rank() == 0:
            self._said.add(key)
            kept = "no label moves" if key == FUSED else f"the labels of {key} stay as they are"
            logger.warning("the rows seen so far have %s labels of one sign only: until there are both, %s", key, kept)
        return there

    def _signs(self, labels: Tensor) -> Tensor:
        """(2, rows) of 0 and 1: which labels are positive ones, and which negative."""
        return torch.stack([labels > 0 if self.exclude_zero else labels >= 0, labels < 0]).to(labels.dtype)

    def _means(self, key: str) -> Tensor:
        """(2, width): the positive and the negative centre."""
        return self._sums(key) / self.counts[self.keys.index(key)].clamp(min=1).unsqueeze(1)

    def _features(self, key: str) -> Tensor:
        return self.get_buffer(f"features_{key}")

    def _sums(self, key: str) -> Tensor:
        return self.get_buffer(f"sums_{key}")


def _lengths(differences: Tensor, *, scaled: bool) -> Tensor:
    """Of each of the differences (..., width)."""
    squares = differences.square().sum(dim=-1)
    return squares / math.sqrt(differences.shape[-1]) if scaled else squares.sqrt()


class UnimodalLabels(Answering):
    """A score for each single modality, learned from labels that the model makes itself.

    ``sum over s of w_s * mean_i W_s,i | yhat_s,i - y_s,i |``, W = tanh |y_s - y_m|; a mean runs over the rows that have the
    modality. At a row's first visit its labels are the human score and W is ``warm_up_weight``; they move
    at the second, after its loss, so that W is 0 there and the heads learn from the third on. A modality whose weights are all 0
    in a batch is left out of the loss: its head has no gradient then, not one of zeros, and weight decay does not touch it.

    The head of a modality is dropout, Linear, ReLU (F*_s, what the memory sees), Linear, ReLU, Linear. F*_m is the summary of the
    fusion. Labels move after the loss has taken its own, once a batch, in training only. With several processes each has the
    memory of one that sees all rows.
    A head that had no step with a weight above 0 answers nothing: its numbers are those that it was built with.
    Reads: score; a sample's scores of single modalities where ``labels`` asks for them.   Source: Self-MM (AAAI 2021).
    Relations: beside a ``Regression`` on the same fusion. An encoder may be recomputed in the backward pass, an objective never is.

    Args:
        widths: supplied by the build; every modality with an encoder gets a head.
        hidden: width of F*_s; one for all, or by modality.
        dropout: before F*_s, likewise.
        labels: ``generated``; ``human``, the scores that people gave to each modality, with W = 1, as in MLF-DNN and MTFN; or
            ``human_where_present``, and generated ones in the other rows.
        distance: of features to a centre; see :class:`UnimodalLabelGenerator`.
        alpha: likewise.
        exclude_zero: likewise.
        warm_up_weight: W at the first visit; 0 is the paper's.
        modality_weights: w_s by modality; 1 where it is not named.
        limit: the largest absolute label; where it is null, the largest absolute score of the training rows.
        rows: training rows, numbered by ``index``; filled in from the data.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"score"})

    taught: Tensor
    """(modalities,) bool: whether the head has had a step with weight."""

    def __init__(
        self,
        widths: Widths,
        *,
        hidden: int | dict[str, int] = 32,
        dropout: float | dict[str, float] = 0.0,
        labels: Literal["generated", "human", "human_where_present"] = "generated",
        distance: Distance = "norm",
        alpha: Alpha = "positive_distance",
        exclude_zero: bool = True,
        warm_up_weight: float = 0.0,
        modality_weights: dict[str, float] | None = None,
        limit: float | None = None,
        rows: int | None = None,
    ) -> None:
        super().__init__()
        self.modalities = tuple(name for name in MODALITIES if name in widths)
        self.labels = labels
        self.warm_up_weight = warm_up_weight
        self.modality_weights = self._each("modality_weights", modality_weights or {}, 1.0)
        own = self._each("hidden", hidden, 32)
        dropped = self._each("dropout", dropout, 0.0)
        if warm_up_weight < 0 or min(self.modality_weights.values()) < 0:
            raise RecipeError("UnimodalLabels: warm_up_weight and modality_weights are numbers from 0 up")
        self.features = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Dropout(dropped[name]), nn.Linear(widths[name], own[name]), nn.ReLU())
                for name in self.modalities
            }
        )
        self.heads = nn.ModuleDict({name: score_head(own[name], hidden=own[name]) for name in self.modalities})
        self.parts = {name: torch.tensor(torch.nan) for name in self.modalities}
        self.register_buffer("taught", torch.zeros(len(self.modalities), dtype=torch.bool))
        self.register_load_state_dict_pre_hook(_taught_if_unnoted)  # type: ignore[no-untyped-call]
        self.generator: UnimodalLabelGenerator | None = None
        if labels != "human":
            if rows is None or limit is None:
                raise ValueError(
                    "the number of training rows and the limit of the labels come from them: call complete() first"
                )
            self.generator = UnimodalLabelGenerator(
                rows,
                {FUSED: widths[FUSED], **own},
                limit=limit,
                distance=distance,
                exclude_zero=exclude_zero,
                alpha=alpha,
            )

    def _each(self, name: str, value: Any, default: Any) -> dict[str, Any]:
        """A choice for each modality: the one for all, or those by modality; RecipeError for a modality that has no encoder."""
        if not isinstance(value, Mapping):
            return dict.fromkeys(self.modalities, value)
        for modality in value:
            if modality not in self.modalities:
                raise RecipeError(f"UnimodalLabels.{name}: no encoder for {modality!r}; {choices(modality, self.modalities)}")
        return {modality: value.get(modality, default) for modality in self.modalities}

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The number of training rows, and the limit of the labels where there is none.

        Raises:
            DataError: there is nothing to learn from.
        """
        if arguments["labels"] == "human":
            if not any(score is not None for sample in samples for score in sample.scores.values()):
                raise DataError(
                    "UnimodalLabels: no training row has a human score of a single modality (score_text, score_audio, score_video); "
                    "with labels: generated the model makes them itself"
                )
            return dict(arguments)
        largest = max((abs(sample.score) for sample in samples if sample.score is not None), default=0.0)
        limit = largest if arguments["limit"] is None else arguments["limit"]
        if largest == 0:
            raise DataError("UnimodalLabels: no training row has a score other than 0, so no label can be made")
        if largest > limit:
            raise RecipeError(f"UnimodalLabels.limit is {limit}, and a training row has a score of {largest} or {-largest}")
        return {**arguments, "limit": limit, "rows": len(samples)}

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``score``, and ``score_<modality>`` of each modality: (batch,), NaN where there is none."""
        own = {f"score_{name}": score_field([sample.scores.get(name) for sample in samples]) for name in self.modalities}
        return {"score": score_field([sample.score for sample in samples]), **own}

    def forward(self, look: Look) -> Tensor | None:
        """The sum over the modalities that the batch has; None where no row weighs anything."""
        shown, seen = look(Plain())
        fields = shown.batch.fields
        learning = self.training and torch.is_grad_enabled()  # rows of validation have numbers of their own
        terms: dict[str, Tensor] = {}
        features = {FUSED: seen.fused.summary.detach()}
        present = {FUSED: seen.fused.present}
        for name in self.modalities:
            if name not in seen.parts:
                continue
            present[name] = seen.parts[name].present
            made = self._feature(name, seen)
            features[name] = made.detach()
            target, weight = self._targets(name, fields, learning=learning)
            kept = present[name] & ~target.isnan()
            weight = weight * self.modality_weights[name]
            if not everywhere(not bool((kept & (weight > 0)).any())):
                errors = (self._score(name, made) - target.nan_to_num()).abs()
                terms[name] = mean(weight * errors, kept)
        if torch.is_grad_enabled():  # a step follows
            self.taught |= torch.tensor([name in terms for name in self.modalities], device=self.taught.device)
        if learning:
            self.parts = {name: terms[name].detach() if name in terms else torch.tensor(torch.nan) for name in self.modalities}
        if learning and self.generator is not None:
            self._observe(fields, features, present)
        return torch.stack(list(terms.values())).sum() if terms else None

    def _feature(self, name: str, seen: Representation) -> Tensor:
        """F*_s (batch, hidden); of rows that lack the modality something finite."""
        part = seen.parts[name]
        made: Tensor = self.features[name](part.summary.masked_fill(~part.present.unsqueeze(1), 0.0))
        return made

    def _score(self, name: str, feature: Tensor) -> Tensor:
        """(batch,) in float32."""
        score: Tensor = self.heads[name](feature).squeeze(1).float()
        return score

    def _targets(self, name: str, fields: Fields, *, learning: bool) -> tuple[Tensor, Tensor]:
        """The labels and weights (batch,) of a modality as they stand, copied; NaN where a row has no label."""
        human = fields[f"score_{name}"]
        if self.labels == "human" or self.generator is None:
            return human, torch.ones_like(human)
        target, weight = torch.full_like(human, torch.nan), torch.ones_like(human)
        if learning:
            score, index = fields["score"], fields["index"]
            first = self.generator.visits[index] == 0
            target = torch.where(first, score, self.generator.labels[name][index]).where(~score.isnan(), torch.nan)
            weight = torch.where(first, self.warm_up_weight, self.generator.weights(index, name))
        if self.labels == "human_where_present":
            given = ~human.isnan()
            target, weight = torch.where(given, human, target), torch.where(given, 1.0, weight)
        return target, weight

    def _observe(self, fields: Fields, features: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> None:
        """All processes see the rows of all."""
        assert self.generator is not None
        with torch.no_grad():
            self.generator.observe(
                gather(fields["index"])[0],
                {name: gather(values)[0] for name, values in features.items()},
                gather(fields["score"])[0],
                present={name: gather(values)[0] for name, values in present.items()},
            )

    @property
    def untaught(self) -> tuple[str, ...]:
        """The modalities whose heads have had no step with weight, and so answer nothing."""
        return tuple(name for name, taught in zip(self.modalities, self.taught.tolist(), strict=True) if not taught)

    def answer(self, representation: Representation) -> Prediction:
        """``score_<modality>`` of each whose head has learned something; None where the row lacks it."""
        rows = len(representation.fused.present)
        answering = [name for name in self.modalities if name not in self.untaught]
        columns: dict[str, list[float | None]] = {f"score_{name}": [None] * rows for name in answering}
        for name in answering:
            if name in representation.parts:
                scores = self._score(name, self._feature(name, representation))
                columns[f"score_{name}"] = as_answers(scores, representation.parts[name].present)
        return Prediction(columns)

    def vectors(self, representation: Representation) -> Prediction:
        """``vector_fused``, F*_m, and ``vector_<modality>``, F*_s, a list of numbers each; None where the row lacks it."""
        fused = representation.fused
        columns: dict[str, list[list[float] | None]] = {
            f"vector_{name}": [None] * len(fused.present) for name in (FUSED, *self.modalities)
        }
        found = {FUSED: (fused.summary, fused.present)} | {
            name: (self._feature(name, representation), representation.parts[name].present)
            for name in self.modalities
            if name in representation.parts
        }
        for name, (made, present) in found.items():
            columns[f"vector_{name}"] = [
                vector if there else None for vector, there in zip(made.float().tolist(), present.tolist(), strict=True)
            ]
        return Prediction(columns)

    def remembered(self) -> dict[str, Tensor]:
        """``y_m``, ``y_t``, ``y_a``, ``y_v``: NaN where the row was not seen with the modality; ``visits``."""
        if self.generator is None:
            return {}
        labels, known = self.generator.labels, self.generator.known
        names = {FUSED: "y_m"} | {name: f"y_{name[0]}" for name in self.modalities}
        table = {short: labels[key].where(known[key], torch.nan) for key, short in names.items()}
        return {**table, "visits": self.generator.visits}

    def forgetful(self) -> tuple[UnimodalLabels, dict[str, Any]]:
        """A copy whose memory, which is for training alone, has no rows."""
        if self.generator is None:
            return self, {}
        return copy.deepcopy(self, {id(self.generator): self.generator.empty()}), {"rows": 0}


def _taught_if_unnoted(objective: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """A model that was saved before this was noted answers all that it answered."""
    assert isinstance(objective, UnimodalLabels)
    state.setdefault(f"{prefix}taught", torch.ones_like(objective.taught))
