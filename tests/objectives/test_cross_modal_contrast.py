"""The contrast of UNIMO: the figures of its equation, the equation in loops, who is positive and who negative, and the bounds of t."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.made_colours import COLOURS, SIDE, posts, recipe_of
from torch import Tensor

from polysense.data.collate import Collate
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.judge import aligning
from polysense.evaluation.retrieval import Retrieval
from polysense.learner import Learner
from polysense.losses import many_to_many_contrast
from polysense.objectives.cross_modal_contrast import CrossModalContrast
from polysense.types import Batch, Sample

P, N = (0.9, 0.6), (0.2, 0.1, -0.3)
NONE = -math.inf


def contrast(positives: list[float], negatives: list[float], temperature: float) -> float:
    return float(many_to_many_contrast(torch.tensor([positives]) / temperature, torch.tensor([negatives]) / temperature))


def test_figures_by_hand() -> None:
    assert contrast([*P], [*N], 0.5) == pytest.approx(0.298730, abs=1e-5)
    assert contrast([*P], [*N], 0.07) == pytest.approx(0.0000553, abs=1e-6)
    assert contrast([0.9, 0.9, 0.6], [*N], 0.5) == pytest.approx(0.191904, abs=1e-5)


def test_the_positives_are_summed_inside_the_logarithm() -> None:
    total = sum(math.exp(score / 0.5) for score in P + N)
    outside = sum(-math.log(math.exp(score / 0.5) / total) for score in P) / len(P)
    assert outside == pytest.approx(1.036218, abs=1e-5)
    assert contrast([*P], [*N], 0.5) < outside - 0.7


def test_collapsed_towers_lose_with_other_rows_and_win_without() -> None:
    joint, hard = [0.5], [0.5] * 8
    aligned, apart = joint + [0.8] * 4, joint + [1.0] * 4
    assert contrast(aligned, hard + [0.0] * 30, 0.07) == pytest.approx(0.0271, abs=1e-4)
    assert contrast(aligned, hard, 0.07) == pytest.approx(0.0271, abs=1e-4)
    assert contrast(apart, hard, 0.07) == pytest.approx(0.0016, abs=1e-4)
    assert contrast(apart, hard + [1.0] * 30, 0.07) == pytest.approx(2.1401, abs=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_invariants(seed: int) -> None:
    draw = random.Random(seed)
    positives = [draw.uniform(-1, 1) for _ in range(draw.randint(1, 5))]
    negatives = [draw.uniform(-1, 1) for _ in range(draw.randint(1, 8))]
    temperature = draw.choice([0.001, 0.07, 0.5])
    total = sum(math.exp((score - 1) / temperature) for score in positives)
    rest = sum(math.exp((score - 1) / temperature) for score in negatives)
    found = contrast(positives, negatives, temperature)
    if total > 1e-200:
        assert found == pytest.approx(math.log((total + rest) / total), rel=1e-3, abs=1e-5)
    assert found >= 0
    assert contrast(positives, [*negatives, draw.uniform(-1, 1)], temperature) >= found - 1e-6
    twice = contrast([*positives, positives[0]], negatives, temperature)
    assert found - math.log(2) - 1e-4 <= twice <= found + 1e-6
    assert contrast(positives[::-1], draw.sample(negatives, len(negatives)), temperature) == pytest.approx(found, rel=1e-4)
    assert contrast([*positives, NONE], [NONE, *negatives], temperature) == pytest.approx(found, rel=1e-5)


def test_rows_without_a_negative_stay_out_and_get_no_gradient() -> None:
    scores = torch.tensor([[0.5, 0.2], [0.9, NONE]], requires_grad=True)
    negatives = torch.tensor([[0.1, NONE], [NONE, NONE]])
    loss = many_to_many_contrast(scores, negatives)
    alone = many_to_many_contrast(scores[:1], negatives[:1])
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(alone.detach()))
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[1].tolist() == [0.0, 0.0]
    empty = many_to_many_contrast(scores[1:], negatives[1:])
    assert float(empty.detach()) == 0.0


def rows(count: int = 5) -> list[Sample]:
    """Posts with another caption, rewritten ones, near texts and pictures; not all of them have all."""
    names, further = list(COLOURS), posts(16, seed=3)
    found = []
    for row, post in enumerate(posts(count)):
        others = names[row + 1 :] + names[:row]
        sample = replace(
            post,
            pair=f"see a {names[row]} box" if row != 1 else None,
            negatives=tuple(f"a {other} box" for other in others[: row % 3]),
            near_texts=tuple(f"see {others[3]}" for _ in range(row % 2)),
            near_images=tuple(further[8 + row].image for _ in range(int(row == 2))),
        )
        found.append(sample)
    found[3] = replace(found[3], image=None)
    return found


def learner_of(networks: Path, **arguments: object) -> Learner:
    contrast = {"class_path": "CrossModalContrast", "init_args": {"shared_width": 8, **arguments}}
    learner = recipe_of("SingleStream", networks, {"contrast": contrast}).build(seed=0)
    return learner.eval()


def batch_of(learner: Learner, samples: list[Sample]) -> Batch:
    encoders = {name: learner.model.encoder(name) for name in learner.model.encoders}
    return Batch.of(Collate(encoders, learner.preparers, companions=learner.companions)(samples))


@torch.no_grad()
def by_loops(
    learner: Learner, samples: list[Sample], *, in_batch: bool = True, apart: bool = True, softmax: str = "three"
) -> float:
    """The equation, one pass through the model for every single score."""
    objective = learner.objective("contrast")
    assert isinstance(objective, CrossModalContrast)

    def seen(text: str | None, image: object) -> object:
        batch = batch_of(learner, [Sample(id="0", text=text, image=image, index=0)])  # type: ignore[arg-type]
        return learner.model(batch)

    def compared(text: Tensor, image: Tensor) -> Tensor:
        """D of one text's and one picture's state."""
        one, other = objective.text(text)[0], objective.image(image)[0]
        if objective.weigh is None:
            return one @ other / (one.norm() * other.norm())
        (weights,), (bias,) = objective.weigh.weight, objective.weigh.bias
        return sum((w * max(a, 0.0) * max(b, 0.0) for w, a, b in zip(weights, one, other, strict=True)), bias)

    def joint(text: str, image: object) -> Tensor:
        codes = seen(text, image).fused.codes  # type: ignore[attr-defined]
        return compared(codes["joint.text"], codes["joint.image"])

    def far(text: str, image: object) -> Tensor:
        one, other = seen(text, None), seen(None, image)
        return compared(one.parts["text"].summary, other.parts["image"].summary)  # type: ignore[attr-defined]

    scale = 1 / float(objective.temperature())

    def loss(positives: list[Tensor], negatives: list[Tensor]) -> list[float]:
        if not positives or not negatives:
            return []
        every = torch.stack([*positives, *negatives]) * scale
        return [float(every.logsumexp(0) - (torch.stack(positives) * scale).logsumexp(0))]

    one, together, apart_near, apart_own = [], [], [], []
    for row, sample in enumerate(samples):
        if sample.image is None or sample.text is None:
            continue
        rewritten = [joint(text, sample.image) for text in sample.negatives]
        own = [joint(text, sample.image) for text in (sample.text, sample.pair) if text and rewritten]
        near = [far(sample.text, picture) for picture in sample.near_images]
        near += [far(text, sample.image) for text in sample.near_texts]
        pair = [far(sample.text, sample.image)] if apart else []
        others = []
        for place, other in enumerate(samples):
            if not in_batch or place == row or other.image is None:
                continue
            if other.text == sample.text or other.image is sample.image:
                continue
            others += [
                far(sample.text, picture)
                for picture in (other.image, *other.near_images)
                if not any(picture is one for one in (sample.image, *sample.near_images))
            ]
            others += [
                far(str(text), sample.image)
                for text in (other.text, *other.near_texts)
                if text not in (sample.text, sample.pair, *sample.near_texts)
            ]
        one += loss(own + near + pair, rewritten + others)
        together += loss(own, rewritten)
        apart_near += loss(near, others)
        apart_own += loss(pair, others)
    if softmax == "one":
        return sum(one) / len(one)
    return sum(sum(losses) / len(losses) for losses in (together, apart_near, apart_own) if losses)


@pytest.mark.parametrize("softmax", ["one", "three"])
@pytest.mark.parametrize(("in_batch", "apart"), [(True, True), (False, True), (True, False)])
def test_it_is_its_equation_in_loops(networks: Path, in_batch: bool, apart: bool, softmax: str) -> None:
    learner = learner_of(networks, in_batch=in_batch, apart=apart, softmax=softmax)
    samples = rows()
    with torch.no_grad():
        found = learner.terms(batch_of(learner, samples), step=0)["contrast"]
        assert float(found) == pytest.approx(
            by_loops(learner, samples, in_batch=in_batch, apart=apart, softmax=softmax), abs=1e-4
        )


def test_without_other_rows_three_softmaxes_leave_what_is_read_apart_alone(networks: Path) -> None:
    """As the argument's description says; with one softmax, or with other rows, it counts."""
    samples = rows()
    bare = [replace(one, near_texts=(), near_images=()) for one in samples]
    for softmax, in_batch in itertools.product(("one", "three"), (True, False)):
        found = []
        for some, apart in ((samples, True), (bare, True), (samples, False)):
            learner = learner_of(networks, softmax=softmax, in_batch=in_batch, apart=apart)
            with torch.no_grad():
                found.append(float(learner.terms(batch_of(learner, some), step=0)["contrast"]))
        silent = softmax == "three" and not in_batch
        assert [one == pytest.approx(found[0], abs=1e-6) for one in found[1:]] == [silent, silent]
        assert found[0] > 0


