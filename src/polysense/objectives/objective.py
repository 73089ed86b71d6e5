"""The contract of an objective: one training signal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import Generator, Tensor, nn

from polysense.data.collate import Prepares
from polysense.encoders.encoder import Encoder
from polysense.errors import RecipeError
from polysense.fusion.fusion import Fusion
from polysense.fusion.single import Single
from polysense.model import Model
from polysense.types import Batch, Fields, Prediction, Representation, Sample
from polysense.views.view import Shown, View


class Look(Protocol):
    """How an objective sees the batch of a step. Equal views share one forward pass."""

    @property
    def batch(self) -> Batch:
        """The batch as it is, not encoded."""

    def encoder(self, modality: str) -> Encoder:
        """The encoder of a modality: for objectives that need its vocabulary or its embeddings."""

    @property
    def fusion(self) -> Fusion:
        """The model's fusion: for objectives that need to know what its states stand for, or that run it over other ones."""

    def draw(self, purpose: str) -> Generator:
        """A generator for what an objective draws besides its view: from (seed of the run, micro-step, process, purpose)."""

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        """The batch as the view shows it, with the model's representation of it."""


class Objective(nn.Module, ABC):
    """One training signal: its view, its head, its loss and its memory (registered buffers).

    The build supplies the widths of the modalities, of ``"fused"``, and as ``"vocabulary"`` the number of tokens of the text
    encoder as the first argument; keyword arguments are the choices of the recipe.
    """

    reads: ClassVar[frozenset[str]]
    """Modalities and batch fields without which the objective sits a batch out."""

    companions: bool = False
    """Whether it reads the further texts of a row, ``pair`` and ``negative.0``, ..., which are else not prepared."""

    among_rows: ClassVar[bool] = False
    """Whether it tells a row from the others of its batch, so that it learns nothing from a batch of one."""

    sees_partial: bool = False
    """Whether its plain view in training lacks the modalities that the recipe's ``modality_dropout`` hides: true of those that answer
    from all modalities together, and are to answer without some. What asks for a modality by itself, for a pair, or
    for what was hidden by its own view, sees whole rows.
    """

    parts: Mapping[str, Tensor] = {}
    """Of an objective of several tasks: the scalars, detached, that its term of the last training batch is the sum of, by the names
    of the tasks; NaN for a task that had nothing to learn. They are written into the journal beside the term.
    """

    @classmethod
    def complete(cls, arguments: Mapping[str, Any], samples: Sequence[Sample]) -> dict[str, Any]:
        """The recipe's keyword arguments with all that depends on the training samples filled in (classes, counts).

        What it returns is written into the saved recipe, so a saved run is rebuilt without the data.

        Raises:
            DataError: the samples do not fit the arguments.
        """
        del samples
        return dict(arguments)

    @classmethod
    def complete_shown(
        cls, arguments: Mapping[str, Any], completed: Mapping[str, Any], samples: Sequence[Sample]
    ) -> dict[str, Any]:
        """What of the completed arguments is otherwise in the training of a seed that is shown the labels of some rows only.

        Args:
            arguments: of the recipe.
            completed: those that :meth:`complete` made of them by the labels of all training rows.
            samples: all training rows, without the labels that are hidden in this training.
        """
        del arguments, completed, samples
        return {}

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        """The batch fields that this objective reads, from the samples; only called for training."""
        del samples
        return {}

    def preparer(self, model: Model) -> Prepares:
        """Who prepares the batch fields that this objective reads: itself, unless the tokens of the texts are needed for it.

        What is known of a text by its characters is laid onto its tokens by a preparer of its own, which holds the text encoder and
        asks it for its :meth:`~polysense.encoders.transformer_text.TransformerText.spans`. Of equal preparers one is asked, so
        that objectives which read the same fields share the work.

        Raises:
            RecipeError: the model's encoders cannot serve.
        """
        del model
        return self

    def save_assets(self, folder: Path) -> None:
        """Write into a saved model's ``folder`` what :meth:`preparer` needs besides arguments and weights; prediction needs none."""
        del folder

    def load_assets(self, folder: Path) -> None:
        """Take up what :meth:`save_assets` wrote; a folder without it is a model that predicts, and cannot be trained further."""
        del folder

    def lacking(self, samples: Sequence[Sample]) -> str:
        """What keeps it from learning anything of these training rows, companions and all, and a way out; empty where nothing does."""
        del samples
        return ""

    def borrow(self, others: Mapping[str, Objective]) -> None:
        """Take up what another objective of the recipe owns, by its name: it is trained and saved there.

        Raises:
            RecipeError: there is no such objective, or it cannot lend it.
        """
        del others

    def remembered(self) -> dict[str, Tensor]:
        """What it has made of the training rows so far, to be written down beside their ids: a column each, (training rows,)."""
        return {}

    def forgetful(self) -> tuple[Objective, dict[str, Any]]:
        """Itself without what follows the training rows, which no prediction needs, and the arguments with which it is built so."""
        return self, {}

    @abstractmethod
    def forward(self, look: Look) -> Tensor | None:
        """The loss of the batch, a scalar; None where no row of it has what the objective needs."""


