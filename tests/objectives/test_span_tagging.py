from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import polysense
from polysense.data.collate import Collate
from polysense.data.tags import Tags, in_words, without_overlaps
from polysense.data.words import words
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.fusion.single import Single
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.span_fields import FIRST, NOTHING, TAGS, SpanFields, padded, read_words
from polysense.objectives.span_tagging import SpanTagging
from polysense.recipe.answers import refuse_equal_answers
from polysense.training.run import train
from polysense.types import Batch, Sample, Span

TEXTS = ("a garden of words.", "好 words 👍🏽 in the rain", "", "rain", None)
MARKED: tuple[tuple[Span, ...] | None, ...] = (
    (Span(2, 8, "thing"), Span(12, 17, "thing")),
    (Span(0, 1, "sight"), Span(8, 10, "sight")),
    (),
    None,
    None,
)


def samples() -> list[Sample]:
    return [
        Sample(id=str(place), text=text, spans=spans, index=place)
        for place, (text, spans) in enumerate(zip(TEXTS, MARKED, strict=True))
    ]


def tagger(folder: str, **choices: Any) -> Learner:
    """A learner of one objective over a tiny encoder, in evaluation mode."""
    torch.manual_seed(0)
    encoder = TransformerText(folder, **{"max_length": 24, **choices.pop("encoder", {})})
    objective = SpanTagging({"text": encoder.width}, **{"roles": ["sight", "thing"], **choices})
    for weights in objective.crf.parameters():
        torch.nn.init.normal_(weights)
    return Learner(
        Model({"text": encoder}, Single({"text": encoder.width})), {"spans": objective}, {"spans": 1.0}, seed=0
    ).eval()


def batch(learner: Learner, rows: Sequence[Sample]) -> Batch:
    return Batch.of(Collate({"text": learner.model.encoder("text")}, learner.preparers)(rows))


def answers(learner: Learner, rows: Sequence[Sample], *, batch_size: int = 64) -> list[dict[str, Any]]:
    return Answerer(learner, Collate({"text": learner.model.encoder("text")}), batch_size=batch_size).predict(rows).rows()


class TestFields:
    def test_tags_and_first_tokens_of_each_word(self, tiny_text: str) -> None:
        encoder = TransformerText(tiny_text, max_length=24).eval()
        fields = SpanFields(encoder, Tags(("sight", "thing"))).prepare(samples())
        assert fields[TAGS][0].tolist() == [0, 3, 0, 3, 0, NOTHING]
        assert fields[TAGS][1].tolist() == [1, 0, 1, 0, 0, 0]
        assert fields[TAGS][2:].eq(NOTHING).all()
        tokens = encoder.spans(samples())
        for row, sample in enumerate(samples()[:2]):
            for (start, _), place in zip(words(sample.text or ""), fields[FIRST][row].tolist(), strict=False):
                assert tokens[row][place][0] == start
        assert fields[FIRST][3, 0] == 1
        assert fields[FIRST][4].eq(NOTHING).all()

    def test_of_what_overlaps_the_longest_is_learned_and_what_is_cut_off_is_not(self, tiny_text: str) -> None:
        row = Sample(id="1", text="a garden of words", spans=(Span(0, 8, "x"), Span(2, 17, "x")))
        encoder = TransformerText(tiny_text, max_length=24).eval()
        assert SpanFields(encoder, Tags(("x",))).prepare([row])[TAGS].tolist() == [[0, 1, 2, 2]]
        short = TransformerText(tiny_text, max_length=4).eval()
        (read,) = read_words([row], short)
        assert 0 < read.unread < 4
        assert SpanFields(short, Tags(("x",))).prepare([row])[TAGS].shape == (1, 4 - read.unread)
        cut = replace(row, spans=row.spans[1:] if row.spans else None)
        assert SpanFields(short, Tags(("x",), "BIOS")).prepare([cut])[TAGS].tolist() == [[0, 3]]  # one word is left of its span

    def test_a_word_that_is_cut_is_unread(self, tiny_text: str) -> None:
        """Three letters of the last word are read: what they are part of is not known."""
        row = Sample(id="1", text="a qqqqqq")
        (read,) = read_words([row], TransformerText(tiny_text, max_length=6).eval())
        assert (read.words, read.unread) == ([(0, 1)], 1)
        (read,) = read_words([row], TransformerText(tiny_text, max_length=9).eval())
        assert (read.words, read.unread) == ([(0, 1), (2, 8)], 0)

    def test_no_rows_with_words(self) -> None:
        assert padded([[], []]).shape == (2, 0)


