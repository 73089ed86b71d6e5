from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from made_aspect_xml import sentence, write_sentences
from made_aspects import overrides

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/skep_tasks.py"


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_every_arm_is_trained_compared_and_written(
    script: dict[str, Any], tiny_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, rows in (("Train", 20), ("Test_Gold", 6)):
        write_sentences(tmp_path / f"semeval2014/Laptops_{name}.xml", [sentence(number) for number in range(rows)])
    sets = [word for one in overrides(tiny_text) for word in ("--set", one)]
    words = ["--data", str(tmp_path), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out.json"), "--seeds", "0"]
    command = [*words, "--tasks", "skep/semeval14_laptop", "--start", f"other={tiny_text}", *sets]
    script["main"](command)
    result = json.loads((tmp_path / "out.json").read_text("utf-8"))["skep/semeval14_laptop"]
    assert set(result["arms"]) == {"own", "blind", "other"}
    assert set(result["against_own"]) == {"blind", "other"}
    assert result["rows"] == {"train": 54, "validation": 6, "test": 18}
    assert result["arms"]["own"] == result["arms"]["other"]  # the same start by another name
    assert "| skep/semeval14_laptop | blind |" in capsys.readouterr().out
    kept = (tmp_path / "runs/semeval14_laptop/own/run.json").read_bytes()
    script["main"](command)
    assert (tmp_path / "runs/semeval14_laptop/own/run.json").read_bytes() == kept


def test_tasks_without_aspects_have_no_blind_arm(script: dict[str, Any]) -> None:
    assert list(script["arms"]("skep/sst2", {"mined": "runs/pretrain"})) == ["own", "mined"]
    with pytest.raises(SystemExit):
        script["main"](["--data", "d", "--runs", "r", "--out", "o", "--start", "own=x"])
