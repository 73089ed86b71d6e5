"""Every recipe of UNIMO's pre-training runs to its end from the files that it names, on few rows and tiny encoders."""

from __future__ import annotations

import json
import math
import multiprocessing
import re
import signal
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import killed
from polysense.cli.main import execute
from polysense.data.frames import Provenance, write_frames
from polysense.data.neighbours import Neighbours
from polysense.errors import RecipeError
from polysense.inference.predictor import load
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites
from polysense.training.run import train

RECIPES = [f"unimo/pretrain_{name}" for name in ("pairs", "flickr8k", "flickr8k_no_contrast", "flickr8k_no_text")]
"""The others differ from these in what a table or a corpus gives; that they build and take a step is tested for every recipe."""
WORDS = ("red", "green", "blue", "small", "large", "old")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flickr8k's layout, free sentences, free pictures, a table of captions, and the tables of rewrites and neighbours."""
    root = tmp_path_factory.mktemp("data")
    free = root / "mvsa_single" / "images"
    for folder in (root / "flickr8k" / "images", free, root / "wiki_sentences"):
        folder.mkdir(parents=True)
    lines, own, entries, near_texts, near_images = ["image,split,caption_id,caption"], ["image,text"], [], {}, {}
    for number in range(8):
        name, split = f"{number}.jpg", ("train", "train", "train", "train", "train", "train", "dev", "test")[number]
        for folder in (root / "flickr8k" / "images", root, free):
            Image.new("RGB", (32, 32), (30 * number, 90, 250 - 30 * number)).save(folder / name)
        for caption in range(5):
            text = f"a {WORDS[(number + caption) % 6]} thing on the {WORDS[number % 6]} table {number}"
            lines.append(f"{name},{split},{caption},{text}")
            own.append(f"{name},{text}")
            entries += [(Caption(text, name), Rewrite(f"{text} again", "positive", by="caption"))]
            entries += [
                (Caption(text, name), Rewrite(text.replace("thing", other), "word", "thing", other)) for other in ("dog", "cat")
            ]
            near_texts[text] = [(f"a {WORDS[caption]} chair", 0.5)]
        near_images[name] = [(f"{(number + 1) % 8}.jpg", 0.4)]
    (root / "flickr8k" / "captions.csv").write_text("\n".join(lines) + "\n")
    (root / "captions.csv").write_text("\n".join(own) + "\n")
    (root / "wiki_sentences" / "a.txt").write_text("\n".join(f"a {one} and {other} chair" for one in WORDS for other in WORDS))
    Rewrites.from_entries(entries).write(root / "rewrites")
    Neighbours.from_entries("texts", near_texts).write(root / "neighbours")
    Neighbours.from_entries("images", near_images, {"folder": str(free)}).write(root / "neighbours")
    return root


