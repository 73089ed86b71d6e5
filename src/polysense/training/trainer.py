"""A thin layer over ``transformers.Trainer``: our batches, our evaluators, our journal, checkpoints that are whole or not there."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import safetensors.torch
import torch
from accelerate.data_loader import prepare_data_loader
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from polysense.data.collate import Collate
from polysense.data.mixtures.mixture import Batches
from polysense.distributed import averages, world
from polysense.errors import PolysenseError, RecipeError, choices, display
from polysense.learner import Learner
from polysense.training import checkpoints
from polysense.training.journal import Journal
from polysense.training.processes import first, from_first
from polysense.training.shares import OwnRows
from polysense.training.untaught import untaught
from polysense.types import Sample

logger = logging.getLogger(__name__)

# The Trainer advises on things that polysense handles itself (label names, where the best weights are).
logging.getLogger("transformers.trainer").setLevel(logging.ERROR)


class Examine(Protocol):
    """Validation metrics of the learner as it is now."""

    def __call__(self) -> dict[str, float]:
        """Metric name to value."""


class LearnerTrainer(Trainer):
    """Trains a learner on the samples of one split.

    Args:
        learner: the module to train.
        arguments: of the Trainer.
        samples: the training split, numbered from 0.
        batches: their numbers, batch by batch; of several processes each takes a part of every batch.
        collate: prepares samples with their targets.
        examine: called at every evaluation.
        keep_best: called when the metric that chooses the checkpoint is the best so far.
        journal: one line an optimizer step and an evaluation.
        learning_rates: learning rates by the prefix of a module (``encoders.text``, ``fusion``); the longest prefix counts.
        weight_decays: likewise, of the matrices.
        coupled_decay: Adam, whose decay is added to the gradients, in the place of the arguments' optimizer.
        callbacks: of the Trainer.
    """

    def __init__(
        self,
        learner: Learner,
        arguments: TrainingArguments,
        *,
        samples: Sequence[Sample],
        batches: Batches,
        collate: Collate,
        examine: Examine,
        keep_best: Callable[[], None],
        journal: Journal,
        learning_rates: Mapping[str, float],
        weight_decays: Mapping[str, float],
        coupled_decay: bool = False,
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        self._learner = learner
        self._samples = samples
        self._batches = batches
        self._collate = collate
        self._examine = examine
        self._keep_best = keep_best
        self._journal = journal
        self._learning_rates = dict(learning_rates)
        self._weight_decays = dict(weight_decays)
        self._micro: list[dict[str, Any]] = []
        self._grad_norm: float | None = None
        super().__init__(
            model=learner,
            args=arguments,
            train_dataset=samples,
            eval_dataset=samples if arguments.eval_strategy != "no" else None,
            data_collator=collate,
            optimizer_cls_and_kwargs=_adam(arguments) if coupled_decay else None,
            callbacks=[_StepRecorder(self), *callbacks],
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches whose order depends on (seed, epoch) alone."""
        loader: DataLoader[Any] = DataLoader(
            self._samples,  # type: ignore[arg-type]
            batch_sampler=self._batches,
            collate_fn=OwnRows(self._collate) if world() > 1 else self._collate,
            num_workers=self.args.dataloader_num_workers,
        )
        prepared: DataLoader[Any] = prepare_data_loader(
            loader, device=self.accelerator.device, num_processes=1, process_index=0, put_on_device=True
        )  # as one of one: OwnRows parts the batches
        return prepared

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The learner's loss; its terms are kept for the journal."""
        del num_items_in_batch  # the objectives average over their own rows
        output = model(**inputs)
        scalars = {key: {name: float(value) for name, value in output[key].items()} for key in ("terms", "parts")}
        self._micro.append({"loss": float(output["loss"].detach()), **scalars})
        return (output["loss"], output) if return_outputs else output["loss"]

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        found: Any = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[no-untyped-call]
        self._grad_norm = None if found is None else float(found)
        return found

    def record_step(self) -> None:
        """Write the optimizer step that has just been taken into the journal."""
        names = self._learner.parts  # the same in all processes, which meet for every average
        parts = self._averages("parts", names) if names else {}
        line = {
            "step": self.state.global_step,
            "epoch": round(float(self.state.epoch or 0), 6),
            **averages({"loss": _mean([micro["loss"] for micro in self._micro])}, ["loss"]),
            "learning_rate": self._last_rate,
            "grad_norm": self._grad_norm,
            "terms": self._averages("terms", sorted(self._learner.active)),
            **({"parts": parts} if parts else {}),
        }
        self._micro = []
        self._journal.step(line)

    def _averages(self, key: str, names: Sequence[str]) -> dict[str, float]:
        """The mean of each scalar over the batches of the step that have it, and over the processes."""
        found = {name: [micro[key][name] for micro in self._micro if name in micro[key]] for name in names}
        known = {name: [value for value in values if not math.isnan(value)] for name, values in found.items()}
        return averages({name: _mean(values) for name, values in known.items() if values}, names)

    def note_rate(self) -> None:
        """Remember the learning rate of the step under way."""
        assert self.optimizer is not None
        self._last_rate = float(self.optimizer.param_groups[0]["lr"])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hand the Trainer's own log lines to trackers, without the history that would grow inside every checkpoint."""
        del start_time
        logs["epoch"] = float(self.state.epoch or 0)
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Our evaluators on the validation split."""
        metrics = from_first(self._examine)
        silent = untaught(self._learner)
        line = {"step": self.state.global_step, "epoch": round(float(self.state.epoch or 0), 6), "metrics": metrics}
        self._journal.evaluation(line | ({"untaught": silent} if silent else {}))
        named = {f"eval_{name}": value for name, value in metrics.items()}
        best = self.args.metric_for_best_model
        if f"eval_{best}" not in named:
            raise RecipeError(f"evaluation.best: no evaluator gives {best!r}; {choices(str(best), metrics)}")
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, named)
        self.log(dict(named))
        return named

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Whether these weights are the best so far; what is no number is worse than any number, and better than nothing."""
        name = f"eval_{self.args.metric_for_best_model}"
        if math.isnan(metrics[name]):
            worst = -sys.float_info.max if self.args.greater_is_better else sys.float_info.max
            metrics = {**metrics, name: worst}
        better: bool = super()._determine_best_metric(metrics, trial)
        if better and first():
            self._keep_best()
        return better

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write under a temporary name, rename when whole, then drop the older ones."""
        folder = Path(str(self.args.output_dir))
        with checkpoints.explained(folder), checkpoints.whole_together(folder, self.state.global_step) as partial:
            self._journal.settle()
            self._output_for_checkpoint = str(partial)
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self._output_for_checkpoint = None

    _output_for_checkpoint: str | None = None
    _last_rate: float = 0.0

    def _get_output_dir(self, trial: Any) -> str:
        return self._output_for_checkpoint or super()._get_output_dir(trial)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """Weights alone, as safetensors (tied weights allowed); no pickled arguments."""
        del state_dict
        if self.args.should_save:
            target = Path(str(output_dir or self.args.output_dir))
            target.mkdir(parents=True, exist_ok=True)
            save_weights(self.accelerator.unwrap_model(self.model), target / "model.safetensors")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        del model
        load_weights(self._learner, Path(resume_from_checkpoint) / "model.safetensors")

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Matrices decay; biases, norms and temperatures (anything one-dimensional) do not."""
        return [name for name, parameter in model.named_parameters() if parameter.dim() > 1]

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The Trainer's optimizer, with its groups split where a module has a learning rate or a weight decay of its own."""
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        own = self._learning_rates or self._weight_decays
        if own and not any("prefix" in group for group in optimizer.param_groups):
            names: dict[Tensor, str] = {parameter: name for name, parameter in self._learner.named_parameters()}
            optimizer.param_groups[:] = [part for group in optimizer.param_groups for part in self._split(group, names)]
        return optimizer

    def _split(self, group: dict[str, Any], names: Mapping[Tensor, str]) -> list[dict[str, Any]]:
        rates = {"": self.args.learning_rate, **self._learning_rates}
        decays = {"": self.args.weight_decay, **self._weight_decays}
        chosen: dict[tuple[str, float], list[Tensor]] = {}
        for parameter in group["params"]:
            name = names[parameter]
            decay = decays[_longest(decays, name)] if parameter.dim() > 1 else 0.0
            chosen.setdefault((_longest(rates, name), decay), []).append(parameter)
        return [
            {**group, "params": found, "lr": rates[prefix], "prefix": prefix, "weight_decay": decay}
            for (prefix, decay), found in chosen.items()
        ]


