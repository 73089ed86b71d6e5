"""A search from beginning to end, and after a kill."""

from __future__ import annotations

import csv
import json
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
    assert trials[0].note == "the recipe's own values"
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
    with pytest.raises(RecipeError, match=r"was started with another space: choose another --out\n  space: .*, now "):
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


def test_equal_values_are_not_trained_twice_and_what_diverges_has_no_score(
    posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning = asked(posts, tmp_path / "out", tiny_text, trials=6, space=[f"{WEIGHT}=1,2"], seeds=[0, 1])
    trained: list[str] = []

    def stand_in(recipe: str, table: Any, *, overrides: list[str], **_: Any) -> dict[str, Any]:
        trained.append(overrides[-1])
        if overrides[-1].endswith("=2"):
            raise PolysenseError("the objective 'classification' became nan: training diverged")
        return {"per_seed": [{"validation": {"weighted_f1": score}} for score in (0.25, 0.75)]}

    monkeypatch.setattr(searching, "train", stand_in)
    begin(tuning, resume=False, overwrite=False)
    trials = search(tuning)
    assert sorted(trained) == [f"{WEIGHT}=1", f"{WEIGHT}=2"]
    assert len(trials) == 6
    assert {one.values[WEIGHT]: one.score for one in trials} == {"1": 0.5, "2": None}
    assert {one.note for one in trials[1:]} <= {"as trial 0", *(one.note for one in trials)}
    assert best_of(tuning, trials).number == 0
    with pytest.raises(PolysenseError, match="every training diverged"):
        best_of(tuning, [one for one in trials if one.score is None])


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
