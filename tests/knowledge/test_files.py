from __future__ import annotations

import csv
import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_reviews import english_reviews, quietly
from polysense.errors import DataError, RecipeError
from polysense.knowledge import NEGATIVE, POSITIVE, Entry, Knowledge, Pair, find
from polysense.knowledge.english import look_up_form
from polysense.knowledge.files import NEVER


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = quietly(english_reviews())
    again = Knowledge.read(found.write(tmp_path / "knowledge"))
    assert again == found
    assert again.digest == found.digest
    assert again.record["corpus"] == found.record["corpus"]
    before = {path.name: path.read_bytes() for path in (tmp_path / "knowledge").iterdir()}
    again.write(tmp_path / "knowledge")
    for name in ("lexicon.tsv", "pairs.tsv"):
        assert (tmp_path / "knowledge" / name).read_bytes() == before[name]
    assert pickle.loads(pickle.dumps(found)) == found


def test_the_lexicon_has_a_header_and_a_finite_score_in_every_row(tmp_path: Path) -> None:
    found = quietly(english_reviews())
    found.write(tmp_path)
    with (tmp_path / "lexicon.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {"word", "score", "polarity", "count"} <= set(rows[0])
    assert all(math.isfinite(float(row["score"])) for row in rows)
    assert all((float(row["score"]) > 0) == (row["polarity"] == "positive") for row in rows)
    assert {row["word"] for row in rows} == set(found.words)


def test_a_lexicon_edited_by_hand_is_read(tmp_path: Path) -> None:
    knowledge = Knowledge(
        {"good": Entry(1.0, POSITIVE, 3), "bad": Entry(-1.0, NEGATIVE, 2)},
        {("screen", "good"): Pair(4, POSITIVE), ("screen", "bad"): Pair(2, NEGATIVE)},
    )
    knowledge.write(tmp_path)
    lines = (tmp_path / "lexicon.tsv").read_text("utf-8").splitlines()
    (tmp_path / "lexicon.tsv").write_text(
        "\n".join(line for line in lines if not line.startswith("bad")) + "\nnew\t0.5\n", "utf-8"
    )
    with pytest.warns(
        UserWarning, match=r"pairs\.tsv: pairs whose word is not in the lexicon are left out: 1, of the words bad$"
    ):
        edited = Knowledge.read(tmp_path)  # as many rows as before: nothing is said of them
    assert set(edited.words) == {"good", "new"}
    assert set(edited.pairs) == {("screen", "good")}


def test_lexica_of_others(tmp_path: Path) -> None:
    vader = tmp_path / "vader.txt"
    vader.write_text(
        ";)\t1.2\t0.5\t[1, 2]\nGood\t1.9\t0.9\t[2, 2]\nbad\t-2.5\t0.6\t[-2]\nfed up\t-1.8\t1\t[-1]\nodd\t0\t0\t[0]\n", "utf-8"
    )
    with pytest.warns(UserWarning, match=r"2 of 4 entries are never one word of a text and are left out: ;\), fed up$"):
        read = Knowledge.from_lexicon(vader)
    assert {word: known.score for word, known in read.words.items()} == {"good": 1.9, "bad": -2.5}
    assert read.record == {"lexicon": "vader.txt", NEVER: 2}
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "positive-words.txt").write_bytes("; comment\n\ngood\nboth\nfin\xe9\n".encode("latin-1"))
    (lists / "negative-words.txt").write_text("; comment\nbad\nboth\n", "utf-8")
    found = Knowledge.from_lexicon(lists)
    assert {word: known.polarity for word, known in found.words.items()} == {
        "good": POSITIVE,
        "finé": POSITIVE,
        "bad": NEGATIVE,
    }
    plain = tmp_path / "own.tsv"
    plain.write_text("polarity\tword\npositive\t满意\nnegative\t差\n", "utf-8")
    assert Knowledge.from_lexicon(plain).language == "zh"
    assert Knowledge.read(plain).words["差"].score == -1.0


