from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from polysense.data.table import from_rows, read_table
from polysense.errors import DataError, RecipeError
from polysense.evaluation.reference import references
from polysense.recipe import load_recipe, read_saved
from polysense.report import write_report
from polysense.training.comparison import compare, compare_each
from polysense.training.run import joined, read_data, train, usable_rows
from polysense.training.splits import Splits

RECIPE = "social/posts_concat"


def test_the_folder_of_a_run_holds_what_it_promises(trained_runs: dict[str, Path], toy_posts: Path) -> None:
    run = trained_runs["both"]
    assert sorted(path.name for path in run.iterdir()) == [
        "README.md",
        "data.json",
        "recipe.yaml",
        "run.json",
        "seed-0",
        "seed-1",
    ]
    assert sorted(path.name for path in (run / "seed-1").iterdir()) == [
        "encoders",
        "evaluations.jsonl",
        "journal.jsonl",
        "model.safetensors",
        "predictions",
        "recipe.yaml",
        "run.json",
        "self_check.json",
    ]
    record = json.loads((run / "run.json").read_text())
    assert record["polysense"] == version("polysense")
    assert record["name"] == "social/posts_concat_both"
    assert record["synthetic"] is True
    assert record["seeds"] == [0, 1]
    assert record["labels"] == ["negative", "neutral", "positive"]
    assert record["skipped_rows"] == []
    assert record["recipe"] == read_saved(run).written()
    table = read_table(toy_posts)
    assert record["data"] | {"command": record["command"]} == json.loads((run / "data.json").read_text())
    assert record["data"]["digests"] == dict(table.digests)
    assert record["data"]["content"] == Splits.of(table).digest
    assert record["data"]["splits"] == table.splits
    assert set(record["data"]["made_with"]) == {"polysense", "torch", "transformers", "cache", "processes"}
    scores = {result["seed"]: result["validation"]["weighted_f1"] for result in record["per_seed"]}
    assert scores[record["best_seed"]] == max(scores.values())
    for result in record["per_seed"]:
        assert result == json.loads((run / f"seed-{result['seed']}" / "run.json").read_text())


def test_what_the_words_alone_reach_stands_beside_the_scores(trained_runs: dict[str, Path], toy_posts: Path) -> None:
    table = read_table(toy_posts)
    expected = references(table.split("train"), table.split("test"))
    assert expected["tfidf_text"]["rows"] == 11
    for run in trained_runs.values():
        assert json.loads((run / "run.json").read_text())["references"] == expected


def test_the_resolved_recipe_is_a_recipe(trained_runs: dict[str, Path]) -> None:
    saved = trained_runs["both"] / "recipe.yaml"
    assert saved.read_text() == load_recipe(str(saved)).to_yaml().replace("# recipe\n", "# social/posts_concat_both\n")
    assert saved.read_bytes() == (saved.parent / "seed-1" / "recipe.yaml").read_bytes()


