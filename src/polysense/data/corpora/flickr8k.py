"""Flickr8k (Hodosh, Young, Hockenmaier, JAIR 2013)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.caption_controls import CaptionControls, Pairing, Resample
from polysense.data.companions import Companions
from polysense.data.corpus import Corpus, expect
from polysense.data.draws import applied
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.data.tablefile import read_raw
from polysense.errors import DataError, Problem, choices, display
from polysense.types import Sample

FOLDER = "flickr8k"
SPLITS = {"train": "train", "dev": "validation", "test": "test"}


class Flickr8k(Corpus):
    """Flickr8k: photographs, each with five captions.

    6,000 photographs for training, 1,000 for validation, 1,000 for testing, as published; those in no published split are
    left out. Validation and test rows are all five captions of each photograph; the arguments choose among the training rows
    only.

    Args:
        captions_per_image: so many captions of a training picture, drawn by ``seed``; null keeps all.
        resample: ``never`` keeps those captions for the whole run; ``every_epoch`` draws others in every epoch.
        images: ``paired``; or a control, to see what the pictures are worth: ``shuffled`` gives each training picture to the
            captions of another one, ``random`` gives each training row a picture of random pixels.
        shuffled_share: the share of the training pictures that ``shuffled`` moves.
        pairs: so many training pictures, drawn by ``seed``; null keeps all.
        exclude: folders of evaluation sets (``[sts_senteval, sts_b, sick2014]``) beside this one: training captions that
            stand in them (case, blanks and punctuation aside) are left out (see `data.decontaminate`).
        rewrites: the folder that `polysense rewrite` wrote, below the data folder or the current one: a caption's pair is then
            another text that says the same, its negatives are rewritten ones. Drawn four times, the epochs take the draws in
            turn.
        neighbours: the folder that `polysense neighbours` wrote: unpaired texts and pictures that are near.
        positives: whether rewrites give the pair.
        negatives: how many negatives of each level: ``{sentence: 1, phrase: 1, word: 1}`` by default; what a level lacks is drawn
            from the others.
        near_texts: so many near texts.
        near_images: so many near pictures.
        seed: of the draws; null takes the run's own, so that each of its seeds draws anew.
    """

    tasks: ClassVar[tuple[str, ...]] = ("retrieval", "captions")
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = ("captions.csv", "images/<name>.jpg")

    def __init__(
        self,
        captions_per_image: int | None = 1,
        resample: Resample = "never",
        images: Pairing = "paired",
        shuffled_share: float = 1.0,
        pairs: int | None = None,
        exclude: list[str] | None = None,
        rewrites: str | None = None,
        neighbours: str | None = None,
        positives: bool = True,
        negatives: dict[str, int] | None = None,
        near_texts: int = 1,
        near_images: int = 1,
        seed: int | None = None,
    ) -> None:
        self.controls = CaptionControls(
            of="Flickr8k",
            captions_per_image=captions_per_image,
            resample=resample,
            images=images,
            shuffled_share=shuffled_share,
            pairs=pairs,
            exclude=exclude,
            seed=seed,
            companions=Companions(
                of="Flickr8k",
                rewrites=rewrites,
                neighbours=neighbours,
                positives=positives,
                negatives=negatives,
                near_texts=near_texts,
                near_images=near_images,
            ),
        )

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The captions under ``root``, which is the folder of this set or the folder of all data sets."""
        return applied(self.candidates(root, media_root=media_root))

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The same with every training caption that may be drawn."""
        path = expect(self, set_folder(root, FOLDER) / "captions.csv")
        images = expect(self, path.parent / "images" if media_root is None else Path(media_root))
        return self.controls.candidates(_captions(path, images), near=path.parent)


def _captions(path: Path, images: Path) -> Table:
    """Every caption of a published split, with its picture."""
    raw, file = read_raw(path), display(path)
    for name in ("image", "split", "caption_id", "caption"):
        if name not in raw.columns:
            raise DataError(f"{file} has no column {name!r}; {choices(name, raw.columns)}")
    reader = RowReader(file=file, columns={"text": "caption", "image": "image"}, media_root=images)
    samples: list[Sample] = []
    problems = list(raw.problems)
    pictures: dict[str, Path] = {}  # five rows name one, looking once is enough
    for number, row in raw.rows:
        split, name, text = SPLITS.get(str(row["split"])), str(row["image"]), " ".join(str(row["caption"]).split())
        if split is None:
            continue
        if not text or not name.strip():
            problems.append(Problem(file=file, row=number, id=None, field="image" if text else "caption", reason="is empty"))
            continue
        read = reader.read({"caption": text, "image": None if name in pictures else name}, number)
        if isinstance(read, Problem):
            problems.append(read)
            continue
        if isinstance(read.image, Path):
            pictures[name] = read.image
        samples.append(replace(read, id=f"{name}#{row['caption_id']}", image=pictures[name], split=split, group=name))
    return Table(
        name=FOLDER,
        samples=tuple(samples),
        problems=tuple(problems),
        columns=raw.columns,
        digests={path.name: file_digest(path)},
        folder=path.parent,
    )
