"""The page: its sections in order, in one self-contained file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from markupsafe import Markup

from polysense.report.calibration import calibration
from polysense.report.classes import classes
from polysense.report.curves import curves
from polysense.report.deeds import deeds
from polysense.report.drift import drift
from polysense.report.fitted import fitted
from polysense.report.groups import groups
from polysense.report.headline import headline
from polysense.report.modalities import modalities
from polysense.report.origin import origin
from polysense.report.own_scores import own_scores
from polysense.report.rows import conflicting_rows, worst_rows
from polysense.report.run import Run
from polysense.report.score_rows import conflicting_scores, furthest_rows
from polysense.report.section import Writer, environment, render
from polysense.report.whole import write_page

SECTIONS: tuple[Writer, ...] = (
    headline,
    modalities,
    own_scores,
    classes,
    fitted,
    calibration,
    deeds,
    curves,
    drift,
    conflicting_rows,
    conflicting_scores,
    worst_rows,
    furthest_rows,
    origin,
)
"""What a report may hold, from top to bottom; each writer gives nothing where its data are not there."""


def write_report(
    run: Path,
    *,
    against: Sequence[Path] = (),
    by: str | None = None,
    title: str | None = None,
    out: Path | None = None,
) -> Path:
    """Write one HTML file about a run folder and return its path (default: ``report.html`` in the folder).

    ``against`` are run folders that the run is compared with: a difference is run minus against; ``by`` names a column within
    whose values it is shown too. Equal input gives equal bytes.
    Raises DataError for a folder that is no finished run or has a broken file, and for a file that cannot be written, RecipeError
    for a column that the predictions do not have.
    """
    page = report_html(Run.read(Path(run)), [Run.read(Path(other)) for other in against], title=title, by=by)
    return write_page(Path(out) if out is not None else Path(run) / "report.html", page)


def report_html(run: Run, against: Sequence[Run], *, by: str | None = None, title: str | None = None) -> str:
    """The whole page; with ``by`` the groups stand behind the result."""
    writers: tuple[Writer, ...] = SECTIONS if by is None else (SECTIONS[0], partial(groups, by=by), *SECTIONS[1:])
    sections = [section for writer in writers if (section := writer(run, against)) is not None]
    return render(
        "page.html",
        run=run,
        title=title or str(run.record.get("name") or run.name),
        synthetic=run.synthetic or any(other.synthetic for other in against),
        sections=sections,
        style=Markup(environment().get_template("style.css").render()),  # noqa: S704 (our own file)
    )
