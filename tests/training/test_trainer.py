from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from polysense.data.collate import Collate
from polysense.data.sampling import ShuffledBatches
from polysense.data.table import read_table
from polysense.errors import PolysenseError, RecipeError
from polysense.learner import Learner
from polysense.recipe import load_recipe
from polysense.recipe.training import COUPLED
from polysense.training.arguments import training_arguments
from polysense.training.journal import Journal
from polysense.training.seed import by_part
from polysense.training.splits import Splits
from polysense.training.trainer import LearnerTrainer, load_weights, save_weights, under

RATES = "training.learning_rates={encoders.text: 1.0e-4, encoders.text.backbone.embeddings: 2.0e-4, fusion: 3.0e-4}"


def a_trainer(overrides: list[str], toy_posts: Path, folder: Path) -> tuple[LearnerTrainer, Learner]:
    splits = Splits.of(read_table(toy_posts))
    recipe = load_recipe("social/posts_concat_both", overrides).complete(splits.train)
    learner = recipe.build(seed=0)
    encoders = {name: learner.model.encoder(name) for name in learner.model.encoders}
    arguments = training_arguments(recipe, folder / "checkpoints", seed=0)
    trainer = LearnerTrainer(
        learner,
        arguments,
        samples=splits.train,
        batches=ShuffledBatches(len(splits.train), arguments.per_device_train_batch_size, seed=0),
        collate=Collate(encoders, learner.active.values()),
        examine=lambda: {"weighted_f1": 0.5},
        keep_best=lambda: None,
        journal=Journal(folder),
        learning_rates=by_part(recipe, learner, "learning_rates"),
        weight_decays=by_part(recipe, learner, "weight_decays"),
        coupled_decay=COUPLED in recipe.training,
        callbacks=[],
    )
    return trainer, learner


def groups(trainer: LearnerTrainer, learner: nn.Module) -> dict[str, tuple[float, float]]:
    """Parameter name -> learning rate and weight decay."""
    names = {parameter: name for name, parameter in learner.named_parameters()}
    assert trainer.optimizer is not None
    return {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in trainer.optimizer.param_groups
        for parameter in group["params"]
    }


