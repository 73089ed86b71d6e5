"""MVSA-Single and MVSA-Multiple as they are published, on small made-up folders."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from polysense.cli.main import execute
from polysense.data.bad_rows import refuse_or_skip
from polysense.data.corpora.mvsa import Mvsa
from polysense.data.corpora.mvsa_single import MvsaSingle
from polysense.data.splits import linked
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError

PAIRS = {
    "1": ("positive,positive", "positive"),
    "2": ("neutral,negative", "negative"),
    "3": ("positive,neutral", "positive"),
    "4": ("neutral,neutral", "neutral"),
    "5": ("positive,negative", None),
    "6": ("negative,positive", None),
    "7": ("negative,negative", "negative"),
}


def write(folder: Path, labels: dict[str, list[str]], texts: dict[str, bytes] | None = None) -> Path:
    """The labels of each annotator; a text and a picture for each tweet."""
    (folder / "data").mkdir(parents=True)
    annotators = max(map(len, labels.values()))
    lines = ["\t".join(["ID", *["text,image"] * annotators])]
    for number, (name, pairs) in enumerate(labels.items()):
        lines.append("\t".join([name, *pairs]))
        (folder / f"data/{name}.txt").write_bytes((texts or {}).get(name, f"tweet {name}".encode()))
        Image.new("RGB", (4, 4), (number * 37 % 256, number * 91 % 256, number * 53 % 256)).save(
            folder / f"data/{name}.jpg", quality=100
        )
    (folder / "labelResultAll.txt").write_bytes("\r\n".join([*lines, ""]).encode())
    return folder


def labels_of(table: Table) -> dict[str, object]:
    return {one.id: one.label for one in table.samples}


def test_text_and_picture_make_one_label(tmp_path: Path) -> None:
    write(tmp_path, {name: [pair] for name, (pair, _) in PAIRS.items()})
    for corpus in (Mvsa(), MvsaSingle()):
        table = corpus.read(tmp_path)
        assert table.name == "mvsa_single"
        assert labels_of(table) == {name: label for name, (_, label) in PAIRS.items() if label is not None}
        assert list(table.left_out.values()) == [2]
        assert table.problems == ()
        assert table.samples[0].image == tmp_path / "data/1.jpg"
        assert table.samples[0].text == "tweet 1"


def test_of_three_annotators_most_decide(tmp_path: Path) -> None:
    labels = {
        "1": ["positive,neutral", "positive,negative", "neutral,negative"],
        "2": ["neutral,neutral", "neutral,neutral", "positive,negative"],
        "3": ["positive,positive", "negative,positive", "neutral,positive"],
        "4": ["negative,positive", "negative,neutral", "positive,neutral"],
    }
    table = Mvsa().read(write(tmp_path, labels))
    assert table.name == "mvsa_multiple"
    assert labels_of(table) == {"2": "neutral", "4": "negative"}
    assert sorted(table.left_out.values()) == [1, 1]
    assert sum(count for reason, count in table.left_out.items() if "annotators" in reason) == 1
    with pytest.raises(DataError, match=r"labelResultAll\.txt is of MVSA-Multiple.*corpora: \[Mvsa\]"):
        MvsaSingle().read(tmp_path)


def test_texts_in_another_encoding_are_read_whole_and_counted(tmp_path: Path) -> None:
    texts = {"1": "天气\n真好 #sun".encode("gb18030"), "2": "\ufeffcafé ☀\r\nsecond line\n".encode(), "3": b"\x80\xff"}
    write(tmp_path, {name: ["positive,positive"] for name in ("1", "2", "3", "4")}, texts)
    table = Mvsa().read(tmp_path)
    assert [one.text for one in table.samples] == ["天气\n真好 #sun", "café ☀\r\nsecond line", "tweet 4"]
    bad, told = table.problems
    assert (bad.row, bad.id, bad.field) == (3, "3", "text")
    assert bad.reason.endswith("data/3.txt is neither UTF-8 nor GB18030")
    assert told.severity == "warning"
    assert told.reason == "1 of 3 texts are not UTF-8 and were read as GB18030"


def test_splits_are_drawn_and_keep_equal_posts_together(tmp_path: Path) -> None:
    labels = {str(n): [f"{mood},{mood}"] for n in range(60) for mood in [("negative", "neutral", "positive")[n % 3]]}
    write(tmp_path, labels, {"10": b"same", "20": b"Same ", "30": b"same"})
    table = Mvsa().read(tmp_path)
    assert table.split_made
    assert table.splits == {"train": 48, "validation": 6, "test": 6}
    assert all(set(Counter(one.label for one in table.split(name)).values()) == {2} for name in ("validation", "test"))
    groups: dict[int, set[str | None]] = {}
    for sample, group in zip(table.samples, linked(table.samples), strict=True):
        groups.setdefault(group, set()).add(sample.split)
    assert len(groups) == 58
    assert all(len(splits) == 1 for splits in groups.values())
    assert Mvsa().read(tmp_path).samples == table.samples == MvsaSingle().read(tmp_path).samples
    assert Mvsa(seed=1).read(tmp_path).samples != table.samples


def test_unlabelled_tweets_train_unless_they_show_what_is_tested(tmp_path: Path) -> None:
    labels = {str(n): ["neutral,neutral"] for n in range(40)} | {str(n): ["positive,negative"] for n in range(40, 80)}
    write(tmp_path, labels, {str(n): f"tweet {n % 40}".encode() for n in range(40, 80)})
    plain = Mvsa().read(tmp_path)
    for corpus in (Mvsa(unlabelled=True), MvsaSingle(unlabelled=True)):
        table = corpus.read(tmp_path)
        assert table.splits == {"train": 64, "validation": 4, "test": 4}
        assert list(table.left_out.values()) == [8]
        assert [one for one in table.samples if one.label is not None] == list(plain.samples)


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (
            "9\tpositve,neutral",
            "label",
            "'positve' is no class; did you mean 'positive'? valid: 'negative', 'neutral', 'positive'",
        ),
        ("9\tpositive", "label", "expected the labels of text and picture with a comma between them, found 'positive'"),
        ("9\tneutral,neutral\tneutral,neutral", "label", "2 pairs of labels where the header has 1"),
        ("../9\tneutral,neutral", "id", "'../9' is no number"),
        ("8\tneutral,neutral", "text", "data/8.txt cannot be read: No such file or directory"),
        ("1\tneutral,neutral", "id", "the id stands in row 1 too"),
        ("9\tneutral,neutral", "image", "data/9.jpg does not exist"),
    ],
)
def test_a_bad_row_is_named_and_can_be_skipped(tmp_path: Path, line: str, field: str, reason: str) -> None:
    write(tmp_path, {name: ["positive,positive"] for name in ("1", "2", "3")})
    (tmp_path / "data/9.txt").write_text("no picture")
    labels = tmp_path / "labelResultAll.txt"
    labels.write_text(labels.read_text().rstrip() + f"\n\n{line}\n")
    table = Mvsa().read(tmp_path)
    [problem] = table.problems
    assert (problem.row, problem.field) == (5, field)
    assert reason in problem.reason
    assert len(refuse_or_skip(table, skip_bad_rows=True)) == 3


def test_another_file_and_a_split_that_is_not_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"1": ["positive,positive"]})
    with pytest.raises(RecipeError, match=r"'split_course' is a column of mvsa_single\.csv, which is not in"):
        MvsaSingle(split="split_course").read(tmp_path)
    (tmp_path / "labelResultAll.txt").write_text("id,label\n1,positive\n")
    with pytest.raises(DataError, match=r"labelResultAll\.txt: expected the header ID, text,image"):
        Mvsa().read(tmp_path)


def test_verify_knows_the_folder_and_tells_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = {str(n): ["neutral,neutral" if n % 2 else "negative,negative"] for n in range(40)} | {"90": ["positive,negative"]}
    write(tmp_path, labels, {"3": "天气".encode("gb18030")})
    assert execute(["data", "verify", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["corpus"], found["rows"], found["left_out"]) == ("Mvsa", 40, {"unlabelled": 1, "would_train": 1})
    assert any("1 of 41 texts are not UTF-8" in one["reason"] for one in found["problems"])
