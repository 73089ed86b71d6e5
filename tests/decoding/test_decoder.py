"""Writing token by token: with what was computed before it is what one pass over all gives, and the search keeps its rules."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import WORDS, posts, recipe_of
from torch import Tensor

from polysense.data.collate import Collate
from polysense.decoding.beam_search import rank
from polysense.decoding.decoder import Decoder
from polysense.decoding.settings import Decoding
from polysense.errors import RecipeError
from polysense.learner import Learner
from polysense.types import MARK, Batch, Sample

START, END = WORDS.index("[CLS]"), WORDS.index("[SEP]")
SILENT = [WORDS.index(word) for word in ("[PAD]", "[UNK]", "[CLS]", "[MASK]")]
LONGEST = 6


@pytest.fixture(scope="module")
def learner(networks: Path) -> Learner:
    """Of random weights, which writes whatever it may: of texts, of pictures, of both."""
    samples = [replace(one, pair=one.text) for one in posts(4)]
    signal = {"class_path": "Generation", "init_args": {"target": "pair", "longest": LONGEST}}
    made = recipe_of("SingleStream", networks, {"writing": signal}, samples=samples).build(seed=0).eval()
    with torch.no_grad(), torch.random.fork_rng():  # so that scores differ clearly, and texts end now and then
        torch.manual_seed(1)
        made.model.encoder("text").embeddings.normal_(std=0.6)
        made.objective("writing").head.bias.normal_()
        made.objective("writing").head.bias[END] += 3.0
    return made


@pytest.fixture(scope="module")
def decoder(learner: Learner) -> Decoder:
    return Decoder(learner.model, learner.objective("writing")).eval()


def rows() -> list[Sample]:
    """Texts of several lengths with a picture, without one, and a picture alone."""
    texts = ["see a red box", "box", None, "a green box see a box", None, "blue"]
    return [
        replace(one, text=text, image=None if row in (1, 5) else one.image)
        for row, (one, text) in enumerate(zip(posts(6), texts, strict=True))
    ]


def batch_of(learner: Learner, samples: list[Sample]) -> Batch:
    return Batch.of(Collate({name: learner.model.encoder(name) for name in learner.model.encoders})(samples))


def row_of(part: dict[str, Tensor], row: int) -> dict[str, Tensor]:
    return {name: value[row : row + 1] for name, value in part.items()}


def one_of(batch: Batch, row: int) -> Batch:
    return Batch({name: row_of(part, row) for name, part in batch.parts.items()}, {"index": torch.tensor([row])})


def taught(learner: Learner, batch: Batch, targets: Tensor) -> Tensor:
    """Logits (rows, time, tokens) at the target tokens (rows, time), all read in one pass as in training."""
    text, time = batch.parts["text"], targets.shape[1]
    parts = []
    for row in range(len(targets)):
        there = bool(text["present"][row])
        source = text["input_ids"][row][text["attention_mask"][row].bool()] if there else targets[row, :0]
        ids = torch.cat([source, targets[row]])
        part = {
            "input_ids": ids.unsqueeze(0),
            "attention_mask": torch.ones(1, len(ids), dtype=torch.int64),
            "present": torch.tensor([True]),
            "key": torch.tensor([row]),
            f"{MARK}target": torch.arange(len(ids)).unsqueeze(0) >= len(source),
        }
        others = {name: row_of(part, row) for name, part in batch.parts.items() if name != "text"}
        fused = learner.model(Batch({**others, "text": part}, {"index": torch.tensor([row])})).fused
        head: Any = learner.objective("writing").head
        encoder: Any = learner.model.encoder("text")
        parts.append(head(fused.states[0, len(source) : len(ids)], encoder.embeddings))
    assert all(len(part) == time for part in parts)
    return torch.stack(parts)


def test_step_by_step_equals_one_pass(learner: Learner, decoder: Decoder) -> None:
    batch = batch_of(learner, rows())
    draw = torch.Generator().manual_seed(0)
    targets = torch.cat([torch.full((6, 1), START), torch.randint(5, len(WORDS), (6, 5), generator=draw)], dim=1)
    with torch.no_grad():
        wanted = taught(learner, batch, targets)
        source = decoder.read(batch)
        steps = [decoder(targets[:, place : place + 1], source.cache, source.read, source.first).logits for place in range(6)]
        torch.testing.assert_close(torch.cat(steps, dim=1), wanted, atol=1e-4, rtol=0)
        for length in range(1, 7):  # the prefix run anew, all at once
            source = decoder.read(batch)
            again = decoder(targets[:, :length], source.cache, source.read, source.first).logits
            torch.testing.assert_close(again, wanted[:, :length], atol=1e-4, rtol=0)


@pytest.mark.parametrize("places", ["continuous", "restart"])
@torch.no_grad()
def test_a_target_counts_its_places_as_in_training(networks: Path, places: str) -> None:
    """What the objective shows in training, in one pass, against step by step."""
    samples = [replace(one, pair=f"see a {text} box") for one in rows() if (text := one.text)]
    signal = {"class_path": "Generation", "init_args": {"target": "pair", "longest": LONGEST, "places": places}}
    made = recipe_of("SingleStream", networks, {"writing": signal}, samples=samples, dropout=0.0).build(seed=0).eval()
    objective: Any = made.objective("writing")
    encoders = {name: made.model.encoder(name) for name in made.model.encoders}
    batch = Batch.of(Collate(encoders, made.preparers, companions=True)(samples))
    look = made.look(batch, step=0)
    shown, seen = look(objective.view(look))
    text, encoder, decoder = shown.batch.parts["text"], encoders["text"], Decoder(made.model, objective).eval()
    starts = set()
    for row in range(batch.size):
        target = text[f"{MARK}target"][row]
        starts.add(int(text[f"{MARK}place"][row][target][0]))
        wanted = objective.head(seen.fused.states[row, : len(target)][target], encoder.embeddings)
        source = decoder.read(one_of(batch, row))
        tokens = text["input_ids"][row][target].split(1)
        steps = [decoder(token.unsqueeze(0), source.cache, source.read, source.first).logits[0] for token in tokens]
        torch.testing.assert_close(torch.cat(steps), wanted, atol=1e-5, rtol=0)
    assert (starts == {0}) == (places == "restart")


def by_hand(learner: Learner, batch: Batch, how: Decoding) -> list[list[int]]:
    """Greedy, every step a pass over everything."""
    found = []
    for row in range(batch.size):
        one = one_of(batch, row)
        target = [START]
        while len(target) <= how.max_length:
            logits = taught(learner, one, torch.tensor([target]))[0, -1]
            logits[SILENT] = -torch.inf
            if len(target) <= how.min_length:
                logits[END] = -torch.inf
            target.append(int(logits.argmax()))
            if target[-1] == END:
                break
        found.append([token for token in target[1:] if token != END])
    return found


@pytest.mark.parametrize("shortest", [0, 3])
def test_greedy_takes_the_likeliest_token_of_each_pass(learner: Learner, decoder: Decoder, shortest: int) -> None:
    batch = batch_of(learner, rows())
    how = Decoding(max_length=LONGEST, min_length=shortest)
    with torch.no_grad():
        wanted = by_hand(learner, batch, how)
    assert decoder.write(batch, how) == wanted
    lengths = {len(text) for text in wanted}
    assert lengths - {LONGEST}  # some end
    assert min(lengths) >= shortest


def scored(learner: Learner, batch: Batch, texts: list[list[int]], how: Decoding) -> Tensor:
    """The rank of each row's text, from one pass over it."""
    found = []
    for row, text in enumerate(texts):
        one = one_of(batch, row)
        target = [START, *text, *([END] if len(text) < how.max_length else [])]
        chances = taught(learner, one, torch.tensor([target]))[0].log_softmax(1)
        total = sum(chances[at, token] for at, token in enumerate(target[1:]))
        found.append(float(total) / ((5 + len(target) - 1) / 6) ** how.length_penalty)
    return torch.tensor(found)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0])