def test_what_is_never_one_word_of_a_text_is_left_out_and_counted(tmp_path: Path) -> None:
    """Every word that is kept is found in a text; none of the others could be."""
    entries = ["good", ":)", "fed up", "b/c", "don't", "well-made", "naïve", "o'clock", "(:", "*_*"]
    file = tmp_path / "l.tsv"
    file.write_text("".join(f"{entry}\t1\n" for entry in entries), "utf-8")
    with pytest.warns(
        UserWarning, match=r"l\.tsv: 6 of 10 entries are never one word of a text and are left out: :\), "
    ) as said:
        knowledge = Knowledge.from_lexicon(file)
    assert len(said) == 1
    assert set(knowledge.words) == {"good", "well-made", "naïve", "o'clock"}
    assert knowledge.record[NEVER] == 6
    for word in knowledge.words:
        assert [found.word for found in find(f"It is {word}, you know.", knowledge).words] == [word]
    file.write_text(":)\t1\n", "utf-8")
    with pytest.raises(DataError, match="holds no word"):
        Knowledge.from_lexicon(file)
    knowledge.write(tmp_path / "mined")
    with (tmp_path / "mined" / "lexicon.tsv").open("a", encoding="utf-8") as lines:
        lines.write("fed up\t-1\n")
    with (
        pytest.warns(UserWarning, match=r"lexicon\.tsv: its rows are 5, and knowledge\.json counts 4: edited, or cut off\?"),
        pytest.warns(UserWarning, match=r"1 of 5 entries are never one word of a text and are left out: fed up$"),
    ):
        edited = Knowledge.read(tmp_path / "mined")
    assert edited == knowledge
    assert edited.record[NEVER] == 1


def test_a_word_that_a_lexicon_repeats_gets_the_mean_of_its_scores(tmp_path: Path) -> None:
    """What is contradicted is left out: emoticons in silence, for they are no words."""
    (tmp_path / "l.tsv").write_text("good\t1\nGOOD\t2\nd:\t1\nD:\t-1\n", "utf-8")
    assert {word: known.score for word, known in Knowledge.read(tmp_path / "l.tsv").words.items()} == {"good": 1.5}
    (tmp_path / "l.tsv").write_text("good\t1\nfine\t1\nodd\t0\nodd\t2\nFine\t-0.9\n", "utf-8")
    with pytest.warns(UserWarning, match=r"praise in one line and blame in another are left out: 'fine' \(lines 2, 5\)$"):
        found = Knowledge.from_lexicon(tmp_path / "l.tsv")
    assert {word: known.score for word, known in found.words.items()} == {"good": 1.0, "odd": 1.0}


@pytest.mark.parametrize("second", ["-0.9", "1.03"])
def test_a_word_that_stands_twice_in_an_edited_lexicon_is_refused(second: str, tmp_path: Path) -> None:
    Knowledge({"good": Entry(1.03, POSITIVE), "bad": Entry(-1.0, NEGATIVE)}).write(tmp_path)
    with (tmp_path / "lexicon.tsv").open("a", encoding="utf-8") as lines:
        lines.write(f"Good\t{second}\n")
    with (
        pytest.raises(DataError, match=r"lexicon\.tsv: the word 'good' stands twice, in lines 2 and 4"),
        pytest.warns(UserWarning, match="its rows are 3"),
    ):
        Knowledge.read(tmp_path)


SMALL = Knowledge(
    {"good": Entry(1.0, POSITIVE, 3, tag="ADJ"), "bad": Entry(-1.0, NEGATIVE, 2, tag="ADJ")},
    {("screen", "good"): Pair(14, POSITIVE), ("screen", "bad"): Pair(2, NEGATIVE)},
)


@pytest.mark.filterwarnings("ignore:.*pairs whose word is not in the lexicon")
@pytest.mark.parametrize("name", ["lexicon.tsv", "pairs.tsv"])
def test_a_table_that_is_cut_off_is_refused_or_told_of(name: str, tmp_path: Path) -> None:
    """Within a line it is refused; behind one it may have been edited."""
    SMALL.write(tmp_path)
    whole = (tmp_path / name).read_bytes()
    first, second = whole[:-1].rindex(b"\n"), len(whole) - 1
    for end in range(first + 2, whole.rindex(b"\t")):
        (tmp_path / name).write_bytes(whole[:end])
        with pytest.raises(DataError, match=rf"{name}, line 3: \d of \d cells and no line end"):
            Knowledge.read(tmp_path)
    (tmp_path / name).write_bytes(whole[:second])  # an editor may leave out the last line end
    assert Knowledge.read(tmp_path) == SMALL
    (tmp_path / name).write_bytes(whole[: first + 1])
    with pytest.warns(UserWarning, match=rf"{name}: its rows are 1, and knowledge\.json counts 2: edited, or cut off\?"):
        Knowledge.read(tmp_path)


def test_what_is_missing_beside_the_lexicon_is_told_of(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    (tmp_path / "pairs.tsv").unlink()
    with pytest.warns(UserWarning, match=r"holds no pairs\.tsv: it speaks of no aspects"):
        assert not Knowledge.read(tmp_path).pairs
    SMALL.write(tmp_path)
    (tmp_path / "pairs.tsv").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"pairs\.tsv: its rows are 0, and knowledge\.json counts 2"):
        Knowledge.read(tmp_path)
    SMALL.write(tmp_path)
    (tmp_path / "knowledge.json").unlink()
    with pytest.warns(UserWarning, match=r"holds no knowledge\.json: its language is told by its words"):
        assert Knowledge.read(tmp_path) == SMALL


