"""VQA and SNLI-VE in their public layouts, on small made files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from polysense.data.corpora.snli_ve import SnliVe
from polysense.data.corpora.vqa import Vqa
from polysense.errors import DataError, RecipeError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6), (200, 30, 30)).save(path)


def write_vqa(home: Path, part: str = "train2014", *, annotations: list[dict[str, Any]] | None = None) -> Path:
    for number in (9, 30):
        picture(home / part / f"COCO_{part}_{number:012d}.jpg")
    asked = [
        {"image_id": image, "question": text, "question_id": 1000 + row}
        for row, (image, text) in enumerate([(9, "What colour is it?"), (30, "How many?"), (31, "Where?"), (9, "Who?")])
    ]
    said = [
        {"question_id": 1000 + row, "answers": [{"answer": one, "answer_id": 1} for one in people]}
        for row, people in enumerate([["Red", "red ", "dark  red"], ["2"], ["here"]])
    ]
    questions = home / f"v2_OpenEnded_mscoco_{part}_questions.json"
    questions.write_text(json.dumps({"questions": asked}))
    answers = home / f"v2_mscoco_{part}_annotations.json"
    answers.write_text(json.dumps({"annotations": said if annotations is None else annotations}))
    return home


def test_questions_with_all_their_answers(tmp_path: Path) -> None:
    table = Vqa(splits=["train"]).read(write_vqa(tmp_path / "vqa"))
    assert [(one.id, one.text, one.label, one.split) for one in table.samples] == [
        ("1000", "What colour is it?", ("red", "red", "dark red"), "train"),
        ("1001", "How many?", ("2",), "train"),
    ]
    assert table.samples[0].group == "train2014/COCO_train2014_000000000009.jpg"
    assert [(one.row, one.id, one.field) for one in table.problems] == [(3, "1002", "image"), (4, "1003", "question_id")]
    assert set(table.digests) == {"v2_OpenEnded_mscoco_train2014_questions.json", "v2_mscoco_train2014_annotations.json"}
    write_vqa(tmp_path / "vqa", "val2014")
    assert {one.split for one in Vqa().read(tmp_path).samples} == {"train", "validation"}


def test_what_is_no_file_of_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"annotations\.json has no list 'annotations' of objects with question_id, answers"):
        Vqa(splits=["train"]).read(write_vqa(tmp_path / "vqa", annotations=[{"id": 1}]))
    write_vqa(tmp_path / "vqa")
    with pytest.raises(DataError, match="val2014"):
        Vqa().read(tmp_path)
    with pytest.raises(RecipeError, match="splits"):
        Vqa(splits=["test"])  # type: ignore[list-item]


def test_sentences_that_pictures_entail(tmp_path: Path) -> None:
    home = tmp_path / "snli_ve"
    picture(home / "flickr30k_images" / "12.jpg")
    rows = [
        {"Flickr30K_ID": "12", "pairID": "a", "sentence1": "x", "sentence2": "It is red.", "gold_label": "entailment"},
        {"Flickr30K_ID": "12", "pairID": "b", "sentence2": "It is blue.", "gold_label": "-"},
        {"Flickr30K_ID": "13", "pairID": "c", "sentence2": "It is blue.", "gold_label": "neutral"},
        {"Flickr30K_ID": "12", "pairID": "d", "sentence2": " ", "gold_label": "neutral"},
    ]
    for name in ("train", "dev", "test"):
        (home / f"snli_ve_{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    table = SnliVe().read(tmp_path)
    assert [(one.id, one.text, one.label, one.split) for one in table.samples] == [
        ("a", "It is red.", "entailment", split) for split in ("train", "validation", "test")
    ]
    assert [(one.row, one.id, one.field) for one in table.problems[:3]] == [
        (2, "b", "gold_label"),
        (3, "c", "image"),
        (4, "d", "sentence2"),
    ]
    with pytest.raises(DataError, match="SnliVe"):
        SnliVe().read(tmp_path / "none")
