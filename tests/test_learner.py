from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import tiny
from polysense.errors import PolysenseError, RecipeError
from polysense.learner import Learner
from polysense.objectives.classification import Classification
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.image_text_matching import ImageTextMatching
from polysense.objectives.objective import Look, Objective
from polysense.types import Batch
from polysense.views.mismatched import Mismatched
from polysense.views.only import Only
from polysense.views.plain import Plain

LABELS = ["a", "b", "c"]


def objectives(*names: str) -> dict[str, Objective]:
    makers: dict[str, tuple[Any, dict[str, Any]]] = {
        "classification": (Classification, {"labels": LABELS, "dropout": 0.1}),
        "contrast": (ImageTextContrast, {"shared_width": 8}),
        "matching": (ImageTextMatching, {"dropout": 0.1}),
    }
    return {name: tiny.seeded(name, makers[name][0], tiny.WIDTHS, **makers[name][1]) for name in names}


EVERY = ("classification", "contrast", "matching")


class Given(Objective):
    """A term that the test chooses."""

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, value: float | None = 1.0, view: Any = None) -> None:
        super().__init__()
        self.value = value
        self.view = view or Plain()
        self.factor = nn.Parameter(torch.tensor(1.0))
        self.runs = 0

    def forward(self, look: Look) -> Tensor | None:
        self.runs += 1
        look(self.view)
        return None if self.value is None else self.value * self.factor


class TestOneStep:
    def test_the_loss_is_the_weighted_sum_of_the_terms(self) -> None:
        learner = tiny.learner(objectives(*EVERY), {"classification": 0.8, "contrast": 0.1, "matching": 0.3})
        output = learner(**tiny.nested())
        terms = output["terms"]
        assert list(terms) == list(EVERY)
        torch.testing.assert_close(
            output["loss"].detach(), 0.8 * terms["classification"] + 0.1 * terms["contrast"] + 0.3 * terms["matching"]
        )
        assert output["loss"].requires_grad
        assert not any(term.requires_grad for term in terms.values())

    def test_each_modality_is_encoded_once_and_each_view_fused_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        more = {"again": Given(view=Plain()), "text": Given(view=Only("text")), "swapped": Given(view=Mismatched())}
        learner = tiny.learner({**objectives(*EVERY), **more})
        fused = []
        forward = learner.model.fusion.forward
        monkeypatch.setattr(learner.model.fusion, "forward", lambda parts: fused.append(set(parts)) or forward(parts))
        learner(**tiny.nested())
        assert [learner.model.encoder(name).runs for name in ("text", "image")] == [1, 1]
        assert fused == [{"text", "image"}, {"text", "image"}, {"text"}]  # plain, mismatched, text only

    def test_an_objective_of_weight_0_is_not_run(self) -> None:
        silent = Given()
        learner = tiny.learner({"loud": Given(), "silent": silent}, {"loud": 1.0, "silent": 0.0})
        assert list(learner(**tiny.nested())["terms"]) == ["loud"]
        assert list(learner.active) == ["loud"]
        assert silent.runs == 0

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_a_term_that_is_not_finite_is_named(self, value: float) -> None:
        learner = tiny.learner({"fine": Given(), "odd": Given(value)})
        with pytest.raises(PolysenseError, match=r"the objective 'odd' became (nan|inf|-inf): .*learning_rate"):
            learner(**tiny.nested())

    def test_an_objective_sits_out_a_batch_without_what_it_reads(self) -> None:
        learner = tiny.learner(objectives(*EVERY))
        without_image = {name: value for name, value in tiny.nested().items() if name != "image"}
        assert list(learner(**without_image)["terms"]) == ["classification"]
        without_label = {name: value for name, value in tiny.nested().items() if name != "label"}
        assert list(learner(**without_label)["terms"]) == ["contrast", "matching"]

    @pytest.mark.parametrize(
        "batch",
        [
            {"index": torch.arange(3), "text": tiny.part(3)},
            {"index": torch.arange(3), "text": tiny.part(3), "label": torch.full((3,), -100)},
            {"index": torch.arange(3), "label": torch.arange(3)},
            {"index": torch.arange(3), "label": torch.arange(3), "audio": tiny.part(3)},
            {"index": torch.arange(3), "label": torch.arange(3), "text": tiny.part(3, there=[False] * 3)},
        ],
        ids=["no label", "unlabelled", "no modality", "a modality that is not read", "nothing present"],
    )
    def test_a_batch_without_usable_rows_gives_a_zero_that_backward_accepts(self, batch: dict[str, Any]) -> None:
        learner = tiny.learner(objectives(*EVERY))
        output = learner(**batch)
        assert output["loss"].item() == 0
        assert output["terms"] == {}
        output["loss"].backward()
        assert not any(parameter.grad.any() for parameter in learner.parameters() if parameter.grad is not None)

    @pytest.mark.parametrize("training", [True, False])
    def test_the_classifier_does_not_see_whether_others_are_run(self, training: bool) -> None:
        found = []
        for names in (("classification",), EVERY):
            learner = tiny.learner(objectives(*names), dropout=0.2).train(training)
            torch.manual_seed(3)
            found.append(learner(**tiny.nested())["terms"]["classification"])
        assert torch.equal(found[0], found[1])


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_is_a_number_from_0_up(weight: float) -> None:
    with pytest.raises(RecipeError, match=r"objectives\.odd\.weight: expected a number from 0 up"):
        tiny.learner({"fine": Given(), "odd": Given()}, {"fine": 1.0, "odd": weight})


