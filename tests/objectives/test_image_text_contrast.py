from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tiny
from polysense.learner import StepLook
from polysense.losses import cosine_logits, symmetric_info_nce
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.objective import Aligning
from polysense.types import Batch, Encoded, Representation
from polysense.views.plain import Plain
from polysense.views.view import Shown, View

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "itc_itm.json").read_text())["itc"]


def objective(**choices: float) -> ImageTextContrast:
    made: ImageTextContrast = tiny.seeded("contrast", ImageTextContrast, tiny.WIDTHS, shared_width=8, **choices)
    return made


def with_parts(batch: Batch, **changes: dict[str, Tensor]) -> Batch:
    parts = {name: {**part, **changes.get(name, {})} for name, part in batch.parts.items()}
    return Batch(parts=parts, fields=batch.fields)


def term(objective: ImageTextContrast, batch: Batch) -> Tensor | None:
    return objective(StepLook(tiny.model(), batch, seed=0, step=0))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_the_golden_loss_and_its_gradient(case: dict) -> None:
    """The objective over given vectors, its projections set to do nothing."""
    made = ImageTextContrast({"text": 8, "image": 8}, shared_width=8)
    with torch.no_grad():
        made.text.weight.copy_(torch.eye(8))
        made.image.weight.copy_(torch.eye(8))
        made.log_scale.fill_(case["log_scale"])
    vectors = {name: torch.tensor(GOLDEN[name], requires_grad=True) for name in ("text", "image")}
    there = torch.ones(6, dtype=torch.bool)
    parts = {name: Encoded(value.unsqueeze(1), there.unsqueeze(1), value, there) for name, value in vectors.items()}
    batch = Batch(
        parts={name: {"present": there, "key": torch.arange(6) + 1} for name in vectors}, fields={"index": torch.arange(6)}
    )

    def look(view: View) -> tuple[Shown, Representation]:
        assert view == Plain()
        return Shown(batch), Representation(parts=parts, fused=parts["text"])

    loss = made(look)
    loss.backward()
    assert loss.item() == pytest.approx(case["loss"], abs=1e-5)
    assert made.log_scale.grad.item() == pytest.approx(case["grad"]["log_scale"], abs=1e-5)
    for name, vector in vectors.items():
        torch.testing.assert_close(vector.grad, torch.tensor(case["grad"][name]), atol=1e-5, rtol=0)


def test_the_scale_starts_at_the_temperature_and_is_bounded() -> None:
    assert objective().log_scale.item() == pytest.approx(2.6593, abs=1e-4)
    assert objective(initial_temperature=0.5).log_scale.item() == pytest.approx(math.log(2))
    bounded, beyond = objective(), objective()
    with torch.no_grad():
        bounded.log_scale.fill_(math.log(100.0))
        beyond.log_scale.fill_(9.0)
    batch = tiny.batch()
    torch.testing.assert_close(term(beyond, batch), term(bounded, batch))


def test_projections_have_no_bias() -> None:
    made = objective()
    assert {name for name, _ in made.named_parameters()} == {"log_scale", "text.weight", "image.weight"}


@pytest.mark.parametrize("image_trainable", [True, False])
def test_the_gradient_reaches_both_projections_and_the_towers_that_are_not_frozen(image_trainable: bool) -> None:
    made = objective()
    learner = tiny.learner({"contrast": made}, image_trainable=image_trainable)
    learner(**tiny.nested())["loss"].backward()
    for parameter in made.parameters():
        assert float(parameter.grad.abs().sum()) > 0
    text, image = (learner.model.encoder(name).layer[1].weight.grad for name in ("text", "image"))
    assert float(text.abs().sum()) > 0
    assert (image is not None and float(image.abs().sum()) > 0) if image_trainable else image is None
    assert all(parameter.grad is None for parameter in learner.model.fusion.parameters())  # unimodal vectors only


def test_its_gradient_lowers_it() -> None:
    learner = tiny.learner({"contrast": objective()})
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = learner(**tiny.nested(12))["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", ["text", "image"])
def test_equal_texts_or_equal_pictures_are_no_negatives_of_each_other(name: str) -> None:
    made, batch = objective(), tiny.batch(4)
    repeated = with_parts(batch, **{name: {"key": torch.tensor([5, 6, 5, 8])}})
    model = tiny.model()
    seen = model(batch)
    text, image = made.text(seen.parts["text"].summary), made.image(seen.parts["image"].summary)
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[0, 2] = mask[2, 0] = True
    torch.testing.assert_close(
        term(made, repeated), symmetric_info_nce(text, image, scale=made.log_scale.exp(), duplicates=mask)
    )
    assert term(made, repeated) < term(made, batch)


