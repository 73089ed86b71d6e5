"""What the commands that write texts share: how they are asked to write, and how they print what was written."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from polysense.errors import DataError
from polysense.progress import bar, say

if TYPE_CHECKING:
    from polysense.decoding.settings import Wishes
    from polysense.progress import Progress

UNFINISHED = ".part"

SEE = '; see "error" in the output'


def wishes_of(
    beams: int | None,
    length_penalty: float | None,
    min_length: int | None,
    max_length: int | None,
    no_repeat: int | None,
    temperature: float | None,
    top_p: float | None,
    *,
    sample: bool,
    seed: int,
) -> Wishes:
    """The options that were given."""
    given = {
        "beams": beams,
        "length_penalty": length_penalty,
        "min_length": min_length,
        "max_length": max_length,
        "no_repeat": no_repeat,
        "temperature": temperature,
        "top_p": top_p,
    }
    found: Any = {name: value for name, value in given.items() if value is not None}
    wishes: Wishes = found | {"sample": sample, "seed": seed}
    return wishes


def print_written(
    answers: Callable[[Progress], Iterable[dict[str, Any]]],
    line: Callable[[dict[str, Any]], str],
    *,
    json: bool,
    out: Path | None,
) -> None:
    """Write a line for each answer as it comes, and a bar of those that are done.

    Args:
        answers: of a progress, the answers.
        line: of an answer, for people; what is wrong with a row is then said on stderr.
        json: write JSON lines instead; a file always has these.
        out: a file in place of stdout; what was there before is replaced when all is written.

    Raises:
        DataError: rows could not be used; the others are written all the same.
    """
    bad, plain = 0, not json and out is None
    with _open(out) as file, bar("writing", "rows") as advance:
        for answer in answers(advance):
            bad += "error" in answer
            if "error" in answer and plain:
                say(f"{answer['id']}: {answer['error']}")
            file.write(f"{line(answer) if plain else jsonlib.dumps(answer, ensure_ascii=False)}\n")
    if bad:
        raise DataError(f"{bad} {'row' if bad == 1 else 'rows'} could not be used{'' if plain else SEE}")


@contextmanager
def _open(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    begun = out.with_name(out.name + UNFINISHED)
    with begun.open("w", encoding="utf-8") as file:
        yield file
    begun.replace(out)