def test_something_must_be_learned() -> None:
    with pytest.raises(RecipeError, match="every weight is 0"):
        tiny.learner({"one": Given(), "two": Given()}, {"one": 0.0, "two": 0.0})


def train(learner: Learner, steps: int = 6, between: Any = None) -> Learner:
    """Some steps of AdamW, with dropout, from a fixed global seed; ``between`` is called after each."""
    learner.train()
    optimizer = torch.optim.AdamW([one for one in learner.parameters() if one.requires_grad], lr=0.01, weight_decay=0.01)
    torch.manual_seed(11)
    for step in range(steps):
        optimizer.zero_grad()
        learner(**tiny.nested(seed=step))["loss"].backward()
        optimizer.step()
        if between is not None:
            between(learner)
    return learner


def shared(learner: Learner, *, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    away = tuple(f"objectives.{name}." for name in without)
    return {name: value for name, value in learner.state_dict().items() if not name.startswith(away)}


def assert_equal(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


class TestTraining:
    def test_objectives_of_weight_0_leave_training_as_it_was_to_the_last_bit(self) -> None:
        plain = train(tiny.learner(objectives("classification"), dropout=0.2))
        weights = {"classification": 1.0, "contrast": 0.0, "matching": 0.0}
        silenced = train(tiny.learner(objectives(*EVERY), weights, dropout=0.2))
        assert_equal(shared(silenced, without=("contrast", "matching")), shared(plain))
        untouched = objectives(*EVERY)
        for name in ("contrast", "matching"):
            assert_equal(silenced.objective(name).state_dict(), untouched[name].state_dict())

    def test_turning_an_objective_on_does_change_training(self) -> None:
        plain = train(tiny.learner(objectives("classification"), dropout=0.2))
        both = train(tiny.learner(objectives("classification", "matching"), dropout=0.2))
        assert not torch.equal(plain.model.fusion.mix.weight, both.model.fusion.mix.weight)

    def test_evaluating_draws_nothing_and_does_not_change_later_training(self) -> None:
        def evaluate(learner: Learner) -> None:
            stream, step = torch.random.get_rng_state(), learner.micro_step.clone()
            learner.eval()
            with torch.inference_mode():
                learner(**tiny.nested(seed=99))
                learner.answer(tiny.batch(5))
            learner.train()
            assert torch.equal(torch.random.get_rng_state(), stream)
            assert torch.equal(learner.micro_step, step)

        undisturbed = train(tiny.learner(objectives(*EVERY), dropout=0.2))
        evaluated = train(tiny.learner(objectives(*EVERY), dropout=0.2), between=evaluate)
        assert_equal(evaluated.state_dict(), undisturbed.state_dict())

    def test_random_views_depend_on_seed_and_step_alone(self) -> None:
        def terms(learner: Learner) -> list[float]:
            return [float(learner(**tiny.nested())["terms"]["matching"]) for _ in range(4)]

        def make(seed: int) -> Learner:
            matching = tiny.seeded("matching", ImageTextMatching, tiny.WIDTHS, dropout=0.0)
            return tiny.learner({"matching": matching}, seed=seed)

        first, again, other = make(0), make(0), make(1)
        expected = terms(first)
        assert len(set(expected)) > 1
        assert terms(again) == expected
        assert terms(other) != expected
        resumed = make(0)
        resumed(**tiny.nested())
        resumed(**tiny.nested())
        later = make(0)
        later.load_state_dict(resumed.state_dict())
        assert terms(later)[:2] == expected[2:]

    def test_a_frozen_tower_stays_where_it_was(self) -> None:
        learner = tiny.learner(objectives(*EVERY), dropout=0.2, image_trainable=False)
        before = {name: value.clone() for name, value in learner.model.encoder("image").state_dict().items()}
        train(learner)
        assert_equal(learner.model.encoder("image").state_dict(), before)
        assert not learner.model.encoder("image").layer.training
        assert learner.model.encoder("text").layer.training


class TestAnswers:
    def test_every_trained_objective_answers(self) -> None:
        prediction, seen = tiny.learner(objectives(*EVERY)).eval().answer(tiny.batch(4))
        assert set(prediction.columns) == {"label", "probabilities", "similarity", "match"}
        assert len(prediction.rows()) == 4
        assert seen.fused.summary.shape == (4, 6)

    def test_one_of_weight_0_does_not(self) -> None:
        weights = {"classification": 1.0, "contrast": 0.0, "matching": 0.0}
        prediction, _ = tiny.learner(objectives(*EVERY), weights).eval().answer(tiny.batch(4))
        assert set(prediction.columns) == {"label", "probabilities"}

    def test_a_row_alone_is_the_row_in_a_batch(self) -> None:
        learner = tiny.learner(objectives(*EVERY)).eval()
        batch = tiny.batch(5)
        together = learner.answer(batch)[0].rows()
        for row in range(5):
            alone = Batch(
                parts={name: {key: value[[row]] for key, value in part.items()} for name, part in batch.parts.items()},
                fields={name: value[[row]] for name, value in batch.fields.items()},
            )
            (found,) = learner.answer(alone)[0].rows()
            assert found["label"] == together[row]["label"]
            assert found["probabilities"] == pytest.approx(together[row]["probabilities"], abs=1e-5)
            assert found["match"] == pytest.approx(together[row]["match"], abs=1e-5)
            assert found["similarity"] == pytest.approx(together[row]["similarity"], abs=1e-5)

    def test_rows_that_lack_a_modality_have_no_similarity_and_no_match(self) -> None:
        learner = tiny.learner(objectives(*EVERY)).eval()
        batch = tiny.batch(2)
        image = {**batch.parts["image"], "present": torch.tensor([True, False])}
        mixed = Batch(parts={**batch.parts, "image": image}, fields=batch.fields)
        rows = learner.answer(mixed)[0].rows()
        assert rows[1]["similarity"] is rows[1]["match"] is None
        assert rows[1]["label"] in LABELS
        assert isinstance(rows[0]["similarity"], float)
        text_only = Batch(parts={"text": batch.parts["text"]}, fields=batch.fields)
        assert [row["match"] for row in learner.answer(text_only)[0].rows()] == [None, None]


def test_of_objectives_that_take_turns_one_is_run_a_step() -> None:
    model = tiny.model()
    turns = {"contrast": "pairs", "matching": "pairs"}
    learner = Learner(model, objectives(*EVERY), dict.fromkeys(EVERY, 1.0), turns=turns, seed=4)
    batch = Batch.of(tiny.nested())
    run = [set(learner.terms(batch, step=step)) for step in range(200)]
    assert all("classification" in names and len(names) == 2 for names in run)
    assert 70 < sum("contrast" in names for names in run) < 130
    assert run == [set(learner.terms(batch, step=step)) for step in range(200)]
    other = Learner(model, objectives(*EVERY), dict.fromkeys(EVERY, 1.0), turns=turns, seed=5)
    assert run != [set(other.terms(batch, step=step)) for step in range(200)]
    assert set(learner.eval().terms(batch, step=0)) == set(EVERY)


def test_who_cannot_read_the_batch_takes_no_turn() -> None:
    learner = Learner(
        tiny.model(),
        objectives("classification", "contrast"),
        {"classification": 1.0, "contrast": 1.0},
        turns={"classification": "one", "contrast": "one"},
        seed=0,
    )
    nested = tiny.nested()
    del nested["image"]
    assert all(set(learner.terms(Batch.of(nested), step=step)) == {"classification"} for step in range(20))


def test_dropout_follows_from_seed_and_step_whatever_is_learnt_beside() -> None:
    """Two steps with equal parameters: the matching head's own dropout does not move the classifier's in the second."""
    terms = []
    for names in (("classification",), EVERY):
        made = tiny.learner(objectives(*names), dropout=0.3).train()
        for _ in range(2):
            term = made(**tiny.nested())["terms"]["classification"]
        terms.append(term)
    assert torch.equal(terms[0], terms[1])
