"""An ablation from beginning to end, and after a kill."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_ablation import made_findings
from polysense.errors import DataError, RecipeError
from polysense.report.ablation import write_ablation_report
from polysense.training.ablation import running
from polysense.training.ablation.findings import _notes, read_findings
from polysense.training.ablation.question import Ablation, ask
from polysense.training.ablation.running import Clock, in_words, refuse_folder, refuse_small_disk, run
from polysense.training.ablation.signals import read_signals
from polysense.training.trainer import LearnerTrainer

COMPARISON = replace(made_findings({9: {"itc": (0.0, 0.1, 1.0)}}).levels[0].effects[0].comparison, note="")


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory, toy_posts: Path) -> Path:
    """The texts of the toy posts, every third training row without its label."""
    rows = list(csv.DictReader((toy_posts / "posts.csv").read_text("utf-8").splitlines()))
    path = tmp_path_factory.mktemp("texts") / "posts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for n, row in enumerate(rows):
            writer.writerow([row["text"], "" if row["split"] == "train" and n % 3 == 0 else row["label"], row["split"]])
    return path


def asked(posts: Path, out: Path, tiny_text: str, *further: str, seeds: tuple[int, ...] = (0, 1)) -> Ablation:
    overrides = [
        f"encoders.text.pretrained={tiny_text}",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=8",
        "training.learning_rate=1.0e-2",
        "training.bf16=false",
        *further,
    ]
    return ask(None, posts, out=out, seeds=seeds, labels=[9], signals=read_signals("mlm"), overrides=overrides)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, posts: Path, tiny_text: str) -> tuple[Ablation, dict[str, Any]]:
    """A finished ablation, and of the batches of each arm the rows with and without a label."""
    question = asked(posts, tmp_path_factory.mktemp("ablation") / "out", tiny_text)
    batches: dict[str, list[tuple[list[int], list[int]]]] = {"base": [], "mlm": []}
    plain = LearnerTrainer.compute_loss

    def watched(self: LearnerTrainer, model: Any, inputs: dict[str, Any], *rest: Any, **settings: Any) -> Any:
        known = (inputs["label"] != -100).tolist()
        rows = inputs["index"].tolist()
        arm = "mlm" if "language" in self._learner.active else "base"
        parts = [[row for row, there in zip(rows, known, strict=True) if there is wanted] for wanted in (True, False)]
        batches[arm].append((parts[0], parts[1]))
        return plain(self, model, inputs, *rest, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LearnerTrainer, "compute_loss", watched)
        run(question)
    return question, batches


def test_arms_take_the_same_steps_on_the_same_labels_and_unlabelled_rows_stand_beside(
    answered: tuple[Ablation, dict[str, Any]],
) -> None:
    base, mlm = answered[1]["base"], answered[1]["mlm"]
    assert len(base) == len(mlm) > 0
    assert [rows for rows, _ in base] == [rows for rows, _ in mlm]
    assert not any(others for _, others in base)
    assert {len(others) for _, others in mlm} == {8, 9}  # a last batch of one row is joined to the one before it
    first, second = base[: len(base) // 2], base[len(base) // 2 :]
    drawn = [{row for rows, _ in seed for row in rows} for seed in (first, second)]
    assert [len(rows) for rows in drawn] == [9, 9]
    assert drawn[0] != drawn[1]  # every seed draws its own


def test_no_arm_stops_before_the_others(posts: Path, tiny_text: str, tmp_path: Path) -> None:
    """Nothing is learned at this rate, so the recipe's patience of two would end every arm at the third evaluation of four."""
    still = ["training.num_train_epochs=4", "training.learning_rate=1.0e-12", "training.learning_rates={}"]
    question = asked(posts, tmp_path / "out", tiny_text, *still, seeds=(0,))
    run(question)
    records = [question.folder(9, arm.name) / "seed-0/run.json" for arm in question.arms]
    assert [json.loads(record.read_text())["last_step"] for record in records] == [question.steps[9]] * 2


def test_the_runs_are_ordinary_ones_and_compared(answered: tuple[Ablation, dict[str, Any]]) -> None:
    question, _ = answered
    findings = read_findings(question)
    assert (findings.metric, findings.seeds, findings.looked_at) == ("weighted_f1", (0, 1), 1)
    [level] = findings.levels
    assert (level.labels, level.named) == (9, "9")
    for arm, scores in (("base", level.base), ("mlm", level.effects[0].scores)):
        record = json.loads((question.folder(9, arm) / "run.json").read_text())
        assert record["data"]["drawn_labels"] == 9
        assert scores == tuple(result["test"]["weighted_f1"] for result in record["per_seed"])
        assert (question.folder(9, arm) / "seed-1/predictions/test.jsonl").is_file()
    assert level.effects[0].comparison.difference == pytest.approx(sum(level.effects[0].scores) / 2 - sum(level.base) / 2)
    assert level.words is not None
    [learned] = level.effects[0].learned
    validation = [one["validation"] for one in json.loads((question.folder(9, "mlm") / "run.json").read_text())["per_seed"]]
    assert learned.scores == tuple(one["language_recall@1"] for one in validation)
    assert learned.chance == pytest.approx(sum(one["language_recall@1_frequent"] for one in validation) / 2)
    assert learned.questions == question.questions["mlm"] > 0
    assert (
        "language_recall@1"
        not in json.loads((question.folder(9, "base") / "run.json").read_text())["per_seed"][0]["validation"]
    )
    assert json.loads(json.dumps(findings.as_dict()))["levels"][0]["effects"]["mlm"]["p_adjusted"] > 0
    assert read_findings(replace(question, metric="accuracy")).metric == "accuracy"


