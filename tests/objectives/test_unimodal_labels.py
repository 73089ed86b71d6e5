from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import tiny
from polysense.errors import DataError, RecipeError
from polysense.objectives.regression import Regression
from polysense.objectives.unimodal_labels import UnimodalLabels
from polysense.types import Batch, Encoded, Representation, Sample

ROWS = 12
MODALITIES = ("text", "audio", "video")
WIDTHS = {"text": 6, "audio": 3, "video": 4, "fused": 5}
SCORES = torch.tensor([1.0, -1.0, 2.0, -2.5, 0.0, 0.5, -0.5, 3.0, -3.0, 1.5, -1.5, 0.0])


class Clips:
    """Encoded clips as a model would give them: ``summaries`` (rows, width) by key."""

    def __init__(
        self,
        summaries: Mapping[str, Tensor],
        *,
        index: Tensor | None = None,
        score: Tensor = SCORES,
        human: Mapping[str, Tensor] | None = None,
        present: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.summaries, self.there = summaries, present or {}
        index = torch.arange(ROWS) if index is None else index
        nothing = torch.full((len(index),), torch.nan)
        own = {f"score_{name}": (human or {}).get(name, nothing) for name in MODALITIES}
        self.batch = Batch(parts={}, fields={"index": index, "score": score, **own})

    def encoder(self, modality: str) -> Any:
        raise NotImplementedError

    def __call__(self, view: Any) -> Any:
        parts = {name: self._encoded(name) for name in self.summaries}
        fused = parts.pop("fused")
        return view.show(self.batch, torch.Generator()), Representation(parts=parts, fused=fused)

    def _encoded(self, name: str) -> Encoded:
        values = self.summaries[name]
        there = self.there.get(name, torch.ones(len(values), dtype=torch.bool))
        return Encoded(values.unsqueeze(1), there.unsqueeze(1), values, there)


def summaries(seed: int, rows: int = ROWS) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(rows, width, generator=draw, requires_grad=True) for name, width in WIDTHS.items()}


def objective(**choices: Any) -> UnimodalLabels:
    settings: dict[str, Any] = {"hidden": 4, "limit": 3.0, "rows": ROWS, **choices}
    made: UnimodalLabels = tiny.seeded("unimodal", UnimodalLabels, WIDTHS, **settings)
    return made.train()


def seen(made: UnimodalLabels, times: int) -> UnimodalLabels:
    for seed in range(times):
        made(Clips(summaries(seed)))
    return made


def test_the_term_is_the_weighted_error_of_each_modality_over_the_labels_as_they_stood() -> None:
    made = seen(objective(modality_weights={"audio": 0.5}), 3)
    before, clips = copy.deepcopy(made), Clips(summaries(9))
    term = made(clips)
    by_hand = torch.zeros(())
    for name, factor in (("text", 1.0), ("audio", 0.5), ("video", 1.0)):
        feature = before.features[name](clips.summaries[name])
        scores = before.heads[name](feature).squeeze(1)
        labels = before.generator.labels[name]
        errors = [torch.tanh((labels[row] - SCORES[row]).abs()) * (scores[row] - labels[row]).abs() for row in range(ROWS)]
        by_hand = by_hand + factor * torch.stack(errors).mean()
        assert torch.equal(made.generator.get_buffer(f"features_{name}"), feature.detach())
    torch.testing.assert_close(term, by_hand)
    assert torch.equal(made.generator.features_fused, clips.summaries["fused"].detach())
    assert not torch.equal(made.generator.labels["text"], before.generator.labels["text"])


def test_the_term_is_the_sum_of_parts_that_are_told_by_modality() -> None:
    made = seen(objective(), 3)
    clips = Clips(summaries(9), present={"audio": torch.zeros(ROWS, dtype=torch.bool)})
    term = made(clips)
    assert made.parts["audio"].isnan()
    torch.testing.assert_close(made.parts["text"] + made.parts["video"], term.detach())
    told = dict(made.parts)
    made.eval()
    made(Clips(summaries(10)))
    assert made.parts == told  # of training alone


