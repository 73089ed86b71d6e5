"""Does a text find its picture, and a picture its text, in a space that an objective shares between them?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from polysense.data.corpora.flickr8k import FOLDER, Flickr8k
from polysense.data.folders import set_folder
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError
from polysense.evaluation.evaluator import Answerer, Comparable, Difference
from polysense.evaluation.judge import aligning, judge, judging
from polysense.learner import Learner
from polysense.metrics.bootstrap import paired_bootstrap
from polysense.metrics.retrieval import KS, ranks, recalls, reranked, shortlists
from polysense.objectives.objective import Aligning
from polysense.progress import say_of_data
from polysense.types import Sample

Ranks = NDArray[np.int64]
Pairs = NDArray[np.int64]
Scores = NDArray[np.float64]
TO_IMAGE, TO_TEXT = "text_to_image_", "image_to_text_"
"""How metrics begin."""
FEW = 200
"""Pictures; among fewer, one of the first ten is often the right one by chance, and that is said."""
SECOND = "reranked_"
"""What then says that they are of the second stage."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ranks, from 1, at which a model finds what belongs together."""

    by_text: Ranks
    """(rows,): of the picture of each row's text."""
    picture_of: Ranks
    """(rows,): the number of that picture."""
    by_picture: Ranks
    """(pictures,): of the best of each picture's texts."""
    second: Ranked | None = None
    """After the second stage; None where there is none."""

    @property
    def stages(self) -> dict[str, Ranked]:
        """The ranks by what their metrics say."""
        return {"": self} | ({} if self.second is None else {SECOND: self.second})


