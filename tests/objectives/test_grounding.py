from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

import tiny
from polysense.errors import RecipeError
from polysense.learner import StepLook
from polysense.losses import info_nce
from polysense.objectives.grounding import Grounding
from polysense.objectives.sentence_contrast import SentenceContrast
from polysense.types import Batch, Encoded, Representation, Sample

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mcse.json").read_text())
TAU = 0.05


def objective(**choices) -> Grounding:
    return tiny.seeded("grounding", Grounding, tiny.WIDTHS, **choices)


def look(batch: Batch, *, dropout: float = 0.0) -> StepLook:
    torch.manual_seed(0)
    return StepLook(tiny.model(dropout=dropout).train(), batch, seed=0, step=0)


def test_the_term_is_the_mean_over_both_versions_of_text_against_pictures() -> None:
    made, batch = objective(), tiny.batch(6)
    _, seen = look(batch, dropout=0.3)(_twice())
    text, image = seen.parts["text"].summary.chunk(2), seen.parts["image"].summary[:6]
    by_hand = [info_nce(made.text(one), made.image(image), temperature=TAU) for one in text]
    torch.testing.assert_close(made(look(batch, dropout=0.3)), torch.stack(by_hand).mean())
    back = [info_nce(made.image(image), made.text(one), temperature=TAU) for one in text]
    both = objective(directions="both")(look(batch, dropout=0.3))
    torch.testing.assert_close(both, torch.stack([*by_hand, *back]).mean())


def _twice():
    from polysense.views.stacked import TWICE

    return TWICE


def test_the_sentence_is_not_encoded_again_for_it() -> None:
    learner = tiny.learner({"contrast": tiny.seeded("c", SentenceContrast, tiny.WIDTHS), "grounding": objective()}).eval()
    assert set(learner(**tiny.nested(6))["terms"]) == {"contrast", "grounding"}
    assert learner.model.encoder("text").runs == 1
    assert learner.model.encoder("image").runs == 1


def test_a_batch_of_sentences_alone_has_no_grounding() -> None:
    learner = tiny.learner({"contrast": tiny.seeded("c", SentenceContrast, tiny.WIDTHS), "grounding": objective()}).eval()
    sentences = {name: part for name, part in tiny.nested(6).items() if name != "image"}
    assert set(learner(**sentences)["terms"]) == {"contrast"}


@pytest.mark.parametrize("lacking", ["text", "image"])
def test_only_rows_with_both_take_part(lacking: str) -> None:
    made, batch = objective(), tiny.batch(6)
    there = torch.tensor([True, True, False, True, False, True])
    part = {**batch.parts[lacking], "present": there}
    some = made(look(Batch(parts={**batch.parts, lacking: part}, fields=batch.fields)))
    rows = {name: {key: values[there] for key, values in fields.items()} for name, fields in batch.parts.items()}
    fewer = made(look(Batch(parts=rows, fields={name: values[there] for name, values in batch.fields.items()})))
    torch.testing.assert_close(some, fewer)
    none = {**batch.parts[lacking], "present": torch.zeros(6, dtype=torch.bool)}
    assert made(look(Batch(parts={**batch.parts, lacking: none}, fields=batch.fields))) is None


def test_captions_of_one_picture_may_be_kept_from_being_negatives() -> None:
    batch = tiny.batch(6)
    part = {**batch.parts["image"], "key": torch.tensor([1, 1, 2, 3, 4, 5])}
    repeated = Batch(parts={**batch.parts, "image": part}, fields=batch.fields)
    assert objective(mask_duplicates=True)(look(repeated)) < objective()(look(repeated))


def test_the_space_is_shared_and_named() -> None:
    vectors = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    made = objective()
    torch.testing.assert_close(made.project("image", vectors), normalize(torch.tanh(made.image[0](vectors)), dim=-1))
    assert made.aligned == ("text", "image")
    with pytest.raises(ValueError, match="audio"):
        made.project("audio", vectors)


class GoldenLook:
    """The released code's sentences and pictures, as a model would have encoded them."""

    def __init__(self) -> None:
        self.first, self.second, self.pixels = (
            torch.tensor(GOLDEN["inputs"][name], requires_grad=True) for name in ("h1", "h2", "image_features")
        )
        rows = len(self.first)
        there, index = torch.ones(rows, dtype=torch.bool), torch.arange(rows)
        part = {"present": there, "key": index}
        self.batch = Batch(parts={"text": part, "image": part}, fields={"index": index})

    def __call__(self, view):
        def encoded(values: torch.Tensor) -> Encoded:
            there = torch.ones(len(values), dtype=torch.bool)
            return Encoded(values.unsqueeze(1), there.unsqueeze(1), values, there)

        text = encoded(torch.cat([self.first, self.second]))
        parts = {"text": text, "image": encoded(torch.cat([self.pixels, self.pixels]))}
        return view.show(self.batch, torch.Generator()), Representation(parts=parts, fused=text)


def with_head(layer: torch.nn.Linear, name: str) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(GOLDEN["heads"][name]["weight"]))
        layer.bias.copy_(torch.tensor(GOLDEN["heads"][name]["bias"]))


