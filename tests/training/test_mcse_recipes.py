"""Every recipe of sentence embeddings trains to its end, on a few rows and with tiny encoders, from the files that it names."""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import signal
from pathlib import Path

import pytest
from PIL import Image

import killed
from made_benchmarks import WORDS, write_sick, write_sts_benchmark, write_sts_tasks
from polysense.data.corpora.sentences import Sentences
from polysense.encoders.vision_image import VisionImage
from polysense.evaluation.geometry import Geometry
from polysense.evaluation.retrieval import Retrieval
from polysense.inference.predictor import load
from polysense.recipe import list_recipes, load_recipe
from polysense.recipe.files import read_recipe
from polysense.report import write_report
from polysense.training.run import train

PAGE = Path(__file__).parents[2] / "docs/papers/mcse.md"
RECIPES = [name for name in list_recipes() if name.startswith("mcse/")]
PICTURES, CAPTIONS = 8, 5
OWN_SENTENCES = {
    "mcse/simcse": "sentences.txt",
    "mcse/simcse_geometry": "sentences.txt",
    "mcse/supervised": "nli_for_simcse.csv",
}
"""Recipes that read one file of the user's own and hold rows of it out."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with all that the recipes name; one training caption and one sentence are STS-B's."""
    root = tmp_path_factory.mktemp("data")
    write_sts_tasks(root)
    write_sts_benchmark(root)
    write_sick(root)
    sentences = [
        f"{one} and {other} go by, number {n}" for n, (one, other) in enumerate(zip(WORDS * 4, WORDS[1:] * 5, strict=False))
    ]
    (root / "sentences.txt").write_text("\n".join([*sentences, "a red dog"]) + "\n", encoding="utf-8")
    (root / "wiki1m_for_simcse.txt").write_text("\n".join(sentences) + "\n", encoding="utf-8")
    pairs = [[f"a {word} sheep {n}", f"an animal, {word}", f"no {word} sheep"] for n, word in enumerate(WORDS * 3)]
    table(root / "nli_for_simcse.csv", ["sent0", "sent1", "hard_neg"], pairs)
    for name, header in (("flickr8k", ["image", "split", "caption_id", "caption"]), ("flickr30k", ["image", "text"])):
        folder = root / name / ("images" if name == "flickr8k" else "")
        folder.mkdir(parents=True)
        rows = []
        for n in range(PICTURES + 2):
            Image.new("RGB", (32, 32), (25 * n, 90, 255 - 25 * n)).save(folder / f"{n}.png")
            split = ["train" if n < PICTURES else ("dev", "test")[n - PICTURES]] if name == "flickr8k" else []
            for k in range(CAPTIONS):
                caption = "A red dog." if (n, k) == (0, 0) else f"a photo {k} of the {WORDS[n % 6]} thing {n}"
                rows.append([f"{n}.png", *split, *([k] if split else []), caption])
        table(root / name / "captions.csv", header, rows)
    write_coco(root / "coco")
    return root


def write_coco(folder: Path) -> None:
    (folder / "train2014").mkdir(parents=True)
    (folder / "annotations").mkdir()
    names = [f"{n}.png" for n in range(PICTURES)]
    for n, name in enumerate(names):
        Image.new("RGB", (32, 32), (25 * n, 90, 0)).save(folder / "train2014" / name)
    images = [{"id": n, "file_name": name} for n, name in enumerate(names)]
    notes = [{"id": n, "image_id": n % PICTURES, "caption": f"a photo of thing {n}"} for n in range(2 * PICTURES)]
    (folder / "annotations/captions_train2014.json").write_text(json.dumps({"images": images, "annotations": notes}))


