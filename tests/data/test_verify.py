from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polysense.data import damaged
from polysense.data.frames import HeldFrames, Provenance
from polysense.data.table import Table, from_rows, read_table
from polysense.data.verify import verify

NEVER = "contrasts and matching (ITC, ITM) never run"


def rows(**changes: object) -> list[dict[str, object]]:
    base = [
        {"text": f"text {n}", "label": "ab"[n % 2], "split": split}
        for n, split in enumerate(["train", "train", "validation", "validation", "test", "test"])
    ]
    return [{**row, **{key: value[n] for key, value in changes.items()}} for n, row in enumerate(base)]  # type: ignore[index]


def found(table: Table, **options) -> list[tuple[str, int | None, str, str]]:
    return [(one.severity, one.row, one.field, one.reason) for one in verify(table, **options)]


def test_a_sound_table_has_no_problems() -> None:
    assert verify(from_rows(rows()), labels=["a", "b"], strict=True) == []


def test_pictures_are_decoded_and_counted(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    Image.effect_noise((64, 64), 50).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.jpg").write_text("not a picture")
    (tmp_path / "posts.csv").write_text("id,text,image\nx,one,a.png\ny,two,b.jpg\nz,three,c.jpg\nw,four,gone.jpg\n")
    steps: list[tuple[int, int]] = []
    problems = verify(read_table(tmp_path), progress=lambda done, total: steps.append((done, total)))
    bad = {one.row: one for one in problems if one.severity == "bad"}
    assert sorted(bad) == [2, 3, 4]
    assert (bad[2].id, bad[2].field) == ("y", "image")
    assert "b.jpg is truncated" in bad[2].reason
    assert "c.jpg is not a picture" in bad[3].reason
    assert "gone.jpg does not exist" in bad[4].reason
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert [one.row for one in verify(read_table(tmp_path), decode=False) if one.severity == "bad"] == [4]


def test_unknown_labels_name_the_nearest() -> None:
    table = from_rows(rows(label=["positive", "negative", "postive", "negative", "positive", "negative"]))
    assert found(table, labels=["negative", "positive"]) == [
        ("bad", 3, "label", "'postive' is not among the classes; did you mean 'positive'? valid: 'negative', 'positive'"),
        ("warning", None, "label", "1 of 2 classes of the training rows stand in no row of validation: 'positive'"),
    ]
    several = from_rows(rows(label=["a|b", "b", "a|x", "b", "a", "b"]), label_separator="|")
    assert [row for severity, row, *_ in found(several, labels=["a", "b"]) if severity == "bad"] == [3]


def test_of_many_unknown_labels_the_nearest_class_is_told_of_the_first_only() -> None:
    table = from_rows(rows(label=["aaax", "aaay", "aaaz", "aaaw", "aaax", "aaa"]))
    told = [reason for severity, *_, reason in found(table, labels=["aaa", "bbb"]) if severity == "bad"]
    assert ["did you mean" in reason for reason in told] == [True, True, True, False, True]
    assert told[3] == "'aaaw' is not among the classes; valid: 'aaa', 'bbb'"


def test_many_classes_are_not_compared_with_each_other() -> None:
    label = ["positive"] * 20 + ["postive"]
    for many in (0, 600):
        names = [*label, *(f"{n}{n % 7}x" for n in range(many))]
        table = from_rows([{"text": f"text {n}", "label": name} for n, name in enumerate(names)])
        assert any("is 'positive' meant" in reason for *_, reason in found(table)) == (many == 0)


def test_rows_of_other_classes_leave_their_split_and_their_answers_there() -> None:
    table = from_rows(rows(label=["a", "b", "x", "y", "x", "y"]))
    assert [row for severity, row, *_ in found(table, labels=["a", "b"]) if severity == "bad"] == [3, 4, 5, 6]
    assert not [reason for *_, reason in found(table, labels=["a", "b"]) if "no row is" in reason]
    bare = from_rows(rows(label=[None, None, "x", "y", "x", "y"]))
    assert not [reason for *_, reason in found(bare, labels=["a", "b"]) if "no row is labelled" in reason]


def test_one_class_only() -> None:
    problems = found(from_rows(rows(label=["a", "a", "b", "b", "a", "b"])))
    assert [(severity, row, field) for severity, row, field, _ in problems] == [("bad", None, "label")]
    assert "all training rows have the one class 'a'" in problems[0][3]


def test_one_class_can_be_told_from_none_of_the_classes() -> None:
    assert found(from_rows(rows(label=[["a"], [], ["a"], [], ["a"], []]))) == []


def test_splits_without_rows() -> None:
    table = from_rows(rows(split=["train"] * 6))
    reasons = [reason for *_, reason in found(table)]
    assert reasons == ["no row is in the split 'validation' (train 6)", "no row is in the split 'test' (train 6)"]
    assert found(table, splits=["train"]) == [
        ("warning", None, "split", "no row is in the split 'test' (train 6): runs are scored on validation only")
    ]
    assert found(table, splits=["train"], strict=True)[0][0] == "bad"
    assert found(table, splits=[]) == [], "a table to answer for needs no splits"


def test_a_table_without_labels_is_told_so_where_it_is_to_train(tmp_path: Path) -> None:
    bare = from_rows([{"text": "a", "mood": "x"}, {"text": "b"}], split_seed=None)
    assert found(bare, splits=[]) == [], "a table to answer for needs neither labels nor splits"
    assert [(severity, field) for severity, _, field, _ in found(bare)] == [("warning", "label"), *[("warning", "split")] * 3]
    assert found(bare)[0][3] == (
        "there is no column 'label' or 'score', so there are no answers to learn; "
        "name the one that holds them, --columns label=COLUMN; valid: 'mood'"
    )
    empty = from_rows([{"text": "a", "label": ""}, {"text": "b", "label": None}])
    assert found(empty)[0][3] == "no row is labelled: there are no answers to learn"


def test_duplicates_and_what_stands_in_two_splits_are_warnings(pictures) -> None:
    folder = pictures("a.png", "b.png", "c.png", "d.png", "e.png")
    (folder / "f.png").write_bytes((folder / "a.png").read_bytes())
    table = from_rows(rows(text=["same", "Same", "x", "y", "same ", "z"], image=[folder / f"{name}.png" for name in "abcdef"]))
    assert found(table) == [
        (
            "warning",
            None,
            "row",
            "all 2 training rows with text and picture have one text: contrasts and matching (ITC, ITM) never run",
        ),
        ("warning", None, "text", "1 text stands in more than one row (3 rows; for example ids 1, 2, 5)"),
        ("warning", None, "text", "1 text stands in more than one split (train and test: 1; for example ids 1, 2, 5)"),
        ("warning", None, "image", "1 picture stands in more than one row (2 rows; for example ids 1, 6)"),
        ("warning", None, "image", "1 picture stands in more than one split (train and test: 1; for example ids 1, 6)"),
    ]
    assert {one.severity for one in verify(table, strict=True)} == {"bad"}


def test_classes_that_look_like_slips_of_the_pen_are_warnings() -> None:
    label = ["positive"] * 20 + ["negative"] * 30 + ["neutral"] * 12 + ["postive", "Negative", "Negative", "odd"]
    table = from_rows([{"text": f"text {number}", "label": name} for number, name in enumerate(label)])
    assert [(severity, reason) for severity, _, field, reason in found(table) if field == "label"] == [
        ("warning", "'Negative' is the class of 2 rows (row 64, row 65): is 'negative' meant (30 rows)?"),
        ("warning", "'odd' is the class of a single row: it can be learned or tested, not both"),
        ("warning", "'postive' is the class of 1 row (row 63): is 'positive' meant (20 rows)?"),
    ]


def test_classes_that_validation_or_test_lack_are_warnings() -> None:
    table = from_rows(rows(label=["a", "b", "a", "a", "b", "a"]))
    assert found(table) == [
        ("warning", None, "label", "1 of 2 classes of the training rows stand in no row of validation: 'b'")
    ]
    few = from_rows(rows(label=["a", "b", "a", "a", "a", "a"]))  # too few rows for a class of one to be odd
    assert [reason for *_, reason in found(few)] == [
        f"1 of 2 classes of the training rows stand in no row of {split}: 'b'" for split in ("validation", "test")
    ]
    several = from_rows(rows(label=["a|c", "b", "a|c", "b", "a|d", ""]), label_separator="|")
    absent = [reason for *_, reason in found(several) if "in no row of" in reason]
    assert absent == ["2 of 3 classes of the training rows stand in no row of test: 'b', 'c'"]
    assert not any("in no row of" in reason for *_, reason in found(from_rows(rows(label=["a", "b", "a", "b", None, None]))))


def test_of_many_rows_of_a_misspelt_class_the_first_are_named() -> None:
    label = ["positive"] * 200 + ["postive"] * 12 + ["negative"] * 9
    table = from_rows([{"text": f"text {number}", "label": name} for number, name in enumerate(label)])
    (said,) = [reason for _, _, field, reason in found(table) if field == "label"]
    assert said.startswith("'postive' is the class of 12 rows (row 201, row 202, ")
    assert said.endswith(", row 210, ...): is 'positive' meant (200 rows)?")


def test_classes_that_are_only_rare_or_only_alike_are_none() -> None:
    for label in (
        ["positive"] * 20 + ["very positive"] * 2 + ["negative"] * 20,
        ["happy"] * 10 + ["unhappy"] * 9,
        ["1"] * 50 + ["10"] * 4 + ["2"] * 50,
        ["a", "b", "c"],
    ):
        table = from_rows([{"text": f"text {number}", "label": name} for number, name in enumerate(label)])
        assert not [reason for _, _, field, reason in found(table) if field == "label" and "in no row of" not in reason]


def test_a_column_of_picture_names_that_was_not_mapped_is_told(tmp_path: Path) -> None:
    pictures = ["a.jpg", "b.PNG", "c.jpeg", "", "e.webp", "f.jpg"]
    warned = found(from_rows(rows(pic=pictures, city=["x.y", "", "", "", "", ""])))
    assert warned == [
        ("warning", None, "image", "no row has a picture, and 'pic' holds names of pictures: --columns image=pic")
    ]


def test_columns_of_recordings_and_films_that_were_not_mapped_are_told() -> None:
    warned = found(from_rows(rows(film=[f"{n}.mp4" for n in range(6)], voice=[f"{n}.WAV" for n in range(6)])))
    assert warned == [
        ("warning", None, "audio", "no row has a recording, and 'voice' holds names of recordings: --columns audio=voice"),
        ("warning", None, "video", "no row has a film, and 'film' holds names of films: --columns video=film"),
    ]


def test_bad_rows_come_in_the_order_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "posts.csv").write_text(
        "id,text,image,label\n1,one,gone.jpg,a\n2,two,,c\n3,,,a\n4,four,,b\n5,five,gone.jpg,b\n"
    )
    bad = [one for one in verify(read_table(tmp_path), labels=["a", "b"]) if one.row is not None]
    assert [one.row for one in bad] == [1, 2, 3, 5]


