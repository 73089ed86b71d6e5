"""Controls for training on captions: fewer pictures, fewer captions, pictures that do not belong to their captions.

Each takes and returns samples. Only training rows are touched: what a model is chosen by and scored on stays as it is. Every
draw follows from the seed and from what it is for, so one control moves no other.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from polysense.data.features import RandomVector, Vector
from polysense.data.media import Picture, content_key
from polysense.errors import DataError
from polysense.seeds import seed_from
from polysense.types import Sample

RANDOM_SIDE = 16
"""Pixels, of the made pictures."""


def limit_pictures(samples: Sequence[Sample], *, count: int, seed: int) -> list[Sample]:
    """The training rows of ``count`` pictures, drawn by ``seed``; a larger count contains the pictures of a smaller one."""
    pictures = _training_pictures(samples)
    if count > len(pictures):
        raise DataError(f"pairs: {count} training pictures are asked for, there are {len(pictures)}")
    kept = set(_drawn(pictures, count, seed, "limit_pictures"))
    return [sample for sample in samples if not _trains(sample) or _picture(sample) in kept]


def limit_captions(samples: Sequence[Sample], *, per_picture: int, seed: int) -> list[Sample]:
    """At most ``per_picture`` training rows of each picture, drawn by ``seed``; the draw for a picture depends on no other."""
    return [samples[place] for place in drawn_captions(samples, per_picture=per_picture, seed=seed)]


def drawn_captions(samples: Sequence[Sample], *, per_picture: int, seed: int) -> list[int]:
    """The places of the rows that :func:`limit_captions` keeps: as many whatever the seed."""
    rows: dict[Hashable, list[int]] = {}
    for place, sample in enumerate(samples):
        if _trains(sample):
            rows.setdefault(_picture(sample), []).append(place)
    kept: set[int] = set()
    for number, places in enumerate(rows.values()):
        draw = random.Random(seed_from(seed, "limit_captions", samples[places[0]].group or number))
        kept.update(draw.sample(places, min(per_picture, len(places))))
    return [place for place, sample in enumerate(samples) if not _trains(sample) or place in kept]


def shuffle_pictures(samples: Sequence[Sample], *, seed: int, share: float = 1.0) -> list[Sample]:
    """A ``share`` of the training pictures change places, each goes to the captions of another one and none stays.

    All captions of a picture get the same wrong one.

    Raises:
        DataError: there are fewer than two training pictures.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {share}")
    pictures = _training_pictures(samples)
    if share == 0:
        return list(samples)
    if len(pictures) < 2:
        raise DataError("shuffled pictures need at least two training rows with different pictures")
    moved = _drawn(pictures, max(2, round(share * len(pictures))), seed, "shuffle_pictures")
    image = {_picture(sample): sample.image for sample in samples if _trains(sample)}
    wrong = {own: image[other] for own, other in zip(moved, [*moved[1:], moved[0]], strict=True)}  # one round: nobody stays
    return [
        replace(sample, image=wrong[_picture(sample)]) if _trains(sample) and _picture(sample) in wrong else sample
        for sample in samples
    ]


def random_pictures(samples: Sequence[Sample], *, seed: int) -> list[Sample]:
    """Every training row with a picture gets one of its own, of random pixels; a vector of random numbers where it has a vector."""
    return [
        replace(sample, image=_noise(seed_from(seed, "random_pictures", sample.id), like=sample.image))
        if _trains(sample)
        else sample
        for sample in samples
    ]


def _noise(seed: int, *, like: object) -> Picture | Vector:
    from PIL import Image

    if isinstance(like, Vector):
        return RandomVector(length=like.width, seed=seed)

    pixels = random.Random(seed).randbytes(3 * RANDOM_SIDE * RANDOM_SIDE)
    return Picture(Image.frombytes("RGB", (RANDOM_SIDE, RANDOM_SIDE), pixels))


def _trains(sample: Sample) -> bool:
    return sample.split == "train" and sample.image is not None


def _picture(sample: Sample) -> Hashable:
    """What tells one picture from another: a file by its path, others by their content."""
    return sample.image if isinstance(sample.image, Path) else content_key(sample.image)


def _training_pictures(samples: Sequence[Sample]) -> list[Hashable]:
    return list(dict.fromkeys(_picture(sample) for sample in samples if _trains(sample)))


def _drawn(pictures: Sequence[Hashable], count: int, seed: int, purpose: str) -> list[Hashable]:
    """``count`` of the pictures in random order."""
    order = list(pictures)
    random.Random(seed_from(seed, purpose)).shuffle(order)
    return order[:count]