def test_none_where_no_row_has_a_negative() -> None:
    batch = tiny.batch(3)
    assert term(objective(), with_parts(batch, text={"key": torch.tensor([7, 7, 7])})) is None
    assert term(objective(), tiny.batch(1)) is None
    assert term(objective(), with_parts(batch, image={"present": torch.zeros(3, dtype=torch.bool)})) is None
    assert term(objective(), with_parts(batch, image={"present": torch.tensor([True, False, False])})) is None


def test_rows_that_lack_a_modality_take_no_part() -> None:
    made, batch = objective(), tiny.batch(6)
    chosen = torch.tensor([0, 2, 3])
    lacking = with_parts(
        batch,
        text={"present": torch.tensor([True, False, True, True, True, True])},
        image={"present": torch.tensor([True, True, True, True, False, False])},
    )
    smaller = Batch(
        parts={name: {key: value[chosen] for key, value in part.items()} for name, part in batch.parts.items()},
        fields={"index": chosen},
    )
    torch.testing.assert_close(term(made, lacking), term(made, smaller), atol=1e-6, rtol=1e-6)


def test_similarity_is_the_cosine_of_the_projections() -> None:
    made, batch = objective(), tiny.batch(3)
    seen = tiny.model()(batch)
    found = made.answer(seen).columns["similarity"]
    text, image = made.text(seen.parts["text"].summary), made.image(seen.parts["image"].summary)
    assert found == pytest.approx(nn.functional.cosine_similarity(text, image).tolist(), abs=1e-6)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_projection_is_a_vector_of_length_one_in_the_shared_space(modality: str) -> None:
    made = objective()
    assert isinstance(made, Aligning)
    summaries = 3 * torch.randn(5, tiny.WIDTHS[modality], generator=torch.Generator().manual_seed(0))
    found = made.project(modality, summaries)
    linear = getattr(made, modality)(summaries)
    torch.testing.assert_close(found, linear / linear.norm(dim=-1, keepdim=True))
    assert found.shape == (5, 8)


def test_a_modality_outside_the_space_is_named() -> None:
    with pytest.raises(ValueError, match="no modality 'audio' in the space of the contrast: valid: 'image', 'text'"):
        objective().project("audio", torch.zeros(1, 6))


def test_it_finds_the_picture_of_a_text_it_was_trained_on() -> None:
    learner = tiny.learner({"contrast": objective()})
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.02)
    subjects = torch.randn(400, tiny.READS, generator=torch.Generator().manual_seed(0))
    turn = torch.randn(tiny.READS, tiny.READS, generator=torch.Generator().manual_seed(1))

    def batch(rows: Tensor) -> dict:
        text, image = tiny.part(len(rows)), tiny.part(len(rows))
        text["numbers"], image["numbers"] = subjects[rows].unsqueeze(1), (subjects[rows] @ turn).unsqueeze(1)
        return {"text": text, "image": image, "index": rows}

    draw = torch.Generator().manual_seed(2)
    for _ in range(120):
        optimizer.zero_grad()
        learner(**batch(torch.randint(0, 300, (32,), generator=draw)))["loss"].backward()
        optimizer.step()
    with torch.no_grad():
        seen = learner.model(Batch.of(batch(torch.arange(300, 400))))
        made = learner.objective("contrast")
        logits = cosine_logits(made.text(seen.parts["text"].summary), made.image(seen.parts["image"].summary), scale=1.0)
    found = (logits.topk(10, dim=1).indices == torch.arange(100).unsqueeze(1)).any(dim=1).float().mean()
    assert float(found) > 0.5  # chance is 0.1


def test_a_scale_above_its_bound_counts_as_the_bound_and_can_come_back() -> None:
    objective = ImageTextContrast({"text": 4, "image": 4, "fused": 4}, shared_width=4, largest_scale=20.0)
    with torch.no_grad():
        objective.log_scale.fill_(5.0)
    bounded = objective.scale()
    assert bounded.item() == pytest.approx(20.0)
    bounded.backward()
    assert objective.log_scale.grad is not None
    assert objective.log_scale.grad.item() == pytest.approx(20.0)


@pytest.mark.parametrize("wrong", [{"initial_temperature": 0.0}, {"initial_temperature": -1.0}, {"largest_scale": 0.0}])
def test_a_choice_out_of_range_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected a number above 0"):
        objective(**wrong)
