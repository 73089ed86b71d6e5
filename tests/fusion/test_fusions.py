"""All fusions: any subset of the modalities, rows that do not touch each other; two of them against a loop."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from polysense.errors import RecipeError
from polysense.fusion.concatenation import Concatenation
from polysense.fusion.cross_attention import CrossAttention
from polysense.fusion.fusion import Fusion
from polysense.fusion.gated import Gated
from polysense.fusion.interactions import Interactions
from polysense.fusion.low_rank_product import LowRankProduct
from polysense.fusion.modality_attention import ModalityAttention
from polysense.fusion.pairwise_cross_attention import PairwiseCrossAttention
from polysense.fusion.shared_private import SharedPrivate
from polysense.fusion.single import Single
from polysense.fusion.tensor_product import TensorProduct
from polysense.types import Encoded

WIDTHS = {"text": 6, "image": 4}
ROWS = 5


def encoded(width: int, time: int, *, seed: int, present: list[bool] | None = None) -> Encoded:
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(ROWS, time, width, generator=generator)
    lengths = torch.randint(1, time + 1, (ROWS,), generator=generator)
    mask = torch.arange(time).expand(ROWS, time) < lengths.unsqueeze(1)
    there = torch.tensor([True] * ROWS if present is None else present)
    return Encoded(states, mask, torch.randn(ROWS, width, generator=generator), there)


@pytest.fixture
def parts() -> dict[str, Encoded]:
    return {"text": encoded(6, 3, seed=1), "image": encoded(4, 7, seed=2)}


FUSIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Concatenation": (Concatenation, {}),
    "two layers": (Concatenation, {"layers": 2, "activation": "tanh"}),
    "with interactions": (Concatenation, {"interactions": True}),
    "Gated": (Gated, {}),
    "ModalityAttention": (ModalityAttention, {}),
    "CrossAttention": (CrossAttention, {}),
    "TensorProduct": (TensorProduct, {"width": 8}),
    "LowRankProduct": (LowRankProduct, {"width": 4}),
    "SharedPrivate": (SharedPrivate, {"code_width": 4, "feed_forward": 8}),
    "PairwiseCrossAttention": (PairwiseCrossAttention, {"state_width": 8, "heads": 2, "levels": 1}),
    "over three states": (PairwiseCrossAttention, {"state_width": 4, "heads": 1, "kernels": {"image": 3}, "causal": True}),
}


@pytest.fixture(params=FUSIONS)
def fusion(request: pytest.FixtureRequest) -> Fusion:
    torch.manual_seed(0)
    kind, choices = FUSIONS[request.param]
    made: Fusion = kind(WIDTHS, **choices).eval()
    with torch.no_grad():  # away from their start at zero, so that a placeholder that is not used shows
        for name, vector in made.named_parameters():
            if name.startswith("placeholders."):
                vector.normal_()
    return made


def weights(layer: torch.nn.Linear) -> tuple[Tensor, Tensor]:
    return layer.weight.detach(), layer.bias.detach()


def test_concatenation_is_a_layer_over_both_summaries(parts: dict[str, Encoded]) -> None:
    fusion = Concatenation(WIDTHS, width=3)
    matrix, bias = weights(fusion.mix)
    fused = fusion(parts)
    assert fusion.width == 3
    assert fused.summary.shape == (ROWS, 3)
    for row in range(ROWS):
        vector = [*parts["text"].summary[row].tolist(), *parts["image"].summary[row].tolist()]
        expected = [
            max(0.0, sum(float(w) * v for w, v in zip(line, vector, strict=True)) + float(b))
            for line, b in zip(matrix, bias, strict=True)
        ]
        torch.testing.assert_close(fused.summary[row], torch.tensor(expected), atol=1e-5, rtol=0)


def test_interactions_are_products_and_distances_of_normalised_projections(parts: dict[str, Encoded]) -> None:
    torch.manual_seed(0)
    made = Interactions(WIDTHS, 3)
    found = made({name: part.summary for name, part in parts.items()})
    assert made.added == found.shape[1] == 6
    for row in range(ROWS):
        projected = []
        for name, part in parts.items():
            matrix, bias = weights(made.project[name])
            vector = matrix @ part.summary[row] + bias
            projected.append((vector - vector.mean()) / (vector.var(unbiased=False) + 1e-5).sqrt())
        text, image = projected
        torch.testing.assert_close(found[row], torch.cat([text * image, (text - image).abs()]), atol=1e-5, rtol=0)
    assert Interactions({**WIDTHS, "audio": 2}, 3).added == 18


def test_a_gate_weighs_the_modalities_number_by_number(parts: dict[str, Encoded]) -> None:
    torch.manual_seed(0)
    fusion = Gated(WIDTHS, width=3)
    (text, text_bias), (image, image_bias), (gate, gate_bias) = map(
        weights, (fusion.project["text"], fusion.project["image"], fusion.gate)
    )
    fused = fusion(parts).summary
    for row in range(ROWS):
        words, picture = parts["text"].summary[row], parts["image"].summary[row]
        share = torch.sigmoid(gate @ torch.cat([words, picture]) + gate_bias)
        expected = share * torch.tanh(text @ words + text_bias) + (1 - share) * torch.tanh(image @ picture + image_bias)
        torch.testing.assert_close(fused[row], expected, atol=1e-5, rtol=0)
    with pytest.raises(RecipeError, match="Gated joins two modalities, the recipe has text"):
        Gated({"text": 4})


def test_modality_attention_is_a_mean_of_the_modalities_of_a_row(parts: dict[str, Encoded]) -> None:
    torch.manual_seed(0)
    fusion = ModalityAttention(WIDTHS, width=3)
    fused = fusion(parts).summary
    for row in range(ROWS):
        projected = []
        for name, part in parts.items():
            matrix, bias = weights(fusion.project[name])
            projected.append(torch.tanh(matrix @ part.summary[row] + bias))
        scores = torch.stack([fusion.score.weight[0] @ vector for vector in projected]).exp()
        expected = sum(share * vector for share, vector in zip(scores / scores.sum(), projected, strict=True))
        torch.testing.assert_close(fused[row], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("query", ["text", "image"])
def test_cross_attention_against_a_loop(parts: dict[str, Encoded], query: str) -> None:
    torch.manual_seed(0)
    fusion = CrossAttention(WIDTHS, query=query)
    asking, answering = parts[query], parts["image" if query == "text" else "text"]
    (ask, ask_bias), (key, key_bias), (value, value_bias) = map(weights, (fusion.ask, fusion.key, fusion.value))
    mix, mix_bias = weights(fusion.mix)
    fused = fusion(parts)
    assert fusion.width == WIDTHS[query]
    for row in range(ROWS):
        question = ask @ asking.summary[row] + ask_bias
        real = [time for time in range(answering.states.shape[1]) if bool(answering.mask[row, time])]
        keys = [key @ answering.states[row, time] + key_bias for time in real]
        values = [value @ answering.states[row, time] + value_bias for time in real]
        shares = torch.tensor([math.exp(float(question @ k) / math.sqrt(len(question))) for k in keys])
        shares = shares / shares.sum()
        attended = sum(share * v for share, v in zip(shares, values, strict=True))
        expected = torch.relu(mix @ torch.cat([asking.summary[row], attended]) + mix_bias)
        torch.testing.assert_close(fused.summary[row], expected, atol=1e-5, rtol=0)


def test_the_result_is_one_state_that_is_the_summary(fusion: Fusion, parts: dict[str, Encoded]) -> None:
    fused = fusion(parts)
    assert fused.summary.shape == (ROWS, fusion.width)
    assert torch.equal(fused.states[:, 0], fused.summary)
    assert fused.mask.tolist() == [[True]] * ROWS
    assert fused.present.all()


@pytest.mark.parametrize("name", ["text", "image"])
def test_one_modality_is_enough(fusion: Fusion, parts: dict[str, Encoded], name: str) -> None:
    alone = fusion({name: parts[name]})
    assert torch.isfinite(alone.summary).all()
    assert not torch.equal(alone.summary, fusion(parts).summary)


@pytest.mark.parametrize("lacking", ["text", "image"])
def test_a_row_that_lacks_a_modality_is_a_row_of_a_batch_that_lacks_it(
    fusion: Fusion, parts: dict[str, Encoded], lacking: str
) -> None:
    part = parts[lacking]
    present = torch.tensor([True, False, True, False, True])
    mixed = {**parts, lacking: Encoded(part.states, part.mask, part.summary, present)}
    fused = fusion(mixed)
    without = fusion({name: other for name, other in parts.items() if name != lacking})
    torch.testing.assert_close(fused.summary[~present], without.summary[~present], atol=1e-6, rtol=0)
    torch.testing.assert_close(fused.summary[present], fusion(parts).summary[present], atol=1e-6, rtol=0)
    assert fused.present.all()


@pytest.mark.parametrize("lacking", ["text", "image"])
def test_what_a_missing_row_holds_does_not_matter(fusion: Fusion, parts: dict[str, Encoded], lacking: str) -> None:
    present = torch.tensor([True, False, True, False, True])

    def filled(value: float) -> Tensor:
        part = parts[lacking]
        there = present.unsqueeze(-1)
        states = torch.where(there.unsqueeze(-1), part.states, value)
        mask = part.mask & there  # as the cache has it: no state at all
        return fusion({**parts, lacking: Encoded(states, mask, torch.where(there, part.summary, value), present)}).summary

    assert torch.isfinite(filled(3.0)).all()
    assert torch.equal(filled(3.0), filled(-50.0))


@pytest.mark.parametrize("lacking", ["text", "image"])
def test_a_missing_row_without_states_leaves_the_gradient_finite(
    fusion: Fusion, parts: dict[str, Encoded], lacking: str
) -> None:
    present = torch.tensor([True, False, True, False, True])
    part = parts[lacking]
    missing = Encoded(part.states, part.mask & present.unsqueeze(1), part.summary, present)
    fusion({**parts, lacking: missing}).summary.sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in fusion.parameters() if parameter.grad is not None)


@pytest.mark.parametrize("fusion", [name for name in FUSIONS if name != "ModalityAttention"], indirect=True)
def test_the_placeholder_of_a_missing_modality_is_learned(fusion: Fusion, parts: dict[str, Encoded]) -> None:
    (
        fusion({"text": parts["text"]}).summary @ torch.arange(1.0, fusion.width + 1)
    ).sum().backward()  # a norm's plain sum is constant
    gradients = {name: vector.grad for name, vector in fusion.placeholders.vectors.items()}
    assert float(gradients["image"].abs().sum()) > 0
    assert gradients["text"] is None or not gradients["text"].any()


def test_a_row_with_nothing_is_not_present(fusion: Fusion) -> None:
    nothing = [False, True, True, True, True]
    fused = fusion({"text": encoded(6, 3, seed=1, present=nothing), "image": encoded(4, 7, seed=2, present=nothing)})
    assert fused.present.tolist() == nothing
    assert torch.isfinite(fused.summary).all()


def test_states_behind_the_mask_do_not_matter(fusion: Fusion, parts: dict[str, Encoded]) -> None:
    before = fusion(parts).summary
    noisy = {
        name: Encoded(torch.where(part.mask.unsqueeze(-1), part.states, 99.0), part.mask, part.summary, part.present)
        for name, part in parts.items()
    }
    assert torch.equal(fusion(noisy).summary, before)
    longer = {
        name: Encoded(
            torch.nn.functional.pad(part.states, (0, 0, 0, 4)),
            torch.nn.functional.pad(part.mask, (0, 4)),
            part.summary,
            part.present,
        )
        for name, part in parts.items()
    }
    torch.testing.assert_close(fusion(longer).summary, before, atol=1e-6, rtol=0)


def test_rows_do_not_touch_each_other(fusion: Fusion, parts: dict[str, Encoded]) -> None:
    together = fusion(parts).summary
    for order in ([3], [4, 0], [2, 2, 1]):
        index = torch.tensor(order)
        chosen = fusion({name: part.rows(index) for name, part in parts.items()}).summary
        torch.testing.assert_close(chosen, together[index], atol=1e-6, rtol=0)


def test_what_an_encoder_makes_of_nothing_is_not_passed_on(parts: dict[str, Encoded]) -> None:
    """Whoever stands beside it: a batch without any text has no encoding of it at all."""
    there = torch.arange(len(parts["text"].present)) != 0
    text = replace(parts["text"], present=there)
    found = Single({"text": text.summary.shape[1], "image": 3})({**parts, "text": text})
    assert not found.summary[0].any()
    assert not found.states[0].any()
    assert torch.equal(found.summary[1:], text.summary[1:])
    assert torch.equal(found.present, there)


def test_concatenation_joins_any_number_of_modalities(parts: dict[str, Encoded]) -> None:
    three = Concatenation({**WIDTHS, "audio": 2})
    assert three({**parts, "audio": encoded(2, 5, seed=3)}).summary.shape == (ROWS, 6)
    assert Concatenation({"image": 4})({"image": parts["image"]}).summary.shape == (ROWS, 4)


def test_cross_attention_says_what_it_cannot_join() -> None:
    with pytest.raises(RecipeError, match=r"fusion.query: no encoder for 'txt'; did you mean 'text'\?"):
        CrossAttention(WIDTHS, query="txt")
    with pytest.raises(RecipeError, match="joins two modalities, the recipe has text"):
        CrossAttention({"text": 4})
    with pytest.raises(RecipeError, match="joins two modalities, the recipe has text, image, audio"):
        CrossAttention({**WIDTHS, "audio": 2})
