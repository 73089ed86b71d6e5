"""Captions of COCO (Chen et al., 2015, arXiv 1504.00325), and of any set in its layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.caption_controls import CaptionControls, Pairing, Resample
from polysense.data.companions import Companions
from polysense.data.corpus import Corpus, expect
from polysense.data.draws import applied
from polysense.data.folders import below, set_folder
from polysense.data.json_file import entries, read_object
from polysense.data.media import file_digest
from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.errors import Problem, display
from polysense.types import Sample

FOLDER = "coco"
CAPTIONS = "annotations/captions_train2014.json"
MEDIA = "train2014"


class CocoCaptions(Corpus):
    """COCO: photographs, each with five captions or more; the training part of 2014 has 82,783.

    A caption belongs to the picture whose ``id`` is its ``image_id``, under the ``file_name`` that is written there: no name is made
    of a number. Every row trains, except ``validation`` rows. Controls and ``exclude`` choose among the training rows only.

    Args:
        captions: the JSON file, below the folder of the set.
        media: the folder of the pictures, likewise.
        captions_per_image: so many captions of a training picture, drawn by ``seed``; null keeps all.
        resample: ``never`` keeps those captions for the whole run; ``every_epoch`` draws others in every epoch.
        images: ``paired``; or a control, to see what the pictures are worth: ``shuffled`` gives each training picture to the
            captions of another one, ``random`` gives each training row a picture of random pixels.
        shuffled_share: the share of the training pictures that ``shuffled`` moves.
        pairs: so many training pictures, drawn by ``seed``; null keeps all.
        exclude: folders of evaluation sets (``[sts_senteval, sts_b, sick2014]``) beside this one: training captions that
            stand in them (case, blanks and punctuation aside) are left out (see `data.decontaminate`).
        validation: so many training rows that do not train, drawn by ``seed``; all captions of a picture stay together, so it may
            be a few more.
        rewrites: the folder that `polysense rewrite` wrote, below the data folder or the current one: a caption's pair is then
            another text that says the same, its negatives are rewritten ones. Drawn four times, the epochs take the draws in
            turn.
        neighbours: the folder that `polysense neighbours` wrote: unpaired texts and pictures that are near.
        positives: whether rewrites give the pair.
        negatives: how many negatives of each level: ``{sentence: 1, phrase: 1, word: 1}`` by default; what a level lacks is drawn
            from the others.
        near_texts: so many near texts.
        near_images: so many near pictures.
        seed: of the draws; null takes the run's own, so that each of its seeds draws anew. Validation rows are then
            drawn by 0, the same for all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("retrieval", "captions")
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (CAPTIONS, f"{MEDIA}/<file_name>")

    def __init__(
        self,
        captions: str = CAPTIONS,
        media: str = MEDIA,
        captions_per_image: int | None = 1,
        resample: Resample = "never",
        images: Pairing = "paired",
        shuffled_share: float = 1.0,
        pairs: int | None = None,
        exclude: list[str] | None = None,
        validation: int = 0,
        rewrites: str | None = None,
        neighbours: str | None = None,
        positives: bool = True,
        negatives: dict[str, int] | None = None,
        near_texts: int = 1,
        near_images: int = 1,
        seed: int | None = None,
    ) -> None:
        self.controls = CaptionControls(
            of="CocoCaptions",
            captions_per_image=captions_per_image,
            resample=resample,
            images=images,
            shuffled_share=shuffled_share,
            pairs=pairs,
            exclude=exclude,
            validation=validation,
            seed=seed,
            companions=Companions(
                of="CocoCaptions",
                rewrites=rewrites,
                neighbours=neighbours,
                positives=positives,
                negatives=negatives,
                near_texts=near_texts,
                near_images=near_images,
            ),
        )
        self.captions = captions
        self.media = media

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The captions under ``root``, which is the folder of this set or the folder of all data sets.

        Raises:
            DataError: a file is not there, or holds no captions in COCO's layout.
        """
        return applied(self.candidates(root, media_root=media_root))

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The same with every training caption that may be drawn."""
        home = set_folder(root, FOLDER)
        path = expect(self, below(home, self.captions, argument="CocoCaptions, captions"))
        media = below(home, self.media, argument="CocoCaptions, media") if media_root is None else Path(media_root)
        samples, problems = _captions(path, expect(self, media))
        table = Table(
            name=FOLDER,
            samples=samples,
            problems=problems,
            columns=("id", "text", "image"),
            digests={path.name: file_digest(path)},
            folder=home,
            corpus="CocoCaptions",
        )
        return self.controls.candidates(table, near=home)


def _captions(path: Path, media: Path) -> tuple[tuple[Sample, ...], tuple[Problem, ...]]:
    """Every caption with its picture; rows count the annotations from 1."""
    found, file = read_object(path), display(path)
    names = {entry["id"]: entry["file_name"] for entry in entries(found, "images", ("id", "file_name"), file)}
    reader = RowReader(file=file, columns={"id": "id", "text": "caption", "image": "file_name"}, media_root=media)
    samples: list[Sample] = []
    problems: list[Problem] = []
    pictures: dict[str, Path] = {}  # several rows name one, looking once is enough
    for number, entry in enumerate(entries(found, "annotations", ("id", "image_id", "caption"), file), start=1):
        row, name = str(entry["id"]), names.get(entry["image_id"])
        text = " ".join(str(entry["caption"]).split())
        if name is None or not text:
            field, reason = ("caption", "is empty") if name else ("image_id", f"no picture has the id {entry['image_id']}")
            problems.append(Problem(file=file, row=number, id=row, field=field, reason=reason))
            continue
        read = reader.read({"id": row, "caption": text, "file_name": None if name in pictures else name}, number)
        if isinstance(read, Problem):
            problems.append(read)
            continue
        if isinstance(read.image, Path):
            pictures[name] = read.image
        samples.append(replace(read, image=pictures[name], split="train", group=name))
    return tuple(samples), tuple(problems)
