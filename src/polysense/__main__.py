"""``python -m polysense``, and with it ``torchrun -m polysense``."""

from __future__ import annotations

from polysense.cli.main import run

run()
