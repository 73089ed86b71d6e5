from __future__ import annotations

import json
from pathlib import Path

import pytest

from polysense.errors import DataError, PolysenseError
from polysense.recipe.foreign import blamed, own_line


def test_the_innermost_line_of_ones_own_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import json\n\ndef read(text):\n    return json.loads(text)\n")
    names: dict = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    with pytest.raises(PolysenseError, match=r"failed: JSONDecodeError: .*mine\.py:4, in read\)$"), blamed():
        names["read"]("{")


def test_what_is_not_ones_own_passes() -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("{")
    library = raised.value.__traceback__.tb_next  # this file's own frame is left out
    assert own_line(raised.value.with_traceback(library)) is None
    for error in (DataError("bad rows"), FileNotFoundError("gone")):
        with pytest.raises(type(error)) as same, blamed():
            raise error
        assert same.value is error
