"""Seeds that follow from what they are for: equal purposes, equal draws, and no purpose moves another's."""

from __future__ import annotations

import hashlib


def seed_from(*purpose: object) -> int:
    """A seed below 2**63 from any values, e.g. (run seed, micro-step, view)."""
    return int.from_bytes(hashlib.sha256(repr(purpose).encode()).digest()[:8], "big") >> 1
