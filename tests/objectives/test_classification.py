from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tiny
from polysense.errors import DataError
from polysense.learner import StepLook
from polysense.metrics.classification import classification_metrics
from polysense.objectives.classification import Classification
from polysense.types import Batch, Encoded, Prediction, Representation, Sample
from polysense.views.plain import Plain
from polysense.views.view import Shown, View

LABELS = ["a", "b", "c"]


def samples(*labels: str | tuple[str, ...] | None) -> list[Sample]:
    return [
        Sample(id=str(number), text="x", label=label, origin=f"posts.csv, row {number}")
        for number, label in enumerate(labels, start=1)
    ]


def looking_at(logits: Tensor, fields: dict[str, Tensor], *, present: Tensor | None = None) -> Any:
    """A look whose fused summary is ``logits`` themselves."""
    there = torch.ones(len(logits), dtype=torch.bool) if present is None else present
    fused = Encoded(logits.unsqueeze(1), there.unsqueeze(1), logits, there)
    batch = Batch(parts={}, fields={"index": torch.arange(len(logits)), **fields})

    def look(view: View) -> tuple[Shown, Representation]:
        assert view == Plain()
        return Shown(batch), Representation(parts={}, fused=fused)

    return look


def passing_on(**choices: Any) -> Classification:
    """A classification whose logits are the fused summary."""
    made = Classification({"fused": 3}, labels=LABELS, **choices).eval()
    linear = made.head[1]
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(3))
        linear.bias.zero_()
    return made


LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-1.0, 1.5, 0.5], [0.0, 0.0, 2.0]])


class TestLoss:
    def test_weighted_rows_divided_by_their_number(self) -> None:
        look = looking_at(LOGITS, {"label": torch.tensor([0, 1, 1, 2])})
        weights = [0.533333, 1.333333, 2.666667]
        assert passing_on(class_weights=weights)(look).item() == pytest.approx(0.683032, abs=1e-5)
        assert passing_on()(look).item() == pytest.approx(0.488585, abs=1e-5)

    def test_unlabelled_and_absent_rows_are_left_out(self) -> None:
        labels = torch.tensor([0, -100, 1, 2])
        present = torch.tensor([True, True, True, False])
        found = passing_on()(looking_at(LOGITS, {"label": labels}, present=present))
        expected = passing_on()(looking_at(LOGITS[[0, 2]], {"label": labels[[0, 2]]}))
        assert torch.equal(found, expected)

    def test_none_where_no_row_is_usable(self) -> None:
        assert passing_on()(looking_at(LOGITS, {"label": torch.full((4,), -100)})) is None
        nothing = torch.zeros(4, dtype=torch.bool)
        assert passing_on()(looking_at(LOGITS, {"label": torch.arange(4) % 3}, present=nothing)) is None
        many = passing_on(multi_label=True)
        assert many(looking_at(LOGITS, {"label": torch.full((4, 3), -100.0)})) is None

    @pytest.mark.parametrize("smoothing", [0.0, 0.2])
    @pytest.mark.parametrize("weights", ["none", [0.5, 1.0, 4.0]])
    def test_several_labels_against_a_loop(self, smoothing: float, weights: Any) -> None:
        targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [-100.0] * 3, [0.0, 1.0, 0.0]])
        objective = passing_on(multi_label=True, label_smoothing=smoothing, class_weights=weights)
        found = objective(looking_at(LOGITS, {"label": targets}))
        terms = []
        for row in (0, 1, 3):
            for column in range(3):
                target = float(targets[row, column]) * (1 - smoothing) + smoothing / 2
                chance = 1 / (1 + math.exp(-float(LOGITS[row, column])))
                positive = 1.0 if weights == "none" else weights[column]
                terms.append(-positive * target * math.log(chance) - (1 - target) * math.log(1 - chance))
        assert found.item() == pytest.approx(sum(terms) / len(terms), abs=1e-5)

    @pytest.mark.parametrize("multi_label", [False, True])
    def test_its_gradient_lowers_it(self, multi_label: bool) -> None:
        objective = tiny.seeded(
            "classification", Classification, tiny.WIDTHS, labels=LABELS, multi_label=multi_label, dropout=0.0
        )
        nested = tiny.nested(12)
        if multi_label:
            nested["label"] = nn.functional.one_hot(nested["label"], 3).float()
        learner = tiny.learner({"classification": objective})
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.02)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = learner(**nested)["loss"]
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]

    def test_an_order_of_the_rows_changes_nothing(self) -> None:
        labels, order = torch.tensor([0, 1, 1, 2]), [2, 0, 3, 1]
        objective = passing_on(class_weights=[0.5, 1.0, 4.0], label_smoothing=0.1)
        torch.testing.assert_close(
            objective(looking_at(LOGITS[order], {"label": labels[order]})), objective(looking_at(LOGITS, {"label": labels}))
        )


