from __future__ import annotations

import hashlib
import json
import pickle
from io import BytesIO
from pathlib import Path

import datasets
import polars
import pytest
from PIL import Image

from polysense.data.bad_rows import refuse_or_skip
from polysense.data.media import Picture, load_image
from polysense.data.table import from_dataset, from_rows, read_table
from polysense.data.verify import verify
from polysense.errors import DataError, Problem, RecipeError

ROWS = [
    {"id": "1", "text": "lovely day", "image": "a.png", "label": "positive", "split": "train"},
    {"id": "2", "text": "awful day", "image": "b.png", "label": "negative", "split": "train"},
    {"id": "3", "text": "", "image": "c.png", "label": "negative", "split": "dev"},
    {"id": "4", "text": "a day", "image": "", "label": "", "split": "test"},
]


def write_csv(folder: Path, content: str, name: str = "posts.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def write_rows(folder: Path, kind: str) -> Path:
    path = folder / f"posts.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    elif kind == "parquet":
        polars.DataFrame(ROWS).write_parquet(path)
    else:
        polars.DataFrame(ROWS).write_csv(path, separator="\t" if kind == "tsv" else ",")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_samples(pictures, kind: str) -> None:
    folder = pictures("a.png", "b.png", "c.png")
    path = write_rows(folder, kind)
    table = read_table(path)
    assert table.problems == ()
    assert [sample.id for sample in table.samples] == ["1", "2", "3", "4"]
    assert table.samples[2].text == ""
    assert table.samples[0].image == folder / "a.png"
    assert table.samples[3].image is None
    assert table.samples[3].label is None
    assert table.splits == {"train": 2, "validation": 1, "test": 1}
    assert (table.name, table.folder, table.split_made) == (path.name, folder, False)
    assert table.digests == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    assert read_table(folder).samples == table.samples


def test_splits_are_numbered_from_0(pictures) -> None:
    table = read_table(write_rows(pictures("a.png", "b.png", "c.png"), "csv"))
    assert [(sample.id, sample.index) for sample in table.split("train")] == [("1", 0), ("2", 1)]
    assert [(sample.id, sample.index) for sample in table.split("dev")] == [("3", 0)]
    assert table.split("val") == table.split("validation")
    assert table.labels() == ["negative", "positive"]
    assert table.labels("validation") == ["negative"]
    with pytest.raises(DataError, match="'trein' is not a split; did you mean 'train'"):
        table.split("trein")


def test_a_split_without_rows_lists_those_there_are() -> None:
    table = from_rows([{"text": "a", "split": "train"}])
    with pytest.raises(DataError, match=r"no rows in the split 'test'; splits: train 1"):
        table.split("test")


def test_mapped_columns(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "tweet,text,fold,label\nhello,other,dev,x\n")
    (sample,) = read_table(path, columns={"text": "tweet", "split": "fold"}).samples
    assert (sample.text, sample.split, sample.label) == ("hello", "validation", "x")
    assert sample.extra == {"text": "other"}


def test_a_mapped_column_that_is_not_there(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "tweets,label\na,x\n")
    with pytest.raises(DataError, match=r"posts\.csv has no column 'tweet' \(for 'text'\); did you mean 'tweets'"):
        read_table(path, columns={"text": "tweet"})
    with pytest.raises(RecipeError, match="columns: 'txt' is not a field; did you mean 'text'"):
        read_table(path, columns={"txt": "tweets"})


def test_no_column_with_a_modality(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"posts\.csv has none of the columns 'text'.*did you mean 'texts'"):
        read_table(write_csv(tmp_path, "texts,label\na,x\n"))


@pytest.mark.parametrize(
    ("header", "found", "said"),
    [
        ("sentence,label", ("a", None), "text is 'sentence'"),
        ("sent0,sent1", ("a", "b"), "text is 'sent0', pair is 'sent1'"),
        ("premise,pair", ("a", "b"), "text is 'premise'"),
    ],
)
def test_usual_names_of_sentence_files_where_there_is_no_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, found: tuple[str, str | None], said: str
) -> None:
    (sample,) = read_table(write_csv(tmp_path, f"{header}\na,b\n")).samples
    assert (sample.text, sample.pair) == found
    assert capsys.readouterr().err.endswith(f"posts.csv: {said}\n")


