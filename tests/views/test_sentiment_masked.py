from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_sentiment import KNOWLEDGE, REVIEWS, batch_of, kept, texts, view_of, write_metaspace
from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.knowledge import find
from polysense.objectives.sentiment_fields import SentimentFields
from polysense.types import Batch, Sample
from polysense.views.masked import KEPT
from polysense.views.view import seeded

usual = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Cut:
    encoder: TransformerText
    digest: str
    skip_negated: bool


@pytest.fixture(
    scope="module",
    params=[("wordpiece", False), ("metaspace", False), ("wordpiece", True), ("metaspace", True)],
    ids=lambda choice: f"{choice[0]}-{'unnegated' if choice[1] else 'all'}",
)
def cut(request: pytest.FixtureRequest, tiny_text: str, tmp_path_factory: pytest.TempPathFactory) -> Cut:
    folder: Path = tmp_path_factory.mktemp("cut")
    tokenizer, skip_negated = request.param
    pretrained = tiny_text if tokenizer == "wordpiece" else write_metaspace(folder / "encoder")
    return Cut(TransformerText(pretrained), kept(folder / "knowledge"), skip_negated)


@dataclass(frozen=True)
class Row:
    """One text before and after, and what is known of it without the code under test."""

    before: list[int]
    after: list[int]
    original: list[int]
    polarity: list[int]
    pairs: list[list[int]]
    free: list[int]
    lexicon: dict[int, int]
    """Place of a token of a sentiment word, to its polarity."""
    words: list[list[int]]
    """The places of each sentiment word, also of one that is left out."""
    left_out: set[int]
    """The places of negated sentiment words where they are left out."""
    aspects: set[int]

    @property
    def groups(self) -> list[set[int]]:
        """The places of sentiment words, those that share a token joined."""
        found: list[set[int]] = []
        for word in map(set, filter(None, self.words)):
            shared = [one for one in found if one & word]
            found = [one for one in found if not one & word] + [word.union(*shared)]
        return found

    @property
    def paired(self) -> set[int]:
        return {place for place in self.free if self.after[place] != self.before[place] and self.original[place] == KEPT}

    @property
    def targets(self) -> set[int]:
        return {place for place in self.free if self.original[place] != KEPT}

    @property
    def budget(self) -> int:
        return max(1, round(0.1 * len(self.free)))


def shown_rows(cut: Cut, rows: list[str], step: int, seed: int = 3) -> list[Row]:
    batch = batch_of(cut.encoder, cut.digest, rows, skip_negated=cut.skip_negated)
    view = view_of(cut.encoder, cut.digest, skip_negated=cut.skip_negated)
    shown = view.show(batch, seeded(view, seed=seed, step=step))
    samples = [Sample(id="", text=text) for text in rows]
    special = cut.encoder.vocabulary.special
    found = []
    for number, spans in enumerate(cut.encoder.spans(samples)):
        ids = batch.parts["text"]["input_ids"][number]
        seen = find(rows[number][: max(end for _, end in spans)], KNOWLEDGE)

        def touched(start: int, end: int, spans: list[tuple[int, int]] = spans) -> list[int]:
            return [place for place, (first, last) in enumerate(spans) if first < end and start < last]

        found.append(
            Row(
                before=ids.tolist(),
                after=shown.batch.parts["text"]["input_ids"][number].tolist(),
                original=shown.targets["original"][number].tolist(),
                polarity=shown.targets["polarity"][number].tolist(),
                pairs=[
                    [token for token in tokens.tolist() if token != KEPT]
                    for row, tokens in zip(shown.targets["pair_row"], shown.targets["pair_tokens"], strict=True)
                    if row == number
                ],
                free=[place for place, token in enumerate(ids.tolist()) if not special[token]],
                lexicon={place: word.polarity for word in seen.words for place in touched(word.start, word.end)},
                words=[touched(word.start, word.end) for word in seen.words],
                left_out={
                    place for word in seen.words if cut.skip_negated and word.negated for place in touched(word.start, word.end)
                },
                aspects={place for pair in seen.pairs for place in touched(pair.start, pair.end)},
            )
        )
    return found


