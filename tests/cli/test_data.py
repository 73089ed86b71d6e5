from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from polysense.cli.data import recognised
from polysense.cli.main import execute


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """Twelve sound posts with pictures and splits."""
    rows = []
    for number in range(12):
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(tmp_path / f"{number}.png")
        split = ("train", "train", "validation", "test")[number % 4]
        label = ("negative", "positive")[number // 4 % 2]
        rows.append({"id": f"p{number}", "tweet": f"words {number}", "image": f"{number}.png", "label": label, "split": split})
    path = tmp_path / "posts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def verify(path: Path, *more: str) -> int:
    return execute(["data", "verify", str(path), "--columns", "text=tweet", *more])


def test_list_knows_the_corpora(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["data", "list"]) == 0
    assert "MvsaSingle" in capsys.readouterr().out
    assert execute(["data", "list", "--json"]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["MvsaSingle"]["modalities"] == ["text", "image"]
    assert all(row["what"] for row in found.values())


def test_a_sound_table_ends_with_0_and_is_counted(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(posts) == 0
    shown = capsys.readouterr().out
    assert "all 12 rows are sound" in shown
    assert shown.splitlines()[0].split() == ["split", "rows", "labelled", "unlabelled", "negative", "positive"]
    assert shown.splitlines()[2].split() == ["train", "6", "6", "0", "4", "2"]

    assert verify(posts, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["bad_rows"], found["problems"]) == (12, 0, [])
    assert found["splits"] == {"train": 6, "validation": 3, "test": 3}
    assert sum(found["labels"]["train"].values()) == 6


def test_a_misspelt_label_is_named_with_its_row_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    splits = ["train" if number % 5 else "test" if number < 20 else "validation" for number in range(40)]
    lines = [f"text {number},{'positive' if number % 2 else 'negative'},{split}" for number, split in enumerate(splits)]
    table = tmp_path / "posts.csv"
    table.write_text(
        "\n".join(["text,label,split", *lines, "so good,postive,train", "so bad,negative,validation", ""]), "utf-8"
    )
    assert execute(["data", "verify", str(table)]) == 0
    shown = capsys.readouterr().out
    assert "warning: posts.csv, label: 'postive' is the class of 1 row (row 41): is 'positive' meant (20 rows)?" in shown
    assert "posts.csv: all 42 rows can be read. 1 warning to look at." in shown
    assert "`--labels NAMES` says which classes there are; rows of others are then bad" in shown
    assert execute(["data", "verify", str(table), "--labels", "positive,negative"]) == 3
    shown = capsys.readouterr().out
    assert "row 41 (id 41), label: 'postive' is not among the classes" in shown
    assert "--labels NAMES" not in shown
    assert execute(["data", "verify", str(table), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["warnings"], found["bad_rows"]) == (1, 0)
    assert execute(["data", "verify", str(table), "--strict"]) == 3


def test_bad_rows_are_named_with_their_reason_and_end_with_3(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (posts.parent / "3.png").unlink()
    (posts.parent / "5.png").write_bytes((posts.parent / "5.png").read_bytes()[:40])
    assert verify(posts) == 3
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line.startswith("bad: ")]
    assert len(lines) == 2
    assert "row 4 (id p3), image:" in lines[0]
    assert "row 6 (id p5), image:" in lines[1]
    assert "2 bad rows, 10 sound" in shown

    assert verify(posts, "--no-decode", "--json") == 3
    found = json.loads(capsys.readouterr().out)
    assert [(one["row"], one["id"], one["field"]) for one in found["problems"]] == [(4, "p3", "image")]
    assert (found["bad_rows"], found["rows"]) == (1, 11)


def test_bad_rows_that_are_sound_without_their_pictures_are_counted(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (posts.parent / "3.png").unlink()
    (posts.parent / "5.png").write_bytes(b"no picture")
    assert verify(posts) == 3
    assert "2 bad rows are sound for a recipe that does not read image." in capsys.readouterr().out
    posts.write_text(posts.read_text("utf-8").replace(",test", ",tset").replace(",positive,train", ",positive,trian"), "utf-8")
    assert verify(posts) == 3
    assert "sound for a recipe" not in capsys.readouterr().out


def test_the_folder_of_the_media_is_asked_for_where_it_may_be_another_one(
    posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "`--media-root FOLDER` names the folder that they lie in, where it is another one."
    (posts.parent / "3.png").unlink()
    assert verify(posts) == 3
    assert "--media-root" not in capsys.readouterr().out
    (posts.parent / "photos").mkdir()
    for file in posts.parent.glob("[4-9].png"):
        file.rename(file.parent / "photos" / file.name)
    for picture in ("0", "1"):
        (posts.parent / f"{picture}.png").unlink()
    assert verify(posts) == 3
    assert asked in capsys.readouterr().out
    assert verify(posts, "--media-root", str(posts.parent / "photos")) == 3
    assert "--media-root" not in capsys.readouterr().out


def test_labels_outside_the_list_are_bad(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(posts, "--labels", "negative, neutral", "--json") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["bad_rows"] == 4
    assert all("'positive'" in one["reason"] for one in found["problems"] if one["row"] is not None)


def test_duplicates_are_warnings_unless_strict(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    posts.write_text(posts.read_text("utf-8").replace("words 4", "words 0"), "utf-8")
    assert verify(posts) == 0
    assert capsys.readouterr().out.startswith("warning: posts.csv, text: ")
    assert verify(posts, "--strict") == 3
    assert "cannot be used" in capsys.readouterr().out


def test_media_elsewhere(posts: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path_factory.mktemp("table") / "posts.csv"
    posts.rename(elsewhere)
    assert verify(elsewhere) == 3
    assert verify(elsewhere, "--media-root", str(posts.parent)) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "text"], "'text' is not FIELD=COLUMN"),
        (["--corpus", "MvsaSingel"], "'MvsaSingle'"),
        (["--corpus", "MvsaSingle", "--columns", "text=tweet"], "--columns is for your own tables; MvsaSingle"),
        (["--columns", "texte=tweet"], "'text'"),
    ],
)
def test_wrong_options_end_with_2(posts: Path, arguments: list[str], message: str, capsys) -> None:
    assert execute(["data", "verify", str(posts), *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("content", ["", "id,words\n1,fine\n"])
def test_a_table_that_cannot_be_read_ends_with_3_and_names_the_file(tmp_path: Path, content: str, capsys) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(content, "utf-8")
    assert execute(["data", "verify", str(path)]) == 3
    captured = capsys.readouterr()
    assert "posts.csv" in captured.err
    assert captured.out == ""


def test_a_corpus_is_recognised_by_its_files(tmp_path: Path) -> None:
    (tmp_path / "mvsa_single.csv").touch()
    assert recognised(tmp_path) is None
    (tmp_path / "images").mkdir()
    assert recognised(tmp_path) == "MvsaSingle"
    assert recognised(tmp_path / "mvsa_single.csv") is None


def test_toy_writes_posts_that_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["data", "toy", str(tmp_path / "toy"), "--posts", "40"]) == 0
    table = Path(capsys.readouterr().out.strip())
    assert table.is_relative_to(tmp_path)
    assert execute(["data", "verify", str(tmp_path / "toy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 40

    before = sorted((tmp_path / "toy").rglob("*"))
    assert execute(["data", "toy", str(tmp_path / "toy")]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert sorted((tmp_path / "toy").rglob("*")) == before


def test_the_real_corpus_is_sound(data_folder: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["data", "verify", str(data_folder("mvsa_single")), "--no-decode", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["corpus"] == "MvsaSingle"
    assert found["splits"] == {"train": 3611, "validation": 450, "test": 450}
    assert found["left_out"] == {"unlabelled": 358, "would_train": 355}


def test_a_table_without_test_rows_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"words {number},{'ab'[number % 2]},{('train', 'dev')[number // 4]}" for number in range(8)]
    (tmp_path / "posts.csv").write_text("\n".join(["tweet,label,split", *lines]), encoding="utf-8")
    assert verify(tmp_path / "posts.csv") == 0
    assert "warning: posts.csv, split: no row is in the split 'test' (train 4, validation 4)" in capsys.readouterr().out
    assert verify(tmp_path / "posts.csv", "--strict") == 3


def test_no_class_is_counted_apart_from_no_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"tweet": f"words {number}", "label": [["a"], [], None][number], "split": "train"} for number in range(3)]
    (tmp_path / "posts.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    verify(tmp_path / "posts.jsonl", "--json")
    assert json.loads(capsys.readouterr().out)["labels"] == {"train": {"a": 1, "(no class)": 1, "(none)": 1}}


def test_a_corpus_tells_of_the_unlabelled_posts_that_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    lines = ["id,image,text,label,split_clmlf,split_course"]
    for number in range(12):
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(tmp_path / "images" / f"{number}.jpg")
        split = ("train", "train", "validation", "test")[number % 4]
        label, split = (("negative", "positive")[number // 4 % 2], split) if number < 9 else ("", "")
        text = "words 2" if number == 9 else f"words {number}"  # one stands in validation too
        lines.append(f"{number},{number}.jpg,{text},{label},{split},{split}")
    (tmp_path / "mvsa_single.csv").write_text("\n".join(lines), "utf-8")
    assert execute(["data", "verify", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "3 more posts are unlabelled and left out. A recipe with `unlabelled: true`" in shown
    assert "would train on 2 of them" in shown
    assert execute(["data", "verify", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == {"unlabelled": 3, "would_train": 2}


def test_a_table_without_labels_or_validation_rows_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"words {number},{'ab'[number % 2]},{('train', 'test')[number // 4]}" for number in range(8)]
    (tmp_path / "posts.csv").write_text("\n".join(["tweet,lable,split", *lines]), encoding="utf-8")
    assert verify(tmp_path / "posts.csv") == 0
    shown = capsys.readouterr().out
    assert "warning: posts.csv, label: there is no column 'label' or 'score'" in shown
    assert "did you mean 'lable'?" in shown
    assert "warning: posts.csv, split: no row is in the split 'validation' (train 4, test 4)" in shown
    (tmp_path / "posts.csv").write_text("\n".join(["tweet,label,split", *lines]), encoding="utf-8")
    assert verify(tmp_path / "posts.csv") == 3, "labelled rows are there to train on"
    assert "bad: posts.csv, split: no row is in the split 'validation'" in capsys.readouterr().out


def test_captions_and_sentences_are_checked_as_training_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "0.png")
    table = tmp_path / "captions.csv"
    table.write_text("words,image\none,0.png\ntwo,0.png\n,0.png\n", "utf-8")
    assert execute(["data", "verify", str(table), "--corpus", "Captions", "--columns", "text=words", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["bad_rows"]) == (2, 1)  # both captions of the picture, though one of them would be drawn
    assert {one["field"] for one in found["problems"] if one["severity"] == "bad"} == {"text"}
    lines = tmp_path / "lines.txt"
    lines.write_text("one\n\ntwo\n", "utf-8")
    assert execute(["data", "verify", str(lines), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["corpus"], found["problems"]) == ("Sentences", [])  # sentences have no labels to miss, and all of them train


def test_numbers_as_labels_are_bad_for_verify_as_for_training_and_the_way_out_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "scores.csv"
    table.write_text("\n".join(["text,label", *(f"text {n},{n * 0.37 - 7:.2f}" for n in range(40))]), "utf-8")
    assert execute(["data", "verify", str(table)]) == 3
    shown = capsys.readouterr().out
    assert shown.count("--columns score=label") == 2
    assert "scores.csv, 8 rows, label: '" in shown
    assert "32 classes; --json counts the rows of each." in shown
    assert max(map(len, shown.splitlines()[-8:])) < 100, "no column a class"
    assert execute(["train", "social/posts_text", "--data", str(table), "--out", str(tmp_path / "run")]) == 3
    refused = capsys.readouterr().err
    assert "scores.csv: 8 bad rows" in refused
    assert "--columns score=label" in refused
    assert execute(["data", "verify", str(table), "--columns", "score=label"]) == 0
    assert "all 40 rows are sound" in capsys.readouterr().out


def test_classes_that_no_training_row_has_are_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"words {n},{'ab'[n % 2]},{('train', 'dev', 'test')[n // 6 if n < 18 else 2]}" for n in range(18)]
    (tmp_path / "posts.csv").write_text("\n".join(["tweet,label,split", *lines, "odd,c,test"]), "utf-8")
    assert verify(tmp_path / "posts.csv") == 3
    assert "row 19 (id 19), label: 'c' is not among the classes; valid: 'a', 'b'" in capsys.readouterr().out
    assert verify(tmp_path / "posts.csv", "--labels", "a,b,c") == 0
    capsys.readouterr()


def test_labels_that_no_training_row_has_are_sound_where_none_is_labelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [f"words {n},{('pos', 'neg')[n % 2]},{('dev', 'test')[n // 10]}" for n in range(20)]
    (tmp_path / "posts.csv").write_text(
        "\n".join(["tweet,label,split", *(f"more {n},,train" for n in range(9)), *held]), "utf-8"
    )
    assert verify(tmp_path / "posts.csv", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["reason"] for one in found["problems"]] == ["9 of 29 rows are unlabelled"]


def test_labels_beside_scores_are_warnings_unless_they_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"words {n},{n * 0.37 - 7:.2f},{n / 60},{('train', 'dev', 'test')[n % 3]}" for n in range(60)]
    (tmp_path / "posts.csv").write_text("\n".join(["tweet,label,score,split", *rows]), "utf-8")
    assert verify(tmp_path / "posts.csv") == 0
    shown = capsys.readouterr().out
    assert "warning: posts.csv, 40 rows, label: '-6.63' is not among the classes" in shown.replace(f"{tmp_path}/", "")
    assert shown.count("the rows have scores too, and recipes that learn from scores do not read the labels") == 2
    assert "--columns" not in shown
    assert verify(tmp_path / "posts.csv", "--labels", "a,b") == 3
    capsys.readouterr()


def test_equal_faults_are_one_line_and_all_of_them_in_json(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2, 3, 4, 7):
        (posts.parent / f"{number}.png").unlink()
    assert verify(posts) == 3
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bad: ")]
    assert "posts.csv, 5 rows, image: " in line
    assert line.endswith("1.png does not exist (row 2, id p1; likewise rows 3-5, 8)")
    assert verify(posts, "--json") == 3
    assert json.loads(capsys.readouterr().out)["bad_rows"] == 5


def test_of_a_table_without_a_sound_row_only_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "posts.csv").write_text("\n".join(["text,label", *[",a", ",b"] * 6]), "utf-8")
    assert execute(["data", "verify", str(tmp_path / "posts.csv")]) == 3
    shown = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(shown) == 2
    assert shown[0].endswith("posts.csv, 12 rows, row: nothing usable: the text is empty (rows 1-12)")
    assert shown[1] == "posts.csv: 12 bad rows, none sound."


def test_the_delimiter_of_a_table_can_be_said(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    posts.write_text(posts.read_text("utf-8").replace(",", ";"), "utf-8")
    assert verify(posts) == 3
    assert "--delimiter semicolon" in capsys.readouterr().err
    assert verify(posts, "--delimiter", "semicolon") == 0
    assert "all 12 rows are sound" in capsys.readouterr().out
    assert verify(posts, "--delimiter", ";") == 2
    assert "valid: 'comma', 'semicolon', 'tab'" in capsys.readouterr().err
    (posts.parent / "posts.jsonl").write_text('{"text": "good", "label": "a"}\n', encoding="utf-8")
    assert execute(["data", "verify", str(posts.parent / "posts.jsonl"), "--delimiter", "tab"]) == 2
    said = "--delimiter is for .csv, .tsv, .tab files; leave it out for"
    assert said in capsys.readouterr().err
    (posts.parent / "lines").mkdir()
    (posts.parent / "posts.jsonl").rename(posts.parent / "lines/posts.jsonl")
    assert execute(["data", "verify", str(posts.parent / "lines"), "--delimiter", "tab"]) == 2
    assert said in capsys.readouterr().err
    assert execute(["data", "verify", str(posts), "--corpus", "MvsaSingle", "--delimiter", "tab"]) == 2
    assert "--delimiter is for your own tables" in capsys.readouterr().err


def test_training_tells_odd_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from polysense.recipe import load_recipe
    from polysense.training.run import read_data, usable_rows

    rows = [f"words {n},{'positive' if n % 2 else 'negative'}" for n in range(40)]
    (tmp_path / "posts.csv").write_text("\n".join(["text,label", *rows, "so good,Positive"]), "utf-8")
    recipe = load_recipe("social/posts_text")
    table = usable_rows(recipe, read_data(recipe, tmp_path / "posts.csv"), skip_bad_rows=False)
    assert [one.reason for one in table.problems] == [
        "'Positive' is the class of 1 row (row 41): is 'positive' meant (20 rows)?"
    ]
    capsys.readouterr()


@pytest.mark.parametrize("words", [["extract", "regionz", "a", "b"], ["convert", "region", "a", "b"]])
def test_a_misspelt_second_word_of_a_command_is_told(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["data", *words]) == 2
    assert f"Did you mean '{words[0]} regions'?" in capsys.readouterr().err
