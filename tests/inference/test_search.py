from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polysense.encoders.packaged import packaged_status
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.inference import candidates, search
from polysense.inference.predictor import Predictor, load
from polysense.inference.search import Hit, Index, nearest, unit


def embed(rows: Sequence[str]) -> np.ndarray:
    """Texts of digits: their counts of 0, 1, 2, so that some texts are equal to others."""
    return np.array(
        [[(row if isinstance(row, str) else "2").count(digit) for digit in "012"] for row in rows], dtype=np.float32
    )


def naive(queries: np.ndarray, collection: np.ndarray, top_k: int) -> list[list[int]]:
    scores = np.array([[np.float32(np.dot(q.astype(float), c.astype(float))) for c in collection] for q in queries])
    return [sorted(range(len(collection)), key=lambda row: (-one[row], row))[:top_k] for one in scores]


@pytest.fixture(params=["exact", "faiss", "hnsw"])
def backend(request: pytest.FixtureRequest) -> Any:
    if request.param != "exact":
        pytest.importorskip("faiss")
    return request.param


@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 12), st.integers(1, 7))
def test_blocks_and_ties_change_nothing(seed: int, rows: int, top_k: int, block: int) -> None:
    draw = np.random.default_rng(seed)
    collection = unit(draw.integers(-1, 2, (rows, 3)))  # many equal rows
    queries = unit(draw.integers(-1, 2, (4, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "ROWS", block)
        found, scores = nearest(queries, collection, top_k)
    assert found.tolist() == naive(queries, collection, top_k)
    assert scores == pytest.approx(np.take_along_axis(queries @ collection.T, found, axis=1), abs=1e-6)


@pytest.mark.parametrize("copies", [1, 3, 40])
@pytest.mark.parametrize("top_k", [1, 5])
def test_few_queries_find_what_many_do(copies: int, top_k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products in float32 first, or none at all: the same rows and scores, with ties at every cut."""
    monkeypatch.setattr(search, "ROWS", 64)
    draw = np.random.default_rng(copies)
    vectors = unit(draw.permutation(np.repeat(draw.normal(size=(1200 // copies, 16)), copies, axis=0)))
    queries = np.concatenate([vectors[:3], unit(draw.normal(size=(3, 16)))])
    rows, scores = nearest(queries, vectors, top_k)
    monkeypatch.setattr(search, "FEW", 0)
    every, theirs = nearest(queries, vectors, top_k)
    assert rows.tolist() == every.tolist()
    assert scores == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("top_k", [1, 5, 40])
def test_both_backends_give_the_same(top_k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setattr(search, "QUERIES", 3)
    monkeypatch.setattr(search, "ROWS", 64)
    draw = np.random.default_rng(0)
    vectors = np.repeat(draw.normal(size=(60, 8)), 5, axis=0)  # each five times: ties at every cut
    queries = np.concatenate([vectors[:7], draw.normal(size=(4, 8))])
    answers = []
    for backend in ("exact", "faiss"):
        index = Index(embed, backend=backend)
        index.add_vectors(vectors[:100])
        index.add_vectors(vectors[100:])
        answers.append(index.search_vectors(queries, top_k, threshold=0.2))
    assert answers[0] == answers[1]
    assert [hit.row for hit in answers[0][0][:5]] == [0, 1, 2, 3, 4][:top_k]


def test_hits_are_sorted_by_score_then_row(backend: Any) -> None:
    index = Index(embed, backend=backend)
    index.add(["2", "01", "0", "10", "00", "1"])
    hits = index.search("0", top_k=4)
    assert [(hit.row, hit.item) for hit in hits] == [(2, "0"), (4, "00"), (1, "01"), (3, "10")]
    assert [hit.score for hit in hits] == pytest.approx([1, 1, 0.5**0.5, 0.5**0.5])
    assert hits[0] == Hit(2, 1.0, "0")


def test_no_more_than_there_are_and_only_what_reaches_the_threshold(backend: Any) -> None:
    index = Index(embed, backend=backend)
    index.add(["0", "1", "01"])
    assert len(index.search("0", top_k=50)) == 3
    assert [hit.item for hit in index.search("0", top_k=50, threshold=0.5)] == ["0", "01"]
    assert index.search("0", threshold=1.1) == []
    score = index.search("0", top_k=50)[1].score
    assert [hit.score for hit in index.search("0", top_k=50, threshold=score)] == [
        1.0,
        score,
    ]  # it is reached by what equals it


def test_several_queries_get_a_list_each(backend: Any) -> None:
    index = Index(embed, backend=backend)
    index.add(["0", "1"])
    assert [[hit.item for hit in hits] for hits in index.search(["1", "0"], top_k=1)] == [["1"], ["0"]]
    assert index.search([]) == []


def test_the_callers_list_stays_as_it_is(backend: Any) -> None:
    rows = ["0", "1"]
    index = Index(embed, backend=backend)
    index.add(rows)
    index.add("2")
    assert rows == ["0", "1"]
    assert len(index) == 3
    rows.append("000")
    assert len(index) == 3
    assert index.search("2", top_k=1)[0].row == 2
    with pytest.raises(ValueError, match="read-only"):
        index.vectors[0] = 0


def test_an_empty_text_is_never_found_and_keeps_its_number(backend: Any) -> None:
    index = Index(embed, backend=backend)
    with pytest.warns(UserWarning, match="^2 rows with an empty text are never found$"):
        index.add(["", "0", " \n", {"image": "a.jpg", "text": ""}, "1"])
    index.add(["01"])
    assert len(index) == 4
    assert [hit.row for hit in index.search("1", top_k=9)] == [4, 5, 1, 3]
    assert index.search("1", top_k=1)[0].item == "1"


def test_an_empty_query_finds_nothing(backend: Any) -> None:
    index = Index(embed, backend=backend)
    index.add(["0", "1"])
    with pytest.warns(UserWarning, match="1 row with an empty text is never looked for"):
        found = index.search(["1", " "], top_k=1)
    assert [[hit.row for hit in hits] for hits in found] == [[1], []]
    with pytest.warns(UserWarning, match="never looked for"):
        assert index.search("") == []


def test_a_collection_of_empty_texts_has_no_hits(backend: Any) -> None:
    index = Index(embed, backend=backend)
    with pytest.warns(UserWarning, match="1 row with an empty text is never found"):
        index.add([" "])
    assert index.search("1") == []
    index.add(["1"])
    assert [hit.row for hit in index.search("1")] == [1]


def test_an_empty_collection_has_no_hits(backend: Any) -> None:
    index = Index(embed, backend=backend)
    index.add([])
    assert index.search("0") == []
    assert index.search(["0", "1"]) == [[], []]


def test_a_row_without_direction_is_near_to_nothing() -> None:
    index = Index(embed)
    index.add_vectors(np.array([[0.0, 0, 0], [np.nan, 1, 0], [1, 0, 0]]), ["zero", "nan", "one"])
    assert [(hit.item, hit.score) for hit in index.search("0")] == [("one", 1.0), ("zero", 0.0), ("nan", 0.0)]


def test_what_is_refused() -> None:
    index = Index(embed)
    index.add("0")
    with pytest.raises(RecipeError, match="top_k: expected a number from 1 up, found 0"):
        index.search("0", top_k=0)
    with pytest.raises(RecipeError, match="threshold: nan is reached by no cosine"):
        index.search("0", threshold=float("nan"))
    with pytest.raises(RecipeError, match="of width 2, the collection of width 3"):
        index.search_vectors(np.ones((1, 2)))
    with pytest.raises(RecipeError, match="have width 2, those of the collection 3"):
        index.add_vectors(np.ones((1, 2)))
    with pytest.raises(RecipeError, match="2 vectors and 1 rows"):
        index.add_vectors(np.ones((2, 3)), ["a"])
    with pytest.raises(RecipeError, match="did you mean 'faiss'"):
        Index(embed, backend="fais")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="got int"):
        index.search(7)


def test_the_graph_finds_nearly_all_in_the_order_of_an_exact_search() -> None:
    pytest.importorskip("faiss")
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(50, 32))
    vectors = np.repeat(centres, 80, axis=0) + 0.5 * draw.normal(size=(4000, 32))  # as sentences lie: near each other in places
    queries = vectors[::40] + 0.3 * draw.normal(size=(100, 32))
    exact, graph = (Index(embed, backend=backend) for backend in ("exact", "hnsw"))
    for index in (exact, graph):
        index.add_vectors(vectors[:3000])
        index.add_vectors(vectors[3000:])
    right, found = (index.search_vectors(queries, 10, threshold=0.1) for index in (exact, graph))
    shared = [len({hit.row for hit in one} & {hit.row for hit in two}) for one, two in zip(right, found, strict=True)]
    assert sum(shared) / sum(map(len, right)) >= 0.98
    for hits in found:
        assert [(-hit.score, hit.row) for hit in hits] == sorted((-hit.score, hit.row) for hit in hits)
        assert len(hits) <= 10
    scores = [{hit.row: hit.score for hit in hits} for hits in right]
    assert all(known.get(hit.row, hit.score) == hit.score for known, hits in zip(scores, found, strict=True) for hit in hits)


@pytest.mark.parametrize("wanted", ["faiss", "hnsw"])
def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, wanted: Any) -> None:
    monkeypatch.setattr(candidates, "find_spec", lambda _: None)
    with pytest.raises(PolysenseError, match=rf"'{wanted}' is not installed: pip install 'polysense\[search\]'"):
        Index(embed, backend=wanted)


def test_rows_in_bfloat16_are_found_by_queries_in_float32() -> None:
    """Many rows are encoded in bfloat16 where the machine can, a few queries are not: the cosines hardly move."""
    if packaged_status()["minilm"] != "ok":
        pytest.skip("the packaged encoder minilm is not installed")
    words = ("rain", "a guitar", "the city", "soup", "a dog", "the sea", "music", "an old man", "seven", "bread")
    texts = [f"{one} and {other} on day {day}" for day, one in enumerate(words) for other in words if one != other]
    rows, asked = (load("minilm", engine="torch", precision=precision) for precision in ("bfloat16", "float32"))
    index = Index(rows.encode, asked.encode)
    index.add(texts)
    same = np.sum(index.vectors * asked.encode(texts, normalize=True), axis=1)
    assert same.min() >= 0.999
    assert not np.array_equal(index.vectors, asked.encode(texts, normalize=True))
    hits = index.search(texts, top_k=1)
    assert [found[0].item for found in hits] == texts


def test_a_model_finds_a_text_by_itself(sentence_model: Predictor, sentences: list[str]) -> None:
    some = sorted(set(sentences[1:]))[:40]
    index = sentence_model.index(some)
    assert [hits[0].item for hits in index.search(some, top_k=1)] == some
    vectors = sentence_model.encode(some, normalize=True)
    assert index.vectors == pytest.approx(vectors, abs=1e-6)


def test_scaling_takes_little_more_memory_than_its_result() -> None:
    import tracemalloc

    vectors = np.random.default_rng(0).standard_normal((300_000, 32)).astype(np.float32)
    tracemalloc.start()
    scaled = unit(vectors)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * scaled.nbytes
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=1), 1.0, atol=1e-6)
