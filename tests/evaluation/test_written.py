"""Evaluators that have a model write: captions, summaries, and how surprised it is by those of people."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import posts, recipe_of
from torch.nn.functional import cross_entropy

from polysense.data.collate import Collate
from polysense.decoding.settings import Decoding
from polysense.errors import DataError
from polysense.evaluation.captioning import Captioning
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.perplexity import Perplexity
from polysense.evaluation.summarizing import Summarizing
from polysense.learner import Learner
from polysense.metrics.captions import bleu_4, cider, rouge_l, rouge_l_f1, words
from polysense.types import Sample


def answerer(networks: Path, samples: list[Sample], *, beside: str | None = None, **choices: Any) -> Answerer:
    signal = {"class_path": "Generation", "init_args": {"longest": 6, **choices}}
    made = recipe_of("SingleStream", networks, {"writing": signal}, samples=samples, beside=beside).build(seed=0)
    return Answerer(made, Collate({name: made.model.encoder(name) for name in made.model.encoders}), batch_size=3)


def writing(monkeypatch: pytest.MonkeyPatch, said: Callable[[Sample], str]) -> list[Sample]:
    """Have every model say that of a sample; the list fills with the samples that it is shown."""
    shown: list[Sample] = []

    def write(self: Answerer, samples: list[Sample], objective: Any, how: Decoding, **options: Any) -> list[str]:
        shown.extend(samples)
        return [said(sample) for sample in samples]

    monkeypatch.setattr(Answerer, "write", write)
    return shown


def several() -> list[Sample]:
    """Three pictures of two captions each."""
    return [
        replace(one, group=f"picture {one.index}", text=text)
        for one in posts(3)
        for text in (f"see {one.text} by a box", f"{one.text} see a box")
    ]


def test_each_picture_is_asked_once_and_held_against_all_its_captions(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = several()
    asked = answerer(networks, samples)
    shown = writing(monkeypatch, lambda sample: f"see a {['red', 'green', 'red'][sample.index]} box by a")
    found = Captioning()(asked, samples)
    assert [(one.text, one.image is None) for one in shown] == [(None, False)] * 3
    texts = [words(f"see a {colour} box by a") for colour in ("red", "green", "red")]
    references = [[words(one.text) for one in samples[at : at + 2]] for at in (0, 2, 4)]
    assert found == {
        "bleu_4": pytest.approx(100 * bleu_4(texts, references)),
        "rouge_l": pytest.approx(100 * rouge_l(texts, references)),
        "cider": pytest.approx(100 * cider(texts, references)),
    }
    assert 0 < found["bleu_4"] < 100
    for group in (None, "album"):  # told apart by what is in them
        assert Captioning()(asked, [replace(one, group=group) for one in samples]) == found


def test_tags_are_shown_and_captions_are_not(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [replace(one, extra={"seen": "box"}) for one in posts(2)]
    shown = writing(monkeypatch, lambda sample: str(sample.text))
    Captioning()(answerer(networks, samples, tags="seen"), samples)
    assert [one.text for one in shown] == ["box", "box"]


def test_summaries_are_held_against_pairs(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [replace(one, image=None, pair=pair) for one in posts(2) for pair in (str(one.text), "see")]
    shown = writing(monkeypatch, lambda sample: str(sample.text))
    found = Summarizing()(answerer(networks, samples, target="pair"), samples)
    assert [(one.text, one.pair) for one in shown] == [("a red box", None), ("a green box", None)]
    assert found == {"rouge_1": 100, "rouge_2": 100, "rouge_l": 100, "bleu_4": 0}
    one_author = [replace(one, group="author") for one in samples]
    assert Summarizing()(answerer(networks, samples, target="pair"), one_author) == found
    writing(monkeypatch, lambda sample: "a blue box")
    found = Summarizing()(answerer(networks, samples, target="pair"), samples)
    references = [[words(colour), ["see"]] for colour in ("a red box", "a green box")]
    assert found["rouge_l"] == pytest.approx(100 * rouge_l_f1([words("a blue box")] * 2, references))


def test_texts_with_another_second_text_are_other_sources(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [
        replace(one, image=None, text="see", pair=one.text, extra={"title": title})
        for one, title in zip(posts(3), ("red", "red", "green"), strict=True)
    ]
    shown = writing(monkeypatch, lambda sample: "a box")
    Summarizing()(answerer(networks, samples, target="pair", beside="title"), samples)
    assert [one.extra["title"] for one in shown] == ["red", "green"]
    shown.clear()
    Summarizing()(answerer(networks, samples, target="pair"), samples)
    assert len(shown) == 1


def test_beams_of_the_evaluator_go_before_those_of_the_recipe(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Decoding] = []

    def write(self: Answerer, samples: list[Sample], objective: Any, how: Decoding) -> list[str]:
        asked.append(how)
        return ["box"] * len(samples)

    monkeypatch.setattr(Answerer, "write", write)
    made = answerer(networks, posts(2), beams=3, length_penalty=1.5, min_length=2, no_repeat=4)
    Captioning()(made, posts(2))
    Captioning(beams=1)(made, posts(2))
    recipe = Decoding(beams=3, length_penalty=1.5, min_length=2, no_repeat=4, max_length=6)
    assert asked == [recipe, replace(recipe, beams=1)]


def test_two_models_are_compared_text_by_text(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference is that of the metrics, its interval drawn over pictures; equal models differ by nothing."""
    samples, evaluator = several(), Captioning()
    asked = answerer(networks, samples)
    writing(monkeypatch, lambda sample: "see a box by a")
    plain, plain_metrics = evaluator.outcomes(asked, samples), evaluator(asked, samples)
    writing(monkeypatch, lambda sample: f"see a {['red', 'green', 'red'][sample.index]} box by a")
    better, better_metrics = evaluator.outcomes(asked, samples), evaluator(asked, samples)
    found = evaluator.differences([plain, plain], [better, better], resamples=200, seed=0)
    assert list(found) == ["bleu_4", "rouge_l", "cider"]
    for name, (one, texts) in found.items():
        assert texts == 3
        assert one.difference == pytest.approx(better_metrics[name] - plain_metrics[name])
        assert one.base == pytest.approx(plain_metrics[name])
        assert one.low <= one.difference <= one.high
    same = evaluator.differences([better], [better], resamples=50, seed=0)
    assert {(one.difference, one.low, one.high) for one, _ in same.values()} == {(0, 0, 0)}
    with pytest.raises(DataError, match="Summarizing needs texts with a pair, and a model that writes of texts"):
        Summarizing().outcomes(asked, samples)


