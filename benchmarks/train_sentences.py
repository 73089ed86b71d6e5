"""Training a sentence encoder with polysense and with sentence-transformers: the same weights, sentences, batches and rate, in turn.

    python benchmarks/train_sentences.py --data DATA/wiki_sentences --out docs/results/train_sentences.json

Both learn SimCSE without labels (every sentence twice, cosine times 20, mean pooling, no head): polysense by its recipe mcse/simcse,
sentence-transformers by its trainer and MultipleNegativesRankingLoss on two equal columns, as it comes and in bfloat16. Every way is
a process of its own; one of them works at a time, and each round goes through all of them, every other round backwards. What is
timed is the steps after the warm-up: tokenising, both passes, backward, clipping, the optimizer, and what each trainer does beside
them; no evaluation, no checkpoint. A pair is the time of a peer over ours in one round.

The losses are those of the same batches in the same order, with other seeds of dropout from one to the next. The packaged weights
know this task already (their loss is next to nothing), so the curves are longer trainings from the same random weights.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from encode_sentences import processor, read_sentences
from record import commit

OURS = "polysense"
PEERS: dict[str, dict[str, Any]] = {
    "sentence-transformers": {},
    "sentence-transformers, bfloat16": {"bf16": True},
}
BATCH = 64
LENGTH = 32
RATE = 3.0e-5
SCALE = 20.0
PACKAGES = ("polysense", "torch", "transformers", "accelerate", "sentence-transformers")


@dataclass
class Training:
    """What a training gave."""

    seconds: float
    """Of the steps after the warm-up, by the clock."""
    processor_seconds: float
    """The same, as the processor counts what this process had of it, all threads together: others at work change it less."""
    losses: list[float] = field(repr=False)
    """Of every step."""


class Stopwatch(TrainerCallback):
    """Seconds from the end of step ``warm_up`` to the end of the last one, before anything is saved."""

    def __init__(self, warm_up: int) -> None:
        self._warm_up = warm_up
        self._began = self._processor_began = 0.0
        self.seconds = self.processor_seconds = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        if state.global_step == self._warm_up:
            self._began, self._processor_began = time.perf_counter(), time.process_time()
        self.seconds = time.perf_counter() - self._began
        self.processor_seconds = time.process_time() - self._processor_began


def our_training(model: str, sentences: Sequence[str], *, warm_up: int, seed: int, overrides: Sequence[str] = ()) -> Training:
    """One epoch of the recipe ``mcse/simcse`` over the sentences, with mean pooling and no head, as the peer has it."""
    from polysense.data.collate import Collate
    from polysense.data.sampling import ShuffledBatches
    from polysense.recipe import load_recipe
    from polysense.training.arguments import training_arguments
    from polysense.training.journal import Journal
    from polysense.training.precision import settle_precision
    from polysense.training.seed import readers
    from polysense.training.trainer import LearnerTrainer
    from polysense.types import Sample

    settings = [
        f"encoders.text.pretrained={model}",
        "encoders.text.pooling=mean",
        f"encoders.text.max_length={LENGTH}",
        "objectives.contrast.objective.head=false",
        f"objectives.contrast.objective.temperature={1 / SCALE}",
        f"training.per_device_train_batch_size={BATCH}",
        f"training.learning_rate={RATE}",
        "training.eval_strategy=steps",
        "training.eval_steps=1000000",
    ]
    samples = [Sample(id=str(place), text=text, split="train", index=place) for place, text in enumerate(sentences)]
    recipe = settle_precision(load_recipe("mcse/simcse", [*settings, *overrides]).complete(samples))
    learner = recipe.build(seed=seed)
    modalities = readers(learner, samples, use_cache=True)
    watch = Stopwatch(warm_up)
    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(recipe, Path(folder), seed=seed)
        LearnerTrainer(
            learner,
            arguments,
            samples=samples,
            batches=ShuffledBatches(len(samples), arguments.per_device_train_batch_size, seed=0),
            collate=Collate(modalities, learner.active.values(), companions=learner.companions),
            examine=lambda: {recipe.evaluation.best: 0.0},
            keep_best=lambda: None,
            journal=Journal(Path(folder)),
            learning_rates={},
            weight_decays={},
            callbacks=[watch],
        ).train()
        lines = (Path(folder) / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return Training(watch.seconds, watch.processor_seconds, [json.loads(line)["loss"] for line in lines])


def peer_training(
    model: str, sentences: Sequence[str], *, warm_up: int, seed: int, settings: Mapping[str, Any] | None = None
) -> Training:
    """The same with sentence-transformers; its own defaults but for what is named here."""
    from datasets import Dataset, disable_progress_bars
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from torch.utils.data import SequentialSampler

    from polysense.data.sampling import ShuffledBatches

    disable_progress_bars()
    network = SentenceTransformer(model, device="cpu")
    network.max_seq_length = LENGTH
    loss = MultipleNegativesRankingLoss(network, scale=SCALE)
    terms: list[Any] = []
    loss.register_forward_hook(lambda _module, _inputs, output: terms.append(output.detach()))
    order = [sentences[row] for rows in ShuffledBatches(len(sentences), BATCH, seed=0) for row in rows]
    watch = Stopwatch(warm_up)
    with tempfile.TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            lr_scheduler_type="linear",
            seed=seed,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            batch_sampler=lambda rows, **choices: DefaultBatchSampler(SequentialSampler(rows), **choices),
            **(settings or {}),
        )
        SentenceTransformerTrainer(
            model=network,
            args=arguments,
            train_dataset=Dataset.from_dict({"one": order, "other": order}),
            loss=loss,
            callbacks=[watch],
        ).train()
    return Training(watch.seconds, watch.processor_seconds, [float(term) for term in terms])


def random_start(model: str, folder: Path) -> str:
    """A copy of the model's folder with random weights."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    torch.manual_seed(0)
    AutoModel.from_config(AutoConfig.from_pretrained(model)).save_pretrained(folder)  # type: ignore[no-untyped-call]
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return str(folder)


