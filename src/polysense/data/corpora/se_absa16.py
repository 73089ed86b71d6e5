"""The Chinese reviews of SemEval-2016, task 5 (Pontiki et al.)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, get_args
from xml.etree.ElementTree import Element

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.rows import origin
from polysense.data.splits import with_validation
from polysense.data.table import Table
from polysense.data.xml_file import read_xml
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

FOLDER = "se_absa16"
Domain = Literal["phone", "camera"]
FILES: dict[str, dict[str, str]] = {
    "phone": {"train": "phone/Chinese_phones_training.xml", "test": "phone/CH_PHNS_SB1_TEST_.xml"},
    "camera": {"train": "camera/camera_training.xml", "test": "camera/CH_CAME_SB1_TEST_.xml"},
}
POLARITIES = ("positive", "negative")


class SeAbsa16(Corpus):
    """SE-ABSA16: Chinese reviews of phones or cameras, and what is thought of an entity's attribute.

    A row is an opinion (phone 1,333 / 529, camera 1,259 / 481): the whole review, its clauses joined, and ``phone#design_features`` as
    the aspect, as in SKEP. A review may name an aspect more than once, and with both polarities: as published each is a row; with
    ``merge`` equal ones are one row, and those of both polarities are left out. A tenth of the training rows become validation
    rows, by ``seed``, review by review.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = tuple(file for files in FILES.values() for file in files.values())

    def __init__(self, domain: Domain = "phone", merge: bool = False, seed: int = 0) -> None:
        if domain not in FILES:
            raise RecipeError(f"SeAbsa16, domain: {domain!r} is not one; {choices(domain, get_args(Domain))}")
        self.domain = domain
        self.merge = merge
        self.seed = seed

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The reviews under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER)
        files = {split: expect(self, home / name) for split, name in FILES[self.domain].items()}
        every = [sample for split, path in files.items() for sample in _opinions(path, split)]
        kept = _merged(every) if self.merge else every
        return Table(
            name=f"{FOLDER}_{self.domain}",
            samples=tuple(with_validation(kept, seed=self.seed)),
            columns=("text", "aspect", "label", "group"),
            left_out={"repeated or of both polarities": len(every) - len(kept)},
            digests={path.name: file_digest(path) for path in files.values()},
            folder=home,
        )


def _opinions(path: Path, split: str) -> Iterator[Sample]:
    for number, review in enumerate(read_xml(path, root="Reviews").iter("Review"), start=1):
        where = origin(display(path), number)
        text = "".join((sentence.findtext("text") or "").strip() for sentence in review.iter("sentence"))
        if not text:
            raise DataError(f"{where}: the review has no text")
        name = f"{split}/{review.get('rid') or number}"
        for place, opinion in enumerate(review.iter("Opinion"), start=1):
            aspect, polarity = _judged(opinion, where)
            yield Sample(id=f"{name}/{place}", text=text, aspect=aspect, label=polarity, split=split, group=name, origin=where)


def _judged(opinion: Element, where: str) -> tuple[str, str]:
    aspect, polarity = (opinion.get("category") or "").strip().lower(), opinion.get("polarity") or ""
    if not aspect:
        raise DataError(f"{where}: an opinion has no category")
    if polarity not in POLARITIES:
        raise DataError(f"{where}: {polarity!r} is not a polarity; {choices(polarity, POLARITIES)}")
    return aspect, polarity


def _merged(samples: Sequence[Sample]) -> list[Sample]:
    """The first of equal opinions; none where a review has both polarities of an aspect."""
    found: dict[tuple[str | None, str | None], list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.group, sample.aspect), []).append(sample)
    return [same[0] for same in found.values() if len({sample.label for sample in same}) == 1]