def test_several_labels_a_row_in_a_table_without_splits(tiny_text: str, tmp_path: Path) -> None:
    """Forty labelled rows and twenty others; every fifth labelled one has none of the classes."""
    kinds = [["joy"], ["joy", "surprise"], ["anger"], ["surprise", "anger"], []]
    rows = [{"text": f"words and more words {n}", "label": kinds[n % 5] if n < 40 else None} for n in range(60)]
    table = tmp_path / "moods.jsonl"
    table.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    several = ["objectives.classification.objective.multi_label=true", "training.max_steps=2"]
    question = asked(table, tmp_path / "out", tiny_text, *several, seeds=(0,))
    assert (question.labels, question.all_labels, question.unlabelled) == ((9,), 32, 20)
    run(question)
    findings = read_findings(question)
    assert findings.rows == 4
    record = json.loads((question.folder(9, "mlm") / "run.json").read_text())
    assert (record["data"]["split_made"], record["data"]["drawn_labels"]) == (True, 9)
    assert record["labels"] == ["anger", "joy", "surprise"]
    assert read_findings(replace(question, metric="subset_accuracy")).metric == "subset_accuracy"
    assert write_ablation_report(question, findings, tmp_path / "report.html").is_file()


def test_notes_that_hold_for_some_comparisons_say_for_which() -> None:
    notes = {(9, "itc"): "one seed; base is constant", (9, "mlm"): "one seed", (40, "itc"): "one seed"}
    found = {key: replace(COMPARISON, note=note) for key, note in notes.items()}
    assert _notes(found) == "one seed; base is constant (itc with 9 labels)"
    assert _notes({(9, "itc"): COMPARISON}) == ""


def journals(question: Ablation) -> dict[str, list[dict[str, Any]]]:
    files = sorted(question.out.glob("labels-9/*/seed-*/journal.jsonl"))
    return {str(file.relative_to(question.out)): [json.loads(line) for line in file.read_text().splitlines()] for file in files}


def test_it_goes_on_after_a_kill_as_if_unbroken(
    answered: tuple[Ablation, dict[str, Any]], posts: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answered[0]
    question = asked(posts, tmp_path / "out", tiny_text)
    plain, steps = LearnerTrainer.record_step, 0
    each = len(answered[1]["base"]) // 2

    def dying(self: LearnerTrainer) -> None:
        nonlocal steps
        steps += 1
        if steps == 3 * each - 1:  # in the arm with the signal, behind a checkpoint of its first seed
            raise KeyboardInterrupt
        plain(self)

    with monkeypatch.context() as patch:
        patch.setattr(LearnerTrainer, "record_step", dying)
        with pytest.raises(KeyboardInterrupt):
            run(question)
    with pytest.raises(RecipeError, match="is not empty: go on with --resume"):
        run(question)
    kept = (question.folder(9, "base") / "seed-0/model.safetensors").stat().st_mtime_ns
    run(question, resume=True)
    assert (question.folder(9, "base") / "seed-0/model.safetensors").stat().st_mtime_ns == kept
    assert journals(question) == journals(whole)
    assert read_findings(question).as_dict() == read_findings(whole).as_dict()


def test_the_clock_tells_what_is_left(answered: tuple[Ablation, dict[str, Any]]) -> None:
    clock = Clock(answered[0])  # of two trainings of the base, and two of four times its cost
    assert clock.done(9, "base", {"seed": 0, "seconds": 10.0}) == (
        "training 1 of 4 (9 labels, base, seed 0) took 10 s; about 90 seconds to go".replace("90 seconds", in_words(90))
    )
    clock.done(9, "base", {"seed": 1, "seconds": 10.0})
    assert clock.done(9, "mlm", {"seed": 0, "seconds": 40.0}).endswith("took 40 s; about 40 seconds to go")
    assert clock.done(9, "mlm", {"seed": 1, "seconds": 40.0}).endswith("training 4 of 4 (9 labels, mlm, seed 1) took 40 s")
    assert [in_words(seconds) for seconds in (40, 720, 12600)] == ["40 seconds", "12 minutes", "3.5 hours"]


def test_what_lies_in_the_folder_is_not_touched(answered: tuple[Ablation, dict[str, Any]], tmp_path: Path) -> None:
    question = answered[0]
    with pytest.raises(RecipeError, match="is a run: choose another --out"):
        refuse_folder(question.folder(9, "base"), resume=True, overwrite=False)
    refuse_folder(tmp_path / "new", resume=False, overwrite=False)


def test_what_does_not_fit_on_the_disk_is_refused_and_what_is_finished_needs_no_room(
    answered: tuple[Ablation, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = answered[0]
    monkeypatch.setattr(running.shutil, "disk_usage", lambda _: type("", (), {"free": 1000})())
    with pytest.raises(DataError, match=r"4 trainings leave about .* GB of weights, and 0\.0 GB are free"):
        refuse_small_disk(question, resume=False)
    refuse_small_disk(question, resume=True)
    with pytest.raises(DataError, match=r"2 trainings leave about .* GB of weights"):
        refuse_small_disk(replace(question, seeds=(0, 1, 2)), resume=True)