def test_usual_names_are_extra_where_there_is_a_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sample,) = read_table(write_csv(tmp_path, "text,sentence,positive\na,b,3\n")).samples
    assert (sample.text, sample.pair, sample.extra) == ("a", None, {"sentence": "b", "positive": "3"})
    assert capsys.readouterr().err == ""
    with pytest.raises(DataError, match="none of the columns 'text'"):
        read_table(write_csv(tmp_path, "positive,negative\n3,4\n"))


def test_required_columns(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "text,labels\na,x\n")
    with pytest.raises(
        DataError,
        match=r"posts\.csv has no column 'label': name the one that holds it, --columns label=COLUMN; did you mean 'labels'",
    ):
        read_table(path, required=["label"])
    with pytest.raises(DataError, match=r"there is no column 'label'; .*did you mean 'labels'"):
        read_table(path).require(["text", "label"])


def test_bad_rows_are_problems_and_the_others_stay(pictures) -> None:
    folder = pictures("a.png")
    path = write_csv(
        folder,
        "id,text,image,score,split\n"
        "1,ok,a.png,1,train\n"
        "2,gone,gone.png,1,train\n"
        "3,up,../a.png,1,train\n"
        "4,nan,a.png,nan,train\n"
        "5,split,a.png,1,trian\n"
        "6,,,1,train\n"
        "1,again,a.png,1,train\n"
        "8,ragged\n",
    )
    table = read_table(path)
    assert [sample.id for sample in table.samples] == ["1"]
    assert [(one.row, one.id, one.field) for one in table.problems] == [
        (2, "2", "image"),
        (3, "3", "image"),
        (4, "4", "score"),
        (5, "5", "split"),
        (6, "6", "row"),
        (7, "1", "id"),
        (8, None, "row"),
    ]
    assert table.problems[5].reason == "the id stands in row 1 too"
    with pytest.raises(DataError) as caught:
        refuse_or_skip(table, skip_bad_rows=False)
    message = str(caught.value)
    assert "7 bad rows" in message
    assert f"{table.problems[0].file}, row 2 (id 2), image: " in message
    assert "--skip-bad-rows" in message
    assert "polysense data verify" in message
    assert caught.value.problems == table.problems
    assert caught.value.exit_code == 3


def test_what_is_wrong_with_media_that_nobody_reads_makes_no_row_bad(pictures) -> None:
    content = "id,text,image,audio\na,ok,a.png,\nb,no,gone.png,\nc,,gone.png,\nd,no,gone.png,gone.wav\nb,again,a.png,\n"
    file = write_csv(pictures("a.png"), content)
    table = read_table(file, split_seed=None)
    assert [(one.row, one.field) for one in table.problems] == [(2, "image"), (3, "image"), (4, "image")]
    assert [isinstance(row, Problem) for row in table.in_order()] == [False, True, True, True, False]  # b's id is free again
    heard = read_table(file, split_seed=None, reads=("text", "audio"))
    assert [(one.row, one.field) for one in heard.problems] == [(3, "row"), (4, "audio"), (5, "id")]
    assert [len(heard.in_order()), heard.samples[1].image] == [5, None]


def test_media_root(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "media" / "a.png")
    path = write_csv(tmp_path, "image\na.png\n")
    assert len(read_table(path).problems) == 1
    assert read_table(path, media_root=tmp_path / "media").samples[0].image == tmp_path / "media" / "a.png"
    with pytest.raises(DataError, match="medai is not a folder"):
        read_table(path, media_root=tmp_path / "medai")
    up = write_csv(tmp_path, "image\n../a.png\n", "up.csv")
    assert "leaves" in read_table(up, media_root=tmp_path / "media").problems[0].reason