def test_what_rows_lack_is_counted() -> None:
    picture = [Image.new("RGB", (4, 4), (n, 0, 0)) for n in range(6)]
    table = from_rows(
        rows(
            text=["a", "b", "", None, "c", "lost �"],
            label=["a", "b", "a", "b", "", "b"],
            split=["train", "train", "dev", "", "train", "test"],
            image=[*picture[:5], None],
        )
    )
    assert found(table) == [
        ("warning", None, "label", "1 of 2 classes of the training rows stand in no row of validation: 'b'"),
        ("warning", None, "label", "1 of 2 classes of the training rows stand in no row of test: 'a'"),
        ("warning", None, "label", "1 of 6 rows are unlabelled"),
        ("warning", None, "split", "1 of 6 rows are in no split"),
        ("warning", None, "text", "1 of 6 rows have none"),
        ("warning", None, "image", "1 of 6 rows have none"),
        ("warning", None, "text", "1 of 6 texts are empty"),
        ("warning", None, "text", "1 of 6 texts hold �: characters were lost when the table was made"),
    ]


def test_bad_rows_do_not_count_as_a_class(tmp_path: Path) -> None:
    """The second class stands only in a row whose picture is damaged: one class is left."""
    (tmp_path / "bad.png").write_bytes(b"no picture")
    table = from_rows(rows(label=["a", "b", "a", "b", "a", "b"], image=[None, tmp_path / "bad.png", None, None, None, None]))
    assert [(row, field) for severity, row, field, _ in found(table) if severity == "bad"] == [(2, "image"), (None, "label")]


