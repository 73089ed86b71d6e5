"""The outputs of frozen encoders, kept on disk: each picture is encoded once, whichever table it stands in.

One folder an encoder fingerprint (weights and preprocessing), in it one folder a shard: a few hundred rows as memory-mapped
arrays, written to a temporary name and renamed when whole. A killed run keeps its finished shards.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from polysense.data.media import content_key
from polysense.errors import DataError, PolysenseError, display
from polysense.types import Fields, Sample

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

ARRAYS = ("keys", "states", "mask", "summary")
SHARD_ROWS = 512
OPEN_SHARDS = 64
"""Shards whose files are open at a time, of all caches together: three each, and some systems allow 256 files."""

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


class FrozenEncoder(Protocol):
    """What the cache asks of an encoder."""

    modality: str
    pairs: bool
    """Whether something else of a row is read with the modality, so that the two are the content."""

    def other(self, sample: Sample) -> str | None:
        """What that is."""

    def key(self, sample: Sample) -> int:
        """Equal in rows that are equal to it."""

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """Samples to tensors."""

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        """Tensors to states, mask and summary."""

    def fingerprint(self) -> str:
        """Changes with weights and preprocessing."""


def cache_root() -> Path:
    """``$POLYSENSE_CACHE``, or ``~/.cache/polysense``."""
    return Path(os.environ.get("POLYSENSE_CACHE") or Path.home() / ".cache" / "polysense")


class FeatureCache:
    """Memory-mapped outputs of one frozen encoder, found by the content of a sample.

    Args:
        encoder: frozen; in evaluation mode.
        root: the cache folder; :func:`cache_root` by default.
        keeps: whether :meth:`prepare` keeps what is not there yet.
    """

    def __init__(self, encoder: FrozenEncoder, root: Path | None = None, *, keeps: bool = True) -> None:
        self.encoder = encoder
        self.keeps = keeps
        self.folder = (root or cache_root()) / "features" / encoder.fingerprint()[:32]
        self._places = self._listed()

    def _listed(self) -> dict[int, tuple[Path, int]]:
        """Key -> shard and row, of all that is on the disk."""
        found: dict[int, tuple[Path, int]] = {}
        for folder in sorted(self.folder.glob("shard-*")) if self.folder.is_dir() else []:
            found |= _places(folder)
        return found

    def __len__(self) -> int:
        """How many rows are there."""
        return len(self._places)

    def fill(self, samples: Iterable[Sample], *, batch_size: int = 32, progress: Progress | None = None) -> int:
        """Encode what is not there yet; returns how many rows that were.

        Raises:
            DataError: the encoder makes NaN or infinities of a row; the message names it.
        """
        return self._fill([(self._key(sample), sample) for sample in samples], batch_size, progress)

    def _fill(self, keyed: Iterable[tuple[int | None, Sample]], batch_size: int = 32, progress: Progress | None = None) -> int:
        missing: dict[int, Sample] = {}
        for key, sample in keyed:
            if key is not None and key not in self._places:
                missing.setdefault(key, sample)
        todo = list(missing.items())
        for start in range(0, len(todo), SHARD_ROWS):
            tell = partial(_tell, progress, start, len(todo))
            self._write(todo[start : start + SHARD_ROWS], batch_size, tell)
        return len(todo)

    def _write(self, rows: Sequence[tuple[int, Sample]], batch_size: int, tell: Callable[[int], None]) -> None:
        batches = []
        for start in range(0, len(rows), batch_size):
            batches.append(self._encode([sample for _, sample in rows[start : start + batch_size]]))
            tell(min(start + batch_size, len(rows)))
        longest = max(states.shape[1] for states, _, _ in batches)
        arrays = {
            "keys": np.array([key for key, _ in rows], dtype=np.int64),
            "states": _stack([states for states, _, _ in batches], longest),
            "mask": _stack([mask for _, mask, _ in batches], longest),
            "summary": torch.cat([summary for _, _, summary in batches]).numpy(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        self._places |= _places(_write_shard(self.folder, arrays))

    def _encode(self, batch: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
        """States, mask and summary of a batch."""
        weights = next(self.encoder.parameters(), None) if isinstance(self.encoder, torch.nn.Module) else None
        device = torch.device("cpu") if weights is None else weights.device
        fields = {name: tensor.to(device) for name, tensor in self.encoder.prepare(batch).items()}
        with torch.inference_mode():
            states, mask, summary = (tensor.cpu() for tensor in self.encoder.encode(fields))
        _refuse_infinities(states, batch, self.encoder.modality)
        return states, mask, summary

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """``states`` (batch, time, width), ``mask`` (batch, time), ``summary`` (batch, width), zeros where it is missing; ``key``.

        Rows that nobody asked `fill` for are encoded first.
        """
        keyed = [(self._key(sample), sample) for sample in samples]
        found = self._found(keyed)
        shape = next(row["states"].shape for row in found if row is not None)
        longest = max(row["states"].shape[0] for row in found if row is not None)
        states = np.zeros((len(found), longest, shape[1]), dtype=np.float32)
        mask = np.zeros((len(found), longest), dtype=bool)
        summary = np.zeros((len(found), shape[1]), dtype=np.float32)
        for number, row in enumerate(found):
            if row is not None:
                time = row["states"].shape[0]
                states[number, :time], mask[number, :time], summary[number] = row["states"], row["mask"], row["summary"]
        keys = np.array([self.encoder.key(sample) for sample in samples])
        arrays = {"states": states, "mask": mask, "summary": summary, "key": keys}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _key(self, sample: Sample) -> int | None:
        """By which the row's states are found; None where it lacks the modality."""
        content = getattr(sample, self.encoder.modality)
        if content is not None and self.encoder.pairs:
            content = json.dumps([self.encoder.other(sample), content])
        return None if content is None else _exact_key(content)

    def _found(self, keyed: Sequence[tuple[int | None, Sample]]) -> list[dict[str, np.ndarray] | None]:
        try:
            return self._read(keyed)
        except FileNotFoundError:  # somebody has emptied the cache
            self._places = self._listed()
            return self._read(keyed)

    def _read(self, keyed: Sequence[tuple[int | None, Sample]]) -> list[dict[str, np.ndarray] | None]:
        if self.keeps:
            self._fill(keyed)
            return [self._look_up(key) for key, _ in keyed]
        missing = {key: sample for key, sample in keyed if key is not None and key not in self._places}
        made: dict[int | None, dict[str, np.ndarray]] = {}
        if missing:
            encoded = zip(*(tensor.numpy() for tensor in self._encode(list(missing.values()))), strict=True)
            made = {
                key: dict(zip(("states", "mask", "summary"), row, strict=True))
                for key, row in zip(missing, encoded, strict=True)
            }
        return [made[key] if key in made else self._look_up(key) for key, _ in keyed]

    def _look_up(self, key: int | None) -> dict[str, np.ndarray] | None:
        if key is None:
            return None
        folder, row = self._places[key]
        shard = _opened(folder)
        # copies: a view would keep the file open
        return {name: np.array(shard[name][row]) for name in ("states", "mask", "summary")}


