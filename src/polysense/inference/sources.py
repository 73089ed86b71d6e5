"""What a command's first argument names: a run with its seeds, one model, or a model of somebody else."""

from __future__ import annotations

from pathlib import Path

from polysense.encoders.model_name import may_be_on_hub
from polysense.encoders.packaged import PACKAGED
from polysense.errors import display
from polysense.inference.foreign.loading import CONFIG
from polysense.inference.foreign.modules import MODULES
from polysense.progress import say
from polysense.training.folder import RECIPE, SUMMARY, WEIGHTS, finished, seed_of, unfinished_seeds


def models(source: str | Path) -> list[tuple[int | None, str]]:
    """The models behind ``source``, each with its seed: all seeds of a run that are finished, ascending, or a single one.

    Raises:
        RecipeError: there is no such run, and it cannot be a model of the hub either.
        PolysenseError: the run is not finished, or the folder holds no model.
    """
    folder = Path(source)
    if is_elsewhere(source):
        return [(None, str(source))]
    if not (folder / WEIGHTS).is_file():
        finished(folder)
        if others := unfinished_seeds(folder):
            say(f"{display(folder)} is not finished: without {', '.join(others)}")
    return _seeds(folder) or [(seed_of(folder), str(folder))]


def is_elsewhere(source: str | Path) -> bool:
    """Whether it names a model that was not trained into a folder here: ``minilm``, another library's folder, or an id of the hub."""
    folder = Path(source)
    if folder.exists():
        return any((folder / name).is_file() for name in (CONFIG, MODULES)) and not (folder / RECIPE).is_file()
    if str(source) in PACKAGED:
        return True
    return may_be_on_hub(str(source))


def _seeds(run: Path) -> list[tuple[int | None, str]]:
    """The seeds of a run with their folders, ascending; none where it is a single model."""
    whole = (folder for folder in run.glob("seed-*") if (folder / WEIGHTS).is_file() and (folder / SUMMARY).is_file())
    names = (folder.name.removeprefix("seed-") for folder in whole)
    return [(seed, str(run / f"seed-{seed}")) for seed in sorted(int(name) for name in names if name.isdecimal())]