class TestComplete:
    def complete(self, rows: Sequence[Sample], **arguments: Any) -> dict[str, Any]:
        return Classification.complete(arguments, rows)

    def test_labels_are_those_of_the_training_rows_in_order(self) -> None:
        assert self.complete(samples("b", "a", None, "b", "c"))["labels"] == LABELS
        assert self.complete(samples("b", "a"), labels=["b", "a"])["labels"] == ["b", "a"]

    def test_what_was_given_stays_and_nothing_is_changed_in_place(self) -> None:
        arguments = {"dropout": 0.3, "class_weights": "balanced"}
        completed = Classification.complete(arguments, samples("a", "b"))
        assert completed["dropout"] == 0.3
        assert arguments == {"dropout": 0.3, "class_weights": "balanced"}

    def test_balanced_weights_are_n_over_k_n_c(self) -> None:
        completed = self.complete(samples("a", "a", "a", "a", "a", "b", "b", "c", None), class_weights="balanced")
        assert completed["class_weights"] == [0.533333, 1.333333, 2.666667]
        assert self.complete(samples("a", "b"), class_weights="none")["class_weights"] == "none"

    def test_a_class_that_no_shown_row_has_weighs_as_if_one_had(self) -> None:
        rows = samples(("a",), ("a",), (), None)
        asked, completed = (
            {"class_weights": "balanced"},
            {"labels": ["a", "b"], "multi_label": True, "class_weights": [1.0, 1.0]},
        )
        assert Classification.complete_shown(asked, completed, rows) == {"class_weights": [0.5, 2.0]}
        assert Classification.complete_shown({"class_weights": [1.0, 1.0]}, completed, rows) == {}

    def test_balanced_weights_of_several_labels_are_negatives_over_positives(self) -> None:
        rows = samples(("a", "b"), ("a",), (), None, ("a",))
        completed = self.complete(rows, class_weights="balanced", multi_label=True)
        assert completed["labels"] == ["a", "b"]
        assert completed["class_weights"] == [round(1 / 3, 6), 3.0]  # 4 labelled rows: a in 3, b in 1

    def test_a_class_that_every_labelled_row_has_weighs_as_if_one_had_it_not(self) -> None:
        rows = samples(("a", "b"), ("a",), None, ("a",), ("a",))
        completed = self.complete(rows, class_weights="balanced", multi_label=True)
        assert completed["class_weights"] == [0.25, 3.0]  # 4 labelled rows: a in all, b in 1
        asked = {"class_weights": "balanced"}
        assert Classification.complete_shown(asked, completed, rows[1:]) == {"class_weights": [0.333333, 2.0]}
        assert Classification.complete_shown(asked, completed, rows[1:2]) == {"class_weights": [1.0, 1.0]}

    @pytest.mark.parametrize("rows", [(), samples(None, None)])
    def test_without_labelled_rows_all_classes_weigh_the_same(self, rows: Sequence[Sample]) -> None:
        asked = {"class_weights": "balanced"}
        for several, weights in ((True, [1.0, 1.0, 1.0]), (False, [1.0, 1.0, 1.0])):
            completed = {"labels": LABELS, "multi_label": several}
            assert Classification.complete_shown(asked, completed, rows) == {"class_weights": weights}

    def test_a_label_outside_the_recipe_names_the_row_and_the_nearest_class(self) -> None:
        with pytest.raises(DataError, match=r"posts\.csv, row 2, label: 'positve' is not a class .*did you mean 'positive'\?"):
            self.complete(samples("negative", "positve"), labels=["negative", "positive"])

    def test_a_class_without_rows_is_named(self) -> None:
        with pytest.raises(DataError, match="no training row has the label 'c'"):
            self.complete(samples("a", "b"), labels=LABELS)

    @pytest.mark.parametrize(("rows", "found"), [(("a", "a"), "'a'"), ((None, None), "none at all")])
    def test_one_class_is_not_enough(self, rows: tuple[str | None, ...], found: str) -> None:
        with pytest.raises(DataError, match=f"at least two classes; the training rows have {found}"):
            self.complete(samples(*rows))

    def test_several_labels_need_one_class_at_least(self) -> None:
        assert self.complete(samples(("a",), ()), multi_label=True)["labels"] == ["a"]
        with pytest.raises(DataError, match="none at all"):
            self.complete(samples(None, ()), multi_label=True)

    def test_several_labels_in_a_row_need_multi_label(self) -> None:
        with pytest.raises(DataError, match=r"posts\.csv, row 2, label: 2 labels in one row; .*multi_label: true"):
            self.complete(samples("a", ("a", "b")))

    def test_it_is_not_built_before_it_is_complete(self) -> None:
        for choices in ({}, {"labels": LABELS, "class_weights": "balanced"}):
            with pytest.raises(ValueError, match=r"complete\(\)"):
                Classification({"fused": 3}, **choices)

    def test_one_weight_a_class(self) -> None:
        with pytest.raises(ValueError, match="one number a class, found 2 for 3 classes"):
            Classification({"fused": 3}, labels=LABELS, class_weights=[1.0, 2.0])