def _adam(arguments: TrainingArguments) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Adam with the settings of the arguments, as the Trainer takes it."""
    betas = (arguments.adam_beta1, arguments.adam_beta2)
    return torch.optim.Adam, {"lr": arguments.learning_rate, "betas": betas, "eps": arguments.adam_epsilon}


def _longest(values: Mapping[str, float], name: str) -> str:
    """The longest of the prefixes that a parameter's name begins with."""
    return max((prefix for prefix in values if prefix and under(name, prefix)), key=len, default="")


class _StepRecorder(TrainerCallback):
    """Writes the journal at the end of each optimizer step."""

    def __init__(self, trainer: LearnerTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del control
        epochs = args.eval_strategy == "epoch"
        last, of = (min(args.num_train_epochs, state.num_train_epochs), "epochs") if epochs else (state.max_steps, "steps")
        if args.eval_delay > last:
            raise RecipeError(
                f"training.eval_delay: {args.eval_delay:g} {of} are more than the {last:g} of the training: no weights would be kept"
            )

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        self._trainer.note_rate()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._trainer.record_step()


def under(name: str, prefix: str) -> bool:
    """Whether a learner's parameter lies in the part ``prefix``, named as in a recipe: ``encoders.text``, ``objectives.contrast``."""
    name = name.removeprefix("model.")
    return name == prefix or name.startswith(f"{prefix}.")


def save_weights(module: nn.Module, file: Path) -> None:
    """All parameters and buffers as safetensors; written under a temporary name, so the file is whole or not there."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with checkpoints.explained(file.parent):
            partial.touch()
            usual = partial.stat().st_mode  # safetensors makes a file that nobody else may read
            safetensors.torch.save_model(module, str(partial))
            partial.chmod(usual)
            checkpoints.settle(partial)
            partial.replace(file)
            checkpoints.settle(file.parent)
    finally:
        partial.unlink(missing_ok=True)


def load_weights(module: nn.Module, file: Path) -> None:
    """Read what :func:`save_weights` wrote.

    Raises:
        PolysenseError: the file is missing or truncated, or holds another model's weights.
    """
    try:
        safetensors.torch.load_model(module, str(file))
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise PolysenseError(f"the weights {display(file)} cannot be loaded: {reason}") from error


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
