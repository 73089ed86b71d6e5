from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from made_benchmarks import write_sts_benchmark
from made_vectors import Vectors
from polysense.evaluation.geometry import Geometry
from polysense.types import Sample

SMALL = Vectors(
    {
        "x0": [1, 0],
        "x1": [0.6, 0.8],
        "x2": [0, 1],
        "x3": [-1, 0],
        "y0": [0.8, 0.6],
        "y1": [0, 1],
        "y2": [-0.6, 0.8],
        "y3": [-0.8, -0.6],
    }
)
GOLD = (5, 4, 1, 0)


def rows(**extra: str) -> list[Sample]:
    return [Sample(id=str(n), text=f"x{n}", pair=f"y{n}", score=score, extra=extra) for n, score in enumerate(GOLD)]


def test_numbers_of_a_small_case() -> None:
    found = Geometry()(SMALL, rows())
    assert found == pytest.approx({"alignment": 0.4, "uniformity": -1.621847408}, abs=1e-7)
    batched = Geometry(batch_size=2)(SMALL, rows())
    assert batched == pytest.approx({"alignment": 0.2, "uniformity": -1.338717440}, abs=1e-7)


def test_the_threshold_says_which_pairs_mean_the_same() -> None:
    assert Geometry(threshold=5)(SMALL, rows())["alignment"] == pytest.approx((1 - 0.8) ** 2 + 0.6**2)
    assert math.isnan(Geometry(threshold=5.1)(SMALL, rows())["alignment"])
    assert Geometry(threshold=5)(SMALL, rows())["uniformity"] == Geometry()(SMALL, rows())["uniformity"]


def test_set_by_set() -> None:
    found = Geometry()(SMALL, [*rows(task="STS-B dev"), *rows(task="mine")[1:], *rows()[2:]])
    assert list(found) == [f"{task}{name}" for task in ("STS-B dev ", "mine ", "") for name in ("alignment", "uniformity")]
    assert found["STS-B dev alignment"] == pytest.approx(0.4)
    assert found["mine alignment"] == pytest.approx(0.36 + 0.04)
    assert math.isnan(found["alignment"])


def test_sentences_without_pairs_have_uniformity_alone() -> None:
    sentences = [Sample(id=str(n), text=text) for n, text in enumerate(("x0", "x0", "x3"))]
    found = Geometry()(SMALL, sentences)
    assert found == pytest.approx({"uniformity": math.log((1 + 2 * math.exp(-8)) / 3)})  # the repeated one counts twice
    assert Geometry()(SMALL, [Sample(id="a", image=Path("a.jpg"))]) == {}
    both = [*rows(), Sample(id="c", text="x0")]
    assert Geometry()(SMALL, both) == Geometry()(SMALL, rows())


def test_the_benchmark_is_the_development_set(tmp_path: Path) -> None:
    assert Geometry().read(tmp_path) is None
    write_sts_benchmark(tmp_path)
    table = Geometry().read(tmp_path)
    assert table is not None
    assert set(Geometry()(Vectors(), table.samples)) == {"STS-B dev alignment", "STS-B dev uniformity"}


@pytest.mark.slow
def test_a_real_encoder_has_the_geometry_of_the_released_evaluation(minilm: Any, data_folder) -> None:
    golden = json.loads((Path(__file__).parents[1] / "golden" / "sts_minilm.json").read_text(encoding="utf-8"))
    wanted = golden["results"]["mean"]["geometry"]
    table = Geometry().read(data_folder("sts_b"))
    assert table is not None
    for batch_size, kind in ((None, "global"), (wanted["batched"]["batch_size"], "batched")):
        found = Geometry(batch_size=batch_size)(minilm, table.samples)
        for name in ("alignment", "uniformity"):
            assert found[f"STS-B dev {name}"] == pytest.approx(wanted[kind][name], abs=golden["tolerance"]["geometry"])


def test_details_add_the_batches_of_the_released_code() -> None:
    pairs = [Sample(id=str(n), text=f"left {n}", pair=f"right {n}", score=float(n % 6)) for n in range(200)]
    answerer = Vectors()
    found, batched = Geometry(details=True)(answerer, pairs), Geometry(batch_size=128)(answerer, pairs)
    assert found == Geometry()(answerer, pairs) | {f"batched {name}": value for name, value in batched.items()}
    assert found["batched uniformity"] != found["uniformity"]
