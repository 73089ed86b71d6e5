"""Pre-training with sentiment knowledge from end to end."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pytest

from made_sentiment import KNOWLEDGE, REVIEWS
from polysense.data.collate import Collate
from polysense.errors import DataError, RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.objectives import kept_knowledge
from polysense.objectives.aspect_pair import AspectPair
from polysense.objectives.sentiment_word import SentimentWord
from polysense.objectives.word_polarity import WordPolarity
from polysense.training.run import train
from polysense.training.saved import read_model, write_model
from polysense.types import Sample

OBJECTIVES = ("word", "polarity", "pair")


def test_knowledge_that_hardly_occurs_is_a_warning(tmp_path: Path) -> None:
    KNOWLEDGE.write(tmp_path / "knowledge")
    named = {"knowledge": str(tmp_path / "knowledge")}
    strangers = [Sample(id=str(row), text="nichts davon steht hier") for row in range(99)]
    few = [*strangers, Sample(id="one", text=REVIEWS[0])]
    with pytest.raises(DataError, match="none of 99 training texts holds a word"):
        SentimentWord.complete(named, strangers)
    with pytest.warns(UserWarning, match=r"only 1 of 100 training texts hold a word of the knowledge .* language 'en'"):
        SentimentWord.complete(named, few)
    usual = [Sample(id=str(row), text=text) for row, text in enumerate(REVIEWS)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in (SentimentWord, WordPolarity, AspectPair):
            kind.complete(named, usual)
    word = next(iter(KNOWLEDGE.words))
    alone = [Sample(id=str(row), text=word) for row in range(10)]
    with pytest.warns(UserWarning, match="AspectPair: none of 10 training texts holds a pair"):
        AspectPair.complete(named, alone)


@pytest.fixture(scope="module")
def overrides(tiny_text: str) -> list[str]:
    return [
        f"encoders.text.pretrained={tiny_text}",
        "encoders.text.max_length=48",
        "corpora.0.validation=8",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=8",
        "training.learning_rate=1.0e-3",
        "training.bf16=false",
    ]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("reviews") / "reviews.txt"
    file.write_text("".join(f"{REVIEWS[number % 4]} {number}\n" for number in range(32)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, overrides: list[str], reviews: Path) -> Path:
    """A finished run; what it learned with is gone."""
    root = tmp_path_factory.mktemp("skep")
    KNOWLEDGE.write(root / "mined_here")
    named = [f"objectives.{name}.objective.knowledge={root / 'mined_here'}" for name in OBJECTIVES]
    train("skep/pretrain", reviews, out=root / "run", seeds=[0], overrides=[*overrides, *named])
    shutil.rmtree(root / "mined_here")
    return root / "run"


@pytest.fixture
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known yet."""
    monkeypatch.setattr(kept_knowledge, "_known", {})


def samples() -> list[Sample]:
    return [Sample(id=str(number), text=text, index=number) for number, text in enumerate(REVIEWS)]


def test_every_objective_is_learned_and_judged(run: Path) -> None:
    steps = [json.loads(line) for line in (run / "seed-0" / "journal.jsonl").read_text("utf-8").splitlines()]
    terms = [step["terms"] for step in steps if "terms" in step]
    assert len(terms) == 6
    assert all(set(step) == set(OBJECTIVES) for step in terms)
    found = json.loads((run / "run.json").read_text("utf-8"))["per_seed"][0]["validation"]
    assert {f"{name}_loss" for name in OBJECTIVES} <= set(found)
    assert {"word_recall@1", "polarity_recall@1", "pair_recall@20", "pair_recall@20_frequent"} <= set(found)


def test_the_run_holds_a_copy_and_names_no_folder(run: Path) -> None:
    """Of the folder that was given the command alone has the name, without the way to it."""
    for file in (path for path in run.rglob("*") if path.suffix in {".yaml", ".json", ".jsonl", ".tsv", ".md"}):
        assert str(run.parent / "mined_here") not in file.read_text("utf-8"), file
        assert file.name in {"README.md", "run.json", "data.json"} or "mined_here" not in file.read_text("utf-8"), file
    recipe = (run / "recipe.yaml").read_text("utf-8")
    (copy,) = (run / "seed-0" / "knowledge").iterdir()
    assert recipe.count(f"knowledge: {copy.name}") == 3
    assert (copy / "lexicon.tsv").is_file()


@pytest.mark.usefixtures("another_process")
def test_a_saved_run_is_measured_by_its_own_copy(run: Path, tmp_path: Path) -> None:
    recipe, learner = read_model(run / "seed-0")
    answerer = Answerer(learner, Collate({"text": learner.model.encoder("text")}))
    [(rows, terms)] = answerer.terms(samples(), batch_size=8)
    assert rows == 4
    assert set(terms) == set(OBJECTIVES)
    write_model(tmp_path / "again", recipe, learner)
    kept_knowledge._known.clear()
    _, again = read_model(tmp_path / "again")
    assert Answerer(again, answerer.collate).terms(samples(), batch_size=8) == [(rows, terms)]


@pytest.mark.usefixtures("another_process")
def test_prediction_needs_no_knowledge(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "seed-0", tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "knowledge")
    recipe, learner = read_model(tmp_path / "model")
    answerer = Answerer(learner, Collate({"text": learner.model.encoder("text")}))
    assert answerer.encode(samples()).shape == (4, 32)
    with pytest.raises(RecipeError, match=r"knowledge sha256-.* is not there"):
        answerer.terms(samples(), batch_size=8)
    write_model(tmp_path / "again", recipe, learner)
    assert not (tmp_path / "again" / "knowledge").exists()


def test_the_control_is_the_same_training_without_knowledge(overrides: list[str], reviews: Path, tmp_path: Path) -> None:
    from polysense.recipe import load_recipe

    known, control = load_recipe("skep/pretrain"), load_recipe("skep/random_mask")
    assert known.training == control.training
    assert known.encoders == control.encoders
    assert known.corpora == control.corpora
    summary = train("skep/random_mask", reviews, out=tmp_path / "run", seeds=[0], overrides=overrides)
    assert set(summary["per_seed"][0]["validation"]) == {
        "language_loss",
        "perplexity",
        "language_recall@1",
        "language_recall@1_frequent",
    }


@pytest.mark.filterwarnings("ignore:AspectPair. none of")
def test_a_run_does_not_go_on_with_other_knowledge(run: Path, overrides: list[str], reviews: Path, tmp_path: Path) -> None:
    from polysense.knowledge import Entry, Knowledge

    Knowledge({"good": Entry(1.0, 1)}).write(tmp_path / "other")
    named = [f"objectives.{name}.objective.knowledge={tmp_path / 'other'}" for name in OBJECTIVES]
    with pytest.raises(RecipeError, match=r"objectives\.word\.knowledge: sha256-"):
        train("skep/pretrain", reviews, out=run, seeds=[0], overrides=[*overrides, *named], resume=True)
