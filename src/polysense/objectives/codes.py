"""What objectives over the codes of a fusion have in common: which modalities have them, and which rows."""

from __future__ import annotations

from torch import Tensor

from polysense.errors import RecipeError
from polysense.types import MODALITIES, Representation, Widths


def modalities_with(kind: str, widths: Widths, *, asker: str, least: int = 1) -> tuple[str, ...]:
    """The modalities of which the fusion gives codes of a ``kind`` (see :attr:`polysense.fusion.fusion.Fusion.codes`).

    Raises:
        RecipeError: they are fewer than ``least``.
    """
    found = tuple(name for name in MODALITIES if f"{kind}.{name}" in widths)
    if len(found) < least:
        raise RecipeError(
            f"{asker} reads the {kind} codes of {'two modalities or more' if least > 1 else 'the modalities'}: "
            "write fusion: SharedPrivate" + (", and encoders of that many" if least > 1 else "")
        )
    return found


def rows_with(seen: Representation, *names: str) -> Tensor:
    """(batch,) bool: the rows that have all of the modalities."""
    rows = seen.fused.present
    for name in names:
        rows = rows & (seen.parts[name].present if name in seen.parts else rows.new_zeros(()))
    return rows
