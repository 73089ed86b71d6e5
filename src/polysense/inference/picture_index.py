"""The vectors of a collection of pictures, kept on disk: only what is new or was changed is encoded again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from polysense.data.cache import cache_root
from polysense.data.media import content_key
from polysense.errors import DataError, display
from polysense.inference.vector_origin import fingerprint
from polysense.progress import Progress, bar, say
from polysense.training.checkpoints import settle, write_whole
from polysense.types import Sample

if TYPE_CHECKING:
    from polysense.inference.predictor import Predictor

FILES = "files.json"
"""By the path of a picture its size, its time of change, and the key of its content."""

BLOCK = 256
"""Pictures between two writes: no more than these are encoded again after a kill."""

Encodes = Callable[[Sequence[Sample], Progress], tuple[np.ndarray, dict[int, str]]]
"""Vectors (samples, width) of the samples' pictures, and by place why some cannot be used."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """The vectors of some pictures."""

    vectors: np.ndarray
    """(samples, width) float32; zeros for those that cannot be used."""
    faults: Mapping[int, str]
    """By place why some cannot be used."""
    encoded: int
    """How many were encoded now."""


def index_folder(root: Path, model: Predictor, *, shared: bool) -> Path:
    """The folder below ``root`` for the vectors that ``model`` gives pictures: in the shared space, or by themselves."""
    made_by = json.dumps([fingerprint(model, shared=shared), shared, model.learner.model.encoder("image").preprocessing()])
    return root / hashlib.sha256(made_by.encode()).hexdigest()[:32]


