import json
import shutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("sun", "rain", "cat", "train", "bread", "river", "night", "song")


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("train_sentences")


@pytest.fixture
def without_dropout(tiny_text: str, tmp_path: Path) -> str:
    folder = tmp_path / "model"
    shutil.copytree(tiny_text, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return str(folder)


def sentences(rows: int) -> list[str]:
    return [" ".join(WORDS[row // 8**place % 8] for place in range(2 + row % 3)) + f" {row}" for row in range(rows)]


@pytest.mark.filterwarnings(
    "default", "ignore:SentenceContrast, positives"
)  # without dropout, so that both ways compute the same
def test_both_ways_take_the_same_steps(benchmark: ModuleType, without_dropout: str) -> None:
    pytest.importorskip("sentence_transformers")
    texts = sentences(3 * benchmark.BATCH)
    ours = benchmark.our_training(without_dropout, texts, warm_up=1, seed=0, overrides=["training.bf16=false"])
    peers = benchmark.peer_training(without_dropout, texts, warm_up=1, seed=1)
    assert len(ours.losses) == len(peers.losses) == 3
    assert len(set(ours.losses)) == 3
    assert ours.losses == pytest.approx(peers.losses, rel=1e-4)
    assert min(ours.seconds, ours.processor_seconds, peers.seconds, peers.processor_seconds) > 0


def test_a_ratio_is_above_one_where_the_peer_takes_longer(benchmark: ModuleType) -> None:
    found = benchmark.ratios({"polysense": [1.0, 2.0, 4.0], "other": [2.0, 6.0, 4.0]})
    assert found == {"other": {"median": 2.0, "pairs": [2.0, 3.0, 1.0]}}


def test_a_curve_has_six_points_of_equal_stretches(benchmark: ModuleType) -> None:
    trained = benchmark.Training(1.0, 1.0, [float(step) for step in range(12)])
    assert benchmark.curves({"polysense": [trained]}) == {"polysense": [[0.5, 2.5, 4.5, 6.5, 8.5, 10.5]]}
