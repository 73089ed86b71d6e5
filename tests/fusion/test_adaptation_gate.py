"""MAG: its equation against a loop, the network that reads the moved embeddings, how far they may be moved, what it cannot join."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import AutoModel

import tiny
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.fusion.adaptation_gate import AdaptationGate, shortened
from polysense.types import Encoded, Sample, as_given

WIDTHS = {"text": 32, "audio": 2, "video": 3}
TEXTS = ("a lovely garden in the sun", "rain", "bad luck on the last day of the year")


def part(states: Tensor) -> Encoded:
    rows, time = states.shape[:2]
    return Encoded(states, torch.ones(rows, time, dtype=torch.bool), states[:, 0], torch.ones(rows, dtype=torch.bool))


def parts_of(encoder: TransformerText) -> dict[str, Encoded]:
    rows = [Sample(id=str(row), text=text) for row, text in enumerate(TEXTS)]
    text: Encoded = encoder({**encoder.prepare(rows), "present": torch.ones(len(rows), dtype=torch.bool)})
    draw = torch.Generator().manual_seed(0)
    audio, video = (torch.randn(len(rows), time, WIDTHS[name], generator=draw) for name, time in (("audio", 5), ("video", 9)))
    return {"text": text, "audio": part(audio), "video": part(video)}


@pytest.fixture
def pair(tiny_text: str) -> tuple[AdaptationGate, TransformerText]:
    """The fusion, and the encoder whose network it runs."""
    encoder = TransformerText(tiny_text, tokens="embedded").eval()
    fusion: AdaptationGate = tiny.seeded("gate", AdaptationGate, WIDTHS).eval()
    fusion.borrow({"text": encoder.backbone})
    return fusion, encoder


@torch.no_grad()
def test_the_gate_against_a_loop() -> None:
    fusion = tiny.seeded("gate", AdaptationGate, {"text": 4, "audio": 2, "video": 3}, beta=0.4)
    text, audio, video = torch.randn(1, 3, 4), torch.randn(1, 6, 2), torch.randn(1, 3, 3)
    found = fusion.moved({"text": part(text), "audio": part(audio), "video": part(video)})
    for place in range(3):
        e, shift = text[0, place], torch.zeros(4)
        for name, x in (("audio", audio[0, 2 * place : 2 * place + 2].mean(dim=0)), ("video", video[0, place])):
            gate = torch.relu(fusion.gates[name].weight @ torch.cat([x, e]) + fusion.gates[name].bias)
            shift += gate * (fusion.shifts[name].weight @ x + fusion.shifts[name].bias)
        share = min(0.4 * float(e.norm()) / (float(shift.norm()) + 1e-6), 1.0)
        torch.testing.assert_close(found.states[0, place], e + share * shift, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_worked_example() -> None:
    fusion = AdaptationGate({"text": 2, "audio": 1, "video": 1})
    given = {
        "text": part(torch.tensor([[[1.0, 2]]])),
        "audio": part(torch.tensor([[[-1.0]]])),
        "video": part(torch.tensor([[[0.5]]])),
    }
    for name, gate in (("video", [[1.0, 0, 0.5], [0, 1, -1]]), ("audio", [[0.5, 1, 0], [1, 0, 1]])):
        fusion.gates[name].weight.copy_(torch.tensor(gate))
        fusion.gates[name].bias.zero_()

    def shift(video: tuple[list[float], float], audio: tuple[list[float], float]) -> list[float]:
        """By how much e moves, where W_m x_m + b_m has these weights and biases."""
        for name, (weight, bias) in (("video", video), ("audio", audio)):
            fusion.shifts[name].weight.copy_(torch.tensor(weight).unsqueeze(1))
            fusion.shifts[name].bias.fill_(bias)
        moved: list[float] = (fusion.moved(given).states - given["text"].states)[0, 0].tolist()
        return moved

    nothing, one = ([0.0, 0.0], 0.0), ([0.0, 0.0], 1.0)  # with a shift of one, H is the gate
    assert shift(one, nothing) == pytest.approx([1.5, 0])
    assert shift(nothing, one) == pytest.approx([0.5, 1])
    both = shift(([2.0, 1.0], 0.0), ([1.0, -1.0], 0.0))
    assert both == pytest.approx([1, 1])  # lambda is 1
    assert fusion.moved(given).states[0, 0].tolist() == pytest.approx([2, 3])


@torch.no_grad()
def test_the_network_reads_the_moved_embeddings(pair: tuple[AdaptationGate, TransformerText], tiny_text: str) -> None:
    fusion, encoder = pair
    parts = parts_of(encoder)
    fused, moved = fusion(parts), fusion.moved(parts)
    network = AutoModel.from_pretrained(tiny_text).eval()
    for row, length in enumerate(moved.lengths.tolist()):
        wanted = network(inputs_embeds=moved.states[row : row + 1, :length]).last_hidden_state[0]
        torch.testing.assert_close(fused.states[row, :length], wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(fused.summary[row], wanted.mean(dim=0), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_without_a_shift_and_by_itself_the_text_is_what_its_network_makes_of_it(
    pair: tuple[AdaptationGate, TransformerText], tiny_text: str
) -> None:
    fusion, encoder = pair
    parts, plain = parts_of(encoder), parts_of(TransformerText(tiny_text).eval())["text"]
    apart = fusion.apart(parts)
    torch.testing.assert_close(apart["text"].summary, plain.summary, atol=1e-5, rtol=1e-5)
    assert apart["audio"] is parts["audio"]
    assert not torch.allclose(fusion(apart).summary, plain.summary, atol=1e-3)
    for shift in fusion.shifts.values():
        shift.weight.zero_()
        shift.bias.zero_()
    torch.testing.assert_close(fusion(as_given(apart)).summary, plain.summary, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("lacking", ["text", "audio"])
def test_a_row_that_lacks_a_modality_is_a_row_of_a_batch_that_lacks_it(
    pair: tuple[AdaptationGate, TransformerText], lacking: str
) -> None:
    fusion, encoder = pair
    for vector in fusion.placeholders.vectors.values():
        vector.normal_()
    parts, there = parts_of(encoder), torch.tensor([True, False, True])
    fused = fusion({**parts, lacking: replace(parts[lacking], present=there)})
    without = fusion({name: one for name, one in parts.items() if name != lacking})
    torch.testing.assert_close(fused.summary[~there], without.summary[~there], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fused.summary[there], fusion(parts).summary[there], atol=1e-5, rtol=1e-5)
    assert fused.present.all()


def test_no_shift_is_longer_than_its_share() -> None:
    states, shift = torch.tensor([[[3.0, 4]]]), torch.tensor([[[0.0, 20]]])
    torch.testing.assert_close(shortened(shift, states, beta=1.0), torch.tensor([[[0.0, 5]]]))
    torch.testing.assert_close(shortened(shift, states, beta=0.5), torch.tensor([[[0.0, 2.5]]]))
    torch.testing.assert_close(shortened(shift / 10, states, beta=1.0), shift / 10)


def test_a_shift_of_nothing_leaves_numbers_and_gradients_finite() -> None:
    shift = torch.zeros(1, 2, 3, requires_grad=True)
    found = shortened(shift, torch.ones(1, 2, 3), beta=1.0)
    found.sum().backward()
    assert not found.any()
    assert shift.grad is not None
    assert bool(shift.grad.isfinite().all())


def test_what_it_cannot_join_is_said() -> None:
    for widths in ({"text": 4}, {"audio": 4, "video": 3}):
        with pytest.raises(RecipeError, match="AdaptationGate moves text by other modalities, the recipe has"):
            AdaptationGate(widths)
    fusion = AdaptationGate({"text": 4, "audio": 2})
    with pytest.raises(RecipeError, match=r"write encoders\.text\.tokens: embedded"):
        fusion.borrow({})
    with pytest.raises(RecipeError, match="AdaptationGate cannot run a Linear, only networks of the BERT kind"):
        fusion.borrow({"text": torch.nn.Linear(4, 4)})