def default_root(collection: Path) -> Path:
    """Where the index of a collection lies unless somebody says otherwise."""
    return cache_root() / "search" / hashlib.sha256(str(collection.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class PictureIndex:
    """Vectors of one model in a folder of their own, each found by the content of its picture.

    A picture whose path, size and time of change are as before is not read at all; one that was only moved or touched is read and
    not encoded. Vectors are written in blocks that are whole or not there, with a checksum each: a killed search goes on where it
    was, and a block that is damaged is made again. When all pictures are there, the blocks become one, without the vectors of
    pictures that are gone.

    Args:
        folder: of the index; what else lies there is left alone.
        width: of the vectors.
    """

    def __init__(self, folder: Path, *, width: int) -> None:
        self.folder = folder
        self.width = width
        self._found: dict[int, np.ndarray] = {}
        self._blocks: list[Path] = []
        for file in sorted(folder.glob("vectors-*.safetensors")):
            try:
                self._found |= _read(file, width)
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                say(f"warning: {display(file)} of the index is damaged ({error}): its pictures are encoded again")
            self._blocks.append(file)
        self._files = _read_files(folder / FILES)
        self._told = False

    def __len__(self) -> int:
        return len(self._found)

    def vectors(self, samples: Sequence[Sample], encode: Encodes) -> Indexed:
        """The vectors of the samples' pictures; those that are not there are encoded and kept, those of others are dropped.

        stderr is told how far it is: of all pictures which are looked at, then of the new ones which are encoded.
        """
        with bar("looking for new pictures", "pictures") as looked:
            keys, files, faults = self._keys(samples, looked)
        first = {key: place for place, key in reversed(keys.items()) if key not in self._found}
        missing = sorted(first.items(), key=lambda entry: entry[1])
        wrong: dict[int, str] = {}
        with bar("encoding", "pictures", quiet=not missing) as encoded:
            for start in range(0, len(missing), BLOCK):
                some = missing[start : start + BLOCK]
                tell = partial(_tell, encoded, start, len(missing))
                vectors, bad = encode([samples[place] for _, place in some], tell)
                wrong |= {some[at][0]: reason for at, reason in bad.items()}
                self._keep({key: vectors[at] for at, (key, _) in enumerate(some) if at not in bad})
        faults |= {place: wrong[key] for place, key in keys.items() if key in wrong}
        self._settle(set(keys.values()), files)
        found = np.zeros((len(samples), self.width), dtype=np.float32)
        for place, key in keys.items():
            if key in self._found:
                found[place] = self._found[key]
        return Indexed(found, faults, len(missing) - len(wrong))

    def _keys(
        self, samples: Sequence[Sample], progress: Progress
    ) -> tuple[dict[int, int], dict[str, list[int]], dict[int, str]]:
        """The content's key by place; what is noted of the files; what cannot be opened."""
        keys: dict[int, int] = {}
        files: dict[str, list[int]] = {}
        faults: dict[int, str] = {}
        for place, sample in enumerate(samples):
            progress(place, len(samples))
            picture = sample.image
            try:
                if not isinstance(picture, Path):
                    keys[place] = content_key(picture)
                    continue
                name, status = str(picture.absolute()), picture.stat()
                seen = [status.st_size, status.st_mtime_ns]
                known = self._files.get(name)
                files[name] = known if known is not None and known[:2] == seen else [*seen, content_key(picture)]
                keys[place] = files[name][2]
            except OSError as error:
                faults[place] = f"image: {display(sample.id)} cannot be read: {error.strerror or error}"
            except DataError as error:
                faults[place] = f"image: {error}"
        return keys, files, faults

    def _keep(self, vectors: Mapping[int, np.ndarray]) -> None:
        self._found |= vectors
        if vectors:
            file = self.folder / f"vectors-{len(self._blocks):06d}.safetensors"
            if self._write(file, vectors):
                self._blocks.append(file)

    def _settle(self, keys: set[int], files: dict[str, list[int]]) -> None:
        """One block with the vectors of the pictures that are there."""
        gone = [key for key in self._found if key not in keys]
        for key in gone:
            del self._found[key]
        if gone or len(self._blocks) > 1:
            whole, others = self.folder / "vectors-000000.safetensors", self._blocks
            if self._write(whole, self._found):
                self._blocks = [whole]
                for file in others:
                    if file != whole:
                        file.unlink(missing_ok=True)
        if files != self._files:
            self._files = files
            self._kept(lambda: write_whole(self.folder / FILES, json.dumps(files)))

    def _write(self, file: Path, vectors: Mapping[int, np.ndarray]) -> bool:
        keys = np.array(list(vectors), dtype=np.int64)
        stacked = np.array(list(vectors.values()), dtype=np.float32).reshape(len(keys), self.width)
        content = save({"keys": keys, "vectors": stacked}, metadata={"sha256": _digest(keys, stacked)})

        def write() -> None:
            begun = file.with_name(f".{file.name}.partial")
            begun.write_bytes(content)
            settle(begun)
            begun.replace(file)

        return self._kept(write)

    def _kept(self, write: Callable[[], None]) -> bool:
        """Whether it could be written; what cannot is told of once, and the search goes on without it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write()
        except OSError as error:
            if not self._told:
                say(f"warning: the index cannot be kept in {display(self.folder)}: {error.strerror or error}")
            self._told = True
            return False
        return True


def _read(file: Path, width: int) -> dict[int, np.ndarray]:
    with safe_open(file, framework="numpy") as block:
        keys, vectors = block.get_tensor("keys"), block.get_tensor("vectors")
        noted = (block.metadata() or {}).get("sha256")
    if noted != _digest(keys, vectors) or vectors.shape != (len(keys), width):
        raise ValueError("its checksum is another one")
    return dict(zip(keys.tolist(), vectors, strict=True))


def _read_files(file: Path) -> dict[str, list[int]]:
    """What is noted; nothing where the note is not there or damaged: the pictures are then read again."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): [int(number) for number in noted] for name, noted in found.items() if len(noted) == 3}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _digest(keys: np.ndarray, vectors: np.ndarray) -> str:
    return hashlib.sha256(keys.tobytes() + vectors.tobytes()).hexdigest()


def _tell(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)
