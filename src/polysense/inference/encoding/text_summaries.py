"""Texts alone, as fast as this machine can: tokenised in big blocks, sorted by length, in batches of equal work."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError, choices
from polysense.inference.encoding.engine import Batch, Engine, EngineName, Precision, TorchEngine
from polysense.inference.encoding.openvino_engine import CannotConvertError, OpenVinoEngine, is_installed
from polysense.inference.encoding.token_batches import token_batches
from polysense.progress import Progress
from polysense.training.precision import bf16_pays
from polysense.types import Sample

logger = logging.getLogger(__name__)

BLOCK = 4096
"""Texts tokenised and sorted at a time."""

MANY = 256
"""From so many texts on speed counts. Fewer take no time anyway, and are encoded by torch in float32."""


class TextSummaries:
    """The summaries that one text encoder gives.

    With the engine ``auto``, up to ``MANY`` texts run in torch, and more in OpenVINO where it is installed, the encoder is on the
    processor and can be converted. With the precision ``auto``, more than ``MANY`` texts are multiplied in bfloat16 where the
    machine is faster in it. ``float32`` with the engine ``auto`` is torch: the numbers of the evaluation.

    Args:
        encoder: in evaluation mode.
        engine: ``auto``, ``torch`` or ``openvino``.
        precision: ``auto``, ``float32`` or ``bfloat16``.

    Raises:
        RecipeError: there is no such engine or precision.
    """

    def __init__(self, encoder: TransformerText, *, engine: EngineName = "auto", precision: Precision = "auto") -> None:
        self.encoder = encoder
        self.engine = engine
        self.precision = precision
        self._made: dict[tuple[str, bool], Engine] = {}
        self._refused = False
        self._cut = 0

    def engine_for(self, rows: int) -> Engine:
        """The engine that ``rows`` texts are given to.

        Raises:
            CannotConvertError: ``openvino`` was asked for and cannot be had.
        """
        many = rows > MANY
        bfloat16 = self.precision == "bfloat16" or (self.precision == "auto" and many and bf16_pays())
        if self.engine == "openvino":
            return self._openvino(bfloat16)
        if self.engine == "auto" and many and self.precision != "float32" and self._may_convert():
            try:
                return self._openvino(bfloat16)
            except CannotConvertError as error:
                self._refused = True
                logger.warning("texts are encoded by torch: %s", error)
        return self._torch(bfloat16)

    def __call__(
        self,
        texts: Sequence[str],
        *,
        expect: int | None = None,
        most_rows: int | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """(texts, width) float32, in the order of the texts.

        Args:
            texts: an empty one is a text too.
            expect: texts in all, where these are some of many.
            most_rows: of a batch; by default only its tokens are bounded.
            progress: gets (texts done, texts).
        """
        found = np.zeros((len(texts), self.encoder.width), dtype=np.float32)
        engine = self.engine_for(len(texts) if expect is None else expect)
        done = 0
        for start in range(0, len(texts), BLOCK):
            batches = self._batches(texts[start : start + BLOCK], engine, most_rows)
            for rows, summaries in engine.run(batches):
                found[start + rows] = summaries
                done += len(rows)
                if progress is not None:
                    progress(done, len(texts))
        return found

    def take_cut(self) -> int:
        """How many texts were longer than the encoder reads, since this was last asked."""
        cut, self._cut = self._cut, 0
        return cut

    def _batches(self, texts: Sequence[str], engine: Engine, most_rows: int | None) -> Iterator[Batch]:
        fields = self.encoder.prepare([Sample(id="", text=text) for text in texts])
        ids, mask = fields["input_ids"].numpy(), fields["attention_mask"].numpy()
        lengths = mask.sum(axis=1)
        full = np.flatnonzero(lengths >= self.encoder.max_length).tolist()
        self._cut += sum(self.encoder.is_cut(Sample(id="", text=texts[row])) for row in full)
        for rows in token_batches(lengths, tokens=engine.tokens, most_rows=most_rows):
            longest = int(lengths[rows[0]])
            yield rows, ids[rows, :longest], mask[rows, :longest]

    def _may_convert(self) -> bool:
        on_processor = next(self.encoder.parameters()).device.type == "cpu"
        return on_processor and not self._refused and is_installed()

    def _openvino(self, bfloat16: bool) -> Engine:
        key = ("openvino", bfloat16)
        if key not in self._made:
            self._made[key] = OpenVinoEngine(self.encoder, bfloat16=bfloat16)
        return self._made[key]

    def _torch(self, bfloat16: bool) -> Engine:
        key = ("torch", bfloat16)
        if key not in self._made:
            self._made[key] = TorchEngine(self.encoder, bfloat16=bfloat16)
        return self._made[key]


def check_choice(name: str, value: str, valid: Sequence[str]) -> None:
    """Raise a RecipeError that names the valid choices."""
    if value not in valid:
        raise RecipeError(f"{name}: {value!r} is not one; {choices(value, valid)}")
