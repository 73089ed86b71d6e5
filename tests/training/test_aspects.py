"""Training with aspects: what a table must have, and encoders that were trained on before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from made_aspects import overrides, rows, write_aspects
from made_sentiment import KNOWLEDGE, REVIEWS
from polysense.data.table import from_rows
from polysense.errors import DataError, RecipeError
from polysense.inference.predictor import load
from polysense.recipe import load_recipe
from polysense.training.aspects import missing_aspects, unread_aspects
from polysense.training.run import train
from polysense.training.splits import Splits


@pytest.mark.parametrize("kept", [["text", "label", "split"], ["text", "aspect", "label", "split"]])
def test_a_table_without_aspects_is_refused(tiny_text: str, tmp_path: Path, kept: list[str]) -> None:
    table = [{name: row[name] if name != "aspect" else "" for name in kept} for row in rows()]
    said = "the column 'aspect' is empty in every row" if "aspect" in kept else "there is no column 'aspect'"
    with pytest.raises(DataError, match=f"rows: {said}"):
        train("skep/aspects", table, out=tmp_path / "run", overrides=overrides(tiny_text))
    assert not (tmp_path / "run").exists()


def test_a_row_without_its_aspect_is_a_bad_row(tiny_text: str, tmp_path: Path) -> None:
    table = rows()
    table[20]["aspect"] = ""
    with pytest.raises(DataError, match=r"1 bad row\n  rows, row 21 \(id 21\), aspect: the model reads an aspect"):
        train("skep/aspects", table, out=tmp_path / "run", overrides=overrides(tiny_text))
    done = [*overrides(tiny_text), "training.max_steps=1"]
    summary = train("skep/aspects", table, out=tmp_path / "run", overrides=done, skip_bad_rows=True)
    assert [problem["row"] for problem in summary["skipped_rows"]] == [21]


def test_aspects_that_a_recipe_does_not_read_are_told(
    tiny_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train("skep/reviews", rows(), out=tmp_path / "run", overrides=[*overrides(tiny_text), "training.max_steps=1"])
    assert "rows: 48 rows with an aspect, which the recipe does not read" in capsys.readouterr().err


def test_the_two_agree_where_they_should() -> None:
    table = from_rows(rows())
    reads, other = load_recipe("skep/aspects"), load_recipe("skep/reviews")
    assert missing_aspects(reads, table) == []
    assert unread_aspects(reads, table) == []
    assert len(unread_aspects(other, table)) == 1
    bare = from_rows([{"text": "a"}, {"text": "b"}], split_seed=None)
    assert [problem.row for problem in missing_aspects(reads, bare)] == [1, 2]
    assert missing_aspects(other, bare) == unread_aspects(other, bare) == []


def test_other_aspects_are_other_data() -> None:
    exchanged = rows()
    exchanged[20]["aspect"], exchanged[21]["aspect"] = exchanged[21]["aspect"], exchanged[20]["aspect"]
    digests = {Splits.of(from_rows(table)).digest for table in (rows(), rows(), exchanged)}
    assert len(digests) == 2


def test_a_run_does_not_go_on_with_other_texts_beside_its_own(tiny_text: str, tmp_path: Path) -> None:
    """What ``beside`` names is a second text as an aspect is."""
    settings = [*overrides(tiny_text), "training.max_steps=1", "encoders.text.beside=title"]
    table = [{**row, "title": "x"} for row in rows()]
    train("skep/reviews", table, out=tmp_path / "run", overrides=settings)
    train("skep/reviews", table, out=tmp_path / "run", overrides=settings, resume=True)
    other = [{**row, "title": "y"} for row in table]
    with pytest.raises(RecipeError, match="the rows, their order or the content of their pictures differ"):
        train("skep/reviews", other, out=tmp_path / "run", overrides=settings, resume=True)


def test_it_starts_from_an_encoder_that_was_pretrained(tiny_text: str, tmp_path: Path) -> None:
    """An encoder whose weights moved on reviews of one's own; the run no longer needs it afterwards."""
    KNOWLEDGE.write(tmp_path / "knowledge")
    (tmp_path / "reviews.txt").write_text("".join(f"{REVIEWS[n % 4]} {n}\n" for n in range(24)), encoding="utf-8")
    named = [f"objectives.{name}.objective.knowledge={tmp_path / 'knowledge'}" for name in ("word", "polarity", "pair")]
    small = [*overrides(tiny_text), *named, "corpora.0.validation=8"]
    train("skep/pretrain", tmp_path / "reviews.txt", out=tmp_path / "pretrain", overrides=small)
    start = [*overrides(tiny_text)[1:], f"encoders.text.pretrained={tmp_path / 'pretrain'}"]
    recipe = load_recipe("skep/aspects", start).complete(from_rows(rows()).split("train"))
    made = recipe.build(seed=0).model.encoder("text").state_dict()
    kept = load_file(tmp_path / "pretrain/seed-0/model.safetensors")
    name = "backbone.encoder.layer.0.output.dense.weight"
    assert torch.equal(made[name], kept[f"model.encoders.text.{name}"])
    assert not torch.equal(
        made[name], load_recipe("skep/aspects", overrides(tiny_text)).encoders["text"].build().state_dict()[name]
    )
    train("skep/aspects", write_aspects(tmp_path / "table.csv"), out=tmp_path / "run", overrides=start)
    (tmp_path / "pretrain").rename(tmp_path / "gone")
    assert load(tmp_path / "run").predict("the garden was lovely", "garden")[0]["label"]
    assert json.loads((tmp_path / "run/run.json").read_text("utf-8"))["labels"] == ["negative", "neutral", "positive"]
