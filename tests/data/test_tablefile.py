from __future__ import annotations

import os
from pathlib import Path

import polars
import pytest

from polysense.data.tablefile import find_table, first_rows, read_raw
from polysense.errors import DataError, RecipeError


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path: Path, **options) -> list[dict[str, object]]:
    return [dict(row) for _, row in read_raw(path, **options).rows]


def test_csv_with_everything_that_is_legal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '﻿ id ,text\r\n1,"two\nlines, and ""quotes"""\r\n\r\n2,a\u2028b\r\n')
    assert read_raw(path).columns == ("id", "text")
    assert cells(path) == [{"id": "1", "text": 'two\nlines, and "quotes"'}, {"id": "2", "text": "a\u2028b"}]


def test_values_stay_text(tmp_path: Path) -> None:
    assert cells(write(tmp_path / "a.csv", "id,text\n007,1e5\n")) == [{"id": "007", "text": "1e5"}]


def test_a_column_without_a_name_is_left_out(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", ",text\n0,a\n"))
    assert raw.columns == ("text",)
    assert raw.rows == [(1, {"text": "a"})]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(tmp_path: Path, ending: str) -> None:
    assert cells(write(tmp_path / "a.csv", ending.join(["id,text", "1,a", "2,b"]))) == [
        {"id": "1", "text": "a"},
        {"id": "2", "text": "b"},
    ]


def test_a_long_cell_is_read_and_the_module_wide_limit_restored(tmp_path: Path) -> None:
    import csv

    before = csv.field_size_limit()
    assert len(str(cells(write(tmp_path / "a.csv", "text\n" + "x" * 200_000))[0]["text"])) == 200_000
    assert csv.field_size_limit() == before


def test_ragged_rows_are_named_and_the_others_kept(tmp_path: Path) -> None:
    raw = read_raw(write(tmp_path / "a.csv", 'id,text\n1,"a\nb"\n2,b,c\n3\n4,d\n'))
    assert [number for number, _ in raw.rows] == [1, 4]
    assert [(one.row, one.reason) for one in raw.problems] == [
        (2, "3 cells where the header has 2 (line 4)"),
        (3, "1 cell where the header has 2 (line 5)"),
    ]


def test_an_open_quote_names_where_it_starts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\n1,a\n2,"b\n3,c\n')
    with pytest.raises(DataError, match=r"a\.csv, row 2 \(from line 3\).*quotation mark"):
        read_raw(path)


def test_tsv_quoted_and_not(tmp_path: Path) -> None:
    assert cells(write(tmp_path / "a.tsv", 'id\ttext\n1\t"a\tb"\n')) == [{"id": "1", "text": "a\tb"}]
    assert cells(write(tmp_path / "b.tsv", 'id\ttext\n1\t"a" she said\n')) == [{"id": "1", "text": '"a" she said'}]
    open_quote = 'id\ttext\n1\t"a\n2\tb\n3\tsay "c"\n'
    assert [row["text"] for row in cells(write(tmp_path / "c.tab", open_quote))] == ['"a', "b", 'say "c"']


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.csv is empty"):
        read_raw(write(tmp_path / "a.csv", content))


def test_header_only(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv has a header but no rows"):
        read_raw(write(tmp_path / "a.csv", "id,text\n"))


def test_repeated_header(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'text' more than once"):
        read_raw(write(tmp_path / "a.csv", "text,id,text\n1,2,3\n"))


@pytest.mark.parametrize(
    ("name", "between", "found"),
    [
        (
            "a.csv",
            ";",
            "semicolons stand between the cells, and commas are looked for in a .csv file; write a first line sep=;",
        ),
        (
            "a.csv",
            "\t",
            "tabs stand between the cells, and commas are looked for in a .csv file; end the name of the file in .tsv",
        ),
        (
            "a.tsv",
            ",",
            "commas stand between the cells, and tabs are looked for in a .tsv file; end the name of the file in .csv",
        ),
        ("a.tsv", ";", "semicolons stand between the cells, and tabs are looked for in a .tsv file; write a first line sep=;"),
    ],
)
def test_another_separator(tmp_path: Path, name: str, between: str, found: str) -> None:
    path = write(tmp_path / name, f"id{between}text\n1{between}a\n")
    with pytest.raises(DataError) as caught:
        read_raw(path)
    assert found in str(caught.value)
    assert "--set corpora.0.delimiter=" in str(caught.value)


@pytest.mark.parametrize("rows", ['id\ttext\n1\t"a, b" c\n', '"id"\t"text"\n1\ta\n', 'id\ttext\n"1"\ta\n'])
def test_quoted_cells_do_not_hide_another_separator(tmp_path: Path, rows: str) -> None:
    with pytest.raises(DataError, match=r"tabs stand between the cells, and commas are looked for in a \.csv file"):
        read_raw(write(tmp_path / "a.csv", rows))
    with pytest.raises(DataError, match="is a quotation mark not closed"):
        read_raw(write(tmp_path / "a.csv", 'text\n"a" b\n'))


@pytest.mark.parametrize("between", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_what_the_first_line_says_of_the_cells_holds(tmp_path: Path, name: str, between: str, end: str) -> None:
    rows = [
        f"sep={between}",
        between.join(["id", "text"]),
        between.join(["1", '"one"']),
        between.join(["2", "two", "three"]),
        "",
    ]
    raw = read_raw(write(tmp_path / name, end.join(rows)))
    assert raw.columns == ("id", "text")
    assert raw.rows == [(1, {"id": "1", "text": "one"})]
    assert [one.reason for one in raw.problems] == ["3 cells where the header has 2 (line 4)"]
    assert first_rows(tmp_path / name) == ([["id", "text"], ["1", "one"], ["2", "two", "three"]], between)
    assert first_rows(tmp_path / name, delimiter="|")[1] == between


def test_a_first_line_that_only_looks_like_one_is_a_header(tmp_path: Path) -> None:
    assert read_raw(write(tmp_path / "a.csv", "sep=x,text\n1,a\n")).columns == ("sep=x", "text")
    with pytest.raises(DataError, match="holds nothing but its line sep="):
        read_raw(write(tmp_path / "a.csv", "sep=;\n"))
    with pytest.raises(DataError, match=r"line 3 \(row 1\)"):
        read_raw(write(tmp_path / "a.csv", "sep=;\nid;text\n1;caf\xe9\n".encode("latin-1")))


def test_latin_1_names_line_row_and_the_way_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text\n1,"two\nlines"\n2,café\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"a\.csv is not UTF-8: line 4 \(row 2\) holds the byte 0xE9.*latin-1"):
        read_raw(path)
    assert cells(path, encoding="latin-1")[1]["text"] == "café"


def test_a_bad_byte_at_the_start_of_a_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 3 \(row 2\)"):
        read_raw(write(tmp_path / "a.csv", b"text\na\n\xe9\n"))
    with pytest.raises(DataError, match=r"line 2 \(row 2\)"):
        read_raw(write(tmp_path / "a.jsonl", b'{"text": "a"}\n{"text": "\xe9"}\n'))


def test_utf_16(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text\n1,a\n".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16"):
        read_raw(path)
    assert cells(path, encoding="utf-16") == [{"id": "1", "text": "a"}]


def test_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'latin-99' is not known"):
        read_raw(write(tmp_path / "a.csv", "text\na\n"), encoding="latin-99")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"id,text\n1,a\0b\n"])
def test_binary(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="is not a text file"):
        read_raw(write(tmp_path / "a.csv", content))


def test_jsonl(tmp_path: Path) -> None:
    raw = read_raw(
        write(tmp_path / "a.jsonl", '{"id": 1, "text": "a\u2028b"}\n\n{"text": "b", "label": ["x"]}\nno\n[1]\n{"text": "c')
    )
    assert raw.columns == ("id", "text", "label")
    assert raw.rows == [(1, {"id": 1, "text": "a\u2028b"}), (3, {"text": "b", "label": ["x"]})]
    assert [one.row for one in raw.problems] == [4, 5, 6]
    assert raw.problems[1].reason == "a JSON object is expected on each line, this is list"


def test_jsonl_without_an_object(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no line is a JSON object\. .*row 1") as caught:
        read_raw(write(tmp_path / "a.jsonl", "[\n1\n]\n"))
    assert len(caught.value.problems) == 3


def test_parquet(tmp_path: Path) -> None:
    polars.DataFrame({"id": ["1", "2"], "text": ["a", None], "score": [0.5, None]}).write_parquet(tmp_path / "a.parquet")
    assert cells(tmp_path / "a.parquet") == [{"id": "1", "text": "a", "score": 0.5}, {"id": "2", "text": None, "score": None}]


def test_damaged_parquet(tmp_path: Path) -> None:
    polars.DataFrame({"text": ["a" * 100] * 50}).write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for content in (whole[: len(whole) // 2], b"PAR1" + b"x" * 100 + b"PAR1", whole[:10] + b"\0" * 60 + whole[70:]):
        with pytest.raises(DataError, match=r"b\.parquet cannot be read as Parquet"):
            read_raw(write(tmp_path / "b.parquet", content))


def test_other_formats(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.xlsx is no table format.*'\.csv'"):
        read_raw(write(tmp_path / "a.xlsx", b"PK"))


def test_find_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone does not exist"):
        find_table(tmp_path / "gone")
    with pytest.raises(DataError, match="holds no table file"):
        find_table(tmp_path)
    path = write(tmp_path / "posts.csv", "text\na\n")
    write(tmp_path / "notes.txt", "x")
    write(tmp_path / ".hidden.csv", "x")
    assert find_table(tmp_path) == find_table(path) == path
    write(tmp_path / "more.jsonl", "{}")
    with pytest.raises(DataError, match=r"2 table files, name one: more\.jsonl, posts\.csv"):
        find_table(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text\na\n")
    path.chmod(0)
    with pytest.raises(DataError, match=r"a\.csv cannot be read: Permission denied"):
        read_raw(path)


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.csv", "text\na\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"a\.csv cannot be read: Permission denied"):
        read_raw(path)
