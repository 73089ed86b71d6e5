"""The memory and the rule of Self-MM: golden traces, a plain loop, and what must hold whatever is seen."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from polysense.losses import moved_label, regression_errors
from polysense.objectives.unimodal_labels import UnimodalLabelGenerator

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "self_mm.json").read_text())
NAMES = {"fused": "fusion", "text": "text", "audio": "audio", "video": "vision"}
LETTERS = {"text": "T", "audio": "A", "video": "V"}
WIDTHS = {"fused": 4, "text": 3, "audio": 2, "video": 3}
MODALITIES = ("text", "audio", "video")


def generator(
    samples: int, widths: Mapping[str, int] = WIDTHS, *, limit: float = 3.0, **choices: Any
) -> UnimodalLabelGenerator:
    return UnimodalLabelGenerator(samples, widths, limit=limit, **choices)


def golden_batches() -> list[tuple[Tensor, dict[str, Tensor], Tensor, dict[str, Tensor]]]:
    scores = torch.tensor(GOLDEN["y_m"])
    batches = [batch for epoch in GOLDEN["epochs"] for batch in epoch["batches"]]
    return [
        (
            torch.tensor(batch["index"]),
            {key: torch.tensor(batch["features"][name]) for key, name in NAMES.items()},
            scores[torch.tensor(batch["index"])],
            {task: torch.tensor(values) for task, values in batch["predictions"].items()},
        )
        for batch in batches
    ]


@pytest.mark.parametrize("exclude_zero", [False, True])
def test_the_golden_trace(exclude_zero: bool) -> None:
    made, tolerance = generator(GOLDEN["samples"], exclude_zero=exclude_zero), GOLDEN["tolerance"]
    steps = GOLDEN["runs"][f"exclude_zero_{str(exclude_zero).lower()}"]["steps"]
    first_epoch = len(GOLDEN["epochs"][0]["batches"])
    seen: set[int] = set()
    for number, ((index, features, human, predictions), step) in enumerate(zip(golden_batches(), steps, strict=True), start=1):
        for key in MODALITIES:
            weights = made.weights(index, key)
            close(weights, step["weights"][NAMES[key]], tolerance["weights"])
            loss = (weights * (predictions[LETTERS[key]] - made.labels[key][index]).abs()).mean()
            close(loss, step["loss"][LETTERS[key]], tolerance["loss"])
        made.observe(index, features, human)
        seen |= set(index.tolist())
        rows = sorted(seen)
        for key in MODALITIES:
            close(made.labels[key][rows], torch.tensor(step["labels_after"][NAMES[key]])[rows], tolerance["labels"])
        if number >= first_epoch:
            assert len(seen) == GOLDEN["samples"]
            for key, name in NAMES.items():
                close(made.centres[key].pos, step["centres_after"][name]["pos"], tolerance["centres"])
                close(made.centres[key].neg, step["centres_after"][name]["neg"], tolerance["centres"])


def close(found: Tensor, wanted: Any, tolerance: float) -> None:
    torch.testing.assert_close(found, torch.as_tensor(wanted), atol=tolerance, rtol=0)


SPEC = {
    "fused": [[1, 0], [0, 1], [2, 1], [-1, 1]],
    "text": [[2, 0], [0, 2], [1, 1], [0, 1]],
    "audio": [[0, 0], [1, 1], [1, 0], [0, 1]],
    "video": [[3, 1], [0, 1], [1, 2], [1, 0]],
}
HUMAN = [2.0, -1.0, 0.5, -2.0]


def stored_and_current() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The features of the worked example at the first visit and at later ones."""
    stored = {key: torch.tensor(values, dtype=torch.float32) for key, values in SPEC.items()}
    current = {
        "fused": stored["fused"] + 0.25,
        "text": stored["text"] - 0.5,
        "audio": stored["audio"] + 0.1,
        "video": stored["video"] * 0.5,
    }
    return stored, current


def shown_three_times(*, limit: float = 3.0, human: list[float] = HUMAN, visits: int = 3, **choices: Any) -> dict[str, Tensor]:
    """Labels after so many visits of all rows at once, with the centres of the first visit throughout."""
    stored, now = stored_and_current()
    made, rows = generator(4, dict.fromkeys(SPEC, 2), limit=limit, exclude_zero=True, **choices), torch.arange(4)
    made.observe(rows, stored, torch.tensor(human))
    centres = {name: buffer.clone() for name, buffer in made.named_buffers() if name.startswith(("sums", "counts"))}
    for _ in range(visits - 1):
        made.observe(rows, now, torch.tensor(human))
        for name, buffer in centres.items():
            made.get_buffer(name).copy_(buffer)
    return {**made.labels, **{f"weights_{name}": made.weights(rows, name) for name in MODALITIES}}


