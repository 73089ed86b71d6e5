"""Cross-modal contrast with rewritten and retrieved texts and pictures (CMCL)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from polysense.distributed import everywhere, gather
from polysense.errors import RecipeError, choices
from polysense.losses import many_to_many_contrast
from polysense.objectives.objective import Aligning, Answering, Judging, Look
from polysense.types import Batch, Prediction, Representation, Sample, Widths
from polysense.views.gathered import Gathered
from polysense.views.stacked import negatives, numbered, says_the_same

SIDES = ("text", "image")

LOWEST, HIGHEST = 0.001, 0.5
"""Bounds of the temperature."""


class CrossModalContrast(Answering, Aligning, Judging):
    """Pull a picture and its text together, against rewritten texts that say something else and against the rest of the batch.

    ``loss = -log( sum_P e^{d/t} / (sum_P e^{d/t} + sum_N e^{d/t}) )``, mean over the pairs; d = cos(f_v(h_IMG), f_t(h_CLS)).
    P: the pair and its ``pair`` text (another caption, a translation), read together, in rows that have negatives read together; the
    pair read apart; near pictures with the text and near texts with the picture, read apart. N: its ``negatives``, read together with
    the picture; the pictures and texts of other rows and what is near those, read apart. Equal pictures and texts, and those that are
    near, are no negatives.
    Reads: text, image, and what further texts and pictures the corpus gives (``rewrites``, ``neighbours``).
    Source: UNIMO (ACL 2021), section 3.2. Ours: the pair read apart is a positive, and other rows are negatives, else constant towers
    win; what is near other rows is a negative, else towers win that like whatever looks like the collection of near pictures.
    Relations: ``ImageTextContrast`` without any rewriting; wants the fusion ``SingleStream``.

    Args:
        widths: supplied by the build.
        shared_width: width of the space in which text and picture are compared.
        initial_temperature: t at the start; it is learned, from 0.001 to 0.5.
        in_batch: whether other rows are negatives. Without them nothing but rewritten texts is held against a row, and of
            ``softmax: three`` only the first loss is left: near texts and pictures and the pair read apart are not learned, whatever
            the corpus and ``apart`` say. ``one`` holds them against the rewritten texts.
        apart: whether the pair read apart is a positive.
        softmax: ``one`` over all, as in the paper, where the largest term satisfies the sum, so that a pair that is told from its
            rewrites, or whose near pictures are found, leaves little for the towers to learn; or ``three``, whose losses are added:
            over what is read together, over what is near, and over the pair read apart.
        score: ``cosine``, or ``product``: ``W (ReLU(f_t) * ReLU(f_v)) + b``, as in the authors' matching head. It is no cosine of
            two vectors, so there is no space to search then: pairs are judged alone.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"text", "image"})
    among_rows: ClassVar[bool] = True
    companions = True

    def __init__(
        self,
        widths: Widths,
        *,
        shared_width: int = 256,
        initial_temperature: float = 0.07,
        in_batch: bool = True,
        apart: bool = True,
        softmax: Literal["one", "three"] = "three",
        score: Literal["cosine", "product"] = "cosine",
    ) -> None:
        super().__init__()
        if not LOWEST <= initial_temperature <= HIGHEST:
            raise RecipeError(
                f"CrossModalContrast.initial_temperature: from {LOWEST} to {HIGHEST}, found {initial_temperature}"
            )
        if not {"joint.text", "joint.image"} <= set(widths):
            raise RecipeError(
                "CrossModalContrast scores pairs that are read together: take the fusion SingleStream, with text and image"
            )
        self.text = nn.Linear(widths["text"], shared_width)
        self.image = nn.Linear(widths["image"], shared_width)
        self.weigh = nn.Linear(shared_width, 1) if score == "product" else None
        self.aligned = SIDES if self.weigh is None else ()
        self.log_temperature = nn.Parameter(torch.tensor(math.log(initial_temperature)))
        self.in_batch, self.apart, self.softmax = in_batch, apart, softmax

    def lacking(self, samples: Sequence[Sample]) -> str:
        """Negatives, where other rows are none and no pair has rewritten texts."""
        if self.in_batch or any(one.negatives and one.text is not None and one.image is not None for one in samples):
            return ""
        return (
            "CrossModalContrast with in_batch: false holds a pair against rewritten texts alone, and no training row has any: name "
            "rewrites in the corpus, or leave in_batch at true"
        )

    def temperature(self) -> Tensor:
        """t; the gradient passes its bounds, so that it can come back from beyond them."""
        bounded = self.log_temperature.clamp(math.log(LOWEST), math.log(HIGHEST))
        return (self.log_temperature + (bounded - self.log_temperature).detach()).exp()

    def forward(self, look: Look) -> Tensor | None:
        """The contrast over the rows that have both modalities."""
        batch = look.batch
        both = batch.parts["text"]["present"] & batch.parts["image"]["present"]
        if everywhere(not bool(both.any())):
            return None
        towers = {name: self._towers(look, name) for name in SIDES}
        texts, images = towers["text"], towers["image"]
        with_images = self._score(texts[0][:, :1], images[0]).masked_fill(~images[1], -torch.inf)
        with_texts = self._score(texts[0], images[0][:, :1]).masked_fill(~texts[1], -torch.inf)
        joint = self._joint(look)
        together, near = [joint[:, :2]], [with_images[:, 1:], with_texts[:, 1:]]
        pair = [with_images[:, :1]] if self.apart else []
        rewritten, others = [joint[:, 2:]], []
        if self.in_batch:
            others = self._against_others(batch, both, towers)
        scale, lacking = 1 / self.temperature(), ~both.unsqueeze(1)

        def contrast(positives: list[Tensor], negatives: list[Tensor]) -> Tensor:
            empty = joint.new_empty(len(joint), 0)
            return many_to_many_contrast(
                *(_scaled(torch.cat([empty, *scores], dim=1), scale, lacking) for scores in (positives, negatives))
            )

        if self.softmax == "one":
            return contrast(together + near + pair, rewritten + others)
        return contrast(together, rewritten) + contrast(near, others) + contrast(pair, others)

    def _joint(self, look: Look) -> Tensor:
        """Scores of each row's picture read together with its text, its pair, its negatives: (batch, 2 + negatives).

        Minus infinity in rows without a negative: what nothing is held against would satisfy the sum at no cost.
        """
        batch, hard = look.batch, negatives(look.batch)
        if not hard:
            return self.log_temperature.new_full((batch.size, 2), -torch.inf)
        pair = ("pair",) if "pair" in batch.parts else ()
        shown, seen = look(Gathered("text", ("text", *pair, *hard), beside="image"))
        scores = self._score(
            self._project("text", seen.fused.codes["joint.text"]), self._project("image", seen.fused.codes["joint.image"])
        )
        row, which = shown.targets["row"], shown.targets["which"]
        found = scores.new_full((batch.size, 2 + len(hard)), -torch.inf)
        found = found.index_put((row, which if pair else which + (which > 0)), scores)
        same = torch.stack([says_the_same(batch, name) for name in hard], dim=1)
        found = torch.cat([found[:, :2], found[:, 2:].masked_fill(same, -torch.inf)], dim=1)
        return found.masked_fill(found[:, 2:].isinf().all(dim=1, keepdim=True), -torch.inf)

    def _towers(self, look: Look, modality: str) -> tuple[Tensor, Tensor]:
        """Vectors of each row's own text or picture and of those near it, read apart: (batch, 1 + near, width), and which are there."""
        batch = look.batch
        names = (modality, *numbered(batch, f"near_{modality}"))
        shown, seen = look(Gathered(modality, names))
        vectors = self._project(modality, seen.parts[modality].summary)
        places = shown.targets["row"], shown.targets["which"]
        found = vectors.new_zeros(batch.size, len(names), vectors.shape[1]).index_put(places, vectors)
        there = torch.zeros(found.shape[:2], dtype=torch.bool, device=found.device)
        there[places] = True
        return found, there

    def _against_others(self, batch: Batch, both: Tensor, towers: Mapping[str, tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Scores of each row's text with the pictures of all other rows and those near them, and of its picture with their texts."""
        there, offset = gather(both)
        keys = {name: batch.parts[name]["key"] for name in SIDES}
        every = {name: gather(key)[0] for name, key in keys.items()}
        rows = torch.arange(len(both), device=both.device)
        same = torch.stack([keys[name].unsqueeze(1) == every[name] for name in SIDES]).any(dim=0) | ~there
        same[rows, rows + offset] = True
        found = []
        for name, asking in (("image", "text"), ("text", "image")):
            vectors, present = towers[name]
            names = [name, *numbered(batch, f"near_{name}")]
            near = present & both.unsqueeze(1)
            near[:, 0] = False
            whose = near.nonzero()[:, 0]
            near_keys = torch.stack([batch.parts[one]["key"] for one in names], dim=1)[near]
            others = torch.cat([gather(vectors[:, 0])[0], gather(vectors[near])[0]])
            held = torch.cat([every[name], gather(near_keys)[0]])
            barred = torch.cat([same, same[:, gather(whose + offset)[0]]], dim=1)
            for known in [*names, *(["pair"] if name == "text" and "pair" in batch.parts else [])]:
                part = batch.parts[known]
                barred = barred | ((part["key"].unsqueeze(1) == held) & part["present"].unsqueeze(1))
            found.append(self._score_all(towers[asking][0][:, 0], others).masked_fill(barred, -torch.inf))
        return found

    def _project(self, modality: str, summaries: Tensor) -> Tensor:
        found: Tensor = (self.text if modality == "text" else self.image)(summaries)
        return found.float().relu() if self.weigh is not None else normalize(found.float(), dim=-1)

    def _score(self, text: Tensor, image: Tensor) -> Tensor:
        """D (...,) of vectors (..., width)."""
        product = text * image
        return product.sum(dim=-1) if self.weigh is None else self.weigh(product).squeeze(-1)

    def _score_all(self, one: Tensor, others: Tensor) -> Tensor:
        """D of every vector (rows, width) with every other one (others, width): (rows, others)."""
        if self.weigh is None:
            return one @ others.T
        return (one * self.weigh.weight) @ others.T + self.weigh.bias

    def project(self, modality: str, summaries: Tensor) -> Tensor:
        """Text or image summaries in the space of the contrast, (rows, shared width), in float32."""
        if modality not in self.aligned:
            raise ValueError(f"no modality {modality!r} in the space of the contrast: {choices(modality, self.aligned)}")
        return normalize(self._project(modality, summaries), dim=-1)

    def judge(self, representation: Representation) -> Tensor:
        """D of text and picture read together."""
        codes = representation.fused.codes
        return self._score(self._project("text", codes["joint.text"]), self._project("image", codes["joint.image"]))

    def answer(self, representation: Representation) -> Prediction:
        """``similarity``: d of text and picture read together; None in rows that lack one."""
        both = representation.have("text", "image").tolist()
        if not any(both):
            return Prediction({"similarity": [None] * len(both)})
        found = self.judge(representation).tolist()
        return Prediction({"similarity": [value if there else None for value, there in zip(found, both, strict=True)]})


def _scaled(scores: Tensor, scale: Tensor, lacking: Tensor) -> Tensor:
    """``scores * scale``, and minus infinity where there is none: the gradient of the product with infinity would be NaN."""
    absent = lacking | scores.isinf()
    return (scores.masked_fill(absent, 0.0) * scale).masked_fill(absent, -torch.inf)
