"""``polysense report``: a run as one HTML file that opens anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polysense.errors import RecipeError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    against: Annotated[
        list[Path] | None, typer.Option(help="Another run to set beside it; may be given several times.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="With --against: a column of the predictions; show the difference within each of its values."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The report's heading.")] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write; RUN/report.html where it is not given.")] = None,
) -> None:
    """Write a run's report: results over seeds, curves, confusion, calibration or scatter, and the rows it got most wrong."""
    if by is not None and not against:
        raise RecipeError("--by parts the difference to another run: name that run with --against")
    if any(one.resolve() == run.resolve() for one in against or ()):
        raise RecipeError(f"--against: {run} is the run itself: name another one")
    from polysense.report import write_report
    from polysense.training.folder import finished

    for one in (run, *(against or ())):
        finished(one)

    typer.echo(str(write_report(run, against=against or (), by=by, title=title, out=out)))