def test_the_positions_of_the_worked_example() -> None:
    stored, current = stored_and_current()
    made = generator(4, dict.fromkeys(SPEC, 2), exclude_zero=True)
    made.observe(torch.arange(4), stored, torch.tensor(HUMAN))
    close(made.position("fused", current["fused"]), [4.385165, -0.457674, 1.603417, -0.850929], 1e-5)
    close(made.position("text", current["text"]), [1.5, -0.776393, 0.118034, -0.440983], 1e-5)
    close(made.position("audio", current["audio"]), [1.388699, -0.514543, 0.778247, -0.647739], 1e-5)
    close(made.position("video", current["video"]), [-0.105573, -0.776393, -0.683772, -0.764298], 1e-5)


def test_the_numbers_of_the_worked_example() -> None:
    second, third = shown_three_times(visits=2), shown_three_times(visits=3)
    close(second["text"], [0.599653, -1.338370, -0.149525, -1.542176], 1e-5)
    close(second["audio"], [0.545632, -1.060375, 0.139171, -1.773080], 1e-5)
    close(second["video"], [-0.179629, -1.338370, -0.500137, -1.903251], 1e-5)
    close(third["text"], [0.249567, -1.422962, -0.311906, -1.427720], 1e-5)
    close(third["audio"], [0.182040, -1.075469, 0.048964, -1.716350], 1e-5)
    close(third["video"], [-0.724536, -1.422962, -0.750172, -1.879064], 1e-5)
    close(third["weights_text"], [0.941425, 0.399423, 0.670641, 0.517032], 1e-5)
    close(shown_three_times(visits=2, distance="scaled_square")["text"], [-1.333333, -1.196650, -1.502048, -1.705324], 1e-5)
    narrow = shown_three_times(visits=2, limit=1.0, human=[1.0, -0.6, 0.2, -0.8])
    close(narrow["text"], [-0.181034, -0.845518, -0.356887, -0.534881], 1e-5)
    predictions = torch.tensor([1.0, 0.0, 0.0, -1.0])
    close(regression_errors(predictions, torch.tensor(HUMAN), kind="l1").mean(), 0.875, 1e-5)
    for name, loss in (("text", 0.426291), ("audio", 0.268892), ("video", 0.755080)):
        close((third[f"weights_{name}"] * (predictions - third[name]).abs()).mean(), loss, 1e-5)


def test_the_centres_of_the_worked_example() -> None:
    made = generator(4, dict.fromkeys(SPEC, 2), exclude_zero=True)
    made.observe(torch.arange(4), {key: torch.tensor(values).float() for key, values in SPEC.items()}, torch.tensor(HUMAN))
    wanted = {
        "fused": ([1.5, 0.5], [-0.5, 1.0]),
        "text": ([1.5, 0.5], [0.0, 1.5]),
        "audio": ([0.5, 0.0], [0.5, 1.0]),
        "video": ([2.0, 1.5], [0.5, 0.5]),
    }
    for key, (pos, neg) in wanted.items():
        close(made.centres[key].pos, pos, 1e-6)
        close(made.centres[key].neg, neg, 1e-6)


class Loop:
    """The same, row by row over lists: every mean from all rows, every time."""

    def __init__(self, limit: float, *, distance: str, exclude_zero: bool, alpha: str) -> None:
        self.limit, self.distance, self.exclude_zero, self.alpha = limit, distance, exclude_zero, alpha
        self.features: dict[str, dict[int, list[float]]] = {key: {} for key in WIDTHS}
        self.labels: dict[str, dict[int, float]] = {key: {} for key in WIDTHS}
        self.visits: dict[int, int] = {}

    def centre(self, key: str, sign: int) -> list[float] | None:
        def counts(label: float) -> bool:
            return label < 0 if sign < 0 else label > 0 or (label == 0 and not self.exclude_zero)

        rows = [values for row, values in self.features[key].items() if counts(self.labels[key][row])]
        return [sum(column) / len(rows) for column in zip(*rows, strict=True)] if rows else None

    def length(self, one: list[float], other: list[float]) -> float:
        square = sum((left - right) ** 2 for left, right in zip(one, other, strict=True))
        return square / len(one) ** 0.5 if self.distance == "scaled_square" else square**0.5

    def where(self, key: str, values: list[float], centres: Mapping[str, Any]) -> float:
        pos, neg = centres[key]
        to_pos, to_neg = self.length(values, pos), self.length(values, neg)
        below = {"positive_distance": to_pos, "centre_distance": self.length(pos, neg), "symmetric": to_pos + to_neg}
        return (to_neg - to_pos) / (below[self.alpha] + 1e-8)

    def observe(self, index: list[int], features: Mapping[str, Mapping[int, list[float]]], human: Mapping[int, float]) -> None:
        """``features`` by key and row; a row that lacks a modality is not there."""
        centres = {key: (self.centre(key, 1), self.centre(key, -1)) for key in WIDTHS}
        for row in index:
            self.visits[row] = self.visits.get(row, 0) + 1
            number = self.visits[row]
            for key in WIDTHS:
                self.labels[key].setdefault(row, human[row])
            for key in MODALITIES:
                if number == 1 or row not in features[key] or None in (*centres[key], *centres["fused"]):
                    continue
                own, fused = self.where(key, features[key][row], centres), self.where("fused", features["fused"][row], centres)
                floor = math.copysign(max(abs(fused), 1e-8), fused)
                new = 0.5 * own / floor * human[row] + 0.5 * (human[row] + own - fused)
                new = max(-self.limit, min(self.limit, new))
                self.labels[key][row] = (number - 1) / (number + 1) * self.labels[key][row] + 2 / (number + 1) * new
        for key in WIDTHS:
            self.features[key] |= {row: features[key][row] for row in index if row in features[key]}


