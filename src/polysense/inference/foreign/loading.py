"""Text encoders that other libraries saved, as models of polysense: they embed, and answer nothing."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from polysense.encoders.packaged import PACKAGED, packaged_folder
from polysense.encoders.stored_features import StoredFeatures
from polysense.encoders.transformer_text import Pooling, TransformerText
from polysense.errors import PolysenseError, RecipeError, choices, display
from polysense.fusion.single import Single
from polysense.inference.foreign.heads import FILE as HEADS
from polysense.inference.foreign.heads import Heads, read_heads
from polysense.inference.foreign.hub import snapshot
from polysense.inference.foreign.modules import MODULES, read_modules
from polysense.inference.foreign.released import head_of_pooler, read_released
from polysense.inference.foreign.statement import Statement
from polysense.inference.foreign.weights import Weights, read_json, unsafe
from polysense.learner import Learner
from polysense.model import Model
from polysense.objectives.grounding import Grounding
from polysense.recipe.recipe import Recipe, check_recipe

CONFIG = "config.json"
OWN = "recipe.yaml"
NOTE = "polysense.json"
"""What an export for transformers says about its pooling and length, which their files have no place for."""

WANTED = ("*.json", "*.txt", "*.model", "*.safetensors", OWN)
ENGINES = ("onnx/*", "openvino/*")
"""Folders of the hub that hold the same weights for other engines."""

LONGEST = 8192
"""Tokens, where neither the model nor its tokenizer limits the length."""


class PoolingWarning(UserWarning):
    """A model is read with a pooling that its folder does not say, or says otherwise."""


def load_foreign(source: str | Path, *, pooling: str | None = None, pickled: bool = False) -> tuple[Recipe, Learner] | None:
    """A text encoder that another library saved; None where ``source`` is a model of polysense, or no model at all.

    The recipe has the encoder, the fusion ``Single`` and no objectives; the learner is in evaluation mode. What it gives for a
    text is what the library that saved it gives, apart from a last step that scales vectors to length 1.

    How the pooling is found, the first that applies:

    1. sentence-transformers: ``modules.json`` and the configuration of its ``Pooling``, a dense layer with tanh behind the first
       state included (``cls``).
    2. An export of polysense for transformers: its ``polysense.json``.
    3. Checkpoints of SimCSE and MCSE: see :mod:`polysense.inference.foreign.released`. BERT's own pooler stands where their head
       stands, so a bare BERT or RoBERTa that has a pooler and says nothing is read as they are (``cls_before_pooler``), with a warning.
    4. Anything else: ``mean``, with a warning.

    The heads that MCSE saved beside its encoder (``mcse.pt``) are pickled: they come along where ``pickled`` is. The model then has
    ``Grounding``, whose space sentences share with the vectors of pictures that the network of MCSE's authors gives.

    Args:
        source: ``minilm``, a folder, or a Hugging Face id.
        pooling: read it with this one, and not with the one it was saved with.
        pickled: read weights from ``.bin`` too, tensors alone. For converting, where the user said so; never for loading.

    Warns:
        PoolingWarning: nothing says the pooling, or ``pooling`` is another one than the model was saved with.

    Raises:
        RecipeError: it is not there, has no weights as safetensors, or has a part that cannot be expressed here.
        PolysenseError: its files are damaged.
    """
    name = str(source)
    folder = _folder(name, pickled=pickled)
    if folder is None:
        return None
    statement = _read(folder, name, pickled=pickled)
    chosen = _settle(name, statement, pooling)
    if chosen == "cls" and statement.head is None:
        statement = replace(statement, head=head_of_pooler(statement.weights))
        if statement.head is None:
            raise RecipeError(f"{name}: the pooling 'cls' needs a dense layer behind the first state, and it has none")
    return _build(name, statement, chosen)


def _folder(name: str, *, pickled: bool) -> Path | None:
    if name in PACKAGED:
        folder = packaged_folder(name)
        if not (folder / CONFIG).is_file():
            raise RecipeError(f"{name!r} reads no text")
        return folder
    path = Path(name) if Path(name).exists() else _fetched(name, pickled=pickled)
    foreign = (path / CONFIG).is_file() or (path / MODULES).is_file()
    return path if foreign and not (path / OWN).is_file() else None


def _fetched(name: str, *, pickled: bool) -> Path:
    """The files of a model of the hub; its pickled weights only where it has no others and the user asked for them."""
    path = snapshot(name, WANTED, leave_out=ENGINES)
    if (path / OWN).is_file() or any(path.rglob("*.safetensors")):
        return path
    if not pickled:
        raise RecipeError(unsafe(name))
    return snapshot(name, (*WANTED, HEADS, "*.bin"), leave_out=ENGINES)


def _read(folder: Path, name: str, *, pickled: bool) -> Statement:
    if (folder / MODULES).is_file():
        return read_modules(folder, pickled=pickled)
    weights = Weights(folder, pickled)
    if (folder / NOTE).is_file():
        note = read_json(folder / NOTE)
        pooling = _known(str(note.get("pooling")), display(folder / NOTE))
        return Statement(transformer=folder, weights=weights, pooling=pooling, max_length=note.get("max_length"))
    released = read_released(folder, read_json(folder / CONFIG), weights, name=name)
    if released is not None:
        return replace(released, heads=_heads(folder, name, pickled=pickled))
    doubt = "nothing in it says how it pools; it is read with the mean over its tokens (pooling 'mean'); say a pooling if it is another"
    return Statement(transformer=folder, weights=weights, pooling="mean", doubt=doubt)


def _heads(folder: Path, name: str, *, pickled: bool) -> Path | None:
    """The folder again where it holds heads that may be read."""
    if (folder / HEADS).is_file() and not pickled:
        told = f"{name}: the heads of its pictures ({HEADS}) are pickled and left out; to take them along, convert it once: "
        warnings.warn(f"{told}polysense export {name} DIR --to polysense", stacklevel=4)
    return folder if (folder / HEADS).is_file() and pickled else None


def _settle(name: str, statement: Statement, asked: str | None) -> str:
    if asked is None:
        if statement.doubt:
            warnings.warn(f"{name}: {statement.doubt}", PoolingWarning, stacklevel=3)
        return statement.pooling
    chosen = _known(asked, "pooling")
    if not statement.doubt and chosen != statement.pooling:
        told = f"{name}: it was made with pooling {statement.pooling!r} and is read with {chosen!r}"
        warnings.warn(told, PoolingWarning, stacklevel=3)
    return chosen


def _known(pooling: str, where: str) -> str:
    if pooling not in get_args(Pooling):
        raise RecipeError(f"{where}: {pooling!r} is none; {choices(pooling, get_args(Pooling))}")
    return "mean" if pooling == "avg" else pooling


def _build(name: str, statement: Statement, pooling: str) -> tuple[Recipe, Learner]:
    by_transformers = not (statement.trained or statement.weights.unpickled)
    wanted = {
        "pretrained": str(statement.transformer),
        "weights": "pretrained" if by_transformers else "random",
        "pooling": pooling,
        "max_length": statement.max_length or LONGEST,
    }
    recipe = _recipe(name, wanted)
    learner = recipe.build(seed=0).eval()
    encoder = learner.model.encoder("text")
    assert isinstance(encoder, TransformerText)
    if statement.lower_case and encoder.tokenizer.tokenize("A") != encoder.tokenizer.tokenize("a"):
        raise RecipeError(
            f"{name}: it puts texts in lower case before a tokenizer that knows upper case, which cannot be done here"
        )
    if not by_transformers:
        _load_backbone(encoder, statement)
    if encoder.head is not None and statement.head is not None:
        _load(encoder.head, statement.head, name)
    settled = {**wanted, "pretrained": name, "weights": "pretrained", "max_length": encoder.max_length}
    if statement.heads is None:
        return _recipe(name, settled), learner
    return _grounded(name, settled, encoder, read_heads(statement.heads, text_width=encoder.width))


def _recipe(name: str, arguments: dict[str, Any], heads: Heads | None = None) -> Recipe:
    raw: dict[str, Any] = {
        "encoders": {"text": {"class_path": TransformerText.__name__, "init_args": arguments}},
        "fusion": {"class_path": Single.__name__, "init_args": {"modality": "text"}},
        "objectives": {},
        "evaluation": {"best": ""},
    }
    if heads is not None:
        raw["encoders"]["image"] = {"class_path": StoredFeatures.__name__, "init_args": {"width": heads.image_width}}
        raw["objectives"]["grounding"] = {
            "class_path": Grounding.__name__,
            "init_args": {"shared_width": heads.shared_width},
        }
    return check_recipe(name, raw, foreign=None)


def _grounded(name: str, arguments: dict[str, Any], text: TransformerText, heads: Heads) -> tuple[Recipe, Learner]:
    """The model with the space that its sentences share with the vectors of pictures."""
    recipe = _recipe(name, arguments, heads)
    image, fusion = StoredFeatures(width=heads.image_width), Single({"text": text.width}, modality="text")
    widths = {"text": text.width, "image": image.width, "fused": fusion.width}
    grounding = recipe.objectives["grounding"].part.build(widths)
    _load(grounding.text[0], dict(heads.text), name)
    _load(grounding.image[0], dict(heads.image), name)
    learner = Learner(Model({"text": text, "image": image}, fusion), {"grounding": grounding}, {"grounding": 1.0}, seed=0)
    return recipe, learner.eval()


def _load_backbone(encoder: TransformerText, statement: Statement) -> None:
    """The tensors of the backbone from a file in which they may stand under a prefix, beside others."""
    wanted = [name for name in encoder.backbone.state_dict() if not name.startswith("pooler.")]  # ours do without it
    under = f"{encoder.backbone.base_model_prefix}."
    prefix = under if f"{under}{wanted[0]}" in statement.weights.names else ""
    found = {name: f"{prefix}{name}" for name in wanted if f"{prefix}{name}" in statement.weights.names}
    if len(found) < len(wanted):
        lacking = sorted(set(wanted) - set(found))
        raise PolysenseError(
            f"the weights in {display(statement.transformer)} are not those of its configuration: "
            f"{len(lacking)} of {len(wanted)} tensors are not there, the first is {prefix}{lacking[0]}"
        )
    tensors = statement.weights.tensors(set(found.values()))
    _load(encoder.backbone, {name: tensors[stored] for name, stored in found.items()}, display(statement.transformer))


def _load(module: torch.nn.Module, state: dict[str, Tensor], where: str) -> None:
    try:
        module.load_state_dict(state, strict=False)
    except RuntimeError as error:  # another shape
        raise PolysenseError(f"{where}: {' '.join(str(error).split())[:300]}") from error
