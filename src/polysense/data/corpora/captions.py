"""Any user's own captions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from polysense.data.caption_controls import CaptionControls, Pairing, Resample
from polysense.data.companions import Companions
from polysense.data.corpus import Corpus, GivenRows, expect, refuse_for_rows
from polysense.data.draws import applied
from polysense.data.folders import below
from polysense.data.media import content_key, file_digest
from polysense.data.rows import RowReader
from polysense.data.table import Table
from polysense.data.tablefile import find_table, read_raw
from polysense.errors import DataError, Problem, RecipeError, choices, display
from polysense.types import Sample

FIELDS: tuple[str, ...] = ("id", "text", "image", "split", "group")
"""The columns that are read; others, a label among them, are not learnt from."""


class Captions(Corpus):
    """Your own table of captions, or of posts with pictures: CSV, TSV, JSON lines or Parquet, with the columns text and image.

    Every row trains, except ``validation`` rows and those that the table's own column ``split`` holds out, and without a label.
    A row without text or picture is a bad row. Controls and ``exclude`` choose among the training rows only.

    Args:
        path: the table, below the data folder; by default the data file itself, or the only table of the data folder.
        media: the folder of the pictures, from the table's folder; by default the table's folder.
        columns: fields that stand under another name (``{text: caption, image: file}``).
        encoding: of the table.
        use_splits: take the splits of the table's column ``split``; rows that are in none are left out. Null takes them where there
            is such a column; false trains on every row.
        captions_per_image: so many captions of a training picture, drawn by ``seed``; null keeps all.
        resample: ``never`` keeps those captions for the whole run; ``every_epoch`` draws others in every epoch.
        images: ``paired``; or a control, to see what the pictures are worth: ``shuffled`` gives each training picture to the
            captions of another one, ``random`` gives each training row a picture of random pixels.
        shuffled_share: the share of the training pictures that ``shuffled`` moves.
        pairs: so many training pictures, drawn by ``seed``; null keeps all.
        exclude: folders of evaluation sets (``[sts_senteval, sts_b, sick2014]``) in the data folder or beside it: training
            captions that stand in them (case, blanks and punctuation aside) are left out, and counted; they are not drawn as
            companions either.
        validation: so many training rows that do not train, drawn by ``seed``; all captions of a picture stay together, so it may
            be a few more. None are drawn where the table's own splits have validation rows.
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
    layout: ClassVar[tuple[str, ...]] = ("a table (.csv, .tsv, .jsonl, .parquet) of captions", "the pictures it names")
    own_files: ClassVar[bool] = True

    def __init__(
        self,
        path: str | None = None,
        media: str | None = None,
        columns: dict[str, str] | None = None,
        encoding: str = "utf-8",
        use_splits: bool | None = None,
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
        for field in columns or ():
            if field not in FIELDS:
                raise RecipeError(f"Captions, columns: {field!r} is not a field; {choices(field, FIELDS)}")
        self.controls = CaptionControls(
            of="Captions",
            captions_per_image=captions_per_image,
            resample=resample,
            images=images,
            shuffled_share=shuffled_share,
            pairs=pairs,
            exclude=exclude,
            validation=validation,
            seed=seed,
            companions=Companions(
                of="Captions",
                rewrites=rewrites,
                neighbours=neighbours,
                positives=positives,
                negatives=negatives,
                near_texts=near_texts,
                near_images=near_images,
            ),
        )
        self.path = path
        self.media = media
        self.columns = columns or {}
        self.encoding = encoding
        self.use_splits = use_splits

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The captions under ``root``, a file or a folder."""
        return applied(self.candidates(root, media_root=media_root))

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The same with every training caption that may be drawn."""
        root = Path(root)
        home = root if root.is_dir() else root.parent
        named = root if self.path is None else below(home, self.path, argument="Captions, path")
        file = find_table(expect(self, named))
        folder = file.parent if self.media is None else below(file.parent, self.media, argument="Captions, media")
        table = self._table(file, expect(self, folder if media_root is None else Path(media_root)))
        return self.controls.candidates(table, near=home)

    def adopted(self, rows: GivenRows) -> Table:
        """Rows given in Python: those without a split train; what is named is looked for in the current folder."""
        refuse_for_rows(self, "path", "media", "encoding")
        table = rows(columns=self.columns)
        if self.use_splits is False:
            table = replace(table, samples=tuple(replace(sample, split=None) for sample in table.samples))
        kept = [sample for sample in table.samples if sample.split is not None or not self.use_splits]
        unplaced = len(table) - len(kept)
        table = replace(
            table,
            samples=tuple(sample if sample.group else replace(sample, group=_picture(sample)) for sample in kept),
            left_out={"rows in no split": unplaced} if unplaced else {},
        )
        return self.controls.candidates(table.all_training(), near=Path())

    def _table(self, path: Path, images: Path) -> Table:
        """Every caption, with its picture."""
        raw, file = read_raw(path, encoding=self.encoding), display(path)
        splits = self.columns.get("split", "split") in raw.columns if self.use_splits is None else self.use_splits
        columns = self._columns(file, raw.columns, splits=splits)
        reader = RowReader(file=file, columns=columns, media_root=images, reads=self.reads)
        samples: dict[str, Sample] = {}
        problems = list(raw.problems)
        unplaced = 0
        for number, row in raw.rows:
            read = _caption(reader, row, number)
            if isinstance(read, Problem):
                problems.append(read)
            elif read.id in samples:
                problems.append(Problem(file=file, row=number, id=read.id, field="id", reason="stands in an earlier row too"))
            elif splits and read.split is None:
                unplaced += 1
            else:
                samples[read.id] = read if splits else replace(read, split="train")
        return Table(
            name=path.name,
            samples=tuple(samples.values()),
            problems=tuple(sorted(problems, key=lambda one: one.row or 0)),
            columns=raw.columns,
            digests={path.name: file_digest(path)},
            folder=path.parent,
            corpus="Captions",
            left_out={f"rows of {path.name} in no split": unplaced} if unplaced else {},
        )

    def _columns(self, file: str, there: tuple[str, ...], *, splits: bool) -> dict[str, str]:
        """Our field -> the table's column."""
        needed = {"text", "image", *self.columns} | ({"split"} if splits else set())
        for field in sorted(needed):
            column = self.columns.get(field, field)
            if column not in there:
                way = f"name the one that holds the {field}, --columns {field}=COLUMN"
                raise DataError(f"{file} has no column {column!r}; {way}; {choices(column, there)}")
        read = [field for field in FIELDS if field != "split" or splits]
        return {field: column for field in read if (column := self.columns.get(field, field)) in there}


def _picture(sample: Sample) -> str | None:
    """What is equal for the captions of one picture; None where there is no picture."""
    image = sample.image
    return str(image) if isinstance(image, Path) else None if image is None else str(content_key(image))


def _caption(reader: RowReader, row: Mapping[str, object], number: int) -> Sample | Problem:
    """A row that has both a text and a picture, as far as somebody reads it; rows of one picture are a group."""
    read = reader.read(row, number)
    if isinstance(read, Problem):
        return read
    lacks_picture = read.image is None and "image" in reader.reads
    if not (read.text or "").strip() or lacks_picture:
        lacking = "image" if lacks_picture else "text"
        return Problem(file=reader.file, row=number, id=read.id, field=lacking, reason="is empty")
    name = row[reader.columns["image"]]
    return replace(read, group=read.group or (name if isinstance(name, str) else None))
