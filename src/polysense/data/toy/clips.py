"""Made-up clips in which the sentiment of each single modality is known, and often at odds with the others'.

For each clip: b, u_T, u_A, u_V uniform in [-3, 3]; the sentiment of a modality ``y*_s = clip(.5 b + .5 u_s, -3, 3)``, that of the clip
``y = .5 y*_T + .25 y*_A + .25 y*_V``, or by the other rule ``y = y*_T y*_A / 3``. Sound and film are sequences of 8 frames, ``y*_s``
times a fixed random direction and noise. The text is six words whose strengths lie around ``y*_T``: one word alone tells it badly,
their mean well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from polysense.data.clip_folder import About, Sequences, write_clips
from polysense.data.frames import Provenance

WORDS: tuple[str, ...] = (
    *("horrible", "awful", "terrible", "dreadful", "bad", "poor", "weak", "dull", "mediocre"),
    *("average",),
    *("decent", "fine", "nice", "good", "lovely", "great", "excellent", "wonderful", "magnificent"),
)
"""From -4.5 to 4.5 in steps of a half."""

Rule: TypeAlias = Literal["sum", "product"]
"""How the score of a clip follows from those of its modalities."""

SPLITS = (("train", 640), ("validation", 200), ("test", 400))
LIMIT = 3.0
FRAMES = 8
WORDS_A_TEXT = 6
WORD_NOISE = 0.85
"""Standard deviation of a word's strength around the text's: the mean of six is as exact as the best reading of the sequences."""


@dataclass(frozen=True)
class View:
    """How a sequence shows its sentiment."""

    width: int
    strength: float
    """Standard deviation of the direction's numbers."""
    noise: float
    """Standard deviation of each number of a frame."""


VIEWS = {"audio": View(5, 0.5, 1.0), "video": View(20, 0.3, 1.5)}


@dataclass(frozen=True)
class MadeClips:
    """The numbers behind the clips."""

    score: np.ndarray
    """(clips,): of the whole."""
    scores: dict[str, np.ndarray]
    """Modality -> (clips,): of it alone."""
    texts: list[str]
    sequences: dict[str, np.ndarray]
    """Modality -> (clips, 8, width) float32."""


def make_clips(count: int, *, seed: int, rule: Rule = "sum") -> MadeClips:
    """The first ``count`` clips; equal arguments make equal clips. The rule changes the scores of whole clips and nothing else."""
    draw = np.random.default_rng([seed, 20210202])
    shared = draw.uniform(-LIMIT, LIMIT, count)
    scores = {
        name: np.clip(0.5 * shared + 0.5 * draw.uniform(-LIMIT, LIMIT, count), -LIMIT, LIMIT)
        for name in ("text", "audio", "video")
    }
    strengths = scores["text"][:, np.newaxis] + draw.normal(0, WORD_NOISE, (count, WORDS_A_TEXT))
    places = np.clip(np.rint(2 * strengths) + len(WORDS) // 2, 0, len(WORDS) - 1).astype(int)
    sequences = {}
    for name, view in VIEWS.items():
        direction = draw.normal(0, view.strength, view.width)
        noise = draw.normal(0, view.noise, (count, FRAMES, view.width))
        sequences[name] = (scores[name][:, np.newaxis, np.newaxis] * direction + noise).astype(np.float32)
    return MadeClips(
        score=_score(scores, rule),
        scores=scores,
        texts=[" ".join(WORDS[place] for place in row) for row in places],
        sequences=sequences,
    )


def _score(scores: Mapping[str, np.ndarray], rule: Rule) -> np.ndarray:
    text, audio, video = (scores[name] for name in ("text", "audio", "video"))
    found: np.ndarray = text * audio / LIMIT if rule == "product" else 0.5 * text + 0.25 * audio + 0.25 * video
    return found


def write_toy_clips(folder: Path, *, clips: int | None = None, seed: int = 0, rule: Rule = "sum") -> Path:
    """Write a folder of clips, which must be new or empty: 1,240 of them, or ``clips``, split as 640, 200 and 400 are.

    Raises:
        RecipeError: the folder holds something.
    """
    total = sum(count for _, count in SPLITS)
    count = total if clips is None else clips
    made = make_clips(count, seed=seed, rule=rule)
    bounds = np.rint(np.cumsum([size for _, size in SPLITS]) * count / total)
    rows = [
        {
            "id": f"toy-{row:04}",
            "text": text,
            "score": float(made.score[row]),
            **{f"score_{name}": float(found[row]) for name, found in made.scores.items()},
            "split": SPLITS[int((row >= bounds).sum())][0],
            "synthetic": "true",
        }
        for row, text in enumerate(made.texts)
    ]
    sequences = {
        name: Sequences(list(found), Provenance("toy", {"modality": name, "seed": seed}))
        for name, found in made.sequences.items()
    }
    write_clips(folder, rows, sequences, About(name="toy clips (synthetic)", score_range=(-LIMIT, LIMIT)))
    return folder
