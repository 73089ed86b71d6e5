"""One self-contained HTML file that shows what a run did."""

from __future__ import annotations

from polysense.report.document import write_report

__all__ = ["write_report"]
