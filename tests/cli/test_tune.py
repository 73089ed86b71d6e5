from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from polysense.cli import tune
from polysense.cli.main import execute
from polysense.errors import PolysenseError
from polysense.training.lock import held
from polysense.training.tuning import search as searching

RATE = "training.learning_rate"

words = [0.625]
"""What TF-IDF reaches."""


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Overrides of the trainings, which are stood in for: the nearer the rate is to 3e-3 the better, above 8e-3 they diverge."""
    monkeypatch.setattr(sys.modules[__name__], "words", [0.625])
    found: list[list[str]] = []

    def stand_in(recipe: str, table: Any, *, overrides: list[str], seeds: list[int], **_: Any) -> dict[str, Any]:
        found.append(overrides)
        rate = float(overrides[-1].partition("=")[2])
        if rate > 8e-3:
            raise PolysenseError("training diverged")
        return {
            "per_seed": [{"validation": {"weighted_f1": 1 - 100 * abs(rate - 3e-3)}} for _ in seeds],
            "references": {"tfidf_text": {"rows": 10, "metrics": {"weighted_f1": words[0]}}},
            "most_frequent": {"validation": {"label": "good", "metrics": {"weighted_f1": 0.25}}},
        }

    monkeypatch.setattr(searching, "train", stand_in)
    return found


def command(toy_posts: Path, out: Path, tiny_encoders: list[str], *more: str) -> list[str]:
    sets = [word for one in tiny_encoders for word in ("--set", one)]
    return ["tune", "social/posts_concat", "--data", str(toy_posts / "posts.csv"), "--out", str(out), *sets, *more]


def test_a_search_in_one_command(
    toy_posts: Path,
    tiny_encoders: list[str],
    trained: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "tuned"
    words = command(toy_posts, out, tiny_encoders, "--space", f"{RATE}=1e-4:1e-2", "--seeds", "0,1")
    assert execute([*words, "--trials", "12"]) == 0
    captured = capsys.readouterr()
    assert "12 trials of social/posts_concat with seeds 0, 1, by weighted_f1 on validation; no test row is read" in captured.err
    assert f"trial 0: {RATE} 0.001: weighted_f1 0.8000; the recipe's own values; less than a minute to go" in captured.err
    assert "social/posts_concat: weighted_f1 on validation, 12 trials" in captured.out
    diverged = sum(float(one[-1].partition("=")[2]) > 8e-3 for one in trained)
    assert diverged
    assert f"{diverged} trial{'' if diverged == 1 else 's'} diverged" in captured.out
    assert f"trial  {RATE}  weighted_f1  note\n" in captured.out
    assert "better than the recipe as it is by 0." in captured.out
    assert "The best of" in captured.out
    assert f"polysense train {out}/best.yaml --data {toy_posts}/posts.csv --out {out}-best --seeds 0,1,2" in captured.out
    before = len(trained)

    told = "weighted_f1 on validation: always “good” 0.25; TF-IDF and logistic regression on the texts alone 0.625.\n"
    assert f"Without a neural network, {told}" in captured.out

    assert execute(words) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert execute([*words, "--trials", "14", "--resume", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(trained) == before + 2
    assert len(answer["trials"]) == 14
    assert answer["metric"] == "weighted_f1"
    assert answer["floors"] == {"always “good”": 0.25, "TF-IDF and logistic regression on the texts alone": 0.625}
    scores = {one["trial"]: one["score"] for one in answer["trials"] if one["score"] is not None}
    assert answer["best"] == max(scores, key=lambda number: scores[number])
    monkeypatch.setattr(tune, "find_spec", lambda _: None)
    assert execute([*words, "--resume"]) == 1
    assert "pip install 'polysense[tune]'" in capsys.readouterr().err


def test_where_nothing_is_better_than_the_recipe(
    toy_posts: Path, tiny_encoders: list[str], trained: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [*tiny_encoders, f"{RATE}=3e-3"]
    assert execute(command(toy_posts, tmp_path / "tuned", own, "--space", f"{RATE}=3e-3,4e-3", "--trials", "3")) == 0
    assert "No trial is better than the recipe as it is." in capsys.readouterr().out
    assert len(trained) == 2  # no values are tried twice


def test_that_the_words_alone_are_better_is_said(
    toy_posts: Path,
    tiny_encoders: list[str],
    trained: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "words", [0.99])
    assert execute(command(toy_posts, tmp_path / "out", tiny_encoders, "--space", f"{RATE}=1e-3,2e-3")) == 0
    assert (
        "No trial beats TF-IDF and logistic regression on the texts alone: none of them is worth its training yet.\n"
        in capsys.readouterr().out
    )


def test_a_finished_search_is_read(
    toy_posts: Path, tiny_encoders: list[str], trained: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned"
    words = command(toy_posts, out, tiny_encoders, "--space", f"{RATE}=1e-4:1e-2", "--trials", "2")
    assert execute(words) == 0
    first = capsys.readouterr().out
    assert execute([*words, "--resume"]) == 0
    captured = capsys.readouterr()
    assert captured.out == first
    assert "the search is finished: 2 trials are read, none is trained; a larger --trials goes on searching\n" in captured.err
    assert "0 trials" not in captured.err
    assert execute([*words, "--trials", "1", "--resume"]) == 0
    assert "the search is finished: 2 trials are read" in capsys.readouterr().err

    other = command(toy_posts, out, [*tiny_encoders, "training.warmup_steps=3"], "--space", f"{RATE}=1e-4,1e-3")
    assert execute([*other, "--seeds", "0,1", "--resume"]) == 2
    assert capsys.readouterr().err == (
        f"polysense: error: {out} was started with another recipe and another space and another seeds: choose another --out\n"
        "  training.warmup_steps: 0.1, now 3.0\n"
        f"  --space {RATE}=0.0001:0.01, now --space {RATE}=1e-4,1e-3\n"
        "  --seeds 0, now --seeds 0,1\n"
    )


def test_where_the_recipe_is_not_in_the_space(
    toy_posts: Path, tiny_encoders: list[str], trained: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(command(toy_posts, tmp_path / "tuned", tiny_encoders, "--space", f"{RATE}=3e-3,4e-3", "--trials", "1")) == 0
    captured = capsys.readouterr()
    assert f"the recipe as it is is not among the trials: its {RATE} is 0.001, not in 3e-3, 4e-3\n" in captured.err
    assert "how long" not in captured.err
    assert "weighted_f1 on validation, 1 trial\n" in captured.out
    assert f"The recipe as it is was not tried ({RATE}): " in captured.out
    assert "note" not in captured.out


def test_where_no_model_tells_a_row_from_another_nothing_is_recommended(
    toy_posts: Path,
    tiny_encoders: list[str],
    trained: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        searching, "answered_alike", lambda out, seeds, split: [{"seed": seeds[0], "answer": "positive", "rows": 10}]
    )
    words = command(toy_posts, tmp_path / "tuned", tiny_encoders, "--space", f"{RATE}=3e-3,4e-3")
    assert execute(words) == 0
    captured = capsys.readouterr()
    assert "nothing was learned in any trial, and no values are recommended" in captured.err
    assert captured.out.count("answers 'positive' for all 10 rows") == 2
    assert "2 trials, all settings of the space" in captured.out
    assert "Recipe:" not in captured.out
    assert "Try:" not in captured.out
    assert execute([*words, "--resume", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["best"], answer["recipe"], answer["command"]) == (None, None, None)
    assert [one["one_answer"] for one in answer["trials"]] == [[0], [0]]


@pytest.mark.parametrize(
    ("space", "code", "said"),
    [
        ("training.learning_rat=1:2", 2, "did you mean 'learning_rate'"),
        ("training.learning_rate=1", 2, "write two or more different values"),
        ("objectives.contrast.weight=0.1:0.2", 2, "has no entry 'contrast'"),
    ],
)
def test_a_wrong_space_is_refused_before_anything_is_written(
    toy_posts: Path,
    tiny_encoders: list[str],
    trained: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    space: str,
    code: int,
    said: str,
) -> None:
    assert execute(command(toy_posts, tmp_path / "tuned", tiny_encoders, "--space", space)) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "tuned").exists()
    assert trained == []


def test_a_search_that_another_process_makes_is_left_to_it(
    toy_posts: Path, tiny_encoders: list[str], trained: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tuned"
    words = command(toy_posts, out, tiny_encoders, "--space", f"{RATE}=1e-3,2e-3")
    with held(out):
        assert execute(words) == 2
    assert "another process (pid " in capsys.readouterr().err
    assert trained == []
    assert execute(words) == 0
