"""Folders of sentence-transformers: their chain of modules as a statement."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polysense.errors import PolysenseError, RecipeError, choices, display
from polysense.inference.foreign.statement import Statement
from polysense.inference.foreign.weights import Weights, read_json, within

MODULES = "modules.json"
CHAIN = ("Transformer", "WeightedLayerPooling", "Pooling", "Dense", "Normalize")
"""The modules that can be read, in the order in which they must stand; the transformer and the pooling are needed."""

POOLINGS = {"mean": "mean", "cls": "cls_before_pooler"}
"""Theirs to ours. Theirs of the first state has no dense layer; with one behind it, it is our ``cls``."""


def read_modules(folder: Path, *, pickled: bool) -> Statement:
    """What a folder of sentence-transformers says.

    ``Normalize`` is left out: the length of a vector is the reader's choice.

    Raises:
        RecipeError: it has a module or a pooling that cannot be expressed here.
    """
    chain = _chain(folder / MODULES)
    for kind in chain:
        if kind not in CHAIN:
            raise RecipeError(f"{display(folder)}: its module {kind} cannot be read here; {choices(kind, CHAIN)}")
    if [kind for kind in CHAIN if kind in chain] != list(chain) or not {"Transformer", "Pooling"} <= set(chain):
        raise RecipeError(f"{display(folder)}: its modules {', '.join(chain)} stand in an order that cannot be read here")
    _tell_prompt(folder)
    pooling, head = _pooling(chain["Pooling"]), None
    if "WeightedLayerPooling" in chain:
        pooling = _layers(chain["WeightedLayerPooling"], pooling, pickled=pickled)
    if "Dense" in chain:
        head = _dense(chain["Dense"], pooling, pickled=pickled)
        pooling = "cls"
    transformer = chain["Transformer"]
    config = _transformer(transformer)
    length = config.get("max_seq_length")
    return Statement(
        transformer=transformer,
        weights=Weights(transformer, pickled),
        pooling=pooling,
        head=head,
        max_length=None if length is None else int(length),
        lower_case=bool(config.get("do_lower_case", False)),
    )


def _chain(file: Path) -> dict[str, Path]:
    """The modules by kind, each with its folder."""
    try:
        return {str(one["type"]).rpartition(".")[2]: within(file, str(one["path"])) for one in read_json(file)}
    except (KeyError, TypeError) as error:
        raise PolysenseError(f"{display(file)} is damaged: a list of modules with type and path is expected") from error


def _tell_prompt(folder: Path) -> None:
    file = folder / "config_sentence_transformers.json"
    config = read_json(file) if file.is_file() else {}
    name = config.get("default_prompt_name")
    if name is not None:
        prompt = config.get("prompts", {}).get(name, "")
        warnings.warn(
            f"{display(folder)}: sentence-transformers puts {prompt!r} before every text; here the text is read as it is",
            stacklevel=2,
        )


def _pooling(folder: Path) -> str:
    config = read_json(folder / "config.json")
    modes = config.get("pooling_mode")
    if modes is None:  # the older spelling: one switch a mode
        names = {"cls_token": "cls", "mean_tokens": "mean"}
        switches = {name.removeprefix("pooling_mode_"): on for name, on in config.items() if name.startswith("pooling_mode_")}
        modes = [names.get(name, name) for name, on in switches.items() if on] or ["mean"]
    modes = [modes] if isinstance(modes, str) else list(modes)
    if len(modes) != 1 or modes[0] not in POOLINGS:
        shown = " and ".join(modes)
        raise RecipeError(f"{display(folder)}: its pooling {shown!r} cannot be read here; {choices(shown, POOLINGS)}")
    return POOLINGS[modes[0]]


def _layers(folder: Path, pooling: str, *, pickled: bool) -> str:
    """The pooling over several layers that the weights of the layers amount to."""
    config = read_json(folder / "config.json")
    [weights] = Weights(folder, pickled).tensors(["layer_weights"]).values()
    used = {int(config["layer_start"]) + place: float(weight) for place, weight in enumerate(weights) if weight != 0}
    last = int(config["num_hidden_layers"])
    known = {
        frozenset({last}): "mean",
        frozenset({0, last}): "avg_embeddings_last",
        frozenset({1, last}): "avg_first_last",
        frozenset({last - 1, last}): "avg_top2",
    }
    if pooling != "mean" or len(set(used.values())) != 1 or frozenset(used) not in known:
        raise RecipeError(f"{display(folder)}: its weights of the layers ({used}) cannot be expressed here")
    return known[frozenset(used)]


def _dense(folder: Path, pooling: str, *, pickled: bool) -> dict[str, Tensor]:
    config: Mapping[str, Any] = read_json(folder / "config.json")
    square = config.get("in_features") == config.get("out_features")
    plain = config.get("bias", True) and not config.get("use_residual", False)
    tanh = config.get("activation_function", "Tanh").endswith(f".{torch.nn.Tanh.__name__}")
    if not (square and plain and tanh and pooling == "cls_before_pooler"):
        raise RecipeError(
            f"{display(folder)}: its dense layer cannot be expressed here; one can that stands on the first state, "
            "keeps the width, has a bias and ends in tanh"
        )
    tensors = Weights(folder, pickled).tensors(["linear.weight", "linear.bias"])
    return {"weight": tensors["linear.weight"], "bias": tensors["linear.bias"]}


def _transformer(folder: Path) -> dict[str, Any]:
    """The transformer's settings; older releases name the file by its model: ``sentence_roberta_config.json``."""
    file = next(iter(sorted(folder.glob("sentence_*_config.json"))), None)
    config: dict[str, Any] = {} if file is None else read_json(file)
    if config.get("transformer_task", "feature-extraction") != "feature-extraction":
        raise RecipeError(f"{display(folder)}: it was made for {config['transformer_task']}, not for embeddings")
    return config