def test_the_card_says_what_it_is(trained_runs: dict[str, Path]) -> None:
    card = (trained_runs["both"] / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: polysense\n")
    assert "**Trained on synthetic posts" in card
    assert "(train: 42 labelled rows; validation: 11 labelled rows; test: 11 labelled rows)" in card
    assert "| metric on test | mean ± std over seeds 0, 1 | always “" in card
    assert "| weighted_f1 | 0." in card
    assert "model.predict(" in card


def test_seeds_differ_and_repeat(
    trained_runs: dict[str, Path], tiny_encoders: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    first, second = ((trained_runs["base"] / f"seed-{number}" / "journal.jsonl").read_text() for number in (0, 1))
    assert first != second
    train(RECIPE, toy_posts, out=tmp_path / "again", seeds=[1], overrides=tiny_encoders)
    assert (tmp_path / "again" / "seed-1" / "journal.jsonl").read_text() == second


def test_two_trained_runs_are_compared(trained_runs: dict[str, Path]) -> None:
    base, both = trained_runs["base"], trained_runs["both"]
    found = compare_each(base, both, resamples=200)
    assert set(found) == {"weighted_f1", "macro_f1", "accuracy"}
    for name, one in found.items():
        means = [
            sum(result["test"][name] for result in json.loads((run / "run.json").read_text())["per_seed"]) / 2
            for run in (base, both)
        ]
        assert (one.base, one.other) == pytest.approx(tuple(means))
        assert (one.seeds, one.rows) == ((0, 1), 11)
    assert compare(base, both, resamples=200).metric == "weighted_f1"
    assert set(compare(base, both, resamples=200, by="conflict").groups) <= {"true", "false"}


def test_a_trained_run_is_reported(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    page = write_report(trained_runs["both"], against=[trained_runs["base"]], out=tmp_path / "report.html").read_text("utf-8")
    for words in ("weighted F1", "text alone", "matching", "synthetic"):
        assert words.lower() in page.lower(), words


@pytest.mark.parametrize(("recipe", "modality"), [("social/posts_text", "text"), ("social/posts_image", "image")])
def test_a_recipe_of_one_modality_has_no_ablation(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, recipe: str, modality: str
) -> None:
    other = {"text": "encoders.image", "image": "encoders.text"}[modality]
    overrides = [override for override in tiny_encoders if not override.startswith(other)]
    summary = train(recipe, toy_posts, out=tmp_path / "run", overrides=overrides)
    assert summary["seeds"] == [0]
    names = [path.name for path in (tmp_path / "run" / "seed-0" / "predictions").iterdir()]
    assert sorted(names) == ["test.jsonl", "validation.jsonl"]
    assert write_report(tmp_path / "run").is_file()


def posts(toy_posts: Path, splits: tuple[str, ...] = ("train", "validation", "test")) -> list[dict[str, Any]]:
    return [
        {"id": sample.id, "text": sample.text, "image": str(sample.image), "label": sample.label, "split": sample.split}
        for sample in read_table(toy_posts).samples
        if sample.split in splits
    ]


def test_rows_in_python_train_like_their_table(
    trained_runs: dict[str, Path], tiny_encoders: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    summary = train(RECIPE, posts(toy_posts), out=tmp_path / "run", seeds=[0], overrides=tiny_encoders)
    assert summary["data"]["name"] == "rows"
    assert summary["data"]["content"] == json.loads((trained_runs["base"] / "data.json").read_text())["content"]
    journals = [folder / "seed-0" / "journal.jsonl" for folder in (tmp_path / "run", trained_runs["base"])]
    assert journals[0].read_text() == journals[1].read_text()


def test_the_arguments_of_the_corpus_hold_for_rows_in_python(toy_posts: Path) -> None:
    rows = [{"tweet": row["text"], "label": f"{row['label']}|any"} for row in posts(toy_posts)]
    chosen = ["corpora.0.columns={text: tweet}", "corpora.0.label_separator='|'", "corpora.0.labels=10"]
    table = read_data(load_recipe("social/posts_text", chosen), rows)
    assert "any" in table.labels()
    assert [type(draw).__name__ for draw in table.draws.values()] == ["FewLabels"]
    with pytest.raises(DataError, match=r"999 labels are asked for.*; for instance: --set corpora\.0\.labels=\d+$"):
        read_data(load_recipe("social/posts_text", [*chosen, "corpora.0.labels=999"]), rows)


def test_hidden_labels_do_not_enter_the_class_weights(toy_posts: Path, tiny_encoders: list[str], tmp_path: Path) -> None:
    asked = ["objectives.classification.objective.class_weights=balanced", "corpora.0.labels=8", "training.max_steps=1"]
    overrides = [*tiny_encoders, *asked]
    train(RECIPE, toy_posts / "posts.csv", out=tmp_path / "run", seeds=[0], overrides=overrides)
    table = read_data(load_recipe(RECIPE, overrides), toy_posts / "posts.csv")
    shown = Counter(sample.label for sample in Splits.of(table).drawn(0).samples if sample.label is not None)
    assert shown.total() == 8
    objectives = yaml.safe_load((tmp_path / "run/seed-0/recipe.yaml").read_text())["objectives"]
    labels, used = (objectives["classification"]["objective"]["init_args"][name] for name in ("labels", "class_weights"))
    assert used == pytest.approx([8 / (len(labels) * shown[label]) for label in labels], abs=1e-6)
    every = Counter(sample.label for sample in table.split("train"))
    assert used != pytest.approx([every.total() / (len(labels) * every[label]) for label in labels], abs=1e-6)


def test_a_hugging_face_data_set_is_data(toy_posts: Path) -> None:
    datasets = pytest.importorskip("datasets")
    table = read_data(load_recipe(RECIPE), datasets.Dataset.from_list(posts(toy_posts)))
    assert table.splits == read_table(toy_posts).splits


def test_rows_in_python_stay_in_the_media_root_that_is_named(toy_posts: Path, tmp_path: Path) -> None:
    recipe, rows = load_recipe(RECIPE), posts(toy_posts)
    assert len(read_data(recipe, rows).samples) == 64
    assert len(read_data(recipe, rows, media_root=toy_posts).samples) == 64
    assert not read_data(recipe, rows, media_root=tmp_path).samples


def test_without_test_rows_validation_is_told(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    rows = posts(toy_posts, ("train", "validation"))
    summary = train(RECIPE, rows, out=tmp_path / "run", overrides=[*tiny_encoders, "training.num_train_epochs=1"])
    assert summary["per_seed"][0]["test"] == {}
    assert "| metric on validation | seed 0 |" in (tmp_path / "run" / "README.md").read_text()
    assert write_report(tmp_path / "run").is_file()


WRONG = {
    "an encoder that is not there": (
        ["encoders.text.pretrained=/nowhere/at/all"],
        "text encoder '/nowhere/at/all' cannot be loaded",
    ),
    "a part that is not there": (["training.learning_rates={fusoin: 0.1}"], "no part 'fusoin'; did you mean 'fusion'"),
    "a schedule that is not there": (["training.lr_scheduler_type=sideways"], "sideways"),
    "a metric that no evaluator gives": (
        ["evaluation.best=weighted_f2"],
        r"evaluation\.best: no evaluator gives 'weighted_f2'; did you mean 'weighted_f1'",
    ),
    "a schedule without what it needs": (
        ["training.lr_scheduler_type=cosine", "training.lr_scheduler_kwargs={cycles: 2}"],
        r"cannot be run with this data: TypeError: .*cycles",
    ),
    "no evaluation": (["training.eval_strategy='no'"], "write 'steps' or 'epoch'"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_recipe_leaves_no_folder(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, wrong: str) -> None:
    overrides, said = WRONG[wrong]
    with pytest.raises(RecipeError, match=said):
        train(RECIPE, toy_posts, out=tmp_path / "run", overrides=[*tiny_encoders, *overrides])
    assert not (tmp_path / "run").exists()


def test_one_of_several_processes_without_the_others_trains_nothing(
    toy_posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(RecipeError, match=r"WORLD_SIZE is 2.* has no RANK.*: start them with torchrun"):
        train(RECIPE, toy_posts, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_that_ends_before_it_is_judged_says_so(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    overrides = [*tiny_encoders, "training.eval_delay=9", "training.max_steps=1"]
    with pytest.raises(RecipeError, match=r"training\.eval_delay: 9 epochs are more than the 1 of the training"):
        train(RECIPE, toy_posts, out=tmp_path / "run", overrides=overrides)


def test_what_contradicts_itself_is_refused(toy_posts: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="overrides are for a recipe that is given by its name or file"):
        train(load_recipe(RECIPE), toy_posts, out=tmp_path / "run", overrides=["fusion.width=8"])
    with pytest.raises(RecipeError, match="resume goes on with the run that is there, overwrite throws it away"):
        train(RECIPE, toy_posts, out=tmp_path / "run", resume=True, overwrite=True)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ("num_train_epochs=1.5", "2 epochs are more than the 1.5 of the training"),
        ("max_steps=8", "training ended before the first evaluation"),
    ],
)
def test_training_that_ends_within_the_epoch_that_its_judging_waits_for_says_so(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path, length: str, said: str
) -> None:
    """Six steps are an epoch."""
    with pytest.raises(RecipeError, match=rf"training\.eval_delay: {said}"):
        train(
            RECIPE, toy_posts, out=tmp_path / "run", overrides=[*tiny_encoders, "training.eval_delay=2", f"training.{length}"]
        )


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_refused(toy_posts: Path, tmp_path: Path, seed: int) -> None:
    with pytest.raises(RecipeError, match=rf"seeds: whole numbers from 0 to 2\*\*32 - 1, found {seed}"):
        train(RECIPE, toy_posts, out=tmp_path / "run", seeds=[0, seed])


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_every_seed_once(toy_posts: Path, tmp_path: Path, seeds: list[int]) -> None:
    with pytest.raises(RecipeError, match="every seed once"):
        train(RECIPE, toy_posts, out=tmp_path / "run", seeds=seeds)


def test_validation_rows_need_labels_too(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    rows = [row | {"label": None if row["split"] == "validation" else row["label"]} for row in posts(toy_posts)]
    with pytest.raises(DataError, match="no row of the split 'validation' has a 'label'"):
        train(RECIPE, rows, out=tmp_path / "run", overrides=tiny_encoders)
    assert not (tmp_path / "run").exists()


def test_a_class_that_no_training_row_has_is_a_bad_row(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    rows = posts(toy_posts)
    odd = next(place for place, row in enumerate(rows) if row["split"] == "test")
    rows[odd]["label"] = "negativ"
    rows[next(place for place, row in enumerate(rows) if row["split"] == "test" and place != odd)]["label"] = None
    with pytest.raises(DataError, match=rf"rows, row {odd + 1} .*'negativ' is not among the classes; did you mean 'negative'"):
        train(RECIPE, rows, out=tmp_path / "run", overrides=tiny_encoders)
    overrides = [*tiny_encoders, "training.max_steps=1"]
    summary = train(RECIPE, rows, out=tmp_path / "run", overrides=overrides, skip_bad_rows=True)
    assert [problem["row"] for problem in summary["skipped_rows"]] == [odd + 1]
    assert (summary["data"]["splits"]["test"], summary["data"]["measured"]["test"]) == (10, 9)


def test_tables_are_joined_with_their_names() -> None:
    one = from_rows([{"id": "a", "text": "sun", "label": "x", "split": "train"}], name="one")
    two = from_rows([{"id": "a", "text": "rain", "label": "y", "split": "dev"}], name="two")
    both = joined([one, two])
    assert [sample.id for sample in both.samples] == ["one/a", "two/a"]
    assert both.name == "one + two"


def test_tables_of_one_name_keep_their_rows_files_and_counts_apart() -> None:
    rows = [[{"id": "a", "text": text, "split": "train"}] for text in ("sun", "rain", "snow")]
    told = [{"digests": {"posts.csv": str(n), "rewrites": "x"}, "left_out": {"blank lines": n}} for n in range(3)]
    names = ("posts.csv", "other.csv", "posts.csv")
    tables = [replace(from_rows(one, name=name), **more) for one, name, more in zip(rows, names, told, strict=True)]
    both = joined(tables)
    assert [sample.id for sample in both.samples] == ["0: posts.csv/a", "other.csv/a", "2: posts.csv/a"]
    files = {"0: posts.csv/posts.csv": "0", "other.csv/posts.csv": "1", "2: posts.csv/posts.csv": "2"}
    assert both.digests == {**files, "rewrites": "x"}
    assert both.left_out == {"0: posts.csv: blank lines": 0, "other.csv: blank lines": 1, "2: posts.csv: blank lines": 2}


def test_a_recipe_without_corpora_reads_no_files(toy_posts: Path) -> None:
    with pytest.raises(RecipeError, match="'corpora' is missing"):
        read_data(load_recipe(RECIPE, ["corpora=[]"]), toy_posts)


def test_an_argument_that_the_data_do_not_fit_is_named_as_it_is_set(tmp_path: Path) -> None:
    (tmp_path / "sentences.txt").write_text("\n".join(f"sentence {number}" for number in range(50)), "utf-8")
    with pytest.raises(DataError, match=r"validation: 200 of 50 .*; for instance: --set corpora\.0\.validation=5$"):
        read_data(load_recipe("mcse/simcse"), tmp_path / "sentences.txt")
    with pytest.raises(
        DataError, match=r"sts_senteval.*to train without it: --set corpora\.0\.exclude=null --set corpora\.1\.exclude=null$"
    ):
        read_data(load_recipe("mcse/captions_as_text"), tmp_path)


def test_a_recipe_that_reads_texts_takes_rows_whose_pictures_are_missing_or_damaged(tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    pictures = {3: "gone.png", 8: "damaged.png"}
    lines = [f"text {n},{pictures.get(n, '')},{'ab'[n % 2]},{'validation' if n % 10 > 7 else 'train'}" for n in range(20)]
    (tmp_path / "posts.csv").write_text("\n".join(["text,image,label,split", *lines, ""]), "utf-8")
    texts = load_recipe("social/posts_text")
    table = usable_rows(texts, read_data(texts, tmp_path), skip_bad_rows=False)
    assert len(table) == 20
    assert not table.problems
    both = load_recipe("social/posts_concat")
    with pytest.raises(DataError, match="2 bad rows"):
        usable_rows(both, read_data(both, tmp_path), skip_bad_rows=False)


def test_rows_that_are_left_out_take_no_part_in_splits_and_draws(tmp_path: Path, toy_posts: Path) -> None:
    shutil.copytree(toy_posts / "images", tmp_path / "images")
    pictures = sorted((tmp_path / "images").iterdir())[:20]
    names = [f"images/{one.name}" for one in pictures]
    table = "".join(f"text {n},{names[n % 20]},{'ab'[n // 20]}\n" for n in range(40))
    (tmp_path / "posts.csv").write_text(f"text,image,label\n{table}", "utf-8")
    for picture in pictures[::2]:
        picture.unlink()
    both = load_recipe("social/posts_concat")
    usable = usable_rows(both, read_data(both, tmp_path), skip_bad_rows=True)
    assert usable.splits == {"train": 16, "validation": 2, "test": 2}
    drawn = load_recipe("social/posts_concat", ["corpora.0.labels=17"])
    with pytest.raises(DataError, match="17 labels are asked for, the training rows have 16"):
        read_data(drawn, tmp_path)


def test_an_error_of_the_caller_is_the_callers(toy_posts: Path, tiny_encoders: list[str], tmp_path: Path) -> None:
    def stop(_: object) -> None:
        raise LookupError("enough")

    overrides = [*tiny_encoders, "training.max_steps=1"]
    with pytest.raises(LookupError, match="enough"):
        train(RECIPE, toy_posts, out=tmp_path / "run", overrides=overrides, after_seed=stop)


def test_a_table_that_is_read_has_its_media_root(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="media_root: the table is read already"):
        read_data(load_recipe("social/posts_text"), from_rows([{"text": "so good"}]), media_root=tmp_path)


def test_what_is_odd_about_the_labels_is_told_once() -> None:
    label = ["positive"] * 20 + ["negative"] * 20 + ["Positive", ""]
    rows = [{"text": f"text {number}", "label": name} for number, name in enumerate(label)]
    recipe = load_recipe("social/posts_text")
    table = from_rows([{**row, "split": "validation" if number % 5 == 1 else "train"} for number, row in enumerate(rows)])
    once = usable_rows(recipe, table, skip_bad_rows=False)
    assert [one.reason for one in once.problems] == [
        "'Positive' is the class of 1 row (row 41): is 'positive' meant (20 rows)?"
    ]
    assert usable_rows(recipe, once, skip_bad_rows=False).problems == once.problems