@pytest.mark.parametrize("decode", [True, False])
def test_the_evaluation_set_has_the_duplicates_that_its_notes_count(data_folder, decode: bool) -> None:
    from polysense.data.corpora.mvsa_single import MvsaSingle

    problems = verify(MvsaSingle().read(data_folder("mvsa_single")), decode=decode, labels=["negative", "neutral", "positive"])
    assert all(one.severity == "warning" for one in problems)
    reasons = " ".join(one.reason for one in problems)
    assert "56 texts stand in more than one split" in reasons
    assert "45 pictures stand in more than one row" in reasons
    assert "14 pictures stand in more than one split" in reasons


def test_recordings_and_films_are_opened(takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("0.mp4", "cut.mp4", "text.mp4", "mute.mp4", "voice.wav", "empty.mp4")
    rows = [{"id": name, "text": name, "video": takes / name} for name in names]
    rows += [
        {"id": "sound", "text": "x", "audio": takes / "mute.mp4"},
        {"id": "gone", "text": "y", "audio": takes / "none.wav"},
    ]
    table = from_rows(rows, split_seed=None)

    def told(**choices: bool) -> dict[str | None, tuple[str, str, str]]:
        found = verify(table, splits=(), **choices)
        return {one.id: (one.severity, one.field, one.reason.rpartition("/")[2]) for one in found if one.row is not None}

    assert told() == {
        "cut.mp4": ("bad", "video", told()["cut.mp4"][2]),
        "text.mp4": ("bad", "video", told()["text.mp4"][2]),
        "empty.mp4": ("bad", "video", "empty.mp4 is an empty file"),
        "voice.wav": ("warning", "video", "voice.wav has no film: the clip counts as having none"),
        "sound": ("warning", "audio", "mute.mp4 has no sound: the clip counts as having none"),
        "gone": ("bad", "audio", "none.wav does not exist"),
    }
    assert "cut.mp4 breaks off: it has 4,000 of at least" in told()["cut.mp4"][2]
    assert set(told(decode=False)) == {"gone"}
    monkeypatch.setattr(damaged, "can_decode", lambda: False)
    assert set(told()) == {"gone"}
    assert "7 recordings and films were not opened: pip install 'polysense[media]'" in [
        one.reason for one in verify(table, splits=())
    ]


def test_frames_of_another_width_or_making_are_bad_rows() -> None:
    made = [Provenance("one", {"bands": 40}), Provenance("two")]
    kinds = [(5, 0), (5, 0), (4, 0), (5, 1), (5, None), (5, 0)]
    rows = [
        {"text": f"take {row}", "audio": HeldFrames(np.full((2, width), row, np.float32), None if by is None else made[by])}
        for row, (width, by) in enumerate(kinds)
    ]
    rows.append({"text": "without"})
    found = [one for one in verify(from_rows(rows, split_seed=None), splits=(), decode=False) if one.severity == "bad"]
    one = '{"name": "one", "parameters": {"bands": 40}}'
    assert [(problem.row, problem.field, problem.reason) for problem in found] == [
        (3, "audio", "the sequence has 4 numbers a frame, those of 3 other rows have 5"),
        (4, "audio", f'the sequence is made by {{"name": "two", "parameters": {{}}}}, those of 3 other rows by {one}'),
        (5, "audio", f"the sequence is made by something that nobody noted, those of 3 other rows by {one}"),
    ]


def test_regions_without_boxes_are_warned_about() -> None:
    sound, odd = (np.array([[1, 2, 0.1, 0.2, *corner]], np.float32) for corner in ([0.5, 0.6], [300, 200]))
    table = from_rows(
        rows(image=[HeldFrames(one + np.float32([[n, 0, 0, 0, 0, 0]])) for n, one in enumerate([sound] * 4 + [odd] * 2)])
    )
    assert [(severity, row, field) for severity, row, field, _ in found(table)] == [
        ("warning", 5, "image"),
        ("warning", 6, "image"),
    ]
    reason = (
        "the sequence, region 1: its last 4 numbers are a box: left, top, right, bottom as fractions of the picture, found "
    )
    assert found(table)[0][3] == f"{reason}0.1, 0.2, 300, 200: models that read boxes refuse it"


def test_labels_that_are_many_numbers_are_told_with_the_column_for_them() -> None:
    scores = [f"{number / 7:.2f}" for number in range(-20, 20)]
    many = from_rows([{"text": f"text {number}", "label": score} for number, score in enumerate(scores)])
    (told,) = [one for one in found(many, labels=scores) if one[2] == "label"]
    assert told == (
        "warning",
        None,
        "label",
        "the labels of 40 rows are 40 different numbers, and each counts as a class of its own; if they are scores, "
        "--columns score=label reads them so",
    )
    bad = [one[3] for one in found(many, labels=many.labels("train")) if one[2] == "label" and one[0] == "bad"]
    assert len(bad) == 8
    way = "is not among the classes; all labels are numbers: if they are scores, --columns score=label"
    assert all(way in reason for reason in bad)
    for label in ("12345" * 4, [str(number) for number in range(20)] * 20, scores[:10] * 2, ["1.5", "n/a"] * 10):
        table = from_rows([{"text": f"text {number}", "label": name} for number, name in enumerate(label)])
        assert not [reason for *_, reason in found(table) if "numbers" in reason]


def test_a_table_in_which_no_contrast_runs_is_told() -> None:
    picture = [Image.new("RGB", (4, 4), (n, 0, 0)) for n in range(6)]
    for changes, reason in [
        (
            {"text": ["same", "Same "] * 3, "image": picture},
            f"all 2 training rows with text and picture have one text: {NEVER}",
        ),
        ({"image": picture[:1] * 6}, f"all 2 training rows with text and picture have one picture: {NEVER}"),
        ({"image": [None, None, *picture[2:]], "text": ["a", "b"] + [None] * 4}, None),
        ({"image": [picture[0], None] * 3, "text": [None, "a"] * 3}, f"no training row has both text and picture: {NEVER}"),
        ({"text": ["same"] * 6}, "all 2 training rows have one text: a contrast has nothing to tell apart"),
        ({"image": picture}, None),
    ]:
        told = [reason for *_, reason in found(from_rows(rows(**changes))) if "never run" in reason or "tell apart" in reason]
        assert told[:1] == ([] if reason is None else [reason]), changes
    assert not [one for one in found(from_rows(rows(text=["same"] * 6)), splits=()) if "tell apart" in one[3]]


@pytest.mark.parametrize(
    ("same", "shared"),
    [({"group": "me"}, "one group, 'me'"), ({"text": "same"}, "equal texts, pictures or groups")],
)
def test_why_drawn_splits_leave_validation_empty_is_told(same: dict[str, str], shared: str) -> None:
    table = from_rows([{"text": f"text {n}", "label": "ab"[n % 2], **same} for n in range(30)])
    told = [reason for severity, *_, reason in found(table) if severity == "bad"]
    assert told == [
        f"no row is in the split {split!r} (train 30): all rows belong together ({shared}), and splits that are drawn keep such rows "
        "on one side; give them a column 'split'"
        for split in ("validation", "test")
    ]


def test_columns_that_are_empty_and_texts_that_are_nowhere_are_told(pictures) -> None:
    folder = pictures("a.png", "b.png", "c.png", "d.png", "e.png", "f.png")
    image = [folder / f"{name}.png" for name in "abcdef"]
    nothing = [{key: value for key, value in row.items() if key != "text"} for row in rows(image=image)]
    assert found(from_rows(nothing)) == [("warning", None, "text", "no row has a text: recipes that read texts are refused")]
    assert found(from_rows(rows(text=[None] * 6, image=image)))[0][3] == "the column 'text' is empty in every row"
    assert found(from_rows(rows(image=[None] * 6))) == [("warning", None, "image", "the column 'image' is empty in every row")]
    assert ("warning", None, "text", "6 of 6 texts are empty") in found(from_rows(rows(text=[""] * 6, image=image)))


def test_a_column_of_texts_that_was_not_named_is_told(tmp_path: Path) -> None:
    for n in range(20):
        Image.new("RGB", (4, 4), (n, 0, 0)).save(tmp_path / f"{n}.png")
    rows = [f"{n}.png,the colours of day {n},{'a' if n % 2 else 'b'},{n}" for n in range(20)]
    (tmp_path / "posts.csv").write_text("\n".join(["image,body,label,likes", *rows]), "utf-8")
    found = [one.reason for one in verify(read_table(tmp_path / "posts.csv")) if one.field == "text"]
    assert found == ["no row has a text, and 'body' holds texts: --columns text=body"]
    named = verify(read_table(tmp_path / "posts.csv", columns={"text": "body"}))
    assert not [one for one in named if one.field == "text"]
