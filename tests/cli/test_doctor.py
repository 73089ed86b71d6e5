from __future__ import annotations

import importlib.machinery
import json
from pathlib import Path

import pytest

from polysense.cli import doctor
from polysense.cli.main import execute


def test_a_sound_installation_ends_with_0_and_a_plain_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == "polysense is ready to use here."
    assert "minilm: ok" in shown


def test_json_says_what_is_there(capsys: pytest.CaptureFixture[str], cache_folder: Path) -> None:
    assert execute(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["cores"] >= 1
    assert found["packages"]["torch"] == found["torch"]["version"]
    assert found["cache"]["folder"] == str(cache_folder)
    assert found["network"] == "off (HF_HUB_OFFLINE)"
    assert found["encoders"] == {"minilm": "ok", "efficientnet-lite0": "ok"}


def test_torchvision_is_a_problem(monkeypatch, capsys) -> None:
    spec = importlib.machinery.ModuleSpec("torchvision", None)
    monkeypatch.setattr(doctor, "find_spec", lambda name: spec if name == "torchvision" else None)
    assert execute(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "pip uninstall torchvision" in shown
    assert shown.splitlines()[-1] == "1 problem: mend this first."


def test_a_missing_or_old_package_is_a_problem_and_a_missing_extra_is_advice(monkeypatch, capsys) -> None:
    really = doctor._version
    versions = {"typer": "0.1", "rich": None, "openvino": None}
    monkeypatch.setattr(doctor, "_version", lambda name: versions[name] if name in versions else really(name))
    assert execute(["doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [line.split()[0] for line in found["problems"]] == ["rich", "typer"]
    assert found["extras"]["fast"] == "missing openvino"
    assert any("pip install 'polysense[fast]'" in line for line in found["advice"])


def test_a_cache_that_cannot_be_written_is_a_problem(monkeypatch, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("POLYSENSE_CACHE", str(tmp_path / "file" / "cache"))
    assert execute(["doctor"]) == 1
    assert "set POLYSENSE_CACHE to one that can" in capsys.readouterr().out


def test_the_size_of_the_cache_is_counted(monkeypatch, tmp_path: Path, capsys) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "states.bin").write_bytes(bytes(3 * 2**20))
    monkeypatch.setenv("POLYSENSE_CACHE", str(tmp_path))
    assert execute(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cache"]["size_mb"] == 3.0


def test_every_extra_that_a_user_may_want_is_looked_for() -> None:
    from importlib.metadata import metadata

    assert set(doctor.EXTRAS) == set(metadata("polysense").get_all("Provides-Extra")) - {"dev"}
    assert set(doctor.examine()["extras"]) == set(doctor.EXTRAS)