@pytest.mark.parametrize("alpha", ["positive_distance", "centre_distance", "symmetric"])
@pytest.mark.parametrize("distance", ["norm", "scaled_square"])
@pytest.mark.parametrize("exclude_zero", [False, True])
def test_a_plain_loop_gives_the_same(distance: Any, exclude_zero: bool, alpha: Any) -> None:
    draw = torch.Generator().manual_seed(7)
    scores = (torch.randint(-6, 7, (30,), generator=draw) / 2).tolist()
    choices = {"distance": distance, "exclude_zero": exclude_zero, "alpha": alpha}
    made, loop = generator(30, **choices).double(), Loop(3.0, **choices)
    for _ in range(12):
        index = torch.randperm(30, generator=draw)[:11]  # partial epochs: rows are seen unequally often
        features = {key: torch.randn(11, width, generator=draw, dtype=torch.float64) for key, width in WIDTHS.items()}
        present = {key: torch.rand(11, generator=draw) < 0.8 for key in MODALITIES}
        made.observe(index, features, torch.tensor(scores)[index], present=present)
        rows = index.tolist()
        there = {key: present.get(key, torch.ones(11, dtype=torch.bool)).tolist() for key in WIDTHS}
        loop.observe(
            rows,
            {
                key: {row: values[place].tolist() for place, row in enumerate(rows) if there[key][place]}
                for key, values in features.items()
            },
            dict(enumerate(scores)),
        )
    assert {row: int(count) for row, count in enumerate(made.visits) if count} == loop.visits
    assert len(set(loop.visits.values())) > 1
    moved = 0
    for key in WIDTHS:
        rows = sorted(loop.labels[key])
        wanted = torch.tensor([loop.labels[key][row] for row in rows], dtype=torch.float64)
        torch.testing.assert_close(made.labels[key][rows], wanted, atol=1e-9, rtol=0)
        moved += int((wanted != torch.tensor(scores, dtype=torch.float64)[rows]).sum())
    assert moved > 40


def made_batches(
    *, samples: int = 24, epochs: int = 4, batch: int = 8, seed: int = 0
) -> list[tuple[Tensor, dict[str, Tensor], Tensor]]:
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(-6, 7, (samples,), generator=draw) / 2
    scores[:2] = torch.tensor([1.0, -1.0])
    orders = [torch.randperm(samples, generator=draw) for _ in range(epochs)]
    batches = [order[start : start + batch] for order in orders for start in range(0, samples, batch)]
    return [
        (index, {key: torch.randn(len(index), width, generator=draw) for key, width in WIDTHS.items()}, scores[index])
        for index in batches
    ]


def test_running_sums_are_the_means_of_the_memory() -> None:
    made = generator(400)
    for step, (index, features, human) in enumerate(made_batches(samples=400, epochs=6, batch=7)):
        made.observe(index, {key: 20 + values for key, values in features.items()}, human)
        if step % 40 == 39:
            running = made.centres
            again = generator(400)
            again.load_state_dict(made.state_dict())
            again.add_up()
            for key, (pos, neg) in again.centres.items():
                torch.testing.assert_close(running[key].pos, pos, atol=1e-5, rtol=1e-6)
                torch.testing.assert_close(running[key].neg, neg, atol=1e-5, rtol=1e-6)
                torch.testing.assert_close(made.counts, again.counts, atol=0, rtol=0)


