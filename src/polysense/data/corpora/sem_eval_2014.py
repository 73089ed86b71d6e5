"""SemEval-2014, task 4: aspects of laptops and restaurants (Pontiki et al.)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from polysense.data.aspect_xml import CONFLICT, About, asked, marked, read_sentences
from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.splits import with_validation
from polysense.data.table import Table
from polysense.errors import RecipeError, choices
from polysense.types import Sample

FOLDER = "semeval2014"
Domain = Literal["laptop", "restaurant"]
Task = Literal["polarity", "extraction"]
FILES: dict[str, str] = {"train": "{}_Train.xml", "test": "{}_Test_Gold.xml"}
NAMES: dict[str, str] = {"laptop": "Laptops", "restaurant": "Restaurants"}


class SemEval2014(Corpus):
    """SemEval-2014 task 4: review sentences with aspects, and what is thought of each.

    A row is a sentence with one ``aspect``: a term of the sentence, its characters in ``extra`` (laptop 2,328 / 638, restaurant
    3,608 / 1,120), or with ``about: category`` one of five categories of restaurants (3,518 / 973). With ``conflict`` the terms and
    categories of that polarity are a fourth class; else they are left out. With ``task: extraction`` a row is a sentence (3,048 / 800
    and 3,044 / 800) with the spans of its terms. A tenth of the training rows become validation rows, by ``seed``; the aspects of
    one sentence stay together.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "span tagging")
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = tuple(file.format(name) for name in NAMES.values() for file in FILES.values())

    def __init__(
        self,
        domain: Domain = "restaurant",
        about: About = "term",
        task: Task = "polarity",
        conflict: bool = False,
        seed: int = 0,
    ) -> None:
        for name, value, valid in (("domain", domain, Domain), ("about", about, About), ("task", task, Task)):
            if value not in get_args(valid):
                raise RecipeError(f"SemEval2014, {name}: {value!r} is not one; {choices(value, get_args(valid))}")
        if about == "category" and (domain == "laptop" or task == "extraction"):
            raise RecipeError("SemEval2014, about: categories are known of restaurants alone, and have no place in a sentence")
        self.domain = domain
        self.about = about
        self.task = task
        self.conflict = conflict
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        files = {split: expect(self, home / file.format(NAMES[self.domain])) for split, file in FILES.items()}
        every = [sample for split, path in files.items() for sample in self._samples(path, split)]
        kept = [sample for sample in every if self.conflict or sample.label != CONFLICT]
        extraction = self.task == "extraction"
        return Table(
            name=f"{FOLDER}_{self.domain}",
            samples=tuple(with_validation(kept, seed=self.seed)),
            columns=("text", "spans") if extraction else ("text", "aspect", "label"),
            left_out={"of conflicting polarity": len(every) - len(kept)},
            digests={path.name: file_digest(path) for path in files.values()},
            folder=home,
        )

    def _samples(self, path: Path, split: str) -> list[Sample]:
        sentences = read_sentences(path)
        if self.task == "extraction":
            return [marked(sentence, split) for sentence in sentences]
        return [sample for sentence in sentences for sample in asked(sentence, self.about, split)]
