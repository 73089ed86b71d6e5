"""Pretrained backbones: from a folder or the Hugging Face hub, with errors that say what was asked for."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

import torch
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoModel
from transformers.utils import logging as progress_bars

from polysense.encoders.model_name import RECIPE, may_be_on_hub, nearest_run
from polysense.encoders.packaged import PACKAGED, packaged_folder
from polysense.errors import PolysenseError, RecipeError, choices, display

WEIGHTS = "model.safetensors"


def text_folder(pretrained: str) -> str:
    """Where configuration and tokenizer of a text encoder are: the folder of a packaged one, else see :func:`saved_folder`."""
    return str(packaged_folder(pretrained)) if pretrained in PACKAGED else saved_folder(pretrained, "text")


def saved_folder(pretrained: str, modality: Literal["text", "image"]) -> str:
    """``encoders/<modality>`` of a saved model or of the best seed of a run; else ``pretrained`` itself: a folder or a Hugging Face id.

    Raises:
        RecipeError: a run that is not finished (names the seeds that are), or a model without such an encoder.
    """
    home = saved_model(pretrained)
    if home is None:
        return pretrained
    if not (home / "encoders" / modality / "config.json").is_file():
        raise RecipeError(f"{display(Path(pretrained))} has no {modality} encoder to start from")
    return str(home / "encoders" / modality)


def saved_model(named: str) -> Path | None:
    """The folder of a saved model, or that of the best seed of a run; None where it is neither.

    Raises:
        RecipeError: a run that is not finished (names the seeds that are).
    """
    folder = Path(named)
    if not (folder / RECIPE).is_file():
        return None
    return folder if (folder / WEIGHTS).is_file() else _best_seed(folder)


def saved_weights(source: str) -> Path | None:
    """The weights of the model in whose folder :func:`saved_folder` found ``source``; None where it was no such model."""
    saved = Path(source).parent.parent / WEIGHTS
    return (
        saved if Path(source).parent.name == "encoders" and saved.is_file() and not (Path(source) / WEIGHTS).is_file() else None
    )


def _best_seed(run: Path) -> Path:
    summary = run / "run.json"
    if summary.is_file():
        try:
            return run / f"seed-{int(json.loads(summary.read_text(encoding='utf-8'))['best_seed'])}"
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(f"{display(summary)} is damaged: {error}") from error
    ready = ", ".join(str(display(file.parent)) for file in sorted(run.glob(f"seed-*/{WEIGHTS}")))
    hint = f"name one of its seeds: {ready}" if ready else "none of its seeds has weights yet"
    raise RecipeError(f"the run {display(run)} is not finished; {hint}")


def load_backbone(
    source: str,
    weights: str,
    *,
    tower: Literal["text", "vision"] = "vision",
    shape: Mapping[str, Any] | None = None,
    dropout: float | None = None,
) -> Any:
    """A Hugging Face model in float32, with its weights or (``weights="random"``) from its configuration alone.

    Of a model of several towers with ``random`` weights, ``tower`` alone; ``shape`` changes entries of its configuration. The
    weights of an encoder that :func:`saved_folder` found in a saved model are that model's. ``dropout`` is put in the place of
    every rate that the configuration has for its layers.

    Raises:
        RecipeError: ``shape`` names an entry that the configuration does not have, or the weights are not random; it has no
            ``dropout``.
    """
    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    if dropout is not None:
        _drop(getattr(config, f"{tower}_config", config), dropout)
    if weights == "random":
        return AutoModel.from_config(_shaped(getattr(config, f"{tower}_config", config), shape or {}))  # type: ignore[no-untyped-call]
    if shape:
        raise RecipeError("shape: pretrained weights have a shape of their own; write weights: random")
    if (saved := saved_weights(source)) is not None:
        model = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
        part = text_tower(model) if tower == "text" else vision_tower(model)
        part.load_state_dict(saved_part(saved, Path(source).name))
        return model
    with without_bars() if Path(source).is_dir() else contextlib.nullcontext():
        return AutoModel.from_pretrained(
            source, config=config, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
        )


def _drop(config: Any, rate: float) -> None:
    names = [
        name
        for name, value in config.to_dict().items()
        if ("dropout" in name or name.endswith("_pdrop")) and "classifier" not in name and isinstance(value, int | float)
    ]
    if not names:
        raise RecipeError(f"dropout: {type(config).__name__} has no rate of dropout")
    for name in names:
        setattr(config, name, rate)


def saved_part(file: Path, modality: str, part: Literal["backbone", "head"] = "backbone") -> dict[str, torch.Tensor]:
    """The tensors of a part of an encoder in a saved model, by their names in it; a shared one is kept under one of its names only."""
    prefix = f"model.encoders.{modality}.{part}."
    with safe_open(file, framework="pt") as stored:
        kept = {name: name for name in stored.keys()} | (stored.metadata() or {})  # noqa: SIM118 - it is no mapping
        return {name.removeprefix(prefix): stored.get_tensor(kept[name]) for name in kept if name.startswith(prefix)}


def _shaped(config: Any, shape: Mapping[str, Any]) -> Any:
    for name, value in shape.items():
        if not hasattr(config, name):
            raise RecipeError(f"shape: {type(config).__name__} has no entry {name!r}; {choices(name, config.to_dict())}")
        setattr(config, name, value)
    return config


def text_tower(model: Any) -> Any:
    """What reads the text: the text tower of a model with several (CLIP), the encoder of one with a decoder (T5, BART), or itself."""
    while getattr(model, "text_model", None) is not None:
        model = model.text_model
    if getattr(model, "encoder", None) is not None and getattr(model, "decoder", None) is not None:
        model = model.get_encoder()
    return model


def vision_tower(model: Any) -> Any:
    """What reads the picture: the vision tower of a model with several (CLIP), or the model itself."""
    return getattr(model, "vision_model", model)


@contextlib.contextmanager
def explained(what: str, pretrained: str, *, such_as: Sequence[str] | None = None) -> Iterator[None]:
    """Turn what goes wrong while loading into a RecipeError that names the encoder and what may stand there.

    Args:
        what: the kind of model.
        pretrained: as the user named it.
        such_as: ids of the hub that are of the kind; None where it may be a packaged encoder.
    """
    if not ((such_as is None and pretrained in PACKAGED) or Path(pretrained).exists()):
        if not may_be_on_hub(pretrained):
            near = nearest_run(Path(pretrained)) if such_as is None else ""
            raise _cannot_load(what, pretrained, f"there is no such folder{near}", such_as)
        if not (_is_cached(pretrained) or hub_answers()):
            raise _cannot_load(what, pretrained, "there is no such folder, and the hub is not within reach", such_as)
    try:
        yield
    except PolysenseError:
        raise
    except (OSError, ValueError, AttributeError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        if not isinstance(error, OSError | ValueError):  # which are written to be read
            reason = f"{type(error).__name__}: {reason}"
        raise _cannot_load(what, pretrained, reason, such_as) from error


def _cannot_load(what: str, pretrained: str, reason: str, such_as: Sequence[str] | None) -> RecipeError:
    if such_as is None:
        packaged = choices(pretrained, [name for name, one in PACKAGED.items() if one.modality in what] or PACKAGED)
        instead = f"a packaged one ({packaged}), a run or saved model of polysense, another folder, or a Hugging Face id"
    else:
        examples = f", such as {' or '.join(map(repr, such_as))}" if such_as else ""
        instead = f"the folder of one that is on this machine, or a Hugging Face id{examples}"
    return RecipeError(f"the {what} {pretrained!r} cannot be loaded: {reason}; it may be {instead}")


def _is_cached(pretrained: str) -> bool:
    """Whether the hub's cache on this machine has the configuration of a model; not where ``pretrained`` is no id."""
    try:
        return isinstance(try_to_load_from_cache(pretrained, "config.json"), str)
    except ValueError:
        return False


@cache
def hub_answers() -> bool:
    """Whether the hub answers, through a proxy where there is one; asked once, for the libraries try again for minutes.

    With the hub switched off they give up at once, and certificates they may read in another way: these cases are left to them.
    """
    if constants.HF_HUB_OFFLINE:
        return True
    try:
        asked = Request(constants.ENDPOINT, method="HEAD")  # noqa: S310 - an address of the library's settings
        with build_opener().open(asked, timeout=5):
            return True
    except HTTPError:
        return True  # which is an answer
    except URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """No bar of transformers while local files are read or written: it is done at once."""
    was_on = progress_bars.is_progress_bar_enabled()
    progress_bars.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_on:
            progress_bars.enable_progress_bar()  # type: ignore[no-untyped-call]