def test_a_table_without_splits_gets_some(tmp_path: Path) -> None:
    lines = "".join(f"post number {n},{'pos' if n % 2 else 'neg'}\n" for n in range(100))
    path = write_csv(tmp_path, "text,label\n" + lines)
    table = read_table(path)
    assert table.split_made
    assert table.splits == {"train": 80, "validation": 10, "test": 10}
    assert [s.split for s in table.samples] == [s.split for s in read_table(path).samples]
    assert [s.split for s in table.samples] != [s.split for s in read_table(path, split_seed=1).samples]
    none = read_table(path, split_seed=None)
    assert not none.split_made
    assert none.splits == {}


def test_an_empty_split_column_counts_as_none(tmp_path: Path) -> None:
    assert read_table(write_csv(tmp_path, "text,split\na,\nb,\n")).split_made
    partly = read_table(write_csv(tmp_path, "text,split\na,\nb,train\n"))
    assert not partly.split_made
    assert [sample.split for sample in partly.samples] == [None, "train"]


def test_unlabelled_rows_without_a_split_train_and_those_that_would_leak_are_told(tmp_path: Path) -> None:
    rows = "a,x,train\nb,y,train\nc,x,dev\nd,y,test\ne,,\nf,,\nD,,\ng,x,\n"
    table = read_table(write_csv(tmp_path, "text,label,split\n" + rows))
    assert [sample.split for sample in table.samples] == ["train", "train", "validation", "test", "train", "train", None, None]
    assert not table.split_made
    assert [(one.severity, one.field, one.reason) for one in table.problems] == [
        (
            "warning",
            "split",
            "1 unlabelled row without a split left out of training: text, file or group stands in validation or test too",
        )
    ]
    as_written = read_table(tmp_path / "posts.csv", split_seed=None)
    assert [sample.split for sample in as_written.samples][4:] == [None] * 4


def test_refuse_or_skip_passes_a_sound_table_and_warnings() -> None:
    table = from_rows([{"text": "a"}])
    warning = Problem(file="rows", row=None, id=None, field="text", reason="x", severity="warning")
    assert refuse_or_skip(table, [warning], skip_bad_rows=False) is table


def test_skipping_leaves_the_bad_rows_out_and_keeps_them_on_record() -> None:
    table = from_rows([{"text": "a"}, {"text": ""}, {"text": "c"}])
    found = Problem(file="rows", row=3, id="3", field="label", reason="unknown")
    rest = refuse_or_skip(table, [*table.problems, found], skip_bad_rows=True)
    assert [sample.text for sample in rest.samples] == ["a"]
    assert rest.problems == ()
    assert [one.row for one in rest.skipped] == [2, 3]


def test_bad_rows_are_told_in_the_order_of_the_table() -> None:
    """What verifying finds may stand before what reading found."""
    table = from_rows([{"text": "a"}, {"text": "b"}, {"text": ""}])
    found = [Problem(file="rows", row=row, id=str(row), field="label", reason="unknown") for row in (2, 1)]
    with pytest.raises(DataError) as caught:
        refuse_or_skip(table, found, skip_bad_rows=False)
    assert [one.row for one in caught.value.problems] == [1, 2, 3]


def test_what_is_wrong_with_the_whole_table_cannot_be_skipped() -> None:
    table = from_rows([{"text": "a"}])
    whole = Problem(file="rows", row=None, id=None, field="label", reason="one class only")
    with pytest.raises(DataError, match="rows cannot be used\n  rows, label: one class only"):
        refuse_or_skip(table, [whole], skip_bad_rows=True)


def test_a_table_of_bad_rows_only_is_refused_even_with_skipping() -> None:
    with pytest.raises(DataError, match="no row is left"):
        refuse_or_skip(from_rows([{"text": ""}]), skip_bad_rows=True)