def test_as_long_as_labels_are_the_human_scores_the_heads_have_no_gradient_and_decay_does_not_shrink_them() -> None:
    learner = tiny.learner({"score": tiny.seeded("r", Regression, tiny.WIDTHS), "unimodal": pictured()}).train()
    optimizer = torch.optim.AdamW(learner.parameters(), lr=0.1, weight_decay=0.5)
    start = {name: value.clone() for name, value in learner.named_parameters()}
    for epoch in range(3):  # labels move at the second visit, after its loss
        optimizer.zero_grad()
        output = learner(**scored())
        output["loss"].backward()
        assert set(output["terms"]) == ({"score"} if epoch < 2 else {"score", "unimodal"})
        own = [(name, value) for name, value in learner.named_parameters() if name.startswith("objectives.unimodal")]
        assert len(own) == 12
        assert all((value.grad is None) == (epoch < 2) for _, value in own)
        optimizer.step()
        assert all(torch.equal(value, start[name]) == (epoch < 2) for name, value in own)
    assert not torch.equal(learner.model.fusion.mix.weight, start["model.fusion.mix.weight"])


def pictured(**choices: Any) -> UnimodalLabels:
    settings = {"hidden": {"text": 5, "image": 3}, "limit": 3.0, "rows": 8, **choices}
    made: UnimodalLabels = tiny.seeded("unimodal", UnimodalLabels, tiny.WIDTHS, **settings)
    return made


def scored(rows: int = 8, seed: int = 0) -> dict[str, Any]:
    nested = tiny.nested(rows, seed=seed)
    own = {f"score_{name}": torch.full((rows,), torch.nan) for name in ("text", "image")}
    return nested | {"score": torch.linspace(-2, 2, rows)} | own


def test_its_gradient_lowers_it_where_labels_stand_still() -> None:
    made = seen(objective(), 3)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        step = copy.deepcopy(made.generator.state_dict())
        loss = made(Clips(summaries(9)))
        made.generator.load_state_dict(step)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_a_modality_may_be_trained_on_the_human_score_at_the_first_visit() -> None:
    made, clips = objective(warm_up_weight=0.7), Clips(summaries(0))
    errors = [
        (made.heads[name](made.features[name](clips.summaries[name])).squeeze(1) - SCORES).abs().mean() for name in MODALITIES
    ]
    torch.testing.assert_close(made(clips), 0.7 * torch.stack(errors).sum())


def test_the_memory_moves_once_a_batch_and_in_training_only() -> None:
    made = seen(objective(), 2)
    state = {name: values.clone() for name, values in made.generator.state_dict().items()}
    assert made.eval()(Clips(summaries(5), index=torch.arange(100, 100 + ROWS))) is None  # validation has numbers of its own
    with torch.no_grad():
        assert made.train()(Clips(summaries(5))) is None
    assert all(torch.equal(values, state[name]) for name, values in made.generator.state_dict().items())
    layer = nn.Linear(6, 6)
    recomputed = {**summaries(5), "text": checkpoint(layer, summaries(5)["text"], use_reentrant=False)}
    made(Clips(recomputed)).backward()
    assert layer.weight.grad is not None
    assert made.generator.visits.tolist() == [3] * ROWS


def test_rows_without_a_modality_or_a_score_sit_out() -> None:
    there = torch.tensor([True, False] * 6)
    score = SCORES.clone()
    score[4] = torch.nan
    whole, some = objective(warm_up_weight=1.0), objective(warm_up_weight=1.0)
    clips = summaries(0)
    garbage = {**clips, "audio": clips["audio"].masked_fill(~there.unsqueeze(1), torch.nan)}
    kept = there & ~score.isnan()
    term = some(Clips(garbage, score=score, present={"audio": there}))
    alone = whole(
        Clips({name: clips[name][kept] for name in ("fused", "audio")}, index=kept.nonzero().squeeze(1), score=score[kept])
    )
    rest = ~score.isnan()
    others = objective(warm_up_weight=1.0)(
        Clips(
            {name: clips[name][rest] for name in ("fused", "text", "video")}, index=rest.nonzero().squeeze(1), score=score[rest]
        )
    )
    torch.testing.assert_close(term, alone + others)
    term.backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in some.parameters())
    assert torch.equal(some.generator.known["audio"], kept)
    assert torch.equal(some.generator.visits, rest.long())


HUMAN = {"text": SCORES.flip(0), "audio": torch.where(torch.arange(ROWS) < 5, SCORES / 2, torch.nan)}


