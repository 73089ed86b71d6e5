"""Shifts of words and pictures: against loops, what they never touch, what they cost, and who can be hardened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.made_colours import BORROWING, parts_of, posts, recipe_of
from torch import Tensor

from polysense.data.collate import Collate
from polysense.data.frames import HeldFrames
from polysense.errors import RecipeError
from polysense.learner import Learner
from polysense.objectives import adversarial
from polysense.objectives.adversarial import Adversarial, ascended, drawn
from polysense.recipe.recipe import check_recipe
from polysense.types import Batch, Sample, as_given
from polysense.views.masked import KEPT
from polysense.views.view import seeded

TARGETS: dict[str, dict[str, Any]] = {
    "classes": {"class_path": "Classification", "init_args": {"dropout": 0.0}},
    "several": {"class_path": "Classification", "init_args": {"dropout": 0.0, "multi_label": True}},
    "caption": {"class_path": "Generation", "init_args": {"longest": 6}},
    "summary": {"class_path": "Generation", "init_args": {"longest": 6, "target": "pair"}},
    "fragments": {"class_path": "Generation", "init_args": {"target": "fragments"}},
}


def rows(target: str = "classes") -> list[Sample]:
    """Six posts of different lengths; one lacks the picture, one the text, one the label and the pair."""
    found = [replace(one, text="see " * (row % 3) + str(one.text), pair=f"box {row}") for row, one in enumerate(posts(6))]
    found[1] = replace(found[1], image=None)
    found[2] = replace(found[2], text=None)
    found[4] = replace(found[4], label=None, pair=None)
    return [replace(one, label=() if one.label is None else (one.label,)) for one in found] if target == "several" else found


def learner(networks: Path, target: str = "classes", fusion: str = "SingleStream", **choices: Any) -> Learner:
    hardened = {"class_path": "Adversarial", "init_args": {"of": "target", **choices}}
    signals = {"target": TARGETS[target], "adversarial": hardened}
    still = {"dropout": 0.0} if fusion == "SingleStream" else {}
    raw = parts_of(fusion, networks, **still) | {"objectives": signals}
    if fusion == "AdaptationGate":
        raw["encoders"]["text"]["init_args"]["tokens"] = "embedded"
    raw["evaluation"] = {"evaluators": ["Losses"], "best": "last"}
    return check_recipe(fusion, raw, None).complete(rows(target)).build(seed=0)


def batch_of(made: Learner, samples: list[Sample]) -> Batch:
    encoders = {name: made.model.encoder(name) for name in made.model.encoders}
    return Batch.of(Collate(encoders, made.preparers, companions=made.companions)(samples))


def term(made: Learner, batch: Batch, *, step: int = 0) -> Tensor:
    found = made.objective("adversarial")(made.look(batch, step=step))
    assert isinstance(found, Tensor)
    return found


@pytest.fixture
def shifts(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Tensor]]:
    """By modality, what was added to it, in order."""
    found: dict[str, list[Tensor]] = {}
    original = adversarial.shifted

    def spied(fusion: Any, seen: Any, name: str, shift: Tensor) -> Any:
        found.setdefault(name, []).append(shift.detach().clone())
        return original(fusion, seen, name, shift)

    monkeypatch.setattr(adversarial, "shifted", spied)
    return found


def by_loops(
    made: Learner, batch: Batch, target: str, *, steps: int, rate: float, start: float, radius: float | None, agreement: float
) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """The term and the shifts, with every choice and every row by itself, and all that is not shifted run anew in each step."""
    objective: Any = made.objective("target")
    look = made.look(batch, step=0)
    shown, seen = look(objective.view(look))
    encoder: Any = made.model.encoder("text")

    def choices(name: str, shift: list[Tensor]) -> list[tuple[Tensor, int]]:
        """Log chances and truth of every choice."""
        parts = dict(as_given(seen.parts))
        parts[name] = replace(parts[name], states=torch.stack([a + b for a, b in zip(parts[name].states, shift, strict=True)]))
        fused = made.model.fuse(parts, index=batch.fields["index"]).fused
        found = []
        if target in ("classes", "several"):
            for row, truth in enumerate(batch.fields["label"].tolist()):
                logits = objective.head(fused.summary[row])
                if target == "classes" and truth >= 0:
                    found.append((logits.log_softmax(0), truth))
                elif target == "several":
                    found += [
                        (torch.stack([(-z).sigmoid().log(), z.sigmoid().log()]), int(there))
                        for z, there in zip(logits, truth, strict=True)
                    ]
        else:
            for row, place in torch.nonzero(shown.targets["original"] != KEPT).tolist():
                state = objective.head.transform(fused.states[row, place])
                logits = encoder.embeddings @ state + objective.head.bias
                found.append((logits.log_softmax(0), int(shown.targets["original"][row, place])))
        return found

    total, every = torch.zeros(()), {}
    for name, part in as_given(seen.parts).items():
        generator = seeded(f"adversarial target {name}", seed=0, step=0)
        real = part.mask & part.present.unsqueeze(1)
        width = part.states.shape[2]
        numbers = iter(torch.rand(int(real.sum()), width, generator=generator) * 2 - 1)
        shift = [torch.zeros(len(places), width) for places in real]
        for row, places in enumerate(real):
            for place in places.nonzero().flatten().tolist():
                shift[row][place] = next(numbers) * start / (int(places.sum()) * width) ** 0.5
        every[name] = []
        for _ in range(steps):
            every[name].append(torch.stack(shift))
            for one in shift:
                one.requires_grad_()
            plain, moved = choices(name, [torch.zeros_like(one) for one in shift]), choices(name, shift)
            right = torch.stack([-chances[truth] for chances, truth in moved]).mean()
            apart = [(p.exp() * (p - q)).sum() + (q.exp() * (q - p)).sum() for (p, _), (q, _) in zip(plain, moved, strict=True)]
            bracket = right + agreement * torch.stack(apart).mean()
            total = total + bracket / steps
            gradients = torch.autograd.grad(right, shift, retain_graph=True)
            new = []
            for one, gradient in zip(shift, gradients, strict=True):
                length = gradient.square().sum().sqrt()
                moving = one.detach() + (rate * gradient / length if length > 0 else 0.0)
                far = moving.square().sum().sqrt()
                new.append(moving * radius / far if radius is not None and far > radius else moving)
            shift = new
    return total, every


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("radius", [None, 0.25])
def test_term_gradient_and_every_shift_equal_the_loops(
    networks: Path, target: str, radius: float | None, shifts: dict[str, list[Tensor]]
) -> None:
    choices = {"steps": 3, "rate": 0.1, "start": 0.4, "radius": radius, "agreement": 0.7}
    made = learner(networks, target, **choices)
    batch = batch_of(made, rows(target))
    found = term(made, batch)
    found.backward()
    gradients = {name: one.grad.clone() for name, one in made.named_parameters() if one.grad is not None}
    made.zero_grad()
    wanted, every = by_loops(made, batch, target, **choices)
    wanted.backward()
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert set(shifts) == set(every) == {"text", "image"}
    for name, steps in every.items():
        assert len(shifts[name]) == 3
        for one, other in zip(shifts[name], steps, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        lengths = shifts[name][-1].flatten(1).norm(dim=1)
        assert (lengths <= 0.25 + 1e-6).all() == (radius is not None)
    assert set(gradients) == {name for name, one in made.named_parameters() if one.grad is not None}
    for name, parameter in made.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-3, atol=2e-5, msg=name)


def test_what_is_too_long_is_the_shift_and_not_its_gradient() -> None:
    shift = torch.tensor([[[3.0, 4.0]], [[0.3, 0.4]], [[3.0, 4.0]]])
    gradient = torch.tensor([[[1e-9, 0.0]], [[0.0, 1e9]], [[0.0, 0.0]]])
    found = ascended(shift, gradient, rate=1.0, radius=1.0)
    torch.testing.assert_close(found[0], torch.tensor([[4.0, 4.0]]) / 32**0.5)
    torch.testing.assert_close(found[1], torch.tensor([[0.3, 1.4]]) / (0.3**2 + 1.4**2) ** 0.5)
    torch.testing.assert_close(found[2], torch.tensor([[0.6, 0.8]]))
    free = ascended(shift, gradient, rate=1.0, radius=None)
    torch.testing.assert_close(free, torch.tensor([[[4.0, 4.0]], [[0.3, 1.4]], [[3.0, 4.0]]]))


def test_what_is_drawn_is_small_where_a_row_has_much_and_nothing_on_padding() -> None:
    real = torch.arange(40).unsqueeze(0) < torch.tensor([[40], [10], [0]])
    found = drawn(real, 25, size=0.5, draw=torch.Generator().manual_seed(0))
    assert not found[~real].any()
    for row, bound in ((0, 0.5 / 1000**0.5), (1, 0.5 / 250**0.5)):
        numbers = found[row][real[row]]
        assert numbers.abs().max() <= bound
        assert numbers.max() > 0.98 * bound
        assert numbers.min() < -0.98 * bound
        assert abs(numbers.mean()) < 0.1 * bound
    shorter = drawn(real[1:, :10], 25, size=0.5, draw=torch.Generator().manual_seed(0))
    longer = drawn(real[1:], 25, size=0.5, draw=torch.Generator().manual_seed(0))
    assert torch.equal(shorter, longer[:, :10])


@pytest.mark.parametrize("target", ["classes", "caption"])
def test_the_plain_pass_is_run_once_for_all_steps(networks: Path, target: str) -> None:
    made = learner(networks, target, steps=3)
    batch = batch_of(made, rows(target))
    runs = {"fusion": 0, "text": 0, "image": 0}

    def count(name: str) -> Any:
        def counted(*_: Any) -> None:
            runs[name] += 1

        return counted

    made.model.fusion.register_forward_hook(count("fusion"))
    for name in ("text", "image"):
        made.model.encoder(name).register_forward_hook(count(name))
    output = made(**batch.parts, **batch.fields)
    assert set(output["terms"]) == {"target", "adversarial"}
    assert runs == {"fusion": 1 + 2 * 3, "text": 1, "image": 1}
    made.eval()
    with torch.no_grad():
        output = made(**batch.parts, **batch.fields)
    assert set(output["terms"]) == {"target"}
    assert runs["fusion"] == 1 + 2 * 3 + 1


def test_padding_and_what_is_not_there_are_not_shifted(networks: Path, shifts: dict[str, list[Tensor]]) -> None:
    made = learner(networks, steps=3)
    batch = batch_of(made, rows())
    term(made, batch)
    tokens = batch.parts["text"]["attention_mask"].bool() & batch.parts["text"]["present"].unsqueeze(1)
    for shift in shifts["text"]:
        assert torch.equal(shift.any(dim=2), tokens)
    for shift in shifts["image"]:
        assert torch.equal(shift.flatten(1).all(dim=1), batch.parts["image"]["present"])
        assert not shift[1].any()


@pytest.mark.parametrize("target", ["classes", "caption"])
def test_a_row_is_shifted_alike_whoever_stands_beside_it(networks: Path, target: str, shifts: dict[str, list[Tensor]]) -> None:
    """From no shift at all, so that nothing is drawn."""
    made = learner(networks, target, steps=3, start=0.0, radius=0.08)
    samples = rows(target)
    term(made, batch_of(made, samples))
    together = {name: list(steps) for name, steps in shifts.items()}
    for row in (0, 3, 5):
        shifts.clear()
        term(made, batch_of(made, [samples[row]]))
        for name, steps in shifts.items():
            assert steps[-1].flatten(1).norm() == pytest.approx(0.08, rel=1e-3)
            for one, every in zip(steps, together[name], strict=True):
                torch.testing.assert_close(one[0], every[row, : one.shape[1]], atol=2e-4, rtol=0)
                assert not every[row, one.shape[1] :].any()


def test_shifts_follow_from_seed_and_step(networks: Path, shifts: dict[str, list[Tensor]]) -> None:
    made = learner(networks, steps=1)
    batch = batch_of(made, rows())
    for step in (4, 4, 5):
        torch.rand(1)  # others draw too
        term(made, batch, step=step)
    for first, again, other in shifts.values():
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_a_step_makes_it_worse_and_training_makes_it_better(networks: Path) -> None:
    made = learner(networks, steps=1, start=0.0)
    batch = batch_of(made, rows())
    once = term(made, batch)
    made.objective("adversarial").steps = 4
    made.objective("adversarial").rate = 0.4
    assert term(made, batch) > once + 0.05
    optimizer = torch.optim.Adam(made.parameters(), lr=1e-3)
    before = term(made, batch).item()
    for _ in range(20):
        optimizer.zero_grad()
        term(made, batch).backward()
        optimizer.step()
    assert term(made, batch).item() < 0.7 * before


@pytest.mark.parametrize("target", ["classes", "caption"])
def test_it_is_finite_in_half_precision(networks: Path, target: str) -> None:
    made = learner(networks, target)
    batch = batch_of(made, rows(target))
    exact = term(made, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = made(**batch.parts, **batch.fields)
    output["loss"].backward()
    assert float(output["terms"]["adversarial"]) == pytest.approx(exact.item(), rel=0.05)
    assert all(one.grad.isfinite().all() for one in made.parameters() if one.grad is not None)


@pytest.mark.parametrize("fusion", [*BORROWING, "AdaptationGate"])
def test_any_fusion_that_runs_the_network_will_do(networks: Path, fusion: str, shifts: dict[str, list[Tensor]]) -> None:
    made = learner(networks, fusion=fusion, steps=2, radius=None)
    assert term(made, batch_of(made, rows())) > 0
    for first, second in shifts.values():
        moved = (second - first).flatten(1).norm(dim=1)
        torch.testing.assert_close(moved[[0, 3, 5]], torch.full((3,), 0.05))


def test_boxes_and_classes_of_regions_stay(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    classes_and_box = np.array([0.5, 0.25, 0.25, 0.0, 0.25, 0.5, 1.0], np.float32)
    regions = [draw.random((1 + row % 3, 6 + 3 + 4), dtype=np.float32) for row in range(6)]
    for one in regions:
        one[:, 6:] = classes_and_box
    samples = [replace(one, image=HeldFrames(array)) for one, array in zip(posts(6), regions, strict=True)]
    raw = parts_of("SingleStream", networks, boxes="states", classes=3)
    raw["encoders"]["image"] = {"class_path": "SequenceFrames", "init_args": {"modality": "image", "max_length": 5}}
    raw["objectives"] = {
        "target": "Classification",
        "adversarial": {"class_path": "Adversarial", "init_args": {"of": "target"}},
    }
    raw["evaluation"] = {"evaluators": ["Losses"], "best": "last"}
    made = check_recipe("regions", raw, None).complete(samples).build(seed=0)
    seen = []
    original = type(made.model.fusion).forward
    monkeypatch.setattr(
        type(made.model.fusion),
        "forward",
        lambda self, parts: (seen.append(as_given(parts)["image"].states.detach()), original(self, parts))[1],
    )
    term(made, batch_of(made, samples))
    assert len(seen) == 1 + 2 * 4
    assert all(torch.equal(one[..., 6:], seen[0][..., 6:]) for one in seen)
    assert not torch.equal(seen[-1][..., :6], seen[0][..., :6])


def test_what_the_hardened_one_does_not_see_is_not_shifted(networks: Path, shifts: dict[str, list[Tensor]]) -> None:
    """Modality dropout hides the same from both."""
    made = learner(networks, steps=1)
    made.modality_dropout = {"text": 0.0, "image": 0.5}
    samples = rows()
    batch = batch_of(made, samples)
    pictures = set()
    for _ in range(6):
        made(**batch.parts, **batch.fields)
        pictures.add(tuple(shifts["image"][-1].flatten(1).any(dim=1).tolist()))
    assert len(pictures) > 1
    assert made.objective("adversarial").sees_partial
    assert not learner(networks, "caption").objective("adversarial").sees_partial


def test_rows_without_a_target_leave_nothing_to_do(networks: Path) -> None:
    made = learner(networks)
    for samples in (rows()[4:5], [replace(one, label=None) for one in rows()]):
        batch = batch_of(made, samples)
        assert made.objective("adversarial")(made.look(batch, step=0)) is None
        assert made(**batch.parts, **batch.fields)["terms"] == {}


def test_it_owns_nothing_and_prepares_what_the_hardened_one_reads(networks: Path) -> None:
    made = learner(networks, "summary")
    objective = made.objective("adversarial")
    assert not list(objective.parameters())
    assert objective.companions
    made.weights["target"] = 0.0
    samples = rows("summary")
    assert term(made, batch_of(made, samples)) > 0


def test_who_cannot_be_hardened_is_told_who_can(networks: Path) -> None:
    signals = {
        "mood": TARGETS["classes"],
        "matching": "ImageTextMatching",
        "adversarial": {"class_path": "Adversarial", "init_args": {"of": "matching"}},
    }
    with pytest.raises(RecipeError, match=r"Adversarial\.of: 'matching' is no objective .*valid: 'mood'"):
        recipe_of("SingleStream", networks, signals, samples=rows()).build(seed=0)
    signals["adversarial"]["init_args"] = {"of": "moood"}
    with pytest.raises(RecipeError, match=r"'moood' is no .*did you mean 'mood'"):
        recipe_of("SingleStream", networks, signals, samples=rows()).build(seed=0)
    signals["adversarial"]["init_args"] = {}
    with pytest.raises(RecipeError, match=r"objectives\.adversarial: .*of"):
        recipe_of("SingleStream", networks, signals, samples=rows())
    made = learner(networks, fusion="Concatenation")
    with pytest.raises(RecipeError, match=r"write encoders\.text\.tokens: embedded"):
        made.preparers  # noqa: B018 - asked before every training
    for wrong in ({"steps": 0}, {"rate": 0.0}, {"start": -1.0}, {"radius": 0.0}, {"agreement": -0.1}):
        with pytest.raises(RecipeError, match="steps from 1 up, rate above 0"):
            Adversarial({}, of="target", **wrong)
