"""What is looked for on the disk before a command loads what takes seconds."""

from __future__ import annotations

import os
from pathlib import Path

from polysense.errors import DataError, display


def refuse_missing(*inputs: str | Path | None) -> None:
    """Raise where a file or folder that a command reads is not there; names of models that may lie elsewhere pass.

    Args:
        inputs: files and folders as paths, models as texts.

    Raises:
        DataError: names the file.
        RecipeError: a model that can only be a run, with the nearest one.
    """
    from polysense.encoders.model_name import may_be_on_hub, no_run

    for path in inputs:
        if isinstance(path, Path) and not path.exists():
            raise DataError(f"there is no file or folder {display(path)}")
        if isinstance(path, str) and not Path(path).exists() and not may_be_on_hub(path):
            raise no_run(Path(path))


def refuse_folder(out: Path) -> None:
    """Raise where a folder cannot be written; folders above it that are not there would be made.

    Raises:
        DataError: names what is in the way.
    """
    there = next(one for one in (out.absolute(), *out.absolute().parents) if one.exists() or one.is_symlink())
    if not there.is_dir():
        raise DataError(f"--out {out}: {display(there)} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise DataError(f"--out {out}: nothing may be written in {display(there)}")


def refuse_output(out: Path) -> None:
    """Raise where a file cannot be written: it is a folder, or its folder is not there.

    Raises:
        DataError: names the folder.
    """
    if out.is_dir():
        raise DataError(f"--out {out}: this is a folder")
    if not out.parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {display(out.parent)}")