def test_a_sign_is_turned_with_its_polarity(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    text = (tmp_path / "lexicon.tsv").read_text("utf-8")
    turned = text.replace("good\t1.0", "good\t-1.0")
    (tmp_path / "lexicon.tsv").write_text(turned, "utf-8")
    with pytest.raises(
        DataError, match=r"line 2: the score -1\.000000 is not positive: turn both, or leave the polarity empty"
    ):
        Knowledge.read(tmp_path)
    for polarity in ("negative", ""):
        (tmp_path / "lexicon.tsv").write_text(turned.replace("positive", polarity), "utf-8")
        found = Knowledge.read(tmp_path)
        assert found.words["good"].polarity == found.pairs["screen", "good"].polarity == NEGATIVE


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("term\tscore\tpolarity", "lacks the column word; it has 'term', 'score', 'polarity'; needed are word and score, "),
        ("word\tvalue\tpolarity", "lacks the column score; it has 'word', 'value', 'polarity'"),
        ("term\tvalue\tpolarity", "lacks the column word and score; it has 'term', 'value', 'polarity'"),
    ],
)
def test_a_wrong_header_is_explained(header: str, message: str, tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    (tmp_path / "lexicon.tsv").write_text(f"{header}\ngood\t1\tpositive\n", "utf-8")
    with pytest.raises(DataError, match=rf"lexicon\.tsv: the header {message}"):
        Knowledge.read(tmp_path)


def test_a_lexicon_without_a_header_may_hold_the_words_of_one(tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_text("word\t0.1\nscore\t0.2\n", "utf-8")
    assert set(Knowledge.from_lexicon(tmp_path / "l.tsv").words) == {"word", "score"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("word\tscore\n", "no words"),
        ("good\n", "line 1: a word and its score"),
        ("good\t1\nbad\tnan\n", "line 2: the score nan is not finite"),
        ("good\tmuch\n", "line 1: the score 'much' is not a number; a header needs"),
        ("word\tscore\tpolarity\ngood\t1\tnegative\n", "line 2: the score 1 is not negative"),
        ("word\tscore\tpolarity\ngood\t1\tfine\n", "line 2: polarity 'fine'"),
        ("word,score\ngood,1\n", "line 1: a word and its score are expected, separated by a tab"),
        ("word\tvalue\ngood\t1\n", "the header lacks the column score or polarity; it has 'word', 'value'"),
        ("word\tscore\tcount\ngood\t1\tx\n", "line 2: the count 'x' is not a whole number"),
        ("good\t0\n", "other than 0"),
        ("word\tscore\tcount\ngood\t1\t-3\n", "line 2: the count -3 is below 0"),
    ],
)
def test_broken_lexica_are_refused_with_their_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        Knowledge.read(tmp_path / "l.tsv")


def test_a_folder_without_knowledge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no lexicon\.tsv"):
        Knowledge.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("screen\tgood\tmany", "line 2: an aspect, a word and a whole count"),
        ("screen\tgood\t-1", "line 2: the count -1 is below 0"),
        (" \tgood\t2", "line 2: the aspect: it is empty"),
    ],
)
def test_broken_pairs_are_refused_with_their_line(line: str, message: str, tmp_path: Path) -> None:
    Knowledge({"good": Entry(1.0, POSITIVE)}).write(tmp_path)
    (tmp_path / "pairs.tsv").write_text(f"aspect\tword\tcount\n{line}\n", "utf-8")
    with pytest.raises(DataError, match=message):
        Knowledge.read(tmp_path)


@pytest.mark.parametrize("language", ["de", None, ["en"]])
def test_an_unknown_language_is_refused(language: object, tmp_path: Path) -> None:
    Knowledge({"good": Entry(1.0, POSITIVE)}).write(tmp_path)
    (tmp_path / "knowledge.json").write_text(json.dumps({"language": language}), "utf-8")
    with pytest.raises(DataError, match=r"knowledge\.json: language .* valid: 'en', 'zh'"):
        Knowledge.read(tmp_path)
    with pytest.raises(RecipeError, match="valid: 'en', 'zh'"):
        Knowledge({}, language=language)  # type: ignore[arg-type]


def test_scores_are_written_as_they_are(tmp_path: Path) -> None:
    scores = {"good": 1e-9, "bad": -3e-7, "fine": 1 / 3, "dull": -1.25}
    knowledge = Knowledge({word: Entry(score, POSITIVE if score > 0 else NEGATIVE) for word, score in scores.items()})
    assert Knowledge.read(knowledge.write(tmp_path)) == knowledge
    assert "dull\t-1.250000\t" in (tmp_path / "lexicon.tsv").read_text("utf-8")


GOOD = {"good": Entry(1.0, POSITIVE)}


