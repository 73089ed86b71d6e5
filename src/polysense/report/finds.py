"""A page about a search: for each query a grid of the pictures, or a list of the texts, that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from polysense.data.media import Picture
from polysense.inference.search import Hit
from polysense.report.section import environment, render
from polysense.report.thumbnails import Thumbnail, thumbnail, thumbnail_of
from polysense.report.whole import write_page

LETTERS = 400
"""Of a text."""


@dataclass(frozen=True, slots=True)
class Found:
    """A query and what was found, best first."""

    text: str | None
    picture: Any
    """A file or a picture that is held; None where a text asked."""
    hits: Sequence[Hit]
    """Each with an ``item`` that has an ``id``, maybe a ``text``, maybe an ``image``."""


@dataclass(frozen=True, slots=True)
class Card:
    """One hit as it is shown."""

    id: str
    text: str | None
    picture: Thumbnail | None
    score: float
    fit: float | None


def write_finds(found: Sequence[Found], samples: Sequence[Any] | None, path: Path, *, title: str) -> Path:
    """Write one self-contained HTML file. Equal input gives equal bytes.

    Args:
        found: the queries.
        samples: the rows of the collection by their number there, whose pictures may be held in memory; None where they are not known.
        path: the file.
        title: of the page.

    Raises:
        DataError: it cannot be written.
    """
    pictures: dict[int, Thumbnail | None] = {}
    queries = []
    for one in found:
        for hit in one.hits:
            if hit.row not in pictures:
                pictures[hit.row] = _picture(getattr(samples[hit.row], "image", None) if samples else hit.item.get("image"))
        asked = None if one.picture is None else _picture(one.picture)
        queries.append((one.text, asked, [_card(hit, pictures[hit.row]) for hit in one.hits]))
    page = render(
        "finds.html",
        title=title,
        queries=queries,
        judged=any(hit.fit is not None for one in found for hit in one.hits),
        style=Markup(environment().get_template("style.css").render()),  # noqa: S704 (our own file)
    )
    return write_page(path, page)


def _card(hit: Hit, picture: Thumbnail | None) -> Card:
    text = (hit.item.get("text") or "").strip() or None
    shown = text if text is None or len(text) <= LETTERS else text[:LETTERS].rstrip() + " …"
    return Card(str(hit.item["id"]), shown, picture, hit.score, hit.fit)


def _picture(source: Any) -> Thumbnail | None:
    if isinstance(source, Path | str):
        return thumbnail(str(source), near=Path())
    return thumbnail_of(source) if isinstance(source, Picture) else None
