from __future__ import annotations

import multiprocessing
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from killed_making import rewrite_until
from made_captions import made_captions
from polysense.data.media import normalised
from polysense.errors import DataError, RecipeError
from polysense.knowledge import shards
from polysense.knowledge.english import PatternTagger
from polysense.knowledge.rewriting import Caption, Rewrites, Translator, rewrite
from polysense.knowledge.rewriting.grammar import is_plural, stem
from polysense.knowledge.rewriting.scene import Part, parts, verb_stems


class Polite(Translator):
    """Says please."""

    @property
    def name(self) -> str:
        return "polite"

    def paraphrase(self, texts: Sequence[str]) -> list[list[str]]:
        return [[f"{text} Please .", text] for text in texts]


CAPTIONS = made_captions(40)


@pytest.fixture(scope="module")
def made() -> Rewrites:
    return rewrite(CAPTIONS, seed=1)


def by_picture(captions: Sequence[Caption]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for caption in captions:
        found[caption.picture].add(normalised(caption.text))
    return found


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 30), st.sampled_from(("balanced", "context", "uniform")))
def test_a_rewrite_is_none_of_its_pictures_captions_and_has_its_provenance(seed: int, pictures: int, draw: str) -> None:
    captions = made_captions(pictures, seed=seed)
    found = rewrite(captions, seed=seed, draw=draw, min_count=2)  # type: ignore[arg-type]
    own = by_picture(captions)
    words = {name: {stem(word) for text in texts for word in re.findall(r"[\w'-]+", text)} for name, texts in own.items()}
    assert len(found)
    for caption in captions:
        rewrites = found.of(caption.text, caption.picture)
        assert len({(one.level, one.text) for one in rewrites}) == len(rewrites)
        for one in rewrites:
            if one.level == "positive":
                assert normalised(one.text) in own[caption.picture] - {normalised(caption.text)}
                continue
            assert normalised(one.text) not in own[caption.picture]
            if one.level == "sentence":
                assert normalised(one.text) in own[one.by]
                assert one.by != caption.picture
            else:
                assert is_exchange(caption.text, one.text, one.replaced, one.by)
                if one.level == "phrase":
                    assert min(len(one.replaced.split()), len(one.by.split())) > 1
                verb = one.level == "word" and "ing " in one.by
                core = one.by.split()[0] if verb else one.by.rpartition(" ")[2]
                assert stem(core.lower()) not in words[caption.picture]


def is_exchange(before: str, after: str, replaced: str, by: str) -> bool:
    """Whether one text is the other with some words in the place of others, and perhaps another article before them."""
    for match in re.finditer(re.escape(replaced), before):
        head, tail = before[: match.start()], before[match.end() :]
        heads = {head, re.sub(r"\b([aA])n $", r"\1 ", head), re.sub(r"\b([aA]) $", r"\1n ", head)}
        if any(after in (one + by + tail, one + by[:1].upper() + by[1:] + tail) for one in heads):
            return True
    return False


def test_every_rule_of_a_replacement_holds_by_explicit_loops(made: Rewrites) -> None:
    tag = PatternTagger().tag
    verbs = verb_stems(tag(caption.text) for caption in CAPTIONS)
    every = {caption: parts(caption.text, tag(caption.text), verbs) for caption in {c.key: c for c in CAPTIONS}.values()}
    counts: Counter[tuple[str, str, str]] = Counter()
    seen: set[tuple[str, str, str, str, str]] = set()
    for found in every.values():
        for part in found:
            counts[part.kind, part.shape, part.words] += 1
            seen |= {
                (part.kind, part.shape, part.words, "before", part.before),
                (part.kind, part.shape, part.words, "after", part.after),
            }
    checked = 0
    for caption, found in every.items():
        for one in made.of(caption.text, caption.picture):
            if one.level not in ("phrase", "word"):
                continue
            fitting = [part for part in found if fits(part, one.replaced, one.by, caption.text, counts)]
            assert fitting, one
            assert any(
                (part.kind, part.shape, one.by.lower(), "before", part.before) in seen
                and (part.kind, part.shape, one.by.lower(), "after", part.after) in seen
                for part in fitting
            )
            checked += 1
    assert checked > 100


