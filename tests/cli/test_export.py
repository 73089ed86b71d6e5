from __future__ import annotations

from pathlib import Path

import pytest

from foreign_models import converted, trained
from polysense.cli.main import execute


def test_the_folder_is_printed_and_the_pooling_said(tiny_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = converted(tiny_text, tmp_path / "model")
    assert execute(["export", str(folder), "--to", "sentence-transformers", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'out'}\n"
    assert "warning: " in printed.err
    assert "say pooling 'cls' for supervised SimCSE" in printed.err
    assert "pooling cls_before_pooler, for sentence-transformers" in printed.err


def test_the_pooling_can_be_said(tiny_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained(tiny_text, tmp_path / "model", "mlp.dense", pickled=True)
    assert execute(["export", str(folder), str(tmp_path / "out"), "--to", "polysense", "--pooling", "cls"]) == 0
    printed = capsys.readouterr()
    assert "warning" not in printed.err
    assert "pooling cls, for polysense" in printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--to", "onnx"], "valid: 'polysense', 'sentence-transformers', 'transformers'"), ([], "--to")],
    ids=["unknown", "none"],
)
def test_what_it_is_for_must_be_said(
    tiny_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert execute(["export", tiny_text, str(tmp_path / "out"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
