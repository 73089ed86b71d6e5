"""``polysense compare``: is one run better than another, and by how much?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polysense.cli.output import print_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)
