from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer

import polysense
from polysense.cli.main import COMMANDS, execute
from polysense.errors import DataError, PolysenseError, RecipeError

PACKAGE = Path(polysense.__file__).parent


@pytest.fixture
def doing(monkeypatch: pytest.MonkeyPatch):
    """``doing(what)``: the command ``doctor`` does it from now on."""

    def install(what: Callable[[], object]) -> None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)

        @app.command()
        def doctor() -> None:
            what()

        module = ModuleType("polysense.cli.doctor")
        module.app = app
        monkeypatch.setitem(sys.modules, "polysense.cli.doctor", module)

    return install


@pytest.fixture
def failing(doing):
    """``failing(error)``: the command ``doctor`` raises it from now on."""

    def install(error: BaseException) -> None:
        def fail() -> None:
            raise error

        doing(fail)

    return install


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out == f"polysense {polysense.__version__}\n"


def test_without_a_command_the_help_is_shown_and_the_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([]) == 2
    assert "quickstart" in capsys.readouterr().err


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["trian"]) == 2
    captured = capsys.readouterr()
    assert "'trian'" in captured.err
    assert "'train'" in captured.err
    assert captured.out == ""


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor", "--jsn"]) == 2
    assert "--jsn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named", "command"),
    [
        (["trian"], "no such command 'trian'. Did you mean 'train'?", ""),
        (["recipes", "lst"], "no such command 'lst'. Did you mean 'list'?", " recipes"),
        (["doctor", "--jsn"], "no such option: --jsn (Possible options: --json)", " doctor"),
        (["train"], "missing argument 'recipe'", " train"),
        (["train", "x"], "missing option '--data'", " train"),
        (["doctor", "x"], "got unexpected extra argument", " doctor"),
        (["data", "toy", "out", "--posts", "many"], "invalid value for '--posts': ", " data toy"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_said_as_any_other_error(
    words: list[str], named: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"polysense: error: {named}")
    assert captured.err.endswith(f"\nTry `polysense{command} --help`.\n")
    assert captured.out == ""


@pytest.mark.parametrize("words", [[], ["recipes"], ["data"]])
def test_where_the_arguments_are_missing_altogether_the_help_is_no_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(words) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"Usage: {' '.join(['polysense', *words])} ")
    assert "error" not in shown


def test_help_lists_every_command_with_its_whole_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, line in COMMANDS.items():
        assert f"  {name}" in shown
        assert line in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_and_its_own_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: polysense {name} ")
    app = importlib.import_module(f"polysense.cli.{name}").app
    assert app.rich_markup_mode is None
    assert not app._add_completion


def test_help_imports_neither_torch_nor_the_commands() -> None:
    code = (
        "import sys; from polysense.cli.main import execute; execute(['--help'])\n"
        "heavy = {'torch', 'transformers', 'polars', 'sklearn', 'rich'}\n"
        "loaded = [name for name in sys.modules if name.split('.')[0] in heavy\n"
        "          or name.startswith('polysense.cli.') and name != 'polysense.cli.main']\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PolysenseError("the run failed"), 1, "polysense: error: the run failed\n"),
        (RecipeError("no key 'trainig'"), 2, "polysense: error: no key 'trainig'\n"),
        (DataError("posts.csv, row 3: no picture"), 3, "polysense: error: posts.csv, row 3: no picture\n"),
        (OSError(errno.ENOSPC, "No space left on device", "out.csv"), 3, "polysense: error: the disk is full: out.csv\n"),
        (PermissionError(errno.EACCES, "Permission denied", "out.csv"), 3, "polysense: error: Permission denied: out.csv\n"),
    ],
)
def test_what_a_user_can_mend_is_said_without_a_traceback(failing, error, code, message, capsys) -> None:
    failing(error)
    assert execute(["doctor"]) == code
    captured = capsys.readouterr()
    assert captured.err == message
    assert captured.out == ""


def test_an_unexpected_error_is_short_and_says_how_to_see_more(failing, capsys, monkeypatch) -> None:
    failing(KeyError("states"))
    assert execute(["doctor"]) == 1
    short = capsys.readouterr().err
    assert "KeyError" in short
    assert "POLYSENSE_TRACEBACK=1" in short
    assert "Traceback" not in short

    monkeypatch.setenv("POLYSENSE_TRACEBACK", "1")
    assert execute(["doctor"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_the_package_warns_of_is_one_line_on_stderr(doing, capsys) -> None:
    """Even where warnings are errors, as they are in these tests."""

    def warn() -> None:
        for said in ("nothing says the pooling", "nothing says the pooling", "the heads are left out"):
            warnings.warn_explicit(
                said, UserWarning, str(PACKAGE / "inference/foreign/loading.py"), 7, "polysense.inference.foreign.loading"
            )

    doing(warn)
    assert execute(["doctor"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "warning: nothing says the pooling\nwarning: the heads are left out\n"
    assert captured.out == ""


def test_other_warnings_are_left_alone(doing, capsys, monkeypatch) -> None:
    """They are shown as Python shows them, errors where they are made errors, and nothing is left behind."""
    before = warnings.filters[:], warnings.showwarning
    doing(lambda: warnings.warn_explicit("a dtype is old", UserWarning, "/lib/other.py", 7, "other"))
    assert execute(["doctor"]) == 1
    assert "unexpected UserWarning: a dtype is old" in capsys.readouterr().err
    assert (warnings.filters[:], warnings.showwarning) == before
    with pytest.warns(UserWarning, match="a dtype is old"):
        assert execute(["doctor"]) == 0
    assert "a dtype is old" not in capsys.readouterr().err


def test_an_interruption_ends_with_130(failing, capsys) -> None:
    failing(KeyboardInterrupt())
    assert execute(["doctor"]) == 130
    assert capsys.readouterr().err.strip() == "polysense: interrupted"


def test_a_reader_that_goes_away_is_no_error_message() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "polysense", "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""