@usual
@given(texts, st.integers(0, 9), st.integers(0, 2**31))
def test_pairs_are_hidden_whole_and_beside_the_word_targets(cut: Cut, rows: list[str], step: int, seed: int) -> None:
    mask = cut.encoder.vocabulary.mask
    for row in shown_rows(cut, rows, step, seed):
        assert len(row.pairs) <= 2
        assert all(row.after[place] == mask for place in row.paired)
        assert sorted(row.before[place] for place in row.paired) == sorted(token for pair in row.pairs for token in pair)
        assert row.paired <= set(row.lexicon) | row.aspects
        for place in row.paired:
            assert row.polarity[place] == row.lexicon.get(place, KEPT)


@usual
@given(texts, st.integers(0, 9), st.integers(0, 2**31))
def test_word_targets_fill_the_budget_where_enough_tokens_are_there(cut: Cut, rows: list[str], step: int, seed: int) -> None:
    """Steps 2 and 3 take all of B, or all common tokens: a sentiment word is only left where it does not fit into what is left of B."""
    for row in shown_rows(cut, rows, step, seed):
        if not row.free:
            assert not row.targets
            continue
        common = set(row.free) - set(row.lexicon) - row.paired
        sentiment = row.targets & set(row.lexicon)
        assert len(row.targets) == min(row.budget, len(sentiment) + len(common))
        for word in row.groups:
            if not word & (row.targets | row.paired | row.left_out):
                assert len(word) > row.budget - len(sentiment)


@usual
@given(texts, st.integers(0, 9), st.integers(0, 2**31))
def test_sentiment_words_are_hidden_whole_or_not_at_all_and_nothing_else_changes(
    cut: Cut, rows: list[str], step: int, seed: int
) -> None:
    mask = cut.encoder.vocabulary.mask
    for row in shown_rows(cut, rows, step, seed):
        for places in row.words:
            hidden = {place for place in places if place in row.targets or place in row.paired}
            assert hidden in (set(), set(places))
            assert all(row.after[place] == mask for place in hidden)
        for place, token in enumerate(row.before):
            if place in row.targets:
                assert row.original[place] == token
            elif place not in row.paired:
                assert (row.original[place], row.after[place]) == (KEPT, token)
        assert not any(row.original[place] != KEPT for place in set(range(len(row.before))) - set(row.free))
        assert not row.left_out & (row.targets | row.paired)


@usual
@given(texts, st.integers(0, 9), st.integers(0, 2**31))
def test_polarities_are_those_of_the_hidden_sentiment_words(cut: Cut, rows: list[str], step: int, seed: int) -> None:
    for row in shown_rows(cut, rows, step, seed):
        expected = {place: row.lexicon[place] for place in row.lexicon if place in row.targets or place in row.paired}
        assert {place: value for place, value in enumerate(row.polarity) if value != KEPT} == expected


def test_a_draw_depends_on_seed_and_step_alone(cut: Cut) -> None:
    batch, view = batch_of(cut.encoder, cut.digest, list(REVIEWS)), view_of(cut.encoder, cut.digest)

    def shown(seed: int, step: int) -> torch.Tensor:
        return view.show(batch, seeded(view, seed=seed, step=step)).batch.parts["text"]["input_ids"]

    assert torch.equal(shown(0, 1), shown(0, 1))
    assert not torch.equal(shown(0, 1), shown(0, 2))
    assert not torch.equal(shown(0, 1), shown(1, 1))


def test_every_step_of_the_hiding_is_reached(cut: Cut) -> None:
    """Of what the properties speak, all occurs: two pairs, none, sentiment words beside them, common tokens of all three fates."""
    pairs, words, fates = set(), 0, set()
    mask = cut.encoder.vocabulary.mask
    for step in range(40):
        for row in shown_rows(cut, list(REVIEWS), step):
            pairs.add(len(row.pairs))
            words += len(row.targets & set(row.lexicon))
            for place in row.targets - set(row.lexicon):
                fates.add("mask" if row.after[place] == mask else "stays" if row.after[place] == row.before[place] else "other")
    assert pairs == {0, 2}
    assert words > 20
    assert fates == {"mask", "stays", "other"}