def test_the_message_lists_ten_and_counts_the_rest() -> None:
    odd = [{"text": "a", "image": name} for name in ("a b", "c", "d e f", "https://x", "g/h")]
    odd += [
        {"text": "a", field: "x"} for field in ("audio", "video", "score", "score_text", "score_audio", "score_video", "split")
    ]
    with pytest.raises(DataError) as caught:
        refuse_or_skip(from_rows([*odd, *[{"text": ""}] * 25]), skip_bad_rows=False)
    message = str(caught.value)
    assert message.startswith("rows: 37 bad rows\n")
    assert message.count("\n  rows, row ") == 10
    assert "  ... and 27 more" in message
    assert len(caught.value.problems) == 37


def test_equal_faults_are_one_line_of_the_message() -> None:
    with pytest.raises(DataError) as caught:
        refuse_or_skip(from_rows([{"text": ""}] * 25), skip_bad_rows=False)
    assert str(caught.value).startswith(
        "rows: 25 bad rows\n  rows, 25 rows, row: nothing usable: the text is empty (rows 1-25)\n"
    )
    assert len(caught.value.problems) == 25


def test_classes_beyond_a_recipes_send_to_verify_with_the_classes() -> None:
    table = from_rows([{"text": f"text {n}", "label": "ab"[n % 2], "split": "train"} for n in range(4)])
    with pytest.raises(
        DataError, match=r"`polysense data verify` lists all of them \(of classes that a recipe names, with --labels\)"
    ):
        refuse_or_skip(table, verify(table, labels=["a"], splits=()), skip_bad_rows=False)


def test_a_column_named_as_one_target_is_not_the_other(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "text,label\na,1.5\nb,-2\n")
    table = read_table(path, columns={"score": "label"})
    with pytest.raises(DataError, match="no row has a label, they have a score; take a recipe that learns from scores"):
        table.require(["label"])
    read = table.samples
    assert [(one.label, one.score) for one in read] == [(None, 1.5), (None, -2.0)]
    both = read_table(path, columns={"score": "label", "label": "label"}).samples
    assert [(one.label, one.score) for one in both] == [("1.5", 1.5), ("-2", -2.0)]


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        (["7", "8", "7"], "the id stands in row 1 too"),
        (["3", "x", ""], "the id is empty, so the row is called by its number, and row 1 has the id '3'; write another one"),
        (["", "x", "1"], "row 1 has no id, so it is called by its number, '1'; write ids into all rows, or into none"),
    ],
)
def test_an_id_that_is_taken_says_by_what(tmp_path: Path, ids: list[str], reason: str) -> None:
    path = write_csv(tmp_path, "id,text\n" + "".join(f"{name},text {row}\n" for row, name in enumerate(ids)))
    assert [(one.row, one.field, one.reason) for one in read_table(path).problems] == [(3, "id", reason)]


def test_from_rows(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    picture = Image.new("RGB", (3, 3))
    table = from_rows(
        [
            {"text": "a", "image": str(tmp_path / "a.png"), "mood": "x"},
            {"image": picture, "label": "pos"},
            {"image": "gone.png"},
        ],
        split_seed=None,
    )
    assert table.samples[0].image == tmp_path / "a.png"
    assert table.samples[0].extra == {"mood": "x"}
    assert table.samples[1].image == Picture(picture)
    assert table.samples[1].text is None
    assert [str(one) for one in table.problems] == ["rows, row 3 (id 3), image: gone.png does not exist"]
    assert (table.digests, table.folder) == ({}, None)


def test_from_rows_refuses_what_is_no_rows() -> None:
    with pytest.raises(DataError, match="there are no rows"):
        from_rows([])
    with pytest.raises(DataError, match="rows, row 2: a dict is expected, this is str"):
        from_rows([{"text": "a"}, "b"])
    with pytest.raises(DataError, match=r"rows has none of the columns 'text'.*did you mean 'txt'"):
        from_rows([{"txt": "a"}])


def class_set(texts: list[str], labels: list[int]) -> datasets.Dataset:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    return datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)


