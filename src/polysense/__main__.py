"""``python -m polysense``: the command line where the command itself is not on the path."""

from __future__ import annotations

from polysense.cli.main import run

run()
