"""One self-contained HTML file that shows what a run did. The page about mined knowledge needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polysense.report.document import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> object:
    """``write_report`` is loaded when it is first used: with it comes all that a run needs."""
    if name != "write_report":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from polysense.report.document import write_report

    return write_report
