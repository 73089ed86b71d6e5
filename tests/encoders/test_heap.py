from pathlib import Path

import pytest
import torch

from polysense.encoders import heap
from polysense.encoders.heap import give_back

HELD = Path("/proc/self/status")


def megabytes() -> float:
    line = next(line for line in HELD.read_text("utf-8").splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1000


@pytest.mark.skipif(not HELD.exists() or heap._trim() is None, reason="glibc on Linux gives memory back")
def test_freed_memory_between_memory_in_use_is_given_back() -> None:
    tensors = [torch.ones(25_000) for _ in range(2000)]  # 100 KB each
    kept = tensors[::20]
    del tensors
    before = megabytes()
    give_back()
    assert before - megabytes() > 150
    assert all(bool((tensor == 1).all()) for tensor in kept)


def test_without_glibc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_trim", lambda: None)
    give_back()
