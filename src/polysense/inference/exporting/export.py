"""Text encoders written for other libraries, and theirs written for this one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, RecipeError, choices, display
from polysense.inference.exporting.card import write_export_card
from polysense.inference.exporting.to_sentence_transformers import write_sentence_transformers
from polysense.inference.exporting.to_transformers import write_transformers
from polysense.inference.foreign.loading import load_foreign
from polysense.inference.predictor import Predictor
from polysense.inference.predictor import load as load_own
from polysense.training.folder import CARD, RECIPE

TARGETS = ("sentence-transformers", "transformers", "polysense")
"""What a model can be written for."""

MARKS = {"sentence-transformers": "modules.json", "polysense": RECIPE}
"""The file by which a folder is known to be written for one of them."""


def export(
    source: str | Path,
    folder: str | Path,
    *,
    to: str,
    pooling: str | None = None,
    overwrite: bool = False,
    trust_recipe_code: bool = False,
) -> str:
    """Write the text encoder of a model into ``folder`` and return the pooling that it is written with.

    Args:
        source: a run, a saved model, a folder of another library, a Hugging Face id, or ``minilm``.
        folder: new or empty.
        to: ``sentence-transformers``: a folder that it loads, with the same vectors. ``transformers``: backbone and tokenizer; a
            dense layer behind the first state becomes the pooler. ``polysense``: a saved model; the one target for which pickled
            weights (``.bin``) are read, tensors alone.
        pooling: read a model of another library with this one, and not with the one it was saved with.
        overwrite: write over the files of an earlier export to the same; files of other names stay.
        trust_recipe_code: as for loading.

    Raises:
        RecipeError: there is no such model, it has no text encoder, the target cannot express it, or ``folder`` is not empty, or
            holds an export to something else.
        DataError: ``folder`` cannot be written.
    """
    if to not in TARGETS:
        raise RecipeError(f"--to: {to!r} is not one; {choices(to, TARGETS)}")
    target = Path(folder)
    _refuse(Path(source), target, to=to, overwrite=overwrite)
    model = _model(source, pooling=pooling, pickled=to == "polysense", trust_recipe_code=trust_recipe_code)
    encoder = _text_encoder(model, str(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
            partial = Path(made)
            if to == "sentence-transformers":
                write_sentence_transformers(encoder, partial)
            elif to == "transformers":
                write_transformers(encoder, partial)
            else:
                model.save_pretrained(partial)
            write_export_card(partial, encoder, to=to, source=str(source), model=model)
            _move(partial, target)
    except OSError as error:
        raise DataError(f"{display(target)} cannot be written: {error.strerror or error}") from error
    return encoder.pooling


def _refuse(source: Path, target: Path, *, to: str, overwrite: bool) -> None:
    if target.exists() and not target.is_dir():
        raise DataError(f"{display(target)} is not a folder")
    if target.is_dir() and any(target.iterdir()):
        if not overwrite:
            raise RecipeError(f"{display(target)} is not empty: choose another folder, or write over it with --overwrite")
        if source.exists() and target.resolve() in {source.resolve(), *source.resolve().parents}:
            raise RecipeError(f"{display(target)} holds the model that is to be written: choose another folder")
        marks = {file: kind for kind, file in MARKS.items() if kind != to and (target / file).is_file()}
        for file, kind in marks.items():
            raise RecipeError(
                f"{display(target)} holds an export to {kind} ({file}), which would still be found: choose another folder, or delete "
                "this one"
            )


def _model(source: str | Path, *, pooling: str | None, pickled: bool, trust_recipe_code: bool) -> Predictor:
    found = load_foreign(source, pooling=pooling, pickled=pickled)
    if found is None:
        if pooling is not None:
            raise RecipeError("--pooling: a model of polysense has one pooling, the one it was trained with")
        return load_own(source, trust_recipe_code=trust_recipe_code, device="cpu")
    return Predictor(*found, source=str(source))


def _text_encoder(model: Predictor, source: str) -> TransformerText:
    encoder = dict(model.learner.model.encoders.items()).get("text")
    if not isinstance(encoder, TransformerText):
        kind = "no text encoder" if encoder is None else f"a text encoder of another kind ({type(encoder).__name__})"
        raise RecipeError(f"{source} has {kind}: a TransformerText can be written for other libraries")
    if encoder.lent is not None:
        fusion = type(model.learner.model.fusion).__name__
        raise RecipeError(
            f"{source}: the layers of its text encoder are run by {fusion}, over text and picture; they are no text encoder"
        )
    return encoder


def _move(partial: Path, target: Path) -> None:
    usual = (partial / CARD).stat().st_mode  # safetensors makes files that nobody else may read
    for file in sorted(path for path in partial.rglob("*") if path.is_file()):
        place = target / file.relative_to(partial)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.chmod(usual)
        file.replace(place)
