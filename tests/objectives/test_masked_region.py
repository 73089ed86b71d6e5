"""Masked regions: which are hidden, the figures of the loss, and that nothing of a hidden region is read."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import posts, recipe_of
from tests.made_regions import CLASSES, FEATURES, picture, region_line, write

from polysense.boxes import overlaps
from polysense.data.collate import Collate
from polysense.data.corpora.captions import Captions
from polysense.data.corpora.pictures import Pictures
from polysense.data.frames import HeldFrames
from polysense.data.region_import import import_regions
from polysense.errors import DataError, RecipeError
from polysense.learner import Learner
from polysense.objectives.masked_region import class_error
from polysense.recipe.recipe import Recipe, check_recipe
from polysense.types import MARK, Batch, Sample
from polysense.views.hidden_regions import HiddenRegions


def test_the_error_of_classes_by_hand() -> None:
    found = class_error(torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.7, 0.2, 0.1]]))
    assert float(found) == pytest.approx(0.807606, abs=1e-5)


def grid(rows: int, side: int, special: int = 0) -> Batch:
    time = side * side + special
    image = {
        "states": torch.randn(rows, time, 6),
        "mask": torch.ones(rows, time, dtype=torch.bool),
        "summary": torch.zeros(rows, 6),
        "present": torch.tensor([row != 1 for row in range(rows)]),
        "key": torch.arange(rows),
    }
    return Batch({"image": image}, {"index": torch.arange(rows)})


@pytest.mark.parametrize("seed", range(15))
def test_whole_blocks_of_a_grid_are_hidden(seed: int) -> None:
    side = 7 if seed % 2 else 4
    shown = HiddenRegions(boxes=False, share=0.15, block=2).show(grid(4, side), torch.Generator().manual_seed(seed))
    hidden = shown.targets["hidden"]
    assert not hidden[1].any()
    budget = math.ceil(0.15 * side * side)
    for row in (0, 2, 3):
        cells = hidden[row].reshape(side, side)
        assert budget <= int(cells.sum()) <= budget + 3
        blocks = [(y, x) for y in range(side - 1) for x in range(side - 1) if bool(cells[y : y + 2, x : x + 2].all())]
        covered = torch.zeros(side, side, dtype=torch.bool)
        for y, x in blocks:
            covered[y : y + 2, x : x + 2] = True
        assert torch.equal(covered, cells)
    assert torch.equal(shown.batch.parts["image"][f"{MARK}hidden"], hidden)
    again = HiddenRegions(boxes=False).show(grid(4, side), torch.Generator().manual_seed(seed)).targets["hidden"]
    assert torch.equal(again, hidden)


def test_of_a_coarse_grid_no_more_is_hidden_than_of_a_fine_one() -> None:
    hidden = (
        HiddenRegions(boxes=False, share=0.15, block=2).show(grid(4, 3), torch.Generator().manual_seed(0)).targets["hidden"]
    )
    assert hidden.sum(dim=1).tolist() == [2, 0, 2, 2]


def test_a_class_token_has_seen_what_is_hidden() -> None:
    with pytest.raises(RecipeError, match=r"encoders\.image\.cells: 4"):
        HiddenRegions(boxes=False).show(grid(2, 4, special=1), torch.Generator())


@pytest.mark.parametrize("seed", range(15))
def test_what_overlaps_an_anchor_is_hidden_too(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    corner, size = torch.rand(3, 12, 2, generator=generator) * 0.5, 0.2 + 0.3 * torch.rand(3, 12, 2, generator=generator)
    lengths = torch.tensor([12, 5, 1])
    frames = torch.cat([torch.randn(3, 12, 4, generator=generator), corner, corner + size], dim=2)
    real = torch.arange(12) < lengths.unsqueeze(1)
    part = {"states": frames, "mask": real, "present": torch.ones(3, dtype=torch.bool), "key": torch.arange(3)}
    batch = Batch({"image": part}, {"index": torch.arange(3)})
    hidden = HiddenRegions(boxes=True, share=0.15, overlap=0.3).show(batch, generator).targets["hidden"]
    near = overlaps(frames[..., -4:]) > 0.3
    for row, length in enumerate(lengths.tolist()):
        assert not hidden[row, length:].any()
        anchors = max(1, round(0.15 * length))
        least = [place for place in range(length) if bool(hidden[row, place])]
        assert len(least) >= anchors
        # So many anchors there are, whose neighbours are exactly what is hidden.
        sets = [
            frozenset(torch.nonzero(near[row, place, :length] | (torch.arange(length) == place))[:, 0].tolist())
            for place in least
        ]
        covers = {frozenset().union(*chosen) for chosen in _choices(sets, anchors)}
        assert frozenset(least) in covers


def _choices(sets: list[frozenset[int]], count: int) -> list[tuple[frozenset[int], ...]]:
    import itertools

    return list(itertools.combinations(sets, count))


def recipe_of_regions(networks: Path, classes: int, overlap: float = 0.4) -> Recipe:
    raw: dict[str, Any] = {
        "encoders": {
            "text": {
                "class_path": "TransformerText",
                "init_args": {"pretrained": str(networks / "bert"), "tokens": "embedded"},
            },
            "image": {"class_path": "SequenceFrames", "init_args": {"modality": "image"}},
        },
        "fusion": {"class_path": "SingleStream", "init_args": {"boxes": "states", "classes": classes}},
        "objectives": {"regions": {"objective": {"class_path": "MaskedRegion", "init_args": {"overlap": overlap}}}},
        "evaluation": {"evaluators": ["Losses"], "best": "last"},
    }
    return check_recipe("regions", raw, None)


def region_learner(networks: Path, classes: int = 3, overlap: float = 0.4) -> tuple[Learner, list[Sample]]:
    generator = torch.Generator().manual_seed(1)
    samples = []
    for row, post in enumerate(posts(6)):
        corner = torch.rand(5, 2, generator=generator) * 0.5
        chances = torch.rand(5, classes, generator=generator).softmax(dim=1)
        states = torch.cat([torch.randn(5, 4, generator=generator), chances, corner, corner + 0.3], dim=1)
        samples.append(Sample(id=post.id, text=post.text, image=HeldFrames(states.numpy()), index=row))
    return recipe_of_regions(networks, classes, overlap).complete(samples).build(seed=0), samples


@pytest.mark.parametrize("overlap", [0.4, 0.01])
def test_both_terms_and_their_equations(networks: Path, overlap: float) -> None:
    learner, samples = region_learner(networks, overlap=overlap)
    learner.eval()
    batch = batch_of(learner, samples)
    look = learner.look(batch, step=0)
    objective: Any = learner.objective("regions")
    with torch.no_grad():
        found = objective(look)
        shown, seen = look(HiddenRegions(boxes=True, overlap=overlap))
        features, classes = [], []
        for row, one in enumerate(shown.targets["hidden"]):
            for place in torch.nonzero(one)[:, 0].tolist():
                state = seen.fused.states[row, -5 + place]
                region = batch.parts["image"]["frames"][row, place]
                target = (region[:4] - region[:4].mean()) / (region[:4].var(unbiased=False) + 1e-5).sqrt()
                features.append(float(((objective.regress(state) - target) ** 2).sum() / 4))
                classes.append(float(-(region[4:7] * objective.classify(state).log_softmax(dim=0)).sum()))
    wanted = sum(features) / len(features) + sum(classes) / len(classes)
    assert float(found) == pytest.approx(wanted, abs=1e-4)
    assert float(objective.parts["classes"]) == pytest.approx(sum(classes) / len(classes), abs=1e-4)


def least_copyable(overlap: float) -> list[float]:
    """Of each of 32 pictures, the hidden crop of which least stands in crops that are shown: that share of its numbers.

    A picture is 4 x 4 numbers, its crops are 3 x 3 of half its side, a quarter apart: those side by side share half of themselves."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(32, 4, 4, generator=generator)
    places = [(top, left) for top in range(3) for left in range(3)]
    crops = torch.stack([pictures[:, top : top + 2, left : left + 2].flatten(1) for top, left in places], dim=1)
    boxes = torch.tensor([[left / 4, top / 4, left / 4 + 0.5, top / 4 + 0.5] for top, left in places])
    part = {
        "states": torch.cat([crops, boxes.expand(32, -1, -1)], dim=2),
        "mask": torch.ones(32, 9, dtype=torch.bool),
        "present": torch.ones(32, dtype=torch.bool),
        "key": torch.arange(32),
    }
    batch = Batch({"image": part}, {"index": torch.arange(32)})
    hidden = HiddenRegions(boxes=True, share=0.1, overlap=overlap).show(batch, generator).targets["hidden"]
    return [
        min(float(torch.isin(crop, row[~gone]).float().mean()) for crop in row[gone])
        for row, gone in zip(crops, hidden, strict=True)
    ]


