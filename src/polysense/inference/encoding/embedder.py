"""Samples to vectors: of the fused row, of one modality by itself, or in the space that several modalities share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from polysense.data.collate import Collate, Prepares
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError, choices
from polysense.evaluation.evaluator import Answerer
from polysense.fusion.single import Single
from polysense.inference.encoding.engine import EngineName, Precision
from polysense.inference.encoding.openvino_engine import CannotConvertError
from polysense.inference.encoding.text_summaries import TextSummaries
from polysense.inference.media import watched
from polysense.inference.texts import Texts
from polysense.learner import Learner
from polysense.objectives.objective import Aligning
from polysense.progress import Progress
from polysense.types import Sample

PROJECTED = 4096
"""Summaries taken into the shared space at a time."""


@dataclass(frozen=True, slots=True)
class Space:
    """Which vectors are meant."""

    part: str | None = None
    """The modality by itself; None for the fused row, or in the shared space for the text where the row has one, else the picture."""
    shared: bool = False
    """In the space that an objective aligned."""


class Embedder:
    """Gives the vectors of a learner.

    Args:
        learner: in evaluation mode.
        batch_size: rows a forward pass, where they are not texts alone.
        engine: of texts alone.
        precision: of texts alone.

    Raises:
        CannotConvertError: texts are read with something beside them, and ``openvino`` was asked for.
    """

    def __init__(
        self, learner: Learner, *, batch_size: int, engine: EngineName = "auto", precision: Precision = "auto"
    ) -> None:
        self.learner = learner
        self.batch_size = batch_size
        self.modalities = tuple(learner.model.encoders)
        text = learner.model.encoder("text") if "text" in self.modalities else None
        self._texts: TextSummaries | None = None
        self._cut = 0
        if isinstance(text, TransformerText) and text.lent is None and not text.pairs:
            self._texts = TextSummaries(text, engine=engine, precision=precision)
        elif text is not None and text.lent is not None and engine == "openvino":
            raise CannotConvertError(
                "the engine 'openvino' encodes texts alone, and this model's fusion runs the text's network"
            )
        elif isinstance(text, TransformerText) and engine == "openvino":
            what = "an aspect" if text.aspect else f"{text.beside!r}"
            raise CannotConvertError(f"the engine 'openvino' encodes texts alone, and this model reads {what} with each")
        elif text is not None and engine == "openvino":
            raise CannotConvertError(f"the engine 'openvino' runs a TransformerText, this model has a {type(text).__name__}")

    def check(self, space: Space) -> None:
        """Raise where the model has no such vectors.

        Raises:
            RecipeError: ``part`` is no modality of the model, or none of the shared space; or no objective aligned one.
        """
        valid = self._aligning().aligned if space.shared else self.modalities
        if space.part is not None and space.part not in valid:
            raise RecipeError(f"part: {space.part!r} is none of this model; {choices(space.part, valid)}")

    def width(self, space: Space) -> int:
        """Of the vectors."""
        if space.shared:
            modality = self._aligning().aligned[0]
            probe = np.zeros((1, self.learner.model.width(modality)), dtype=np.float32)
            return int(self._projected(modality, probe).shape[1])
        return self.learner.model.fusion.width if space.part is None else self.learner.model.width(space.part)

    def engine(self, space: Space, rows: int) -> str:
        """What runs so many texts: ``openvino, bfloat16``; rows that are not texts alone run in torch in float32."""
        fast = self._fast(space)
        return "torch, float32" if fast is None else str(fast.engine_for(rows))

    def reads_texts_alone(self, space: Space) -> bool:
        """Whether the vector of a row that has a text is a function of that text alone, with nothing beside it."""
        return self._text_decides(space) and self._texts is not None

    def of_texts(
        self,
        texts: Sequence[str],
        space: Space,
        *,
        expect: int | None = None,
        most_rows: int | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """(texts, width) float32, where :meth:`reads_texts_alone`.

        Raises:
            DataError: a text that is no Unicode.
        """
        fast = self._fast(space)
        assert fast is not None
        _refuse_surrogates(texts)
        summaries = fast(texts, expect=expect, most_rows=most_rows, progress=progress)
        return self._projected("text", summaries) if space.shared else summaries

    def of_samples(
        self,
        samples: Sequence[Sample],
        space: Space,
        *,
        expect: int | None = None,
        most_rows: int | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """(samples, width) float32.

        Raises:
            DataError: a row lacks what is asked for, or its picture cannot be used; the message names it.
        """
        found = np.zeros((len(samples), self.width(space)), dtype=np.float32)
        done = 0
        for modality, rows in self._grouped(samples, space).items():

            def tell(count: int, total: int, before: int = done) -> None:
                if progress is not None:
                    progress(before + count, len(samples))

            chosen = [samples[row] for row in rows]
            if modality == "text" and self._texts is not None:
                texts = [sample.text or "" for sample in chosen]
                found[rows] = self.of_texts(texts, space, expect=expect, most_rows=most_rows, progress=tell)
            else:
                alone = [_alone(sample, modality) for sample in chosen] if modality else chosen
                summaries, faults = self._asked(alone, modality, most_rows, tell)
                if faults:
                    row, reason = min(faults.items())
                    raise DataError(f"row {chosen[row].id}: {reason}")
                found[rows] = self._projected(modality, summaries) if space.shared and modality else summaries
            done += len(rows)
        return found

    def of_pictures(
        self, samples: Sequence[Sample], *, shared: bool, progress: Progress | None = None
    ) -> tuple[np.ndarray, dict[int, str]]:
        """(samples, width) float32 of the samples' pictures, and by place why some cannot be used; these have zeros."""
        summaries, faults = self._asked([_alone(sample, "image") for sample in samples], "image", None, progress)
        found = self._projected("image", summaries) if shared else summaries
        found[list(faults)] = 0.0
        return found, faults

    def take_cut(self) -> int:
        """How many texts were longer than the model reads, since this was last asked."""
        cut, self._cut = self._cut, 0
        return cut + (0 if self._texts is None else self._texts.take_cut())

    def _grouped(self, samples: Sequence[Sample], space: Space) -> dict[str | None, list[int]]:
        """The rows that each modality is embedded by; None stands for the fused row."""
        groups: dict[str | None, list[int]] = {}
        for row, sample in enumerate(samples):
            modality = self._modality(sample, space)
            if modality is not None and modality not in sample.modalities:
                raise DataError(f"row {sample.id}: it has no {modality}{self._instead(sample)}")
            groups.setdefault(modality, []).append(row)
        return groups

    def _modality(self, sample: Sample, space: Space) -> str | None:
        if space.part is not None:
            return space.part
        if space.shared:
            there = [name for name in self._aligning().aligned if name in sample.modalities]
            if there == ["text"] or not there or (sample.text or "").strip():
                return "text"
            return next(name for name in there if name != "text")
        fusion = self.learner.model.fusion
        return fusion.modality if isinstance(fusion, Single) else None

    def _instead(self, sample: Sample) -> str:
        """How a row that lacks what is embedded has a vector all the same."""
        there = [name for name in sample.modalities if name in self.modalities]
        if not there:
            return ""
        aligning = self._aligned()
        shares = aligning is not None and there[0] in aligning.aligned
        space = ", and --shared beside it where texts look for it" if shares else ""
        return f": say --part {there[0]} to embed its {there[0]}{space}"

    def _text_decides(self, space: Space) -> bool:
        fusion = self.learner.model.fusion
        by_text = isinstance(fusion, Single) and fusion.modality == "text"
        return space.part == "text" or (space.part is None and (space.shared or by_text))

    def _fast(self, space: Space) -> TextSummaries | None:
        return self._texts if self._text_decides(space) else None

    def _asked(
        self, samples: Sequence[Sample], part: str | None, most_rows: int | None, progress: Progress | None
    ) -> tuple[np.ndarray, dict[int, str]]:
        """Summaries, and by place what is wrong with pictures, sound and film. A picture that several rows have is run once."""
        if part == "image" and len(set(first := _first_of_each(samples))) < len(samples):
            distinct = list(dict.fromkeys(first))

            def tell(done: int, total: int) -> None:
                if progress is not None:
                    progress(done * len(samples) // total, len(samples))

            vectors, faults = self._asked([samples[row] for row in distinct], part, most_rows, tell)
            place = {row: number for number, row in enumerate(distinct)}
            bad = {row: faults[place[one]] for row, one in enumerate(first) if place[one] in faults}
            return vectors[[place[one] for one in first]], bad
        encoders = {name: self.learner.model.encoder(name) for name in self.modalities}
        media, faults = watched(encoders)
        text = encoders.get("text")
        texts = Texts(text) if isinstance(text, TransformerText) else None
        tolerant: dict[str, Prepares | None] = {**media, "text": texts}
        collate = Collate({name: tolerant.get(name) or encoder for name, encoder in encoders.items()})
        answerer = Answerer(self.learner, collate, batch_size=most_rows or self.batch_size)
        numbered = [replace(sample, index=row) for row, sample in enumerate(samples)]
        vectors = answerer.encode(numbered, part=part, progress=progress)
        self._cut += 0 if texts is None else len(texts.take_cut())
        return vectors, faults

    def _aligned(self) -> Aligning | None:
        """The first objective that aligns a space."""
        return next((one for one in self.learner.active.values() if isinstance(one, Aligning) and one.aligned), None)

    def _aligning(self) -> Aligning:
        found = self._aligned()
        if found is None:
            raise RecipeError(
                "this model has no space that text and picture share: train it with an objective that aligns them "
                "(ImageTextContrast, Grounding, CrossModalContrast)"
            )
        return found

    def _projected(self, modality: str, summaries: np.ndarray) -> np.ndarray:
        aligning = self._aligning()
        device = next(self.learner.parameters()).device
        with torch.inference_mode():
            pieces = [
                aligning.project(modality, torch.from_numpy(summaries[start : start + PROJECTED]).to(device)).cpu().numpy()
                for start in range(0, max(1, len(summaries)), PROJECTED)
            ]
        joined: np.ndarray = np.concatenate(pieces)
        return joined


def _alone(sample: Sample, modality: str) -> Sample:
    """The sample without its other modalities: they are not run."""
    others: dict[str, Any] = {name: None for name in sample.modalities if name != modality}
    return replace(sample, **others)


def _first_of_each(samples: Sequence[Sample]) -> list[int]:
    """Of each sample the place of the first that has the same picture: the same file, or the same object."""
    first: dict[Any, int] = {}
    pictures = [sample.image if isinstance(sample.image, str | Path) else id(sample.image) for sample in samples]
    return [first.setdefault(picture, row) for row, picture in enumerate(pictures)]


def _refuse_surrogates(texts: Sequence[str]) -> None:
    for row, text in enumerate(texts, start=1):
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise DataError(f"row {row}: text: holds half of a surrogate pair, which is no character") from None
