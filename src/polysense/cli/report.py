"""``polysense report``: a run as one HTML file that opens anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    against: Annotated[
        list[Path] | None, typer.Option(help="Another run to set beside it; may be given several times.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The report's heading.")] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write; RUN/report.html where it is not given.")] = None,
) -> None:
    """Write a run's report: results over seeds, curves, confusion, calibration or scatter, and the rows it got most wrong."""
    from polysense.report import write_report
    from polysense.training.folder import finished

    for one in (run, *(against or ())):
        finished(one)

    typer.echo(str(write_report(run, against=against or (), title=title, out=out)))
