"""SNLI-VE (Xie et al., 2019): does a picture entail a sentence?"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import below, set_folder
from polysense.data.json_file import read_lines
from polysense.data.media import file_digest
from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.errors import Problem, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "snli_ve"
Split = Literal["train", "validation", "test"]
FILES: dict[Split, str] = {"train": "snli_ve_train.jsonl", "validation": "snli_ve_dev.jsonl", "test": "snli_ve_test.jsonl"}
LABELS = ("contradiction", "entailment", "neutral")
COLUMNS = {"id": "pairID", "text": "sentence2", "image": "image", "label": "gold_label"}


class SnliVe(Corpus):
    """SNLI-VE: a photograph of Flickr30k and a sentence that it entails, contradicts or leaves open.

    529,527 / 17,858 / 17,901 rows as published. Rows without a gold label (``-``) are bad rows.

    Args:
        media: the folder of the photographs, below that of the set.
        splits: those to read; by default all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (*FILES.values(), "flickr30k_images/<Flickr30K_ID>.jpg")

    def __init__(self, media: str = "flickr30k_images", splits: list[Split] | None = None) -> None:
        for split in splits or ():
            if split not in FILES:
                raise RecipeError(f"SnliVe, splits: {split!r} is not one; {choices(split, get_args(Split))}")
        self.media = media
        self.splits: tuple[Split, ...] = tuple(FILES if splits is None else splits)

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of this set or the folder of all data sets."""
        home = set_folder(root, FOLDER)
        files = {split: expect(self, home / FILES[split]) for split in self.splits}
        media = expect(self, below(home, self.media, argument="SnliVe, media") if media_root is None else Path(media_root))
        read = [one for split, path in files.items() for one in _rows(path, split, media)]
        return Table(
            name=FOLDER,
            samples=tuple(one for one in read if isinstance(one, Sample)),
            problems=tuple(one for one in read if isinstance(one, Problem)),
            columns=("text", "image", "label"),
            digests={path.name: file_digest(path) for path in files.values()},
            folder=home,
            corpus="SnliVe",
        )


def _rows(path: Path, split: Split, media: Path) -> list[Sample | Problem]:
    reader = RowReader(file=display(path), columns={**COLUMNS, "split": "split", "group": "Flickr30K_ID"}, media_root=media)
    found: list[Sample | Problem] = []
    for number, entry in enumerate(read_lines(path), start=1):
        row = {**entry, "split": split, "image": f"{entry.get('Flickr30K_ID')}.jpg"}
        if entry.get("gold_label") not in LABELS:
            reason = f"{entry.get('gold_label')!r} is none of {', '.join(LABELS)}"
            found.append(Problem(file=display(path), row=number, id=entry.get("pairID"), field="gold_label", reason=reason))
        elif not str(entry.get("sentence2") or "").strip():
            found.append(Problem(file=display(path), row=number, id=entry.get("pairID"), field="sentence2", reason="is empty"))
        else:
            found.append(reader.read(row, number))
    return found
