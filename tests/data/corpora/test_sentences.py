from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest

from polysense.data.corpora.sentences import Sentences
from polysense.data.draws import Drawn
from polysense.data.pair_files import Delimiter
from polysense.data.table import from_rows
from polysense.errors import ArgumentError, DataError, RecipeError


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    file = tmp_path / "sentences.txt"
    file.write_text("The sun is warm.\r\n\nSnow\u2028and ice .\n  \nA third one", "utf-8")
    return file


def texts(table, split: str = "train") -> list[str | None]:
    return [sample.text for sample in table.split(split)]


def test_one_sentence_a_line_and_blank_lines_are_counted(lines: Path) -> None:
    table = Sentences().read(lines)
    assert texts(table) == ["The sun is warm.", "Snow\u2028and ice .", "A third one"]
    assert [sample.origin.rpartition(" ")[2] for sample in table.samples] == ["1", "3", "5"]
    assert table.left_out == {"blank lines of sentences.txt": 2}
    assert "sentences.txt" in table.digests


def test_a_folder_gives_all_its_text_files_or_those_that_the_path_names(lines: Path) -> None:
    (lines.parent / "more").mkdir()
    (lines.parent / "more" / "news.txt").write_text("One of the news\n", "utf-8")
    (lines.parent / "zebra.txt").write_text("A zebra\n", "utf-8")
    table = Sentences().read(lines.parent)
    assert texts(table)[-1] == "A zebra"
    assert len({sample.id for sample in table.samples}) == len(table) == 4
    assert texts(Sentences(path="more/*.txt").read(lines.parent)) == ["One of the news"]
    with pytest.raises(DataError, match=r"holds no less/\*\.txt"):
        Sentences(path="less/*.txt").read(lines.parent)
    with pytest.raises(RecipeError, match="must lie below"):
        Sentences(path="../secret.txt").read(lines.parent)


@pytest.mark.parametrize(
    ("name", "header", "delimiter"),
    [
        ("a.csv", "sent0,sent1,hard_neg", ","),
        ("a.tsv", "premise\tentailment\tcontradiction", "\t"),
        ("b.csv", "text,pair,negatives", ","),
        ("c.csv", "sentence,positive,hard negative", ","),
        ("d.csv", "Sentence1,Sentence2,Hard_Negative", ","),
        ("e.tsv", "anchor\tPositive\thard-negatives", "\t"),
    ],
)
def test_pair_files_are_read_under_their_usual_headers(tmp_path: Path, name: str, header: str, delimiter: str) -> None:
    file = tmp_path / name
    file.write_text("\n".join([header, delimiter.join(["a dog", "an animal", "a cat"])]), "utf-8")
    (sample,) = Sentences().read(file).samples
    assert (sample.text, sample.pair, sample.negatives) == ("a dog", "an animal", ("a cat",))
    assert sample.split == "train"


def test_an_empty_cell_in_a_pair_file_is_a_bad_row(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text("sent0,sent1\na,b\nc,\n", "utf-8")
    table = Sentences().read(file)
    (problem,) = table.problems
    assert (problem.row, problem.field, problem.severity) == (2, "pair", "bad")
    assert len(table) == 1


def test_a_limit_is_drawn_by_the_run_and_validation_rows_are_the_same_for_all(tmp_path: Path) -> None:
    file = tmp_path / "many.txt"
    file.write_text("\n".join(f"sentence {number}" for number in range(50)), "utf-8")
    table = Sentences(limit=20, validation=5).candidates(file)
    assert (table.splits, table.held_out) == ({"train": 45, "validation": 5}, 5)
    shown = [[row.id for row in Drawn(table.split("train"), table.draws, seed=seed).samples] for seed in (0, 0, 1)]
    assert len(shown[0]) == 20
    assert shown[0] == shown[1] != shown[2]
    own = Sentences(limit=20, validation=5, seed=3).candidates(file)
    assert [row.id for row in own.split("validation")] != [row.id for row in table.split("validation")]
    fixed = [Drawn(own.split("train"), own.draws, seed=seed).samples for seed in (0, 1)]
    assert fixed[0] == fixed[1]
    read = Sentences(limit=20, validation=5).read(file)
    assert read.splits == {"train": 20, "validation": 5}
    assert [row.id for row in read.split("train")] == shown[0]


def test_more_validation_rows_than_there_are_name_the_argument(tmp_path: Path) -> None:
    file = tmp_path / "few.txt"
    file.write_text("\n".join(f"sentence {number}" for number in range(50)), "utf-8")
    with pytest.raises(ArgumentError, match="50 of 50 training rows are asked for") as caught:
        Sentences(validation=50).read(file)
    assert (caught.value.argument, caught.value.instead) == ("validation", "5")


def test_sentences_of_evaluation_sets_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "sts_b"
    folder.mkdir()
    for name in ("train", "dev", "test"):
        (folder / f"sts-{name}.csv").write_text(f"genre\tfile\t2012\t1\t3.0\tA {name} sentence.\tAnother {name} one\n", "utf-8")
    (tmp_path / "sentences.txt").write_text("a DEV sentence\nfree words\nanother test one!\n", "utf-8")
    table = Sentences(exclude=["sts_b"]).read(tmp_path)
    assert texts(table) == ["free words"]
    assert table.left_out == {"training rows that stand in sts_b": 2}
    with pytest.raises(RecipeError, match="no evaluation set"):
        Sentences(exclude=["sts"]).read(tmp_path)


def test_impossible_choices_are_refused() -> None:
    with pytest.raises(RecipeError, match="limit"):
        Sentences(limit=0)
    with pytest.raises(RecipeError, match="validation"):
        Sentences(validation=-1)


ROWS = [["A dog runs.", "An animal, moving", "A cat sleeps."], ['She said "no".', "She refused", "She agreed"]]


def laid_out(file: Path, delimiter: str, rows: list[list[str]], header: list[str] | None = None) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, delimiter=delimiter).writerows([header, *rows] if header else rows)
    return file


