"""OpenVINO as the engine of a text encoder (extra ``fast``): converted once, kept in the cache, checked whenever it is loaded."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from polysense.data.cache import cache_root
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import PolysenseError
from polysense.inference.encoding.engine import Batch, Engine, in_one_piece
from polysense.types import Sample

logger = logging.getLogger(__name__)

CODE = 1
"""Raised whenever this file converts otherwise."""

FILES = ("model.xml", "model.bin")
NOTE = "sha256.json"

LOWEST_COSINE = {"float32": 0.99999, "bfloat16": 0.999}
"""To what torch gives in float32 for the probes; below it the conversion is not used."""

PROBES = ("", "a", "one two three four", "what a lovely day, and so much rain " * 8, "12:30, 5 % of it!")
"""Texts of different lengths, so that a mask which the conversion lost is noticed."""


class CannotConvertError(PolysenseError):
    """The encoder cannot be run by OpenVINO; the message says why."""


def is_installed() -> bool:
    """Whether the extra ``fast`` is there."""
    return find_spec("openvino") is not None


class OpenVinoEngine(Engine):
    """A converted encoder, one batch a thread at a time.

    Args:
        encoder: on the processor, in evaluation mode.
        bfloat16: multiply in bfloat16.
        root: the cache folder; ``$POLYSENSE_CACHE`` by default.

    Raises:
        CannotConvertError: it cannot be converted, or then gives something else.
    """

    name = "openvino"
    tokens = 1024

    def __init__(self, encoder: TransformerText, *, bfloat16: bool, root: Path | None = None) -> None:
        if not is_installed():
            raise CannotConvertError("the engine 'openvino' is not installed: pip install 'polysense[fast]'")
        if next(encoder.parameters()).device.type != "cpu":
            raise CannotConvertError("the engine 'openvino' runs on the processor, the model is elsewhere: device='cpu'")
        import openvino

        self.precision = "bfloat16" if bfloat16 else "float32"
        self._threads = torch.get_num_threads()
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": self._threads,
        }
        core = openvino.Core()
        folder = _converted(encoder, root or cache_root())
        try:
            model = core.compile_model(core.read_model(folder / FILES[0]), "CPU", settings)
        except RuntimeError as error:
            raise CannotConvertError(f"OpenVINO cannot load the converted encoder: {_first_line(error)}") from error
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self._threads):
            self._idle.put(model.create_infer_request())
        self._check(encoder)

    def run(self, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """In their order. (Threads of our own: OpenVINO's queue may wait for ever when it is thrown away.)"""
        waiting: deque[Future[tuple[np.ndarray, np.ndarray]]] = deque()
        with ThreadPoolExecutor(self._threads) as pool:
            for batch in batches:
                waiting.append(pool.submit(self._infer, batch))
                if len(waiting) > 2 * self._threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _infer(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        rows, ids, mask = batch
        request = self._idle.get()
        try:
            request.infer([ids, mask], share_inputs=True)
            return rows, request.get_output_tensor(0).data.copy()
        finally:
            self._idle.put(request)

    def _check(self, encoder: TransformerText) -> None:
        fields = encoder.prepare([Sample(id="", text=text) for text in PROBES])
        with torch.inference_mode():
            expected = in_one_piece(encoder).encode(fields)[2].numpy()
        batch = (np.arange(len(PROBES)), fields["input_ids"].numpy(), fields["attention_mask"].numpy())
        [(_, found)] = self.run([batch])
        cosines = _cosines(expected, found)
        if not (cosines >= LOWEST_COSINE[self.precision]).all():
            raise CannotConvertError(f"the converted encoder gives other vectors: lowest cosine {cosines.min():.5f}")


class _Summary(nn.Module):
    """Token ids and mask in, summary out: what is converted."""

    def __init__(self, encoder: TransformerText) -> None:
        super().__init__()
        self.encoder = in_one_piece(encoder)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.encoder.encode({"input_ids": input_ids, "attention_mask": attention_mask})[2]


def _converted(encoder: TransformerText, root: Path) -> Path:
    """The folder with the converted encoder; converted now if it is not there or damaged."""
    import openvino

    made_by = hashlib.sha256(repr((CODE, openvino.__version__, torch.__version__)).encode()).hexdigest()[:8]
    folder = root / "openvino" / f"{encoder.fingerprint()[:32]}-{made_by}"
    if folder.is_dir() and not _is_sound(folder):
        logger.warning("the converted encoder in %s is damaged; it is made again", folder)
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        _write(_convert(encoder), folder)
    return folder


def _convert(encoder: TransformerText) -> Any:
    """Straight through the front end for torch: ``openvino.convert_model`` would also report to its makers."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    fields = encoder.prepare([Sample(id="", text=text) for text in PROBES])
    example = (fields["input_ids"], fields["attention_mask"])
    try:
        with _quiet(), torch.no_grad():
            decoder = TorchScriptPythonDecoder(_Summary(encoder), example_input=example)
            front_end = FrontEndManager().load_by_framework("pytorch")
            return front_end.convert(front_end.load(decoder))
    except Exception as error:  # tracing raises nearly anything
        raise CannotConvertError(
            f"OpenVINO cannot convert the encoder: {type(error).__name__}: {_first_line(error)}"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Tracing warns about every decision that it freezes; the check on the probes says whether one of them mattered."""
    chatty = logging.getLogger("transformers")
    level = chatty.level
    chatty.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        chatty.setLevel(level)


def _write(model: Any, folder: Path) -> None:
    import openvino

    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    try:
        openvino.save_model(model, partial / FILES[0], compress_to_fp16=False)
        (partial / NOTE).write_text(json.dumps(_digests(partial, FILES)), encoding="utf-8")
        with contextlib.suppress(OSError):  # another process was first
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_sound(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / NOTE).read_text(encoding="utf-8")) == _digests(folder, FILES))
    except (OSError, ValueError):
        return False


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        with (folder / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosines: np.ndarray = (one * other).sum(axis=1) / np.maximum(lengths, 1e-12)
    return cosines


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")[:200]