def test_the_scores_that_people_gave_to_single_modalities() -> None:
    made, clips = objective(labels="human", rows=None, limit=None), Clips(summaries(0), human=HUMAN)
    errors = [
        (made.heads[name](made.features[name](clips.summaries[name])).squeeze(1) - HUMAN[name])[
            : 5 if name == "audio" else ROWS
        ]
        for name in ("text", "audio")
    ]
    by_hand = torch.stack([error.abs().mean() for error in errors]).sum()
    torch.testing.assert_close(made(clips), by_hand)
    torch.testing.assert_close(made.eval()(clips), by_hand)  # they are there in validation too
    assert made.generator is None


def test_generated_labels_where_people_gave_none() -> None:
    mixed, plain = seen(objective(labels="human_where_present"), 3), seen(objective(), 3)
    clips = Clips(summaries(9), human=HUMAN)
    before = copy.deepcopy(plain)
    by_hand = torch.zeros(())
    for name in MODALITIES:
        given = HUMAN.get(name, torch.full((ROWS,), torch.nan))
        target = torch.where(given.isnan(), before.generator.labels[name], given)
        weight = torch.where(given.isnan(), before.generator.weights(torch.arange(ROWS), name), 1.0)
        scores = before.heads[name](before.features[name](clips.summaries[name])).squeeze(1)
        by_hand = by_hand + (weight * (scores - target).abs()).mean()
    torch.testing.assert_close(mixed(clips), by_hand)
    plain(clips)
    assert torch.equal(mixed.generator.label, plain.generator.label)  # what is generated is the same
    assert mixed.eval()(Clips(summaries(9), human={"text": HUMAN["text"]})) is not None


def test_it_goes_on_from_its_state_as_if_unbroken() -> None:
    whole, first, second = objective(), objective(), objective()
    for seed in range(4):
        term = whole(Clips(summaries(seed)))
        other = (first if seed < 2 else second)(Clips(summaries(seed)))
        assert term is other is None or torch.equal(term, other)
        if seed == 1:
            second.load_state_dict(first.state_dict())
    for name, values in whole.state_dict().items():
        assert torch.equal(values, second.state_dict()[name]), name


def test_it_answers_for_each_modality_that_a_row_has() -> None:
    made, there = seen(objective(), 3).eval(), torch.tensor([True] * 11 + [False])
    clips = Clips({name: values for name, values in summaries(0).items() if name != "video"}, present={"audio": there})
    _, representation = clips(_Plain())
    columns = made.answer(representation).columns
    assert list(columns) == ["score_text", "score_audio", "score_video"]
    assert columns["score_video"] == [None] * ROWS
    assert [value is None for value in columns["score_audio"]] == [False] * 11 + [True]
    scores = made.heads["text"](made.features["text"](clips.summaries["text"])).squeeze(1)
    assert columns["score_text"] == pytest.approx(scores.tolist())

    vectors = made.vectors(representation).columns
    assert list(vectors) == ["vector_fused", "vector_text", "vector_audio", "vector_video"]
    assert vectors["vector_fused"] == clips.summaries["fused"].tolist()
    assert vectors["vector_text"] == made.features["text"](clips.summaries["text"]).tolist()  # as the memory takes them up
    assert [value is None for value in vectors["vector_audio"]] == [False] * 11 + [True]
    assert vectors["vector_video"] == [None] * ROWS


def answers(made: UnimodalLabels) -> list[str]:
    """The columns that it gives of rows with all modalities."""
    _, representation = Clips(summaries(0))(_Plain())
    return list(made.answer(representation).columns)


def test_a_head_that_no_step_had_weight_for_answers_nothing() -> None:
    made = objective(modality_weights={"audio": 0.0})
    for times in range(3):
        assert (answers(made), made.untaught) == ([], ("text", "audio", "video")), times
        seen(made, 1)
    assert answers(made) == ["score_text", "score_video"]
    assert made.untaught == ("audio",)
    reloaded = objective(modality_weights={"audio": 0.0})
    reloaded.load_state_dict(made.state_dict())
    assert reloaded.untaught == made.forgetful()[0].untaught == ("audio",)