def test_each_part_has_its_rate_and_only_matrices_decay(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    trainer, learner = a_trainer([*tiny_encoders, RATES, "training.weight_decay=0.1"], toy_posts, tmp_path)
    trainer.create_optimizer()
    found = groups(trainer, learner)
    assert set(found) == {name for name, parameter in learner.named_parameters() if parameter.requires_grad}
    expected = {
        "model.encoders.text.backbone.embeddings.": 2e-4,
        "model.encoders.text.": 1e-4,
        "model.fusion.": 3e-4,
        "objectives.": 1e-3,
    }
    for name, parameter in learner.named_parameters():
        if not parameter.requires_grad:
            assert name.startswith("model.encoders.image.")
            continue
        rate = next(rate for prefix, rate in expected.items() if name.startswith(prefix))
        assert found[name] == (rate, 0.1 if parameter.dim() > 1 else 0.0), name
    assert found["objectives.contrast.log_scale"] == (1e-3, 0.0)


def test_parts_may_have_a_weight_decay_of_their_own(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    decays = "training.weight_decays={encoders.text: 0.2, encoders.text.backbone.embeddings: 0.0}"
    trainer, learner = a_trainer([*tiny_encoders, RATES, "training.weight_decay=0.1", decays], toy_posts, tmp_path)
    trainer.create_optimizer()
    found = groups(trainer, learner)
    for name, parameter in learner.named_parameters():
        if parameter.requires_grad:
            own = 0.0 if "backbone.embeddings." in name else 0.2 if name.startswith("model.encoders.text.") else 0.1
            assert found[name][1] == (own if parameter.dim() > 1 else 0.0), name
    alone, learner = a_trainer([*tiny_encoders, "training.learning_rates=null", decays], toy_posts, tmp_path)
    alone.create_optimizer()
    assert {decay for _, decay in groups(alone, learner).values()} == {0.0, 0.01, 0.2}


def test_decay_may_be_coupled_as_in_adam(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    """Two steps of the Trainer are those of torch.optim.Adam with the same groups, and go on as Adam from its saved state."""
    changes = ["training.coupled_decay=true", "training.weight_decay=0.5", "training.adam_epsilon=1.0e-6"]
    trainer, learner = a_trainer([*tiny_encoders, RATES, *changes], toy_posts, tmp_path)
    made = trainer.create_optimizer()
    assert type(made) is torch.optim.Adam
    assert {group["eps"] for group in made.param_groups} == {1e-6}
    assert {decay for _, decay in groups(trainer, learner).values()} == {0.0, 0.5}
    assert {rate for rate, _ in groups(trainer, learner).values()} == {2e-4, 1e-4, 3e-4, 1e-3}
    weight = learner.get_parameter("model.fusion.mix.weight")
    start, gradient = weight.detach().clone(), torch.full_like(weight, 1e-3)
    weight.grad = gradient.clone()
    made.step()
    made.load_state_dict(made.state_dict())
    weight.grad = gradient.clone()
    made.step()
    expected = nn.Parameter(start.clone())
    plain = torch.optim.Adam([expected], lr=3e-4, eps=1e-6, weight_decay=0.5)
    for _ in range(2):
        expected.grad = gradient.clone()
        plain.step()
    torch.testing.assert_close(weight, expected)


def test_impossible_choices_of_a_coupled_decay_are_refused(tiny_encoders: list[str]) -> None:
    for choice, message in (("1", "write true or false, found 1"), ("true", "means Adam; leave optim and optim_args out")):
        with pytest.raises(RecipeError, match=message):
            load_recipe("social/posts_concat", [*tiny_encoders, f"training.coupled_decay={choice}", "training.optim=sgd"])


def test_without_rates_of_their_own_all_parts_have_the_one(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    trainer, learner = a_trainer([*tiny_encoders, "training.learning_rates=null"], toy_posts, tmp_path)
    trainer.create_optimizer()
    assert {rate for rate, _ in groups(trainer, learner).values()} == {1e-3}


def test_every_rate_follows_the_schedule(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    linear = ["training.lr_scheduler_type=linear", "training.warmup_steps=0", "training.max_steps=4"]
    trainer, _ = a_trainer([*tiny_encoders, RATES, *linear], toy_posts, tmp_path)
    seen: list[dict[str, float]] = []
    note_rate = trainer.note_rate

    def note() -> None:
        note_rate()
        assert trainer.optimizer is not None
        seen.append({group["prefix"]: group["lr"] for group in trainer.optimizer.param_groups})

    trainer.note_rate = note  # type: ignore[method-assign]
    trainer.train()
    starts = {"encoders.text": 1e-4, "encoders.text.backbone.embeddings": 2e-4, "fusion": 3e-4, "": 1e-3}
    for step, rates in enumerate(seen):
        assert rates == pytest.approx({prefix: rate * (1 - step / 4) for prefix, rate in starts.items()})
    assert len(seen) == 4


def test_a_part_that_is_not_there_is_named_with_the_nearest(tiny_encoders: list[str]) -> None:
    labelled = ["objectives.classification.objective.labels=[a, b]"]
    recipe = load_recipe("social/posts_concat_both", [*tiny_encoders, *labelled, "training.learning_rates={encoders.txt: 0.1}"])
    with pytest.raises(RecipeError, match=r"training\.learning_rates: no part 'encoders\.txt'; did you mean 'encoders\.text'"):
        by_part(recipe, recipe.build(seed=0), "learning_rates")
    recipe = load_recipe("social/posts_concat_both", [*tiny_encoders, *labelled, "training.weight_decays={fusoin: 0.1}"])
    with pytest.raises(RecipeError, match=r"training\.weight_decays: no part 'fusoin'; did you mean 'fusion'"):
        by_part(recipe, recipe.build(seed=0), "weight_decays")


@pytest.mark.parametrize(
    ("name", "prefix", "inside"),
    [
        ("model.encoders.text.backbone.weight", "encoders.text", True),
        ("model.encoders.text_two.weight", "encoders.text", False),
        ("objectives.contrast.log_scale", "objectives.contrast.log_scale", True),
        ("model.fusion.head.weight", "fusion", True),
    ],
)
def test_parts_are_named_as_in_a_recipe(name: str, prefix: str, inside: bool) -> None:
    assert under(name, prefix) is inside


def test_a_metric_that_no_evaluator_gives_is_named(tiny_encoders: list[str], toy_posts: Path, tmp_path: Path) -> None:
    trainer, _ = a_trainer([*tiny_encoders, "evaluation.best=weighted_f2"], toy_posts, tmp_path)
    with pytest.raises(RecipeError, match=r"evaluation\.best: no evaluator gives 'weighted_f2'; did you mean 'weighted_f1'"):
        trainer.evaluate()


def test_what_is_no_number_is_better_than_nothing_and_worse_than_anything(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    trainer, _ = a_trainer(tiny_encoders, toy_posts, tmp_path)
    kept: list[float] = []
    trainer._keep_best = lambda: kept.append(value)
    for value in (float("nan"), float("nan"), 0.1, float("nan"), 0.05, 0.3):
        trainer._determine_best_metric({"eval_weighted_f1": value}, None)
    assert str(kept) == "[nan, 0.1, 0.3]"


def test_the_journal_adds_up(trained_runs: dict[str, Path]) -> None:
    """The loss is the weighted sum of the terms."""
    for name, weights in (
        ("both", {"classification": 0.8, "contrast": 0.1, "matching": 0.1}),
        ("base", {"classification": 1.0}),
    ):
        lines = [json.loads(line) for line in (trained_runs[name] / "seed-1" / "journal.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == list(range(1, 13))
        for line in lines:
            assert set(line) == {"step", "epoch", "loss", "learning_rate", "grad_norm", "terms"}
            assert line["loss"] == pytest.approx(sum(weights[term] * value for term, value in line["terms"].items()), abs=1e-6)
            assert line["grad_norm"] > 0


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 3)
        self.two = nn.Linear(3, 3)
        self.two.weight = self.one.weight
        self.register_buffer("count", torch.tensor(7))


def test_the_last_step_of_an_epoch_is_scaled_by_the_batches_that_it_has(
    tiny_encoders: list[str], toy_posts: Path, tmp_path: Path
) -> None:
    """Seven batches are three steps of two and one of one, whose gradient is that of its batch and not half of it."""
    still = ["learning_rate=1.0e-30", "learning_rates=null", "num_train_epochs=1", "per_device_train_batch_size=6"]
    overrides = [*tiny_encoders, *(f"training.{one}" for one in still), "objectives.contrast=null", "objectives.matching=null"]

    def norms(accumulated: int) -> list[float]:
        folder = tmp_path / str(accumulated)
        folder.mkdir()
        trainer, learner = a_trainer([*overrides, f"training.gradient_accumulation_steps={accumulated}"], toy_posts, folder)
        for module in learner.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        trainer.train()
        return [json.loads(line)["grad_norm"] for line in (folder / "journal.jsonl").read_text().splitlines()]

    single, double = norms(1), norms(2)
    assert (len(single), len(double)) == (7, 4)
    assert double[-1] == pytest.approx(single[-1], rel=1e-3)
    assert single[-1] > 0


def test_weights_come_back_tied_ones_too(tmp_path: Path) -> None:
    module, other = Tied(), Tied()
    save_weights(module, tmp_path / "model.safetensors")
    load_weights(other, tmp_path / "model.safetensors")
    assert all(
        torch.equal(one, two) for one, two in zip(module.state_dict().values(), other.state_dict().values(), strict=True)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    (tmp_path / "any").touch()
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


def damage(kind: str, file: Path) -> None:
    if kind == "missing":
        file.unlink()
    elif kind == "truncated":
        file.write_bytes(file.read_bytes()[:-5])
    elif kind == "empty":
        file.write_bytes(b"")
    else:
        save_weights(nn.Linear(2, 2), file)


@pytest.mark.parametrize("kind", ["missing", "truncated", "empty", "another"])
def test_weights_that_cannot_be_read_are_named(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "model.safetensors"
    save_weights(Tied(), file)
    damage(kind, file)
    with pytest.raises(PolysenseError, match=r"model\.safetensors cannot be loaded"):
        load_weights(Tied(), file)


def test_arguments_are_never_pickled(trained_runs: dict[str, Path]) -> None:
    names = {path.name for run in trained_runs.values() for path in run.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl"))]
