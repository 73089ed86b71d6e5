"""Adversarial training: the same answers where text or picture are shifted to where the answers are the worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from polysense.data.collate import Prepares
from polysense.distributed import everywhere, mean
from polysense.encoders.encoder import Encoder
from polysense.errors import RecipeError, choices
from polysense.fusion.fusion import Fusion
from polysense.losses import symmetric_divergence
from polysense.model import Model
from polysense.objectives.objective import Choosing, Chosen, Look, Objective
from polysense.types import Batch, Encoded, Representation, Widths, as_given
from polysense.views.view import Shown, View


class Adversarial(Objective):
    """Answer right, and the same, where what the network reads of one modality is shifted to where the answer is worse.

    ``loss = 1/K sum_k sum_m [ L(x + d_mk) + w (KL(p, p_mk) + KL(p_mk, p)) ]``, summed over the modalities m; L is the loss of the
    objective ``of``, p are the chances of its choices, p_mk those where d_mk is added to the row's embedded words, or to the features
    of its picture. d_m1 is drawn evenly from -1 to 1 in every number, times ``start`` / sqrt(numbers of the row); then
    ``d_m,k+1 = project(d_mk + rate g / |g|)``, g the gradient of L(x + d_mk) by d_mk, lengths row by row; project shortens what
    is longer than ``radius``. To the gradient of the loss all d are constants. Padding, boxes, and what a row lacks are not shifted.

    L(x) itself is the term of ``of``, which stands beside this one in the recipe. Nothing is done outside training.
    Reads: what ``of`` reads.   Source: VILLA (Gan et al., NeurIPS 2020), as UNIMO (ACL 2021) is fine-tuned.
    Relations: shares the plain pass of ``of``, and takes K further passes through the fusion for each modality.
    Needs: a text encoder with ``tokens: embedded``.

    Args:
        widths: supplied by the build.
        of: an objective of the recipe that chooses among kinds (``Classification``, ``SoftAnswers``, ``Generation``), by its name.
        steps: K.
        rate: the length of a step.
        start: sqrt(3) times the expected length of the first shift.
        radius: no shift is longer; null: it may be of any length.
        agreement: w.
    """

    reads: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        widths: Widths,
        *,
        of: str,
        steps: int = 4,
        rate: float = 0.05,
        start: float = 0.4,
        radius: float | None = 0.4,
        agreement: float = 1.0,
    ) -> None:
        super().__init__()
        if steps < 1 or rate <= 0 or start < 0 or agreement < 0 or (radius is not None and radius <= 0):
            raise RecipeError(
                "Adversarial: steps from 1 up, rate above 0, start and agreement from 0 up, radius above 0, or null for none"
            )
        self.name, self.steps, self.rate, self.start, self.radius, self.agreement = of, steps, rate, start, radius, agreement
        self._hardened: list[Choosing] = []  # in a list, for it is another one's: no module of this one

    def borrow(self, others: Mapping[str, Objective]) -> None:
        """The objective ``of``, with its head."""
        found = others.get(self.name)
        if not isinstance(found, Choosing):
            fitting = [name for name, one in others.items() if isinstance(one, Choosing)]
            raise RecipeError(
                f"Adversarial.of: {self.name!r} is no objective of this recipe that chooses among kinds, as Classification, "
                f"SoftAnswers and Generation do; {choices(self.name, fitting)}"
            )
        self._hardened = [found]
        self.sees_partial, self.companions = found.sees_partial, found.companions

    @property
    def of(self) -> Choosing:
        """The objective that it hardens."""
        return self._hardened[0]

    def preparer(self, model: Model) -> Prepares:
        """That of the objective.

        Raises:
            RecipeError: the text encoder runs its network itself, so that what the fusion reads are no embeddings.
        """
        if "text" not in model.encoders or model.encoder("text").lent is None:
            raise RecipeError(
                "Adversarial shifts what a network reads, so that the fusion must run it: write encoders.text.tokens: embedded, with "
                "the fusion SingleStream, Mmbt, Lxmert, Vilt or AdaptationGate"
            )
        return self.of.preparer(model)

    def forward(self, look: Look) -> Tensor | None:
        """The shifted terms of all modalities and steps; None outside training, and where the objective has nothing to choose."""
        if not self.training or not everywhere(look.batch.has(self.of.reads)):
            return None
        clean = self.of.choose(look)
        if clean is None:
            return None
        shown, seen = look(self.of.view(look))
        terms = [term for name in as_given(seen.parts) for term in self._terms(look, shown, seen, name, clean)]
        return torch.stack(terms).sum() / self.steps

    def _terms(self, look: Look, shown: Shown, seen: Representation, name: str, clean: Chosen) -> list[Tensor]:
        """Of one modality, a bracket a step."""
        part = as_given(seen.parts)[name]
        real = part.mask.bool() & part.present.unsqueeze(1)
        layout = look.fusion.layout if name != "text" else None
        width = part.states.shape[2] - (0 if layout is None else layout.numbers)
        shift = drawn(real, width, size=self.start, draw=look.draw(f"adversarial {self.name} {name}"))
        terms: list[Tensor] = []
        for step in range(1, self.steps + 1):
            shift.requires_grad_()
            found = self.of.choose(Instead(look, shown, shifted(look.fusion, seen, name, shift)))
            assert found is not None
            terms.append(found.loss + self.agreement * mean(apart(clean.scores, found.scores)))
            if step < self.steps:
                (gradient,) = torch.autograd.grad(found.loss, shift, retain_graph=True)
                uphill = gradient.masked_fill(~real.unsqueeze(2), 0.0)
                shift = ascended(shift.detach(), uphill, rate=self.rate, radius=self.radius)
        return terms


@dataclass(frozen=True)
class Instead:
    """A look at the batch of another one, of which something else was made."""

    look: Look
    shown: Shown
    representation: Representation

    @property
    def batch(self) -> Batch:
        """The batch as it is."""
        return self.look.batch

    @property
    def fusion(self) -> Fusion:
        """The model's fusion."""
        return self.look.fusion

    def encoder(self, modality: str) -> Encoder:
        """The encoder of a modality."""
        return self.look.encoder(modality)

    def draw(self, purpose: str) -> torch.Generator:
        """What an objective draws by besides its view."""
        return self.look.draw(purpose)

    def __call__(self, view: View) -> tuple[Shown, Representation]:
        """The same for every view."""
        return self.shown, self.representation