class TestLoss:
    def test_it_is_that_of_explicit_loops_over_all_sequences(self, tiny_text: str) -> None:
        learner = tagger(tiny_text)
        objective = learner.objective("spans")
        assert isinstance(objective, SpanTagging)
        rows = [replace(samples()[0], text="a garden", spans=(Span(2, 8, "thing"),)), samples()[3]]
        shown = batch(learner, rows)
        found = learner.terms(shown, step=0)["spans"]
        states = learner.model.encoder("text")(shown.parts["text"]).states
        emissions = objective.head(states[0, shown.fields[FIRST][0, :2]])
        steps = objective.crf.transitions
        scores = {}
        for first in range(5):
            for second in range(5):
                scores[first, second] = (
                    steps.start[first]
                    + emissions[0, first]
                    + steps.between[first, second]
                    + emissions[1, second]
                    + steps.end[second]
                )
        expected = torch.stack(list(scores.values())).logsumexp(dim=0) - scores[0, 3]
        torch.testing.assert_close(found, expected)

    def test_it_falls_and_every_weight_gets_a_gradient(self, tiny_text: str) -> None:
        for choices in ({}, {"bigru": True, "scheme": "BIOS"}):
            learner = tagger(tiny_text, dropout=0.0, **choices)
            shown = batch(learner, samples())
            steps = torch.optim.Adam(learner.parameters(), lr=3e-3)
            losses = []
            for _ in range(20):
                loss = learner.terms(shown, step=0)["spans"]
                steps.zero_grad()
                loss.backward()
                steps.step()
                losses.append(float(loss.detach()))
            assert losses[-1] < losses[0] / 2
            grads = {name: one.grad for name, one in learner.objectives.named_parameters()}
            assert all(grad is not None and bool(torch.isfinite(grad).all()) for grad in grads.values())

    @pytest.mark.parametrize("bigru", [False, True])
    def test_rows_beside_it_and_padding_change_nothing(self, tiny_text: str, bigru: bool) -> None:
        learner = tagger(tiny_text, bigru=bigru)
        rows = samples()[:2]
        together = learner.terms(batch(learner, samples()), step=0)["spans"]
        alone = torch.stack([learner.terms(batch(learner, [row]), step=0)["spans"] for row in rows]).mean()
        torch.testing.assert_close(together, alone)

    def test_no_marked_row_no_term(self, tiny_text: str) -> None:
        learner = tagger(tiny_text)
        assert learner.terms(batch(learner, samples()[2:]), step=0) == {}
        assert learner.terms(batch(learner, samples()[4:]), step=0) == {}


class TestAnswers:
    @pytest.mark.parametrize("choices", [{}, {"bigru": True}, {"scheme": "BIOS"}])
    def test_spans_are_the_texts_own_characters_in_json(self, tiny_text: str, choices: dict[str, Any]) -> None:
        learner = tagger(tiny_text, **choices)
        rows = [*samples(), *(Sample(id=f"+{place}", text="garden " * place + "好雨 🏽") for place in range(9))]
        found = answers(learner, rows)
        assert json.loads(json.dumps(found)) == found
        assert found[4] == {"spans": None, "unread": None}
        assert found[2] == {"spans": [], "unread": 0}
        spans = [(row, span) for row, answer in zip(rows, found, strict=True) for span in answer["spans"] or ()]
        assert len(spans) > 3
        for row, span in spans:
            assert span["text"] == (row.text or "")[span["start"] : span["end"]] != ""
            laid = words(row.text or "")
            first, behind = span["words"]
            assert (laid[first][0], laid[behind - 1][1]) == (span["start"], span["end"])
            assert span["role"] in {"sight", "thing"}
        for row, answer in zip(rows, found, strict=True):
            own = [Span(one["start"], one["end"], one["role"]) for one in answer["spans"] or ()]
            assert without_overlaps(own) == own
            assert in_words(own, words(row.text or "")) != [] or own == []

    @pytest.mark.parametrize("bigru", [False, True])
    def test_neither_batch_nor_order_nor_padding_change_them(self, tiny_text: str, bigru: bool) -> None:
        learner = tagger(tiny_text, bigru=bigru)
        rows = [Sample(id=str(place), text="rain garden words of " * (1 + place % 5)) for place in range(12)]
        together = answers(learner, rows)
        assert answers(learner, rows, batch_size=1) == together
        assert answers(learner, rows[::-1], batch_size=5)[::-1] == together
        assert any(row["spans"] for row in together)

    def test_what_is_not_read_has_no_spans_and_is_counted(self, tiny_text: str) -> None:
        learner = tagger(tiny_text, encoder={"max_length": 8})
        long, short = answers(learner, [Sample(id="1", text="garden " * 30), Sample(id="2", text="garden")])
        assert (long["unread"], short["unread"]) == (24, 0)
        assert all(span["end"] <= 7 * 6 for span in long["spans"])

    def test_a_modality_that_is_hidden_has_no_answer(self, tiny_text: str) -> None:
        learner = tagger(tiny_text)
        answerer = Answerer(learner, Collate({"text": learner.model.encoder("text")}))
        assert answerer.predict(samples(), only="image").columns["spans"] == [None] * 5

    def test_an_aspect_before_the_text_shifts_no_span(self, tiny_text: str) -> None:
        learner = tagger(tiny_text, encoder={"aspect": True})
        rows = [Sample(id=aspect, text="a garden of words", aspect=aspect) for aspect in ("rain", "rain rain")]
        fields = SpanFields(learner.preparers[0].encoder, Tags(("x",))).prepare(rows)  # type: ignore[attr-defined]
        assert fields[FIRST].shape == (2, 4)
        assert bool((fields[FIRST][1] > fields[FIRST][0]).all())
        for row in answers(learner, rows):
            assert all(span["text"] == "a garden of words"[span["start"] : span["end"]] for span in row["spans"])


