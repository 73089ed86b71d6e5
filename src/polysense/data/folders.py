"""Where a data set lies: its own folder, or a folder that holds many data sets; and where its files lie in it."""

from __future__ import annotations

from pathlib import Path

from polysense.errors import RecipeError, display


def set_folder(root: Path, name: str) -> Path:
    """The folder ``name`` in ``root`` where there is one; else ``root`` itself, which is then the data set's own folder."""
    root = Path(root)
    return root / name if (root / name).is_dir() else root


def below(folder: Path, name: str, *, argument: str) -> Path:
    """What a recipe's ``argument`` names in ``folder``.

    Raises:
        RecipeError: the name leads out of the folder.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise RecipeError(f"{argument}: {name!r} must lie below {display(folder)}")
    return folder / name
