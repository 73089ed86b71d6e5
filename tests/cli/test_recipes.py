from __future__ import annotations

import json
import re

import pytest

from polysense.cli.main import execute
from polysense.recipe import list_recipes, load_recipe
from polysense.recipe.families import composed, families
from polysense.recipe.files import SHIPPED


def test_list_names_every_recipe_with_what_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "2000")  # no line is wrapped
    assert execute(["recipes", "list"]) == 0
    shown = capsys.readouterr().out
    for name, line in list_recipes().items():
        if name not in composed(SHIPPED):
            assert name in shown
            assert line
            assert line in shown
    clips, social = families(SHIPPED)
    for table, what in social.tables.items():
        assert re.search(rf"  social/{table}_<model>\[_<signals>\] +{re.escape(what)}\n", shown)
    assert "  <model>    concat, attention," in shown
    for table, what in clips.tables.items():
        assert re.search(rf"  msa/{table}_<model> +{re.escape(what)}\n", shown)
    assert "In msa/, by their names:\n  <model>  lf_dnn, tfn," in shown
    assert execute(["recipes", "list", "social/mvsa"]) == 0
    named = capsys.readouterr().out
    assert all(name in named for name in social.members["mvsa"])
    assert execute(["recipes", "list", "msa/sims_"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == sorted(clips.members["sims"])


def test_list_puts_ones_own_data_first_and_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert execute(["recipes", "list", "social", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "For data of your own:"
    assert lines.index("For published data:") > next(at for at, line in enumerate(lines) if "social/posts_concat" in line)
    assert not any("mcse/" in line for line in lines)
    assert execute(["recipes", "list", "socail"]) == 2
    assert "did you mean 'social'?" in capsys.readouterr().err


def test_of_a_family_a_table_is_a_line_and_its_parts_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, social = families(SHIPPED)
    assert execute(["recipes", "list", "social"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 40
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("  social/")] == [
        f"social/{table}_<model>[_<signals>]" for table in social.tables
    ]
    for part, names in (("<model>", social.models), ("<signals>", social.signals)):
        for name, what in names.items():
            assert re.search(rf"  {part} +{name} +{re.escape(what)}\n", shown)
    assert execute(["recipes", "list", "social/tir"]) == 0
    assert "social/tir_adds_<model>[_<signals>]" in capsys.readouterr().out
    for words, names in ((["social/posts"], social.members["posts"]), (["social", "--all"], composed(SHIPPED))):
        assert execute(["recipes", "list", *words]) == 0
        listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
        assert {name for name in names if name.startswith("social/")} <= listed
    assert execute(["recipes", "list", "social", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {name for name in list_recipes() if name.startswith("social/")}


def test_recipes_that_read_ones_own_clips_stand_among_those_for_data_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["recipes", "list"]) == 0
    own = capsys.readouterr().out.partition("For published data:")[0]
    reading = {name for name in list_recipes() if name.startswith(("msa/", "self_mm/"))}
    reading = {name for name in reading if [part.kind.__name__ for part in load_recipe(name).corpora] == ["Clips"]}
    assert {"self_mm/clips", "msa/tfn"} <= reading
    for name in reading:
        assert (name in own) == ("Not run here" not in list_recipes()[name]), name


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["recipes", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == list_recipes()


def test_show_prints_the_merged_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    assert execute(["recipes", "show", "social/mvsa_concat_both"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert "base" not in shown
    assert set(shown["objectives"]) == {"classification", "contrast", "matching"}

    assert execute(["recipes", "show", "social/mvsa_concat_both", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == shown


def test_an_unknown_recipe_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["recipes", "show", "social/mvsa_conct"]) == 2
    captured = capsys.readouterr()
    assert "'social/mvsa_concat'" in captured.err
    assert captured.out == ""
