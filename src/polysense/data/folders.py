"""Where a data set lies: its own folder, or a folder that holds many data sets."""

from __future__ import annotations

from pathlib import Path


def set_folder(root: Path, name: str) -> Path:
    """The folder ``name`` in ``root`` where there is one; else ``root`` itself, which is then the data set's own folder."""
    root = Path(root)
    return root / name if (root / name).is_dir() else root
