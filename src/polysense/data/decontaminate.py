"""Keeping sentences that models are scored on out of what they are trained on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from polysense.data.table import Table
from polysense.data.tablefile import read_raw
from polysense.errors import ArgumentError, RecipeError, choices, display
from polysense.types import Sample

SIMILARITY_SETS: tuple[str, ...] = ("sts_senteval", "sts_b", "sick2014")
"""The folders of the sets that sentence embeddings are scored on."""

_NO_WORD = re.compile(r"\W|_")


def comparable(text: str) -> str:
    """The text as it counts for being the same sentence: lower-cased, letters and figures alone.

    Without blanks too: some sets are tokenised (``a dog 's back``), others are not.
    """
    return _NO_WORD.sub("", text.lower())


def evaluation_sentences(root: Path, names: Sequence[str] = SIMILARITY_SETS) -> frozenset[str]:
    """Every sentence of the named sets under ``root`` (see `comparable`): of all their splits, except where a set has training rows
    that are no similarity pairs.

    ``root`` is the folder of all data sets, or the folder of one of them, whose neighbours are then looked at.

    Raises:
        RecipeError: a name is not the folder of an evaluation set.
        ArgumentError: a named set is not there: leaving it out in silence would leave its sentences in.
    """
    readers = _readers()
    found: set[str] = set()
    for name in names:
        if name not in readers:
            raise RecipeError(f"exclude: {name!r} is no evaluation set; {choices(name, readers)}")
        samples = readers[name](_home(Path(root), name))
        found.update(comparable(text) for sample in samples for text in (sample.text, sample.pair) if text)
    return frozenset(found - {""})


def without(table: Table, banned: Collection[str]) -> tuple[Table, int]:
    """The table without the training rows that hold a banned sentence (their text, their pair or a negative), and how many those were.

    ``banned`` is what `evaluation_sentences` gives. Validation and test rows stay.
    """
    kept = tuple(sample for sample in table.samples if sample.split != "train" or not _holds(sample, banned))
    return replace(table, samples=kept), len(table.samples) - len(kept)


def _holds(sample: Sample, banned: Collection[str]) -> bool:
    texts = (sample.text, sample.pair, *sample.negatives, *sample.near_texts)
    return any(comparable(text) in banned for text in texts if text)


def _home(root: Path, name: str) -> Path:
    for folder in (root / name, root.parent / name):
        if folder.is_dir():
            return folder
    raise ArgumentError(
        f"exclude: the evaluation set {name!r} is neither in {display(root)} nor beside it, so its sentences cannot be kept out of "
        "training",
        argument="exclude",
        instead="null",
    )


def _readers() -> dict[str, Callable[[Path], Iterable[Sample]]]:
    """Folder -> what reads the rows that are scored. Imported late: corpora that train exclude with this module."""
    from polysense.data.corpora.sick import Sick
    from polysense.data.corpora.sts_benchmark import StsBenchmark
    from polysense.data.corpora.sts_tasks import StsTasks
    from polysense.data.corpora.transfer_tasks import TransferTasks

    def scored(samples: Iterable[Sample]) -> list[Sample]:
        return [sample for sample in samples if sample.split != "train"]

    return {
        "sts_senteval": lambda folder: StsTasks().read(folder).samples,
        "sts_b": lambda folder: StsBenchmark().read(folder).samples,
        "sick2014": lambda folder: Sick().read(folder).samples,
        "senteval_transfer": lambda folder: scored(TransferTasks().read(folder).samples),
        "flickr8k": _flickr8k,
    }


def _flickr8k(folder: Path) -> list[Sample]:
    """The captions that retrieval is scored on, without their pictures. (The set's own reader excludes with this module.)"""
    rows = (row for _, row in read_raw(folder / "captions.csv").rows)
    return [Sample(id="", text=str(row["caption"])) for row in rows if row.get("split") in {"dev", "test"}]