def fits(part: Part, replaced: str, by: str, text: str, counts: Counter[tuple[str, str, str]]) -> bool:
    if text[part.start : part.end] != replaced:
        return False
    own, other = counts[part.kind, part.shape, part.words], counts[part.kind, part.shape, by.lower()]
    same_number = part.kind not in ("object", "phrase") or is_plural(by.rsplit(maxsplit=1)[-1]) == is_plural(
        replaced.rsplit(maxsplit=1)[-1]
    )
    return min(own, other) >= 3 and max(own, other) <= 4 * min(own, other) and same_number


def test_sentences_are_those_of_a_ranking_by_explicit_loops() -> None:
    captions = made_captions(15, seed=4)
    ranks = 6
    found = rewrite(captions, ranks=ranks, per_level={"sentence": ranks, "phrase": 0, "word": 0})
    own = by_picture(captions)
    texts = sorted({text for texts in own.values() for text in texts})
    bags = [Counter(re.findall(r"\w\w+", text)) for text in texts]
    rarity = {word: np.log((1 + len(texts)) / (1 + sum(word in bag for bag in bags))) + 1 for bag in bags for word in bag}

    def cosine(one: Counter[str], other: Counter[str]) -> float:
        norm = [sum((count * rarity[word]) ** 2 for word, count in bag.items()) ** 0.5 for bag in (one, other)]
        return round(sum(count * other[word] * rarity[word] ** 2 for word, count in one.items()) / (norm[0] * norm[1]), 6)

    for caption in captions:
        mine = texts.index(normalised(caption.text))
        scores = {place: cosine(bags[mine], bag) for place, bag in enumerate(bags) if place != mine}
        ranked = sorted((place for place in scores if scores[place] > 0), key=lambda place: (-scores[place], place))[:ranks]
        homes = [name for name, texts_of in own.items() if texts[mine] in texts_of]
        pool = {
            texts[place] for place in ranked if scores[place] <= 0.95 and not any(texts[place] in own[name] for name in homes)
        }
        sentences = {normalised(one.text) for one in found.of(caption.text, caption.picture) if one.level == "sentence"}
        assert sentences == pool


def test_the_seed_decides_and_the_order_does_not(made: Rewrites) -> None:
    assert rewrite(reversed(CAPTIONS), seed=1) == made
    other = rewrite(CAPTIONS, seed=2)
    assert other != made
    assert other.counts["positive"] == made.counts["positive"]


def test_levels_can_be_left_out_and_numbers_are_upper_bounds() -> None:
    found = rewrite(CAPTIONS, per_level={"positive": 1, "sentence": 2, "phrase": 0, "word": 1})
    for caption in CAPTIONS:
        counts = Counter(one.level for one in found.of(caption.text, caption.picture))
        assert counts["positive"] <= 1
        assert counts["sentence"] <= 2
        assert counts["phrase"] == 0
        assert counts["word"] <= 1


def nouns_exchanged(found: Rewrites) -> set[tuple[str, str]]:
    pairs = found.table.filter(found.table["replaced"] != "").select("replaced", "by").rows()
    return {(one.split()[-1].lower(), other.split()[-1].lower()) for one, other in pairs}


@pytest.mark.parametrize("related", [{"boy": ["girl", "cat"]}, {"girl": ["boy"], "cat": ["boy"]}])
def test_related_words_never_take_each_others_place(related: dict[str, list[str]]) -> None:
    many = {"word": 50, "phrase": 50}
    never = {("boy", "girl"), ("girl", "boy"), ("boy", "cat"), ("cat", "boy")}
    assert len(never & nouns_exchanged(rewrite(CAPTIONS, draw="uniform", per_level=many))) > 2  # type: ignore[arg-type]
    assert not never & nouns_exchanged(rewrite(CAPTIONS, draw="uniform", per_level=many, related=related))  # type: ignore[arg-type]


