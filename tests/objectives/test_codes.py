"""The objectives over shared and private codes: their equations on what the fusion made, which rows count, and that they learn."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
import torch

import tiny
from polysense.distributions import central_moment_discrepancy, overlap
from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.fusion.shared_private import SharedPrivate
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.moment_discrepancy import MomentDiscrepancy
from polysense.objectives.objective import Objective
from polysense.objectives.orthogonality import Orthogonality
from polysense.objectives.reconstruction import Reconstruction
from polysense.types import Representation

WIDTHS = {"text": 6, "image": 4}
OBJECTIVES: list[Any] = [MomentDiscrepancy, Orthogonality, Reconstruction]
every = pytest.mark.parametrize("kind", OBJECTIVES)


def fusion() -> SharedPrivate:
    made: SharedPrivate = tiny.seeded("fusion", SharedPrivate, WIDTHS, code_width=4, feed_forward=8)
    return made


def learner(kind: Any, **choices: Any) -> Learner:
    joined: Fusion = fusion()
    objective: Objective = tiny.seeded("objective", kind, {**WIDTHS, **joined.codes, "fused": joined.width}, **choices)
    encoders = {
        "text": tiny.seeded("text", tiny.TextNumbers, 6),
        "image": tiny.seeded("image", tiny.ImageNumbers, 4),
    }
    return Learner(Model(encoders, joined), {"one": objective}, {"one": 1.0}, seed=0)


def seen(found: Learner, nested: dict[str, Any]) -> Representation:
    made: Representation = found.model(tiny.Batch.of(nested))
    return made


def lacking(**there: list[bool]) -> dict[str, Any]:
    nested = tiny.nested(8)
    for name, rows in there.items():
        nested[name]["present"] = torch.tensor(rows)
    return nested


def test_the_moments_of_the_shared_codes() -> None:
    found = learner(MomentDiscrepancy, moments=3).eval()
    codes = seen(found, tiny.nested(8)).fused.codes
    expected = central_moment_discrepancy(codes["shared.text"], codes["shared.image"], moments=3)
    torch.testing.assert_close(found(**tiny.nested(8))["terms"]["one"], expected.detach())


def test_the_overlap_of_the_codes() -> None:
    found = learner(Orthogonality).eval()
    codes = seen(found, tiny.nested(8)).fused.codes
    pairs = [("private.text", "shared.text"), ("private.image", "shared.image"), ("private.text", "private.image")]
    expected = sum(overlap(codes[one], codes[other]) for one, other in pairs)
    torch.testing.assert_close(found(**tiny.nested(8))["terms"]["one"], expected.detach())


def test_three_modalities_make_six_pairs_of_codes_and_three_of_shared_ones() -> None:
    widths = SharedPrivate({"text": 2, "audio": 2, "video": 2}, code_width=2, feed_forward=2).codes
    assert set(Orthogonality(widths).pairs) == {
        *((("private." + one, "shared." + one), (one,)) for one in ("text", "audio", "video")),
        *((("private." + one, "private." + two), (one, two)) for one, two in combinations(("text", "audio", "video"), 2)),
    }
    assert MomentDiscrepancy(widths).modalities == ("text", "audio", "video")


def test_the_error_of_what_is_made_of_the_codes() -> None:
    found = learner(Reconstruction).eval()
    codes, objective = seen(found, tiny.nested(8)).fused.codes, found.objective("one")
    assert isinstance(objective, Reconstruction)
    errors = [
        torch.nn.functional.mse_loss(
            objective.decoders[name](codes[f"private.{name}"] + codes[f"shared.{name}"]), codes[f"projected.{name}"]
        )
        for name in WIDTHS
    ]
    torch.testing.assert_close(found(**tiny.nested(8))["terms"]["one"], (sum(errors) / 2).detach())


@every
def test_rows_that_lack_a_modality_do_not_count(kind: Any) -> None:
    found = learner(kind).eval()
    few = lacking(text=[True] * 4 + [False] * 4, image=[True] * 4 + [False] * 4)
    four = {name: {key: one[:4] for key, one in part.items()} for name, part in few.items() if isinstance(part, dict)}
    expected = found(**four, index=torch.arange(4))["terms"]["one"]
    torch.testing.assert_close(found(**few)["terms"]["one"], expected)


@pytest.mark.parametrize(("kind", "some"), [(MomentDiscrepancy, False), (Orthogonality, True), (Reconstruction, True)])
def test_batches_of_one_modality_and_of_one_row(kind: Any, some: bool) -> None:
    found = learner(kind)
    nested = tiny.nested(8)
    del nested["image"]
    output = found(**nested)
    assert ("one" in output["terms"]) == some
    assert torch.isfinite(found(**tiny.nested(1))["loss"])


@every
def test_its_gradient_is_finite_and_lowers_it(kind: Any) -> None:
    found = learner(kind)
    optimizer = torch.optim.Adam(found.parameters(), lr=0.01)
    values = []
    for _ in range(20):
        loss = found.eval()(**tiny.nested(8))["loss"]
        optimizer.zero_grad()
        loss.backward()
        assert all(bool(one.grad.isfinite().all()) for one in found.parameters() if one.grad is not None)
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.9 * values[0]


@every
def test_a_fusion_without_codes_is_refused(kind: Any) -> None:
    with pytest.raises(RecipeError, match="write fusion: SharedPrivate"):
        kind({**WIDTHS, "fused": 6})


def test_the_codes_of_chosen_rows() -> None:
    made = seen(learner(Reconstruction), tiny.nested(8)).fused
    chosen = made.rows(torch.tensor([2, 2, 5]))
    assert torch.equal(chosen.codes["shared.text"], made.codes["shared.text"][[2, 2, 5]])
    assert set(chosen.codes) == set(made.codes) == set(fusion().codes)
