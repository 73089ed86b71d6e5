"""Does a text find its picture, and a picture its text, in a space that an objective shares between them?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from polysense.data.corpora.flickr8k import FOLDER, Flickr8k
from polysense.data.folders import set_folder
from polysense.data.media import content_key
from polysense.data.table import Table
from polysense.errors import DataError
from polysense.evaluation.evaluator import Answerer, Comparable, Difference
from polysense.metrics.bootstrap import paired_bootstrap
from polysense.metrics.retrieval import KS, ranks, recalls
from polysense.objectives.objective import Aligning
from polysense.types import Sample

Ranks = NDArray[np.int64]
TO_IMAGE, TO_TEXT = "text_to_image_", "image_to_text_"
"""How metrics begin."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ranks, from 1, at which a model finds what belongs together."""

    by_text: Ranks
    """(rows,): of the picture of each row's text."""
    picture_of: Ranks
    """(rows,): the number of that picture."""
    by_picture: Ranks
    """(pictures,): of the best of each picture's texts."""


class Retrieval(Comparable[Ranked]):
    """``text_to_image_R@1``, ``R@5``, ``R@10`` and ``median_rank``, and the same from image to text, among the samples given.

    Every distinct picture is offered and asks once, however many texts it has, and every distinct text is offered once. A row's
    text asks for the picture of its row. A picture asks for any of its texts: the best of them counts, and the others are not
    in its way. Empty for a model without an objective that aligns text and image, as ``ImageTextContrast`` and ``Grounding`` do; of
    several the first is asked.
    """

    units: ClassVar[str] = "pictures"

    def read(self, root: Path) -> Table | None:
        """The test split of Flickr8k, 1,000 pictures of five captions each, where ``root`` is or holds that set."""
        if not _is_flickr8k(set_folder(root, FOLDER)):
            return None
        table = Flickr8k().read(root)
        return replace(table, samples=tuple(sample for sample in table.samples if sample.split == "test"))

    def __call__(self, answerer: Answerer, samples: Sequence[Sample]) -> dict[str, float]:
        """Encode, project, rank."""
        found = self._ranked(answerer, samples)
        if found is None:
            return {}
        return {**recalls(found.by_text, prefix=TO_IMAGE), **recalls(found.by_picture, prefix=TO_TEXT)}

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
        for prefix, asked_by_text in ((TO_IMAGE, True), (TO_TEXT, False)):
            arms = [np.stack([_hits(one, by_text=asked_by_text) for one in arm]) for arm in (base, other)]
            drawn = paired_bootstrap(arms[0], arms[1], _recalls, resamples=resamples, seed=seed)
            found |= {f"{prefix}{name}": (one, arms[0].shape[1]) for name, one in drawn.items()}
        return found

    def _ranked(self, answerer: Answerer, samples: Sequence[Sample]) -> Ranked | None:
        """None where there is nothing to ask."""
        heads = (one for one in answerer.learner.active.values() if isinstance(one, Aligning))
        head = next((one for one in heads if {"text", "image"} <= set(one.aligned)), None)
        rows = [sample for sample in samples if sample.text is not None and sample.image is not None]
        if head is None or not rows:
            return None
        text_of, texts = _distinct(content_key(row.text) for row in rows)
        picture_of, pictures = _distinct(content_key(row.image) for row in rows)
        text = _projected(answerer, head, rows, "text")
        image = _projected(answerer, head, [rows[place] for place in pictures], "image")
        found = ranks(text, image, pairs=np.stack([np.arange(len(rows)), picture_of], axis=1))
        described = ranks(image, text[texts], pairs=np.stack([picture_of, text_of], axis=1))
        return Ranked(found, picture_of, described)


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


def _projected(answerer: Answerer, head: Aligning, rows: Sequence[Sample], modality: str) -> np.ndarray:
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
