"""The losses against golden numbers, numbers checked by hand, explicit loops, and what must hold for any input."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from polysense.losses import (
    balanced_class_weights,
    class_weighted_cross_entropy,
    cosine_logits,
    diagonal_cross_entropy,
    info_nce,
    symmetric_divergence,
    symmetric_info_nce,
)

GOLDEN = Path(__file__).parent / "golden"
MCSE = json.loads((GOLDEN / "mcse.json").read_text())
PAIRS = json.loads((GOLDEN / "itc_itm.json").read_text())

few = settings(max_examples=15, deadline=None)


def close(found: Tensor, expected: object, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), atol=tolerance, rtol=0)


def leaf(values: object) -> Tensor:
    return torch.tensor(values, requires_grad=True)


class TestGoldenContrastOfSentences:
    inputs = MCSE["inputs"]

    def test_unsupervised(self) -> None:
        golden = MCSE["simcse_unsupervised"]
        anchors, positives = leaf(self.inputs["h1"]), leaf(self.inputs["h2"])
        close(cosine_logits(anchors, positives, scale=1 / MCSE["tau"]), golden["logits"], 1e-4)
        loss = info_nce(anchors, positives, temperature=MCSE["tau"])
        loss.backward()
        close(loss, golden["loss"])
        close(anchors.grad, golden["grad"]["z1"])
        close(positives.grad, golden["grad"]["z2"])

    def test_behind_a_head(self) -> None:
        head = MCSE["heads"]["text"]
        first, second = (
            torch.tanh(torch.tensor(self.inputs[name]) @ torch.tensor(head["weight"]).T + torch.tensor(head["bias"]))
            for name in ("h1", "h2")
        )
        close(info_nce(first, second, temperature=MCSE["tau"]), MCSE["simcse_unsupervised_with_head"]["loss"])

    @pytest.mark.parametrize("case", MCSE["simcse_supervised"]["cases"], ids=lambda case: f"alpha={case['alpha']}")
    def test_supervised_with_the_logarithm_of_the_weight(self, case: dict) -> None:
        anchors, positives, negatives = (leaf(self.inputs[name]) for name in ("h1", "h2", "h3"))
        loss = info_nce(
            anchors,
            positives,
            temperature=MCSE["tau"],
            hard_negatives=[negatives],
            hard_negative_log_weight=math.log(case["alpha"]),
        )
        loss.backward()
        close(loss, case["loss"])
        for found, name in ((anchors, "z1"), (positives, "z2"), (negatives, "z3")):
            close(found.grad, case["grad"][name])


class TestGoldenContrastOfPairs:
    @pytest.mark.parametrize("case", PAIRS["itc"]["cases"], ids=lambda case: case["name"])
    def test_loss_and_gradients_to_the_logarithm_of_the_scale(self, case: dict) -> None:
        text, image, log_scale = leaf(PAIRS["itc"]["text"]), leaf(PAIRS["itc"]["image"]), leaf(case["log_scale"])
        logits = cosine_logits(text, image, scale=log_scale.exp())
        close(logits, case["logits_per_text"], 1e-4)
        close(diagonal_cross_entropy(logits), case["text_to_image"])
        close(diagonal_cross_entropy(logits.T), case["image_to_text"])
        loss = symmetric_info_nce(text, image, scale=log_scale.exp())
        loss.backward()
        close(loss, case["loss"])
        close(text.grad, case["grad"]["text"])
        close(image.grad, case["grad"]["image"])
        close(log_scale.grad, case["grad"]["log_scale"])

    @pytest.mark.parametrize("case", PAIRS["joint"]["cases"], ids=lambda case: f"{case['name']}, {case['objectives']}")
    def test_joint_totals(self, case: dict) -> None:
        joint = PAIRS["joint"]
        weights = torch.tensor(joint["class_weights"]) if case["name"] == "class weights" else None
        task = class_weighted_cross_entropy(
            torch.tensor(joint["task_logits"]), torch.tensor(joint["labels"]), class_weights=weights
        )
        close(task, case["task_loss"])
        contrast = symmetric_info_nce(
            torch.tensor(PAIRS["itc"]["text"]), torch.tensor(PAIRS["itc"]["image"]), scale=PAIRS["itc"]["cases"][0]["scale"]
        )
        matching = class_weighted_cross_entropy(torch.tensor(PAIRS["itm"]["logits"]), torch.tensor(PAIRS["itm"]["match"]))
        close(matching, PAIRS["itm"]["loss"])
        share = case["weights"]
        close(share["task"] * task + share["itc"] * contrast + share["itm"] * matching, case["total"])

    def test_balanced_weights(self) -> None:
        close(balanced_class_weights(torch.tensor(PAIRS["joint"]["training_counts"])), PAIRS["joint"]["class_weights"])


class TestByHand:
    text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    image = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.6]])
    scale = math.exp(2.6592)

    def test_contrast(self) -> None:
        logits = cosine_logits(self.text, self.image, scale=self.scale)
        close(diagonal_cross_entropy(logits), 0.076793)
        close(diagonal_cross_entropy(logits.T), 0.090969)
        close(symmetric_info_nce(self.text, self.image, scale=self.scale), 0.083881)

    def test_contrast_with_the_outer_posts_duplicates(self) -> None:
        duplicates = torch.eye(3, dtype=torch.bool)
        duplicates[0, 2] = duplicates[2, 0] = True
        close(symmetric_info_nce(self.text, self.image, scale=self.scale, duplicates=duplicates), 0.067409)

    def test_class_weights_divide_by_the_number_of_rows(self) -> None:
        weights = balanced_class_weights(torch.tensor([5, 2, 1]))
        close(weights, [0.533333, 1.333333, 2.666667])
        logits = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-1.0, 1.5, 0.5], [0.0, 0.0, 2.0]])
        labels = torch.tensor([0, 1, 1, 2])
        close(class_weighted_cross_entropy(logits, labels, class_weights=weights), 0.683032)
        close(class_weighted_cross_entropy(logits, labels), 0.488585)


def similarity(left: Tensor, right: Tensor) -> float:
    return float(left @ right / left.norm() / right.norm())


def loop_info_nce(anchors: Tensor, positives: Tensor, hard: Tensor | None, temperature: float, weight: float) -> float:
    total = 0.0
    for i in range(len(anchors)):
        below = sum(math.exp(similarity(anchors[i], other) / temperature) for other in positives)
        if hard is not None:
            below += sum(
                (weight if i == j else 1.0) * math.exp(similarity(anchors[i], other) / temperature)
                for j, other in enumerate(hard)
            )
        total -= math.log(math.exp(similarity(anchors[i], positives[i]) / temperature) / below)
    return total / len(anchors)


@st.composite
def vectors(draw: st.DrawFn, count: int = 2) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    rows, width = draw(st.integers(2, 7)), draw(st.integers(2, 5))
    return tuple(torch.randn(rows, width, generator=generator, dtype=torch.float64).float() for _ in range(count))


def test_the_signature_that_others_build_on() -> None:
    found = inspect.signature(info_nce).parameters
    assert list(found)[:5] == ["anchors", "positives", "temperature", "hard_negatives", "hard_negative_log_weight"]
    assert found["temperature"].default is inspect.Parameter.empty
    assert found["hard_negatives"].default is None
    assert found["hard_negative_log_weight"].default == 0.0
    assert all(found[name].kind is inspect.Parameter.KEYWORD_ONLY for name in list(found)[2:])


@pytest.mark.parametrize("case", MCSE["simcse_supervised"]["cases"], ids=lambda case: f"alpha={case['alpha']}")
def test_one_hard_negative_may_come_as_it_is(case: dict) -> None:
    anchors, positives, negatives = (torch.tensor(MCSE["inputs"][name]) for name in ("h1", "h2", "h3"))
    log_weight = math.log(case["alpha"])
    loss = info_nce(anchors, positives, temperature=MCSE["tau"], hard_negatives=negatives, hard_negative_log_weight=log_weight)
    close(loss, case["loss"])
    there = torch.ones(len(anchors), dtype=torch.bool)
    with_all = info_nce(
        anchors,
        positives,
        temperature=MCSE["tau"],
        hard_negatives=negatives,
        hard_negative_log_weight=log_weight,
        present=there,
    )
    assert torch.equal(loss, with_all)


def test_no_hard_negatives_may_be_said_or_left_out() -> None:
    anchors, positives = (torch.tensor(MCSE["inputs"][name]) for name in ("h1", "h2"))
    left_out = info_nce(anchors, positives, temperature=0.1)
    assert torch.equal(left_out, info_nce(anchors, positives, temperature=0.1, hard_negatives=None))
    assert torch.equal(left_out, info_nce(anchors, positives, temperature=0.1, hard_negatives=[]))


class TestAgainstLoops:
    @few
    @given(vectors(3), st.sampled_from([0.05, 0.3, 1.0]), st.sampled_from([0.5, 1.0, 3.0]))
    def test_info_nce(self, made: tuple[Tensor, ...], temperature: float, weight: float) -> None:
        anchors, positives, hard = made
        plain = info_nce(anchors, positives, temperature=temperature)
        assert float(plain) == pytest.approx(loop_info_nce(anchors, positives, None, temperature, 1.0), rel=1e-4, abs=1e-4)
        harder = info_nce(
            anchors, positives, temperature=temperature, hard_negatives=[hard], hard_negative_log_weight=math.log(weight)
        )
        expected = loop_info_nce(anchors, positives, hard, temperature, weight)
        assert float(harder) == pytest.approx(expected, rel=1e-4, abs=1e-4)

    @few
    @given(vectors(4))
    def test_several_hard_negatives_are_a_block_each(self, made: tuple[Tensor, ...]) -> None:
        anchors, positives, *hard = made
        found = info_nce(anchors, positives, temperature=0.3, hard_negatives=hard, hard_negative_log_weight=math.log(2))
        total = 0.0
        for i in range(len(anchors)):

            def term(other: Tensor, factor: float, i: int = i) -> float:
                return factor * math.exp(similarity(anchors[i], other) / 0.3)

            below = sum(term(other, 1.0) for other in positives)
            below += sum(term(other, 2.0 if i == j else 1.0) for block in hard for j, other in enumerate(block))
            total -= math.log(term(positives[i], 1.0) / below)
        assert float(found) == pytest.approx(total / len(anchors), rel=1e-4, abs=1e-4)

    def test_a_hard_negative_that_is_not_there_is_in_no_sum(self) -> None:
        made = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
        anchors, positives, hard = made
        there = torch.tensor([True, False, True, True])
        found = info_nce(anchors, positives, temperature=0.5, hard_negatives=[hard], present=[there])
        moved = hard.clone()
        moved[1] += 9.0
        again = info_nce(anchors, positives, temperature=0.5, hard_negatives=[moved], present=[there])
        assert torch.equal(found, again)
        assert not torch.equal(found, info_nce(anchors, positives, temperature=0.5, hard_negatives=[hard]))
        none = [torch.zeros(4, dtype=torch.bool)]
        alone = info_nce(anchors, positives, temperature=0.5, hard_negatives=[hard], present=none)
        torch.testing.assert_close(alone, info_nce(anchors, positives, temperature=0.5))

    def test_rows_may_weigh_differently(self) -> None:
        left, right = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
        logits = cosine_logits(left, right, scale=2.0)
        weights = torch.tensor([0.0, 2.0, 1.0, 1.0])
        each = torch.nn.functional.cross_entropy(logits, torch.arange(4), reduction="none")
        torch.testing.assert_close(info_nce(left, right, temperature=0.5, weights=weights), (each * weights).sum() / 4)

    @few
    @given(vectors(2))
    def test_symmetric_info_nce(self, made: tuple[Tensor, ...]) -> None:
        left, right = made
        expected = (loop_info_nce(left, right, None, 0.1, 1.0) + loop_info_nce(right, left, None, 0.1, 1.0)) / 2
        assert float(symmetric_info_nce(left, right, scale=10.0)) == pytest.approx(expected, rel=1e-4, abs=1e-4)

    def test_label_smoothing_spreads_its_share_over_all_classes(self) -> None:
        logits = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]])
        labels, weights, smoothing = [0, 2], [0.5, 1.0, 2.0], 0.3
        total = 0.0
        for row, label in zip(logits.log_softmax(dim=-1).tolist(), labels, strict=True):
            target = [(1 - smoothing) * (number == label) + smoothing / 3 for number in range(3)]
            total -= sum(weight * share * value for weight, share, value in zip(weights, target, row, strict=True))
        found = class_weighted_cross_entropy(
            logits, torch.tensor(labels), class_weights=torch.tensor(weights), label_smoothing=smoothing
        )
        assert float(found) == pytest.approx(total / 2, abs=1e-5)

    @few
    @given(vectors(2), st.integers(0, 1000))
    def test_masked_cells_are_left_out_of_the_sum(self, made: tuple[Tensor, ...], seed: int) -> None:
        logits = cosine_logits(*made, scale=5.0)
        count = len(logits)
        duplicates = torch.rand(count, count, generator=torch.Generator().manual_seed(seed)) < 0.4
        terms = []
        for i in range(count):
            negatives = [float(logits[i, j]) for j in range(count) if j != i and not duplicates[i, j]]
            if negatives:
                own = float(logits[i, i])
                terms.append(math.log(math.exp(own) + sum(map(math.exp, negatives))) - own)
        expected = sum(terms) / len(terms) if terms else 0.0
        assert float(diagonal_cross_entropy(logits, duplicates=duplicates)) == pytest.approx(expected, abs=1e-4)


class TestInvariants:
    @few
    @given(vectors(2))
    def test_exchanging_the_sides_changes_nothing(self, made: tuple[Tensor, ...]) -> None:
        left, right = made
        torch.testing.assert_close(symmetric_info_nce(left, right, scale=9.0), symmetric_info_nce(right, left, scale=9.0))

    @few
    @given(vectors(2), st.randoms(use_true_random=False))
    def test_the_order_of_the_rows_changes_nothing(self, made: tuple[Tensor, ...], random) -> None:
        left, right = made
        order = list(range(len(left)))
        random.shuffle(order)
        torch.testing.assert_close(
            symmetric_info_nce(left[order], right[order], scale=9.0), symmetric_info_nce(left, right, scale=9.0)
        )
        torch.testing.assert_close(info_nce(left[order], right[order], temperature=0.2), info_nce(left, right, temperature=0.2))

    @few
    @given(vectors(2), st.floats(0.01, 100.0))
    def test_the_length_of_a_vector_changes_nothing(self, made: tuple[Tensor, ...], factor: float) -> None:
        left, right = made
        longer = left * torch.linspace(1.0, factor, len(left)).unsqueeze(1)
        torch.testing.assert_close(
            symmetric_info_nce(longer, right, scale=9.0), symmetric_info_nce(left, right, scale=9.0), atol=1e-4, rtol=1e-4
        )

    @few
    @given(vectors(2))
    def test_it_is_never_negative(self, made: tuple[Tensor, ...]) -> None:
        assert float(symmetric_info_nce(*made, scale=20.0)) >= 0
        assert float(info_nce(*made, temperature=0.05)) >= 0

    @pytest.mark.parametrize("count", [2, 5, 64])
    def test_it_is_log_n_where_all_vectors_are_equal(self, count: int) -> None:
        same = torch.ones(count, 3)
        assert float(symmetric_info_nce(same, same, scale=14.0)) == pytest.approx(math.log(count), abs=1e-5)

    @few
    @given(vectors(2))
    def test_a_mask_never_hides_the_diagonal(self, made: tuple[Tensor, ...]) -> None:
        logits = cosine_logits(*made, scale=5.0)
        nothing = torch.zeros(logits.shape, dtype=torch.bool)
        itself = torch.eye(len(logits), dtype=torch.bool)
        for mask in (nothing, itself):
            torch.testing.assert_close(diagonal_cross_entropy(logits, duplicates=mask), diagonal_cross_entropy(logits))

    @few
    @given(vectors(2))
    def test_a_masked_duplicate_leaves_the_other_rows_as_they_were(self, made: tuple[Tensor, ...]) -> None:
        left, right = made
        count = len(left)
        # A copy of row 0 joins; it is no negative of row 0, and for the others its column is masked as well.
        logits = cosine_logits(torch.cat([left, left[:1]]), torch.cat([right, right[:1]]), scale=5.0)
        duplicates = torch.zeros(count + 1, count + 1, dtype=torch.bool)
        duplicates[:count, count] = True
        torch.testing.assert_close(
            diagonal_cross_entropy(logits[:count], duplicates=duplicates[:count]),
            diagonal_cross_entropy(cosine_logits(left, right, scale=5.0)),
        )

    def test_hard_negatives_that_no_row_has_change_nothing_beside_duplicates(self) -> None:
        torch.manual_seed(0)
        left, right, hard = torch.randn(3, 3, 8)
        duplicates = torch.zeros(3, 3, dtype=torch.bool)
        duplicates[0, 1:] = True  # row 0 has no negative
        alone = info_nce(left, right, temperature=0.2, duplicates=duplicates)
        absent = {"hard_negatives": [hard], "present": [torch.zeros(3, dtype=torch.bool)]}
        torch.testing.assert_close(info_nce(left, right, temperature=0.2, duplicates=duplicates, **absent), alone)

    def test_a_hard_negative_of_weight_near_zero_is_none(self) -> None:
        torch.manual_seed(0)
        left, right, hard = torch.randn(3, 4, 8)
        found = info_nce(left, right, temperature=0.2, hard_negatives=hard, hard_negative_log_weight=-40.0)
        cosines = torch.cat([cosine_logits(left, one, scale=5.0) for one in (right, hard)], dim=1)
        cosines[torch.arange(4), torch.arange(4) + 4] = -torch.inf  # each its own
        torch.testing.assert_close(found, torch.nn.functional.cross_entropy(cosines, torch.arange(4)))

    def test_rows_without_a_negative_give_zero_and_a_finite_gradient(self) -> None:
        logits = torch.randn(3, 3, requires_grad=True)
        loss = diagonal_cross_entropy(logits, duplicates=torch.ones(3, 3, dtype=torch.bool))
        loss.backward()
        assert loss.item() == 0
        assert logits.grad is not None
        assert torch.equal(logits.grad, torch.zeros(3, 3))

    def test_half_precision_is_compared_in_full_precision(self) -> None:
        left, right = torch.randn(4, 8), torch.randn(4, 8)
        halved = symmetric_info_nce(left.bfloat16(), right.bfloat16(), scale=10.0)
        assert halved.dtype == torch.float32
        torch.testing.assert_close(halved, symmetric_info_nce(left.bfloat16().float(), right.bfloat16().float(), scale=10.0))


def test_contrast_is_computed_in_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    left, right = torch.randn(8, 16), torch.randn(8, 16)
    plain = cosine_logits(left, right, scale=100.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = cosine_logits(left.bfloat16(), right, scale=100.0)
    assert cast.dtype == torch.float32
    assert (cosine_logits(left, right, scale=100.0) - plain).abs().max() == 0
    assert (cast - plain).abs().max() < 0.5


class TestSymmetricDivergence:
    def test_by_hand(self) -> None:
        one, other = torch.tensor([[0.7, 0.2, 0.1]]).log() + 3.0, torch.tensor([[0.5, 0.25, 0.25]]).log() - 1.0
        there = 0.7 * math.log(0.7 / 0.5) + 0.2 * math.log(0.2 / 0.25) + 0.1 * math.log(0.1 / 0.25)
        back = 0.5 * math.log(0.5 / 0.7) + 0.25 * math.log(0.25 / 0.2) + 0.25 * math.log(0.25 / 0.1)
        close(symmetric_divergence(one, other), [there + back])
        close(symmetric_divergence(other, one), [there + back])
        close(symmetric_divergence(one, one), [0.0])

    def test_it_is_finite_where_a_chance_is_too_small_for_a_number(self) -> None:
        one = leaf([[1000.0, 0.0], [0.0, 0.0]])
        found = symmetric_divergence(one, torch.tensor([[0.0, 1000.0], [0.0, 0.0]]).bfloat16())
        close(found, [2000.0, 0.0])
        found.sum().backward()
        assert one.grad is not None
        assert one.grad.isfinite().all()


def test_hard_negatives_stay_beside_duplicates_that_are_masked() -> None:
    anchors, positives, hard = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))
    none = torch.zeros(4, 4, dtype=torch.bool)
    found = info_nce(anchors, positives, temperature=0.2, hard_negatives=hard, duplicates=none)
    torch.testing.assert_close(found, info_nce(anchors, positives, temperature=0.2, hard_negatives=hard))