class TestPrepare:
    def test_class_numbers(self) -> None:
        fields = passing_on().prepare(samples("c", None, "a", ("b",)))
        assert fields["label"].tolist() == [2, -100, 0, 1]

    def test_several_labels(self) -> None:
        fields = passing_on(multi_label=True).prepare(samples(("a", "c"), None, (), "b"))
        assert fields["label"].tolist() == [[1, 0, 1], [-100, -100, -100], [0, 0, 0], [0, 1, 0]]

    @pytest.mark.parametrize(
        ("label", "reason"), [((), "0 labels in one row"), (("a", "b"), "2 labels in one row"), ("d", "'d' is not a class")]
    )
    def test_rows_that_nobody_checked_are_named(self, label: Any, reason: str) -> None:
        with pytest.raises(DataError, match=rf"posts\.csv, row 2, label: {reason}"):
            passing_on().prepare(samples("a", label))
        with pytest.raises(DataError, match=rf"the row with id '7', label: {reason}"):
            passing_on().prepare([Sample(id="7", text="x", label=label)])

    def test_a_class_that_is_none_is_named_among_several_too(self) -> None:
        with pytest.raises(DataError, match=r"row 2, label: 'd' is not a class"):
            passing_on(multi_label=True).prepare(samples(("a",), ("a", "d")))

    def test_nothing_where_no_row_is_labelled(self) -> None:
        assert passing_on().prepare(samples(None, None)) == {}


class TestAnswer:
    def represented(self, logits: Tensor) -> Representation:
        there = torch.ones(len(logits), dtype=torch.bool)
        return Representation(parts={}, fused=Encoded(logits.unsqueeze(1), there.unsqueeze(1), logits, there))

    def test_the_likeliest_class_with_all_probabilities(self) -> None:
        columns = passing_on().answer(self.represented(LOGITS)).columns
        assert columns["label"] == ["a", "c", "b", "c"]
        for row, found in zip(LOGITS.softmax(dim=-1).tolist(), columns["probabilities"], strict=True):
            assert list(found) == LABELS
            assert list(found.values()) == pytest.approx(row, abs=1e-6)

    def test_several_labels_from_the_threshold_on(self) -> None:
        columns = passing_on(multi_label=True).answer(self.represented(LOGITS)).columns
        assert columns["label"] == [("a", "b"), ("a", "b", "c"), ("b", "c"), ("a", "b", "c")]
        assert columns["probabilities"][0]["a"] == pytest.approx(1 / (1 + math.exp(-2.0)))
        strict = passing_on(multi_label=True, threshold=0.8).answer(self.represented(LOGITS)).columns
        assert strict["label"] == [("a",), (), ("b",), ("c",)]


