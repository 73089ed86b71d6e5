"""MVSA-Single (Niu, Zhu, Pang, El Saddik, MMM 2016)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpora.mvsa import FILE, Mvsa
from polysense.data.corpus import Corpus, expect
from polysense.data.pictured import read_pictured
from polysense.data.splits import beside_held_out, make_splits
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

TABLE = "mvsa_single.csv"
PublishedSplit = Literal["split_clmlf", "split_course"]
DEFAULT: PublishedSplit = "split_clmlf"


class MvsaSingle(Corpus):
    """MVSA-Single: tweets with one picture each; negative, neutral or positive.

    4,869 tweets, of which 4,511 are labelled. ``split`` is the column with the published split: ``split_clmlf`` (3,611 / 450 /
    450, the usual one) or ``split_course`` (4,000 for training, 511 for testing), from whose training rows a tenth is cut for
    validation, by ``seed``, keeping equal posts together. With ``unlabelled``, the tweets whose text and picture were given
    opposite labels train too, without label; those that share a text or picture with a validation or test row stay out.
    The set as it is published (``labelResultAll.txt`` and ``data/``) is read as `Mvsa` reads it, with splits drawn by ``seed``.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (TABLE, "images/<id>.jpg")

    def __init__(self, split: PublishedSplit = DEFAULT, unlabelled: bool = False, seed: int = 0) -> None:
        if split not in get_args(PublishedSplit):
            raise RecipeError(f"MvsaSingle, split: {split!r} is not one; {choices(split, get_args(PublishedSplit))}")
        self.published_split = split
        self.unlabelled = unlabelled
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        root = Path(root)
        if (root / FILE).is_file() and not (root / TABLE).exists():
            return self._as_published(root, media_root)
        path = expect(self, root if root.is_file() else root / TABLE)
        images = expect(self, path.parent / "images" if media_root is None else Path(media_root))
        columns = {"id": "id", "image": "image", "text": "text", "label": "label", "split": self.published_split}
        table = read_pictured(path, columns=columns, pictures=images, reads=self.reads)
        samples = [sample for sample in table.samples if sample.label is not None]
        if not any(sample.split == "validation" for sample in samples):
            samples = self._with_validation(samples)
        if self.unlabelled:
            samples = _with_unlabelled(samples, table.samples)
        return replace(
            table,
            name="mvsa_single",
            samples=tuple(samples),
            left_out={"tweets without a label": len(table.samples) - len(samples)},
        )

    def _as_published(self, root: Path, media_root: Path | None) -> Table:
        if self.published_split != DEFAULT:
            raise RecipeError(
                f"MvsaSingle, split: {self.published_split!r} is a column of {TABLE}, which is not in {display(root)}"
            )
        table = Mvsa(unlabelled=self.unlabelled, seed=self.seed).read_by(self.reads).read(root, media_root=media_root)
        if table.name != "mvsa_single":
            raise DataError(f"{display(root / FILE)} is of MVSA-Multiple, with several annotators: write corpora: [Mvsa]")
        return replace(table, corpus=type(self).__name__)

    def _with_validation(self, samples: list[Sample]) -> list[Sample]:
        """A tenth of the training rows become validation rows."""
        train = [sample for sample in samples if sample.split == "train"]
        made = make_splits(train, seed=self.seed, fractions=(0.9, 0.1, 0.0))
        split = {sample.id: name for sample, name in zip(train, made, strict=True)}
        return [replace(sample, split=split.get(sample.id, sample.split)) for sample in samples]


def _with_unlabelled(labelled: list[Sample], every: tuple[Sample, ...]) -> list[Sample]:
    """The labelled rows, and as training rows the unlabelled ones that are linked to no validation or test row."""
    split = {sample.id: sample.split for sample in labelled}
    placed = [replace(sample, split=split.get(sample.id)) for sample in every]
    free = [
        replace(sample, split="train")
        for sample, near in zip(placed, beside_held_out(placed), strict=True)
        if sample.label is None and not near
    ]
    return [*labelled, *free]
