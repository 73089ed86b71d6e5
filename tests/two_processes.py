"""Run by test_distributed.py in one or several processes: contrasts over made vectors, with gradients averaged as DDP does."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.distributed as processes
from torch import Tensor

from polysense.distributed import alone, averages, everywhere, gather, mean, own_part, rank, world
from polysense.losses import class_weighted_cross_entropy, equal_keys, info_nce, symmetric_info_nce
from polysense.objectives.cross_modal_contrast import CrossModalContrast
from polysense.objectives.grounding import Grounding
from polysense.objectives.sentence_contrast import SentenceContrast
from polysense.objectives.unimodal_labels import UnimodalLabels
from polysense.types import Batch, Encoded, Representation
from polysense.views.view import Shown, View

TOTAL = 10


def vectors(seed: int) -> Tensor:
    return torch.randn(TOTAL, 6, generator=torch.Generator().manual_seed(seed))


def everyone(part: list[int]) -> list[int]:
    """The parts of all processes, one after the other."""
    return gather(torch.tensor(part, dtype=torch.int64))[0].tolist()


@dataclass(frozen=True)
class Seen:
    """What an objective sees of a batch that is encoded already."""

    batch: Batch
    representation: Representation

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        return view.show(self.batch, torch.Generator()), self.representation


def unimodal_labels(own: slice) -> dict[str, list[float]]:
    """Four epochs of generated labels: the memory of every process, their terms and their gradients."""
    widths = {"text": 6, "audio": 6, "fused": 6}
    torch.manual_seed(0)
    objective = UnimodalLabels(widths, hidden=4, limit=3.0, rows=TOTAL)
    found: dict[str, list[float]] = {}
    for epoch in range(4):
        rows = torch.randperm(TOTAL, generator=torch.Generator().manual_seed(epoch))
        there = (rows % 4 != epoch)[own]
        parts = {name: vectors(10 * epoch + place)[rows][own] for place, name in enumerate(widths)}
        encoded = {name: Encoded(one.unsqueeze(1), there.unsqueeze(1), one, there) for name, one in parts.items()}
        fused = replace(encoded.pop("fused"), present=torch.ones_like(there))
        nothing = torch.full((len(there),), torch.nan)
        fields = {"score": torch.linspace(-2, 2, TOTAL)[rows][own], "score_text": nothing, "score_audio": nothing}
        batch = Batch(parts={}, fields={"index": rows[own], **fields})
        loss = objective(Seen(batch, Representation(encoded, fused)))
        found[f"unimodal/{epoch}/taught"] = objective.taught.tolist()
        if loss is None:
            continue
        gradients = torch.autograd.grad(loss, list(objective.parameters()))
        together = torch.cat([loss.detach().reshape(1), *(gradient.flatten() for gradient in gradients)])
        if world() > 1:
            processes.all_reduce(together)
        found[f"unimodal/{epoch}"] = (together / world()).tolist()
    assert objective.generator is not None
    state = torch.cat([values.double().flatten() for values in objective.generator.state_dict().values()])
    every = gather(state.unsqueeze(0))[0]
    assert torch.equal(every, state.expand_as(every))  # the processes remember the same, to the last bit
    return found | {"unimodal/memory": state.tolist()}


class Gatherable:
    """A batch of vectors in which views of further texts and pictures are answered by the vectors themselves."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        shown = view.show(self.batch, torch.Generator())
        parts = {}
        for name, part in shown.batch.parts.items():
            one = part["vector"] if "vector" in part else self.batch.parts[name]["vector"][shown.rows[name]]
            parts[name] = Encoded(one.unsqueeze(1), part["present"].unsqueeze(1), one, part["present"])
        every = list(parts.values())
        mixed = sum(one.summary for one in every)
        codes = {"joint.text": mixed.tanh(), "joint.image": every[-1].summary.sin()}
        return shown, Representation(parts, replace(every[0], codes=codes))


def cross_modal(own: slice) -> dict[str, list[float]]:
    """The contrast with rewritten and near texts and pictures, some of which are not there: its term and its gradients."""
    torch.manual_seed(0)
    objective = CrossModalContrast(dict.fromkeys(("text", "image", "joint.text", "joint.image"), 6), shared_width=4)
    lacking = {"text": {3}, "image": {8}, "pair": {0, 4}, "negative.0": {5}, "negative.1": {1, 2, 5}, "near_image.0": {7, 9}}
    parts = {}
    for place, name in enumerate((*lacking, "near_text.0")):
        there = torch.tensor([row not in lacking.get(name, ()) for row in range(TOTAL)])
        key = torch.arange(TOTAL) + 100 * place
        key[6] = key[0] if name in ("text", "image") else 1  # a copy of row 0, near to the text of row 1
        parts[name] = {"vector": vectors(50 + place)[own], "present": there[own], "key": key[own]}
    loss = objective(Gatherable(Batch(parts, {"index": torch.arange(TOTAL)[own]})))
    gradients = torch.autograd.grad(loss, list(objective.parameters()))
    together = torch.cat([loss.detach().reshape(1), *(gradient.flatten() for gradient in gradients)])
    if world() > 1:
        processes.all_reduce(together)
    return {"cross_modal": (together / world()).tolist()}


