"""Objectives that judge a text and a picture by what the fusion makes of both."""

from __future__ import annotations

from polysense.errors import RecipeError
from polysense.fusion.single import Single
from polysense.model import Model


def refuse_one_modality(name: str, model: Model) -> None:
    """A fused vector that knows of one modality alone says nothing of whether two belong together.

    Raises:
        RecipeError: the fusion is ``Single``.
    """
    if isinstance(model.fusion, Single):
        raise RecipeError(
            f"{name} judges text and picture by what is fused of both, and Single passes {model.fusion.modality} alone: take another "
            "fusion, Concatenation for instance"
        )
