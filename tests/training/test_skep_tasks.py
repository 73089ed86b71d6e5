"""SKEP's tasks of polarity from their recipes: made-up files in the layout of each set, training, saving, answering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from made_aspect_xml import sentence, write_sentences
from made_aspects import overrides
from polysense.inference.predictor import load
from polysense.training.run import train

GOOD, BAD = "房间很好", "服务太差"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def sst(root: Path) -> None:
    for name in ("train", "dev", "test"):
        write(root / f"senteval_transfer/SST/binary/sentiment-{name}", "".join(f"day {n} .\t{n % 2}\n" for n in range(8)))


def semeval(root: Path) -> None:
    for domain in ("Laptops", "Restaurants"):
        write_sentences(root / f"semeval2014/{domain}_Train.xml", [sentence(n) for n in range(20)])
        write_sentences(root / f"semeval2014/{domain}_Test_Gold.xml", [sentence(n) for n in range(90, 94)])


def chnsenticorp(root: Path) -> None:
    home = root / "chnsenticorp"
    rows = [(n % 2, f"{GOOD if n % 2 else BAD}{n}") for n in range(16)]
    write(home / "train.tsv", "label\ttext_a\n" + "".join(f"{label}\t{text}\n" for label, text in rows))
    write(home / "dev.tsv", "qid\tlabel\ttext_a\n" + "".join(f"{n}\t{n % 2}\t{text}\n" for n, (_, text) in enumerate(rows[:6])))
    write(home / "test.tsv", "qid\ttext_a\n" + "".join(f"{n}\t{text}!\n" for n, (_, text) in enumerate(rows[:6])))
    write(home / "test_labels_derived.tsv", "qid\tlabel\tsource\n" + "".join(f"{n}\t{'01?'[n % 3]}\tx\n" for n in range(6)))


def nlpcc(root: Path) -> None:
    for name, said, count in (("sample.positive", GOOD, 20), ("sample.negative", BAD, 20), ("test.label.cn", GOOD, 4)):
        label = ' label="1"' if name.startswith("test") else ""
        reviews = "".join(f'<review id="{n}"{label}>\n{said}{n}\n</review>\n' for n in range(count))
        write(root / f"nlpcc14_sc/{name}.txt", reviews.replace('label="1"', 'label="0"', 1))


def se_absa(root: Path) -> None:
    for name, count in (("Chinese_phones_training", 20), ("CH_PHNS_SB1_TEST_", 4)):
        reviews = "".join(
            f'<Review rid="{n}"><sentences><sentence><text>{GOOD}{n}</text><Opinions>'
            '<Opinion category="PHONE#GENERAL" polarity="positive"/><Opinion category="BATTERY#GENERAL" polarity="negative"/>'
            "</Opinions></sentence></sentences></Review>"
            for n in range(count)
        )
        write(root / f"se_absa16/phone/{name}.xml", f"<Reviews>{reviews}</Reviews>")


TASKS: dict[str, tuple[Callable[[Path], None], list[str], str | None]] = {
    "skep/sst2": (sst, ["negative", "positive"], None),
    "skep/semeval14_laptop": (semeval, ["negative", "neutral", "positive"], "staff"),
    "skep/semeval14_restaurant": (semeval, ["negative", "neutral", "positive"], "staff"),
    "skep/chnsenticorp": (chnsenticorp, ["negative", "positive"], None),
    "skep/nlpcc14": (nlpcc, ["negative", "positive"], None),
    "skep/se_absa16_phone": (se_absa, ["negative", "positive"], "battery#general"),
}


@pytest.mark.parametrize("recipe", TASKS)
def test_a_task_is_trained_saved_and_answered(recipe: str, tiny_text: str, tmp_path: Path) -> None:
    write_set, labels, aspect = TASKS[recipe]
    write_set(tmp_path / "data")
    shortened = [*overrides(tiny_text), "training.max_steps=2"]
    summary = train(recipe, tmp_path / "data", out=tmp_path / "run", seeds=[0], overrides=shortened)
    assert summary["labels"] == labels
    assert {"accuracy", "macro_f1"} <= set(summary["per_seed"][0]["test"])
    model = load(tmp_path / "run")
    texts, aspects = ([GOOD], None) if aspect is None else ([f"{GOOD} {aspect}"], [aspect])
    answer = model.predict(texts, aspects)[0]
    assert list(answer["probabilities"]) == labels
    model.save_pretrained(tmp_path / "saved")
    assert load(tmp_path / "saved").predict(texts, aspects)[0] == answer


def test_the_papers_training_with_three_epochs() -> None:
    from polysense.recipe import load_recipe

    keys = ("learning_rate", "per_device_train_batch_size", "weight_decay", "warmup_steps", "num_train_epochs")
    for recipe in TASKS:
        loaded = load_recipe(recipe)
        chinese = recipe in {"skep/chnsenticorp", "skep/nlpcc14", "skep/se_absa16_phone"}
        expected = (1e-5, 16, 0.01, 0.1, 3) if chinese else (3e-5, 32, 0.0, 0.06, 3)
        assert tuple(loaded.training[key] for key in keys) == expected, recipe
        assert loaded.encoders["text"].arguments["max_length"] == 512
        assert loaded.objectives["polarity"].part.arguments["dropout"] == 0.1
        assert (loaded.evaluation.best, loaded.evaluation.greater_is_better) == ("accuracy", True)
