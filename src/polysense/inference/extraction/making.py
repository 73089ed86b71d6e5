"""Which extractor makes features like these: by what a user names, and by the record that features carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from polysense.data.audio_features import PARTS
from polysense.errors import DataError
from polysense.inference.extraction.acoustic import Acoustic
from polysense.inference.extraction.extractor import Extractor
from polysense.inference.extraction.faces import FaceDetector
from polysense.inference.extraction.film import Film
from polysense.inference.extraction.regions import Regions
from polysense.inference.extraction.speech import Speech


def sound_extractor(named: str) -> Extractor:
    """``acoustic``, some of its parts (``mfcc,energy``), or a speech encoder by its Hugging Face id or folder.

    Raises:
        RecipeError: there is no such part, or the encoder cannot be loaded.
    """
    if named == "acoustic":
        return Acoustic()
    parts = [part.strip() for part in named.split(",")]
    return Acoustic(parts) if len(parts) > 1 or named in PARTS else Speech(named)


def film_extractor(named: str, *, pictures_per_second: float, faces: str | None) -> Extractor:
    """An image encoder by name, Hugging Face id or folder; ``faces`` names a detector likewise.

    Raises:
        RecipeError: one of them cannot be loaded, or the number is none.
    """
    detector = None if faces is None else FaceDetector(faces)
    return Film(named, pictures_per_second=pictures_per_second, faces=detector)


def remade(made: Mapping[str, Any] | None) -> Extractor:
    """The extractor that makes frames of files as those were made that a model learned from.

    Args:
        made: their identity, see `Provenance.identity`.

    Raises:
        DataError: they were not made by polysense, or polysense makes them otherwise now.
        RecipeError: an encoder cannot be loaded.
    """
    if made is None:
        raise DataError("the model reads features that nobody noted the making of: hand over frames, not a file")
    name, parameters = made["name"], made["parameters"]
    try:
        found = _named(name, parameters)
    except KeyError as error:
        raise DataError(
            f"the model reads features made by {name!r} whose record lacks {error}: another release made them; extract and train again"
        ) from None
    if found.provenance.identity != made:
        raise DataError(
            f"the model reads features made otherwise than polysense makes them now: {_differences(made, found)}; "
            "extract and train again"
        )
    return found


def _named(name: str, parameters: Mapping[str, Any]) -> Extractor:
    if name == Acoustic.name:
        return Acoustic(parameters["parts"])
    if name == Speech.name:
        return Speech(parameters["pretrained"])
    if name == Film.name:
        detector = parameters["faces"]
        return Film(
            parameters["pretrained"],
            pictures_per_second=parameters["pictures_per_second"],
            faces=None if detector is None else FaceDetector(detector["pretrained"]),
        )
    if name == Regions.name:
        return Regions(parameters["pretrained"], count=parameters["regions"], classes="classes" in parameters)
    raise DataError(f"the model reads features made by {name!r}, which polysense cannot make of a file: hand over frames")


def _differences(made: Mapping[str, Any], found: Extractor) -> str:
    now = found.provenance.identity["parameters"]
    names = sorted({*made["parameters"], *now})
    return ", ".join(
        f"{name} {json.dumps(made['parameters'].get(name))}, now {json.dumps(now.get(name))}"
        for name in names
        if made["parameters"].get(name) != now.get(name)
    )