@pytest.mark.parametrize("in_batch", [True, False])
def test_it_lacks_negatives_where_nothing_is_rewritten_and_other_rows_are_none(networks: Path, in_batch: bool) -> None:
    objective, samples = learner_of(networks, in_batch=in_batch).objective("contrast"), rows()
    bare = [replace(one, negatives=()) for one in samples]
    assert objective.lacking(samples) == ""
    for some in (bare, [replace(one, image=None) for one in samples]):
        assert ("in_batch: false" in objective.lacking(some)) != in_batch


def test_the_score_of_a_product_is_its_equation_in_loops(networks: Path) -> None:
    learner = learner_of(networks, score="product")
    with torch.no_grad():
        found = learner.terms(batch_of(learner, rows()), step=0)["contrast"]
    assert float(found) == pytest.approx(by_loops(learner, rows()), abs=1e-4)


def test_what_equals_or_is_near_is_no_negative(networks: Path) -> None:
    learner = learner_of(networks)
    samples = rows(4)
    copied = replace(samples[2], text=samples[0].text, negatives=(), near_texts=(), near_images=())
    near = replace(samples[0], near_images=(samples[1].image,), near_texts=(str(samples[1].text),))  # type: ignore[arg-type]
    same = replace(samples[2], image=samples[0].image)
    rewritten = replace(samples[1], text=samples[0].pair)
    near_another: list[object] = [samples[0].image]
    far_own = replace(
        samples[1],
        near_images=tuple(near_another),  # type: ignore[arg-type]
        near_texts=(str(samples[0].text), str(samples[0].pair)),
    )
    for mixed in (
        [samples[0], far_own, *samples[2:]],
        [*samples[:3], copied],
        [near, *samples[1:]],
        [*samples[:3], same],
        [samples[0], rewritten, *samples[2:]],
    ):
        with torch.no_grad():
            found = learner.terms(batch_of(learner, mixed), step=0)["contrast"]
        assert float(found) == pytest.approx(by_loops(learner, mixed), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_the_order_of_the_rows_changes_nothing_and_scores_are_cosines(networks: Path, seed: int) -> None:
    learner, samples = learner_of(networks), rows(6)
    shuffled = random.Random(seed).sample(samples, len(samples))
    found = [float(learner.terms(batch_of(learner, some), step=0)["contrast"]) for some in (samples, shuffled)]
    assert found[1] == pytest.approx(found[0], abs=1e-5)
    objective = learner.objective("contrast")
    assert isinstance(objective, CrossModalContrast)
    scores = []
    for some in (samples, shuffled):
        seen = learner.model(batch_of(learner, some))
        text, image = (objective.project(name, seen.parts[name].summary) for name in ("text", "image"))
        scores.append((objective.judge(seen), text @ image.T))
    order = torch.tensor([samples.index(one) for one in shuffled])
    both = seen.have("text", "image")
    torch.testing.assert_close(scores[1][0][both], scores[0][0][order][both], atol=1e-5, rtol=0)
    assert all(float(values.abs().max()) <= 1 + 1e-6 for pair in scores for values in pair)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_it_is_finite_in_half_precision_at_the_lowest_temperature(seed: int, precision: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(seed)
    scores = [(2 * torch.rand(4, count, generator=draw) - 1).to(precision).requires_grad_() for count in (3, 9)]
    loss = many_to_many_contrast(*(one / 0.001 for one in scores))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(one.grad is not None and bool(torch.isfinite(one.grad).all()) for one in scores)


def test_a_negative_that_says_the_same_is_none(networks: Path) -> None:
    learner = learner_of(networks)
    bare = [replace(one, pair=None, negatives=(), near_texts=(), near_images=()) for one in rows(4)[:3]]
    usual = [replace(bare[0], pair="see red", negatives=("a blue box",)), *bare[1:]]
    odd = [
        replace(usual[0], negatives=("a blue box", "A  red box", "See red")),
        replace(bare[1], negatives=(str(bare[1].text),)),
        bare[2],
    ]
    with torch.no_grad():
        found = [float(learner.terms(batch_of(learner, some), step=0)["contrast"]) for some in (usual, odd)]
    assert found[1] == pytest.approx(found[0], abs=1e-5)


def test_it_sits_out_without_pairs_and_absent_sets_change_nothing(networks: Path) -> None:
    learner = learner_of(networks)
    bare = [replace(one, pair=None, negatives=(), near_texts=(), near_images=()) for one in rows()]
    with torch.no_grad():
        assert learner.terms(batch_of(learner, [replace(one, image=None) for one in bare]), step=0) == {}
        found = float(learner.terms(batch_of(learner, bare), step=0)["contrast"])
    assert found == pytest.approx(by_loops(learner, bare), abs=1e-4)


def test_the_temperature_is_learned_within_its_bounds(networks: Path) -> None:
    objective = learner_of(networks).objective("contrast")
    assert isinstance(objective, CrossModalContrast)
    assert float(objective.temperature().detach()) == pytest.approx(0.07)
    for start, bound in ((5.0, 0.5), (-20.0, 0.001)):
        objective.log_temperature.data.fill_(start)
        assert float(objective.temperature().detach()) == pytest.approx(bound)
        objective.temperature().backward()
        assert objective.log_temperature.grad is not None
        assert float(objective.log_temperature.grad) != 0.0


@pytest.mark.parametrize("score", ["cosine", "product"])
def test_it_learns_colours_and_answers(networks: Path, score: str) -> None:
    learner = learner_of(networks, score=score).train()
    batch = batch_of(learner, rows(5))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-3)
    with torch.no_grad():
        start = float(learner.terms(batch, step=0)["contrast"])
    for _ in range(60):
        loss = learner(**{**batch.parts, **batch.fields})["loss"]
        optimizer.zero_grad()
        loss.backward()
        assert all(bool(torch.isfinite(one.grad).all()) for one in learner.parameters() if one.grad is not None)
        optimizer.step()
    learner.eval()
    with torch.no_grad():
        answers, _ = learner.answer(batch)
        assert float(learner.terms(batch, step=0)["contrast"]) < start / 2
    if score == "product":
        assert aligning(learner) is None
        with pytest.raises(ValueError, match="no modality 'text' in the space of the contrast"):
            learner.objective("contrast").project("text", torch.zeros(1, 8))  # type: ignore[operator]
    similar = answers.columns["similarity"]
    assert similar[3] is None
    assert all(isinstance(one, float) for row, one in enumerate(similar) if row != 3)


def quilt(names: tuple[str, ...], last: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), last)
    for place, name in enumerate(names):
        top, left = divmod(place, 2)
        corner = (left * SIDE // 2, top * SIDE // 2)
        picture.paste(COLOURS[name], (*corner, corner[0] + SIDE // 2, corner[1] + SIDE // 2))
    return picture


def quilts(*, near: bool) -> list[Sample]:
    """336 pictures of three coloured squares in order, each with a text that names them.

    What is near shows two of the squares, and comes from a collection that looks otherwise: a white square, two words more.
    """
    found = []
    for row, names in enumerate(random.Random(0).sample(list(itertools.permutations(COLOURS, 3)), 336)):
        sample = Sample(id=str(row), text=" ".join(names), image=quilt(names), index=row)
        other = replace(
            sample, near_images=(quilt(names[:2], (255, 255, 255)),), near_texts=(f"see box {' '.join(names[:2])}",)
        )
        found.append(other if near else sample)
    return found


@pytest.mark.parametrize("near", [False, True])
def test_its_towers_find_pictures_of_which_nothing_was_learned(networks: Path, near: bool) -> None:
    learner, every = learner_of(networks, shared_width=32).train(), quilts(near=near)
    learned, unseen = every[:236], [replace(one, near_images=(), near_texts=()) for one in every[236:]]
    optimizer, draw = torch.optim.AdamW(learner.parameters(), lr=2e-3), random.Random(0)
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, (step + 1) / 20)
        batch = batch_of(learner, draw.sample(learned, 32))
        optimizer.zero_grad()
        learner(**{**batch.parts, **batch.fields})["loss"].backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
    encoders = {name: learner.model.encoder(name) for name in learner.model.encoders}
    found = Retrieval()(Answerer(learner.eval(), Collate(encoders, learner.preparers)), unseen)
    for way in ("text_to_image", "image_to_text"):
        assert found[f"{way}_R@10"] >= 0.8  # chance is 0.1
        assert found[f"{way}_R@1"] >= 0.2  # 0.01


def test_it_refuses_a_fusion_that_reads_no_pairs_together(networks: Path) -> None:
    with pytest.raises(RecipeError, match="take the fusion SingleStream"):
        recipe_of("Mmbt", networks, {"contrast": "CrossModalContrast"}).build(seed=0)
    with pytest.raises(RecipeError, match="initial_temperature"):
        learner_of(networks, initial_temperature=0.9)
