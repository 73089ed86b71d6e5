from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from made_look import FixedLook
from made_sentiment import REVIEWS, batch_of, kept, view_of
from polysense.encoders.transformer_text import TransformerText
from polysense.fusion.single import Single
from polysense.learner import StepLook
from polysense.losses import binary_cross_entropy_of_sets
from polysense.model import Model
from polysense.objectives.aspect_pair import AspectPair
from polysense.views.masked import KEPT

LOGITS = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0, -2.0])


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return kept(tmp_path / "knowledge")


@pytest.fixture
def model(tiny_text: str) -> Model:
    encoder = TransformerText(tiny_text)
    return Model({"text": encoder}, Single({"text": encoder.width})).eval()


def widths(model: Model) -> dict[str, int]:
    return {"text": 32, "vocabulary": model.encoder("text").vocabulary.size}


def targets(rows: list[int], tokens: list[list[int]]) -> dict[str, Tensor]:
    return {"pair_row": torch.tensor(rows), "pair_tokens": torch.tensor(tokens)}


@pytest.mark.parametrize(
    ("members", "expected"),
    [([1, 4], 5.547604), ([2, 4], 2.547604), ([1, 2, 4], 3.547604), ([4, KEPT, 1, 4, KEPT], 5.547604)],
)
def test_numbers_worked_out_by_hand(members: list[int], expected: float) -> None:
    found = binary_cross_entropy_of_sets(LOGITS.unsqueeze(0), torch.tensor([members]))
    assert found.tolist() == pytest.approx([expected], abs=1e-5)


def test_the_term_of_two_pairs_and_of_their_sentence(model: Model) -> None:
    """Logits that do not depend on the text: 4.047604 a pair, 3.547604 for the one sentence that has both."""
    hidden = FixedLook(model.encoder("text"), torch.randn(2, 3, 4), targets([1, 1], [[1, 4], [2, 4]]))
    for per, expected in (("pair", 4.047604), ("sentence", 3.547604)):
        objective = AspectPair({"text": 4, "vocabulary": 6}, knowledge="sha256-any", per=per)
        nn.init.zeros_(objective.transform.weight)
        with torch.no_grad():
            objective.bias.copy_(LOGITS)
        assert objective(hidden).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("per", ["pair", "sentence"])
def test_the_loss_is_the_binary_cross_entropy_over_the_vocabulary(model: Model, digest: str, tied: bool, per: str) -> None:
    objective = AspectPair(widths(model), knowledge=digest, tied=tied, per=per)
    encoder = model.encoder("text")
    rows = batch_of(encoder, digest, list(REVIEWS))
    found = objective(StepLook(model, rows, seed=1, step=4))
    shown, seen = StepLook(model, rows, seed=1, step=4)(view_of(encoder, digest))
    sets: dict[tuple[int, int], set[int]] = {}
    for number, row in enumerate(shown.targets["pair_row"].tolist()):
        name = (row, number if per == "pair" else 0)
        sets.setdefault(name, set()).update(token for token in shown.targets["pair_tokens"][number].tolist() if token >= 0)
    assert len(sets) == {"pair": 6, "sentence": 3}[per]
    terms = []
    for (row, _), tokens in sets.items():
        logits = objective.transform(seen.parts["text"].states[row, 0])
        logits = (encoder.backbone.embeddings.word_embeddings.weight @ logits if tied else logits) + objective.bias
        chances = logits.double().sigmoid()
        terms.append(-sum(chance.log() if token in tokens else (1 - chance).log() for token, chance in enumerate(chances)))
    torch.testing.assert_close(found.double(), torch.stack(terms).mean(), rtol=1e-5, atol=1e-5)


def test_words_begin_improbable(model: Model) -> None:
    assert set(AspectPair(widths(model)).bias.tolist()) == {-6.0}


def test_padding_and_the_order_of_rows_change_nothing_and_only_first_states_have_gradients(model: Model, digest: str) -> None:
    objective, encoder = AspectPair(widths(model), knowledge=digest), model.encoder("text")
    states = torch.randn(3, 5, 32, requires_grad=True)
    loss = objective(FixedLook(encoder, states, targets([0, 2, 2], [[7, 8, 9], [7, 9, KEPT], [5, 6, KEPT]])))
    (gradient,) = torch.autograd.grad(loss, states)
    expected = torch.zeros(3, 5, dtype=torch.bool)
    expected[[0, 2], 0] = True
    assert torch.equal(gradient.abs().sum(dim=2) > 0, expected)
    padded = targets([0, 2, 2], [[7, 8, 9, KEPT], [7, 9, KEPT, KEPT], [5, 6, KEPT, KEPT]])
    longer = nn.functional.pad(states, (0, 0, 0, 4), value=3.0)
    turned = targets([0, 0, 2], [[5, 6, KEPT], [7, 9, KEPT], [7, 8, 9]])
    torch.testing.assert_close(objective(FixedLook(encoder, longer, padded)), loss)
    torch.testing.assert_close(objective(FixedLook(encoder, states.flip(0), turned)), loss)


@pytest.mark.parametrize("rows", [["", ""], ["good"], ["a lovely garden of houses"]])
@pytest.mark.parametrize("per", ["pair", "sentence"])
def test_texts_without_pairs_have_no_term(model: Model, digest: str, rows: list[str], per: str) -> None:
    objective = AspectPair(widths(model), knowledge=digest, per=per)
    assert objective(StepLook(model, batch_of(model.encoder("text"), digest, rows), seed=0, step=0)) is None


def test_probabilities_settle_at_the_true_share_where_nothing_can_be_learned() -> None:
    """Two of 200 words at random, fresh each step: our loss ends near 0.01, one that has only the positive term near 1."""

    def settled(loss_of) -> float:
        torch.manual_seed(0)
        objective = AspectPair({"text": 32, "vocabulary": 200})
        optimizer = torch.optim.Adam(objective.parameters(), lr=5e-2)
        for _ in range(600):
            logits = objective._logits(torch.randn(64, 32), torch.empty(0))
            pairs = torch.rand(64, 200).topk(2, dim=1).indices
            optimizer.zero_grad()
            loss_of(logits, pairs).mean().backward()
            optimizer.step()
        with torch.no_grad():
            return float(objective._logits(torch.randn(256, 32), torch.empty(0)).sigmoid().mean())

    def positive_only(logits: Tensor, pairs: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(logits.gather(1, pairs)).sum(dim=1)

    assert settled(binary_cross_entropy_of_sets) == pytest.approx(0.01, rel=0.2)
    assert settled(positive_only) > 0.9
