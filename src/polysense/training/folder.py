"""The folder of a run: whether a run may start or go on in it, and which of its seeds answers."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polysense.data.json_file import read_object
from polysense.encoders.model_name import no_run
from polysense.errors import DataError, PolysenseError, RecipeError, display
from polysense.progress import say
from polysense.recipe.recipe import LAST
from polysense.training.changes import changed_data, changed_entries, changed_making
from polysense.training.checkpoints import newest, step_of, write_whole
from polysense.training.lock import LOCK

if TYPE_CHECKING:
    from polysense.recipe import Recipe

RECIPE = "recipe.yaml"
DATA = "data.json"
SUMMARY = "run.json"
CARD = "README.md"
REPORT = "report.html"
WEIGHTS = "model.safetensors"
LAST_MODEL = "last"
"""Folder, in a seed's, of the model at the last evaluation, where another one was chosen."""
STEP_STATE = "checkpoints"
"""Folder of a seed's resume state; gone when the seed is finished."""


def refuse_another_run(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise before any work is done if the folder holds what must not be touched.

    Raises:
        DataError: it is not a folder.
        RecipeError: it holds other files, or a run that is neither gone on with nor replaced.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DataError(f"{display(folder)} is not a folder")
    if _holds_nothing(folder):
        return
    if not ((folder / RECIPE).is_file() and any(path.name == DATA or _is_seed(path) for path in folder.iterdir())):
        idle = "there is nothing to go on with" if resume else "choose another --out"
        said = "--overwrite does not delete other files" if overwrite else idle
        raise RecipeError(f"{display(folder)} is not empty and holds no run: {said}")
    if not (resume or overwrite):
        raise RecipeError(
            f"{display(folder)} is not empty: go on with --resume, replace it with --overwrite, or choose another --out"
        )


def _holds_nothing(folder: Path) -> bool:
    """Whether it is empty, or :func:`start` was killed before the folder became a run."""
    names = {path.name for path in folder.iterdir()}
    return names <= {LOCK, DATA, f".{DATA}.partial", f".{RECIPE}.partial"} and (DATA not in names or _is_note(folder / DATA))


def _is_note(file: Path) -> bool:
    """Whether :func:`start` wrote it; a table may have the same name."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"name", "content"} <= set(found)


def _is_seed(path: Path) -> bool:
    return path.is_dir() and path.name.startswith("seed-") and path.name.removeprefix("seed-").isdecimal()


def start(folder: Path, recipe: Recipe, data: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the folder and note what is trained on what, or make sure that the run in it is the same.

    Args:
        folder: passed :func:`refuse_another_run`.
        recipe: complete.
        data: what the samples are; ``content`` is their digest, ``made_with`` what a run may differ in when it goes on.
        resume: go on with the run that is there.
        overwrite: throw it away; other files in the folder stay.

    Raises:
        RecipeError: the run in the folder is of another recipe or of other data.
        DataError: the folder cannot be written.
    """
    if resume and (folder / RECIPE).is_file():
        _refuse_changes(folder, recipe, data)
        _tell_changes(folder, data)
        return
    if overwrite and folder.exists():
        _remove_run(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / DATA, json.dumps(data, indent=2, ensure_ascii=False))
        write_whole(folder / RECIPE, recipe.to_yaml())  # the last: it makes the folder a run
    except OSError as error:
        with contextlib.suppress(OSError):
            (folder / DATA).unlink()
        raise DataError(f"the run's folder {display(folder)} cannot be written: {error.strerror or error}") from error


def _remove_run(folder: Path) -> None:
    """What makes the folder a run goes last, so that a removal that was killed can be repeated."""
    for path in folder.iterdir():
        if _is_seed(path):
            shutil.rmtree(path)
    for name in (SUMMARY, CARD, REPORT, RECIPE, DATA):
        (folder / name).unlink(missing_ok=True)


def _refuse_changes(folder: Path, recipe: Recipe, data: Mapping[str, Any]) -> None:
    recipe_file, data_file = folder / RECIPE, folder / DATA
    if not data_file.is_file():
        raise RecipeError(
            f"{display(folder)} has no {DATA}, so nobody knows what data it was started with: "
            "replace it with --overwrite, or choose another --out"
        )
    before = read_object(data_file)
    making = [f"made with {change}" for change in changed_making(before, data)]
    if changes := changed_entries(_named(_as_read_now(recipe_file)), _named(recipe.to_yaml())):
        raise _refusal(folder, "another recipe, other options or other labels", [*changes, *making], recipe_file)
    if before.get("content", data["content"]) != data["content"]:
        raise _refusal(folder, "other data", [*changed_data(before, data), *making], data_file)


def _as_read_now(recipe_file: Path) -> str:
    """A run's recipe with what it does not name, for it came later, at its default; as it was written where it cannot be read."""
    from polysense.recipe import read_saved

    text = recipe_file.read_text(encoding="utf-8")
    try:
        return read_saved(recipe_file.parent).to_yaml()
    except RecipeError:  # an argument that is gone, or a class of the user's own
        return text


def _named(text: str) -> dict[str, Any]:
    """A written recipe as plain data, with its name, which stands in the first line."""
    from polysense.recipe.files import parse_yaml

    return {"name": text.partition("\n")[0].removeprefix("#").strip(), **parse_yaml(text, RECIPE)}


def _refusal(folder: Path, what: str, changes: Sequence[str], file: Path) -> RecipeError:
    ways = "begin anew with --overwrite, or choose another --out"
    lines = [f"{display(folder)} was started with {what} (see {display(file)}): {ways}. What differs:"]
    return RecipeError("\n".join([*lines, *(f"  {change}" for change in changes)]))


def _tell_changes(folder: Path, data: Mapping[str, Any]) -> None:
    """One line where the run goes on with other releases or another way to encode: its numbers may differ from an unbroken run."""
    changed = changed_making(read_object(folder / DATA), data)
    if changed:
        say(
            f"warning: {display(folder)} was started with {'; '.join(changed)}: it may not go on with the losses it would have had"
        )


def best_folder(run: Path) -> Path:
    """The folder of a run's best seed on validation; a seed's own folder or a saved model's is returned as it is.

    Raises:
        PolysenseError: the run is not finished.

    Warns:
        UserWarning: the run was finished once, and has seeds that came later and are not; or the seed that is named is none that is
            finished: its weights are those that were best so far.
    """
    if (run / WEIGHTS).is_file() or not run.is_dir():
        if _is_seed(run) and not (run / SUMMARY).is_file():
            warnings.warn(f"{display(run)} is not finished: its weights are the best so far", stacklevel=2)
        return run
    if (run / SUMMARY).is_file():
        best = f"seed-{read_object(run / SUMMARY)['best_seed']}"
        if others := unfinished_seeds(run):
            warnings.warn(
                f"{display(run)} is not finished ({', '.join(others)}): {best} answers, the best of those that were finished",
                stacklevel=2,
            )
        return run / best
    if _is_begun(run):
        raise _unfinished(run)
    return run


def unfinished_seeds(run: Path) -> list[str]:
    """The names of a run's seeds that are still trained, or were interrupted."""
    return [path.name for path in sorted(run.iterdir()) if _is_seed(path) and not (path / SUMMARY).is_file()]


def finished(run: Path) -> dict[str, Any]:
    """The ``run.json`` of a finished run, of one of its finished seeds, or of a saved model.

    Raises:
        RecipeError: there is no such folder, or it is no run.
        PolysenseError: the run is not finished.
        DataError: what it wrote is damaged.
    """
    if not run.is_dir():
        raise no_run(run)
    if found := read_object(run / SUMMARY):
        return found
    if _is_begun(run):
        raise _unfinished(run)
    raise RecipeError(f"{display(run)} is no run: there is no {SUMMARY} in it")


def why_chosen(summary: Mapping[str, Any]) -> str:
    """Why the run answers with the seed that it does: ``the best on validation (macro_f1)``."""
    metric = summary["best_metric"]
    return "the first, whose last weights were kept" if metric == LAST else f"the best on validation ({metric})"


def _is_begun(run: Path) -> bool:
    return (run / RECIPE).is_file() or any(_is_seed(path) for path in run.iterdir())


def _unfinished(run: Path) -> PolysenseError:
    ready = [path.name for path in sorted(run.iterdir()) if _is_seed(path) and (path / SUMMARY).is_file()]
    others = f", or name a seed that is ({', '.join(ready)})" if ready else ""
    return PolysenseError(f"{display(run)} is not finished: go on with `{going_on(run)}`{others}")


def going_on(run: Path) -> str:
    """The command that goes on with a run that is not finished, as far as it was noted."""
    whole = run.parent if _is_seed(run) else run
    words = read_object(whole / DATA).get("command")
    return "polysense train ... --resume" if words is None else shlex.join([*words, "--out", display(whole), "--resume"])


def seed_of(folder: Path) -> int | None:
    """The seed whose weights a seed's own folder or a saved model's holds; None for a run, or where nobody noted it."""
    if not (folder / WEIGHTS).is_file():
        return None
    record = read_object(folder / SUMMARY)
    found: int | None = record.get("seed", record.get("best_seed"))
    return found


def standing(folder: Path) -> str:
    """What becomes of a seed's folder when its run goes on."""
    if (folder / SUMMARY).is_file():
        return "is finished: its results are read"
    checkpoint = newest(folder / STEP_STATE)
    return "begins anew" if checkpoint is None else f"goes on from step {step_of(checkpoint)}"


def run_of(folder: Path) -> Path:
    """The run that a seed's folder belongs to; a saved model's folder is returned as it is."""
    return folder.parent if folder.name.startswith("seed-") and (folder.parent / SUMMARY).is_file() else folder