def test_of_what_overlaps_nothing_can_be_copied() -> None:
    assert max(least_copyable(overlap=0.1)) == 0
    assert min(least_copyable(overlap=1.0)) >= 0.75


def batch_of(learner: Learner, samples: list[Sample]) -> Batch:
    return Batch.of(Collate({name: learner.model.encoder(name) for name in learner.model.encoders}, learner.preparers)(samples))


def test_region_files_of_the_release_train_with_their_classes(networks: Path, tmp_path: Path) -> None:
    """Captions and free pictures of two files by one detector."""
    pairs = write(tmp_path / "pairs.tsv", *(region_line(**picture(seed, 6)) for seed in range(4)))
    table = write(tmp_path / "captions.csv", "text,image", *(f"a red box {row},{row % 4}.jpg" for row in range(6)))
    free = write(tmp_path / "free.tsv", *(region_line(**picture(seed, 5)) for seed in range(4, 7)))
    import_regions(pairs, tmp_path / "pairs", detector="faster r-cnn", table=table)
    import_regions(free, tmp_path / "free", detector="faster r-cnn")
    captions = Captions(captions_per_image=None).read(tmp_path / "pairs").samples
    samples = [
        replace(sample, index=row)
        for row, sample in enumerate([*captions, *Pictures("posts.jsonl").read(tmp_path / "free").samples])
    ]
    learner = recipe_of_regions(networks, CLASSES).complete(samples).build(seed=0)
    objective: Any = learner.objective("regions")
    assert (objective.features, objective.classes) == (FEATURES, CLASSES)
    optimizer = torch.optim.Adam(learner.parameters(), lr=1e-2)
    learner.train()
    errors = []
    for _ in range(20):
        loss = objective(learner.look(batch_of(learner, samples), step=0))
        optimizer.zero_grad()
        loss.backward()
        assert objective.classify.weight.grad.abs().sum() > 0
        optimizer.step()
        errors.append(float(objective.parts["classes"]))
    assert math.isfinite(errors[-1])
    assert errors[-1] < errors[0]
    wrong = recipe_of_regions(networks, CLASSES + 1).complete(samples).build(seed=0)
    with pytest.raises(
        DataError, match=r"row 1, image: .*regions\.safetensors#0, region 1: probabilities .* the 5 numbers before the box"
    ):
        batch_of(wrong, samples)


def test_it_needs_regions_that_are_known_before(networks: Path) -> None:
    learner = recipe_of("SingleStream", networks, {"regions": "MaskedRegion"}).build(seed=0)
    with pytest.raises(RecipeError, match=r"encoders\.image\.trainable: false"):
        learner.terms(batch_of(learner, posts(3)), step=0)
    with pytest.raises(RecipeError, match="SingleStream"):
        recipe_of("Mmbt", networks, {"regions": "MaskedRegion"}).build(seed=0)
