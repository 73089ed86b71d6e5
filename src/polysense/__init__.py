"""polysense: sentiment and meaning from text, images, audio and video.

The names below are loaded when they are first used, so ``import polysense`` costs milliseconds and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polysense.inference.measure import Reading, evaluate
    from polysense.inference.model_comparison import compare_models
    from polysense.inference.predictor import Predictor, load
    from polysense.training.comparison import compare
    from polysense.training.run import train

    __version__: str

__all__ = ["Predictor", "Reading", "__version__", "compare", "compare_models", "evaluate", "load", "train"]

_HOMES = {
    "Predictor": "polysense.inference.predictor",
    "Reading": "polysense.inference.measure",
    "compare": "polysense.training.comparison",
    "compare_models": "polysense.inference.model_comparison",
    "evaluate": "polysense.inference.measure",
    "load": "polysense.inference.predictor",
    "train": "polysense.training.run",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("polysense")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