@pytest.mark.parametrize(
    ("words", "pairs", "message"),
    [
        ({"good": Entry(1.0, NEGATIVE)}, {}, "'good': the polarity 0 is not that of the score 1.0"),
        ({"good": Entry(1.0, 2)}, {}, "the polarity 2"),
        ({"good": Entry(0.0, NEGATIVE)}, {}, "the score 0.0 is not finite, or 0"),
        ({"good": Entry(math.nan, POSITIVE)}, {}, "the score nan"),
        ({"good": Entry(1.0, POSITIVE, -1)}, {}, "the count -1 is below 0"),
        ({"good": Entry(1.0, POSITIVE, tag="A\tB")}, {}, "the tag holds a tab"),
        ({"go\tod": Entry(1.0, POSITIVE)}, {}, "tab or a line break"),
        ({"good\n": Entry(1.0, POSITIVE)}, {}, "tab or a line break"),
        ({"good ": Entry(1.0, POSITIVE)}, {}, "begins or ends with a blank"),
        ({"\ud83d": Entry(1.0, POSITIVE)}, {}, "half of a surrogate pair"),
        ({"": Entry(1.0, POSITIVE)}, {}, "'': it is empty"),
        ({"Good": Entry(1.0, POSITIVE)}, {}, "looked up as 'good'"),
        ({"ﬁne": Entry(1.0, POSITIVE)}, {}, "looked up as 'fine'"),
        (GOOD, {("", "good"): Pair(1, POSITIVE)}, "pair of '' and 'good': it is empty"),
        (GOOD, {("Soup", "good"): Pair(1, POSITIVE)}, "looked up as 'soup'"),
        (GOOD, {("so\rup", "good"): Pair(1, POSITIVE)}, "tab or a line break"),
        (GOOD, {("soup", "good"): Pair(-1, POSITIVE)}, "the count -1 is below 0"),
        (GOOD, {("soup", "good"): Pair(1, NEGATIVE)}, "the polarity 0 is not the word's"),
    ],
)
def test_knowledge_that_makes_no_sense_is_refused(words: Any, pairs: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Knowledge(words, pairs)


@given(st.text())
def test_a_look_up_form_is_its_own(word: str) -> None:
    form = look_up_form(word)
    assert look_up_form(form) == form


def test_merging_keeps_what_is_there_and_adds_counts() -> None:
    one = Knowledge({"good": Entry(1.0, POSITIVE, 3), "odd": Entry(0.5, POSITIVE, 1)}, {("screen", "good"): Pair(2, POSITIVE)})
    other = Knowledge(
        {"good": Entry(2.0, POSITIVE, 4), "odd": Entry(-0.5, NEGATIVE, 9), "bad": Entry(-1.0, NEGATIVE, 1)},
        {("screen", "good"): Pair(3, POSITIVE), ("room", "odd"): Pair(1, NEGATIVE)},
    )
    both = one.merge(other)
    assert both.words == {"good": Entry(1.0, POSITIVE, 7), "odd": Entry(0.5, POSITIVE, 10), "bad": Entry(-1.0, NEGATIVE, 1)}
    assert both.pairs == {("screen", "good"): Pair(5, POSITIVE), ("room", "odd"): Pair(1, POSITIVE)}
    with pytest.raises(RecipeError, match="cannot be merged"):
        one.merge(Knowledge({"好": Entry(1.0, POSITIVE)}, language="zh"))


def test_the_digest_follows_what_is_known() -> None:
    one = Knowledge({"good": Entry(1.0, POSITIVE)})
    assert one.digest == Knowledge({"good": Entry(1.0, POSITIVE, count=5)}).digest
    assert one.digest != Knowledge({"good": Entry(2.0, POSITIVE)}).digest


def test_knowledge_is_read_only_and_whole() -> None:
    one = Knowledge({"good": Entry(1.0, POSITIVE)})
    with pytest.raises(TypeError):
        one.words["bad"] = Entry(-1.0, NEGATIVE)  # type: ignore[index]
    with pytest.raises(RecipeError, match="not in the lexicon: bad"):
        Knowledge({"good": Entry(1.0, POSITIVE)}, {("screen", "bad"): Pair(1, NEGATIVE)})


def test_the_summary_counts_praise_and_blame() -> None:
    knowledge = Knowledge(
        {"good": Entry(1.0, POSITIVE), "bad": Entry(-1.0, NEGATIVE)},
        {
            ("soup", "good"): Pair(2, POSITIVE),
            ("screen", "good"): Pair(1, POSITIVE),
            ("screens", "good"): Pair(3, POSITIVE),
            ("screens", "bad"): Pair(5, NEGATIVE),
        },
    )
    screen, soup = knowledge.summary()
    assert (screen.aspect, screen.positive, screen.negative, screen.words) == ("screens", 4, 5, ("bad", "good"))
    assert (soup.aspect, soup.positive, soup.negative) == ("soup", 2, 0)
