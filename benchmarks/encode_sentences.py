"""Encoding sentences with polysense and with sentence-transformers: the same weights, the same sentences, in turn.

    python benchmarks/encode_sentences.py --data DATA/wiki_sentences --out docs/results/encode_sentences.json

Every way of encoding is a process of its own that has loaded its model and encoded once before; one of them works at a time, and
each round goes through all of them, every other round backwards. A pair is the time of a peer over ours in one round. What is timed
is texts in, array out. The cosines are to the vectors of sentence-transformers as it comes (float32, batches of 32).

sentence-transformers needs other packages for its backends (optimum-intel, optimum-onnx), and these an older transformers than
polysense: --peer-python openvino=PYTHON and --peer-python onnx=PYTHON name the Python of an environment that has them. Ways that
cannot be loaded are left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from record import commit

OURS = {"polysense": "auto", "polysense, torch": "torch"}
PEERS: dict[str, dict[str, Any]] = {
    "sentence-transformers": {},
    "sentence-transformers, bfloat16": {"model_kwargs": {"dtype": "bfloat16"}},
    "sentence-transformers, openvino": {"backend": "openvino"},
    "sentence-transformers, onnx": {"backend": "onnx"},
}
DEFAULT = "sentence-transformers"
FILE = "eng_wikipedia_2016_10K-sentences.txt"
PACKAGES = ("polysense", "torch", "transformers", "sentence-transformers", "openvino", "optimum-intel", "onnxruntime")


def read_sentences(data: Path, count: int) -> list[str]:
    """Sentences of Wikipedia, evenly spread over the file (it is sorted)."""
    lines = (data / FILE).read_text(encoding="utf-8").split("\n")
    sentences = [line.partition("\t")[2] for line in lines if "\t" in line]
    return [sentences[place * len(sentences) // count] for place in range(count)]


def our_way(engine: str) -> Callable[[list[str]], np.ndarray]:
    """``encode`` of polysense."""
    from polysense import load

    model = load("minilm", engine=engine)  # type: ignore[arg-type]
    return model.encode


def peer_way(folder: str, options: Mapping[str, Any]) -> Callable[[list[str]], np.ndarray]:
    """``encode`` of sentence-transformers, with its own defaults."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu", **options)

    def encode(texts: list[str]) -> np.ndarray:
        found: np.ndarray = model.encode(texts, show_progress_bar=False)
        return found

    return encode


def work(way: str, folder: str, sentences: Path, vectors: Path, threads: int) -> None:
    """A process that encodes whenever a line comes in, and answers with seconds."""
    import torch

    torch.set_num_threads(threads)
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    texts: list[str] = json.loads(sentences.read_text(encoding="utf-8"))
    encode = our_way(OURS[way]) if way in OURS else peer_way(folder, PEERS[way])
    np.save(vectors, np.asarray(encode(texts), dtype=np.float32))
    versions = {name: found for name in PACKAGES if (found := _version(name)) is not None}
    print(json.dumps(versions), file=answers, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        encode(texts)
        print(json.dumps(time.perf_counter() - began), file=answers, flush=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


class Worker:
    """A way of encoding in its process."""

    def __init__(self, way: str, python: str, folder: str, sentences: Path, threads: int) -> None:
        self.way = way
        self.vectors = sentences.with_name(f"{way}.npy")
        options = ["--folder", folder, "--sentences-file", str(sentences), "--vectors", str(self.vectors)]
        self._process = subprocess.Popen(
            [python, __file__, "--worker", way, *options, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)},
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        self.versions: dict[str, str] | None = json.loads(first) if first else None

    def seconds(self) -> float:
        """Of encoding everything once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def cosines(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """The lowest and the mean cosine of rows."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found = (one.astype(np.float64) * other).sum(axis=1) / lengths
    return {"lowest": round(float(found.min()), 6), "mean": round(float(found.mean()), 6)}


def processor() -> str:
    """Its name, and what it can that matters here."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").is_file() else ""
    name = next(
        (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), platform.machine()
    )
    return f"{name}, {', '.join(flag for flag in ('avx512_bf16', 'amx_bf16', 'avx512_vnni') if flag in text) or 'no bfloat16'}"


def measure(workers: Sequence[Worker], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round."""
    seconds: dict[str, list[float]] = {worker.way: [] for worker in workers}
    for number in range(rounds):
        for worker in workers if number % 2 == 0 else workers[::-1]:
            seconds[worker.way].append(worker.seconds())
        print(f"round {number}: " + ", ".join(f"{way} {found[-1]:.2f} s" for way, found in seconds.items()), flush=True)
    return seconds


def summary(seconds: Mapping[str, list[float]]) -> dict[str, Any]:
    """Median ratios of each other way to ours, over the rounds."""
    ratios = {
        way: [round(peer / ours, 3) for peer, ours in zip(found, seconds["polysense"], strict=True)]
        for way, found in seconds.items()
        if way != "polysense"
    }
    medians = {way: statistics.median(found) for way, found in ratios.items()}
    return {
        "times_as_long_as_polysense": {way: {"median": medians[way], "pairs": found} for way, found in ratios.items()},
        "fastest_peer": min((way for way in medians if way in PEERS), key=lambda way: medians[way]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sentences", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peer-python", action="append", default=[], help="BACKEND=PYTHON, for a backend of the peer")
    parser.add_argument("--leave-out", action="append", default=[], help="a way")
    parser.add_argument("--out", type=Path)
    for name in ("--worker", "--folder", "--sentences-file", "--vectors"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.folder, Path(options.sentences_file), Path(options.vectors), options.threads)
        return
    from polysense.encoders.packaged import packaged_folder

    folder = str(packaged_folder("minilm"))
    pythons = dict(one.split("=", 1) for one in options.peer_python)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "sentences.json"
        file.write_text(json.dumps(read_sentences(options.data, options.sentences)), encoding="utf-8")
        workers: list[Worker] = []
        left_out: list[Worker] = []
        for way in (one for one in (*OURS, *PEERS) if one not in options.leave_out):
            python = pythons.get(PEERS.get(way, {}).get("backend"), sys.executable)
            worker = Worker(way, python, folder, file, options.threads)
            print(f"{way}: {'ready' if worker.versions else 'cannot be loaded'}", flush=True)
            (workers if worker.versions else left_out).append(worker)
        vectors = {worker.way: np.load(worker.vectors) for worker in workers}
        seconds = measure(workers, options.rounds)
        for worker in workers:
            worker.close()
    result = {
        "sentences": options.sentences,
        "threads": options.threads,
        "processor": processor(),
        "load_average": [round(one, 1) for one in os.getloadavg()],
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {worker.way: worker.versions for worker in workers},
        "not_loaded": [worker.way for worker in left_out],
        "seconds": {way: [round(one, 3) for one in found] for way, found in seconds.items()},
        **summary(seconds),
        "cosine_to_sentence_transformers": {way: cosines(vectors[DEFAULT], found) for way, found in vectors.items()},
    }
    print(json.dumps(result["times_as_long_as_polysense"], indent=2))
    print(json.dumps(result["cosine_to_sentence_transformers"], indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