def test_a_modality_that_the_rows_lack_until_now_has_no_score() -> None:
    made = objective()
    for seed in range(3):
        made(Clips({name: values for name, values in summaries(seed).items() if name != "video"}))
    assert made.untaught == ("video",)


@pytest.mark.parametrize("choices", [{"warm_up_weight": 0.5}, {"labels": "human", "rows": None, "limit": None}])
def test_heads_that_learn_from_the_first_step_answer_from_then_on(choices: dict[str, Any]) -> None:
    made = objective(**choices)
    made(Clips(summaries(0), human=dict.fromkeys(MODALITIES, SCORES)))
    assert answers(made) == ["score_text", "score_audio", "score_video"]


def test_a_loss_without_gradients_teaches_nothing() -> None:
    made = objective(labels="human", rows=None, limit=None)
    with torch.no_grad():
        assert made(Clips(summaries(0), human=dict.fromkeys(MODALITIES, SCORES))) is not None
    assert len(made.untaught) == 3


def test_a_state_without_the_note_is_taken_up_and_answers() -> None:
    state = seen(objective(), 2).state_dict()
    del state["taught"]
    made = objective()
    made.load_state_dict(state)
    assert made.untaught == ()


def _Plain() -> Any:
    from polysense.views.plain import Plain

    return Plain()


def test_what_is_remembered_stands_beside_the_rows() -> None:
    made = objective()
    index, values = torch.tensor([3, 7]), {name: one[:2] for name, one in summaries(0).items() if name != "video"}
    made(Clips(values, index=index, score=torch.tensor([1.0, -2.0])))
    table = made.remembered()
    assert list(table) == ["y_m", "y_t", "y_a", "y_v", "visits"]
    assert table["visits"].tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert table["y_t"][index].tolist() == [1.0, -2.0]
    assert table["y_t"].isnan().sum() == 10
    assert table["y_v"].isnan().all()


def test_a_copy_for_prediction_has_no_memory() -> None:
    made = seen(objective(), 2)
    copied, arguments = made.forgetful()
    assert arguments == {"rows": 0}
    assert copied.remembered()["visits"].shape == (0,)
    assert made.remembered()["visits"].tolist() == [2] * ROWS
    rebuilt = objective(rows=0)
    rebuilt.load_state_dict(copied.state_dict())
    assert all(torch.equal(value, dict(rebuilt.named_parameters())[name]) for name, value in made.named_parameters())
    human = objective(labels="human", rows=None, limit=None)
    assert human.forgetful() == (human, {})


SAMPLES = [Sample(id=str(row), text="a", score=score, scores={"text": -score}) for row, score in enumerate((1.0, -2.0, 0.0))]


def test_what_follows_from_the_training_rows() -> None:
    asked = {"labels": "generated", "limit": None}
    assert UnimodalLabels.complete(asked, SAMPLES) == {"labels": "generated", "limit": 2.0, "rows": 3}
    assert UnimodalLabels.complete({**asked, "limit": 3.0}, SAMPLES)["limit"] == 3.0
    assert UnimodalLabels.complete({**asked, "labels": "human"}, SAMPLES) == {**asked, "labels": "human"}
    with pytest.raises(RecipeError, match=r"limit is 1.0, and a training row has a score of 2.0 or -2.0"):
        UnimodalLabels.complete({**asked, "limit": 1.0}, SAMPLES)
    with pytest.raises(DataError, match="no training row has a score other than 0"):
        UnimodalLabels.complete(asked, SAMPLES[2:])
    with pytest.raises(DataError, match="no training row has a human score of a single modality"):
        UnimodalLabels.complete({**asked, "labels": "human"}, [Sample(id="0", text="a", score=1.0)])
    fields = objective().prepare([*SAMPLES, Sample(id="3", text="a")])
    assert list(fields) == ["score", "score_text", "score_audio", "score_video"]
    assert fields["score"].isnan().tolist() == [False, False, False, True]
    assert fields["score_text"][:3].tolist() == [-1.0, 2.0, 0.0]
    assert fields["score_audio"].isnan().all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"UnimodalLabels.hidden: no encoder for 'vision'; .*video"):
        objective(hidden={"vision": 3})
    with pytest.raises(RecipeError, match="numbers from 0 up"):
        objective(warm_up_weight=-1.0)
    with pytest.raises(ValueError, match="call complete"):
        objective(rows=None)
