from __future__ import annotations

import json
from pathlib import Path

from polysense.report.deeds import deeds
from polysense.report.run import Run

ROWS = {
    "texts": [{"text": "a <b> dog", "found": [{"text": "a wolf", "score": 0.91}]}],
    "pictures": [
        {
            "text": "a dog",
            "found": [{"image": "1.jpg", "score": 0.5, "own": True}, {"image": "3.jpg", "score": 0.25, "own": False}],
        }
    ],
    "written": [
        {"source": None, "image": "1.jpg", "written": "a dog runs", "references": ["a dog runs fast"]},
        {"source": "a long text", "image": None, "written": "", "references": ["short"]},
    ],
}


def test_what_the_best_seed_does_is_shown(run: Path, pictures: Path) -> None:
    best = Run.read(run).best_seed
    shown = json.loads(json.dumps(ROWS).replace('"image": "', f'"image": "{pictures}/'))
    (run / f"seed-{best}" / "examples.json").write_text(json.dumps(shown))
    section = deeds(Run.read(run), [])
    assert section is not None
    body = str(section.body)
    assert "a &lt;b&gt; dog" in body
    assert body.count("<img ") == 2
    assert "not a picture" in body
    assert "✓ 0.50" in body
    assert "0.91" in body
    assert "a dog runs fast" in body
    assert 'class="none">nothing<' in body


def test_without_examples_there_is_no_section(run: Path) -> None:
    assert deeds(Run.read(run), []) is None
