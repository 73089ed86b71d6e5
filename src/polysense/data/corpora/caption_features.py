"""Captions beside a file of picture vectors, as MCSE reads them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polysense.data.caption_controls import CaptionControls, Pairing
from polysense.data.corpus import Corpus, expect
from polysense.data.draws import applied
from polysense.data.features import DATASET, StoredVector, feature_shape
from polysense.data.folders import below
from polysense.data.lines import read_lines
from polysense.data.media import file_digest
from polysense.data.rows import origin
from polysense.data.table import Table
from polysense.errors import DataError, Problem, display
from polysense.types import Sample


class CaptionFeatures(Corpus):
    """Captions, one a line, and a file of picture vectors: line i belongs to row i.

    The recipe's image encoder is then `StoredFeatures`. Every row trains, except ``validation`` rows; a blank line is a bad row.
    The vectors are read one by one, never all of them at once.

    Args:
        captions: the text file, below the data folder.
        features: HDF5 (``.hdf5``, ``.h5``) or NumPy (``.npy``), floating-point numbers (rows, width), below the data folder or
            the media folder.
        dataset: the data set of an HDF5 file.
        encoding: of the captions.
        images: ``paired``; or a control, to see what the pictures are worth: ``shuffled`` gives each training vector to the
            captions of another one, ``random`` gives each training row a vector of random numbers.
        shuffled_share: the share of the training vectors that ``shuffled`` moves.
        pairs: so many different training vectors, drawn by ``seed``; null keeps all.
        exclude: folders of evaluation sets (``[sts_senteval, sts_b, sick2014]``) in the data folder or beside it: training
            captions that stand in them (case, blanks and punctuation aside) are left out, and counted.
        validation: so many training rows that do not train, drawn by ``seed``; rows of equal captions or vectors stay together,
            so it may be a few more.
        seed: of the draws; null takes the run's own, so that each of its seeds draws anew. Validation rows are then
            drawn by 0, the same for all.
    """

    tasks: ClassVar[tuple[str, ...]] = ("retrieval", "captions")
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = ("captions.txt", "features.hdf5")

    def __init__(
        self,
        captions: str = "captions.txt",
        features: str = "features.hdf5",
        dataset: str = DATASET,
        encoding: str = "utf-8",
        images: Pairing = "paired",
        shuffled_share: float = 1.0,
        pairs: int | None = None,
        exclude: list[str] | None = None,
        validation: int = 0,
        seed: int | None = None,
    ) -> None:
        self.controls = CaptionControls(
            of="CaptionFeatures",
            images=images,
            shuffled_share=shuffled_share,
            pairs=pairs,
            exclude=exclude,
            validation=validation,
            seed=seed,
        )
        self.captions = captions
        self.features = features
        self.dataset = dataset
        self.encoding = encoding

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The captions in the folder ``root``.

        Raises:
            DataError: there are more captions than vectors, or fewer.
        """
        return applied(self.candidates(root, media_root=media_root))

    def candidates(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The same with every training row that may be drawn."""
        root = Path(root)
        captions = expect(self, below(root, self.captions, argument="CaptionFeatures, captions"))
        home = root if media_root is None else Path(media_root)
        features = expect(self, below(home, self.features, argument="CaptionFeatures, features"))
        lines, (rows, _) = read_lines(captions, encoding=self.encoding), feature_shape(features, self.dataset)
        if len(lines) != rows:
            raise DataError(
                f"{display(captions)} has {len(lines)} lines, {display(features)} has {rows} rows: line i belongs to row i"
            )
        return self.controls.candidates(self._table(captions, features, lines), near=root)

    def _table(self, captions: Path, features: Path, lines: list[str]) -> Table:
        file = display(captions)
        samples = [
            Sample(
                id=str(number),
                text=line.strip(),
                image=StoredVector(features, number - 1, self.dataset),
                split="train",
                origin=origin(file, number),
            )
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        blank = [number for number, line in enumerate(lines, start=1) if not line.strip()]
        problems = [
            Problem(file=file, row=number, id=str(number), field="text", reason="the line is blank") for number in blank
        ]
        return Table(
            name=captions.name,
            samples=tuple(samples),
            problems=tuple(problems),
            columns=("text", "image"),
            digests={path.name: file_digest(path) for path in (captions, features)},
            folder=captions.parent,
            corpus="CaptionFeatures",
        )
