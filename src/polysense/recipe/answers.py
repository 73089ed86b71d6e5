"""Who answers what: two objectives of a recipe must not write the same columns of the predictions."""

from __future__ import annotations

from collections.abc import Mapping

from polysense.errors import RecipeError
from polysense.objectives.objective import Answering, Marking


def refuse_equal_answers(kinds: Mapping[str, type]) -> None:
    """Every answering class at most once: of two, one would overwrite what the other says, and what it learns from.

    Args:
        kinds: the class of each objective of weight above 0, by the recipe's names.

    Raises:
        RecipeError: names both entries.
    """
    first: dict[type, str] = {}
    for name, kind in kinds.items():
        if not issubclass(kind, Answering | Marking):
            continue
        if (other := first.setdefault(kind, name)) != name:
            raise RecipeError(
                f"objectives.{other} and objectives.{name} are both {kind.__name__}, and their answers would stand in the same "
                "columns: leave one out, or give it weight 0"
            )