def work(way: str, sentences: Path, threads: int) -> None:
    """A process that trains for every line (model, steps, warm_up, seed) that comes in, and answers with a line."""
    import torch

    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    texts: list[str] = json.loads(sentences.read_text(encoding="utf-8"))
    for line in sys.stdin:
        asked = json.loads(line)
        rows = asked["steps"] * BATCH
        chosen = [texts[place * len(texts) // rows] for place in range(rows)]
        train = our_training if way == OURS else partial(peer_training, settings=PEERS[way])
        found = train(asked["model"], chosen, warm_up=asked["warm_up"], seed=asked["seed"])
        print(json.dumps(asdict(found)), file=answers, flush=True)


class Worker:
    """A way of training in its process."""

    def __init__(self, way: str, sentences: Path, threads: int) -> None:
        self.way = way
        options = ["--sentences-file", str(sentences), "--threads", str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", way, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"},
        )

    def train(self, model: str, *, steps: int, warm_up: int, seed: int) -> Training:
        """A training from ``model``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"model": model, "steps": steps, "warm_up": warm_up, "seed": seed}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.way}: the process ended (code {self._process.wait()})")
        return Training(**json.loads(answer))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def take_turns(workers: Sequence[Worker], model: str, rounds: int, **choices: int) -> dict[str, list[Training]]:
    """Every way once a round, every other round backwards; the round's number is the seed."""
    found: dict[str, list[Training]] = {worker.way: [] for worker in workers}
    for number in range(rounds):
        for worker in workers if number % 2 == 0 else workers[::-1]:
            found[worker.way].append(worker.train(model, seed=number, **choices))
        print(f"round {number}: " + ", ".join(f"{way} {one[-1].seconds:.1f} s" for way, one in found.items()), flush=True)
    return found


def ratios(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """How many times as long as ours each peer took: the median over the rounds, and every round."""
    pairs = {
        way: [peer / ours for peer, ours in zip(one, seconds[OURS], strict=True)] for way, one in seconds.items() if way != OURS
    }
    return {
        way: {"median": round(statistics.median(one), 3), "pairs": [round(ratio, 3) for ratio in one]}
        for way, one in pairs.items()
    }


def times(found: Mapping[str, Sequence[Training]]) -> dict[str, Any]:
    """Seconds and their ratios, by the clock and by the processor."""
    clock = {way: [round(one.seconds, 3) for one in trainings] for way, trainings in found.items()}
    processor_time = {way: [round(one.processor_seconds, 3) for one in trainings] for way, trainings in found.items()}
    return {
        "seconds": clock,
        "times_as_long_as_polysense": ratios(clock),
        "processor_seconds": processor_time,
        "times_as_much_processor_time_as_polysense": ratios(processor_time),
    }


def mean_loss(losses: Sequence[float]) -> float:
    """Four digits of it."""
    return float(f"{statistics.fmean(losses):.4g}")


def curves(found: Mapping[str, Sequence[Training]]) -> dict[str, list[list[float]]]:
    """The mean loss over each sixth of the steps, a list a seed."""
    return {way: [_sixths(training.losses) for training in one] for way, one in found.items()}


def _sixths(losses: Sequence[float]) -> list[float]:
    edges = [len(losses) * place // 6 for place in range(7)]
    return [mean_loss(losses[start:end]) for start, end in pairwise(edges)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30, help="that are timed")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before them")
    parser.add_argument("--curve-steps", type=int, default=150)
    parser.add_argument("--curve-seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--leave-out", action="append", default=[], help="a way of the peer")
    parser.add_argument("--out", type=Path)
    for name in ("--worker", "--model", "--sentences-file"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, Path(options.sentences_file), options.threads)
        return
    from polysense.encoders.packaged import packaged_folder

    model = options.model or str(packaged_folder("minilm"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentences.json"
        needed = max(options.steps + options.warm_up, options.curve_steps) * BATCH
        file.write_text(json.dumps(read_sentences(options.data, needed)), encoding="utf-8")
        workers = [Worker(way, file, options.threads) for way in (OURS, *PEERS) if way not in options.leave_out]
        timed = take_turns(workers, model, options.pairs, steps=options.steps + options.warm_up, warm_up=options.warm_up)
        start = random_start(model, Path(folder) / "random")
        long = take_turns(workers, start, options.curve_seeds, steps=options.curve_steps, warm_up=options.warm_up)
        for worker in workers:
            worker.close()
    result = {
        "batch": BATCH,
        "max_length": LENGTH,
        "learning_rate": RATE,
        "steps": options.steps,
        "warm_up": options.warm_up,
        "threads": options.threads,
        "left_out": options.leave_out,
        "processor": processor(),
        "load_average": [round(one, 1) for one in os.getloadavg()],
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        **times(timed),
        "mean_loss": {way: [mean_loss(one.losses) for one in found] for way, found in timed.items()},
        "curves_from_random_weights": {"steps": options.curve_steps, "mean_loss_by_sixth": curves(long), **times(long)},
    }
    print(json.dumps({**result, "versions": {}}, indent=2))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
