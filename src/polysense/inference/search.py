"""Search by meaning: the rows of a collection whose vectors are nearest to a query's, in blocks, exactly unless asked otherwise."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from polysense.errors import RecipeError, choices
from polysense.inference.candidates import SLACK, FaissCandidates, FlatCandidates, GraphCandidates
from polysense.inference.reader import is_single, listed
from polysense.types import MODALITIES, Sample

Backend = Literal["exact", "faiss", "hnsw"]

FAISS: Mapping[str, type[FaissCandidates]] = {"faiss": FlatCandidates, "hnsw": GraphCandidates}
"""The backends of that library."""

ROWS = 16_384
"""Rows of the collection compared at a time."""

FEW = 32
"""Queries for which products in float32 come first: for more of them they cost more than they save."""

QUERIES = 256
"""Queries answered at a time: with ``ROWS`` this bounds the memory of a search."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One row that was found."""

    row: int
    """Its number in the collection, from 0."""
    score: float
    """The cosine, -1 to 1."""
    item: Any
    """The row as it was added."""
    fit: float | None = None
    """How well it and the query fit, read together; None where they were not."""


class Index:
    """A collection of rows with their vectors, searched by cosine.

    The answer is exact, and the same from ``exact`` and ``faiss``: hits are sorted by score, equal scores by row; no more than
    ``top_k`` and no more than there are rows; with a threshold only those that reach it. A row with nothing but an empty text means
    nothing: it has a number, and is never found. Scores are computed in float64 and
    compared as float32, so that equal rows have equal scores wherever they stand. ``hnsw`` keeps to all this but may miss rows.

    Args:
        embed: rows of the collection to vectors (rows, width).
        embed_queries: queries to vectors; ``embed`` by default.
        backend: ``exact`` compares with every row here; ``faiss`` lets that library do so; ``hnsw`` lets it walk a graph of near
            rows, which is worth its building for many queries over many rows (both: extra ``search``).
    """

    def __init__(
        self,
        embed: Callable[[Sequence[Any]], np.ndarray],
        embed_queries: Callable[[Sequence[Any]], np.ndarray] | None = None,
        *,
        backend: Backend = "exact",
    ) -> None:
        if backend not in get_args(Backend):
            raise RecipeError(f"backend: {backend!r} is not one; {choices(backend, get_args(Backend))}")
        self._embed = embed
        self._embed_queries = embed_queries or embed
        self._items: list[Any] = []
        self._numbers: list[int] = []
        self._added = 0
        self._vectors = np.zeros((0, 0), dtype=np.float32)
        self._faiss = FAISS[backend]() if backend in FAISS else None

    def __len__(self) -> int:
        """Rows that can be found."""
        return len(self._items)

    @property
    def vectors(self) -> np.ndarray:
        """(rows, width) float32, of length 1; not to be written to."""
        view = self._vectors.view()
        view.flags.writeable = False
        return view

    def add(self, rows: Iterable[Any]) -> None:
        """Put rows behind those that are there. The caller's list stays the caller's.

        Warns:
            UserWarning: rows have nothing but an empty text.
        """
        items = list(listed(rows))
        if items:
            self._put(self._embed(items), items, meaningful(items))

    def add_vectors(self, vectors: np.ndarray, items: Iterable[Any] | None = None) -> None:
        """Put rows with vectors (rows, width) of one's own behind those that are there; ``items`` are None by default.

        Raises:
            RecipeError: the width is not that of the others, or there is not one item a vector.
        """
        kept = [None] * len(vectors) if items is None else list(items)
        if len(kept) != len(vectors):
            raise RecipeError(f"there are {len(vectors)} vectors and {len(kept)} rows")
        self._put(vectors, kept, range(len(kept)))

    def _put(self, vectors: np.ndarray, items: Sequence[Any], places: Sequence[int]) -> None:
        """Those at ``places`` can be found; the others have a number alone."""
        if len(self) and vectors.shape[1] != self._vectors.shape[1]:
            raise RecipeError(f"the vectors have width {vectors.shape[1]}, those of the collection {self._vectors.shape[1]}")
        added = unit(vectors if len(places) == len(items) else vectors[list(places)])
        self._vectors = np.concatenate([self._vectors, added]) if len(self) else added
        self._items.extend(items[place] for place in places)
        self._numbers.extend(self._added + place for place in places)
        self._added += len(items)
        if self._faiss is not None and len(added):
            self._faiss.add(added)

    def search(self, queries: Any, top_k: int = 5, threshold: float | None = None) -> list[Any]:
        """The nearest rows: a list of hits for one query, a list of such lists for several.

        A query with nothing but an empty text finds nothing.

        Raises:
            RecipeError: ``top_k`` is below 1, or ``threshold`` is no number.
            DataError: a query cannot be used.

        Warns:
            UserWarning: queries have nothing but an empty text.
        """
        if is_single(queries):
            [hits] = self.search([queries], top_k, threshold)
            return list(hits)
        every = list(listed(queries))
        kept = meaningful(every, never="looked for")
        found = self.search_vectors(self._embed_queries([every[place] for place in kept]), top_k, threshold) if kept else []
        answers = dict(zip(kept, found, strict=True))
        return [answers.get(place, []) for place in range(len(every))]

    def search_vectors(self, queries: np.ndarray, top_k: int = 5, threshold: float | None = None) -> list[list[Hit]]:
        """:meth:`search` for vectors (queries, width)."""
        if top_k < 1:
            raise RecipeError(f"top_k: expected a number from 1 up, found {top_k}")
        if threshold is not None and math.isnan(threshold):
            raise RecipeError("threshold: nan is reached by no cosine")
        if not len(self):
            return [[] for _ in queries]
        if queries.shape[1] != self._vectors.shape[1]:
            raise RecipeError(
                f"the queries have vectors of width {queries.shape[1]}, the collection of width {self._vectors.shape[1]}: "
                "were they made by one model, in one space?"
            )
        found: list[list[Hit]] = []
        for start in range(0, len(queries), QUERIES):
            some = unit(queries[start : start + QUERIES])
            if self._faiss is None:
                pairs = list(zip(*nearest(some, self._vectors, top_k), strict=True))
            else:
                pairs = self._faiss.nearest(some, self._vectors, top_k)
            found += [self._hits(*pair, threshold) for pair in pairs]
        return found

    def _hits(self, rows: np.ndarray, scores: np.ndarray, threshold: float | None) -> list[Hit]:
        return [
            Hit(self._numbers[row], float(score), self._items[row])
            for row, score in zip(rows, scores, strict=True)
            if threshold is None or score >= threshold
        ]