class TestCompletion:
    def test_roles_come_from_the_rows_and_overlaps_are_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [replace(samples()[0], spans=(Span(2, 8, "thing"), Span(0, 17, "thing"), Span(2, 3, "sight")))]
        assert SpanTagging.complete({"roles": None}, rows)["roles"] == ["sight", "thing"]
        assert "2 of 3 spans of the training rows overlap longer ones" in capsys.readouterr().err
        assert SpanTagging.complete({"roles": ["thing", "sight"]}, samples())["roles"] == ["thing", "sight"]
        assert capsys.readouterr().err == ""

    def test_what_does_not_fit_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"the row with id '0', spans: 'thing' is not a role of the recipe; .*'sight'"):
            SpanTagging.complete({"roles": ["sight"]}, samples())
        with pytest.raises(DataError, match="no training row has a span of the role 'other'"):
            SpanTagging.complete({"roles": ["sight", "thing", "other"]}, samples())
        with pytest.raises(DataError, match="no training row has a span: mark them in the column 'spans'"):
            SpanTagging.complete({}, samples()[2:])

    def test_roles_that_cannot_be(self) -> None:
        for roles in (None, [], ["x", "x"]):
            with pytest.raises(ValueError, match="roles"):
                SpanTagging({"text": 4}, roles=roles)

    def test_an_encoder_without_tokens_is_refused(self, tiny_text: str) -> None:
        learner = tagger(tiny_text, encoder={"tokens": "pooled"})
        with pytest.raises(RecipeError, match=r"SpanTagging needs the states of all tokens: write encoders\.text\.tokens: all"):
            learner.preparers  # noqa: B018
        with pytest.raises(RecipeError, match="both SpanTagging"):
            refuse_equal_answers({"one": SpanTagging, "two": SpanTagging})


NAMES = ("Anna", "Boris", "Clara", "Dora", "Emil")


def easy(rows: int) -> list[dict[str, Any]]:
    """Made-up sentences with one or two names."""
    draw = random.Random(0)
    found = []
    for place in range(rows):
        parts = [draw.choice(["garden", "of", "words", "rain", *NAMES, *NAMES]) for _ in range(draw.randint(1, 5))]
        text, spans = "", []
        for part in parts:
            start = len(text)
            text += f"{part} "
            if part in NAMES:
                spans.append({"start": start, "end": start + len(part), "role": "name"})
        found.append({"id": str(place), "text": text, "spans": spans})
    return found


@pytest.mark.parametrize("choices", [[], ["objectives.spans.bigru=true", "objectives.spans.scheme=BIOS"]])
def test_an_easy_pattern_is_learned_saved_and_read_back(tiny_text: str, tmp_path: Path, choices: list[str]) -> None:
    overrides = [
        f"encoders.text.pretrained={tiny_text}",
        "training.num_train_epochs=4",
        "training.learning_rate=3.0e-3",
        "training.bf16=false",
        *choices,
    ]
    run = train("skep/spans", easy(400), out=tmp_path / "run", overrides=overrides)
    scores = run["per_seed"][0]["test"]
    assert scores["exact_f1"] > 0.9
    assert scores["exact_f1/name"] == scores["exact_f1"] <= scores["proportional_f1"] <= scores["binary_f1"]
    model = polysense.load(tmp_path / "run")
    row = {"text": "rain of Anna words Emil"}
    (found,) = model.predict(row)
    assert [span["text"] for span in found["spans"]] == ["Anna", "Emil"]
    model.save_pretrained(tmp_path / "saved")
    assert polysense.load(tmp_path / "saved").predict([row, {"text": "of"}])[0] == found
    written = [json.loads(line) for line in (tmp_path / "run/seed-0/predictions/test.jsonl").read_text("utf-8").splitlines()]
    assert all(isinstance(line["spans"], list) for line in written)