def _exact_key(content: str | Path | Image) -> int:
    """By which stored states are found: equal where an encoder sees the same. (Rows may be equal to it that differ in case.)"""
    if isinstance(content, str):
        return int.from_bytes(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
    return content_key(content)


def _refuse_infinities(states: Tensor, samples: Sequence[Sample], modality: str) -> None:
    finite = torch.isfinite(states).flatten(1).all(dim=1).tolist()
    for sample, sound in zip(samples, finite, strict=True):
        if not sound:
            raise DataError(f"{sample.origin}, {modality}: its features have NaN or infinite values")


def _tell(progress: Progress | None, before: int, total: int, done: int) -> None:
    if progress is not None:
        progress(before + done, total)


def _stack(pieces: Sequence[Tensor], longest: int) -> np.ndarray:
    """Join (batch, time, ...) tensors whose times differ, zeros at the end of the shorter ones."""
    padded = []
    for piece in pieces:
        room = (0, 0) * (piece.dim() - 2) + (0, longest - piece.shape[1])
        padded.append(torch.nn.functional.pad(piece, room))
    joined: np.ndarray = torch.cat(padded).numpy()
    return joined


def _write_shard(parent: Path, arrays: dict[str, np.ndarray]) -> Path:
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=parent))
    try:
        for name in ARRAYS:
            np.save(partial / f"{name}.npy", arrays[name], allow_pickle=False)
        sizes = {name: (partial / f"{name}.npy").stat().st_size for name in ARRAYS}
        (partial / "shard.json").write_text(json.dumps({"sizes": sizes, "rows": len(arrays["keys"])}), encoding="utf-8")
        target = parent / f"shard-{partial.name.removeprefix('partial-')}"
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return target


def _places(folder: Path) -> dict[int, tuple[Path, int]]:
    """Key -> shard and row, of one shard; one that is damaged is removed.

    Raises:
        PolysenseError: it cannot be read for another reason.
    """
    try:
        keys = _read_shard(folder)["keys"]
    except (PolysenseError, MemoryError):
        raise
    except Exception as error:  # on damaged files NumPy's reader raises nearly anything
        logger.warning("the cached features in %s are damaged (%s); they are made again", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return {}
    return {int(key): (folder, row) for row, key in enumerate(keys)}


@lru_cache(maxsize=OPEN_SHARDS)
def _opened(folder: Path) -> Mapping[str, np.ndarray]:
    return _read_shard(folder)


def _read_shard(folder: Path) -> dict[str, np.ndarray]:
    """Its keys in memory, the other arrays mapped: each keeps a file open for as long as it lives.

    Raises:
        PolysenseError: the system does not let us read it. Whatever else is raised says that it is damaged.
    """
    try:
        sizes = json.loads((folder / "shard.json").read_text(encoding="utf-8"))["sizes"]
        arrays = {}
        for name in ARRAYS:
            file = folder / f"{name}.npy"
            if file.stat().st_size != sizes[name]:
                raise ValueError(f"{file.name} has {file.stat().st_size} bytes, not {sizes[name]}")
            arrays[name] = np.load(file, mmap_mode=None if name == "keys" else "r", allow_pickle=False)
        return arrays
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PolysenseError(f"the cached features in {display(folder)} cannot be read: {error.strerror or error}") from error
