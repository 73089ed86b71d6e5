import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEP = """
import json, sys
sys.path.insert(0, sys.argv[1])
from large_batch_memory import step_memory
texts = [f"the {number} of them went home by night" for number in range(768)]
overrides = [f"encoders.text.pretrained={sys.argv[2]}"]
step_memory(texts, recompute=True, overrides=overrides)  # pays for what libraries keep once
steps = [(texts, True), (texts, False), (texts[:64], True)]
print(json.dumps([step_memory(some, recompute=flag, overrides=overrides) for some, flag in steps]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux counts the memory")
def test_a_step_that_recomputes_has_the_same_loss_in_less_memory(tiny_text: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STEP, str(ROOT / "benchmarks"), tiny_text], capture_output=True, text=True, check=True
    )
    recomputed, kept, one_piece = json.loads(ran.stdout.splitlines()[-1])
    assert 0 < recomputed["megabytes"] < kept["megabytes"]
    assert (
        recomputed["megabytes"] < one_piece["megabytes"] + 16
    )  # twelve pieces: one at a time, and the vectors and cosines of all
    assert recomputed["loss"] > 0
    assert abs(recomputed["loss"] - kept["loss"]) < 0.05 * kept["loss"]  # pieces of other sizes: another draw of dropout
