from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import tiny
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError
from polysense.fusion.concatenation import Concatenation
from polysense.fusion.cross_attention import CrossAttention
from polysense.fusion.fusion import Fusion
from polysense.learner import StepLook
from polysense.model import Model
from polysense.objectives.image_text_contrast import ImageTextContrast
from polysense.objectives.image_text_matching import ImageTextMatching
from polysense.objectives.objective import Look
from polysense.types import Batch, Encoded, Representation, Sample
from polysense.views.mismatched import Mismatched, partners
from polysense.views.plain import Plain
from polysense.views.view import Shown, View, seeded

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "itc_itm.json").read_text())["itm"]


def objective(**choices: float) -> ImageTextMatching:
    made: ImageTextMatching = tiny.seeded("matching", ImageTextMatching, tiny.WIDTHS, **choices)
    return made


def test_the_golden_loss() -> None:
    made = ImageTextMatching({"fused": 2}).eval()
    with torch.no_grad():
        made.head[1].weight.copy_(torch.eye(2))
        made.head[1].bias.zero_()
    logits, there = torch.tensor(GOLDEN["logits"]), torch.ones(6, dtype=torch.bool)
    fused = Encoded(logits.unsqueeze(1), there.unsqueeze(1), logits, there)

    def look(view: View) -> tuple[Shown, Representation]:
        assert view == Mismatched()
        batch = Batch(parts={}, fields={"index": torch.arange(6)})
        return Shown(batch, targets={"match": torch.tensor(GOLDEN["match"])}), Representation(
            parts={"text": fused, "image": fused}, fused=fused
        )

    assert made(look).item() == pytest.approx(GOLDEN["loss"], abs=1e-5)


def test_the_loss_is_the_cross_entropy_of_the_shown_pairs() -> None:
    model, batch, made = tiny.model(), tiny.batch(16), objective().eval()
    view = Mismatched()
    shown = view.show(batch, seeded(view, seed=4, step=2))
    logits = made.head(model(shown.batch).fused.summary)
    expected = nn.functional.cross_entropy(logits, shown.targets["match"])
    found = made(StepLook(model, batch, seed=4, step=2))
    torch.testing.assert_close(found, expected)
    assert 0 < int(shown.targets["match"].sum()) < 16


def test_rows_that_lack_a_modality_take_no_part() -> None:
    model, batch, made = tiny.model(), tiny.batch(6), objective().eval()
    image = {**batch.parts["image"], "present": torch.tensor([True, False, True, True, False, True])}
    lacking = Batch(parts={**batch.parts, "image": image}, fields=batch.fields)
    view = Mismatched()
    shown = view.show(lacking, seeded(view, seed=0, step=0))
    both = image["present"]
    expected = nn.functional.cross_entropy(made.head(model(shown.batch).fused.summary[both]), shown.targets["match"][both])
    torch.testing.assert_close(made(StepLook(model, lacking, seed=0, step=0)), expected)
    nothing = {**image, "present": torch.zeros(6, dtype=torch.bool)}
    absent = Batch(parts={**batch.parts, "image": nothing}, fields=batch.fields)
    assert made(StepLook(model, absent, seed=0, step=0)) is None


def test_a_row_by_itself_stays_as_a_match() -> None:
    model, batch, made = tiny.model(), tiny.batch(1), objective().eval()
    expected = nn.functional.cross_entropy(made.head(model(batch).fused.summary), torch.tensor([1]))
    torch.testing.assert_close(made(StepLook(model, batch, seed=0, step=0)), expected)


@pytest.mark.parametrize("kind", [Concatenation, CrossAttention])
def test_reindexed_texts_equal_texts_that_are_encoded_again(kind: type[Fusion], tiny_text: str, tiny_vision: str) -> None:
    text, image = TransformerText(tiny_text, piece_rows=2), VisionImage(tiny_vision)
    model = Model({"text": text, "image": image}, kind({"text": 32, "image": 32})).eval()
    texts = ["a lovely garden", "rain", "we walked home in the rain and did not love it", "", "good morning sun"]
    samples = [Sample(id=str(number), text=one) for number, one in enumerate(texts)]
    pixels = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    there = torch.ones(5, dtype=torch.bool)
    batch = Batch(
        parts={
            "text": {**text.prepare(samples), "present": there, "key": torch.arange(5)},
            "image": {"pixel_values": pixels, "present": there, "key": torch.arange(5)},
        },
        fields={"index": torch.arange(5)},
    )
    shown, seen = StepLook(model, batch, seed=0, step=0)(Mismatched(share=1.0))
    assert not shown.targets["match"].any()
    again = model(shown.batch)
    torch.testing.assert_close(seen.fused.summary, again.fused.summary, atol=1e-5, rtol=0)
    assert torch.equal(seen.parts["text"].mask, again.parts["text"].mask)