class Retrieval(Comparable[Ranked]):
    """``text_to_image_R@1``, ``R@5``, ``R@10`` and ``median_rank``, and the same from image to text, among the samples given.

    Every distinct picture is offered and asks once, however many texts it has, and every distinct text is offered once. A row's
    text asks for the picture of its row. A picture asks for any of its texts: the best of them counts, and the others are not
    in its way. Empty for a model without an objective that aligns text and image, as ``ImageTextContrast`` and ``Grounding`` do; of
    several the first is asked.

    With ``rerank`` there are two stages: the best so many of each query are read together with it, one by one, and put in the
    order of what an objective that judges pairs says of them (``ImageTextMatching``, ``CrossModalContrast``, ``PairRanking``);
    behind them everything stays where it was. ``text_to_image_reranked_R@1`` and so on are then measured too, for a model that
    has such an objective (:func:`judging` says which of several).
    Equal scores count against the model in both stages.

    Args:
        rerank: how many; each costs a pass through the fusion. None measures the first stage alone.
    """

    units: ClassVar[str] = "pictures"
    needs: ClassVar[str] = (
        "texts with pictures, and a model that aligns them (ImageTextContrast, CrossModalContrast, Grounding)"
    )

    def __init__(self, *, rerank: int | None = None) -> None:
        if rerank is not None and rerank < 1:
            raise RecipeError(f"Retrieval.rerank: expected a number from 1 up, found {rerank}")
        self.rerank = rerank

    def read(self, root: Path) -> Table | None:
        """The test split of Flickr8k, 1,000 pictures of five captions each, where ``root`` is or holds that set."""
        if not _is_flickr8k(set_folder(root, FOLDER)):
            return None
        table = Flickr8k().read(root)
        return replace(table, samples=tuple(sample for sample in table.samples if sample.split == "test"))

    def fits(self, learner: Learner) -> bool:
        """Whether an objective aligns text and image."""
        return aligning(learner) is not None

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Encode, project, rank."""
        found = self._ranked(answerer, samples)
        if found is None:
            return {}
        if (pictures := len(found.by_picture)) < FEW:
            say_of_data(
                f"retrieval: {len(found.by_text):,} texts look for {pictures:,} pictures; "
                f"R@10 by chance: {min(1.0, 10 / pictures):.2f}"
            )
        metrics: dict[str, float] = {}
        for stage, of in found.stages.items():
            metrics |= recalls(of.by_text, prefix=f"{TO_IMAGE}{stage}") | recalls(of.by_picture, prefix=f"{TO_TEXT}{stage}")
        return metrics

    def outcomes(self, answerer: Answerer, samples: Sequence[Sample]) -> Ranked:
        """The ranks of all queries."""
        found = self._ranked(answerer, samples)
        if found is None:
            raise DataError(
                "Retrieval: no row has a text and a picture, or a model has no objective that aligns them "
                "(ImageTextContrast, Grounding)"
            )
        return found

    def differences(
        self, base: Sequence[Ranked], other: Sequence[Ranked], *, resamples: int, seed: int
    ) -> dict[str, Difference]:
        """Of each recall, drawn over pictures: the texts of a picture come and go with it, for they are hard or easy together."""
        found: dict[str, Difference] = {}
        shared = [stage for stage in base[0].stages if all(stage in one.stages for one in (*base, *other))]
        for stage, (prefix, asked_by_text) in product(shared, ((TO_IMAGE, True), (TO_TEXT, False))):
            arms = [np.stack([_hits(one.stages[stage], by_text=asked_by_text) for one in arm]) for arm in (base, other)]
            drawn = paired_bootstrap(arms[0], arms[1], _recalls, resamples=resamples, seed=seed)
            found |= {f"{prefix}{stage}{name}": (one, arms[0].shape[1]) for name, one in drawn.items()}
        return found

    def _ranked(self, answerer: Answerer, samples: Sequence[Sample]) -> Ranked | None:
        """None where there is nothing to ask."""
        head = aligning(answerer.learner)
        rows = [sample for sample in samples if sample.text is not None and sample.image is not None]
        if head is None or not rows:
            return None
        model = answerer.learner.model
        text_of, texts = _distinct(map(model.encoder("text").key, rows))
        picture_of, pictures = _distinct(map(model.encoder("image").key, rows))
        shown = [rows[place] for place in pictures]
        text, image = projected(answerer, head, rows, "text"), projected(answerer, head, shown, "image")
        asks = _Asks(text, image, np.stack([np.arange(len(rows)), picture_of], axis=1))
        tells = _Asks(image, text[texts], np.stack([picture_of, text_of], axis=1))
        found, described = asks.ranks(), tells.ranks()
        judges = None if self.rerank is None else judging(answerer.learner)
        second = None
        if judges is not None and self.rerank is not None:

            def scores(numbers: Pairs) -> Scores:
                return judge(answerer, judges, rows, shown, numbers)

            by_text = asks.reranked(found, self.rerank, scores)
            by_picture = tells.reranked(
                described, self.rerank, lambda pairs: scores(np.stack([texts[pairs[:, 1]], pairs[:, 0]], 1))
            )
            second = Ranked(by_text, picture_of, by_picture)
        return Ranked(found, picture_of, described, second)


@dataclass(frozen=True, slots=True)
class _Asks:
    """Queries and what is offered to them, in the shared space."""

    queries: np.ndarray
    items: np.ndarray
    pairs: Pairs
    """(pairs, 2): queries and the items that are right for them."""

    def ranks(self) -> Ranks:
        return ranks(self.queries, self.items, pairs=self.pairs)

    def reranked(self, first: Ranks, size: int, scores: Callable[[Pairs], Scores]) -> Ranks:
        """``scores`` judges the pairs (pairs, 2) of query and item."""
        listed = shortlists(self.queries, self.items, pairs=self.pairs, size=size)
        numbers = np.stack([np.repeat(np.arange(len(listed)), listed.shape[1]), listed.ravel()], axis=1)
        return reranked(first, listed, scores(numbers).reshape(listed.shape), pairs=self.pairs)


def _hits(ranked: Ranked, *, by_text: bool) -> Ranks:
    """Of each picture, how many queries found at 1, 5 and 10, and how many there were: (pictures, 4)."""
    found = ranked.by_text if by_text else ranked.by_picture
    picture_of = ranked.picture_of if by_text else np.arange(len(found))
    counts = np.zeros((len(ranked.by_picture), len(KS) + 1), dtype=np.int64)
    np.add.at(counts, picture_of, np.stack([*(found <= k for k in KS), np.ones(len(found), dtype=bool)], axis=1))
    return counts


def _recalls(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Summed hits (..., 4) as recalls (...)."""
    return {f"R@{k}": counts[..., place] / counts[..., -1] for place, k in enumerate(KS)}


def _is_flickr8k(folder: Path) -> bool:
    """Whether its files are there; somebody's own captions may have the same name and other columns."""
    captions = folder / "captions.csv"
    if not (captions.is_file() and (folder / "images").is_dir()):
        return False
    with captions.open("rb") as file:
        return file.readline().strip().split(b",") == [b"image", b"split", b"caption_id", b"caption"]


def _distinct(keys: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's content (rows,), from 0 in order of appearance, and the row (contents,) that has it first."""
    first: dict[int, int] = {}
    numbers: dict[int, int] = {}
    number_of = []
    for row, key in enumerate(keys):
        first.setdefault(key, row)
        number_of.append(numbers.setdefault(key, len(numbers)))
    return np.array(number_of, dtype=np.int64), np.array(list(first.values()), dtype=np.int64)


def projected(answerer: Answerer, head: Aligning, rows: Sequence[Sample], modality: str) -> np.ndarray:
    """The rows of one modality in the shared space, (rows, shared width); the others are not run."""
    alone = [_alone(row, modality) for row in rows]
    summaries = torch.from_numpy(answerer.encode(alone, part=modality))
    device = next(answerer.learner.parameters()).device
    with torch.inference_mode():
        projected: np.ndarray = head.project(modality, summaries.to(device)).float().cpu().numpy()
    return projected


def _alone(sample: Sample, modality: str) -> Sample:
    others: dict[str, Any] = {name: None for name in sample.modalities if name != modality}
    return replace(sample, **others)