@pytest.mark.parametrize("header", [None, ["sent0", "sent1", "hard_neg"]], ids=["no header", "header"])
@pytest.mark.parametrize(
    ("name", "delimiter", "width"),
    [
        ("a.csv", ",", 1),
        *((name, mark, width) for name, mark in (("a.csv", ","), ("a.csv", "\t"), ("a.tsv", "\t")) for width in (2, 3)),
    ],
)
def test_pair_files_come_with_and_without_header_between_commas_and_tabs(
    tmp_path: Path, header: list[str] | None, name: str, delimiter: str, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = laid_out(tmp_path / name, delimiter, [row[:width] for row in ROWS], header and header[:width])
    table = Sentences().read(file)
    assert not table.problems
    assert texts(table) == [row[0] for row in ROWS]
    assert [sample.pair for sample in table.samples] == [row[1] if width > 1 else None for row in ROWS]
    assert [sample.negatives for sample in table.samples] == [(row[2],) if width > 2 else () for row in ROWS]
    assert [sample.origin.rpartition(" ")[2] for sample in table.samples] == ["1", "2"]
    mark = "commas" if delimiter == "," else "tabs"
    fields = ["text", "pair", "negatives"][:width]
    named = ", ".join(f"{field} is {column!r}" for field, column in zip(fields, header or (), strict=False))
    first = f"their header; {named}" if header else f"a row: its cells are {', '.join(fields)}"
    assert f"{name}: {mark} stand between the cells, the first line is {first}\n" in capsys.readouterr().err


@pytest.mark.parametrize("width", [1, 2])
def test_numbers_before_the_sentences_are_their_ids(tmp_path: Path, width: int, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[str(7 + number), *row[:width]] for number, row in enumerate(ROWS)]
    table = Sentences().read(laid_out(tmp_path / "a.tsv", "\t", rows))
    assert texts(table) == [row[0] for row in ROWS]
    assert [sample.id for sample in table.samples] == ["7", "8"]
    assert [sample.pair for sample in table.samples] == [row[1] if width > 1 else None for row in ROWS]
    assert f"its cells are id, {', '.join(['text', 'pair'][:width])}\n" in capsys.readouterr().err


def test_a_quotation_mark_that_is_not_closed_is_told_with_its_row(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('A dog runs.,An animal\n"A cat sleeps.,No dog\n' + "A long line of words, and more\n" * 6000, "utf-8")
    with pytest.raises(DataError, match=r"a\.csv, row 1 .*is a quotation mark not closed"):
        Sentences().read(file)


def test_a_text_file_of_numbered_lines_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("1\tA dog runs.\n2\tA cat sleeps.\n", "utf-8")
    with pytest.raises(DataError, match=r"a\.txt: every line begins with a number and a tab; end its name in \.tsv"):
        Sentences().read(file)
    file.write_text("1\tA dog runs.\nA cat sleeps.\n", "utf-8")
    assert len(Sentences().read(file)) == 2


def test_a_column_of_numbers_is_no_text(tmp_path: Path) -> None:
    file = laid_out(tmp_path / "a.csv", ",", [["1", "A dog runs."], ["2", "A cat sleeps."]], ["number", "sentence"])
    with pytest.raises(DataError, match=r"2 of 2 texts have no letter, '1' for instance; name the column .*: number, sentence"):
        Sentences(columns={"text": "number"}).read(file)
    assert texts(Sentences().read(file)) == ["A dog runs.", "A cat sleeps."]


def test_what_each_column_is_read_as_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"anchor": "a dog", "positive": "an animal", "source": "x"}\n', "utf-8")
    Sentences().read(file)
    assert "a.jsonl: text is 'anchor', pair is 'positive'; not used: 'source'\n" in capsys.readouterr().err


def test_columns_that_are_named_stand_beside_the_usual_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text("premise,hypothesis,contradiction\na dog,an animal,a cat\n", "utf-8")
    (read,) = Sentences(columns={"pair": "hypothesis"}).read(file).samples
    assert (read.text, read.pair, read.negatives) == ("a dog", "an animal", ("a cat",))
    assert "text is 'premise', pair is 'hypothesis', negatives is 'contradiction'\n" in capsys.readouterr().err
    (read,) = Sentences(columns={"negatives": "hypothesis", "text": "contradiction"}).read(file).samples
    assert (read.text, read.pair, read.negatives) == ("a cat", None, ("an animal",))


def test_equal_sentences_alone_cannot_be_learned_from(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("A dog runs.\n" * 20, "utf-8")
    with pytest.raises(DataError, match=r"all 20 training rows belong together .* none can be held out"):
        Sentences(validation=2).read(file)


def test_rows_given_in_python_are_held_out_as_a_file_is(tmp_path: Path) -> None:
    rows = [{"text": f"sentence {number}"} for number in range(30)]
    table = Sentences(validation=5).adopted(partial(from_rows, rows, split_seed=None))
    assert table.splits == {"train": 25, "validation": 5}
    own = Sentences(validation=5).adopted(partial(from_rows, [{**rows[0], "split": "dev"}, *rows[1:]], split_seed=None))
    assert own.splits == {"train": 29, "validation": 1}


def test_rows_given_in_python_have_columns_and_no_file(tmp_path: Path) -> None:
    rows = partial(from_rows, [{"said": "a sentence"}, {"said": "another one"}], split_seed=None)
    assert texts(Sentences(columns={"text": "said"}).adopted(rows)) == ["a sentence", "another one"]
    with pytest.raises(RecipeError, match=r"Sentences, path: 'a\.txt' says something of files, .*; leave it at null"):
        Sentences(path="a.txt").adopted(rows)


def test_a_tab_file_without_quoting_keeps_its_quotes(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text('"So it goes\tHe said so\nA "quoted" word\tA word\n', "utf-8")
    table = Sentences().read(file)
    assert texts(table) == ['"So it goes', 'A "quoted" word']
    assert not table.problems


def test_a_first_line_that_may_be_either_is_asked_about(tmp_path: Path) -> None:
    file = laid_out(tmp_path / "pairs.csv", ",", ROWS, ["first", "second", "third"])
    with pytest.raises(DataError, match=r"pairs\.csv: the first line 'first, second, third' may be a header or a row"):
        Sentences().read(file)
    named = Sentences(columns={"text": "first", "pair": "second", "negatives": "third"}).read(file)
    assert texts(named) == [row[0] for row in ROWS]
    assert texts(Sentences(header=False).read(file)) == ["first", *(row[0] for row in ROWS)]


@pytest.mark.parametrize("delimiter", ["comma", "tab", "semicolon"])
@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv"])
def test_what_stands_between_the_cells_can_be_said(tmp_path: Path, name: str, delimiter: Delimiter) -> None:
    """The other characters are then part of the sentences."""
    rows = [["a dog, brown; old", "an animal\tof some kind"], ["two; or three", "some, few"]]
    file = laid_out(tmp_path / name, {"comma": ",", "tab": "\t", "semicolon": ";"}[delimiter], rows, ["text", "pair"])
    samples = Sentences(delimiter=delimiter).read(file).samples
    assert [[sample.text, sample.pair] for sample in samples] == rows


def test_what_is_wrong_with_a_file_without_header_is_named(tmp_path: Path) -> None:
    file = laid_out(tmp_path / "pairs.csv", ",", [["a b", "c", "d", "e"]])
    with pytest.raises(DataError, match=r"pairs\.csv has no header and 4 columns; .*three \(text, pair, negatives\)"):
        Sentences().read(file)
    laid_out(file, ",", [["a b", "c"], ["d"], ["", "e"], ["f", " "], ["g", "h"]])
    table = Sentences().read(file)
    assert texts(table) == ["a b", "g"]
    assert [(one.row, one.field, one.reason) for one in table.problems] == [
        (2, "row", "1 cell where the first row has 2 (line 2)"),
        (3, "row", "nothing usable: the text is empty"),
        (4, "pair", "is empty, other rows have one"),
    ]
