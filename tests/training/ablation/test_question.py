"""What is asked, and what cannot be answered: told before anything is trained."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_ablation import made_question
from polysense.errors import DataError, PolysenseError
from polysense.training.ablation.question import Ablation, arms_of, ask
from polysense.training.ablation.signals import read_signals


@pytest.fixture(scope="module")
def tiny(tiny_text: str) -> list[str]:
    return [
        f"encoders.text.pretrained={tiny_text}",
        "training.per_device_train_batch_size=8",
        "training.num_train_epochs=5",
        "training.bf16=false",
    ]


def write(path: Path, *, labelled: int = 40, unlabelled: int = 0, **columns: Any) -> Path:
    """Rows of text, ten each of validation and test."""
    rows = [{"text": f"words {n}", "label": "ab"[n % 2], "split": "train"} for n in range(labelled)]
    rows += [{"text": f"more {n}", "label": "", "split": "train"} for n in range(unlabelled)]
    rows += [{"text": f"{split} {n}", "label": "ab"[n % 2], "split": split} for split in ("dev", "test") for n in range(10)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [name for name in rows[0] if columns.get(name, "") is not None])
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: columns.get(name) or value for name, value in row.items() if columns.get(name, "") is not None}
            )
    return path


def question(data: Path, tiny: list[str], **settings: Any) -> Ablation:
    return ask(settings.pop("recipe", None), data, out=data.parent / "out", seeds=[0], overrides=tiny, **settings)


def test_a_table_of_text_alone_with_many_unlabelled_rows(tmp_path: Path, tiny: list[str]) -> None:
    found = question(write(tmp_path / "posts.csv", unlabelled=60), tiny, labels=["all", 12, 12])
    assert found.recipe == "social/posts_text"
    assert [arm.name for arm in found.arms] == ["base", "mlm", "simcse", "mlm+simcse"]
    assert found.labels == (12, 40)
    assert (found.all_labels, found.unlabelled, found.trainings) == (40, 60, 8)
    assert found.folder(40, "mlm+simcse") == tmp_path / "out/labels-all/mlm+simcse"
    assert found.bytes_each > 10_000
    assert found.steps == {12: 25, 40: 25}  # five epochs of five batches; on 12 labels as many steps, in more passes
    assert found.few == {
        12: ("training.max_steps=25", "training.eval_strategy=steps", "training.eval_steps=5"),
        40: (),
    }


def test_a_table_without_splits(tmp_path: Path, tiny: list[str]) -> None:
    found = question(write(tmp_path / "posts.csv", labelled=80, unlabelled=60, split=None), tiny)
    assert (found.all_labels, found.unlabelled) == (80, 60)  # of a hundred labelled rows eighty, of the others all
    assert found.questions["mlm"] == 10


def test_the_default_numbers_of_labels_are_those_that_there_are(tmp_path: Path, tiny: list[str]) -> None:
    assert question(write(tmp_path / "posts.csv", labelled=120), tiny).labels == (100, 120)
    assert question(write(tmp_path / "few.csv", labelled=30), tiny).labels == (30,)


def test_steps_that_the_user_chose_are_kept_to(tmp_path: Path, tiny: list[str]) -> None:
    found = question(write(tmp_path / "posts.csv"), [*tiny, "training.max_steps=3"], labels=[12, "all"])
    assert found.steps == {12: 3, 40: 3}
    assert found.few == {12: (), 40: ()}


@pytest.mark.parametrize(
    ("table", "settings", "said"),
    [
        ({"label": None}, {}, "there is no column 'label'"),
        ({}, {"recipe": "self_mm/clips"}, "--recipe self_mm/clips: predicts scores; ablate compares classifiers. Train a"),
        ({"label": "a"}, {}, "all training rows have the one class 'a': there is nothing to tell apart"),
        ({}, {"labels": [41]}, "--labels 41: posts.csv has 40 labelled training rows"),
        ({}, {"labels": [1]}, "--labels 1: there are 2 classes and each needs a labelled row"),
        ({}, {"signals": read_signals("itc")}, "--signals itc: needs the column 'image', which posts.csv does not have"),
        ({}, {"metric": "weighted_f2"}, "--metric: no metric 'weighted_f2'; did you mean 'weighted_f1'"),
        ({}, {"recipe": "text/small_mlm"}, "reads Sentences; ablate draws labels of a table"),
    ],
    ids=str,
)
def test_impossible_questions_are_refused(
    tmp_path: Path, tiny: list[str], table: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    data = write(tmp_path / "posts.csv", **table)
    with pytest.raises(PolysenseError) as error:
        question(data, tiny if "recipe" not in settings else [], **settings)
    assert said in str(error.value)
    assert not (tmp_path / "out").exists()


def scored(path: Path, *, column: str, values: Sequence[float]) -> Path:
    """Sixty rows of text, a score each."""
    splits = ["train"] * 40 + ["dev"] * 10 + ["test"] * 10
    lines = [f"words {n},{values[n % len(values)]},{split}" for n, split in enumerate(splits)]
    path.write_text("\n".join([f"text,{column},split", *lines]))
    return path


@pytest.mark.parametrize(
    ("column", "said"),
    [("score", "posts.csv: has scores and no 'label'; ablate"), ("label", "posts.csv: its 60 labels are numbers such as -")],
)
def test_scores_are_not_taken_for_classes(tmp_path: Path, tiny: list[str], column: str, said: str) -> None:
    data = scored(tmp_path / "posts.csv", column=column, values=[n / 10 - 3.05 for n in range(60)])
    with pytest.raises(DataError) as error:
        question(data, tiny)
    assert str(error.value).startswith(said)
    assert "polysense compare A B" in str(error.value)


@pytest.mark.parametrize("values", [[0.5, 1, 1.5, 2], list(range(60))], ids=["half stars", "whole numbers"])
def test_ratings_and_numbers_of_classes_are_classes(tmp_path: Path, tiny: list[str], values: list[float]) -> None:
    data = scored(tmp_path / "posts.csv", column="label", values=[*values[:40]])
    assert question(data, tiny, labels=["all"]).all_labels == 40


def test_a_recipe_that_has_the_signal_and_a_test_split_without_labels_are_refused(
    toy_posts: Path, tmp_path: Path, tiny: list[str], tiny_encoders: list[str]
) -> None:
    with pytest.raises(PolysenseError, match="has the signal itc already"):
        question(toy_posts / "posts.csv", tiny_encoders, recipe="social/posts_concat_itc", signals=read_signals("itc"))
    data = write(tmp_path / "posts.csv")
    data.write_text("\n".join(line for line in data.read_text().splitlines() if not line.endswith("test")))
    with pytest.raises(PolysenseError, match="no rows in the split 'test'"):
        question(data, tiny)
    data.write_text(data.read_text() + "\na text,,test\n")
    with pytest.raises(PolysenseError, match="no row of the split 'test' has a 'label'"):
        question(data, tiny)


def test_arms_differ_in_their_objectives_and_what_stands_beside() -> None:
    asked = replace(made_question([100, 500], ["itc", "mlm"]), overrides=("evaluation.patience=3",))
    base, itc, _, both = arms_of(asked.signals)
    assert asked.changes(100, base)[:4] == [
        "corpora.0.labels=100",
        "evaluation.patience=null",
        'mixture={"class_path": "Beside", "init_args": {"share": 0.0}}',
        "objectives.classification.weight=1.0",
    ]
    assert "objectives.classification.weight=0.9" in asked.changes(500, itc)
    assert "corpora.0.labels=all" in asked.changes(500, itc)
    assert {"objectives.classification.weight=0.8", *(one.override for one in asked.signals)} < set(asked.changes(100, both))
    assert asked.changes(100, both)[-1] == "evaluation.patience=3"  # the user's own go last
    measured = 'evaluation.evaluators=[{"class_path": "ClassificationReport", "init_args": {}}, '
    assert [change for change in asked.changes(100, both) if "evaluators" in change] == [f'{measured}"Retrieval", "Recovery"]']
    assert not [change for change in asked.changes(100, base) if "evaluators" in change]
    assert asked.cost(100, both) == 2 * asked.cost(100, itc) == 4 * asked.cost(100, base)


def test_texts_and_pictures_take_a_base_that_can_learn_matching(toy_posts: Path, tiny_encoders: list[str]) -> None:
    found = question(toy_posts / "posts.csv", [*tiny_encoders, "training.bf16=false"])
    assert found.recipe == "social/posts_interactions"
    rows = [
        row for row in csv.DictReader((toy_posts / "posts.csv").read_text("utf-8").splitlines()) if row["split"] == "validation"
    ]
    both = [row for row in rows if row["text"] and row["image"]]
    assert found.questions["itc"] == found.questions["itm"] == len({row["image"] for row in both})
    assert found.questions["mlm"] == len({row["text"] for row in rows if row["text"]})


def test_pictures_alone_allow_no_signal(toy_posts: Path, tmp_path: Path, tiny_vision: str) -> None:
    data = shutil.copytree(toy_posts, tmp_path / "posts") / "posts.csv"
    data.write_text(data.read_text("utf-8").replace(",text,", ",words,", 1), "utf-8")
    with pytest.raises(
        PolysenseError, match=r"no signal can be tried with 'image' alone; those of text need the column 'text'"
    ):
        question(data, [f"encoders.image.pretrained={tiny_vision}", "training.bf16=false"])
