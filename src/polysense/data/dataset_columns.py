"""Columns of a Hugging Face data set that hold pictures, or numbers of classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _picture_features(features: Mapping[str, Any]) -> dict[str, Any]:
    """Column -> its feature, for the columns that a Hugging Face data set decodes into pictures."""
    return {column: feature for column, feature in features.items() if type(feature).__name__ == "Image"}


def undecoded(part: Any) -> Any:
    """The data set with its pictures as bytes or paths: decoded, thousands of them would not fit into memory."""
    for column, feature in _picture_features(part.features).items():
        part = part.cast_column(column, type(feature)(decode=False))
    return part


def far_pictures(features: Mapping[str, Any]) -> dict[str, Any]:
    """Column -> what fetches those of its pictures that are neither in the data set nor on the disk."""

    def fetcher(feature: Any) -> Callable[[Any], object]:
        def fetch(value: Any) -> object:
            far = value is not None and value.get("bytes") is None and "://" in (value.get("path") or "")
            return feature.decode_example(value) if far else value

        return fetch

    return {column: fetcher(feature) for column, feature in _picture_features(features).items()}


def class_names(features: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Column -> what turns its class numbers into names, for the label column of a data set that stores numbers."""
    feature = features.get(label)
    inner = getattr(feature, "feature", None)  # a list of classes
    names = getattr(feature, "names", None) or getattr(inner, "names", None)
    if not names:
        return {}

    def name(value: object) -> object:
        if isinstance(value, list | tuple):
            return [names[int(one)] for one in value]
        return None if value is None or int(value) < 0 else names[int(value)]  # type: ignore[call-overload]

    return {label: name}
