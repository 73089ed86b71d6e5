"""The nouns that every part of polysense speaks in: Sample, Batch, Encoded, Representation, Prediction.

The road of the data: ``Sample`` -> ``Batch`` -> a view shows it -> ``Encoded`` per modality -> ``Representation`` -> a loss or a
``Prediction``. This module imports torch for type checking only, so reading and checking tables stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from polysense.data.features import Vector
    from polysense.data.frames import Frames
    from polysense.data.media import Picture


MODALITIES: tuple[str, ...] = ("text", "image", "audio", "video")
"""The modalities a sample may have, in the order in which models and reports list them."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of a text and what it is there: an aspect, the holder of an opinion, its target."""

    start: int
    """Its first character."""
    end: int
    """Behind its last character."""
    role: str

    def of(self, text: str) -> str:
        """Its characters."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row of a table: a post, a review, a captioned picture.

    A modality that the row lacks is ``None``: it is missing, it is not a row of zeros. An empty text is a text.
    """

    id: str
    text: str | None = None
    pair: str | None = None
    """A second text that belongs to the first: its paraphrase, what follows from it, or what it is compared with."""
    negatives: tuple[str, ...] = ()
    """Texts that look like the first and say something else: hard negatives."""
    near_texts: tuple[str, ...] = ()
    """Texts of no picture that say something similar: weak positives."""
    near_images: tuple[Path | Picture | Vector | Frames, ...] = ()
    """Pictures without a text that show something similar."""
    aspect: str | None = None
    """What of the text's subject is asked about: a term of the text, a category, or the expression whose holder is sought."""
    spans: tuple[Span, ...] | None = None
    """The marked parts of the text, in their order; none of them is an answer too; None where the row is not marked."""
    image: Path | Picture | Vector | Frames | Image | None = None
    """A picture file, one held in memory (as tables that are read hold them), a Pillow image handed over in Python, or a vector that
    was computed of a picture before, or the sequence of its regions."""
    audio: Path | Frames | None = None
    """A recording, or the sequence of frames that was computed of one before."""
    video: Path | Frames | None = None
    """A film, likewise."""
    label: str | tuple[str, ...] | None = None
    """The class name; several, or none of them, for multi-label rows; None where the row is unlabelled."""
    score: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    """What people gave for single modalities, shown alone: ``text``, ``audio``, ``video``; ``score`` is of all together."""
    split: str | None = None
    """``train``, ``validation``, ``test`` or None."""
    group: str | None = None
    """Rows of one group never stand in two splits."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """The table's other columns, as text: for `compare --by` and for reports."""
    origin: str = ""
    """Where the row came from, for messages: ``posts.csv, row 17`` (rows count from 1, the header is not a row)."""
    source: str = ""
    """The corpus that the row came from, where a run learns from several; a mixture decides by it."""
    index: int = -1
    """The row's number within its split, from 0; -1 before the table was split."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that this row has."""
        return tuple(name for name in MODALITIES if getattr(self, name) is not None)


if TYPE_CHECKING:
    Fields = dict[str, Tensor]
    Widths = Mapping[str, int]
else:
    Fields = dict
    Widths = dict


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples as tensors.

    ``parts[modality]`` holds what an encoder reads (``input_ids``, ``attention_mask``, ``pixel_values``, or the cached
    ``states`` and ``mask`` of a frozen encoder) and always ``present`` (batch,) bool and ``key`` (batch,) int64: equal keys mean
    equal content. A modality that no row has is not there. Further texts stand beside the modalities under ``pair`` and
    ``negative.0``, ``negative.1``, ...: no encoder reads them there, a view shows them as ``text``. ``fields`` holds the targets
    (``label``, ``score``, ...) and ``index``.
    """

    parts: Mapping[str, Fields]
    fields: Fields

    @property
    def size(self) -> int:
        """Rows in the batch."""
        return int(self.fields["index"].shape[0])

    def has(self, names: frozenset[str]) -> bool:
        """Whether every named modality or field is there."""
        return all(name in self.parts or name in self.fields for name in names)

    @classmethod
    def of(cls, nested: Mapping[str, Any]) -> Batch:
        """Read the nested dict that a data loader carries: dicts are modalities, tensors are fields."""
        parts = {name: value for name, value in nested.items() if isinstance(value, dict)}
        fields = {name: value for name, value in nested.items() if not isinstance(value, dict)}
        return cls(parts=parts, fields=fields)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One modality (or the fusion of several) after its encoder."""

    states: Tensor
    """(batch, time, width): tokens, patches, frames."""
    mask: Tensor
    """(batch, time) bool: True where a state is real, False on padding."""
    summary: Tensor
    """(batch, width): one vector a row."""
    present: Tensor
    """(batch,) bool: False where the row lacks this modality; its states and summary then mean nothing."""
    codes: Mapping[str, Tensor] = field(default_factory=dict)
    """(batch, width) each: vectors on the way to the summary that objectives ask for by name; see `Fusion.codes`."""
    marks: Mapping[str, Tensor] = field(default_factory=dict)
    """(batch, time) each: what a view says of the states to a fusion that reads them: ``target`` (bool, reads only what stands before
    it), ``place`` (int64, of a token in its text), ``hidden`` (bool, to be guessed). One that is not there says nothing special.
    ``segment`` (int64, 1 in the second text of a pair) comes from the text encoder."""

    def rows(self, index: Tensor) -> Encoded:
        """The rows ``index`` (any length, repeats allowed) of this."""
        codes = {name: code[index] for name, code in self.codes.items()}
        marks = {name: mark[index] for name, mark in self.marks.items()}
        return Encoded(self.states[index], self.mask[index], self.summary[index], self.present[index], codes, marks)


MARK = "mark."
"""Before the names of marks among the fields of a modality; they go past its encoder, into :attr:`Encoded.marks`."""


class Apart(Mapping[str, Encoded]):
    """Each modality by itself where that takes a pass of its own, which is run when it is first asked for.

    Args:
        given: the modalities as their encoders gave them.
        alone: makes of a modality's name and what its encoder gave what it is by itself.
    """

    def __init__(self, given: Mapping[str, Encoded], alone: Callable[[str, Encoded], Encoded]) -> None:
        self.given = given
        self._alone = alone
        self._made: dict[str, Encoded] = {}

    def __getitem__(self, name: str) -> Encoded:
        if name not in self._made:
            self._made[name] = self._alone(name, self.given[name])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self.given

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


def as_given(parts: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
    """The modalities as their encoders gave them."""
    return parts.given if isinstance(parts, Apart) else parts


@dataclass(frozen=True, slots=True)
class Representation:
    """What the model makes of a shown batch: each modality by itself, and all of them fused."""

    parts: Mapping[str, Encoded]
    """Nothing in one of them comes from another one, whatever the fusion."""
    fused: Encoded

    def have(self, *names: str) -> Tensor:
        """(batch,) bool: the rows that have all of the modalities. Nothing is run for it."""
        given = as_given(self.parts)
        there = self.fused.present | True
        for name in names:
            there = there & given[name].present if name in given else there & False
        return there


@dataclass(frozen=True, slots=True)
class Prediction:
    """Answers for some rows, by column: ``label``, ``probabilities``, ``match``, ``similarity``, ``score``, ...

    Every column has one entry a row; an entry is None where the row lacks what the answer needs.
    """

    columns: Mapping[str, Sequence[Any]]

    def rows(self) -> list[dict[str, Any]]:
        """The same, a dict a row."""
        names = list(self.columns)
        return [dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True)]
