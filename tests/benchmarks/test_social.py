from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results"


@pytest.mark.parametrize(("script", "name"), [("benchmarks/social_mvsa.py", "mvsa_single")])
def test_the_page_is_what_the_script_writes_of_the_numbers(script: str, name: str) -> None:
    made = runpy.run_path(str(ROOT / script))["markdown"]
    page = (RESULTS / f"{name}.md").read_text("utf-8")
    command = f"python {script} --data DATA/mvsa_single --runs runs/mvsa --out docs/results"
    assert made(json.loads((RESULTS / f"{name}.json").read_text("utf-8")), command) == page


@pytest.mark.parametrize("name", ["mvsa_controls", "caption_controls"])
def test_the_page_of_controls_is_what_its_script_writes_of_the_numbers(name: str) -> None:
    made = runpy.run_path(str(ROOT / "benchmarks/social_controls.py"))["markdown"]
    assert made(json.loads((RESULTS / f"{name}.json").read_text("utf-8"))) == (RESULTS / f"{name}.md").read_text("utf-8")


def test_tables_of_nothing_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = runpy.run_path(str(ROOT / "benchmarks/social_mvsa.py"))["main"]
    monkeypatch.setitem(main.__globals__, "MvsaSingle", type("Corpus", (), {"read": lambda self, root: Rows()}))
    monkeypatch.setitem(main.__globals__, "references", lambda *_: {"tfidf_text": {"metrics": {}}})
    monkeypatch.setattr("sys.argv", ["social_mvsa.py", "--data", str(tmp_path), "--runs", str(tmp_path), "--only-tables"])
    with pytest.raises(SystemExit, match="holds no finished arm yet"):
        main()


class Rows:
    """A table that is never looked into."""

    def split(self, name: str) -> list[str]:
        return [name]
