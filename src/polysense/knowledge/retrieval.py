"""Unpaired sentences near to a caption, and unpaired pictures near to a picture: the pools that `Neighbours` holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray
from scipy import sparse

from polysense.data.media import normalised
from polysense.data.neighbours import COLUMNS, KINDS, Kind, Neighbours, forget, recorded
from polysense.errors import DataError, RecipeError, display
from polysense.knowledge.nearest import Vectors, highest, similarities, unit
from polysense.knowledge.shards import Shards, made_from
from polysense.knowledge.tfidf import tfidf
from polysense.progress import Progress

POOL = 100
"""Neighbours of a key, at most."""

COPY = 0.98
"""The cosine above which two are copies of one another."""

PIECES = ".neighbours"

Floats = NDArray[np.floating]
Scores = tuple[int, NDArray[np.float64]]
"""The first row of a block, and its scores (rows, gallery); -inf where there is no neighbour."""


def text_neighbours(
    texts: Sequence[str],
    unpaired: Sequence[str],
    *,
    vectors: tuple[Floats, Floats] | None = None,
    pool: int = POOL,
    copy: float = COPY,
    folder: Path | str | None = None,
    paired: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Neighbours:
    """The unpaired sentences nearest to each caption.

    Args:
        texts: the captions; equal ones but for case and white space are one key.
        unpaired: the sentences; of equal ones the first counts.
        vectors: (texts, width) and (unpaired, width) of any sentence encoder, compared by cosine; TF-IDF without them, by which a
            sentence that shares no word is no neighbour.
        pool: neighbours of a caption, at most.
        copy: what is more similar is a copy of the caption and left out, as is an equal text.
        folder: where the table is written; the same call goes on after a kill.
        paired: a digest of the captions and their pictures, by which it is told whether both tables of a folder are of the same ones.
        overwrite: write over a table that was made from something else; one of the pictures of other captions is removed.
        progress: told the captions done.

    Raises:
        DataError: there are no captions or sentences.
        RecipeError: the vectors do not fit the texts, or ``folder`` holds a table that was made from something else.
    """
    keys, places = _first(texts, "captions")
    others, other_places = _first(unpaired, "unpaired sentences")
    found = [unpaired[place] for place in other_places]
    rows, gallery = _text_vectors(
        [texts[place] for place in places], found, vectors, (len(texts), len(unpaired)), places, other_places
    )
    equal = {other: place for place, other in enumerate(others)}

    def scores(start: int, end: int) -> Iterator[Scores]:
        for first, block in similarities(rows[start:end], gallery):
            block[block > copy] = -np.inf
            if vectors is None:
                block[block <= 0] = -np.inf
            for row in range(len(block)):
                if (same := equal.get(keys[start + first + row])) is not None:
                    block[row, same] = -np.inf
            yield first, block

    record = {"of": "texts", "pool": pool, "copy": copy, "by": "TF-IDF" if vectors is None else "vectors", "paired": paired}
    record |= {"keys": _digest(keys), "unpaired": _digest(found), "vectors": _digest_of(rows, gallery) if vectors else None}
    return _made("texts", keys, found, scores, record, pool=pool, folder=folder, overwrite=overwrite, progress=progress)


def image_neighbours(
    features: Mapping[str, Floats],
    unpaired: Mapping[str, Floats],
    *,
    tags: Mapping[str, Collection[str]] | None = None,
    unpaired_tags: Mapping[str, Collection[str]] | None = None,
    lam: float = 0.5,
    pool: int = POOL,
    copy: float = COPY,
    folder: Path | str | None = None,
    pictures: str | None = None,
    made_by: str | None = None,
    paired: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Neighbours:
    """The unpaired pictures nearest to each picture, by ``lam * cosine + (1 - lam) * Jaccard overlap of the tags``.

    Args:
        features: picture -> vector of any encoder.
        unpaired: the same of the unpaired pictures, by their paths below ``pictures``.
        tags: picture -> what was detected in it; without tags the cosine alone counts.
        unpaired_tags: the same of the unpaired pictures.
        lam: the weight of the cosine.
        pool: neighbours of a picture, at most.
        copy: a picture whose cosine is above is a copy and left out, as is one of the same name.
        folder: where the table is written; the same call goes on after a kill.
        pictures: the folder of the unpaired pictures, for the record.
        made_by: the encoder, for the record.
        paired: a digest of the captions and their pictures, by which it is told whether both tables of a folder are of the same ones.
        overwrite: write over a table that was made from something else; one of the texts of other captions is removed.
        progress: told the pictures done.

    Raises:
        DataError: there are no pictures.
        RecipeError: ``lam`` is not from 0 to 1, tags of one side alone are given, or ``folder`` holds a table that was made from
            something else.
    """
    if not 0 <= lam <= 1:
        raise RecipeError(f"lam: expected a number from 0 to 1, found {lam}")
    if (tags is None) != (unpaired_tags is None):
        raise RecipeError("tags, unpaired_tags: give both, or none")
    keys, names = sorted(features), sorted(unpaired)
    if not keys or not names:
        raise DataError("there are no pictures" if not keys else "there are no unpaired pictures")
    rows, gallery = unit(np.stack([features[key] for key in keys])), unit(np.stack([unpaired[name] for name in names]))
    share = 1.0 if tags is None else lam
    overlap = (
        _jaccard([tags.get(key, ()) for key in keys], [unpaired_tags.get(name, ()) for name in names])
        if tags is not None and unpaired_tags is not None
        else None
    )
    place_of = {name: place for place, name in enumerate(names)}

    def scores(start: int, end: int) -> Iterator[Scores]:
        for first, cosine in similarities(rows[start:end], gallery):
            block = cosine.copy()
            if overlap is not None:
                block = share * cosine + (1 - share) * overlap(start + first, start + first + len(cosine))
            block[cosine > copy] = -np.inf
            for row in range(len(block)):
                if (same := place_of.get(keys[start + first + row])) is not None:
                    block[row, same] = -np.inf
            yield first, block.round(6)

    tagged = (
        None
        if tags is None or unpaired_tags is None
        else _digest([repr((key, sorted(found))) for part in (tags, unpaired_tags) for key, found in sorted(part.items())])
    )
    record = {"of": "images", "pool": pool, "copy": copy, "lam": share, "folder": pictures, "by": made_by, "paired": paired}
    record |= {"keys": _digest(keys), "unpaired": _digest(names), "vectors": _digest_of(rows, gallery), "tags": tagged}
    return _made("images", keys, names, scores, record, pool=pool, folder=folder, overwrite=overwrite, progress=progress)


SHARD = 4096
"""Keys of a piece."""


def _made(
    kind: Kind,
    keys: Sequence[str],
    others: Sequence[str],
    scores: Callable[[int, int], Iterator[Scores]],
    record: dict[str, Any],
    *,
    pool: int,
    folder: Path | str | None,
    overwrite: bool,
    progress: Progress | None,
) -> Neighbours:
    if pool < 1:
        raise RecipeError(f"pool: expected a number from 1 up, found {pool}")
    digest = made_from(record)
    place = None if folder is None else Path(folder)
    strangers: list[Kind] = []
    if place is not None:
        if (place / f"{kind}.parquet").exists() and recorded(place, kind).get("made_from") == digest:
            return Neighbours.read(place, kind)
        strangers = _strangers(place, kind, record["paired"])
        if strangers and not overwrite:
            raise RecipeError(
                f"{display(place)} holds {' and '.join(f'{one}.parquet' for one in strangers)}, made from something else; "
                "write over it with --overwrite, or name another folder"
            )
    shards = Shards(None if place is None else place / f"{PIECES}-{kind}", digest)
    pieces = []
    for number, start in enumerate(range(0, len(keys), SHARD)):
        end = min(start + SHARD, len(keys))

        def make(start: int = start, end: int = end) -> polars.DataFrame:
            rows = []
            for first, block in scores(start, end):
                for row, found in enumerate(block):
                    near = highest(found, pool)
                    rows += [
                        (keys[start + first + row], rank, others[place], found[place])
                        for rank, place in enumerate(near, start=1)
                    ]
            return polars.DataFrame(rows, schema=dict(COLUMNS), orient="row")

        pieces.append(shards.piece(number, make))
        if progress is not None:
            progress(end, len(keys))
    made = Neighbours(kind, polars.concat(pieces), {**record, "made_from": digest})
    if place is not None:
        for one in strangers:
            forget(place, one)
        made.write(place)
        shards.clear()
    return made


def _strangers(folder: Path, kind: Kind, paired: str | None) -> list[Kind]:
    """The tables there that one of this kind does not go on with: of its own kind, or of the other kind and other captions."""
    there: list[Kind] = [one for one in KINDS if (folder / f"{one}.parquet").exists()]
    return [one for one in there if one == kind or recorded(folder, one).get("paired") != paired]


def _first(texts: Sequence[str], what: str) -> tuple[list[str], list[int]]:
    """Different normalised texts in alphabetical order, and where each stands first."""
    found: dict[str, int] = {}
    for place, text in enumerate(texts):
        if text.strip():
            found.setdefault(normalised(text), place)
    if not found:
        raise DataError(f"there are no {what}")
    return sorted(found), [found[key] for key in sorted(found)]


def _text_vectors(
    texts: Sequence[str],
    others: Sequence[str],
    vectors: tuple[Floats, Floats] | None,
    sizes: tuple[int, int],
    places: Sequence[int],
    other_places: Sequence[int],
) -> tuple[Vectors, Vectors]:
    if vectors is None:
        rows, gallery = tfidf(texts, others)
        return rows, gallery
    if (len(vectors[0]), len(vectors[1])) != sizes or vectors[0].shape[1] != vectors[1].shape[1]:
        raise RecipeError(
            f"vectors: {vectors[0].shape} and {vectors[1].shape} do not fit {sizes[0]} captions and {sizes[1]} sentences, a row each"
        )
    return unit(vectors[0][places]), unit(vectors[1][other_places])


def _jaccard(tags: Sequence[Collection[str]], others: Sequence[Collection[str]]) -> Callable[[int, int], NDArray[np.float64]]:
    """A function of a range of rows: the share of common tags among all tags of the two (rows, others); 0 where neither has one."""
    names = {name: place for place, name in enumerate(sorted({name for found in (*tags, *others) for name in found}))}

    def held(every: Sequence[Collection[str]]) -> sparse.csr_array:
        places = [sorted({names[name] for name in found}) for found in every]
        ends = np.cumsum([0, *map(len, places)])
        flat = np.array([place for found in places for place in found], np.int64)
        return sparse.csr_array((np.ones(len(flat)), flat, ends), shape=(len(every), max(1, len(names))))

    rows, gallery = held(tags), held(others)
    sizes, other_sizes = rows.sum(axis=1), gallery.sum(axis=1)

    def overlap(start: int, end: int) -> NDArray[np.float64]:
        common = (rows[start:end] @ gallery.T).toarray()
        either = sizes[start:end, None] + other_sizes[None, :] - common
        return np.asarray(np.divide(common, either, out=np.zeros_like(common), where=either > 0))

    return overlap


def _digest(names: Sequence[str]) -> str:
    found = hashlib.sha256()
    for name in names:
        found.update(f"{name}\0".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _digest_of(rows: Vectors, gallery: Vectors) -> str:
    return hashlib.sha256(np.asarray(rows).tobytes() + np.asarray(gallery).tobytes()).hexdigest()
