"""MAMS (Jiang et al., EMNLP 2019)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.aspect_xml import About, asked, marked, read_sentences
from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.table import Table
from polysense.errors import RecipeError, choices
from polysense.types import Sample

FOLDER = "mams"
PARTS: dict[str, str] = {"term": "MAMS-ATSA", "category": "MAMS-ACSA"}
FILES: dict[str, str] = {"train": "train.xml", "validation": "val.xml", "test": "test.xml"}
Task = Literal["polarity", "extraction"]


class Mams(Corpus):
    """MAMS: sentences of restaurant reviews with several aspects of different polarity, so that the sentence alone does not tell.

    A row is a sentence with one ``aspect``: a term, or with ``about: category`` one of eight categories; negative, neutral or
    positive. With ``task: extraction`` a row is a sentence with the spans of its terms. Splits as published.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "span tagging")
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = tuple(f"{part}/raw/{name}" for part in PARTS.values() for name in FILES.values())

    def __init__(self, about: About = "term", task: Task = "polarity") -> None:
        for name, value, valid in (("about", about, About), ("task", task, Task)):
            if value not in get_args(valid):
                raise RecipeError(f"Mams, {name}: {value!r} is not one; {choices(value, get_args(valid))}")
        if about == "category" and task == "extraction":
            raise RecipeError("Mams, about: a category has no place in a sentence")
        self.about = about
        self.task = task

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER) / PARTS[self.about] / "raw"
        files = {split: expect(self, home / name) for split, name in FILES.items()}
        return Table(
            name=FOLDER,
            samples=tuple(sample for split, path in files.items() for sample in self._samples(path, split)),
            columns=("text", "spans") if self.task == "extraction" else ("text", "aspect", "label"),
            digests={path.name: file_digest(path) for path in files.values()},
            folder=home,
        )

    def _samples(self, path: Path, split: str) -> list[Sample]:
        sentences = read_sentences(path)
        if self.task == "extraction":
            return [marked(sentence, split) for sentence in sentences]
        return [sample for sentence in sentences for sample in asked(sentence, self.about, split)]
