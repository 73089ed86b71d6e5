"""The command ``polysense``: finds the command's module, runs it, and turns what went wrong into a message and an exit code.

Exit codes: 0 ok, 1 the run failed, 2 usage or recipe, 3 data, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from polysense.errors import DataError, PolysenseError, display
from polysense.interruption import listen

COMMANDS = {
    "quickstart": "Train, compare and predict on made-up posts or your own table.",
    "train": "Train a recipe on a table or a corpus, over one or more seeds.",
    "tune": "Seek values of a recipe that do well on validation.",
    "ablate": "Find out which training signal helps on a table.",
    "evaluate": "Measure a trained run on a split.",
    "calibrate": "Give a trained run probabilities that mean what they say.",
    "predict": "Answer for one post, or for every row of a table.",
    "caption": "Write captions of pictures.",
    "generate": "Write texts from texts, or of pictures.",
    "encode": "Turn sentences or posts into vectors.",
    "search": "Find the nearest rows of a collection.",
    "export": "Write a text encoder for other libraries, or read theirs.",
    "compare": "Compare two runs, paired over seeds and test rows.",
    "report": "Write a run's report as one HTML file.",
    "recipes": "List the recipes of the package, or show one in full.",
    "analyze": "Read reviews whole: polarity, aspects, what is said of them.",
    "mine": "Mine a sentiment lexicon and its aspects from plain text.",
    "rewrite": "Make texts that say the same as captions, and almost the same.",
    "neighbours": "Find unpaired sentences and pictures near to captions.",
    "data": "List the corpora, check a table, or make a small set of posts.",
    "doctor": "Check this machine and this installation.",
}
"""Each command is the ``app`` of the module ``polysense.cli.<name>``, which is imported when the command is called."""

INTERRUPTED = 130


class LazyCommands(TyperGroup):
    """A group that knows its commands by name and one line of help, and imports only the one that is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command by name as usual (with the nearest name where there is none), then import it."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub and get_command(import_module(f"polysense.cli.{name}").app), rest


app = typer.Typer(cls=LazyCommands, rich_markup_mode=None, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        import polysense

        typer.echo(f"polysense {polysense.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Sentiment and meaning from text, images, audio and video: train, measure, compare and predict.

    Data goes to stdout, progress and messages to stderr. --json prints for machines; - reads stdin in predict,
    encode, generate and mine.
    """


def _cli() -> TyperGroup:
    group = get_group(app)
    for name, line in COMMANDS.items():
        group.add_command(TyperCommand(name=name, help=line, rich_markup_mode=None))
    return group


def _complain(message: str) -> None:
    typer.echo(f"polysense: error: {message}", err=True)


def _misuse(error: typer.TyperException) -> int:
    """What is wrong with the command line, said as any other error, and where its help is; without arguments the help itself."""
    said, context = error.format_message(), getattr(error, "ctx", None)
    if context is not None and said == context.get_help():
        typer.echo(said, err=True)
        return error.exit_code
    _complain(f"{said[:1].lower()}{said[1:]}")
    if context is not None:
        typer.echo(f"Try `{context.command_path} --help`.", err=True)
    return error.exit_code


def _os_reason(error: OSError) -> str:
    """What a user can act on: the system's words and the file."""
    reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error) or type(error).__name__
    names = [display(name) for name in (error.filename, error.filename2) if isinstance(name, str)]
    return ": ".join([reason, *names])


def _explain(error: Exception) -> int:
    """Say on stderr what went wrong, in a few lines, and return the exit code."""
    if os.environ.get("POLYSENSE_TRACEBACK", "0") not in {"", "0"}:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, typer.TyperException):
        return _misuse(error)
    if isinstance(error, PolysenseError):
        _complain(str(error))
        return error.exit_code
    if isinstance(error, OSError):
        _complain(_os_reason(error))
        return DataError.exit_code
    _complain(f"unexpected {type(error).__name__}: {error}")
    typer.echo("Set POLYSENSE_TRACEBACK=1 and repeat the command to see where it happened.", err=True)
    return 1


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """What the package warns of is said on stderr, each thing once, without the place in the code; other warnings are left alone."""
    home = f"{Path(__file__).parents[1]}{os.sep}"
    said: set[str] = set()
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not filename.startswith(home):
                others(message, category, filename, lineno, file, line)
            elif str(message) not in said:
                from polysense.progress import say

                said.add(str(message))
                say(f"warning: {message}")

        warnings.filterwarnings("always", category=UserWarning, module=r"polysense\.")
        warnings.showwarning = show
        yield


def execute(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    try:
        with _warnings_as_lines():
            code = _cli().main(args=list(arguments), prog_name="polysense", standalone_mode=False)
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        code = _explain(error)
    if code == INTERRUPTED:
        typer.echo("polysense: interrupted", err=True)
    return int(code or 0)


def run() -> NoReturn:
    """The entry point of the installed command."""
    listen()
    code = execute(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader went away: what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
