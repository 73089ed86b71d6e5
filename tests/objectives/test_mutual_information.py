"""The two objectives of MMIM: their equations on what the model made, which rows count, and that they learn."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import tiny
from polysense.distributions import entropy_of_sides, gaussian_log_likelihood
from polysense.errors import RecipeError
from polysense.objectives.contrastive_prediction import ContrastivePrediction
from polysense.objectives.mutual_information_bound import MutualInformationBound
from polysense.types import Representation, Sample

SCORE = torch.tensor([1.0, 2, 0.5, -1, -2, -0.5, 3, 0])


def nested() -> dict[str, Any]:
    return tiny.nested(8) | {"score": SCORE}


def learner(kind: Any, **choices: Any) -> Any:
    return tiny.learner({"one": tiny.seeded("one", kind, tiny.WIDTHS, **choices)})


def seen(found: Any, batch: dict[str, Any]) -> Representation:
    made: Representation = found.model(tiny.Batch.of(batch))
    return made


@pytest.mark.parametrize("normalized", [True, False])
def test_the_bound(normalized: bool) -> None:
    found = learner(MutualInformationBound, normalized=normalized).eval()
    parts, objective = seen(found, nested()).parts, found.objective("one")
    text, image = parts["text"].summary, parts["image"].summary
    log_variance = 10 * torch.tanh(objective.log_variances["image"](text) / 10)
    likelihood = gaussian_log_likelihood(objective.means["image"](text), log_variance, image, normalized=normalized).mean()
    reduced = objective.reduce["image"](image)
    assert reduced.shape == (8, 1)
    entropy = entropy_of_sides(reduced[SCORE > 0], reduced[SCORE < 0])
    torch.testing.assert_close(found(**nested())["terms"]["one"], (-likelihood - entropy).detach())


@pytest.mark.parametrize("score", [SCORE.abs(), torch.where(SCORE < -1, SCORE, 1.0), torch.full((8,), torch.nan)])
def test_without_rows_on_each_side_the_entropy_is_left_out(score: torch.Tensor) -> None:
    found, without = (learner(MutualInformationBound, entropy=one).eval() for one in (True, False))
    torch.testing.assert_close(found(**nested() | {"score": score})["terms"]["one"], without(**nested())["terms"]["one"])


def test_a_likelihood_is_bounded_however_little_varies() -> None:
    found = learner(MutualInformationBound, entropy=False)
    with torch.no_grad():
        found.objective("one").log_variances["image"][2].bias.fill_(-1e6)
    loss = found.eval()(**nested())["loss"].detach()
    assert torch.isfinite(loss)
    assert float(loss) < math.exp(10) * 100


def test_the_prediction_of_each_modality() -> None:
    found = learner(ContrastivePrediction).eval()
    made, objective = seen(found, nested()), found.objective("one")
    total = 0.0
    for name in ("text", "image"):
        own, told = made.parts[name].summary, objective.predict[name](made.fused.summary)
        scores = torch.nn.functional.cosine_similarity(own.unsqueeze(1), told.unsqueeze(0), dim=-1)
        total += float((scores.logsumexp(dim=1) - scores.diagonal()).mean().detach())
    assert float(found(**nested())["terms"]["one"]) == pytest.approx(total, abs=1e-5)
    assert 0 <= total <= 2 * (math.log(8) + 2)


@pytest.mark.parametrize("kind", [ContrastivePrediction, MutualInformationBound])
class TestBoth:
    def test_rows_that_lack_a_modality_do_not_count(self, kind: Any) -> None:
        found = learner(kind).eval()
        batch = nested() | {"score": SCORE.where(torch.arange(8) < 6, torch.nan)}
        for name in ("text", "image"):
            batch[name]["present"] = torch.arange(8) < 6
        six = {name: {key: one[:6] for key, one in batch[name].items()} for name in ("text", "image")}
        expected = found(**six, index=torch.arange(6), score=SCORE[:6])["terms"]["one"]
        torch.testing.assert_close(found(**batch)["terms"]["one"], expected)

    def test_one_modality_and_one_row(self, kind: Any) -> None:
        found, batch = learner(kind), nested()
        del batch["image"]
        assert ("one" in found(**batch)["terms"]) == (kind is ContrastivePrediction)
        assert torch.isfinite(found(**tiny.nested(1), score=SCORE[:1])["loss"])

    def test_its_gradient_lowers_it(self, kind: Any) -> None:
        found = learner(kind)
        optimizer = torch.optim.Adam(found.parameters(), lr=0.02)
        values = []
        for _ in range(20):
            loss = found.eval()(**nested())["loss"]
            optimizer.zero_grad()
            loss.backward()
            assert all(bool(one.grad.isfinite().all()) for one in found.parameters() if one.grad is not None)
            optimizer.step()
            values.append(float(loss.detach()))
        assert values[-1] < values[0] - 0.1

    def test_the_order_of_the_rows_does_not_matter(self, kind: Any) -> None:
        found, batch, order = learner(kind).eval(), nested(), torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
        turned = {name: {key: one[order] for key, one in batch[name].items()} for name in ("text", "image")}
        output = found(**turned, index=torch.arange(8), score=SCORE[order])
        torch.testing.assert_close(output["loss"], found(**batch)["loss"])


def test_scores_are_prepared() -> None:
    made = MutualInformationBound(tiny.WIDTHS).prepare([Sample(id="a", score=0.5), Sample(id="b")])
    assert made["score"].isnan().tolist() == [False, True]
    assert float(made["score"][0]) == 0.5


def test_what_cannot_tell_each_other_is_said() -> None:
    with pytest.raises(RecipeError, match=r"MutualInformationBound.source: no encoder for 'txt'; did you mean 'text'"):
        MutualInformationBound(tiny.WIDTHS, source="txt")
    with pytest.raises(RecipeError, match="text is the only modality"):
        MutualInformationBound({"text": 4, "fused": 4})
