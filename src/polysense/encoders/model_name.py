"""Names of models: whether one may be an id of the Hugging Face hub, or can only be that of a folder on this machine."""

from __future__ import annotations

import contextlib
import re
from difflib import get_close_matches
from pathlib import Path

from polysense.errors import LISTED, RecipeError, display

RECIPE = "recipe.yaml"
"""By this file a folder is a run, or a model that was saved."""

HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")

OURS = "runs"
"""The folder in which our docs put runs."""


def may_be_on_hub(name: str) -> bool:
    """Whether it has the form of an id, ``org/name`` or ``name``.

    Not where it begins with a folder that is here, or with ``runs/``, which may not be here yet: then a run's name is misspelt.
    ``./x``, ``../x``, ``/x``, ``~/x`` and ``x/y/z`` are no ids.
    """
    parent = Path(name).parent
    beside = parent != Path() and (parent.exists() or parent == Path(OURS))
    return not beside and HUB_ID.fullmatch(name) is not None


def _runs_in(home: Path) -> list[Path]:
    """The runs in a folder, as far as it and what is in it may be entered."""
    found = []
    with contextlib.suppress(OSError):
        for path in home.iterdir():
            with contextlib.suppress(OSError):
                found += [path] if (path / RECIPE).is_file() else []
    return found


def nearest_run(folder: Path) -> str:
    """``; did you mean 'runs/mine'?``: the run beside a folder that is not there whose name is nearest; empty where none is near."""
    beside = [path.name for path in _runs_in(folder.parent)]
    near = get_close_matches(folder.name, beside, n=1, cutoff=0.5)
    return f"; did you mean {str(display(folder.parent / near[0]))!r}?" if near else ""


def runs_here(name: str) -> str:
    """``; did you mean 'runs/mine'? runs that are here: ...``, where no folder has this name; empty where there is no run."""
    if len(Path(name).parts) > 1:
        return nearest_run(Path(name))
    found = sorted(str(path) for home in (Path(), Path(OURS)) for path in _runs_in(home))
    if not found:
        return ""
    near = get_close_matches(name, [Path(path).name for path in found], n=1, cutoff=0.5)
    hint = f"did you mean {next(path for path in found if Path(path).name == near[0])!r}? " if near else ""
    more = f", ... ({len(found)} in all)" if len(found) > LISTED else ""
    return f"; {hint}runs that are here: {', '.join(map(repr, found[:LISTED]))}{more}"


def no_run(run: Path) -> RecipeError:
    """What to say where a run was named and there is no such folder: with the nearest name beside it."""
    said = f"there is no run {display(run)}: name the folder that `polysense train` wrote (its --out)"
    return RecipeError(f"{said}{nearest_run(run)}")
