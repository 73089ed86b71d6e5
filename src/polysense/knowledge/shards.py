"""Tables that take long to make, piece by piece: what is whole stays after a kill."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars

from polysense.data.json_file import read_object
from polysense.data.parquet import write_parquet
from polysense.data.written import write_text
from polysense.errors import DataError


def made_from(what: Mapping[str, Any]) -> str:
    """A digest of all that decides a table."""
    return hashlib.sha256(json.dumps(what, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Shards:
    """The pieces of a table while it is made.

    Args:
        folder: where they are kept until `clear`; without one nothing is kept.
        digest: of what decides the table. Pieces of another table are thrown away.
    """

    def __init__(self, folder: Path | None, digest: str) -> None:
        self.folder = folder
        if folder is None:
            return
        note = folder / "made_from.json"
        try:
            same = read_object(note).get("digest") == digest
        except DataError:
            same = False
        if not same:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            write_text(note, json.dumps({"digest": digest}) + "\n")

    def piece(self, number: int, make: Callable[[], polars.DataFrame]) -> polars.DataFrame:
        """The piece as it was kept, else as ``make`` makes it now."""
        if self.folder is None:
            return make()
        file = self.folder / f"{number:06d}.parquet"
        if file.is_file():
            return polars.read_parquet(file)
        made = make()
        write_parquet(made, file)
        return made

    def clear(self) -> None:
        """Forget the pieces: the table is written."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