class Answering(Objective, ABC):
    """An objective that can also predict."""

    settles: bool = False
    """Whether something of it is fitted on validation rows when the training is over."""

    @abstractmethod
    def answer(self, representation: Representation) -> Prediction:
        """What it says about each row; no random numbers, no look at other rows."""

    def vectors(self, representation: Representation) -> Prediction:
        """What its answers are read off, by ``vector_<part>``, for who asks; nothing where that is the representation itself."""
        del representation
        return Prediction({})

    def unsettle(self) -> None:
        """Answer as if nothing had been fitted."""

    def settle(self, answers: Prediction, samples: Sequence[Sample]) -> dict[str, Any]:
        """Fit that, on rows that nothing was learned from, and return it in words and numbers for the run's record.

        Args:
            answers: its own to these rows, unsettled.
            samples: the validation rows.
        """
        del answers, samples
        return {}


class Marking(Objective, ABC):
    """An objective that predicts parts of the text, which lie at characters: it is asked with the texts themselves."""

    @abstractmethod
    def mark(self, representation: Representation, samples: Sequence[Sample], model: Model) -> Prediction:
        """What it says about each row; no random numbers, no look at other rows.

        Args:
            representation: of the samples, row by row.
            samples: as they were prepared.
            model: whose text encoder says which characters its tokens stand for.
        """


class Aligning(Objective):
    """An objective that learns a space which several modalities share, so that a row of one finds its own row of another."""

    aligned: tuple[str, ...]
    """The modalities that stand in the space."""

    @abstractmethod
    def project(self, modality: str, summaries: Tensor) -> Tensor:
        """Vectors (rows, shared width), L2-normalised, of one modality's summaries (rows, width) in the shared space.

        No random numbers, no look at other rows.

        Raises:
            ValueError: the modality is not one of ``aligned``.
        """


class Judging(Objective, ABC):
    """An objective that says of a text and a picture that are read together how well they fit: what a search ranks its finds by."""

    def preparer(self, model: Model) -> Prepares:
        """As of any objective.

        Raises:
            RecipeError: the fusion passes one modality alone, which says nothing of whether two belong together.
        """
        if isinstance(model.fusion, Single):
            raise RecipeError(
                f"{type(self).__name__} judges text and picture by what is fused of both, and Single passes {model.fusion.modality} "
                "alone: take another fusion, Concatenation for instance"
            )
        return super().preparer(model)

    @abstractmethod
    def judge(self, representation: Representation) -> Tensor:
        """(rows,) the higher, the better; of rows that have both. No random numbers, no look at other rows."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an objective makes of the choices that a batch gives it, each among some kinds."""

    scores: Tensor
    """(choices, kinds): logits; or (rows, choices, kinds), where a row counts for all its choices together."""
    loss: Tensor
    """A scalar: the objective's term."""


class Choosing(Objective, ABC):
    """An objective that chooses among kinds, so that one can ask how its choices change when it is shown something else."""

    @abstractmethod
    def view(self, look: Look) -> View:
        """What it asks to be shown."""

    @abstractmethod
    def choose(self, look: Look) -> Chosen | None:
        """The choices of the batch; None where there are none, in no process. The same choices whatever is made of the batch."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What an objective says of the things that it hid in a batch."""

    scores: Tensor
    """(things, kinds): the higher, the likelier."""
    truth: Tensor
    """(things, most) int64: the kinds that each really is of; numbers below 0 behind the last."""


class Recovering(Objective):
    """An objective that hides something, so that one can ask how much of it it recovers."""

    @abstractmethod
    def recover(self, look: Look) -> Recovered:
        """What was hidden in the batch, maybe nothing, and what it says of it."""
