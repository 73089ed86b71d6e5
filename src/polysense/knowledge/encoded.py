"""A corpus as numbers: cut into words and tagged once, then read from disk as often as counting needs, however large it is."""

from __future__ import annotations

import hashlib
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polysense.data.markup import without_markup
from polysense.errors import DataError
from polysense.knowledge.gaps import Gap, gap_between
from polysense.knowledge.tagger import TAGS, Language, Tagger
from polysense.progress import Progress

CHUNK = 400_000
"""Characters that a process tags at a time. What is counted does not depend on it."""

WORTHWHILE = 24
"""Chunks from which on several processes are begun. One process tags a chunk in 0.7 s or more, in either language, and beginning others
takes about 5 s, for each loads its tagger. Two processes save half of the tagging, so they are even at about 15 chunks; with 24 they
have saved some seconds even where beginning takes longer. Shorter corpora take less than 20 s with one process."""

BLOCK = 1_000_000
"""Words that are counted at a time, about."""

MOST = 1 << 256
"""Digests stay below it."""

NEW_TEXT = max(Gap) + 1
"""The gap before a text's first word."""

_FILES = {"words": np.int32, "tags": np.uint8, "gaps": np.uint8}


@dataclass(frozen=True)
class Block:
    """Consecutive words of a corpus; it begins and ends with a text."""

    words: NDArray[np.int32]
    """(words,): places in the vocabulary."""
    tags: NDArray[np.uint8]
    """(words,): places in `TAGS`."""
    gaps: NDArray[np.uint8]
    """(words,): what stands before each word: a `Gap`, or NEW_TEXT."""

    @cached_property
    def sentences(self) -> NDArray[np.int64]:
        """(words,): the number of each word's sentence, from 0."""
        return np.cumsum(self.gaps >= Gap.SENTENCE) - 1

    @cached_property
    def clauses(self) -> NDArray[np.int64]:
        """(words,): the number of each word's clause, from 0."""
        return np.cumsum(self.gaps >= Gap.CLAUSE) - 1

    @cached_property
    def texts(self) -> NDArray[np.int64]:
        """(words,): the number of each word's text, from 0."""
        return np.cumsum(self.gaps == NEW_TEXT) - 1


@dataclass(frozen=True)
class EncodedCorpus:
    """The files of a tagged corpus; it lives as long as its folder."""

    folder: Path
    vocabulary: tuple[str, ...]
    texts: int
    """Texts with at least one word."""
    size: int
    """Words."""
    digest: str
    """Of the texts, in whatever order: the sha256 of each one in UTF-8, as a number with the first byte the highest, added up modulo
    2**256, in 64 hexadecimal digits. Blank texts and repeated ones count too."""

    def blocks(self) -> Iterator[Block]:
        """The corpus in its order, about a million words at a time, each block ending with a text."""
        arrays = {name: np.memmap(self.folder / name, kind, "r") for name, kind in _FILES.items()}
        start = 0
        while start < self.size:
            end = min(start + BLOCK, self.size)
            while end < self.size and arrays["gaps"][end] != NEW_TEXT:
                ahead = np.flatnonzero(arrays["gaps"][end : end + BLOCK] == NEW_TEXT)
                end = end + int(ahead[0]) if len(ahead) else min(end + BLOCK, self.size)
            yield Block(**{name: np.array(array[start:end]) for name, array in arrays.items()})
            start = end


def encode(
    texts: Iterable[str],
    tagger: Tagger,
    language: Language,
    folder: Path,
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> EncodedCorpus:
    """Tag every text and write the numbers into ``folder``. The texts are read once, and only some of them are held at a time.

    Args:
        texts: one document each.
        tagger: what cuts and tags.
        language: whose rules say where sentences end.
        folder: an empty one.
        processes: that tag at the same time; the result is the same for every number.
        progress: told the texts done, and 0, since how many there are is not known.

    Raises:
        DataError: an entry is no text, or there are no words at all.
    """
    numbers: dict[str, int] = {}
    digest = done = filled = size = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in _FILES}
        for chunk in _tagged(_chunks(texts), tagger, language, processes):
            here = np.fromiter((numbers.setdefault(word, len(numbers)) for word in chunk.vocabulary), np.int32)
            words = here[chunk.words] if len(chunk.words) else chunk.words
            for name, array in (("words", words), ("tags", chunk.tags), ("gaps", chunk.gaps)):
                files[name].write(array.tobytes())
            digest = (digest + chunk.digest) % MOST
            done, filled, size = done + chunk.texts, filled + int((chunk.gaps == NEW_TEXT).sum()), size + len(words)
            if progress:
                progress(done, 0)
    if not size:
        raise DataError(f"{done:,} texts, and no word in them" if done else "there are no texts")
    return EncodedCorpus(folder, tuple(numbers), filled, size, f"{digest:064x}")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some texts as numbers; words are places in the chunk's own vocabulary."""

    vocabulary: list[str]
    words: NDArray[np.int32]
    tags: NDArray[np.uint8]
    gaps: NDArray[np.uint8]
    texts: int
    digest: int


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {place + 1}: {type(text).__name__} where a text is expected")
        chunk.append(text)
        size += len(text) + 1
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _tagged(chunks: Iterator[list[str]], tagger: Tagger, language: Language, processes: int) -> Iterator[_Chunk]:
    """The chunks in their order. Processes are begun where there is enough to do; a few chunks are under way at a time."""
    first = list(islice(chunks, WORTHWHILE))
    if processes <= 1 or len(first) < WORTHWHILE:
        for chunk in first:
            yield _encode_chunk(chunk, tagger, language)
        for chunk in chunks:
            yield _encode_chunk(chunk, tagger, language)
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_leave_interrupts)
    waiting: deque[Future[_Chunk]] = deque()
    try:
        for group in (first, chunks):
            for chunk in group:
                waiting.append(pool.submit(_encode_chunk, chunk, tagger, language))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """An interruption is the main process's to answer; it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_TAG_NUMBERS = {tag: place for place, tag in enumerate(TAGS)}


def _encode_chunk(texts: list[str], tagger: Tagger, language: Language) -> _Chunk:
    numbers: dict[str, int] = {}
    words: list[int] = []
    tags = bytearray()
    gaps = bytearray()
    digest = 0
    for text in texts:
        digest += int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        shown = without_markup(text)
        before, end_before = "", -1
        for word, tag, start, end in tagger.tag(shown):
            words.append(numbers.setdefault(word, len(numbers)))
            tags.append(_TAG_NUMBERS[tag])
            gaps.append(NEW_TEXT if end_before < 0 else gap_between(shown, before, end_before, start, language))
            before, end_before = word, end
    return _Chunk(
        list(numbers),
        np.array(words, np.int32),
        np.frombuffer(tags, np.uint8),
        np.frombuffer(gaps, np.uint8),
        len(texts),
        digest,
    )