def test_the_sums_are_added_up_anew_once_an_epoch() -> None:
    made, batches = generator(24), made_batches(epochs=2)
    for index, features, human in batches[:3]:
        made.sums_text += 1.0  # as if rounding had added up
        made.observe(index, features, human)
    clean = generator(24)
    for index, features, human in batches[:3]:
        clean.observe(index, features, human)
    assert torch.equal(made.sums_text, clean.sums_text)
    assert int(made.passed) == 0


def test_a_memory_that_is_saved_goes_on_bit_for_bit() -> None:
    batches = made_batches()
    whole, broken = generator(24), generator(24)
    for number, (index, features, human) in enumerate(batches):
        whole.observe(index, features, human)
        broken.observe(index, features, human)
        if number in (1, 5):
            taken = generator(24)
            taken.load_state_dict({name: values.clone() for name, values in broken.state_dict().items()})
            broken = taken
    for name, values in whole.state_dict().items():
        assert torch.equal(values, broken.state_dict()[name]), name


def test_neither_the_order_in_a_batch_nor_the_numbers_of_the_rows_matter() -> None:
    plain, shuffled, renamed = generator(24), generator(24), generator(24)
    numbers = torch.randperm(24, generator=torch.Generator().manual_seed(3))
    for index, features, human in made_batches():
        order = torch.randperm(len(index), generator=torch.Generator().manual_seed(int(index[0])))
        plain.observe(index, features, human)
        shuffled.observe(index[order], {key: values[order] for key, values in features.items()}, human[order])
        renamed.observe(numbers[index], features, human)
    for key in MODALITIES:
        assert torch.equal(shuffled.labels[key], plain.labels[key])
        torch.testing.assert_close(renamed.labels[key][numbers], plain.labels[key], atol=1e-4, rtol=0)


def test_a_row_that_stands_twice_in_a_batch_is_seen_once() -> None:
    twice, once = generator(24), generator(24)
    for index, features, human in made_batches():
        doubled = torch.cat([index, index[:3]])
        twice.observe(
            doubled,
            {key: values[torch.cat([torch.arange(8), torch.arange(3)])] for key, values in features.items()},
            torch.cat([human, human[:3]]),
        )
        once.observe(index, features, human)
    assert torch.equal(twice.visits, once.visits)
    for key in MODALITIES:
        assert torch.equal(twice.labels[key], once.labels[key])


def test_batches_of_one_row() -> None:
    made = generator(6)
    for index, features, human in made_batches(samples=6, epochs=4, batch=1):
        made.observe(index, features, human)
    assert torch.equal(made.visits, torch.full((6,), 4))
    assert all(bool(values.isfinite().all()) for values in made.buffers())
    assert bool((made.labels["text"] != made.labels["fused"]).any())


@pytest.mark.parametrize(
    ("human", "exclude_zero"), [([1.0, 2.0, 0.0, 3.0], False), ([0.0, 0.0, -1.0, -2.0], True), ([0.0] * 4, True)]
)
def test_without_one_of_the_signs_labels_stay_and_this_is_said_once(
    human: list[float], exclude_zero: bool, caplog: pytest.LogCaptureFixture
) -> None:
    made, rows, scores = generator(4, exclude_zero=exclude_zero), torch.arange(4), torch.tensor(human)
    draw = torch.Generator().manual_seed(0)
    for _ in range(3):
        made.observe(rows, {key: torch.randn(4, width, generator=draw) for key, width in WIDTHS.items()}, scores)
    for key in WIDTHS:
        assert torch.equal(made.labels[key], scores)
        assert torch.equal(made.weights(rows, key), torch.zeros(4))
    assert [record.getMessage() for record in caplog.records] == [
        "the rows seen so far have fused labels of one sign only: until there are both, no label moves"
    ]


def test_labels_move_as_soon_as_both_signs_are_there() -> None:
    made, draw = generator(4), torch.Generator().manual_seed(0)
    features = {key: torch.randn(4, width, generator=draw) for key, width in WIDTHS.items()}
    some = {key: values[:2] for key, values in features.items()}
    made.observe(torch.tensor([0, 1]), some, torch.tensor([1.0, 2.0]))
    made.observe(torch.tensor([0, 1]), some, torch.tensor([1.0, 2.0]))
    made.observe(torch.tensor([2, 3]), {key: values[2:] for key, values in features.items()}, torch.tensor([-1.0, -2.0]))
    assert torch.equal(made.labels["text"], torch.tensor([1.0, 2.0, -1.0, -2.0]))
    made.observe(torch.tensor([0, 1]), some, torch.tensor([1.0, 2.0]))
    assert bool((made.labels["text"][:2] != torch.tensor([1.0, 2.0])).all())