def table(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def small(name: str, tiny_text: str, tiny_vision: str) -> list[str]:
    found = [
        f"encoders.text.pretrained={tiny_text}",
        "training.num_train_epochs=1",
        "training.per_device_train_batch_size=4",
        "training.learning_rate=1e-3",
        "training.bf16=false",
    ]
    found += [f"encoders.image.pretrained={tiny_vision}"] if "image" in read_recipe(name)["encoders"] else []
    return found + (["corpora.0.validation=4"] if name in OWN_SENTENCES else [])


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_to_its_end(name: str, data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path) -> None:
    source = data / OWN_SENTENCES[name] if name in OWN_SENTENCES else data
    summary = train(name, source, out=tmp_path / "run", overrides=small(name, tiny_text, tiny_vision))
    journal = [json.loads(line) for line in (tmp_path / "run/seed-0/journal.jsonl").read_text().splitlines()]
    assert {term for line in journal for term in line["terms"]} == set(summary["recipe"]["objectives"])
    assert all(math.isfinite(line["loss"]) for line in journal)
    assert journal[-1]["epoch"] == 1
    [result] = summary["per_seed"]
    assert result["last_step"] == journal[-1]["step"]
    assert summary["best_metric"] in {*result["validation"], "last"}
    assert "last" not in {*result["validation"], *result["last"]}
    assert set(result["start"]["validation"]) == {one for one in result["validation"] if not one.endswith("_loss")}
    left_out = sum(summary["data"]["left_out"].values())
    assert left_out == (0 if "parity" in name or name in OWN_SENTENCES else left_out_of(name))
    assert load(tmp_path / "run").encode(["a red dog", "a blue cat"]).shape == (2, 32)


def test_what_is_measured_reads_the_pictures_that_training_has_kept(
    data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("mcse/mcse", data, out=tmp_path / "run", overrides=small("mcse/mcse", tiny_text, tiny_vision))
    table = Retrieval().read(data)
    assert table is not None
    with monkeypatch.context() as patch:
        patch.setenv("POLYSENSE_CACHE", str(tmp_path / "empty"))
        wanted = load(tmp_path / "run").measure(table.samples, evaluators=[Retrieval()])
        assert not (tmp_path / "empty").exists()
    loaded = load(tmp_path / "run")
    monkeypatch.setattr(VisionImage, "encode", None)
    assert loaded.measure(table.samples, evaluators=[Retrieval()]) == pytest.approx(wanted)


def test_what_the_start_scores_stands_beside_the_result(data: Path, tiny_text: str, tmp_path: Path) -> None:
    options = small("mcse/simcse", tiny_text, "")
    still = train(
        "mcse/simcse", data / "sentences.txt", out=tmp_path / "still", overrides=[*options, "training.learning_rate=0"]
    )
    [result] = still["per_seed"]
    assert result["start"]["validation"] == result["validation"] == result["last"]
    moved = train("mcse/simcse", data / "sentences.txt", out=tmp_path / "moved", overrides=options)
    [after] = moved["per_seed"]
    assert after["start"] == result["start"] != {"validation": after["validation"], "test": {}}
    card = (tmp_path / "moved" / "README.md").read_text("utf-8")
    start, end = after["start"]["validation"]["uniformity"], after["validation"]["uniformity"]
    assert (
        f"| metric on validation | seed 0 | before training |\n| --- | --- | --- |\n| uniformity | {end:.4f} | {start:.4f} |"
        in card
    )
    assert "The last checkpoint of each seed was kept" in card
    assert "polysense train mcse/simcse --data DATA/sentences.txt --seeds 0 --set encoders.text.pretrained=" in card
    assert 'model.encode(["what a lovely day"])' in card
    assert "predict" not in card
    page = write_report(tmp_path / "moved").read_text("utf-8")
    assert "before training" in page
    assert "<dt>Checkpoint</dt><dd>the last one; nothing chose it</dd>" in page
    assert "--set corpora.0.validation=4 --out runs/moved" in page


def test_the_last_model_is_kept_beside_a_chosen_one(data: Path, tiny_text: str, tmp_path: Path) -> None:
    """The contrast spreads sentences, so the least spread are those of the first evaluation."""
    chooses = ["evaluation.best=uniformity", "evaluation.greater_is_better=true"]
    steps = ["training.eval_strategy=steps", "training.eval_steps=2"]
    options = [*small("mcse/simcse", tiny_text, ""), *chooses, *steps, "training.num_train_epochs=4"]
    summary = train("mcse/simcse", data / "sentences.txt", out=tmp_path / "run", overrides=options)
    [result] = summary["per_seed"]
    assert result["best_step"] < result["last_step"]
    kept = tmp_path / "run" / "seed-0"
    rows = Sentences(validation=4).read(data / "sentences.txt").split("validation")
    for folder, scores in ((kept, result["validation"]), (kept / "last", result["last"])):
        assert load(folder).measure(rows, evaluators=[Geometry()]) == pytest.approx(scores)


def test_the_last_model_is_the_last_one_too_where_a_kill_came_after_the_patience_was_spent(
    data: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chooses = ["evaluation.best=uniformity", "evaluation.greater_is_better=true", "evaluation.patience=1"]
    options = [*small("mcse/simcse", tiny_text, ""), *chooses, "training.eval_strategy=steps", "training.eval_steps=1"]
    options += ["training.num_train_epochs=4"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train("mcse/simcse", data / "sentences.txt", out=whole, overrides=options)
    with monkeypatch.context() as patch:
        patch.setattr("polysense.training.seed.write_model", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train("mcse/simcse", data / "sentences.txt", out=broken, overrides=options)
    train("mcse/simcse", data / "sentences.txt", out=broken, overrides=options, resume=True)
    for name in ("last/model.safetensors", "model.safetensors", "evaluations.jsonl"):
        assert (broken / "seed-0" / name).read_bytes() == (whole / "seed-0" / name).read_bytes()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def left_out_of(name: str) -> int:
    """The sentence and the caption that stand in STS-B."""
    return {"mcse/simcse_stsb": 1, "mcse/captions": 1}.get(name, 2)


def test_a_recipe_of_the_papers_setting_says_what_it_is() -> None:
    from polysense.recipe.files import find_recipe

    parity = [name for name in RECIPES if "parity" in name]
    assert len(parity) == 13
    for name in parity:
        assert "Not run here, not decontaminated." in find_recipe(name).read_text("utf-8").splitlines()[0]
        corpora = [part for part in read_recipe(name)["corpora"] if not isinstance(part, str)]  # a bare name takes no arguments
        assert not any(corpus["init_args"].get("exclude") for corpus in corpora)


@pytest.mark.parametrize(
    ("name", "batch", "rate", "epochs", "weight"),
    [
        ("simcse_bert", 64, 3e-5, 1, None),
        ("simcse_roberta", 512, 1e-5, 1, None),
        ("simcse_bert_large", 64, 1e-5, 1, None),
        ("simcse_roberta_large", 512, 3e-5, 1, None),
        ("supervised_bert", 512, 5e-5, 3, None),
        ("supervised_roberta", 512, 5e-5, 3, None),
        ("supervised_bert_large", 512, 1e-5, 3, None),
        ("supervised_roberta_large", 512, 1e-5, 3, None),
        ("mcse_bert", 64, 3e-5, 3, 0.01),
        ("mcse_roberta", 128, 1e-5, 3, 0.01),
        ("mcse_bert_coco", 64, 3e-5, 3, 0.01),
        ("mcse_bert_captions", 64, 3e-5, 6, 0.05),
        ("mcse_bert_coco_captions", 64, 3e-5, 3, 0.05),
    ],
)
def test_the_papers_settings_are_theirs(name: str, batch: int, rate: float, epochs: int, weight: float | None) -> None:
    recipe = load_recipe(f"mcse/parity_{name}")
    training = recipe.training
    found = training["per_device_train_batch_size"] * training.get("gradient_accumulation_steps", 1)
    assert (found, training["learning_rate"], training["num_train_epochs"]) == (batch, rate, epochs)
    assert (training["weight_decay"], training["warmup_steps"], training["lr_scheduler_type"]) == (0, 0, "linear")
    assert training.get("max_grad_norm", 1.0) == 1.0
    assert training["eval_steps"] == 125
    text = recipe.encoders["text"].arguments
    pooling = "cls" if "supervised" in name else "cls_before_pooler"
    assert (text["train_max_length"], text["pooling"]) == (32, pooling)
    grounding = recipe.objectives.get("grounding")
    assert (None if grounding is None else grounding.weight) == weight
    assert grounding is None or grounding.part.arguments["shared_width"] == 256
    assert recipe.objectives["contrast"].part.arguments["temperature"] == 0.05
    line = next(line for line in PAGE.read_text("utf-8").splitlines() if f"`mcse/parity_{name}`" in line)
    assert f"{batch}, {rate:.0e}, {epochs}".replace("e-0", "e-") in line
    assert weight is None or line.endswith(f", {weight} |")


def test_where_all_captions_of_a_picture_train_both_objectives_mask_duplicates(
    data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path
) -> None:
    name = "mcse/all_captions"
    summary = train(name, data, out=tmp_path / "run", overrides=small(name, tiny_text, tiny_vision))
    assert summary["data"]["drawn"] == summary["data"]["splits"]["train"]
    written = summary["recipe"]["objectives"]
    assert all(written[one]["objective"]["init_args"]["mask_duplicates"] for one in ("contrast", "grounding"))


@pytest.mark.parametrize("moment", ["step", "batch"])
def test_killed_and_resumed_takes_turns_and_drops_as_unbroken(
    data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path, moment: str
) -> None:
    """Dropout makes the two views, Alternate the batches: both follow from seed and step, so a kill changes no loss."""
    overrides = [
        *small("mcse/mcse", tiny_text, tiny_vision),
        "training.num_train_epochs=2",
        "training.eval_steps=3",
        "training.gradient_accumulation_steps=2",
    ]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["polysense.training.run"])
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    settings = {"out": broken, "overrides": overrides}
    child = context.Process(
        target=killed.train_until, args=(moment, 5 if moment == "step" else 9, "mcse/mcse", data), kwargs=settings
    )
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert not (broken / "seed-0/run.json").exists()
    train("mcse/mcse", data, out=broken, overrides=overrides, resume=True)
    train("mcse/mcse", data, out=whole, overrides=overrides)
    for name in ("journal.jsonl", "evaluations.jsonl", "model.safetensors"):
        assert (broken / "seed-0" / name).read_bytes() == (whole / "seed-0" / name).read_bytes()
    lines = [json.loads(line) for line in (whole / "seed-0/journal.jsonl").read_text().splitlines()]
    assert {"contrast", "grounding"} == {term for line in lines for term in line["terms"]}
    assert any("grounding" not in line["terms"] for line in lines)


def test_masked_words_may_stand_beside_the_contrast(data: Path, tiny_text: str, tmp_path: Path) -> None:
    language = 'objectives.language={"objective": "MaskedLanguage", "weight": 0.1}'
    overrides = [*small("mcse/simcse", tiny_text, ""), "encoders.text.tokens=all", language]
    train("mcse/simcse", data / "sentences.txt", out=tmp_path / "run", overrides=overrides)
    for line in map(json.loads, (tmp_path / "run/seed-0/journal.jsonl").read_text().splitlines()):
        assert set(line["terms"]) == {"contrast", "language"}
        assert line["loss"] == pytest.approx(line["terms"]["contrast"] + 0.1 * line["terms"]["language"], rel=1e-5)


def test_pairs_without_hard_negatives_train_too(data: Path, tiny_text: str, tmp_path: Path) -> None:
    lines = (data / OWN_SENTENCES["mcse/supervised"]).read_text("utf-8").splitlines()
    file = tmp_path / "pairs.csv"
    file.write_text("\n".join(line.rpartition(",")[0] for line in lines), encoding="utf-8")
    summary = train("mcse/supervised", file, out=tmp_path / "run", overrides=small("mcse/supervised", tiny_text, ""))
    journal = [json.loads(line) for line in (tmp_path / "run/seed-0/journal.jsonl").read_text().splitlines()]
    assert all(math.isfinite(line["loss"]) and line["loss"] > 0 for line in journal)
    assert summary["per_seed"][0]["last_step"] == journal[-1]["step"]