def test_more_beams_find_texts_of_no_lower_rank(learner: Learner, decoder: Decoder, penalty: float) -> None:
    batch = batch_of(learner, rows())
    few = Decoding(max_length=LONGEST, length_penalty=penalty)
    many = replace(few, beams=12)
    with torch.no_grad():
        greedy, sought = (scored(learner, batch, decoder.write(batch, how), how) for how in (few, many))
    assert (sought >= greedy - 1e-5).all()
    assert (sought > greedy + 1e-3).any()


def test_a_wide_search_finds_the_best_of_all_texts(learner: Learner, decoder: Decoder) -> None:
    batch = batch_of(learner, rows()[:2])
    how = Decoding(beams=12, max_length=2, length_penalty=0.6)  # no more than 11 words that may be written
    words = [token for token in range(len(WORDS)) if token not in (*SILENT, END)]
    every = [[], *([one] for one in words), *([one, other] for one in words for other in words)]
    with torch.no_grad():
        for row, found in enumerate(decoder.write(batch, how)):
            one = batch_of(learner, [rows()[row]] * len(every))
            ranks = scored(learner, one, every, how)
            assert found == every[int(ranks.argmax())]


def test_one_beam_is_greedy(learner: Learner, decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    from polysense.decoding.beam_search import beam_search

    batch = batch_of(learner, rows())
    how = Decoding(max_length=LONGEST)
    greedy = decoder.write(batch, how)
    monkeypatch.setattr("polysense.decoding.decoder.searched", lambda how: beam_search)
    assert decoder.write(batch, how) == greedy


@pytest.mark.parametrize("beams", [1, 4])
def test_batch_mates_change_nothing(learner: Learner, decoder: Decoder, beams: int) -> None:
    how = Decoding(beams=beams, max_length=LONGEST, length_penalty=0.6, no_repeat=2)
    together = decoder.write(batch_of(learner, rows()), how)
    for row, sample in enumerate(rows()):
        alone = batch_of(learner, [sample])
        assert decoder.write(alone, how) == [together[row]]
    assert decoder.write(batch_of(learner, rows()[::-1]), how) == together[::-1]


@pytest.mark.parametrize("how", [{"beams": 1}, {"beams": 4, "length_penalty": 2.0}, {"sample": True}])
@pytest.mark.parametrize("no_repeat", [1, 2, 3])
def test_sequences_do_not_come_twice(learner: Learner, decoder: Decoder, how: dict[str, Any], no_repeat: int) -> None:
    long = [replace(one, text="box" if one.text else None) for one in rows()]
    said = decoder.write(batch_of(learner, long), Decoding(max_length=11, min_length=11, no_repeat=no_repeat, **how))
    free = decoder.write(batch_of(learner, long), Decoding(max_length=11, min_length=11, **how))

    def repeats(text: list[int]) -> bool:
        grams = [tuple(text[at : at + no_repeat]) for at in range(len(text) - no_repeat + 1)]
        return len(set(grams)) < len(grams)

    assert not any(map(repeats, said))
    assert any(map(repeats, free))
    assert all(len(text) <= 11 for text in said + free)


def test_a_text_ends_where_nothing_may_be_said_any_more(learner: Learner, decoder: Decoder) -> None:
    short = [replace(one, text=None) for one in posts(2)]
    for beams in (1, 3):
        how = Decoding(beams=beams, max_length=14, min_length=14, no_repeat=1)
        for text in decoder.write(batch_of(learner, short), how):
            assert len(text) == len(set(text)) == 11  # every word once


@pytest.mark.parametrize("how", [{"beams": 1}, {"beams": 3}, {"sample": True}])
def test_lengths_are_kept_and_nothing_special_is_written(learner: Learner, decoder: Decoder, how: dict[str, Any]) -> None:
    for shortest, longest in ((0, 1), (2, 2), (3, 5), (0, 6)):
        for text in decoder.write(batch_of(learner, rows()), Decoding(min_length=shortest, max_length=longest, **how)):
            assert shortest <= len(text) <= longest
            assert not {END, *SILENT} & set(text)


@pytest.mark.parametrize("how", [{"beams": 1}, {"beams": 3, "length_penalty": 0.6}, {"sample": True}])
def test_the_end_is_counted_in_the_most_and_not_in_the_least(learner: Learner, how: dict[str, Any]) -> None:
    own = deepcopy(learner)
    decoder, batch = Decoder(own.model, own.objective("writing")).eval(), batch_of(own, rows())

    def written(likelihood_of_end: float, **lengths: int) -> set[int]:
        own.objective("writing").head.bias.data[END] = likelihood_of_end
        return {len(text) for text in decoder.write(batch, Decoding(**lengths, **how))}

    for least in (0, 1, 3):
        assert written(100.0, min_length=least, max_length=LONGEST) == {least}
    assert written(-100.0, max_length=3) == {3}


def test_draws_follow_from_the_seed(learner: Learner, decoder: Decoder) -> None:
    batch = batch_of(learner, rows())
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    one, same, other = (decoder.write(batch, Decoding(sample=True, seed=seed, max_length=LONGEST)) for seed in (1, 1, 2))
    assert one == same != other
    assert torch.equal(torch.random.get_rng_state(), state)
    greedy = decoder.write(batch, Decoding(max_length=LONGEST))
    for narrow in ({"top_p": 1e-6}, {"temperature": 1e-4}):
        assert decoder.write(batch, Decoding(sample=True, seed=1, max_length=LONGEST, **narrow)) == greedy


def test_ranks_by_hand() -> None:
    found = rank(torch.tensor([-6.0, -6.0]), torch.tensor([1, 7]), 0.6)
    torch.testing.assert_close(found, torch.tensor([-6.0, -6.0 / 2**0.6]))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"beams": 0}, "beams"),
        ({"max_length": 0}, "max_length"),
        ({"min_length": 9, "max_length": 8}, "min_length"),
        ({"no_repeat": -1}, "no_repeat"),
        ({"sample": True, "temperature": 0.0}, "temperature"),
        ({"sample": True, "top_p": 1.5}, "top_p"),
        ({"sample": True, "beams": 2}, "sample"),
        ({"temperature": 0.5}, "ask for sample"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Decoding(**wrong)


def test_what_has_a_part_in_a_search_or_a_draw() -> None:
    assert set(Decoding().in_use()) == {"beams", "length_penalty", "min_length", "max_length", "no_repeat", "sample"}
    drawn = Decoding(sample=True, temperature=0.5, seed=3).in_use()
    assert drawn.items() >= {"temperature": 0.5, "top_p": 1.0, "seed": 3, "max_length": 50}.items()
    assert not {"beams", "length_penalty"} & set(drawn)


def test_texts_longer_than_the_network_are_refused(learner: Learner, decoder: Decoder) -> None:
    with pytest.raises(RecipeError, match="has 16: shorten"):
        decoder.write(batch_of(learner, rows()), Decoding(max_length=14))