def test_the_golden_batch_of_captions() -> None:
    golden, sizes = GOLDEN["mcse_pair_batch"], GOLDEN["sizes"]
    widths = {"text": sizes["d"], "image": sizes["D"], "fused": sizes["d"]}
    contrast = SentenceContrast(widths, temperature=GOLDEN["tau"])
    grounding = Grounding(widths, shared_width=sizes["p"], temperature=GOLDEN["tau_vl"])
    for layer, name in ((contrast.head[0], "text"), (grounding.text[0], "grounding"), (grounding.image[0], "image")):
        with_head(layer, name)
    seen = GoldenLook()
    torch.testing.assert_close(
        grounding.project("text", seen.first), torch.tensor(golden["grounded_text_1"]), atol=1e-6, rtol=1e-5
    )
    torch.testing.assert_close(grounding.project("image", seen.pixels), torch.tensor(golden["image"]), atol=1e-6, rtol=1e-5)
    intra, inter = contrast(seen), grounding(seen)
    assert intra.item() == pytest.approx(golden["intra"], abs=1e-5)
    assert inter.item() == pytest.approx(golden["inter"], abs=1e-5)
    total = intra + GOLDEN["lambda"] * inter
    assert total.item() == pytest.approx(golden["total"], abs=1e-5)
    total.backward()
    learned = {"h1": seen.first, "h2": seen.second}
    for layer, name in ((contrast.head[0], "text"), (grounding.text[0], "grounding"), (grounding.image[0], "image")):
        learned |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
    assert learned.keys() == golden["grad"].keys()
    for name, wanted in golden["grad"].items():
        torch.testing.assert_close(learned[name].grad, torch.tensor(wanted), atol=GOLDEN["tolerance"]["grad"], rtol=0)


def test_what_fits_is_learned_by_the_encoders_of_both() -> None:
    seen, sizes = GoldenLook(), GOLDEN["sizes"]
    grounding = Grounding({"text": sizes["d"], "image": sizes["D"], "fused": sizes["d"]}, shared_width=sizes["p"])
    grounding(seen).backward()
    for one in (seen.first, seen.second, seen.pixels):
        assert one.grad is not None
        assert one.grad.abs().sum(dim=1).min() > 0


def test_pairs_that_fit_badly_come_to_weigh_less() -> None:
    made = objective(noise_aware=2.0, rows=6, momentum=0.0).train()
    batch = tiny.batch(6)
    plain = objective()(look(batch))
    torch.testing.assert_close(made(look(batch)), plain)  # nothing is known yet: all weigh alike
    known = made.fit.clone()
    assert not known.isnan().any()
    weights = made._weights(torch.arange(6), *_vectors(made, batch))
    assert weights is not None
    assert torch.equal(weights.argsort(), known.argsort())
    assert float(weights.min()) < 1 < float(weights.max())
    assert not torch.allclose(made(look(batch)), plain)
    restored = objective(noise_aware=2.0, rows=6)
    restored.load_state_dict(made.state_dict())
    assert torch.equal(restored.fit, made.fit)  # the memory is in the checkpoint


def test_a_pair_weighs_by_how_it_fitted_before_this_step_among_all_that_were_seen() -> None:
    made = objective(noise_aware=1.5, rows=6, momentum=0.7).train()
    known = torch.tensor([0.5, torch.nan, 0.1, 0.2, torch.nan, 0.9])
    made.fit.copy_(known)
    image = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    weights = made._weights(torch.tensor([2, 0, 4, 5]), [image, image], image)  # all of these fit perfectly now
    seen = torch.tensor([0.5, 0.1, 0.2, 0.9])
    wanted = 2 * torch.sigmoid(1.5 * (known[[2, 0, 4, 5]] - seen.mean()) / seen.std())
    wanted[2] = 1  # was never seen
    torch.testing.assert_close(weights, wanted)
    torch.testing.assert_close(made.fit[[2, 0, 4, 5]], torch.tensor([0.37, 0.65, 1.0, 0.93]))
    torch.testing.assert_close(made.fit[[1, 3]], known[[1, 3]], equal_nan=True)


def _vectors(made: Grounding, batch: Batch):
    _, seen = look(batch)(_twice())
    return [made.text(one) for one in seen.parts["text"].summary.chunk(2)], made.image(seen.parts["image"].summary[:6])


def test_evaluation_neither_reads_nor_writes_the_memory() -> None:
    made = objective(noise_aware=2.0, rows=3).train()  # fewer training rows than are evaluated
    made(look(tiny.batch(3)))
    known = made.fit.clone()
    torch.testing.assert_close(made.eval()(look(tiny.batch(6))), objective()(look(tiny.batch(6))))
    assert torch.equal(made.fit, known)


def test_the_memory_has_a_place_for_every_training_row_where_it_is_used() -> None:
    samples = [Sample(id=str(number), text="a") for number in range(7)]
    assert Grounding.complete({"noise_aware": 1.0}, samples)["rows"] == 7
    assert Grounding.complete({"noise_aware": 0.0}, samples)["rows"] is None
    with pytest.raises(RecipeError, match="temperature"):
        objective(temperature=-1.0)
    with pytest.raises(RecipeError, match="noise_aware from 0"):
        objective(noise_aware=-1.0)


def test_the_fit_of_a_pair_is_the_running_mean_over_both_versions() -> None:
    made = objective(noise_aware=1.0, rows=6, momentum=0.7).train()
    image = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    looks = torch.randn(2, 2, 6, 8, generator=torch.Generator().manual_seed(2))
    for versions in looks:
        made._weights(torch.arange(6), list(versions), image)
    first, second = (torch.nn.functional.cosine_similarity(versions, image, dim=2).mean(dim=0) for versions in looks)
    torch.testing.assert_close(made.fit, 0.7 * first + 0.3 * second)