@pytest.mark.parametrize("seed", range(3))
def test_steps_two_and_three_take_exactly_the_budget(cut: Cut, seed: int) -> None:
    """In texts with common tokens enough: as many as sentiment words leave of B, drawn anew in each step."""
    rows = [f"{text}, and we sat in the garden of the houses" for text in REVIEWS]
    drawn: list[Counter[int]] = [Counter() for _ in rows]
    for step in range(25):
        for row, count in zip(shown_rows(cut, rows, step, seed), drawn, strict=True):
            sentiment = row.targets & set(row.lexicon)
            assert row.budget >= 2
            assert len(set(row.free) - set(row.lexicon) - row.paired) >= row.budget
            assert len(row.targets) == row.budget
            assert len(row.targets - sentiment) == row.budget - len(sentiment)
            assert not row.targets & row.paired
            count.update(row.targets - sentiment)
    for count in drawn:
        assert len(count) > 5
        assert max(count.values()) < 0.6 * 25


@pytest.mark.parametrize("seed", range(3))
def test_four_of_five_common_tokens_are_masked_and_every_sentiment_token(cut: Cut, seed: int) -> None:
    mask, fates = cut.encoder.vocabulary.mask, Counter[str]()
    long = " ".join(["we sat in the garden of houses and the houses sat in a garden."] * 3)
    for step in range(40):
        for row in shown_rows(cut, [f"good. {long}", f"a cold, sad day. {long}"] * 4, step, seed):
            assert all(row.after[place] == mask for place in row.targets & set(row.lexicon))
            for place in row.targets - set(row.lexicon):
                fates[
                    "mask" if row.after[place] == mask else "stays" if row.after[place] == row.before[place] else "other"
                ] += 1
    every = fates.total()
    assert every > 700
    assert fates["mask"] / every == pytest.approx(0.8, abs=0.05)
    assert fates["stays"] / every == pytest.approx(0.1, abs=0.04)  # and now and then the random token is the same one
    assert fates["other"] / every == pytest.approx(0.1, abs=0.04)


def test_pairs_that_share_a_word_are_not_hidden_together(cut: Cut) -> None:
    """One aspect between two sentiment words is in two pairs, of which one can be hidden."""
    counts = {len(shown_rows(cut, ["good soup bad"], step)[0].pairs) for step in range(10)}
    assert counts == {1}


def test_each_pair_of_three_is_drawn(cut: Cut) -> None:
    text = "good soup. lovely waiter. bad terrace."
    drawn = {tuple(map(tuple, sorted(shown_rows(cut, [text], step)[0].pairs))) for step in range(30)}
    assert len(drawn) == 3
    assert all(len(pairs) == 2 for pairs in drawn)


def test_most_pairs_and_share_are_choices(cut: Cut) -> None:
    batch = batch_of(cut.encoder, cut.digest, list(REVIEWS))
    none = view_of(cut.encoder, cut.digest, most_pairs=0, share=0.5)
    shown = none.show(batch, seeded(none, seed=0, step=0))
    assert shown.targets["pair_tokens"].shape[0] == 0
    length = int((~cut.encoder.vocabulary.special[batch.parts["text"]["input_ids"][3]]).sum())
    assert int((shown.targets["original"][3] != KEPT).sum()) == round(0.5 * length)


def test_an_aspect_before_the_text_is_neither_hidden_nor_counted(tiny_text: str, tmp_path: Path) -> None:
    """What is asked about stays to be read, and the budget is that of the text: with and without it, as many tokens are hidden."""
    encoder, digest = TransformerText(tiny_text, aspect=True), kept(tmp_path)
    rows = [
        Sample(id=str(number), text=text, aspect="bad soup and a garden of houses", index=number)
        for number, text in enumerate((*REVIEWS, "a"))
    ]
    batch = Batch.of(Collate({"text": encoder}, [SentimentFields(encoder, digest)])(rows))
    view = view_of(encoder, digest)
    for step in range(20):
        shown = view.show(batch, seeded(view, seed=0, step=step))
        for number, spans in enumerate(encoder.spans(rows)):
            text = [place for place, span in enumerate(spans) if span != (0, 0)]
            moved = shown.batch.parts["text"]["input_ids"][number] != batch.parts["text"]["input_ids"][number]
            targets = shown.targets["original"][number] != KEPT
            assert {*moved.nonzero().flatten().tolist(), *targets.nonzero().flatten().tolist()} <= set(text)
            assert int(targets.sum()) <= max(1, round(0.1 * len(text)))


def test_texts_without_tokens_are_left_alone(cut: Cut) -> None:
    row, other = shown_rows(cut, ["", REVIEWS[0]], 0)
    assert row.after == row.before
    assert not row.targets
    assert other.targets
