from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_reviews import GOOD_BAD, SEVEN, KnownWords, barely, chinese_reviews, english_reviews, quietly
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.knowledge import NEGATIVE, POSITIVE, Knowledge, Pair, Seeds, find, mine
from polysense.knowledge.encoded import encode
from polysense.knowledge.english import PlainWords
from polysense.knowledge.function_words import FUNCTION_WORDS
from polysense.knowledge.occurrences import NEGATORS
from polysense.knowledge.seeds import seed_lists

VOCABULARY = ["good", "bad", "fine", "poor", "bright", "weak", "screen", "battery", "price", "zzz"]
TEXTS = st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=12).map(
    lambda texts: [*texts, "good fine", "bad poor"]
)
SEEDS = Seeds(("good", "fine"), ("bad", "poor"))
SEVERAL = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def scores(knowledge: Knowledge) -> dict[str, float]:
    return {word: known.score for word, known in knowledge.words.items() if not known.seed}


@SEVERAL
@given(TEXTS)
def test_exchanged_seeds_negate_every_score_exactly(texts: list[str]) -> None:
    one, other = barely(texts, seeds=SEEDS), barely(texts, seeds=SEEDS.exchanged())
    assert {word: -known.score for word, known in other.words.items()} == {
        word: known.score for word, known in one.words.items()
    }


@SEVERAL
@given(TEXTS)
def test_every_document_twice_gives_the_same_scores(texts: list[str]) -> None:
    assert scores(barely(texts * 2, seeds=SEEDS)) == scores(barely(texts, seeds=SEEDS))


@SEVERAL
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_documents_does_not_matter(texts: list[str], draw) -> None:
    shuffled = texts[:]
    draw.shuffle(shuffled)
    assert barely(shuffled, seeds=SEEDS) == barely(texts, seeds=SEEDS)


def test_equal_texts_give_equal_files_in_whatever_order_and_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*english_reviews(), "", "soup", "soup"]
    once = quietly(texts).write(tmp_path / "once")
    random.Random(1).shuffle(texts)
    monkeypatch.setattr("polysense.knowledge.encoded.CHUNK", 1000)
    again = quietly(texts).write(tmp_path / "again")
    for name in ("lexicon.tsv", "pairs.tsv", "knowledge.json"):
        assert (once / name).read_bytes() == (again / name).read_bytes()


@SEVERAL
@given(TEXTS)
def test_a_word_that_never_meets_a_seed_is_not_in_the_lexicon(texts: list[str]) -> None:
    words = barely([*texts, "lonely word"], seeds=SEEDS).words
    assert not {"lonely", "word"} & set(words)
    for word in scores(barely(texts, seeds=SEEDS)):
        assert any(word in text.split() and {"good", "fine", "bad", "poor"} & set(text.split()) for text in texts)


def test_the_number_of_processes_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polysense.knowledge.encoded.CHUNK", 1000)
    monkeypatch.setattr("polysense.knowledge.encoded.WORTHWHILE", 8)
    texts = english_reviews(300)
    one, two = quietly(texts), quietly(texts, processes=2)
    assert one == two
    assert dict(one.record) == dict(two.record)
    assert one.pairs