@dataclass(frozen=True)
class SeenTwice:
    """A batch whose texts are encoded in two versions, each beside its picture."""

    batch: Batch
    text: tuple[Tensor, Tensor]
    image: Tensor

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        shown = view.show(self.batch, torch.Generator())
        parts = {}
        for name, versions in (("text", self.text), ("image", (self.image, self.image))):
            there, both = shown.batch.parts[name]["present"], torch.cat(versions)
            parts[name] = Encoded(both.unsqueeze(1), there.unsqueeze(1), both, there)
        return shown, Representation(parts, parts["text"])


def sentences(own: slice) -> dict[str, list[float]]:
    """Captions of which the last three have no picture: both terms with their masks of equal rows, and what is known of the pairs."""
    torch.manual_seed(0)
    widths = {"text": 6, "image": 6, "fused": 6}
    contrast = SentenceContrast(widths, temperature=0.2, mask_duplicates=True).train()
    grounding = Grounding(widths, shared_width=4, temperature=0.2, mask_duplicates=True, noise_aware=2.0, rows=TOTAL).train()
    keys = torch.tensor([1, 2, 3, 4, 5, 6, 1, 8, 2, 10])
    text = {"present": torch.arange(TOTAL) != 4, "key": keys}
    image = {"present": torch.arange(TOTAL) < 7, "key": torch.tensor([1, 2, 1, *range(4, 11)])}
    parts = {name: {field: values[own] for field, values in part.items()} for name, part in (("text", text), ("image", image))}
    batch = Batch(parts, {"index": torch.arange(TOTAL)[own]})
    found: dict[str, list[float]] = {}
    for step in range(3):
        seen = SeenTwice(batch, (vectors(70 + step)[own], vectors(80 + step)[own]), vectors(90)[own])
        for name, objective in (("contrast", contrast), ("grounded", grounding)):
            loss = objective(seen)
            gradients = torch.autograd.grad(loss, list(objective.parameters()))
            together = torch.cat([loss.detach().reshape(1), *(gradient.flatten() for gradient in gradients)])
            if world() > 1:
                processes.all_reduce(together)
            found[f"{name}/{step}"] = (together / world()).tolist()
        found[f"grounded/{step}/known"] = grounding.fit.nan_to_num(9.0).tolist()
    return found


def main() -> None:
    rows, file = json.loads(sys.argv[1]), Path(sys.argv[2])
    if len(rows) > 1:
        processes.init_process_group("gloo")
    start = sum(rows[: rank()])
    own = slice(start, start + rows[rank()])
    keys = torch.tensor([1, 2, 3, 4, 5, 6, 1, 8, 2, 10])[own]
    classes = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0, 0])[own]
    present = torch.tensor([True] * 4 + [False] + [True] * 5)[own]
    weight = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    one, two, three = (vectors(seed)[own] @ weight for seed in (1, 2, 3))
    losses = {
        "unsupervised": info_nce(one, two, temperature=0.2),
        "masked": info_nce(one, two, temperature=0.2, duplicates=equal_keys(keys)),
        "supervised": info_nce(
            one, two, temperature=0.2, hard_negatives=[three], hard_negative_log_weight=0.5, present=[present]
        ),
        "grounding": (info_nce(one, three, temperature=0.2) + info_nce(two, three, temperature=0.2)) / 2,
        "classes": class_weighted_cross_entropy(one, classes, class_weights=torch.tensor([1.0, 2.0, 0.5, 1.0])),
        "mean": mean(one.sum(dim=1), present),
        "none": mean(one.sum(dim=1), torch.zeros_like(present)),
        "symmetric": symmetric_info_nce(one, two, scale=4.0, duplicates=equal_keys(keys)),
    }
    found: dict[str, list[float]] = {}
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True)
        value = loss.detach().clone()
        if world() > 1:
            processes.all_reduce(gradient)
            processes.all_reduce(value)
        found[f"{name}/loss"] = [float(value) / world()]
        found[f"{name}/gradient"] = (gradient / world()).flatten().tolist()
    found["rows"] = gather(vectors(1)[own])[0].flatten().tolist()
    found["averages"] = list(averages({"here": 3.0, "there": 5.0}, ["here", "nowhere", "there"]).values())
    parts = [list(range(count))[own_part(range(count))] for count in (0, 1, 7)]
    found["parts"] = [float(row) for part in parts for row in everyone(part)]
    with alone():
        found["alone"] = [float(world()), float(rank()), float(gather(torch.ones(3))[0].sum())]
    found |= unimodal_labels(own) | cross_modal(own) | sentences(own)
    found["everywhere"] = [float(everywhere(True)), float(everywhere(world() > 1 and rank() == 0))]
    file.write_text(json.dumps(found))
    if len(rows) > 1:
        processes.destroy_process_group()


if __name__ == "__main__":
    main()
