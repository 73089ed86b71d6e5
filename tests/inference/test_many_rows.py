"""Many rows: what is encoded and searched is held once, beside it no more than a few blocks."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from polysense.inference.predictor import load
from polysense.inference.search import Index

ROWS, TEXTS = 100_000, 50_000
MEGABYTES = 1 << 20


def most_memory(work: Callable[[], object]) -> float:
    """Of Python and numpy, in megabytes, beyond what was there before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return (tracemalloc.get_traced_memory()[1] - before) / MEGABYTES
    finally:
        tracemalloc.stop()


def test_so_many_texts_are_encoded_block_by_block(one_layer: str) -> None:
    model, texts = load(one_layer, pooling="mean"), [f"day {row % 97}" for row in range(TEXTS)]
    model.encode(texts[:10])
    found = np.zeros(0)

    def work() -> None:
        nonlocal found
        found = model.encode(texts)

    most = most_memory(work)
    assert most < 30, most  # the vectors have 3, the tokens of all texts as lists would have 50 and more
    assert found.shape == (TEXTS, 16)
    assert found[[3, 49_998]] == pytest.approx(model.encode([texts[3], texts[49_998]]), abs=1e-4)


def test_so_many_rows_are_searched_in_blocks() -> None:
    draw = np.random.default_rng(0)
    vectors, queries = draw.normal(size=(ROWS, 16)).astype(np.float32), draw.normal(size=(1000, 16)).astype(np.float32)
    index = Index(np.stack)
    index.add_vectors(vectors)
    hits: list[list[object]] = []
    assert most_memory(lambda: hits.extend(index.search_vectors(queries, top_k=5))) < 200  # all products would have 800
    exact = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in (0, 500, 999):
        best = np.argsort(-(exact @ queries[number]), kind="stable")[:5]
        assert [hit.row for hit in hits[number]] == best.tolist()  # type: ignore[attr-defined]


@pytest.fixture
def one_layer(tiny_text: str, tmp_path: Path) -> str:
    from polysense.encoders.transformer_text import TransformerText

    encoder = TransformerText(
        tiny_text,
        weights="random",
        shape={"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 1},
    )
    encoder.save_assets(tmp_path)
    encoder.backbone.save_pretrained(tmp_path)
    return str(tmp_path)