def test_a_translator_gives_positives_that_are_no_captions() -> None:
    found = rewrite(CAPTIONS, translator=Polite(), per_level={"positive": 9, "phrase": 0, "word": 0})
    for caption in CAPTIONS:
        said = [one for one in found.of(caption.text, caption.picture) if one.by == "polite"]
        assert [one.text for one in said] == [f"{caption.text} Please ."]
    assert found.record["translator"] == "polite"


def test_the_record_says_how_and_the_control_stands_in_it(made: Rewrites) -> None:
    assert made.record["seed"] == 1
    assert made.record["draw"] == "balanced"
    assert set(made.record["control"]) == {"positive", "sentence", "phrase", "word"}
    assert {"object, singular", "attribute, adjective", "relation, ing preposition"} <= set(made.record["vocabulary"])


def test_a_killed_making_goes_on_and_equals_one_that_was_not(
    made: Rewrites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polysense.knowledge.rewriting.corpus.SHARD", 20)
    process = multiprocessing.get_context("spawn").Process(
        target=rewrite_until, args=(4, tmp_path / "out"), kwargs={"shard": 20}
    )
    process.start()
    process.join()
    assert process.exitcode == -9
    pieces = sorted((tmp_path / "out/.rewriting").glob("*.parquet"))
    assert len(pieces) == 3
    calls: list[Path] = []
    write = shards.write_parquet
    monkeypatch.setattr(shards, "write_parquet", lambda frame, path: (calls.append(path), write(frame, path)))
    assert rewrite(CAPTIONS, seed=1, folder=tmp_path / "out") == made
    assert not set(calls) & set(pieces)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["rewrites.parquet", "rewriting.json"]
    assert Rewrites.read(tmp_path / "out").record == {**made.record, "counts": made.counts, "digest": made.digest}


def test_pieces_of_another_table_are_not_used(tmp_path: Path, made: Rewrites) -> None:
    (tmp_path / ".rewriting").mkdir()
    (tmp_path / ".rewriting/000000.parquet").write_bytes(b"of another seed")
    (tmp_path / ".rewriting/made_from.json").write_text('{"digest": "another"}', "utf-8")
    assert rewrite(CAPTIONS, seed=1, folder=tmp_path) == made


def test_a_whole_table_is_read_and_another_one_is_not_written_over(tmp_path: Path, made: Rewrites) -> None:
    rewrite(CAPTIONS, seed=1, folder=tmp_path)
    before = (tmp_path / "rewrites.parquet").stat().st_mtime_ns
    assert rewrite(CAPTIONS, seed=1, folder=tmp_path) == made
    assert (tmp_path / "rewrites.parquet").stat().st_mtime_ns == before
    with pytest.raises(
        RecipeError, match=r"holds a rewrites\.parquet that was made from other captions or with other settings"
    ):
        rewrite(CAPTIONS, seed=2, folder=tmp_path)
    assert rewrite(CAPTIONS, seed=2, folder=tmp_path, overwrite=True) != made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per_level": {"letter": 1}}, "'letter' is no level; .*valid: 'phrase', 'positive', 'sentence', 'word'"),
        ({"per_level": {"word": -1}}, "per_level, word: expected a number from 0 up, found -1"),
        ({"min_count": 0}, "min_count: 0 is too small; at least 1"),
        ({"factor": 0.5}, "factor: 0.5 is too small"),
        ({"draw": "unifrm"}, "draw: 'unifrm' is none; did you mean 'uniform'"),
    ],
)
def test_wrong_arguments_are_told(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        rewrite(CAPTIONS, **settings)  # type: ignore[arg-type]


def test_there_must_be_captions() -> None:
    with pytest.raises(DataError, match="there are no captions"):
        rewrite([Caption(" ", "1.jpg")])
    with pytest.raises(RecipeError, match="a Caption is expected, found str"):
        rewrite(["A dog ."])  # type: ignore[list-item]


def test_one_picture_alone_has_no_negatives_of_sentences() -> None:
    found = rewrite([Caption("A dog runs .", "1.jpg"), Caption("The dog is running .", "1.jpg")])
    assert found.counts["sentence"] == 0
    assert found.counts["positive"] == 2
