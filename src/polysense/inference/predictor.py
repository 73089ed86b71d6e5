"""A trained model at work: predictions, probabilities, embeddings and search for rows of text and pictures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack, get_args

import numpy as np
import torch

from polysense.data.cache import FeatureCache
from polysense.data.collate import Collate, Prepares
from polysense.decoding.settings import Decoding, Wishes
from polysense.encoders.sequence import SequenceEncoder
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import DataError, PolysenseError, RecipeError
from polysense.evaluation.evaluator import Answerer, Comparable, Evaluator, Outcome
from polysense.evaluation.one_answer import Answers
from polysense.inference import abilities, keeping
from polysense.inference.author import Author, named
from polysense.inference.encoding.embedder import Embedder, Space
from polysense.inference.encoding.engine import EngineName, Precision
from polysense.inference.encoding.text_summaries import check_choice
from polysense.inference.extraction.clips import Held, Read, files_of, read_clip
from polysense.inference.finding import find_model
from polysense.inference.reader import Reader, Row, about, is_single, listed
from polysense.inference.reranking import reranked
from polysense.inference.respondent import Respondent
from polysense.inference.row_vectors import RowVectors, cosines
from polysense.inference.search import Backend, Hit, Index
from polysense.knowledge import Knowledge
from polysense.learner import Learner
from polysense.progress import Progress
from polysense.recipe import Recipe
from polysense.training.aspects import reads_aspects
from polysense.training.folder import LAST_MODEL
from polysense.training.untaught import spoken, untaught
from polysense.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image

Media: TypeAlias = "str | Path | Image"

__all__ = ["Predictor", "Row", "load"]

DTYPES = ("float16", "float32", "float64")
"""Types that hold embeddings; integers would be zeros."""


class Predictor:
    """A trained learner that answers.

    Args:
        recipe: what it was trained as.
        learner: in evaluation mode.
        source: where it was loaded from.
        batch_size: rows a forward pass.
        engine: of :meth:`encode`, see there.
        precision: of :meth:`encode`, see there.
    """

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        *,
        source: str = "",
        batch_size: int = 64,
        engine: EngineName = "auto",
        precision: Precision = "auto",
    ) -> None:
        check_choice("engine", engine, get_args(EngineName))
        check_choice("precision", precision, get_args(Precision))
        self.recipe = recipe
        self.learner = learner.eval()
        self.source = source
        encoders: dict[str, Prepares] = {name: learner.model.encoder(name) for name in learner.model.encoders}
        text = encoders.get("text")
        fault = text.aspect_fault if isinstance(text, TransformerText) and text.aspect else None
        extracts = {name: Held(one.features) for name, one in encoders.items() if isinstance(one, SequenceEncoder)}
        self._reader = Reader(self.modalities, aspect_fault=fault, extracts=extracts)
        self._respondent = Respondent(learner, self._reader, batch_size=batch_size, scale=abilities.scale(recipe))
        self._answerer = Answerer(learner, Collate(encoders), batch_size=batch_size)
        self._author = Author(learner, batch_size=batch_size, extracts=extracts)
        self._embedder = Embedder(learner, batch_size=batch_size, engine=engine, precision=precision)
        self._vectors = RowVectors(self._embedder, self._reader)

    @cached_property
    def _measured(self) -> Answerer:
        """What is measured reads what a training on the same data has kept of its frozen encoders, and keeps no more."""
        modalities: dict[str, Prepares] = {}
        for name, asis in self._answerer.collate.modalities.items():
            frozen = self.learner.model.encoder(name).cached
            cache = None if frozen is None else FeatureCache(frozen, keeps=False)
            modalities[name] = cache or asis  # an empty one has nothing to look up
        return Answerer(self.learner, Collate(modalities), batch_size=self._answerer.batch_size)

    @property
    def _name(self) -> str:
        """What messages call it."""
        return self.source or "this model"

    def __repr__(self) -> str:
        classes = f", {len(self.labels)} classes ({', '.join(self.labels[:5])})" if self.labels else ""
        width = self._embedder.width(Space())
        return f"Predictor({self.source!r}: reads {' and '.join(self.modalities)}{classes}, vectors of width {width})"

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        trust_recipe_code: bool = False,
        device: str | None = None,
        engine: EngineName = "auto",
        precision: Precision = "auto",
        pooling: str | None = None,
    ) -> Predictor:
        """Load a run (its best seed on validation), a saved folder, or a model of the Hugging Face hub by its id.

        A text encoder that another library saved, or ``minilm``, embeds and answers nothing (see :func:`load_foreign`). No pickle is
        read. The recipe beside the weights may only name classes of polysense unless ``trust_recipe_code``. ``pooling`` reads another
        library's encoder with another pooling than it was saved with; a model of polysense has its own.

        Raises:
            RecipeError: there is no such folder or model, or its recipe is refused.
            PolysenseError: the weights are missing or damaged.
        """
        name, recipe, learner = find_model(str(source), trust_recipe_code=trust_recipe_code, pooling=pooling)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(recipe, learner.to(chosen), source=name, engine=engine, precision=precision)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities it reads."""
        return tuple(self.learner.model.encoders)

    @property
    def writes(self) -> bool:
        """Whether it writes captions of pictures, or texts from texts."""
        return abilities.writes(self.learner)

    @property
    def reads_aspects(self) -> bool:
        """Whether it is asked about an aspect of each text."""
        return reads_aspects(self.recipe)

    @property
    def labels(self) -> list[str]:
        """Its classes, in the order of the columns of :meth:`predict_proba`; empty where it has none."""
        head = abilities.classification(self.learner)
        return [] if head is None else list(head.labels)

    @property
    def thresholds(self) -> dict[str, float]:
        """Of each class, where such decide; empty where the likeliest class is answered, or of several those of one half and more."""
        return abilities.thresholds(abilities.classification(self.learner))

    @property
    def answers_several(self) -> bool:
        """Whether a row may have any number of its classes."""
        head = abilities.classification(self.learner)
        return head is not None and head.multi_label

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the spans that it marks; empty where it marks none."""
        return abilities.roles(self.learner)

    def predict(
        self,
        rows: Iterable[Row] | Row,
        aspects: Sequence[str] | str | None = None,
        *,
        explain: Knowledge | None = None,
        vectors: bool = False,
        progress: Progress | None = None,
    ) -> list[dict[str, Any]]:
        """One dict a row, in order: ``id``, then what the model answers (``label``, ``probabilities``, ``match``, ``similarity``).

        A model whose recipe measures sentiment (`SentimentRegression`) also says ``label``, the side of the score, and ``disagree``,
        the pairs of modalities of which one is positive by its own score, the other negative (:mod:`polysense.inference.score_sides`).
        A modality whose own head had learned nothing when the weights were kept has no ``score_<modality>``.

        Rows may name recordings and films where the model reads frames: these are made as the model's own were, or the row has
        an error. ``{"text": ..., "video": "clip.mp4"}`` is read for its pictures and its sound.

        ``missing`` names the modalities that the model reads and the row lacks; ``by_threshold``, true, is there where the thresholds
        of the classes decided (:attr:`thresholds`), so that the answer is another than the probabilities alone suggest, ``cut``, true,
        where the text is longer than the model reads, ``aspect_absent``, true, where the text does not hold the aspect that it is
        asked about: usual for a category, but a term is then not spoken of. A row that cannot be used has ``error``, the reason, in
        place of answers; the others are answered all the same. Among the reasons: a model that reads aspects is asked without one, or
        another with one.

        Args:
            rows: texts, dicts (``{"text": ..., "aspect": ...}``) or samples. A text may be given as the list of its words: it is read
                with blanks between them, and ``words`` of its spans count these words.
            aspects: what each row is asked about, where the rows do not say so themselves.
            explain: every answer gets ``knowledge``, the words and pairs of it that occur in the row's text, with their characters
                (see :func:`polysense.knowledge.find`). They are what the text holds, not why the model answers so.
            vectors: every answer gets ``vector_fused`` and ``vector_<modality>``, which its scores are read off, lists of numbers;
                of a model with `UnimodalLabels`, whose F* they are. None where the row lacks the modality.
            progress: gets (rows done, rows done).

        Raises:
            PolysenseError: the model answers nothing, it only embeds.
            RecipeError: it has no such vectors.
            DataError: there are more or fewer aspects than rows.

        Warns:
            UserWarning: texts were longer than the model reads, and cut, or do not hold the aspects that they are asked about; once
                each, with their number. A film has no sound, a recording is
                silent: the row lacks it. Heads of single modalities have learned nothing, so there are no scores of these; once.
        """
        asked = listed(rows) if aspects is None else about(rows, aspects)
        return list(self.stream(asked, explain=explain, vectors=vectors, progress=progress))

    def stream(
        self,
        rows: Iterable[Row],
        *,
        explain: Knowledge | None = None,
        vectors: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[dict[str, Any]]:
        """:meth:`predict` for any number of rows, read and answered in blocks; ``progress`` gets (rows done, rows done)."""
        abilities.refuse_unable(self.learner, self._name, vectors=vectors)
        if silent := untaught(self.learner):
            last = Path(self.source) / LAST_MODEL
            later = f"; {last} is the model of the last evaluation, which has more" if self.source and last.is_dir() else ""
            warnings.warn(
                f"{self._name} gives no score of {spoken(silent)} alone: its weights are from before the "
                f"{'heads of these' if len(silent) > 1 else 'head of it'} had learned anything{later}",
                stacklevel=2,
            )
        return self._respondent.stream(rows, explain=explain, vectors=vectors, progress=progress)

    def generate(
        self, rows: Iterable[Row] | Row, *, progress: Progress | None = None, **wishes: Unpack[Wishes]
    ) -> list[dict[str, Any]]:
        """What the model writes from each row: ``id`` and ``written``; ``error``, the reason, for a row that cannot be used.

        A model of ``target: pair`` writes from texts, and reads a row's picture too; one of ``target: text`` writes of pictures, and
        reads of the row's words only the column of its ``tags``.

        Args:
            rows: texts, dicts (``{"text": ..., "image": ...}``) or samples.
            progress: gets (rows done, rows done).
            wishes: how to write, other than the recipe says: ``beams``, ``length_penalty``, ``min_length``, ``max_length``,
                ``no_repeat``, ``sample``, ``temperature``, ``top_p``, ``seed``, see :class:`polysense.decoding.settings.Decoding`.

        Raises:
            PolysenseError: the model writes no texts.
            RecipeError: a value is impossible, or a text would be longer than the text encoder has places.

        Warns:
            UserWarning: texts were longer than the model reads, and cut; once, with their number.
        """
        return list(self.stream_written(listed(rows), wishes, progress=progress))

    def caption(
        self,
        pictures: Sequence[Media | Mapping[str, Any]] | Media | Mapping[str, Any],
        *,
        progress: Progress | None = None,
        **wishes: Unpack[Wishes],
    ) -> list[dict[str, Any]]:
        """``image`` and ``caption`` of each picture, or ``error`` where it cannot be used.

        Args:
            pictures: files, or Pillow images; or rows (mappings) that have one as ``image``, and the column of ``tags`` if the model
                reads any.
            progress: gets (pictures done, pictures done).
            wishes: as of :meth:`generate`.

        Raises:
            PolysenseError: the model writes no captions.
            RecipeError: as of :meth:`generate`.
        """
        given = list(pictures) if isinstance(pictures, Sequence) and not isinstance(pictures, str) else [pictures]
        rows = [one if isinstance(one, Mapping) else {"image": one} for one in given]
        answers = self.stream_written(rows, wishes, captions=True, progress=progress)
        return named(answers, [row.get("image") for row in rows])

    def stream_written(
        self, rows: Iterable[Row], wishes: Wishes, *, captions: bool = False, progress: Progress | None = None
    ) -> Iterator[dict[str, Any]]:
        """:meth:`generate` for any number of rows, read and written of in blocks; with ``captions`` as :meth:`caption` writes."""
        objective = self._author.objective(captions=captions, source=self.source)
        return self._author.stream(rows, objective, Decoding.of(objective).but(wishes), progress=progress)

    def predict_proba(self, rows: Iterable[Row] | Row, aspects: Sequence[str] | str | None = None) -> np.ndarray:
        """Probabilities (rows, classes), columns as in :attr:`labels`; ``aspects`` as for :meth:`predict`.

        Raises:
            PolysenseError: the model has no classes.
            DataError: a row cannot be used; the message names it.
        """
        if not self.labels:
            raise PolysenseError("this model has no classes")
        answers = self.predict(rows, aspects)
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
        batch_size: int | None = None,
        dtype: str | type[np.floating[Any]] = "float32",
        shared: bool = False,
        expect: int | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Embeddings: one row gives (width,), several give (rows, width) in their order, none give (0, width).

        A vector is that of the fused row; of one modality by itself (``part``); or, with ``shared``, one in the space that text and
        picture share: of the row's text where it has one, else of its picture, or of ``part``. A blank text is a text. A model that
        reads aspects embeds a text with its own; others pass aspects over.

        Texts alone take a fast road: few of them run in float32; above 256 they are sorted by length and multiplied in
        bfloat16 where the machine is faster in it, in OpenVINO where it is installed (extra ``fast``).
        ``load(source, precision="float32")`` keeps to float32, ``engine="torch"`` to torch.

        Args:
            rows: texts, dicts (``{"text": ..., "image": ...}``) or samples.
            part: a modality.
            normalize: scale every vector to length 1.
            batch_size: rows a forward pass; by default bounded by tokens for texts alone, and as the predictor's for others.
            dtype: of the array: ``float16``, ``float32`` or ``float64``.
            shared: in the shared space; its vectors have length 1.
            expect: rows in all, where these are a part of many: the road is chosen for that number.
            progress: gets (rows done, rows).

        Raises:
            DataError: a row cannot be used; the message names it.
            RecipeError: there is no such part or shared space, the array cannot be of that type, or ``batch_size`` is none.

        Warns:
            UserWarning: texts were longer than the model reads, and cut; with ``expect`` they are only counted (:meth:`take_cut`).
        """
        kind = dtype if isinstance(dtype, str) else np.dtype(dtype).name
        check_choice("dtype", kind, DTYPES)
        if batch_size is not None and batch_size < 1:
            raise RecipeError(f"batch_size: at least 1, found {batch_size}")
        every = list(listed(rows))
        vectors = self._vectors.of_rows(every, Space(part, shared), expect=expect, most_rows=batch_size, progress=progress)
        if expect is None and (cut := self.take_cut()):
            warnings.warn(self.told_cut(cut, len(every)), stacklevel=2)
        if normalize:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
        vectors = vectors.astype(kind, copy=False)
        return vectors[0] if is_single(rows) else vectors

    def take_cut(self) -> int:
        """How many texts :meth:`encode` cut since this was last asked, because they were longer than the model reads."""
        return self._embedder.take_cut()

    def told_cut(self, cut: int, rows: int) -> str:
        """The sentence that tells of them."""
        text = self.learner.model.encoder("text")
        assert isinstance(text, TransformerText)
        return f"{cut:,} of {rows:,} texts have more than {text.max_length} tokens and were cut"

    def width(self, *, part: str | None = None, shared: bool = False) -> int:
        """Width of the vectors of :meth:`encode`."""
        self._embedder.check(Space(part, shared))
        return self._embedder.width(Space(part, shared))

    def engine(self, rows: int, *, part: str | None = None, shared: bool = False) -> str:
        """What encodes so many texts alone: ``openvino, bfloat16``."""
        return self._embedder.engine(Space(part, shared), rows)

    def similarity(
        self, one: Iterable[Row] | Row, other: Iterable[Row] | Row, *, part: str | None = None, shared: bool = False
    ) -> float | np.ndarray:
        """Cosines of the embeddings: of two rows a number, of one and several (rows,), of several and several (rows, rows)."""
        left, right = (self.encode(rows, part=part, shared=shared, normalize=True, dtype="float64") for rows in (one, other))
        return cosines(left, right)

    def index(
        self,
        rows: Iterable[Row] | Row = (),
        *,
        part: str | None = None,
        shared: bool = False,
        backend: Backend = "exact",
        progress: Progress | None = None,
    ) -> Index:
        """A collection to search by meaning, with these rows in it.

        With ``shared``, text finds picture and picture finds text: the collection is embedded by ``part``, or by its texts where it
        has them, and a query by its text, or its picture where it has no text.
        """

        def collected(some: Sequence[Any]) -> np.ndarray:
            return self.encode(some, part=part, shared=shared, progress=progress)

        def asked(some: Sequence[Any]) -> np.ndarray:
            return self.encode(some, part=None if shared else part, shared=shared)

        index = Index(collected, asked, backend=backend)
        index.add(listed(rows))
        return index

    def encode_pictures(
        self, samples: Sequence[Sample], *, shared: bool = False, progress: Progress | None = None
    ) -> tuple[np.ndarray, dict[int, str]]:
        """The vectors (samples, width) of the samples' pictures by themselves, and by place why some of them cannot be used.

        Raises:
            RecipeError: the model reads no pictures, or they do not stand in a shared space.
        """
        return self._vectors.of_pictures(samples, shared=shared, progress=progress)

    def rerank(
        self,
        queries: Iterable[Row] | Row,
        hits: Sequence[Sequence[Hit]],
        *,
        rows: Sequence[Row] | None = None,
        progress: Progress | None = None,
    ) -> list[list[Hit]]:
        """The hits of each query, put in the order of how well the two fit when they are read together; each hit has it as ``fit``.

        A query that has a text is read with the pictures of the rows, another one with their texts. Each picture is encoded once
        for all queries. Equal rows stay in the order in which they were found.

        Args:
            queries: as they were asked.
            hits: of each, as :meth:`Index.search` gave them for several queries.
            rows: the rows of the collection, by number; by default what the hits have as ``item``.
            progress: gets (pairs done, pairs).

        Raises:
            PolysenseError: no objective of the model judges pairs that are read together.
            DataError: a row lacks what is to be read, or cannot be used; the message names it.
        """
        head = abilities.judge_of(self.learner, self._name)
        asked = [self._vectors.sample(row, number) for number, row in enumerate(listed(queries), start=1)]
        found = {hit.row: hit.item if rows is None else rows[hit.row] for every in hits for hit in every}
        there = {row: self._vectors.sample(item, row + 1) for row, item in found.items()}
        return reranked(self._answerer, head, asked, hits, there, progress=progress)

    @property
    def judges_blindly(self) -> bool:
        """Whether what judges pairs (:meth:`rerank`) may never have read a text with a picture that is not its own.

        A contrast reads pictures with rewritten captions alone, and was trained without any; its towers tell other rows apart.
        """
        return abilities.judges_blindly(self.learner, self.recipe)

    def fingerprint(self) -> str:
        """sha256 over recipe and weights."""
        return keeping.fingerprint(self.recipe, self.learner)

    def measure(
        self, samples: Sequence[Sample], *, evaluators: Sequence[Evaluator] | None = None, heard: Answers | None = None
    ) -> dict[str, float]:
        """The metrics of the evaluators (the recipe's own by default) on samples; empty where they have nothing to measure.

        ``heard`` takes note of what is answered meanwhile.
        """
        answerer = Answerer(self.learner, self._measured.collate, batch_size=self._measured.batch_size, heard=heard)
        if evaluators is None:
            evaluators = [part.build() for part in self.recipe.evaluation.evaluators]
        metrics: dict[str, float] = {}
        for evaluator in evaluators:
            metrics |= evaluator(answerer, samples)
        return metrics

    def reads_files_of(self, sample: Sample) -> bool:
        """Whether frames must be made of a file that the sample names, before the model reads it."""
        return bool(files_of(sample, self._reader.extracts))

    def extracted(self, sample: Sample) -> Read:
        """The sample with frames of its recording or film, made as those that the model learned from, and what is wrong with them.

        :meth:`predict` reads rows so by itself; :meth:`measure` takes samples that have their frames.
        """
        return read_clip(sample, self._reader.extracts)

    def outcomes(self, samples: Sequence[Sample], evaluator: Comparable[Outcome]) -> Outcome:
        """What an evaluator finds of each pair or query, for comparing this model with another one."""
        return evaluator.outcomes(self._measured, samples)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a folder that :meth:`from_pretrained` reads: recipe, weights and encoder configurations.

        The model card and ``run.json`` of the run that it was loaded from come along.
        """
        keeping.save(Path(folder), self.recipe, self.learner, source=self.source)

    def push_to_hub(self, repo_id: str, *, private: bool = False, token: str | None = None) -> str:
        """Upload to the Hugging Face hub and return the address; needs a network and a token."""
        return keeping.push(repo_id, self.recipe, self.learner, source=self.source, private=private, token=token)


def load(
    source: str | Path,
    *,
    trust_recipe_code: bool = False,
    device: str | None = None,
    engine: EngineName = "auto",
    precision: Precision = "auto",
    pooling: str | None = None,
) -> Predictor:
    """A trained model: a run's folder, a saved folder, or a Hugging Face id. See :meth:`Predictor.from_pretrained`."""
    return Predictor.from_pretrained(
        source, trust_recipe_code=trust_recipe_code, device=device, engine=engine, precision=precision, pooling=pooling
    )