def apart(one: Tensor, other: Tensor) -> Tensor:
    """``KL(p, q) + KL(q, p)`` of each choice (choices, kinds), or of each row over all its choices (rows, choices, kinds)."""
    found = symmetric_divergence(one, other)
    return found if found.dim() == 1 else found.sum(dim=1)


def drawn(real: Tensor, width: int, *, size: float, draw: torch.Generator) -> Tensor:
    """Numbers (rows, time, width) drawn evenly within ``size`` / sqrt(numbers of the row); 0 where ``real`` (rows, time) is False.

    What is drawn for a row does not depend on padding.
    """
    noise = torch.zeros(*real.shape, width)
    there = real.cpu()
    noise[there] = torch.rand(int(there.sum()), width, generator=draw) * 2 - 1
    counts = there.sum(dim=1).clamp(min=1) * width
    return (noise * (size / counts.sqrt())[:, None, None]).to(real.device)


def ascended(shift: Tensor, gradient: Tensor, *, rate: float, radius: float | None) -> Tensor:
    """A step of length ``rate`` along the gradient, then back into the ball of ``radius`` if any; (rows, time, width), row by row.

    A row without a gradient stays where it is.
    """
    moved = shift.flatten(1) + rate * normalize(gradient.float().flatten(1), dim=1, eps=torch.finfo(torch.float32).tiny)
    if radius is not None:
        moved = moved * (radius / moved.norm(dim=1, keepdim=True).clamp(min=radius))
    return moved.view_as(shift)


def shifted(fusion: Fusion, seen: Representation, name: str, shift: Tensor) -> Representation:
    """What the fusion makes of the same parts, with ``shift`` added to the first numbers of each state of one of them."""
    parts: dict[str, Encoded] = dict(as_given(seen.parts))
    states = parts[name].states
    whole = pad(shift, (0, states.shape[2] - shift.shape[2])).to(states.dtype)
    parts[name] = replace(parts[name], states=states + whole)
    apart = fusion.apart(parts)
    return Representation(apart, fusion(apart))
