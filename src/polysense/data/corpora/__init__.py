"""The readers of data sets, one a file."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polysense.data.corpus import Corpus


def all_corpora() -> dict[str, type[Corpus]]:
    """Every corpus of this package by its class name. Importing them is also what lets recipes use their short names."""
    from polysense.data.corpus import Corpus

    found: dict[str, type[Corpus]] = {}
    for module in iter_modules(__path__):
        for name, member in inspect.getmembers(import_module(f"{__name__}.{module.name}"), inspect.isclass):
            if issubclass(member, Corpus) and not inspect.isabstract(member):
                found[name] = member
    return dict(sorted(found.items()))
