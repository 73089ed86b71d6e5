"""What rows may lose before a model is measured on them: whole modalities, frames of their sequences, the exactness of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from polysense.data.frames import Frames
from polysense.errors import DataError, RecipeError, choices
from polysense.seeds import seed_from
from polysense.types import MODALITIES, Sample

if TYPE_CHECKING:
    import numpy as np

    from polysense.data.frames import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """How rows are damaged.

    Each loses the same whatever stands beside it: what is drawn follows from a sequence's own numbers.

    Raises:
        RecipeError: a modality, share or size that cannot be.
    """

    drop: tuple[str, ...] = ()
    """Modalities that every row loses."""
    frames: float = 0.0
    """The chance of each frame to be lost: its numbers become 0, as where a detector found no face (TFR-Net, Yuan et al. 2021)."""
    noise: float = 0.0
    """Standard deviation of what is added to each number of a frame, in standard deviations of that number over all rows' frames."""

    def __post_init__(self) -> None:
        for name in self.drop:
            if name not in MODALITIES:
                raise RecipeError(f"no modality {name!r} to drop; {choices(name, MODALITIES)}")
        if not 0 <= self.frames <= 1:
            raise RecipeError(f"expected a share of frames to drop from 0 to 1, found {self.frames}")
        if not 0 <= self.noise < float("inf"):
            raise RecipeError(f"expected noise of 0 or more standard deviations, found {self.noise}")

    def __str__(self) -> str:
        parts = [f"without {' and '.join(self.drop)}"] if self.drop else []
        parts += [f"{self.frames:.0%} of the frames lost"] if self.frames else []
        parts += [f"noise of {self.noise:g} standard deviations on the frames"] if self.noise else []
        return ", ".join(parts)

    def __bool__(self) -> bool:
        return bool(self.drop or self.frames or self.noise)

    def as_dict(self) -> dict[str, Any]:
        """For a record of what was measured."""
        return {"drop": list(self.drop), "drop_frames": self.frames, "frame_noise": self.noise}

    def of(self, samples: Sequence[Sample], *, reads: Iterable[str]) -> list[Sample]:
        """The samples, damaged.

        Args:
            samples: rows; of their sequences nothing is read but the scale of their numbers, where there is noise.
            reads: the modalities of the model that will be asked.

        Raises:
            DataError: a row has nothing left that the model reads; no row has what is to be damaged; a sequence cannot be read.
            RecipeError: a modality is dropped that the model does not read.
        """
        read = tuple(reads)
        for name in self.drop:
            if name not in read:
                raise RecipeError(f"the model does not read {name!r}, which is to be dropped; {choices(name, read)}")
        nothing: dict[str, Any] = dict.fromkeys(self.drop)
        left = [replace(sample, **nothing) for sample in samples]
        empty = [sample for sample in left if not set(sample.modalities) & set(read)]
        if empty and self.drop:
            raise DataError(
                f"{len(empty)} of {len(left)} rows have nothing left that the model reads without {' and '.join(self.drop)} "
                f"(the first: {empty[0].origin or empty[0].id})"
            )
        if not (self.frames or self.noise):
            return left
        names = [name for name in read if any(isinstance(getattr(sample, name), Frames) for sample in left)]
        if not names:
            raise DataError(
                "no row has a sequence of frames that the model reads: there is nothing to drop of it, or to add noise to"
            )
        scales = {name: _scale(left, name) for name in names} if self.noise else {}
        return [self._damaged(sample, names, scales) for sample in left]

    def _damaged(self, sample: Sample, names: Sequence[str], scales: Mapping[str, np.ndarray]) -> Sample:
        sequences = {name: found for name in names if isinstance(found := getattr(sample, name), Frames)}
        changed: dict[str, Any] = {
            name: DamagedFrames(found, self.frames, self.noise, scales.get(name)) for name, found in sequences.items()
        }
        return replace(sample, **changed)


@dataclass(frozen=True, eq=False)
class DamagedFrames(Frames):
    """A sequence of which frames are lost, or whose numbers are inexact; always the same ones."""

    whole: Frames
    lost: float
    noise: float
    scale: np.ndarray | None = field(repr=False)
    """(width,): of one standard deviation of noise; None without noise."""

    def __str__(self) -> str:
        return str(self.whole)

    @property
    def shape(self) -> tuple[int, int]:
        """See `Frames.shape`."""
        return self.whole.shape

    @property
    def key(self) -> int:
        """See `Frames.key`."""
        return seed_from(self.whole.key, self.lost, self.noise, None if self.scale is None else self.scale.tobytes())

    @property
    def provenance(self) -> Provenance | None:
        """Of the whole sequence."""
        return self.whole.provenance

    def numbers(self) -> np.ndarray:
        """See `Frames.numbers`. With a higher share, what a lower one lost is lost too."""
        import numpy as np

        found = np.array(self.whole.numbers())
        draw = np.random.default_rng(self.whole.key)
        lost = draw.random(len(found)) < self.lost
        if self.noise and self.scale is not None:
            found += draw.standard_normal(found.shape, dtype=np.float32) * (self.noise * self.scale)
        found[lost] = 0
        return found


def _scale(samples: Sequence[Sample], modality: str) -> np.ndarray:
    """(width,) float32: the standard deviation of each number over the frames of all samples, read one after the other."""
    import numpy as np

    count, total, squares = 0, np.zeros(1), np.zeros(1)
    shift: np.ndarray | None = None
    for sample in samples:
        sequence = getattr(sample, modality)
        if not isinstance(sequence, Frames):
            continue
        found = sequence.read().astype(np.float64)
        shift = found[0] if shift is None else shift  # so that squares of large numbers do not swallow small deviations
        if found.shape[1] != len(shift):
            raise DataError(f"{sequence}: {found.shape[1]} numbers a frame, {len(shift)} in the sequences before it")
        found = found - shift
        count, total, squares = count + len(found), total + found.sum(0), squares + (found**2).sum(0)
    variance = squares / count - (total / count) ** 2
    return np.sqrt(np.maximum(variance, 0)).astype(np.float32)
