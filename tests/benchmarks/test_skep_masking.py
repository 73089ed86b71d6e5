import json
import subprocess
import sys
from pathlib import Path

from made_sentiment import KNOWLEDGE, REVIEWS

ROOT = Path(__file__).resolve().parents[2]


def test_every_part_of_a_step_is_timed(tiny_text: str, tmp_path: Path) -> None:
    KNOWLEDGE.write(tmp_path / "knowledge")
    (tmp_path / "reviews.txt").write_text("\n".join(REVIEWS), encoding="utf-8")
    script, out = ROOT / "benchmarks" / "skep_masking.py", tmp_path / "out.json"
    named = ["--reviews", tmp_path / "reviews.txt", "--knowledge", tmp_path / "knowledge", "--out", out]
    tiny = ["--set", f"encoders.text.pretrained={tiny_text}", "--set", "encoders.text.max_length=48"]
    command = [sys.executable, script, *named, *tiny, "--batch", "4", "--steps", "2", "--threads", "1"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    found = json.loads(out.read_text("utf-8"))
    assert set(found["seconds"]) == {"tokens", "knowledge", "hide", "model"}
    assert all(value > 0 for value in found["seconds"].values())
    assert 0 < found["share"] < 1
    assert found["tokens_a_text"] > 10
