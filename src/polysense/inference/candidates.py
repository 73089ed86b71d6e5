"""Candidates of a search that the library faiss finds: all that count, or most of them and much faster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from polysense.errors import PolysenseError

SLACK = 1e-5
"""How far a score in float32 may be from the true one."""


class FaissCandidates(ABC):
    """Lets faiss find rows, and scores and sorts them as an exact search does."""

    name: ClassVar[str]
    """Of the backend."""

    def __init__(self) -> None:
        if find_spec("faiss") is None:
            raise PolysenseError(f"the backend {self.name!r} is not installed: pip install 'polysense[search]'")
        self._index: Any = None

    def add(self, vectors: np.ndarray) -> None:
        """Put vectors (rows, width) of length 1 behind the others."""
        if self._index is None:
            self._index = self._made(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors))

    def nearest(self, queries: np.ndarray, collection: np.ndarray, top_k: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query the row numbers and scores of at most ``top_k`` rows, by score, then by row."""
        return [self._of(query, collection, min(top_k, len(collection))) for query in queries]

    def _scored(self, query: np.ndarray, collection: np.ndarray, rows: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.sort(rows[rows >= 0])
        scores = (collection[rows].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
        kept = np.argsort(-scores, kind="stable")[:top_k]
        return rows[kept], scores[kept]

    @abstractmethod
    def _made(self, width: int) -> Any:
        """The empty index."""

    @abstractmethod
    def _of(self, query: np.ndarray, collection: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
        """:meth:`nearest` for one query."""


class FlatCandidates(FaissCandidates):
    """Compares with every row, and asks for more where equal scores may be cut off: the answer is exact."""

    name: ClassVar[str] = "faiss"

    def _made(self, width: int) -> Any:
        import faiss

        return faiss.IndexFlatIP(width)

    def _of(self, query: np.ndarray, collection: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
        asked = top_k + 8
        while True:
            asked = min(asked, len(collection))
            rough, found = (values[0] for values in self._index.search(query[None], asked))
            rows, scores = self._scored(query, collection, found, top_k)
            if asked == len(collection) or rough[-1] < scores[-1] - SLACK:
                return rows, scores
            asked *= 4


class GraphCandidates(FaissCandidates):
    """Walks a graph of near rows (HNSW: Malkov and Yashunin, TPAMI 2018): it looks at few of them, and may miss some."""

    name: ClassVar[str] = "hnsw"

    LINKS = 32
    """Of a row to others: more find more and take more memory, 8 bytes each and about twice as many on the lowest level."""
    BUILDING = 200
    """Rows looked at where one is put in."""
    SEARCHING = 128
    """Rows looked at for a query, at least."""

    def _made(self, width: int) -> Any:
        import faiss

        index = faiss.IndexHNSWFlat(width, self.LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = self.BUILDING
        return index

    def _of(self, query: np.ndarray, collection: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
        self._index.hnsw.efSearch = max(self.SEARCHING, 4 * top_k)
        _, found = self._index.search(query[None], min(top_k + 8, len(collection)))
        return self._scored(query, collection, found[0], top_k)
