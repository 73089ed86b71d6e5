"""Checkpoints of SimCSE and MCSE, as they were released and as their training code writes them: which pooling they want.

Both train a head ``m(h) = tanh(W h + b)`` on the first state ``h``. Unsupervised SimCSE and MCSE drop it for use (pooling
``cls_before_pooler``), supervised SimCSE keeps it (``cls``). Three layouts are known by the names of their tensors:

- ``bert.*`` or ``roberta.*`` with ``pooler.dense.*`` beside it: MCSE's training. It is unsupervised: ``cls_before_pooler``.
- ``bert.*`` or ``roberta.*`` with ``mlp.dense.*`` beside it: SimCSE's training, supervised or not, the file does not say.
- names without prefix, ``pooler.dense.*`` among them: one of these converted for transformers, or a plain BERT whose own pooler
  stands in the same place, the file does not say.

Where the file does not say, a model under the exact name by which it was released is taken for that model. Any other is read as
an unsupervised one, or as the released one that its configuration says it was loaded from, with a doubt that its reader is to pass
on: it may have been trained further. A name is never searched for parts such as "unsup".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from polysense.inference.foreign.statement import Statement
from polysense.inference.foreign.weights import Weights

FAMILIES = ("bert", "roberta")
SIZES = ("bert-base-uncased", "bert-large-uncased", "roberta-base", "roberta-large")
RELEASED = {
    **{f"princeton-nlp/unsup-simcse-{size}": "cls_before_pooler" for size in SIZES},
    **{f"princeton-nlp/sup-simcse-{size}": "cls" for size in SIZES},
    **{f"{data}-mcse-{size}": "cls_before_pooler" for data in ("flickr", "coco") for size in (SIZES[0], SIZES[2])},
}
"""Pooling by published name: of the hub, or of the archive."""


def read_released(folder: Path, config: dict[str, Any], weights: Weights, *, name: str) -> Statement | None:
    """What the folder says if it holds such a checkpoint, or may hold one; None if it does not.

    Args:
        folder: of the transformer.
        config: its ``config.json``.
        weights: its weights.
        name: by which it was asked for.
    """
    if config.get("model_type") not in FAMILIES:
        return None
    prefix = next((f"{family}." for family in FAMILIES if any(one.startswith(f"{family}.") for one in weights.names)), None)
    head = next((one for one in ("mlp.dense", "pooler.dense") if f"{one}.weight" in weights.names), None)
    if head is None:
        return None
    dense = weights.tensors([f"{head}.weight", f"{head}.bias"])
    pooling, doubt = "cls_before_pooler", ""
    if prefix is None or head == "mlp.dense":
        begun_as = published_pooling(str(config.get("_name_or_path", "")))
        published = published_pooling(name)
        pooling = published or begun_as or pooling
        doubt = "" if published else _doubt(prefix, pooling)
    return Statement(
        transformer=folder,
        weights=weights,
        pooling=pooling,
        doubt=doubt,
        head={part: dense[f"{head}.{part}"] for part in ("weight", "bias")},
        trained=prefix is not None,
    )


def published_pooling(name: str) -> str | None:
    """The pooling of the released model of exactly this name, in full or without its owner; None if there is none."""
    known = RELEASED | {full.rpartition("/")[2]: pooling for full, pooling in RELEASED.items()}
    return next((known[one] for one in (name, Path(name).name) if one in known), None)


def _doubt(prefix: str | None, pooling: str) -> str:
    plain = "" if prefix else ", 'mean' for a plain encoder,"
    kinds = {"cls": "supervised SimCSE", "cls_before_pooler": "unsupervised SimCSE or MCSE"}
    other = next(one for one in kinds if one != pooling)
    return (
        f"nothing in it says how it pools; it is read as {kinds[pooling]} (pooling {pooling!r}); "
        f"say pooling {other!r} for {kinds[other]}{plain} or this one if it is right"
    )


def head_of_pooler(weights: Weights) -> dict[str, Tensor] | None:
    """BERT's own pooler as the head of the pooling ``cls``, where the weights have one."""
    found = next((one for one in weights.names if one.endswith("pooler.dense.weight")), None)
    if found is None:
        return None
    bias = found.removesuffix("weight") + "bias"
    tensors = weights.tensors([found, bias])
    return {"weight": tensors[found], "bias": tensors[bias]}