def test_a_fused_vector_between_the_centres_gives_no_nan() -> None:
    zero = torch.zeros(3)
    made = moved_label(torch.tensor([2.0, -2.0, 0.0]), torch.tensor([0.5, 0.5, 0.0]), zero)
    assert bool(made.isfinite().all())
    assert made[0] > 1e6
    assert made[1] < -1e6
    assert made[2] == 0
    below = moved_label(torch.tensor([2.0]), torch.tensor([0.5]), torch.tensor([-1e-12]))
    assert below < -1e6  # the floor keeps the sign


def test_a_modality_that_a_row_lacks_is_neither_written_nor_labelled() -> None:
    made, batches = generator(24), made_batches()
    lacking = 5
    for index, features, human in batches:
        there = index != lacking
        garbage = features["audio"].masked_fill(~there.unsqueeze(1), torch.nan)
        made.observe(index, {**features, "audio": garbage}, human, present={"audio": there})
    assert not made.known["audio"][lacking]
    assert made.known["text"].all()
    assert torch.equal(made.features_audio[lacking], torch.zeros(2))
    assert made.labels["audio"][lacking] == made.labels["fused"][lacking]
    assert made.labels["text"][lacking] != made.labels["fused"][lacking]
    assert all(bool(values.isfinite().all()) for values in made.buffers())


def test_two_modalities_give_what_they_give_among_three() -> None:
    two, three = generator(24, {key: WIDTHS[key] for key in ("fused", "text", "audio")}), generator(24)
    gone = generator(24)
    for index, features, human in made_batches():
        fewer = {key: values for key, values in features.items() if key != "video"}
        two.observe(index, fewer, human)
        three.observe(index, features, human)
        gone.observe(index, fewer, human)  # no row of any batch has the modality
    for key in ("text", "audio"):
        assert torch.equal(two.labels[key], three.labels[key])
        assert torch.equal(gone.labels[key], three.labels[key])
    assert torch.equal(gone.labels["video"], gone.labels["fused"])


def test_rows_without_a_score_are_left_out() -> None:
    made = generator(3)
    features = {key: torch.ones(3, width) for key, width in WIDTHS.items()}
    made.observe(torch.arange(3), features, torch.tensor([1.0, torch.nan, -1.0]))
    assert made.visits.tolist() == [1, 0, 1]
    assert made.counts[0].tolist() == [1, 1]
    made.observe(torch.tensor([1]), {key: values[:1] for key, values in features.items()}, torch.tensor([torch.nan]))
    assert made.visits.tolist() == [1, 0, 1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 3.0]), st.booleans())
def test_labels_keep_within_the_limit_and_the_human_scores_never_change(seed: int, limit: float, exclude_zero: bool) -> None:
    made, scores = generator(12, limit=limit, exclude_zero=exclude_zero), torch.zeros(12)
    for index, features, human in made_batches(samples=12, batch=5, seed=seed):
        scores[index] = human / 3 * limit
        made.observe(index, features, scores[index])
        assert torch.equal(made.labels["fused"][index], scores[index])
        for key in MODALITIES:
            weights = made.weights(index, key)
            assert made.labels[key].abs().max() <= limit + 1e-6
            assert weights.min() >= 0
            assert weights.max() < 1
    assert torch.equal(made.labels["fused"], scores)


def test_turning_moving_and_scaling_a_space_changes_no_label() -> None:
    draw = torch.Generator().manual_seed(2)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=draw)).Q
    plain, other = generator(24), generator(24)
    for index, features, human in made_batches():
        plain.observe(index, features, human)
        other.observe(index, {**features, "text": 2.5 * features["text"] @ turn + 4.0}, human)
    for key in MODALITIES:
        torch.testing.assert_close(other.labels[key], plain.labels[key], atol=2e-3, rtol=0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no distance 'cosine'"):
        generator(3, distance="cosine")
    with pytest.raises(ValueError, match="no alpha 'paper'"):
        generator(3, alpha="paper")
    with pytest.raises(ValueError, match="'fused' and at least one modality, found text"):
        generator(3, {"text": 2})
    with pytest.raises(ValueError, match="limit: expected a number above 0, found 0"):
        generator(3, limit=0)
    features = {key: torch.ones(1, width) for key, width in WIDTHS.items()}
    for number in (-1, 3):
        with pytest.raises(ValueError, match=f"from 0 below 3, found {number} to {number}"):
            generator(3).observe(torch.tensor([number]), features, torch.tensor([1.0]))
