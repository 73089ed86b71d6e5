"""What an epoch of Self-MM costs: outside its encoders, and against a loop as the field's common code has it, in turn, in one process.

    python benchmarks/self_mm_step.py --data DATA/mosi --out docs/results/self_mm_step.json

The texts are MOSI's transcripts, sound and film made-up frames of the widths and longest lengths of its unaligned file (5 and 20
numbers, 375 and 500 frames). A clip has frames in proportion to its words (``words``: 50 words or more have the longest), or all
clips have the longest (``longest``), where packing can save nothing. Model: MiniLM, fine-tuned, two LSTMs, Self-MM's heads and labels.

What is timed, in turn, once a round, as processor time on one thread (what else runs on the machine does not count):

- ``ours``: an epoch of the recipe ``self_mm/clips`` by the trainer, from samples to weights, in float32, without evaluation.
- ``encoders``: the forward and backward passes of its three encoders alone, on the same batches, prepared beforehand. What is left of
  ``ours`` is what stands outside of them: tokenising, padding, fusion, heads, labels, optimizer, journal.
- ``field``: the same sizes in a plain loop, written from a description of the common code and with none of its text: token ids padded
  to 50, frames padded to the longest of the data set, all prepared beforehand; centres of the labels made anew from all training
  rows in every step; LSTMs over packed frames, as the released Self-MM has them.
- ``unpacked``: the same, LSTMs over all padded frames, as most other models of that code have them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModel, AutoTokenizer, PrinterCallback, TrainerCallback
from transformers.trainer_utils import IntervalStrategy

from polysense.data.collate import Collate
from polysense.data.frames import HeldFrames
from polysense.data.sampling import ShuffledBatches
from polysense.encoders.loading import text_folder
from polysense.encoders.transformer_text import TransformerText
from polysense.recipe import Recipe, load_recipe
from polysense.training.arguments import training_arguments
from polysense.training.journal import Journal
from polysense.training.run import read_data
from polysense.training.seed import by_part
from polysense.training.trainer import LearnerTrainer
from polysense.types import Sample

WIDTHS = {"audio": 5, "video": 20}
LONGEST = {"audio": 375, "video": 500}
HIDDEN = {"audio": 16, "video": 32}
OUT = {"audio": 16, "video": 32}
FEATURES = {"fused": 128, "text": 32, "audio": 16, "video": 32}
TOKENS = 50
BATCH = 32
ARMS = ("ours", "encoders", "field", "unpacked")
SETTINGS = (
    "training.num_train_epochs=1",
    "training.eval_strategy=steps",
    "training.eval_steps=1000000",
    "training.bf16=false",
    f"training.per_device_train_batch_size={BATCH}",
    f"encoders.text.max_length={TOKENS}",
    "objectives.unimodal.objective.hidden={text: 32, audio: 16, video: 32}",
    *(f"encoders.{name}.hidden={HIDDEN[name]}" for name in HIDDEN),
    *(f"encoders.{name}.width={OUT[name]}" for name in OUT),
)


def made_clips(texts: Sequence[str], scores: Sequence[float], *, lengths: str) -> list[Sample]:
    """Samples with made-up frames."""
    draw = np.random.default_rng(0)

    def frames(text: str, name: str) -> HeldFrames:
        share = 1.0 if lengths == "longest" else min(1.0, len(text.split()) / TOKENS)
        count = max(1, round(share * LONGEST[name]))
        return HeldFrames(draw.standard_normal((count, WIDTHS[name]), dtype=np.float32))

    return [
        Sample(id=str(row), text=text, audio=frames(text, "audio"), video=frames(text, "video"), score=score, index=row)
        for row, (text, score) in enumerate(zip(texts, scores, strict=True))
    ]


# Ours


class Clock(TrainerCallback):
    """The processor time from the begin of an epoch to its end."""

    began = seconds = 0.0

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.process_time()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.process_time() - self.began


def ours(recipe: Recipe, samples: Sequence[Sample]) -> Callable[[], float]:
    """An epoch of the trainer; its learner and optimizer are new."""
    learner = recipe.build(seed=0)
    learner.model.fit(samples)
    modalities = {name: learner.model.encoder(name) for name in learner.model.encoders}
    folder, clock = tempfile.TemporaryDirectory(), Clock()
    arguments = training_arguments(recipe, Path(folder.name), seed=0)
    arguments.save_strategy = arguments.eval_strategy = IntervalStrategy.NO  # steps alone
    trainer = LearnerTrainer(
        learner,
        arguments,
        samples=samples,
        batches=ShuffledBatches(len(samples), BATCH, seed=0),
        collate=Collate(modalities, learner.preparers),
        examine=lambda: {recipe.evaluation.best: 0.0},
        keep_best=lambda: None,
        journal=Journal(Path(folder.name)),
        learning_rates=by_part(recipe, learner, "learning_rates"),
        weight_decays=by_part(recipe, learner, "weight_decays"),
        callbacks=[clock],
    )

    trainer.remove_callback(PrinterCallback)

    def epoch() -> float:
        with folder:
            trainer.train()
        return clock.seconds

    return epoch


def encoders(recipe: Recipe, samples: Sequence[Sample]) -> Callable[[], float]:
    """The forward and backward passes of the encoders over the batches of an epoch."""
    learner = recipe.build(seed=0).train()
    every = {name: learner.model.encoder(name) for name in learner.model.encoders}
    rows = [[samples[row] for row in numbers] for numbers in ShuffledBatches(len(samples), BATCH, seed=0)]
    prepared = [Collate(every)(batch) for batch in rows]

    def passes() -> float:
        began = time.process_time()
        for batch in prepared:
            sums = [every[name](batch[name]).summary.sum() for name in every]
            torch.autograd.backward(torch.stack(sums).sum())
            learner.zero_grad()
        return time.process_time() - began

    return passes


# The field's way


class Sequential(nn.Module):
    """A one-layer LSTM, its last state, a linear layer."""

    def __init__(self, name: str, *, packed: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(WIDTHS[name], HIDDEN[name], batch_first=True)
        self.linear = nn.Linear(HIDDEN[name], OUT[name])
        self.packed = packed

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        read = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False) if self.packed else frames
        _, (last, _) = self.lstm(read)
        found: Tensor = self.linear(last[-1])
        return found


class FieldModel(nn.Module):
    """The same sizes as the recipe's."""

    def __init__(self, *, packed: bool) -> None:
        super().__init__()
        self.text = AutoModel.from_pretrained(text_folder("minilm"), dtype=torch.float32)
        self.sequences = nn.ModuleDict({name: Sequential(name, packed=packed) for name in WIDTHS})
        widths = {"text": self.text.config.hidden_size, **OUT}
        widths["fused"] = sum(widths.values())
        self.first = nn.ModuleDict({key: nn.Linear(widths[key], FEATURES[key]) for key in FEATURES})
        self.second = nn.ModuleDict({key: nn.Linear(FEATURES[key], FEATURES[key]) for key in FEATURES})
        self.last = nn.ModuleDict({key: nn.Linear(FEATURES[key], 1) for key in FEATURES})

    def forward(self, batch: Sequence[Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Scores (batch,) and features (batch, width) by key."""
        ids, mask, audio, audio_lengths, video, video_lengths = batch
        states = self.text(input_ids=ids, attention_mask=mask).last_hidden_state
        kept = mask.unsqueeze(-1)
        parts = {"text": (states * kept).sum(1) / kept.sum(1)}
        parts["audio"] = self.sequences["audio"](audio, audio_lengths)
        parts["video"] = self.sequences["video"](video, video_lengths)
        parts["fused"] = torch.cat([parts["text"], parts["audio"], parts["video"]], dim=1)
        features = {key: torch.relu(self.first[key](parts[key])) for key in FEATURES}
        scores = {key: self.last[key](torch.relu(self.second[key](features[key]))).squeeze(1) for key in FEATURES}
        return scores, features


class FieldLabels:
    """The labels of each modality, all centres from all rows at every step."""

    def __init__(self, human: Tensor) -> None:
        self.human = human
        self.label = {key: human.clone() for key in FEATURES}
        self.features = {key: torch.zeros(len(human), width) for key, width in FEATURES.items()}
        self.centres = {key: torch.zeros(2, width) for key, width in FEATURES.items()}
        self.visits = torch.zeros(len(human))

    def observe(self, rows: Tensor, features: dict[str, Tensor]) -> None:
        """Move the labels of the rows from their second visit on, then make the centres anew."""
        again = self.visits[rows] > 0
        step = 2 / (self.visits[rows] + 2)
        alpha = {key: self._alpha(key, features[key]) for key in FEATURES}
        human = self.human[rows]
        for key in ("text", "audio", "video"):
            made = human + (alpha[key] - alpha["fused"]) / 2 * (human + alpha["fused"]) / (alpha["fused"] + 1e-8)
            new = (1 - step) * self.label[key][rows] + step * made.clamp(-3, 3)
            self.label[key][rows] = torch.where(again, new, self.label[key][rows])
        self.visits[rows] += 1
        for key in FEATURES:
            self.features[key][rows] = features[key]
            sides = (self.label[key] > 0, self.label[key] < 0)
            self.centres[key] = torch.stack([self.features[key][side].mean(dim=0) for side in sides])

    def _alpha(self, key: str, features: Tensor) -> Tensor:
        pos, neg = ((features - centre).norm(dim=1) for centre in self.centres[key])
        found: Tensor = (neg - pos) / (pos + 1e-8)
        return found


def field(samples: Sequence[Sample], *, packed: bool) -> Callable[[], float]:
    """An epoch of the plain loop; all of its inputs are padded and held beforehand."""
    torch.manual_seed(0)
    model = FieldModel(packed=packed).train()
    human = torch.tensor([float(sample.score or 0) for sample in samples])
    labels = FieldLabels(human)
    optimizer = torch.optim.Adam(
        [
            {"params": model.text.parameters(), "lr": 5e-5},
            {"params": model.sequences["audio"].parameters(), "lr": 5e-3},
            {"params": model.sequences["video"].parameters(), "lr": 1e-4},
            {"params": [one for part in (model.first, model.second, model.last) for one in part.parameters()], "lr": 1e-3},
        ],
        weight_decay=1e-3,
    )
    loader = DataLoader(TensorDataset(torch.arange(len(samples)), *padded(samples)), batch_size=BATCH, shuffle=True)

    def epoch() -> float:
        began = time.process_time()
        for rows, *batch in loader:
            scores, features = model(batch)
            loss = (scores["fused"] - human[rows]).abs().mean()
            for key in ("text", "audio", "video"):
                target = labels.label[key][rows]
                loss = loss + (torch.tanh((target - human[rows]).abs()) * (scores[key] - target).abs()).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            labels.observe(rows, {key: value.detach() for key, value in features.items()})
            optimizer.step()
        return time.process_time() - began

    return epoch


def padded(samples: Sequence[Sample]) -> list[Tensor]:
    """Token ids, their mask, and frames with their lengths, all rows of one shape."""
    tokenizer = AutoTokenizer.from_pretrained(text_folder("minilm"))
    texts = [sample.text or "" for sample in samples]
    read = tokenizer(texts, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt")
    found = [read["input_ids"], read["attention_mask"]]
    for name, width in WIDTHS.items():
        sequences = [torch.from_numpy(getattr(sample, name).read()) for sample in samples]
        frames = torch.zeros(len(samples), LONGEST[name], width)
        for row, sequence in enumerate(sequences):
            frames[row, : len(sequence)] = sequence
        found += [frames, torch.tensor([len(sequence) for sequence in sequences])]
    return found


# Both


def measured(recipe: Recipe, samples: Sequence[Sample], *, rounds: int) -> dict[str, object]:
    """Seconds of each arm in each round, and the medians of their ratios."""
    complete = recipe.complete(samples)
    begin: dict[str, Callable[[Sequence[Sample]], Callable[[], float]]] = {
        "ours": lambda rows: ours(complete, rows),
        "encoders": lambda rows: encoders(complete, rows),
        "field": lambda rows: field(rows, packed=True),
        "unpacked": lambda rows: field(rows, packed=False),
    }
    for arm in ARMS:  # the first calls are slower
        begin[arm](samples[:BATCH])()
    seconds: list[dict[str, float]] = []
    for number in range(rounds):
        order = ARMS if number % 2 else tuple(reversed(ARMS))  # what follows what is not always the same
        found = {arm: begin[arm](samples)() for arm in order}
        seconds.append({arm: round(found[arm], 3) for arm in ARMS})
        print("  ".join(f"{arm} {found[arm]:.2f} s" for arm in ARMS), flush=True)
    frames = {name: statistics.mean(getattr(sample, name).shape[0] for sample in samples) for name in WIDTHS}
    return {
        "mean_frames": {name: round(value, 1) for name, value in frames.items()},
        "rounds": seconds,
        "outside_encoders": spread([1 - one["encoders"] / one["ours"] for one in seconds]),
        "field_over_ours": spread([one["field"] / one["ours"] for one in seconds]),
        "unpacked_over_ours": spread([one["unpacked"] / one["ours"] for one in seconds]),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {name: round(of(values), 3) for name, of in (("median", statistics.median), ("lowest", min), ("highest", max))}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of MOSI")
    parser.add_argument("--rows", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_data(load_recipe("self_mm/mosi_text_audio"), options.data).split("train")[: options.rows]
    texts, scores = [str(one.text) for one in rows], [float(one.score or 0) for one in rows]
    recipe = load_recipe("self_mm/clips", SETTINGS)
    tokens = [len(one) for one in TransformerText("minilm").tokenizer(texts)["input_ids"]]
    result: dict[str, object] = {
        "clips": len(rows),
        "batch": BATCH,
        "threads": 1,
        "torch": torch.__version__,
        "mean_tokens": round(statistics.mean(tokens), 1),
    }
    for lengths in ("words", "longest"):
        print(f"frames: {lengths}")
        result[lengths] = measured(recipe, made_clips(texts, scores, lengths=lengths), rounds=options.rounds)
        print(json.dumps({key: value for key, value in result[lengths].items() if key != "rounds"}, indent=2))  # type: ignore[attr-defined]
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
