"""The recipe of retrieval in two stages: trains, saves, reloads, answers, searches; with hard texts where the corpus gives them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from tests.made_colours import COLOURS, posts

from polysense.cli.main import execute
from polysense.inference.predictor import load
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites
from polysense.objectives.cross_modal_contrast import CrossModalContrast
from polysense.objectives.pair_ranking import PairRanking
from polysense.recipe import load_recipe
from polysense.training.run import train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flickr8k's layout with 32 coloured boxes, and a table of rewritten captions."""
    root = tmp_path_factory.mktemp("retrieval")
    images = root / "flickr8k" / "images"
    images.mkdir(parents=True)
    lines, entries = ["image,split,caption_id,caption"], []
    for number, post in enumerate(posts(32)):
        name, split = f"{number}.png", ("train", "train", "dev", "test")[number // 8]
        post.image.save(images / name)
        for caption, words in enumerate(("a {} box", "see a {} box", "{} box", "a box {}", "see {}")):
            colour = list(COLOURS)[number % 8]
            text = words.format(colour)
            lines.append(f"{name},{split},{caption},{text}")
            entries.append((Caption(text, name), Rewrite(words.format(list(COLOURS)[(number + 3) % 8]), "sentence")))
    (root / "flickr8k" / "captions.csv").write_text("\n".join(lines) + "\n")
    Rewrites.from_entries(entries).write(root / "rewrites")
    return root


def small(networks: Path) -> list[str]:
    return [
        f"encoders.text.pretrained={networks / 'bert'}",
        f"encoders.image.pretrained={networks / 'vit'}",
        "encoders.image.cells=null",
        "training.per_device_train_batch_size=8",
        "training.bf16=false",
    ]


@pytest.mark.parametrize("hard", [False, True])
def test_it_trains_saves_reloads_answers_and_searches(
    data: Path, networks: Path, tmp_path: Path, hard: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(data)
    more = ["corpora.0.rewrites=rewrites", "corpora.0.negatives={sentence: 1}"] if hard else []
    overrides = [*small(networks), *more, "training.num_train_epochs=3"]
    summary = train("unimo/retrieval", data, out=tmp_path / "run", overrides=overrides)
    lines = [json.loads(line) for line in (tmp_path / "run/seed-0/journal.jsonl").read_text().splitlines()]
    assert {term for line in lines for term in line["terms"]} == {"contrast", "ranking"}
    assert all(math.isfinite(line["loss"]) for line in lines)
    metrics = summary["per_seed"][0]["test"]
    for direction in ("text_to_image", "image_to_text"):
        assert 0 <= metrics[f"{direction}_R@1"] <= metrics[f"{direction}_R@10"] <= 1
        assert 0 <= metrics[f"{direction}_reranked_R@1"] <= metrics[f"{direction}_reranked_R@10"] <= 1
        assert metrics[f"{direction}_reranked_median_rank"] >= 1
    model = load(tmp_path / "run")
    picture = data / "flickr8k/images/1.png"
    [answer] = model.predict([{"text": "a green box", "image": picture}])
    assert math.isfinite(answer["fit"])
    assert -1 <= answer["similarity"] <= 1
    capsys.readouterr()
    command = [
        "search",
        str(tmp_path / "run"),
        str(data / "flickr8k/images"),
        "--text",
        "a green box",
        "--rerank",
        "32",
        "--top",
        "32",
    ]
    assert execute([*command, "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    fits = [hit["fit"] for hit in found["hits"]]
    assert len(fits) == 32
    assert fits == sorted(fits, reverse=True)
    judged = next(hit["fit"] for hit in found["hits"] if hit["id"] == "1.png")
    assert judged == pytest.approx(answer["fit"], abs=1e-5)


def test_the_recipes_say_what_the_paper_and_the_code_say() -> None:
    recipe = load_recipe("unimo/retrieval")
    assert {name: signal.part.kind for name, signal in recipe.objectives.items()} == {
        "contrast": CrossModalContrast,
        "ranking": PairRanking,
    }
    parity = load_recipe("unimo/parity_retrieval")
    assert set(parity.objectives) == {"contrast", "ranking"}
    ranking = parity.objectives["ranking"].part.arguments
    assert [ranking[name] for name in ("count", "loss", "margin", "scale")] == [10, "circle", 0.2, 1.0]
    training = parity.training
    assert [training[name] for name in ("learning_rate", "weight_decay", "num_train_epochs")] == [5e-6, 0.1, 40]
