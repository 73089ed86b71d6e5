"""Reviews of the multi-domain sentiment set (Blitzer, Dredze and Pereira, ACL 2007)."""

from __future__ import annotations

import gzip
import html
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.rows import origin
from polysense.data.splits import make_splits, with_validation
from polysense.data.table import Table
from polysense.data.tagged import read_reviews
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "amazon_blitzer"
Domain = Literal["electronics", "kitchen_and_housewares"]
LABELS = ("positive", "negative")


class AmazonReviews(Corpus):
    """Amazon reviews of electronics and kitchenware, 1,000 positive and 1,000 negative of each.

    ``extra`` has the ``domain``, the ``rating`` and the ``product``; names of reviewers are not read. There are no published splits:
    80/10/10 ones are drawn by ``seed``, keeping equal texts together. With ``test`` the model is scored on all reviews of that
    other domain, and a tenth of ``domain`` is for validation.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = tuple(f"{domain}/{label}.review.gz" for domain in get_args(Domain) for label in LABELS)

    def __init__(self, domain: Domain = "electronics", test: Domain | None = None, seed: int = 0) -> None:
        for name, value in (("domain", domain), ("test", test)):
            if value is not None and value not in get_args(Domain):
                raise RecipeError(f"AmazonReviews, {name}: {value!r} is not one; {choices(value, get_args(Domain))}")
        if domain == test:
            raise RecipeError("AmazonReviews, test: name the other domain; parts of the same one are drawn without it")
        self.domain = domain
        self.test = test
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The reviews under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        domains = [self.domain, *([self.test] if self.test else [])]
        files = {domain: [expect(self, home / domain / f"{label}.review.gz") for label in LABELS] for domain in domains}
        own, *others = ([sample for path in paths for sample in _reviews(path)] for paths in files.values())
        return Table(
            name=FOLDER,
            samples=tuple(self._split(own, others[0] if others else [])),
            columns=("text", "label", "domain", "rating", "product"),
            digests={f"{domain}/{path.name}": file_digest(path) for domain, paths in files.items() for path in paths},
            folder=home,
            split_made=True,
        )

    def _split(self, own: Sequence[Sample], other: Sequence[Sample]) -> list[Sample]:
        if other:
            training = with_validation([replace(sample, split="train") for sample in own], seed=self.seed)
            return [*training, *(replace(sample, split="test") for sample in other)]
        made = make_splits(own, seed=self.seed)
        return [replace(sample, split=split) for sample, split in zip(own, made, strict=True)]


def _reviews(path: Path) -> list[Sample]:
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{display(path)} cannot be read: {error}") from None
    domain, label = path.parent.name, path.name.partition(".")[0]
    file, found = display(path), []
    for number, review in enumerate(read_reviews(path, text), start=1):
        where = origin(file, number)
        words, rating = review.field("review_text"), review.field("rating")
        if not words or rating is None:
            raise DataError(f"{where}: the review has no <review_text> or no <rating>")
        found.append(
            Sample(
                id=f"{domain}/{label}/{number}",
                text=" ".join(html.unescape(words).split()),
                label=label,
                extra={"domain": domain, "rating": rating, "product": review.field("asin") or ""},
                origin=where,
            )
        )
    return found