def test_models_that_write_nothing_of_the_kind_have_no_metrics(networks: Path) -> None:
    samples = [replace(one, pair=one.text) for one in posts(2)]
    captions = answerer(networks, samples)
    assert Summarizing()(captions, samples) == {}
    assert Captioning()(answerer(networks, samples, target="pair"), samples) == {}
    assert Captioning()(captions, [replace(one, image=None) for one in samples]) == {}


def test_perplexity_counts_every_token_once(networks: Path) -> None:
    samples = [replace(one, text="a red box see a box" if one.index % 2 else "box") for one in posts(5)]
    asked = answerer(networks, samples, smoothing=0.3)
    learner: Learner = asked.learner
    with asked.asking():
        objective: Any = learner.objective("writing")
        whole = asked.ask(samples, lambda batch, step: objective.recover(learner.look(batch, step=step)), batch_size=5)[0]
        expected = math.exp(cross_entropy(whole.scores, whole.truth[:, 0]).item())
    for size in (2, 5):
        assert Perplexity(batch_size=size)(asked, samples) == {"writing_perplexity": pytest.approx(expected, rel=1e-5)}


def test_fifty_captions_are_learnt_by_heart(networks: Path) -> None:
    samples = fifty()
    signal = {"class_path": "Generation", "init_args": {"longest": 10, "beams": 3}}
    made = recipe_of("SingleStream", networks, {"writing": signal}, samples=samples, dropout=0.0).build(seed=0)
    encoders = {name: made.model.encoder(name) for name in made.model.encoders}
    nested = Collate(encoders)(samples)
    optimizer = torch.optim.AdamW(made.parameters(), lr=4e-3)
    for _ in range(150):
        optimizer.zero_grad()
        made(**nested)["loss"].backward()
        optimizer.step()
    asked = Answerer(made, Collate(encoders))
    for beams in (1, 3):
        objective: Any = made.objective("writing")
        said = asked.write(
            [replace(one, text=None) for one in samples], objective, replace(Decoding.of(objective), beams=beams)
        )
        assert sum(text == one.text for text, one in zip(said, samples, strict=True)) > 45
    assert Captioning()(asked, samples)["bleu_4"] > 90
    assert Perplexity()(asked, samples)["writing_perplexity"] < 1.5


def fifty() -> list[Sample]:
    """Pictures of a colour above another one, and captions that name both."""
    from PIL import Image
    from tests.made_colours import COLOURS, SIDE

    pairs = [(above, below) for above in COLOURS for below in COLOURS if above != below][:50]
    found = []
    for row, (above, below) in enumerate(pairs):
        picture = Image.new("RGB", (SIDE, SIDE), COLOURS[above])
        picture.paste(COLOURS[below], (0, SIDE // 2, SIDE, SIDE))
        found.append(Sample(id=str(row), text=f"see a {above} box a {below} box", image=picture, index=row))
    return found