class TestSettling:
    """What is fitted on validation rows."""

    truth = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)

    def logits(self) -> Tensor:
        draw = torch.Generator().manual_seed(0)
        return 4 * (nn.functional.one_hot(self.truth, 3) + torch.tensor([0.5, 0.2, -0.5]) + torch.randn(100, 3, generator=draw))

    def answers(self, objective: Classification, logits: Tensor) -> Prediction:
        return objective.answer(TestAnswer().represented(logits))

    def settled(self, objective: Classification, logits: Tensor) -> dict[str, Any]:
        rows = samples(*[LABELS[number] for number in self.truth])
        return objective.settle(self.answers(objective, logits), rows)

    def test_the_temperature_lowers_the_log_loss_and_changes_no_answer(self) -> None:
        objective, plain, logits = passing_on(calibrate=True), passing_on(), self.logits()
        found = self.settled(objective, logits)
        assert found == {"temperature": pytest.approx(float(objective.temperature), rel=1e-4)}
        assert found["temperature"] > 1.5
        before, after = (self.answers(one, logits).columns for one in (plain, objective))
        assert before["label"] == after["label"]
        losses = [
            -sum(math.log(row[LABELS[number]]) for row, number in zip(side["probabilities"], self.truth.tolist(), strict=True))
            for side in (before, after)
        ]
        assert losses[1] < losses[0]

    def test_twice_is_once(self) -> None:
        objective, logits = passing_on(calibrate=True, decide="macro_f1"), self.logits()
        once = self.settled(objective, logits)
        objective.unsettle()
        assert self.answers(objective, logits).columns == self.answers(passing_on(), logits).columns
        assert self.settled(objective, logits) == once

    def test_thresholds_answer_rare_classes(self) -> None:
        objective, logits = passing_on(decide="macro_f1"), self.logits()
        even = self.answers(objective, logits).columns["label"]
        assert even == self.answers(passing_on(), logits).columns["label"]
        thresholds = self.settled(objective, logits)["thresholds"]
        assert list(thresholds) == LABELS
        own = self.answers(objective, logits).columns["label"]
        truth = [LABELS[number] for number in self.truth]
        scores = [classification_metrics(truth, one, labels=LABELS)["macro_f1"] for one in (even, own)]
        assert scores[1] > scores[0]

    @pytest.mark.parametrize("several", [False, True])
    def test_classes_that_no_validation_row_has_are_told(self, several: bool, capsys: pytest.CaptureFixture[str]) -> None:
        objective = passing_on(multi_label=several, decide="macro_f1")
        present = [LABELS[number % 2] for number in self.truth]
        found = objective.settle(self.answers(objective, self.logits()), samples(*present))
        assert found["thresholds"][LABELS[2]] == pytest.approx(0.5 if several else 1 / 3, abs=1e-6)
        told = f"decide: macro_f1 fits no threshold of classes that no validation row has: {LABELS[2]!r}\n"
        assert capsys.readouterr().err == told
        self.settled(objective, self.logits())
        assert capsys.readouterr().err == ""

    def test_several_labels_have_a_cut_each(self) -> None:
        objective = passing_on(multi_label=True, calibrate=True, decide="macro_f1")
        logits = torch.tensor([[1.0, -3.0, 0.0], [2.0, -2.0, 0.0], [-1.0, -4.0, 0.0], [-2.0, -5.0, 0.0]])
        found = objective.settle(self.answers(objective, logits), samples(("a", "b"), ("a", "b"), (), ()))
        assert self.answers(objective, logits).columns["label"] == [("a", "b", "c"), ("a", "b", "c"), ("c",), ("c",)]
        assert found["thresholds"]["c"] == 0.5

    def test_what_was_fitted_is_part_of_the_weights(self) -> None:
        objective = passing_on(calibrate=True, decide="macro_f1")
        self.settled(objective, self.logits())
        other = passing_on(calibrate=True, decide="macro_f1")
        other.load_state_dict(objective.state_dict())
        assert self.answers(other, LOGITS) == self.answers(objective, LOGITS)
        assert not {"temperature", "thresholds"} & set(passing_on().state_dict())

    def test_without_labelled_rows_nothing_is_fitted(self) -> None:
        objective = passing_on(calibrate=True)
        assert objective.settle(self.answers(objective, LOGITS), samples(None, None, None, None)) == {}
        assert float(objective.temperature) == 1


def test_it_looks_at_the_plain_pair_only() -> None:
    model, batch = tiny.model(), tiny.batch()
    objective = Classification(tiny.WIDTHS, labels=LABELS).eval()
    expected = nn.functional.cross_entropy(objective.head(model(batch).fused.summary), batch.fields["label"])
    torch.testing.assert_close(objective(StepLook(model, batch, seed=0, step=0)), expected)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"label_smoothing": 1.0}, "label_smoothing: expected a share from 0 up to 1"),
        ({"threshold": 7.0, "multi_label": True}, "threshold: expected a probability between 0 and 1"),
        ({"threshold": 0.4}, "threshold: is of multi-label tasks"),
        ({"threshold": 0.4, "multi_label": True, "decide": "macro_f1"}, "threshold: with decide: macro_f1 each class"),
    ],
)
def test_a_choice_out_of_range_or_without_effect_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        passing_on(**wrong)


def test_a_hidden_layer_stands_before_the_last() -> None:
    plain = Classification({"fused": 6}, labels=["a", "b"])
    deep = Classification({"fused": 6}, labels=["a", "b"], hidden=9)
    assert [type(one).__name__ for one in deep.head] == ["Linear", "GELU", "Dropout", "Linear"]
    assert (deep.head[0].out_features, deep.head[3].in_features) == (9, 9)
    assert [type(one).__name__ for one in plain.head] == ["Dropout", "Linear"]
    with pytest.raises(ValueError, match="hidden"):
        Classification({"fused": 6}, labels=["a", "b"], hidden=0)
