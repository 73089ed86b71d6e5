"""The ten nearest of 1e4 to 1e6 vectors: blocks here against faiss and a graph; and what it costs to read the nearest with the query.

    python benchmarks/search_vectors.py --sizes 10000 100000 1000000 --rounds 7 --out docs/results/search_vectors.json

All ways answer the same queries in turn within each round. What is told is the median over rounds of the ratio of two times of one
round, so that a machine which others use too tells the truth about which is faster; seconds are medians, and of this machine in
this hour. Prints what it measures and, with --out, writes JSON. Vectors have 256 numbers that follow from 32 random ones and a little
noise, for those of encoders do not fill their space either, and a graph, whose recall is told, lives by that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from encode_sentences import processor
from polysense.data.collate import Collate
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.judge import judge, judging
from polysense.inference.search import Backend, Index
from polysense.recipe import load_recipe
from polysense.types import Sample
from record import origin

WIDTH = 256
HIDDEN = 32
"""Numbers that a vector follows from, but for noise."""
GRAPH = 100_000
"""Vectors that a graph is built of, at most: building takes far longer than all that is timed."""
TOP = 10


def interleaved(ways: Mapping[Any, Callable[[], Any]], *, rounds: int) -> dict[str, list[float]]:
    """The seconds of each way in each round, which run in turn; one round before them does not count."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        order = list(ways) if number % 2 else list(ways)[::-1]
        for name in order:
            began = time.perf_counter()
            ways[name]()
            if number:
                found[name].append(time.perf_counter() - began)
    return found


def told(seconds: Mapping[str, list[float]], *, base: str) -> dict[str, Any]:
    """Medians, and the median ratio of each way to ``base`` with its smallest and largest."""
    lines: dict[str, Any] = {}
    for name, times in seconds.items():
        ratios = [one / other for one, other in zip(times, seconds[base], strict=True)]
        lines[name] = {
            "seconds": round(statistics.median(times), 5),
            f"times {base}": [round(value, 3) for value in (statistics.median(ratios), min(ratios), max(ratios))],
        }
    return lines


def unused(rows: Any) -> np.ndarray:
    raise NotImplementedError  # vectors are put in as they are


def nearest(size: int, *, queries: int, rounds: int) -> dict[str, Any]:
    """Exact blocks against faiss and a graph, one query at a time and ``queries`` at once; the exact answers must be equal."""
    draw = np.random.default_rng(0)
    spread = draw.standard_normal((HIDDEN, WIDTH), dtype=np.float32)

    def drawn(rows: int) -> np.ndarray:
        noise = draw.standard_normal((rows, WIDTH), dtype=np.float32)
        whole: np.ndarray = draw.standard_normal((rows, HIDDEN), dtype=np.float32) @ spread + noise
        return whole

    vectors, asked = drawn(size), drawn(queries)
    backends: tuple[Backend, ...] = ("exact", "faiss", "hnsw") if size <= GRAPH else ("exact", "faiss")
    indexes, building = {}, {}
    for backend in backends:
        indexes[backend] = Index(unused, backend=backend)
        began = time.perf_counter()
        indexes[backend].add_vectors(vectors)
        building[backend] = round(time.perf_counter() - began, 2)
    del vectors
    answers = {
        name: [[hit.row for hit in hits] for hits in index.search_vectors(asked, TOP)] for name, index in indexes.items()
    }
    assert answers["exact"] == answers["faiss"]
    found: dict[str, Any] = {"vectors": size, "width": WIDTH}
    if "hnsw" in answers:
        same = [len({*one} & {*other}) for one, other in zip(answers["exact"], answers["hnsw"], strict=True)]
        found["recall of the graph"] = sum(same) / (TOP * queries)
        found["seconds to build the graph"] = building["hnsw"]
    for count in (1, queries):
        some = asked[:count]
        ways = {name: partial(index.search_vectors, some, TOP) for name, index in indexes.items()}
        found[f"{count} {'query' if count == 1 else 'queries at once'}"] = told(interleaved(ways, rounds=rounds), base="exact")
    return found


def reading_together(*, rounds: int, shortlists: tuple[int, ...] = (5, 20)) -> dict[str, Any]:
    """`unimo/retrieval` of random weights at its own size: a first stage of 10,000 pictures against reading the nearest together.

    The pictures of the shortlist are encoded anew, as a search does; queries of one shortlist share that.
    """
    learner = load_recipe("unimo/retrieval").build(seed=0).eval()
    answerer = Answerer(learner, Collate({name: learner.model.encoder(name) for name in ("text", "image")}))
    head = judging(answerer.learner)
    assert head is not None
    draw = np.random.default_rng(0)
    pictures = [
        Sample(id=str(number), image=Image.fromarray(draw.integers(0, 256, (224, 224, 3), dtype=np.uint8)))
        for number in range(max(shortlists))
    ]
    texts = [Sample(id=str(number), text=f"two dogs run through the snow towards house {number}") for number in range(4)]
    index = Index(unused)
    index.add_vectors(draw.standard_normal((10_000, WIDTH), dtype=np.float32))

    def first_stage() -> None:
        answerer.encode(texts[:1], part="text")
        index.search_vectors(draw.standard_normal((1, WIDTH), dtype=np.float32), TOP)

    def second_stage(size: int, queries: int) -> None:
        pairs = np.array([(text, picture) for text in range(queries) for picture in range(size)], dtype=np.int64)
        judge(answerer, head, texts, pictures, pairs)

    def one_by_one(size: int, queries: int) -> None:
        for _ in range(queries):
            second_stage(size, 1)

    size, queries = shortlists[-1], len(texts)
    ways: dict[str, Callable[[], Any]] = {"first stage": first_stage}
    ways |= {f"rerank {size}": partial(second_stage, size, 1) for size in shortlists}
    ways[f"rerank {size}, {queries} queries together"] = partial(second_stage, size, queries)
    ways[f"rerank {size}, {queries} queries one by one"] = partial(one_by_one, size, queries)
    return told(interleaved(ways, rounds=rounds), base="first stage")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    import faiss

    faiss.omp_set_num_threads(options.threads)
    found: dict[str, Any] = {
        "threads": options.threads,
        "rounds": options.rounds,
        "top": TOP,
        "processor": processor(),
        "load_average": [round(one, 1) for one in os.getloadavg()],
        **origin(),
    }
    found["nearest"] = []
    for size in options.sizes:
        found["nearest"].append(nearest(size, queries=options.queries, rounds=options.rounds))
        print(json.dumps(found["nearest"][-1]), flush=True)
    found["reading together"] = reading_together(rounds=options.rounds)
    print(json.dumps(found["reading together"]), flush=True)
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