def meaningful(rows: Sequence[Any], *, never: str = "found") -> list[int]:
    """The places of the rows that mean something: all but those that have nothing but an empty text.

    Warns:
        UserWarning: says how many mean nothing, and that they are ``never`` found, or looked for.
    """
    kept = [place for place, row in enumerate(rows) if not _is_blank(row)]
    if blank := len(rows) - len(kept):
        told = "1 row with an empty text is" if blank == 1 else f"{blank:,} rows with an empty text are"
        warnings.warn(f"{told} never {never}", stacklevel=2)
    return kept


def _is_blank(row: Any) -> bool:
    if isinstance(row, Sample):
        row = {name: getattr(row, name) for name in MODALITIES}
    if isinstance(row, Mapping):
        others = any(row.get(name) is not None for name in MODALITIES if name != "text")
        row = None if others else row.get("text")
    return isinstance(row, str) and not row.strip()


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (rows, width) scaled to length 1, float32; what has no length, or is not finite, becomes zeros: near to nothing.

    In float64, a block of rows at a time: the memory is that of the result.
    """
    scaled = np.empty(vectors.shape, dtype=np.float32)
    for start in range(0, len(vectors), ROWS):
        exact = np.asarray(vectors[start : start + ROWS], dtype=np.float64)
        exact = np.where(np.isfinite(exact).all(axis=1, keepdims=True), exact, 0.0)
        lengths = np.linalg.norm(exact, axis=1, keepdims=True)
        scaled[start : start + ROWS] = exact / np.where(lengths > 0, lengths, 1.0)
    return scaled


def nearest(queries: np.ndarray, collection: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers and scores (queries, at most ``top_k``) of the largest products, by score, then by row."""
    rows = np.zeros((len(queries), 0), dtype=np.int64)
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    exact = queries.astype(np.float64)
    for start in range(0, len(collection), ROWS):
        block = collection[start : start + ROWS]
        least = scores[:, -1:] if scores.shape[1] == top_k else np.float32(-np.inf)
        products = _products(queries, exact, block, top_k, least)
        best = _largest(products, top_k)
        rows = np.concatenate([rows, best + start], axis=1)  # behind earlier rows, so that a stable sort keeps their order
        scores = np.concatenate([scores, np.take_along_axis(products, best, axis=1)], axis=1)
        kept = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        rows, scores = np.take_along_axis(rows, kept, axis=1), np.take_along_axis(scores, kept, axis=1)
    return rows, scores


def _products(
    queries: np.ndarray, exact: np.ndarray, block: np.ndarray, top_k: int, least: np.ndarray | np.float32
) -> np.ndarray:
    """The products (queries, rows) of a block, float32 from float64; minus infinity where they cannot count.

    For few queries, products in float32 are several times as fast, and tell which rows are worth an exact one. Where too many are,
    all get it.
    """
    count = len(block)
    if top_k < count and len(queries) <= FEW:
        rough = queries @ block.T
        limit = np.maximum(np.partition(rough, count - top_k, axis=1)[:, [count - top_k]], least)
        asked, rows = np.nonzero(rough >= limit - 2 * SLACK)
        if len(asked) <= ROWS:
            products = np.full(rough.shape, -np.inf, dtype=np.float32)
            products[asked, rows] = np.einsum("nw,nw->n", exact[asked], block[rows].astype(np.float64))
            return products
    found: np.ndarray = (exact @ block.T.astype(np.float64)).astype(np.float32)
    return found


def _largest(products: np.ndarray, top_k: int) -> np.ndarray:
    """The places (queries, at most ``top_k``) of each row's largest values, ascending; of equal ones the first."""
    count = products.shape[1]
    if top_k >= count:
        return np.broadcast_to(np.arange(count), products.shape)
    limit = np.partition(products, count - top_k, axis=1)[:, [count - top_k]]
    above = products > limit
    room = top_k - above.sum(axis=1, keepdims=True)
    level = products == limit
    chosen = above | (level & (np.cumsum(level, axis=1) <= room))
    return np.nonzero(chosen)[1].reshape(len(products), top_k)