def journal_of(run: Path) -> list[dict[str, dict[str, float]]]:
    return [json.loads(line) for line in (run / "seed-0" / "journal.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_to_its_end(
    name: str, data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    own = name == "unimo/pretrain_pairs"
    small = [
        f"encoders.text.pretrained={tiny_text}",
        f"encoders.image.pretrained={tiny_vision}",
        "encoders.image.cells=4",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=4",
        "training.bf16=false",
        *(["corpora.0.validation=4"] if own else []),
    ]
    summary = train(name, data / "captions.csv" if own else data, out=tmp_path / "run", overrides=small)
    journal = journal_of(tmp_path / "run")
    assert {term for line in journal for term in line["terms"]} == set(summary["recipe"]["objectives"])
    assert all(math.isfinite(line["loss"]) for line in journal)  # type: ignore[arg-type]
    kinds = {frozenset(line["terms"]) for line in journal}
    assert (frozenset({"regions"}) in kinds) == (not own)
    model = load(tmp_path / "run")
    if "no_contrast" not in name:
        [row] = model.predict([{"text": "a red thing", "image": str(data / "0.jpg")}])
        assert -1 <= row["similarity"] <= 1
    assert model.encode(["a red dog", "a blue cat"]).shape == (2, 32)


def test_a_contrast_without_anything_to_contrast_with_is_refused(
    data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path
) -> None:
    alone = [
        f"encoders.text.pretrained={tiny_text}",
        f"encoders.image.pretrained={tiny_vision}",
        "encoders.image.cells=4",
        "objectives.contrast.objective.in_batch=false",
        *(f"objectives.{name}=null" for name in ("regions", "language", "writing")),
        "corpora.0.validation=4",
        "training.max_steps=1",
        "training.bf16=false",
    ]
    rewritten = f"corpora.0.rewrites={data / 'rewrites'}"
    for overrides in ([], [rewritten, "corpora.0.negatives={word: 0}"]):
        with pytest.raises(RecipeError, match=r"objectives\.contrast: .*in_batch: false .* no training row has any"):
            train("unimo/pretrain_pairs", data / "captions.csv", out=tmp_path / "none", overrides=[*alone, *overrides])
        assert not (tmp_path / "none").exists()
    train("unimo/pretrain_pairs", data / "captions.csv", out=tmp_path / "run", overrides=[*alone, rewritten])
    [step] = journal_of(tmp_path / "run")
    assert step["loss"] > 0  # type: ignore[operator]


def test_captions_of_a_table_of_ones_own_train_as_the_recipe_says(
    data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path
) -> None:
    said = files("polysense.recipes").joinpath("unimo/caption.yaml").read_text("utf-8").replace("\n#", "")
    own = [one.replace("=500", "=4") for one in re.findall(r"--set (corpora[\w.=]+)", said)]
    small = [
        f"encoders.text.pretrained={tiny_text}",
        f"encoders.image.pretrained={tiny_vision}",
        "encoders.image.cells=4",
        "training.max_steps=1",
        "training.bf16=false",
    ]
    train("unimo/caption", data / "captions.csv", out=tmp_path / "run", overrides=[*own, *small])
    assert (tmp_path / "run" / "run.json").is_file()


def test_pre_training_reads_regions_from_files(
    data: Path, tiny_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs and free pictures whose regions a detector gave: features, probabilities of classes, boxes."""
    draw, made = np.random.default_rng(0), []
    for regions in (3, 1, 4, 6, 2, 5, 3, 4):
        corners = np.sort(draw.random((regions, 2, 2), dtype=np.float32), axis=1).reshape(regions, 4)
        chances = draw.random((regions, 3), dtype=np.float32)
        made.append(
            np.concatenate([draw.random((regions, 6), dtype=np.float32), chances / chances.sum(1, keepdims=True), corners], 1)
        )
    root = tmp_path / "data"
    (root / "free").mkdir(parents=True)
    for folder in (root, root / "free"):
        write_frames(folder / "regions.safetensors", made, Provenance("a detector", {"regions": 6}))
    captions = [{"image": f"regions.safetensors#{n % 8}", "text": f"a {WORDS[n % 6]} thing on a table {n}"} for n in range(24)]
    table(root / "captions.csv", captions)
    table(root / "free" / "pictures.csv", [{"image": f"regions.safetensors#{n}"} for n in range(8)])
    monkeypatch.chdir(root)
    settings = [
        f"encoders.text.pretrained={tiny_text}",
        "encoders.image={class_path: SequenceFrames, init_args: {modality: image, max_length: 5}}",
        "fusion={class_path: SingleStream, init_args: {boxes: states, classes: 3, pooling: sum}}",
        "corpora=[{class_path: Captions, init_args: {path: captions.csv, validation: 3}}, "
        "{class_path: Pictures, init_args: {path: free/pictures.csv}}]",
        "mixture={class_path: Ratio, init_args: {shares: [1, 1]}}",
        "training.num_train_epochs=2",
        "training.per_device_train_batch_size=4",
        "training.bf16=false",
    ]
    train("unimo/pretrain_pairs", root, out=tmp_path / "run", overrides=settings)
    journal = journal_of(tmp_path / "run")
    assert {frozenset(line["terms"]) for line in journal} >= {frozenset({"regions"})}
    assert {term for line in journal for term in line["terms"]} == {"contrast", "regions", "language", "writing"}
    assert all(math.isfinite(line["loss"]) for line in journal)  # type: ignore[arg-type]
    [row] = load(tmp_path / "run").predict([{"text": "a red thing", "image": str(root / "regions.safetensors#0")}])
    assert -1 <= row["similarity"] <= 1


def test_killed_and_resumed_draws_companions_and_takes_turns_as_unbroken(
    data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path
) -> None:
    name, broken, whole = "unimo/pretrain_flickr8k", tmp_path / "broken", tmp_path / "whole"
    overrides = [
        f"encoders.text.pretrained={tiny_text}",
        f"encoders.image.pretrained={tiny_vision}",
        "encoders.image.cells=4",
        f"corpora.0.rewrites={data / 'rewrites'}",
        f"corpora.0.neighbours={data / 'neighbours'}",
        "training.num_train_epochs=3",
        "training.eval_steps=4",
        "training.per_device_train_batch_size=4",
        "training.bf16=false",
    ]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["polysense.training.run"])
    child = context.Process(
        target=killed.train_until, args=("batch", 12, name, data), kwargs={"out": broken, "overrides": overrides}
    )
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    train(name, data, out=broken, overrides=overrides, resume=True)
    train(name, data, out=whole, overrides=overrides)
    for file in ("journal.jsonl", "evaluations.jsonl", "model.safetensors"):
        assert (broken / "seed-0" / file).read_bytes() == (whole / "seed-0" / file).read_bytes()
    journal = journal_of(whole)
    assert len(journal) == 12
    assert not any({"language", "writing"} <= set(line["terms"]) for line in journal)


def table(path: Path, rows: list[dict[str, str]]) -> Path:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


TASKS = {
    "unimo/classify": ["label"],
    "unimo/entail": ["image", "label"],
    "unimo/entail_texts": ["pair", "label"],
    "unimo/sts": ["pair", "score"],
    "unimo/vqa": ["image", "label"],
}


OWN_TABLE = {
    "unimo/vqa": ["corpora.0={class_path: Posts, init_args: {label_separator: '|'}}", "objectives.answers.objective.least=2"]
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_trains_saves_reloads_and_predicts(
    name: str, data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = {"image": "{}.jpg", "label": "yes no", "pair": "a thing", "score": "1.5 4"}
    rows = []
    for number in range(32):
        row = {"text": f"a {WORDS[number % 6]} thing {number}", "split": ["train", "train", "validation", "test"][number % 4]}
        for column in TASKS[name]:
            options = cells[column].split(" ") if column != "pair" else [cells[column]]
            row[column] = options[number // 4 % len(options)].format(number % 8)
        rows.append(row)
    file = table(data / f"{name.partition('/')[2]}.csv", rows)
    small = [
        f"encoders.text.pretrained={tiny_text}",
        *([f"encoders.image.pretrained={tiny_vision}", "encoders.image.cells=4"] if "image" in TASKS[name] else []),
        "training.num_train_epochs=1",
        "training.per_device_train_batch_size=4",
        "training.bf16=false",
        *OWN_TABLE.get(name, ["corpora.0=Posts"]),
    ]
    summary = train(name, file, out=tmp_path / "run", overrides=small)
    assert math.isfinite(summary["per_seed"][0]["validation"][summary["best_metric"]])
    asked = {"text": "a red thing", "image": str(data / "0.jpg"), "pair": "a blue one"}
    [answer] = load(tmp_path / "run").predict([{key: asked[key] for key in ("text", *TASKS[name]) if key in asked}])
    assert answer["score" if name == "unimo/sts" else "label"] is not None
    assert answer["missing"] == []
    words = ["predict", str(tmp_path / "run"), "--text", "a red thing", "--beside", "a blue one", "--json"]
    capsys.readouterr()
    if "pair" in TASKS[name]:
        [alone] = load(tmp_path / "run").predict(["a red thing"])
        assert alone["missing"] == ["pair"]
        assert execute(words) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["missing"] == []
        assert shown.get("score", shown.get("probabilities")) == answer.get("score", answer.get("probabilities"))
    else:
        assert execute(words) == 2
        assert "reads no second text" in capsys.readouterr().err


def test_a_pre_trained_stream_is_the_start_of_a_task(data: Path, tiny_text: str, tiny_vision: str, tmp_path: Path) -> None:
    encoders = [f"encoders.image.pretrained={tiny_vision}", "encoders.image.cells=4"]
    brief = ["training.num_train_epochs=1", "training.per_device_train_batch_size=8", "training.bf16=false"]
    before = [f"encoders.text.pretrained={tiny_text}", "corpora.0.validation=4"]
    train("unimo/pretrain_pairs", data / "captions.csv", out=tmp_path / "start", overrides=[*before, *encoders, *brief])
    start = load(tmp_path / "start").learner.model
    rows = [{"text": f"a {word} thing", "image": f"{n}.jpg", "label": ["yes", "no"][n % 2]} for n, word in enumerate(WORDS)]
    file = table(data / "built.csv", rows * 4)
    still = ["training.learning_rate=0", "corpora.0=Posts"]
    train("unimo/entail", file, out=tmp_path / "task", overrides=[f"start={tmp_path / 'start'}", *encoders[1:], *brief, *still])
    task = load(tmp_path / "task").learner.model
    for part in ("encoders.text", "fusion"):
        own, found = start.get_submodule(part).state_dict(), task.get_submodule(part).state_dict()
        assert set(own) <= set(found)
        assert all(bool((found[name] == value).all()) for name, value in own.items())
    assert set(task.fusion.state_dict()) - set(start.fusion.state_dict()) == {
        f"heads.{name}.{kind}" for name in ("text", "image") for kind in ("weight", "bias")
    }
