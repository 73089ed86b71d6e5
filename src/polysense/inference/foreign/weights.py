"""The weights in a model's folder, whoever wrote them: their names, and single tensors."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from polysense.errors import PolysenseError, RecipeError, display

SAFE = "model.safetensors"
PICKLED = "pytorch_model.bin"


@dataclass(frozen=True)
class Weights:
    """The tensors of a folder by name: of ``model.safetensors`` or its parts, and only if ``pickled`` of ``pytorch_model.bin``.

    Raises:
        RecipeError: there are none, or only pickled ones and they are not asked for.
        PolysenseError: a file is damaged, or holds more than tensors.
    """

    folder: Path
    pickled: bool = False

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that hold them, all of one kind."""
        for name in (SAFE, PICKLED) if self.pickled else (SAFE,):
            if (self.folder / name).is_file():
                return (self.folder / name,)
            index = self.folder / f"{name}.index.json"
            if index.is_file():
                return _parts(index)
        raise RecipeError(unsafe(display(self.folder)))

    @property
    def unpickled(self) -> bool:
        """Whether they come from ``.bin`` files."""
        return self.files[0].suffix == ".bin"

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all tensors."""
        return frozenset(self._places)

    def tensors(self, names: Collection[str]) -> dict[str, Tensor]:
        """Some tensors, in float32, each with memory of its own."""
        found: dict[str, Tensor] = {}
        for file in {self._places[name] for name in names}:
            with _opened(file) as state:
                here = [name for name in names if self._places[name] == file]
                found |= {name: state.get_tensor(name).to(torch.float32, copy=True) for name in here}
        return found

    @cached_property
    def _places(self) -> dict[str, Path]:
        places: dict[str, Path] = {}
        for file in self.files:
            with _opened(file) as state:
                places |= dict.fromkeys(state.keys(), file)
        return places


def _parts(index: Path) -> tuple[Path, ...]:
    """The files that an index of weights names."""
    found = read_json(index)
    places = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(places, dict) or not places:
        raise PolysenseError(f"{display(index)} is damaged: it names no files")
    return tuple(within(index, part) for part in sorted(set(map(str, places.values()))))


def within(file: Path, name: str) -> Path:
    """What ``file`` of a model's folder names in that folder.

    Raises:
        PolysenseError: the name leads out of the folder.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise PolysenseError(f"{display(file)} names {name!r}, which does not lie in the model's folder: it is not read")
    return file.parent / name


def unsafe(name: str) -> str:
    """What is said of a model that has no weights as safetensors."""
    return (
        f"{name} has no weights as safetensors; pickled ones (.bin) are not read, because a pickle can run code when it is opened: "
        f"convert them once, reading nothing but tensors: polysense export {name} DIR --to polysense"
    )


class _Unpickled:
    """A pickled state that is read as safetensors are: tensors alone, no code."""

    def __init__(self, file: Path) -> None:
        self._state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(self._state, dict) or not all(isinstance(value, Tensor) for value in self._state.values()):
            raise PolysenseError(f"{display(file)} holds more than weights by name")

    def keys(self) -> list[str]:
        return list(self._state)

    def get_tensor(self, name: str) -> Tensor:
        tensor: Tensor = self._state[name]
        return tensor


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        if file.suffix == ".bin":
            yield _Unpickled(file)
        else:
            with safe_open(file, framework="pt") as state:
                yield state
    except (OSError, RuntimeError, ValueError, UnpicklingError, EOFError, SafetensorError) as error:
        if isinstance(error, PolysenseError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise PolysenseError(f"the weights {display(file)} cannot be read: {reason}") from error


def read_json(file: Path) -> Any:
    """What a JSON file of a model's folder holds.

    Raises:
        PolysenseError: it is damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolysenseError(f"{display(file)} is damaged: {error}") from error
