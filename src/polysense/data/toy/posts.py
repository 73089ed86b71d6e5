"""The toy table. Everything in it is made up: its texts are composed, its pictures are drawn.

Each post has a text with a mood and a picture with a mood, and one label, which follows a stated rule (`post_label`) that needs
both: alike moods are the label; a neutral side gives way to the other; and where they are opposite (`conflict`), the picture
decides if the text sends the reader to it ("See for yourself."), else the text does.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from polysense.data.splits import make_splits
from polysense.data.toy.pictures import draw_picture
from polysense.data.toy.subjects import SUBJECTS
from polysense.data.toy.texts import compose_text
from polysense.errors import DataError, display
from polysense.types import Sample

COLUMNS: tuple[str, ...] = ("id", "text", "image", "label", "split", "text_label", "image_label", "conflict", "synthetic")
"""The table's header. ``text_label`` and ``image_label`` are the moods of each side; ``synthetic`` is ``true`` in every row."""

# Share of (text mood, picture mood) among the posts without conflict.
_PAIRS: tuple[tuple[str, str, float], ...] = (
    ("positive", "positive", 0.12),
    ("negative", "negative", 0.12),
    ("neutral", "neutral", 0.32),
    ("positive", "neutral", 0.11),
    ("negative", "neutral", 0.11),
    ("neutral", "positive", 0.11),
    ("neutral", "negative", 0.11),
)
_DEFERRING = 0.4
"""Share of the texts with a mood that send the reader to the picture, in conflict or not: the sentence alone tells nothing."""
_FRACTIONS = (2 / 3, 1 / 6, 1 / 6)
_JPEG_QUALITY = 88


def write_toy(folder: Path, *, posts: int = 360, seed: int = 0, conflict: float = 0.25) -> Path:
    """Write ``posts.csv`` and ``images/`` into ``folder`` and return the path of the table.

    ``conflict`` is the fraction of posts whose text and picture have opposite moods. Equal arguments write an equal table and
    equal pictures. Two thirds of the rows are for training, a sixth each for validation and test.
    """
    if posts < 1 or not 0 <= conflict <= 1:
        raise ValueError(f"posts must be at least 1 and conflict between 0 and 1, got {posts} and {conflict}")
    folder = Path(folder)
    drafts = list(_drafts(posts, conflict, random.Random(f"toy posts {seed}")))
    splits = make_splits([Sample(id=one.id, text=one.text, label=one.label) for one in drafts], seed=seed, fractions=_FRACTIONS)
    table = folder / "posts.csv"
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for one in drafts:
            picture = draw_picture(one.subject, one.image_label, random.Random(f"toy picture {seed} {one.id}"))
            picture.save(folder / "images" / f"{one.id}.jpg", quality=_JPEG_QUALITY)
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(one.row(split) for one, split in zip(drafts, splits, strict=True))
    except OSError as error:
        raise DataError(f"{display(folder)} cannot be written: {error.strerror or error}") from None
    return table


def post_label(text_label: str, image_label: str, *, deferring: bool) -> str:
    """The label of a post, from the moods of its sides and whether its text defers to the picture."""
    if text_label == "neutral" or image_label == "neutral":
        return image_label if text_label == "neutral" else text_label
    return image_label if deferring else text_label


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    id: str
    subject: str
    text: str
    text_label: str
    image_label: str
    deferring: bool

    @property
    def label(self) -> str:
        return post_label(self.text_label, self.image_label, deferring=self.deferring)

    def row(self, split: str) -> tuple[str, ...]:
        opposite = {self.text_label, self.image_label} == {"positive", "negative"}
        sides = (self.text_label, self.image_label, str(opposite).lower())
        return (self.id, self.text, f"images/{self.id}.jpg", self.label, split, *sides, "true")


def _drafts(posts: int, conflict: float, rng: random.Random) -> Iterator[_Draft]:
    """Exact shares in random order, no text twice while there are new ones to find."""
    subjects = sorted(SUBJECTS)
    used: set[str] = set()
    for number, (text_label, image_label) in enumerate(_moods(posts, conflict, rng), start=1):
        subject = rng.choice(subjects)
        deferring = text_label != "neutral" and rng.random() < _DEFERRING
        for _ in range(50):
            text = compose_text(subject, text_label, deferring=deferring, rng=rng)
            if text not in used:
                break
        used.add(text)
        yield _Draft(
            id=f"toy-{number:04d}",
            subject=subject,
            text=text,
            text_label=text_label,
            image_label=image_label,
            deferring=deferring,
        )


def _moods(posts: int, conflict: float, rng: random.Random) -> list[tuple[str, str]]:
    opposite = (("positive", "negative", conflict / 2), ("negative", "positive", conflict / 2))
    pairs = [*opposite, *((text, image, share * (1 - conflict)) for text, image, share in _PAIRS)]
    moods = [(text, image) for text, image, share in pairs for _ in range(int(share * posts))]
    weights = [share for *_, share in pairs]
    moods += [(text, image) for text, image, _ in rng.choices(pairs, weights, k=posts - len(moods))]
    rng.shuffle(moods)
    return moods