def test_no_processes_are_begun_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beginning them takes longer than they save."""

    def begin(*_: object, **__: object) -> None:
        raise AssertionError("begun")

    monkeypatch.setattr("polysense.knowledge.encoded.ProcessPoolExecutor", begin)
    monkeypatch.setattr("polysense.knowledge.encoded.CHUNK", 1000)
    texts = english_reviews(200)
    assert 8 * 1000 < sum(map(len, texts)) < 23 * 1000
    quietly(texts, processes=2)
    with pytest.raises(AssertionError, match="begun"):
        quietly(texts * 3, processes=2)


def test_blocks_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = quietly(english_reviews())
    monkeypatch.setattr("polysense.knowledge.encoded.CHUNK", 500)
    monkeypatch.setattr("polysense.knowledge.encoded.BLOCK", 37)
    assert quietly(english_reviews()) == whole


def test_english_reviews_give_up_their_words_and_aspects() -> None:
    found = quietly(english_reviews())
    assert {word for word, _ in found.strongest(POSITIVE)} == {"crisp", "tidy", "speedy", "gentle"}
    assert {word for word, _ in found.strongest(NEGATIVE)} == {"stale", "noisy", "greasy", "flimsy"}
    assert {"soup", "screen", "room"} <= found.aspects
    assert found.pairs["air", "crisp"].polarity == POSITIVE
    assert found.pairs["air", "stale"].polarity == NEGATIVE
    assert found.words["crisp"].tag == "ADJ"


def test_chinese_reviews_give_up_their_words_and_aspects() -> None:
    found = quietly(chinese_reviews(), language="zh")
    assert found.language == "zh"
    assert "宽敞" in dict(found.strongest(POSITIVE))
    assert {"狭窄", "嘈杂"} <= set(dict(found.strongest(NEGATIVE)))
    assert found.pairs["酒店", "宽敞"].polarity == POSITIVE
    assert found.words["好"].seed  # one character, kept as a seed


def test_seeds_stay_unscored_level_with_the_strongest_of_their_side() -> None:
    words = barely(SEVEN, seeds=Seeds(("good", "splendid"), ("bad",)), min_seed_count=1).words
    assert words["splendid"].count == 0
    assert {words["good"].score, words["splendid"].score} == {max(abs(one.score) for one in words.values() if one.polarity)}
    assert words["bad"].polarity == NEGATIVE
    assert words["bad"].score == words["weak"].score


def test_the_strongest_words_of_each_side_are_kept() -> None:
    assert set(scores(barely(SEVEN, top=1))) == {"bright", "weak"}
    assert set(scores(barely(SEVEN, top=0))) == set()


def test_equal_scores_are_ranked_by_count_then_alphabetically() -> None:
    texts = ["good xenon", "good amber", "good amber", "bad", "good yodel", "bad weak"]
    found = barely(texts)
    assert [word for word, _ in found.strongest(POSITIVE)] == ["amber", "xenon", "yodel"]
    assert found.words["amber"].score == found.words["xenon"].score


def test_rare_and_short_words_are_left_out() -> None:
    texts = [*SEVEN, "good tv 1080 42x"]
    assert {"tv", "1080", "42x"} & set(barely(texts).words) == set()
    assert set(scores(barely(texts, min_count=3))) == {"screen", "battery"}


def test_small_corpora_have_a_smaller_least_count() -> None:
    assert quietly(english_reviews()).record["settings"]["min_count"] == 8


def test_tags_and_patterns_say_what_is_a_candidate() -> None:
    texts = ["the screen is bright good", "good crisp, tall screen", "bad stale soup", "bad soup weak very"]
    kept = {"tagger": KnownWords(), "tags": ("ADJ",), "pairs": False}
    assert set(scores(barely(texts, **kept))) == {"bright", "crisp", "tall", "stale", "weak"}
    with_patterns = barely(texts, **{**kept, "patterns": (("ADJ", "NOUN", True),)})
    assert set(scores(with_patterns)) == {"tall", "stale"}  # "crisp," is cut off by its sign


@pytest.mark.parametrize(("window", "together"), [("sentence", False), ("document", True), (3, False), (9, False)])
def test_the_window_says_what_is_together(window, together: bool) -> None:
    texts = ["It was good. And bright too.", "bad"]
    assert ("bright" in scores(barely(texts, window=window))) is together


def test_a_window_of_words_slides() -> None:
    texts = ["good one two bright", "bad"]
    assert "bright" not in scores(barely(texts, window=3))
    assert "bright" in scores(barely(texts, window=4))


def test_function_words_are_left_out_unless_they_are_wanted_or_given() -> None:
    texts = ["good crisp has very", "bad stale was not"] * 9
    plain = {"seeds": GOOD_BAD, "tags": None, "patterns": None, "pairs": False, "min_count": 1}
    assert set(quietly(texts, **plain).words) == {"good", "bad", "crisp", "stale"}
    every = quietly(texts, **plain, function_words=True)
    assert set(every.words) == {"good", "bad", "crisp", "stale", "has", "very", "was", "not"}
    assert every.record["settings"]["function_words"] is True
    given = quietly(texts, **{**plain, "seeds": Seeds(("good",), ("not",))})
    assert given.words["not"].seed
    chinese = ["满意，已经热情", "失望，没有冷漠"] * 9
    for wanted, found in ((False, {"热情", "冷漠"}), (True, {"热情", "冷漠", "已经", "没有"})):
        seeds = Seeds(("满意",), ("失望",))
        assert set(barely(chinese, language="zh", seeds=seeds, function_words=wanted).words) - {"满意", "失望"} == found


def test_function_words_are_no_aspects_and_negators_are_function_words() -> None:
    tags = {**dict.fromkeys(("something", "much", "room"), "NOUN"), "good": "ADJ", "bad": "ADJ"}
    texts = ["good something", "bad much", "good room"] * 5
    found = quietly(texts, seeds=GOOD_BAD, tagger=KnownWords(tags), patterns=None)
    assert set(found.pairs) == {("room", "good")}
    seen = find("good something, a room", found, KnownWords(tags), known_pairs=False)
    assert [pair.aspect for pair in seen.pairs] == ["room"]
    for language, negators in NEGATORS.items():
        assert negators <= FUNCTION_WORDS[language]


def test_no_shipped_seed_is_a_function_word_but_recalled_ones() -> None:
    for name in seed_lists():
        seeds = Seeds.named(name)
        meant = {*seeds.positive, *seeds.negative}
        assert bool(meant & (FUNCTION_WORDS["en"] | FUNCTION_WORDS["zh"])) == (name == "SKEP_46")


def test_what_was_scored_0_is_recorded() -> None:
    found = barely([*SEVEN, "odd"] * 3)
    assert found.record["scored 0"] == ["odd"]


def test_negated_words_can_be_left_out() -> None:
    texts = ["not really good but cheap", "bad and dear", "good bright thing"]
    assert scores(barely(texts))["cheap"] > 0
    assert "cheap" not in scores(barely(texts, skip_negated=True))
    assert scores(barely(texts, skip_negated=True))["bright"] > 0


def test_pairs_are_counted_from_the_second_on() -> None:
    texts = ["good screen", "good screen", "good room", "bad soup"]
    found = barely(texts, pairs=True, tagger=KnownWords(), tags=("ADJ",))
    assert dict(found.pairs) == {("screen", "good"): Pair(2, POSITIVE)}
    found = barely(texts, pairs=True, tagger=KnownWords(), tags=("ADJ",), min_pair_count=1)
    assert found.pairs["soup", "bad"] == Pair(1, NEGATIVE)


def test_few_hits_and_rare_seeds_are_warned_of_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = mine(english_reviews())
    told = [str(one.message) for one in caught if one.category is UserWarning]
    assert told == found.record["warnings"]
    assert sum("200 windows hold a negative seed" in one for one in told) == 1
    assert sum("fewer than 5 windows" in one and "worst" in one for one in told) == 1


def test_a_corpus_without_candidates_keeps_the_seeds_and_says_so() -> None:
    found = quietly(["good"] * 5 + ["bad"] * 5, seeds=GOOD_BAD, tags=None, patterns=None, pairs=False)
    assert set(found.words) == {"good", "bad"}
    assert [known.score for known in found.words.values()] == [-1.0, 1.0]
    assert any("no word was found" in one for one in found.record["warnings"])


def test_texts_may_be_a_generator_and_are_read_once() -> None:
    def texts() -> Iterator[str]:
        yield from SEVEN

    assert barely(texts()) == barely(SEVEN)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "no texts"),
        (["", "?!"], "no word in them"),
        (["good", 3], "text 2: int"),
        (["good " * 9], "no negative seed of own seeds is in 1 windows"),
    ],
)
def test_unusable_texts_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        barely(texts)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"language": "de"}, "valid: 'en', 'zh'"),
        ({"window": "page"}, "'page'; valid: 'sentence'"),
        ({"window": 1}, "at least 2"),
        ({"window": "pattern"}, "needs patterns"),
        ({"tags": ("ADJECTIVE",)}, "'ADJECTIVE' is no tag"),
        ({"balance": "median"}, "'mean', 'sum'"),
        ({"min_count": 0}, "min_count: 0"),
        ({"smoothing": -1.0}, "smoothing"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        barely(SEVEN, **wrong)


def test_one_text_is_no_list_of_texts() -> None:
    with pytest.raises(RecipeError, match="this is one"):
        mine("good screen")


@pytest.mark.parametrize(("language", "module"), [("en", "textblob"), ("zh", "rjieba")])
def test_a_missing_extra_is_named_before_any_text_is_read(language, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from polysense.knowledge import chinese, english

    chinese._segment.cache_clear()
    english._find_tags.cache_clear()
    for name in (module, f"{module}.en"):
        monkeypatch.setitem(sys.modules, name, None)

    def texts() -> Iterator[str]:
        raise AssertionError("read")
        yield ""

    with pytest.raises(PolysenseError, match=r"pip install 'polysense\[knowledge\]'"):
        mine(texts(), language=language)


def test_halves_of_surrogate_pairs_are_signs() -> None:
    """JSON may hold them; they are no characters, and no tagger takes them."""
    found = quietly([text.replace("，", "\ud83d") + "\ude00" for text in chinese_reviews()], language="zh")
    assert found.words.keys() == quietly([text.replace("，", "*") for text in chinese_reviews()], language="zh").words.keys()
    assert quietly([f"{text}\ud83d" for text in english_reviews()]) == quietly(english_reviews())


def test_the_digest_is_of_the_texts_and_their_borders_alone(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(texts: list[str]) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return encode(texts, PlainWords(), "en", folder).digest

    sums = sum(int(hashlib.sha256(text).hexdigest(), 16) for text in (b"a b", b"", b"caf\xc3\xa9", b"a b"))
    assert digest(["a b", "", "café", "a b"]) == f"{sums % 2**256:064x}"
    monkeypatch.setattr("polysense.knowledge.encoded.CHUNK", 1)
    assert digest(["café", "a b", "a b", ""]) == f"{sums % 2**256:064x}"
    assert len({digest(texts) for texts in (["a b", "c"], ["a", "b c"], ["a b", "c", "c"], ["a b", "c", ""])}) == 4


def test_no_torch_is_loaded() -> None:
    code = "import sys, polysense.knowledge; sys.exit(bool({'torch', 'textblob', 'rjieba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
