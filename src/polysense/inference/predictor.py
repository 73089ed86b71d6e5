"""A trained model at work: predictions, probabilities and embeddings for rows of text and pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from polysense.data.collate import Collate
from polysense.data.media import load_image
from polysense.data.rows import FIELDS, RowReader
from polysense.errors import DataError, PolysenseError, Problem, RecipeError, choices
from polysense.evaluation.evaluator import Answerer, Evaluator, Progress
from polysense.learner import Learner
from polysense.objectives.classification import Classification
from polysense.recipe import Recipe
from polysense.training.folder import CARD, SUMMARY, best_folder, run_of
from polysense.training.saved import read_model, write_model
from polysense.types import Sample

Row = Mapping[str, Any] | str | Sample | Problem
"""``{"text": ..., "image": ...}``, a bare text, a sample, or a row that could not be read."""

BLOCK = 1024
"""Rows read at a time: memory does not grow with the number of rows."""

READER = RowReader(file="rows", columns={name: name for name in FIELDS}, media_root=None)
"""Rows handed over in Python may name pictures anywhere."""


class Predictor:
    """A trained learner that answers.

    Args:
        recipe: what it was trained as.
        learner: in evaluation mode.
        source: where it was loaded from.
        batch_size: rows a forward pass.
    """

    def __init__(self, recipe: Recipe, learner: Learner, *, source: str = "", batch_size: int = 64) -> None:
        self.recipe = recipe
        self.learner = learner.eval()
        self.source = source
        encoders = {name: learner.model.encoder(name) for name in learner.model.encoders}
        self._answerer = Answerer(learner, Collate(encoders), batch_size=batch_size)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, trust_recipe_code: bool = False, device: str | None = None) -> Predictor:
        """Load a run (its best seed on validation), a saved folder, or a model of the Hugging Face hub by its id.

        No pickle is read. The recipe beside the weights may only name classes of polysense unless ``trust_recipe_code``.

        Raises:
            RecipeError: there is no such folder or model, or its recipe is refused.
            PolysenseError: the weights are missing or damaged.
        """
        folder = Path(source) if Path(source).exists() else _from_hub(str(source))
        folder = best_folder(folder)
        recipe, learner = read_model(folder, trust_recipe_code=trust_recipe_code)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(recipe, learner.to(chosen), source=str(folder))

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities it reads."""
        return tuple(self.learner.model.encoders)

    @property
    def labels(self) -> list[str]:
        """Its classes, in the order of the columns of :meth:`predict_proba`; empty where it has none."""
        return next((list(one.labels) for one in self.learner.active.values() if isinstance(one, Classification)), [])

    def predict(self, rows: Iterable[Row] | Row, *, progress: Progress | None = None) -> list[dict[str, Any]]:
        """One dict a row, in order: ``id``, then what the model answers (``label``, ``probabilities``, ``match``, ``similarity``).

        ``missing`` names the modalities that the model reads and the row lacks. A row that cannot be used has ``error``, the reason,
        in place of answers; the others are answered all the same.
        """
        return list(self.stream(_listed(rows), progress=progress))

    def stream(self, rows: Iterable[Row], *, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """:meth:`predict` for any number of rows, read and answered in blocks; ``progress`` gets (rows done, rows done)."""
        iterator = iter(rows)
        done = 0
        while block := list(islice(iterator, BLOCK)):
            yield from self._answer([self._read(row, done + at) for at, row in enumerate(block, start=1)])
            done += len(block)
            if progress is not None:
                progress(done, done)

    def _answer(self, read: Sequence[Sample | Problem]) -> Iterator[dict[str, Any]]:
        answers = iter(self._answerer.predict([row for row in read if isinstance(row, Sample)]).rows())
        for row in read:
            if isinstance(row, Sample):
                missing = [name for name in self.modalities if name not in row.modalities]
                yield {"id": row.id, **next(answers), "missing": missing}
            else:
                yield {"id": row.id, "error": f"{row.field}: {row.reason}"}

    def _read(self, row: object, number: int) -> Sample | Problem:
        """The row as a sample that the model can answer, its picture known to decode; or why it cannot be used."""
        if isinstance(row, Problem):
            return row
        if isinstance(row, Sample):
            return self._usable(row, number)
        if not isinstance(row, str | Mapping):
            reason = f"expected a text or a dict, got {type(row).__name__}"
            return Problem(file=READER.file, row=number, id=str(number), field="row", reason=reason)
        read = READER.read({"text": row} if isinstance(row, str) else row, number)
        return read if isinstance(read, Problem) else self._usable(read, number)

    def _usable(self, sample: Sample, number: int) -> Sample | Problem:
        if not set(self.modalities) & set(sample.modalities):
            reason = (
                f"the model reads {' and '.join(self.modalities)}, the row has {' and '.join(sample.modalities) or 'neither'}"
            )
            return Problem(file=READER.file, row=number, id=sample.id, field="row", reason=reason)
        if sample.image is not None and "image" in self.modalities:
            try:
                load_image(sample.image)
            except DataError as error:
                return Problem(file=READER.file, row=number, id=sample.id, field="image", reason=str(error))
        return sample

    def predict_proba(self, rows: Iterable[Row] | Row) -> np.ndarray:
        """Probabilities (rows, classes), columns as in :attr:`labels`.

        Raises:
            PolysenseError: the model has no classes.
            DataError: a row cannot be used; the message names it.
        """
        if not self.labels:
            raise PolysenseError("this model has no classes")
        answers = self.predict(rows)
        for answer in answers:
            if "error" in answer:
                raise DataError(f"row {answer['id']}: {answer['error']}")
        table = [[answer["probabilities"][label] for label in self.labels] for answer in answers]
        return np.array(table, dtype=np.float64).reshape(len(answers), len(self.labels))

    def encode(
        self,
        rows: Iterable[Row] | Row,
        *,
        part: str | None = None,
        normalize: bool = False,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Embeddings (rows, width) float32: of the fused row, or of the modality ``part`` by itself.

        Raises:
            DataError: a row cannot be used; the message names it.
        """
        if part is not None and part not in self.modalities:
            raise RecipeError(f"part: {choices(part, self.modalities)}")
        samples = []
        for number, row in enumerate(_listed(rows), start=1):
            sample = self._read(row, number)
            if isinstance(sample, Problem):
                raise DataError(f"row {sample.id}: {sample.field}: {sample.reason}")
            if part is not None and part not in sample.modalities:
                raise DataError(f"row {sample.id}: it has no {part}")
            samples.append(sample)
        vectors = self._answerer.encode(samples, part=part, progress=progress)
        if normalize:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
        return vectors

    def measure(self, samples: Sequence[Sample], *, evaluators: Sequence[Evaluator] | None = None) -> dict[str, float]:
        """The metrics of the evaluators (the recipe's own by default) on samples; empty where they have nothing to measure."""
        if evaluators is None:
            evaluators = [part.build() for part in self.recipe.evaluation.evaluators]
        metrics: dict[str, float] = {}
        for evaluator in evaluators:
            metrics |= evaluator(self._answerer, samples)
        return metrics

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a folder that :meth:`from_pretrained` reads: recipe, weights and encoder configurations.

        The model card and ``run.json`` of the run that it was loaded from come along.
        """
        folder = Path(folder)
        write_model(folder, self.recipe, self.learner)
        home = run_of(Path(self.source))
        for name in (CARD, SUMMARY):
            if (home / name).is_file() and home.resolve() != folder.resolve():
                shutil.copyfile(home / name, folder / name)

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload to the Hugging Face hub and return the address; needs a network and a token."""
        import tempfile

        from huggingface_hub import HfApi

        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return str(api.upload_folder(folder_path=folder, repo_id=repo_id, commit_message="Add a polysense model"))


def load(source: str | Path, *, trust_recipe_code: bool = False, device: str | None = None) -> Predictor:
    """A trained model: a run's folder, a saved folder, or a Hugging Face id. See :meth:`Predictor.from_pretrained`."""
    return Predictor.from_pretrained(source, trust_recipe_code=trust_recipe_code, device=device)


def _listed(rows: Iterable[Row] | Row) -> Iterable[Row]:
    return [rows] if isinstance(rows, Mapping | str | Sample | Problem) else rows


def _from_hub(source: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["recipe.yaml", "run.json", "README.md", "model.safetensors", "encoders/**"]
    try:
        return Path(snapshot_download(source, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecipeError(f"there is no folder {source!r}, and the hub has no such model within reach: {reason}") from error
