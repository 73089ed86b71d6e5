from __future__ import annotations

import io
import re
import sys
from time import sleep

import pytest

from polysense.progress import bar, once, open_bar, say, say_of_data, short_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in place of stderr."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    return terminal


def test_what_is_said_of_data_is_said_once_for_many_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    @once()
    def jobs() -> None:
        for _ in range(2):
            say_of_data("10 rows")
            say("done")

    jobs()
    jobs()
    say_of_data("10 rows")
    say_of_data("10 rows")
    assert capsys.readouterr().err.split("\n") == [*["10 rows", "done", "done"] * 2, "10 rows", "10 rows", ""]


def test_once_within_once_is_once(capsys: pytest.CaptureFixture[str]) -> None:
    with once():
        for _ in range(2):
            with once():
                say_of_data("10 rows")
    assert capsys.readouterr().err == "10 rows\n"


def test_a_bar_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("reading", "rows") as progress:
        progress(1, 2)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("polysense.progress.FIRST", 0.2)
    monkeypatch.setattr("polysense.progress.EVERY", 0.2)
    with bar("reading", "rows") as progress:
        for done in range(1, 9):
            progress(done, 8)
            say(f"row {done}")
            sleep(0.11)
    lines = capsys.readouterr().err.split("\n")
    told = [line for line in lines if line.startswith("reading: ")]
    assert 2 <= len(told) <= 4
    said = r"reading: \d of 8 rows \(\d+ %\), .*\d\d rows/s, 00:0\d left"
    assert all(re.fullmatch(said, line) for line in told), told
    assert [line for line in lines if line not in told] == [*(f"row {done}" for done in range(1, 9)), ""]


def test_the_first_line_in_a_log_comes_sooner_than_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("polysense.progress.FIRST", 0.05)
    with bar("reading", "rows") as progress:
        for done in (1_200, 2_400):
            sleep(0.11)
            progress(done, 12_000)
    assert capsys.readouterr().err.startswith("reading: 1,200 of 12,000 rows (10 %), ")


def test_a_total_that_is_not_known_is_a_question_mark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("polysense.progress.FIRST", 0.0)
    monkeypatch.setattr("polysense.progress.EVERY", 0.0)
    with open_bar("reading", "rows") as shown:
        shown.refresh()
        shown.n = 3
        shown.refresh()
    assert re.match(r"(reading: \d+ s so far\n)+reading: 3 of \? rows", capsys.readouterr().err)


def test_a_terminal_shows_the_count_until_the_job_is_done(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    screen = screen_of(monkeypatch)
    with bar("reading", "rows") as progress:
        progress(1, 2)
        sleep(0.15)  # a bar is redrawn ten times a second
        progress(2, 2)
    assert "reading: 100%" in screen.getvalue()
    assert "2/2" in screen.getvalue()
    assert not screen.getvalue().rstrip("\r").rpartition("\r")[2].strip(), "it is wiped off"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("pause", "speed"), [(0.05, r"\d+\.\d\d steps/s"), (1.05, r"\d\.\d\d s/step")])
def test_the_speed_is_told_a_second_or_a_step(pause: float, speed: str, log: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for wait in ("FIRST", "EVERY"):
        monkeypatch.setattr(f"polysense.progress.{wait}", 0.0)
    screen = io.StringIO() if log else Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "100")
    with bar("training", "steps") as progress:
        sleep(pause)
        progress(1, 2)
        say("a line, after which the bar is drawn again")
    assert re.search(rf", {speed}[,\]]", screen.getvalue()), screen.getvalue()


def test_quiet_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_of(monkeypatch)
    with bar("reading", "rows", quiet=True) as progress:
        progress(1, 2)
    assert screen.getvalue() == ""


def test_a_line_stands_by_itself_beside_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = screen_of(monkeypatch)
    with bar("reading", "rows") as progress:
        progress(1, 2)
        say("row 1 is odd")
    assert "row 1 is odd" in screen.getvalue().replace("\r", "\n").split("\n")


def test_a_short_bar_is_gone_when_its_part_of_the_job_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.progress.FIRST", 0)
    monkeypatch.setattr("polysense.progress.EVERY", 0)
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    with short_bar("checking rows", "rows") as progress:
        say("before")  # nothing is checked yet, and nothing is said of it
        assert shown.getvalue() == "before\n"
        progress(1, 2)
        say("between")
        assert "checking rows: 1 of 2 rows (50 %)" in shown.getvalue()
        progress(2, 2)
        done = shown.getvalue()
        say("after")
        assert shown.getvalue() == f"{done}after\n"
