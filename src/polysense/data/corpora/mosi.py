"""CMU-MOSI (Zadeh, Zellers, Pincus, Morency, 2016) as transcripts with one vector a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

import numpy as np

from polysense.data.corpus import Corpus, expect
from polysense.data.frames import HeldFrames, Provenance
from polysense.data.media import file_digest
from polysense.data.table import Table, read_table
from polysense.data.unreadable import unreadable
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample

Protocol = Literal["standard", "heldout"]

AUDIO = "audio_features.npz"
VIDEO = "leaky_text_video_features.npz"


class Mosi(Corpus):
    """CMU-MOSI: opinions in 93 films, cut into 2,199 clips with a score from -3 to 3; transcripts and one vector a clip.

    The vectors of the films come from a network that was trained on the labels of 62 of the 93 videos. Hence two protocols:
    ``standard`` has text and audio on the standard split (1,284 / 229 / 686); ``heldout`` has text, audio and video, on the 752
    clips of the videos that the network never saw, split by video (431 / 182 / 139). The vectors of the texts are not read.

    A clip's vector is a sequence of one frame: it exercises no recurrent encoder.

    Args:
        protocol: see above.
        lower: texts in lower case; the transcripts are written in capitals.
    """

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "audio", "video")
    layout: ClassVar[tuple[str, ...]] = ("label.csv", AUDIO)

    def __init__(self, protocol: Protocol = "standard", lower: bool = True) -> None:
        if protocol not in get_args(Protocol):
            raise RecipeError(f"Mosi, protocol: {protocol!r} is not one; {choices(protocol, get_args(Protocol))}")
        self.protocol = protocol
        self.lower = lower

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The clips in the folder ``root``, or in ``mosi`` below it.

        Raises:
            DataError: files are not there, or do not belong together.
        """
        root = Path(root)
        root = root / "mosi" if (root / "mosi" / "label.csv").is_file() else root
        file = expect(self, root / "label.csv")
        heldout = self.protocol == "heldout"
        split = "mode_heldout" if heldout else "mode"
        columns = {"score": "label", "group": "video_id", "split": split}
        table = read_table(file, columns=columns, split_seed=None)
        media = root if media_root is None else Path(media_root)
        sources = {"audio": expect(self, media / AUDIO)} | ({"video": expect(self, media / VIDEO)} if heldout else {})
        vectors = {name: _vectors(path, name) for name, path in sources.items()}
        kept = [self._shown(sample, vectors) for sample in table.samples if sample.split is not None]
        return replace(
            table,
            name=f"MOSI, {self.protocol}",
            samples=tuple(kept),
            left_out={} if len(kept) == len(table) else {"of videos that the vectors were trained on": len(table) - len(kept)},
            digests={**table.digests, **{path.name: file_digest(path) for path in sources.values()}},
            corpus="Mosi",
            score_range=(-3.0, 3.0),
        )

    def _shown(self, sample: Sample, vectors: Mapping[str, Mapping[str, HeldFrames]]) -> Sample:
        text = sample.text.lower() if self.lower and sample.text is not None else sample.text
        media = {name: found.get(sample.id) for name, found in vectors.items()}
        return replace(sample, text=text, label=None, audio=media["audio"], video=media.get("video"))


def _vectors(path: Path, name: str) -> dict[str, HeldFrames]:
    """Id -> the vector as a sequence of one frame."""
    with unreadable(path), path.open("rb") as file, np.load(file, allow_pickle=False) as held:
        ids, array = held["id"], held[name]
    if array.ndim != 2 or ids.shape != array.shape[:1] or array.dtype.kind != "f":
        raise DataError(
            f"{display(path)}: expected a vector of {name!r} for each id, found {array.dtype} {array.shape} for ids {ids.shape}"
        )
    made_by = Provenance("MOSI, Poria et al. 2017", {"array": name})
    return {
        str(one): HeldFrames(vector[np.newaxis].astype(np.float32), made_by) for one, vector in zip(ids, array, strict=True)
    }
