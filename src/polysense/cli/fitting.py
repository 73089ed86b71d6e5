"""Which recipe fits the data, told where a recipe for a published corpus is given another table, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from polysense.errors import DataError, RecipeError

OWN_TABLES = "Posts"
"""The corpus that reads anybody's table."""


@contextmanager
def hinting(recipe: str, data: Path, overrides: Sequence[str]) -> Iterator[None]:
    """Add to an error of the recipe or the data which recipe fits better, if one does and the corpus was not set by hand."""
    try:
        yield
    except (DataError, RecipeError) as error:
        set_by_hand = any(one.startswith(("corpora=", "corpora.0=")) for one in overrides)
        hint = None if set_by_hand else fitting_recipe(recipe, data)
        if hint is None:
            raise
        if isinstance(error, DataError):
            raise DataError(f"{error}\n{hint}", problems=error.problems) from error
        raise RecipeError(f"{error}\n{hint}") from error


def fitting_recipe(recipe: str, data: Path) -> str | None:
    """The hint; None where the recipe reads the corpus that the data are, or reads tables and they are no corpus."""
    every = corpora_of(recipe)
    if len(every) > 1 and data.is_file():
        named = f"{', '.join(every[:-1])} and {every[-1]}"
        return f"hint: the recipe {recipe} reads {named}: name the folder that holds all of them, or write corpora of your own"
    reads = corpus_of(recipe)
    if reads is None:
        return None
    found = known_corpus(data) or OWN_TABLES
    if reads == found:
        return None
    if found == OWN_TABLES and (_reads_own_files(reads) or not _holds_a_table(data) or _has_part_of(reads, data)):
        return None
    what = "a table of your own" if found == OWN_TABLES else f"the corpus {found}"
    twin = twin_recipe(recipe, found)
    reader = _own_reader(reads) if found == OWN_TABLES else found
    better = f"take the recipe {twin}" if twin else f"read it with --set corpora.0={reader}"
    return f"hint: the recipe {recipe} reads {reads}, and {data} looks like {what}: {better}"


def twin_recipe(recipe: str, corpus: str) -> str | None:
    """The shipped recipe that does the same to another corpus: ``social/posts_text`` and ``social/mvsa_text``."""
    from polysense.recipe import list_recipes

    family, _, rest = recipe.partition("_")
    for name in list_recipes():
        other, _, same = name.partition("_")
        if rest and same == rest and other != family and corpus_of(name) == corpus:
            return name
    return None


def corpus_of(recipe: str) -> str | None:
    """The class that reads a recipe's data; None where it names none, or several."""
    every = corpora_of(recipe)
    return every[0] if len(every) == 1 else None


def corpora_of(recipe: str) -> list[str]:
    """The classes that read a recipe's data, by their names alone."""
    from polysense.recipe.files import read_recipe

    written = read_recipe(recipe).get("corpora")
    parts = written if isinstance(written, list) else []
    names = [part.get("class_path") if isinstance(part, dict) else part for part in parts]
    return [name.rpartition(".")[2] for name in names if isinstance(name, str)]


def known_corpus(data: Path) -> str | None:
    """The published corpus that a folder, or a table in its folder, is and can be read as."""
    from polysense.cli.data import recognised
    from polysense.data.corpora import all_corpora

    folder = data if data.is_dir() else data.parent
    found = recognised(folder)
    if found is None or (data != folder and data.name not in all_corpora()[found].layout):
        return None
    return found if _can_be_read(found, folder) else None


def _can_be_read(corpus: str, folder: Path) -> bool:
    """Whether the files are the corpus by more than their names: captions.csv and images/ are in many folders."""
    from polysense.data.corpora import all_corpora

    try:
        all_corpora()[corpus]().candidates(folder)
    except (DataError, RecipeError):
        return False
    return True  # rows may be bad


def _reads_own_files(corpus: str) -> bool:
    from polysense.data.corpora import all_corpora

    kind = all_corpora().get(corpus)
    return kind is not None and kind.own_files


def _own_reader(corpus: str) -> str:
    """What reads anybody's rows for the tasks that the corpus is for."""
    from polysense.data.corpora import all_corpora

    kinds = all_corpora()
    tasks = set(kinds[corpus].tasks) if corpus in kinds else set()
    return next((name for name, kind in kinds.items() if kind.own_files and tasks & set(kind.tasks)), OWN_TABLES)


def _holds_a_table(data: Path) -> bool:
    """Whether it is a file, or a folder with a table in it; the folder of all data sets is none."""
    from polysense.data.tablefile import is_table

    return data.is_file() or (data.is_dir() and any(is_table(entry) for entry in data.iterdir()))


def _has_part_of(corpus: str, data: Path) -> bool:
    """Whether the data are this corpus with something missing."""
    from polysense.data.corpora import all_corpora

    kind = all_corpora().get(corpus)
    if data.is_file() and kind is not None and not kind.own_files and data.name in kind.layout:
        return False  # a set is a folder: its table by itself is read as anybody's
    folder = data if data.is_dir() else data.parent
    # A layout entry such as images/<id>.jpg stands for many files, and means nothing in a folder of another kind.
    return kind is None or any((folder / entry).exists() for entry in kind.layout if "<" not in entry)
