"""How texts are written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, TypedDict

from polysense.errors import RecipeError, choices
from polysense.objectives.generation import Generation


class Wishes(TypedDict, total=False):
    """What of :class:`Decoding` is to be other than the recipe says."""

    beams: int
    length_penalty: float
    min_length: int
    max_length: int
    no_repeat: int
    sample: bool
    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How texts are written. Lengths count tokens, [CLS] before them not.

    Raises:
        RecipeError: a value is impossible; names it.
    """

    beams: int = 1
    """Beginnings that are kept; 1 takes the likeliest token each time (greedy)."""
    length_penalty: float = 0.0
    """p in the rank of a text, sum of log probabilities / ((5 + length) / 6)^p, length with [SEP]: the higher, the longer."""
    min_length: int = 0
    """Tokens before a text may end, [SEP] not among them: ``min_new_tokens`` of transformers."""
    max_length: int = 50
    """Tokens at which a text ends in any case, [SEP] among them where it is written: ``max_new_tokens``."""
    no_repeat: int = 0
    """Length of sequences of tokens that do not occur twice in a text; 0 allows all."""
    sample: bool = False
    """Draw every token from its distribution, instead of seeking the likeliest text; with one beam."""
    temperature: float = 1.0
    """What scores are divided by before a draw: below 1 likely tokens become likelier."""
    top_p: float = 1.0
    """Draws are from the fewest tokens that have this probability together."""
    seed: int = 0
    """Of the draws: equal seeds, rows and batches, equal texts."""

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise RecipeError(f"beams: expected a number from 1 up, found {self.beams}")
        if self.max_length < 1 or not 0 <= self.min_length <= self.max_length:
            raise RecipeError(
                f"min_length and max_length: expected 0 <= min <= max and max from 1 up, found {self.min_length} and {self.max_length}"
            )
        if self.no_repeat < 0:
            raise RecipeError(f"no_repeat: expected a number from 0 up, found {self.no_repeat}")
        if not self.temperature > 0 or not 0 < self.top_p <= 1:
            raise RecipeError(f"temperature is above 0, top_p above 0 and up to 1; found {self.temperature} and {self.top_p}")
        if self.sample and self.beams > 1:
            raise RecipeError(f"sample: draws one text; leave beams ({self.beams}) out, or at 1")
        if not self.sample and (self.temperature, self.top_p) != (1.0, 1.0):
            raise RecipeError("temperature and top_p: are for draws; ask for sample too")

    @classmethod
    def of(cls, objective: Generation) -> Decoding:
        """As the recipe says."""
        return cls(
            beams=objective.beams,
            length_penalty=objective.length_penalty,
            min_length=objective.min_length,
            max_length=objective.max_length,
            no_repeat=objective.no_repeat,
        )

    def but(self, wishes: Wishes) -> Decoding:
        """The same with other values; a draw takes one beam, and a least length that was not wished for gives way to the longest.

        Raises:
            RecipeError: a value is impossible, or there is no such choice; names it.
        """
        given: Wishes = {**wishes}
        for name in given:
            if name not in Wishes.__annotations__:
                raise RecipeError(f"there is no choice {name!r} of how to write; {choices(name, Wishes.__annotations__)}")
        if given.get("sample"):
            given.setdefault("beams", 1)
        if "max_length" in given:
            given.setdefault("min_length", min(self.min_length, given["max_length"]))
        return replace(self, **given)

    def in_use(self) -> dict[str, Any]:
        """The settings that have a part in what is written: a draw knows no beams, a search no temperature."""
        idle = {"beams", "length_penalty"} if self.sample else {"temperature", "top_p", "seed"}
        return {name: value for name, value in asdict(self).items() if name not in idle}
