from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from made_sentiment import KNOWLEDGE, kept, texts, write_metaspace
from polysense.encoders.transformer_text import TransformerText
from polysense.knowledge import Entry, Knowledge, Pair, find
from polysense.objectives.sentiment_fields import SentimentFields
from polysense.types import Sample
from polysense.views.masked import KEPT
from polysense.views.sentiment_masked import LEFT_OUT, OUTSIDE


@pytest.fixture(scope="module", params=["wordpiece", "metaspace"])
def encoder(request: pytest.FixtureRequest, tiny_text: str, tmp_path_factory: pytest.TempPathFactory) -> TransformerText:
    wordpiece = request.param == "wordpiece"
    return TransformerText(tiny_text if wordpiece else write_metaspace(tmp_path_factory.mktemp("cut")), max_length=40)


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return kept(tmp_path / "knowledge")


class Spans:
    """In place of an encoder: says which characters its tokens stand for."""

    aspect = False

    def __init__(self, *rows: list[tuple[int, int]]) -> None:
        self.rows = list(rows)

    def spans(self, samples: list[Sample]) -> list[list[tuple[int, int]]]:
        return self.rows


def fields(encoder, digest: str, *rows: str, **choices) -> tuple[list[list[int]], list[list[int]], list[list[list[int]]]]:
    made = SentimentFields(encoder, digest, **choices)
    found = made.prepare([Sample(id="", text=text) for text in rows])
    return tuple(found[f"{made.source}.{name}"].tolist() for name in ("words", "polarity", "pairs"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
def test_every_token_of_a_sentiment_word_or_an_aspect_is_numbered(
    encoder: TransformerText, digest: str, rows: list[str]
) -> None:
    words, polarity, pairs = fields(encoder, digest, *rows)
    every = encoder.spans([Sample(id="", text=text) for text in rows])
    for text, spans, numbers, polar, paired in zip(rows, every, words, polarity, pairs, strict=True):
        seen = find(text[: max(end for _, end in spans)], KNOWLEDGE)
        marks = {(one.start, one.end): one.polarity for one in seen.words} | {(one.start, one.end): KEPT for one in seen.pairs}
        expected: dict[int, int] = {}
        for (start, end), value in marks.items():
            places = [place for place, (first, last) in enumerate(spans) if first < end and start < last]
            assert len({numbers[place] for place in places} - {0}) == 1
            expected |= dict.fromkeys(places, value)
        assert {place for place, number in enumerate(numbers) if number} == set(expected)
        assert polar == [expected.get(place, KEPT) for place in range(len(spans))]
        assert len({number for number in numbers if number}) == len(marks)
        assert len([pair for pair in paired if pair != [0, 0]]) == len(seen.pairs)
        for aspect, word in (pair for pair in paired if pair != [0, 0]):
            kinds = [{polar[place] for place, number in enumerate(numbers) if number == one} for one in (aspect, word)]
            assert kinds[0] == {KEPT}
            assert kinds[1] <= {0, 1}


def test_pairs_of_a_batch_are_padded(encoder: TransformerText, digest: str) -> None:
    _, _, pairs = fields(encoder, digest, "good soup. bad waiter", "good soup", "we sat")
    assert [[pair != [0, 0] for pair in row] for row in pairs] == [[True, True], [True, False], [False, False]]
    assert fields(encoder, digest, "we sat", "")[2] == [[], []]


def test_words_that_share_a_token_count_as_one(digest: str) -> None:
    """Tokens: ``good ba`` ``d`` `` sou`` ``p``; the aspect has tokens of its own."""
    spans = Spans([(0, 0), (0, 7), (7, 8), (8, 12), (12, 13), (0, 0)])
    words, polarity, pairs = fields(spans, digest, "good bad soup")
    assert words == [[0, 1, 1, 2, 2, 0]]
    assert polarity == [[KEPT, 1, 0, KEPT, KEPT, KEPT]]
    assert pairs == [[[2, 1], [2, 1]]]


def test_what_shares_a_token_with_a_word_that_is_left_out_is_left_out_too(digest: str) -> None:
    """Tokens: ``not`` ``good soup`` ``bad`` `` sou`` ``p``, where good is negated and the first soup has no tokens of its own."""
    spans = Spans([(0, 0), (0, 3), (4, 13), (15, 18), (18, 22), (22, 23), (0, 0)])
    words, polarity, pairs = fields(spans, digest, "not good soup. bad soup", skip_negated=True)
    assert words == [[0, 0, LEFT_OUT, 2, 3, 3, 0]]
    assert polarity == [[KEPT, KEPT, KEPT, 0, KEPT, KEPT, KEPT]]
    assert pairs == [[[3, 2]]]


def test_a_word_of_which_the_tokenizer_kept_nothing_is_left_out(digest: str) -> None:
    words, polarity, pairs = fields(Spans([(0, 0), (5, 9), (10, 13), (0, 0)]), digest, "good soup was")
    assert words == [[0, 2, 0, 0]]
    assert polarity == [[KEPT] * 4]
    assert pairs.count([]) == 1


def test_what_is_cut_off_is_not_there(tiny_text: str, digest: str) -> None:
    words, _, pairs = fields(TransformerText(tiny_text, max_length=8), digest, "the garden of the houses was a good soup")
    assert words == [[0] * 8]
    assert pairs == [[]]


def test_a_word_that_the_end_cuts_is_no_word(digest: str) -> None:
    """Of ``goodness`` four letters are read, of ``soups`` as many; nouns farther off are not there either."""
    for text, spans, expected in (
        ("a goodness", [(0, 1), (2, 6)], [0, 0]),
        ("a good-natured one", [(0, 1), (2, 6)], [0, 0]),
        ("a good", [(0, 1), (2, 6)], [0, 1]),
        ("a good. one", [(0, 1), (2, 6)], [0, 1]),
        ("a good\u0301", [(0, 1), (2, 6)], [0, 0]),  # another word: gooḋ
        ("a good\u200d", [(0, 1), (2, 6)], [0, 1]),  # a sign that the tokenizer leaves out
        ("good soups", [(0, 4), (5, 9)], [1, 0]),
        ("good soup bad", [(0, 4), (5, 9)], [1, 2]),
        ("good so soup", [(0, 4), (5, 7)], [1, 0]),
    ):
        words, _, pairs = fields(Spans(spans), digest, text)
        assert words == [expected], text
        assert [pair for pair in pairs[0] if pair != [0, 0]] == ([[2, 1]] if 2 in expected else []), text


def test_tokens_of_an_aspect_are_outside_the_text(tiny_text: str, digest: str) -> None:
    encoder = TransformerText(tiny_text, aspect=True)
    rows = [Sample(id="1", text="a good soup", aspect="bad soup"), Sample(id="2", text="", aspect="soup")]
    made = SentimentFields(encoder, digest)
    words = made.prepare(rows)[f"{made.source}.words"].tolist()
    for row, found, spans in zip(rows, words, encoder.spans(rows), strict=True):
        assert len(found) == len(spans)
        text = [number for number, span in zip(found, spans, strict=True) if span != (0, 0)]
        before = found[: next((at for at, span in enumerate(spans) if span != (0, 0)), len(spans))]
        assert set(before) == {OUTSIDE}
        assert set(text) == ({0, 1, 2} if row.text else set())


def test_negated_words_may_be_left_out(tiny_text: str, digest: str) -> None:
    encoder = TransformerText(tiny_text)
    assert any(fields(encoder, digest, "not a good soup")[0][0])
    [words], [polarity], [pairs] = fields(encoder, digest, "not a good soup", skip_negated=True)
    assert (set(words), set(polarity), pairs) == ({0, LEFT_OUT}, {KEPT}, [])
    names = {SentimentFields(encoder, digest, skip_negated=skip).source for skip in (True, False)}
    assert len(names) == 2


def test_equal_ones_are_one_and_other_knowledge_has_other_fields(tiny_text: str, tmp_path: Path, digest: str) -> None:
    encoder = TransformerText(tiny_text)
    other = kept(tmp_path / "other", Knowledge({"good": Entry(1.0, 1)}))
    assert SentimentFields(encoder, digest) == SentimentFields(encoder, digest)
    assert SentimentFields(encoder, digest) != SentimentFields(TransformerText(tiny_text), digest)
    rows = [Sample(id="", text="good soup")]
    assert not set(SentimentFields(encoder, digest).prepare(rows)) & set(SentimentFields(encoder, other).prepare(rows))


def test_chinese_words_are_found_as_the_dictionary_cuts_them(tmp_path: Path) -> None:
    pytest.importorskip("rjieba")
    text = "味道很好,服务差"
    knowledge = Knowledge({"好": Entry(1.0, 1), "差": Entry(-1.0, 0)}, {("味道", "好"): Pair(2, 1)}, "zh")
    spans = Spans([(0, 0), *((place, place + 1) for place in range(len(text))), (0, 0)])
    words, polarity, pairs = fields(spans, kept(tmp_path / "zh", knowledge), text)
    assert words == [[0, 1, 1, 0, 2, 0, 0, 0, 3, 0]]
    assert [value for value in polarity[0] if value != KEPT] == [1, 0]
    assert pairs == [[[1, 2]]]


def test_the_fields_are_whole_numbers_with_a_row_a_sample(tiny_text: str, digest: str) -> None:
    encoder = TransformerText(tiny_text)
    rows = [Sample(id="a", text="good soup"), Sample(id="b")]
    ids, found = encoder.prepare(rows)["input_ids"], SentimentFields(encoder, digest).prepare(rows)
    assert {value.dtype for value in found.values()} == {torch.int64}
    assert [tuple(value.shape) for value in found.values()] == [tuple(ids.shape), tuple(ids.shape), (2, 1, 2)]
