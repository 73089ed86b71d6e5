"""A search from beginning to end, and after a kill."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polysense.errors import PolysenseError, RecipeError
from polysense.recipe import load_recipe
from polysense.training import seed as seeds
from polysense.training.trainer import LearnerTrainer
from polysense.training.tuning import search as searching
from polysense.training.tuning.question import Tuning, ask, begin
from polysense.training.tuning.search import Trial, best_of, search
from polysense.training.tuning.space import read_space

RATE = "training.learning_rate"
WEIGHT = "objectives.classification.weight"


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tuned") / "posts.csv"
    lines = [f"{('good', 'bad')[n % 2]} words {n},{'ab'[n % 2]},{('train', 'dev', 'test')[min(n // 24, 2)]}" for n in range(60)]
    path.write_text("\n".join(["text,label,split", *lines]))
    return path


def asked(posts: Path, out: Path, tiny_text: str, *, trials: int = 3, **settings: Any) -> Tuning:
    overrides = [
        f"encoders.text.pretrained={tiny_text}",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=8",
        "training.bf16=false",
        "evaluation.patience=null",
    ]
    space = settings.pop("space", [f"{RATE}=1e-5:1e-2:log", f"{WEIGHT}=1,2"])
    return ask("social/posts_text", posts, out=out, space=read_space(space), trials=trials, overrides=overrides, **settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, posts: Path, tiny_text: str) -> tuple[Tuning, list[Trial], list[int]]:
    """A search of three trials, and how many rows were scored in each call."""
    tuning = asked(posts, tmp_path_factory.mktemp("search") / "out", tiny_text)
    scored: list[int] = []
    plain = seeds.score

    def watched(answerer: Any, evaluators: Any, samples: Any) -> dict[str, float]:
        scored.extend({"train": 0, "validation": 1, "test": 2}[sample.split] for sample in samples)
        return plain(answerer, evaluators, samples)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeds, "score", watched)
        begin(tuning, resume=False, overwrite=False)
        return tuning, search(tuning), scored


def test_only_validation_is_ever_scored(finished: tuple[Tuning, list[Trial], list[int]]) -> None:
    tuning, _, scored = finished
    assert set(scored) == {1}
    assert tuning.table.splits == {"train": 24, "validation": 24}


def test_the_recipe_as_it_is_comes_first_and_the_table_holds_all(finished: tuple[Tuning, list[Trial], list[int]]) -> None:
    tuning, trials, _ = finished
    assert [one.number for one in trials] == [0, 1, 2]
    assert trials[0].values == {RATE: 5e-5, WEIGHT: "1"}
    assert trials[0].note.startswith("the recipe's own values")
    assert all(1e-5 <= one.values[RATE] <= 1e-2 for one in trials)
    assert len({one.values[RATE] for one in trials}) == 3
    rows = list(csv.DictReader((tuning.out / "trials.csv").read_text().splitlines()))
    assert [float(row["weighted_f1"]) for row in rows] == [one.score for one in trials]
    assert [float(row[RATE]) for row in rows] == [one.values[RATE] for one in trials]
    assert sorted(path.name for path in (tuning.out / "trials").iterdir()) == [f"trial-000{n}.json" for n in range(3)]


def test_the_best_values_are_a_recipe(finished: tuple[Tuning, list[Trial], list[int]]) -> None:
    tuning, trials, _ = finished
    best = best_of(tuning, trials)
    recipe = load_recipe(str(tuning.out / "best.yaml"))
    assert recipe.training["learning_rate"] == best.values[RATE]
    assert recipe.objectives["classification"].weight == float(best.values[WEIGHT])
    assert recipe.training["num_train_epochs"] == 2
    assert best.score == max(one.score for one in trials if one.score is not None)


def test_a_finished_search_goes_on_only_as_the_same_one(
    finished: tuple[Tuning, list[Trial], list[int]], posts: Path, tiny_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning, trials, _ = finished
    with pytest.raises(RecipeError, match="holds a search: go on with --resume"):
        begin(tuning, resume=False, overwrite=False)
    other = asked(posts, tuning.out, tiny_text, space=[f"{RATE}=1e-5:1e-1:log"])
    with pytest.raises(RecipeError, match=r"was started with another space: choose another --out\n  --space .*, now --space "):
        begin(other, resume=True, overwrite=False)
    monkeypatch.setattr(searching, "train", None)  # nothing is trained again
    begin(tuning, resume=True, overwrite=False)
    assert search(tuning) == trials


def test_a_search_goes_on_after_a_kill_as_if_unbroken(
    finished: tuple[Tuning, list[Trial], list[int]],
    posts: Path,
    tiny_text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, whole, _ = finished
    tuning = asked(posts, tmp_path / "out", tiny_text)
    begin(tuning, resume=False, overwrite=False)
    plain, steps = LearnerTrainer.record_step, 0

    def dying(self: LearnerTrainer) -> None:
        nonlocal steps
        steps += 1
        if steps == 11:  # of six steps a trial: in the second, behind its first checkpoint
            raise KeyboardInterrupt
        plain(self)

    with monkeypatch.context() as patch:
        patch.setattr(LearnerTrainer, "record_step", dying)
        with pytest.raises(KeyboardInterrupt):
            search(tuning)
    assert steps == 11
    steps = 100
    begin(tuning, resume=True, overwrite=False)
    with monkeypatch.context() as patch:
        patch.setattr(LearnerTrainer, "record_step", dying)
        again = search(tuning)
    assert steps - 100 == 3 + 6  # what the second trial lacked behind its checkpoint, and the third
    assert [(one.number, one.values, one.per_seed) for one in again] == [
        (one.number, one.values, one.per_seed) for one in whole
    ]


def standing_in(
    monkeypatch: pytest.MonkeyPatch,
    scores: Callable[[list[str]], list[float]],
    answers: Callable[[list[str]], str] = lambda _: "",
) -> list[tuple[str, ...]]:
    """What is trained from now on, in place of trainings: ``scores`` and the answer to all rows are of what is tuned."""
    trained: list[tuple[str, ...]] = []

    def train(recipe: str, table: Any, *, out: Path, seeds: list[int], overrides: list[str], **_: Any) -> dict[str, Any]:
        tuned = [one for one in overrides if one.startswith((RATE, WEIGHT, "training.max_steps="))]
        trained.append(tuple(tuned))
        for seed in seeds:
            (out / f"seed-{seed}" / "predictions").mkdir(parents=True)
            rows = [{"id": str(row), "target": "a", "label": answers(tuned) or "ab"[row % 2]} for row in range(10)]
            (out / f"seed-{seed}" / "predictions" / "validation.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return {"per_seed": [{"validation": {"weighted_f1": score}} for score in scores(tuned)]}

    monkeypatch.setattr(searching, "train", train)
    return trained


@pytest.mark.parametrize("trials", [4, 6, 20])
def test_a_setting_is_tried_once_and_the_search_ends_when_all_are(
    trials: int,
    posts: Path,
    tiny_text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    space = [f"{WEIGHT}=1,2,3", "training.max_steps=5:6:int"]
    settings = {(f"{WEIGHT}={weight}", f"training.max_steps={steps}") for weight in (1, 2, 3) for steps in (5, 6)}
    trained = standing_in(monkeypatch, lambda tuned: [len(trained) / 10])
    tuning = asked(posts, tmp_path / "out", tiny_text, trials=trials, space=space)
    begin(tuning, resume=False, overwrite=False)
    found = search(tuning)
    assert [one.number for one in found] == list(range(min(trials, 6)))
    tried = {one[-2:] for one in trained}
    assert len(trained) == len(tried) == min(trials, 6)
    assert tried <= settings
    told = capsys.readouterr().err
    assert ("the space has 6 settings: each is tried once" in told) == (trials >= 6)
    assert ("6 trials of social/posts_text with seed 0, by" in told) == (trials >= 6)


def test_a_search_of_few_settings_goes_on_after_a_kill_without_repeating_one(
    posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"trials": 5, "space": [f"{WEIGHT}=1,2,3,4,5"]}
    trained = standing_in(monkeypatch, lambda tuned: [len(trained) / 10])
    whole = asked(posts, tmp_path / "whole", tiny_text, **settings)
    begin(whole, resume=False, overwrite=False)
    unbroken = [one.values for one in search(whole)]

    killed = asked(posts, tmp_path / "killed", tiny_text, **settings)
    begin(killed, resume=False, overwrite=False)
    trained.clear()
    plain = searching._write_down

    def dying(tuning: Tuning, trials: list[Trial]) -> None:
        if len(trials) == 3:
            raise KeyboardInterrupt
        plain(tuning, trials)

    with monkeypatch.context() as patch:
        patch.setattr(searching, "_write_down", dying)
        with pytest.raises(KeyboardInterrupt):
            search(killed)
    begin(killed, resume=True, overwrite=False)
    assert [one.values for one in search(killed)] == unbroken
    assert sorted(one[-1] for one in trained) == [f"{WEIGHT}={n}" for n in range(1, 6)]


def test_what_diverges_has_no_score_and_is_not_tried_again(
    posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning = asked(posts, tmp_path / "out", tiny_text, trials=6, space=[f"{WEIGHT}=1,2"], seeds=[0, 1])

    def scores(tuned: list[str]) -> list[float]:
        if tuned[-1].endswith("=2"):
            raise PolysenseError("the objective 'classification' became nan: training diverged")
        return [0.25, 0.75]

    standing_in(monkeypatch, scores)
    begin(tuning, resume=False, overwrite=False)
    trials = search(tuning)
    assert [(one.values[WEIGHT], one.score) for one in trials] == [("1", 0.5), ("2", None)]
    assert "training diverged" in trials[1].note
    assert best_of(tuning, trials).number == 0
    with pytest.raises(PolysenseError, match="every training diverged"):
        best_of(tuning, [one for one in trials if one.score is None])


def test_a_recipe_that_is_not_in_the_space_is_named_and_a_part_by_its_class_is_in_it(
    posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    standing_in(monkeypatch, lambda tuned: [0.5])
    tuning = asked(posts, tmp_path / "out", tiny_text, space=[f"{WEIGHT}=1,2", f"{RATE}=1e-5,2e-5"], trials=1)
    begin(tuning, resume=False, overwrite=False)
    search(tuning)
    said = f"the recipe as it is is not among the trials: its {RATE} is 5e-05, not in 1e-5, 2e-5\n"
    assert said in capsys.readouterr().err
    tuning = asked(posts, tmp_path / "other", tiny_text, space=[f"{RATE}=1e-4:1e-3:log"])
    assert tuning.outside == {RATE: "5e-05, not in numbers from 0.0001 to 0.001"}
    tuning = asked(posts, tmp_path / "part", tiny_text, space=["fusion=Concatenation,Single"])
    assert tuning.own == {"fusion": "Concatenation"}
    assert tuning.outside == {}


def test_a_trial_whose_model_answers_all_rows_alike_says_so_and_is_the_last_choice(
    posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    constant = {"1": 0.9, "2": 0.5}

    def search_for(out: Path, answers: Callable[[list[str]], str]) -> tuple[Tuning, list[Trial]]:
        standing_in(monkeypatch, lambda tuned: [constant[tuned[-1][-1]]], answers)
        tuning = asked(posts, out, tiny_text, trials=2, space=[f"{WEIGHT}=1,2"])
        begin(tuning, resume=False, overwrite=False)
        return tuning, search(tuning)

    tuning, trials = search_for(tmp_path / "one", lambda tuned: "good" if tuned[-1].endswith("=1") else "")
    assert [(one.alike, one.learned_nothing) for one in trials] == [((0,), True), ((), False)]
    assert trials[0].note == "the recipe's own values; answers 'good' for all 10 rows"
    assert "weighted_f1 0.9000; the recipe's own values; answers 'good' for all 10 rows; less than a minute to go\n" in (
        capsys.readouterr().err
    )
    assert best_of(tuning, trials).number == 1
    assert (tuning.out / "best.yaml").is_file()
    assert search(tuning) == trials  # as they were written down
    tuning, trials = search_for(tmp_path / "both", lambda _: "good")
    assert best_of(tuning, trials).learned_nothing
    assert not (tuning.out / "best.yaml").exists()


def test_values_that_cannot_be_trained_end_a_trial_and_not_the_search(
    posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But where nothing has been trained yet, it is most likely not of these values alone."""
    tuning = asked(posts, tmp_path / "out", tiny_text, trials=6, space=[f"{WEIGHT}=1,2"], seeds=[0])

    def stand_in(recipe: str, table: Any, *, overrides: list[str], **_: Any) -> dict[str, Any]:
        if overrides[-1].endswith("=2"):
            raise RecipeError("a contrast wants two rows")
        return {"per_seed": [{"validation": {"weighted_f1": 0.5}}]}

    monkeypatch.setattr(searching, "train", stand_in)
    begin(tuning, resume=False, overwrite=False)
    trials = search(tuning)
    assert (None, "a contrast wants two rows") in [(one.score, one.note) for one in trials if one.values[WEIGHT] == "2"]
    other = asked(posts, tmp_path / "other", tiny_text, trials=6, space=[f"{WEIGHT}=1,2"], seeds=[0])
    monkeypatch.setattr(searching, "train", lambda *_, **__: stand_in("", None, overrides=["=2"]))
    begin(other, resume=False, overwrite=False)
    with pytest.raises(RecipeError, match="a contrast wants two rows"):
        search(other)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ("objectives.contrast.weight=0.1:0.2", r"--space objectives.contrast.weight: .*has no entry 'contrast'"),
        ("training.learning_rat=0.1:0.2", r"there is no argument 'learning_rat'; did you mean 'learning_rate'"),
        ("training.learning_rate=fast,slow", r"--space training.learning_rate: "),
    ],
)
def test_a_space_that_the_recipe_does_not_take_is_refused(
    posts: Path, tiny_text: str, tmp_path: Path, space: str, said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        asked(posts, tmp_path / "out", tiny_text, space=[space])


def test_a_column_that_is_read_is_part_of_the_data(tmp_path: Path) -> None:
    def data(title: str, recipe: str) -> Any:
        (tmp_path / "posts.csv").write_text(
            "\n".join(
                ["text,label,split,ocr", *(f"text {n},{'ab'[n % 2]},{('train', 'dev')[n > 5]},{title}" for n in range(8))]
            )
        )
        changes = ["corpora.0=Posts", "objectives.classification.objective.labels=null"]
        space = read_space([f"{WEIGHT}=1,2"])
        return ask(recipe, tmp_path / "posts.csv", out=tmp_path / "out", space=space, trials=1, overrides=changes).asked["data"]

    assert data("x", "social/mhp_text") != data("y", "social/mhp_text")
    assert data("x", "social/posts_text") == data("y", "social/posts_text")


def test_other_files_are_not_touched(
    finished: tuple[Tuning, list[Trial], list[int]], posts: Path, tiny_text: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    tuning = asked(posts, tmp_path, tiny_text)
    with pytest.raises(RecipeError, match="is not empty and holds no search"):
        begin(tuning, resume=False, overwrite=True)
    (tmp_path / "mine.txt").unlink()
    for settings in ({"resume": False, "overwrite": False}, {"resume": False, "overwrite": True}):
        begin(tuning, **settings)
        assert json.loads((tmp_path / "tuning.json").read_text())["seeds"] == [0]