def test_a_dataset_dict_gives_splits_and_class_names() -> None:
    table = from_dataset(
        datasets.DatasetDict(
            {"train": class_set(["a", "b"], [0, 1]), "validation": class_set(["c"], [1]), "test": class_set(["d"], [-1])}
        )
    )
    assert [(s.text, s.label, s.split) for s in table.samples] == [
        ("a", "neg", "train"),
        ("b", "pos", "train"),
        ("c", "pos", "validation"),
        ("d", None, "test"),
    ]
    assert table.labels() == ["neg", "pos"]


def test_a_dataset_with_mapped_columns_and_no_splits() -> None:
    data = class_set([f"text {n}" for n in range(20)], [0, 1] * 10).rename_columns({"text": "tweet", "label": "mood"})
    table = from_dataset(data, columns={"text": "tweet", "label": "mood"})
    assert table.split_made
    assert table.samples[1].label == "pos"


def test_a_dataset_with_pictures_and_several_labels() -> None:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.List(datasets.ClassLabel(names=["x", "y", "z"]))}
    )
    picture = Image.new("RGB", (4, 3), "red")
    data = datasets.Dataset.from_dict({"image": [picture, picture], "label": [[0, 2], []]}, features=features)
    table = from_dataset(data)
    assert isinstance(table.samples[0].image, Picture)
    assert isinstance(table.samples[0].image.content, bytes), "decoded pictures would fill the memory"
    assert load_image(table.samples[0].image).size == (4, 3)
    assert [sample.label for sample in table.samples] == [("x", "z"), ()]


def test_a_dataset_that_names_picture_files(pictures) -> None:
    path = pictures("a.png") / "a.png"
    data = datasets.Dataset.from_dict({"photo": [str(path), None], "text": ["a", "b"]})
    table = from_dataset(data.cast_column("photo", datasets.Image()), columns={"image": "photo"})
    assert [sample.image for sample in table.samples] == [path, None]


def test_a_picture_far_away_is_fetched_by_the_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.new("RGB", (4, 3))
    monkeypatch.setattr(datasets.Image, "decode_example", lambda *_, **__: picture)
    data = datasets.Dataset.from_dict({"image": ["zip://a.png::pictures.zip"]}).cast_column("image", datasets.Image())
    assert from_dataset(data).samples[0].image == Picture(picture)


def test_verifying_pictures_of_a_parquet_table_leaves_none_decoded(tmp_path: Path) -> None:
    rows = []
    for number in range(3):
        stored = BytesIO()
        Image.new("RGB", (1000, 1000), (80 * number, 0, 0)).save(stored, "JPEG")
        rows.append({"image": {"bytes": stored.getvalue(), "path": None}})
    polars.DataFrame(rows).write_parquet(tmp_path / "posts.parquet")
    table = read_table(tmp_path / "posts.parquet")
    assert not [problem for problem in verify(table) if problem.severity == "bad"]
    assert [sample.image for sample in table.samples] == [Picture(row["image"]["bytes"]) for row in rows]
    assert len(pickle.dumps(table)) < 300_000, "decoded, each takes three million bytes"


def test_a_dataset_dict_with_another_split_is_refused_once() -> None:
    with pytest.raises(DataError, match="'unsupervised' is not a split"):
        from_dataset(datasets.DatasetDict({"unsupervised": class_set(["a"], [0])}))


def test_another_folder_is_proposed_where_most_files_are_not_there(tmp_path: Path) -> None:
    def said(missing: int) -> str:
        rows = [f"good {n},{'not.png' if n < missing else ''}" for n in range(10)]
        (tmp_path / "posts.csv").write_text("\n".join(["text,image", *rows]), "utf-8")
        with pytest.raises(DataError) as caught:
            refuse_or_skip(read_table(tmp_path / "posts.csv"), skip_bad_rows=False)
        return str(caught.value)

    assert "--media-root" in said(10)
    assert "--media-root" not in said(2)
