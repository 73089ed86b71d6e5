from __future__ import annotations

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results"


def test_page_and_picture_are_what_the_script_makes_of_the_numbers() -> None:
    script = runpy.run_path(str(ROOT / "benchmarks/grounded_tables.py"))
    result = json.loads((RESULTS / "grounded_sentences.json").read_text("utf-8"))
    assert script["markdown"](result) == (RESULTS / "grounded_sentences.md").read_text("utf-8")
    assert script["picture"](result).startswith("<svg xmlns=")


def test_gains_are_held_against_closeness_set_by_set() -> None:
    script = runpy.run_path(str(ROOT / "benchmarks/grounded_tables.py"))
    arms = {
        "mcse": {"STS12/MSRvid": {"mean": 50.0}, "STS12/MSRpar": {"mean": 30.0}, "SICK-R test": {"mean": 41.0}},
        "captions_as_text": {"STS12/MSRvid": {"mean": 40.0}, "STS12/MSRpar": {"mean": 31.0}, "SICK-R test": {"mean": 40.0}},
    }
    close = {"STS12/MSRvid": 0.6, "STS12/MSRpar": 0.2, "SICK-R test": 0.5, "STS-B dev": 0.4, "STS12/other": 0.1}
    found = script["domains"]({"blocks": {"small": {"arms": arms}}, "closeness": close})
    assert found == [("STS12/MSRvid", 0.6, 10.0), ("STS12/MSRpar", 0.2, -1.0), ("SICK-R test", 0.5, 1.0)]