def test_its_gradient_lowers_it_and_reaches_both_towers() -> None:
    learner = tiny.learner({"matching": objective(dropout=0.0)})
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.02)
    losses = []
    for _ in range(20):
        learner.micro_step.zero_()  # the same exchange every time
        optimizer.zero_grad()
        loss = learner(**tiny.nested(12))["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    for name in ("text", "image"):
        assert float(learner.model.encoder(name).layer[1].weight.grad.abs().sum()) > 0


def test_match_is_the_probability_of_class_1() -> None:
    made, batch = objective().eval(), tiny.batch(3)
    seen = tiny.model()(batch)
    assert made.answer(seen).columns["match"] == pytest.approx(made.head(seen.fused.summary).softmax(dim=-1)[:, 1].tolist())


class ScoresTheUnexchangedPair(ImageTextMatching):
    """The known defect: labels of the exchange, logits of the pair as it was."""

    def forward(self, look: Look) -> Tensor | None:
        shown, _ = look(self.view)
        _, seen = look(Plain())
        return nn.functional.cross_entropy(self.head(seen.fused.summary), shown.targets["match"])


def posts(count: int, *, seed: int) -> dict:
    """Texts and pictures that show one of 12 subjects each, in numbers of their own."""
    subjects = torch.randn(2, 12, tiny.READS, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(0, 12, (count,), generator=generator)
    parts = {}
    for number, name in enumerate(("text", "image")):
        noise = 0.1 * torch.randn(count, tiny.READS, generator=generator)
        parts[name] = {**tiny.part(count), "numbers": (subjects[number][which] + noise).unsqueeze(1)}
    return {**parts, "index": torch.arange(count)}


def matching_accuracy(kind: type[ImageTextMatching], *, seed: int) -> float:
    """Balanced accuracy on new posts, after training on made-up ones."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoders = {"text": tiny.TextNumbers(24), "image": tiny.ImageNumbers(24)}
        widths = {"text": 24, "image": 24}
        fusion = Concatenation(widths, width=64)
        learner = tiny.Learner(
            Model(encoders, fusion), {"matching": kind({**widths, "fused": 64}, dropout=0.0)}, {"matching": 1.0}, seed=seed
        )
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)
        for step in range(250):
            optimizer.zero_grad()
            learner(**posts(64, seed=1000 * seed + step))["loss"].backward()
            optimizer.step()
    learner.eval()
    batch = Batch.of(posts(1000, seed=77))
    shown, seen = StepLook(learner.model, batch, seed=5, step=0)(Mismatched())
    made = learner.objective("matching")
    right = made.head(seen.fused.summary).argmax(dim=-1) == shown.targets["match"]
    kept = shown.targets["match"] == 1
    return float((right[kept].float().mean() + right[~kept].float().mean()) / 2)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_which_text_belongs_to_a_picture(seed: int) -> None:
    assert matching_accuracy(ImageTextMatching, seed=seed) > 0.8


@pytest.mark.parametrize("seed", [0, 1])
def test_scoring_the_unexchanged_pair_would_stay_at_chance(seed: int) -> None:
    assert abs(matching_accuracy(ScoresTheUnexchangedPair, seed=seed) - 0.5) < 0.04


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, -0.1])
def test_a_share_that_is_no_chance_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share: expected a probability between 0 and 1"):
        objective(share=share)


class TestHardNegatives:
    def made(self) -> tuple[ImageTextMatching, ImageTextContrast]:
        contrast = tiny.seeded("contrast", ImageTextContrast, tiny.WIDTHS, shared_width=4)
        matching = objective(hard="contrast")  # type: ignore[arg-type]
        matching.borrow({"contrast": contrast, "matching": matching})
        return matching, contrast

    def test_texts_are_drawn_by_how_well_they_go_with_the_picture(self) -> None:
        matching, contrast = self.made()
        model, batch = tiny.model(), tiny.batch(6)
        seen = model(batch)
        text, image = (contrast.project(name, seen.parts[name].summary) for name in ("text", "image"))
        allowed = partners(batch, "text", "image")
        expected = (contrast.scale() * image @ text.T).masked_fill(~allowed, -torch.inf).softmax(dim=1).detach()
        counts = torch.zeros(6, 6)
        for step in range(3000):
            look = StepLook(model, batch, seed=0, step=step)
            look._seen[Plain()] = Shown(batch), seen
            view = matching._harder(look)
            source = view.show(batch, seeded(view, seed=0, step=step)).targets["source"]
            counts[torch.arange(6), source] += (source != torch.arange(6)).float()
        torch.testing.assert_close(counts / counts.sum(dim=1, keepdim=True), expected, atol=0.05, rtol=0)

    def test_the_contrast_learns_as_it_does_alone(self) -> None:
        """What is asked of it for the draw takes no gradient away, and gives none."""
        matching, contrast = self.made()
        model, batch = tiny.model(), tiny.batch(8)
        gradients = []
        for first in (False, True):
            look = StepLook(model, batch, seed=0, step=0)
            if first:
                matching(look)
            term = contrast(look)
            assert isinstance(term, Tensor)
            gradients.append(torch.autograd.grad(term, [contrast.text.weight, *model.fusion.parameters()], allow_unused=True))
        for one, other in zip(*gradients, strict=True):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)

    def test_an_objective_that_is_no_contrast_is_refused(self) -> None:
        with pytest.raises(RecipeError, match=r"ImageTextMatching\.hard: 'contrast' is no ImageTextContrast of this recipe"):
            objective(hard="contrast").borrow({"contrast": objective()})  # type: ignore[arg-type]
