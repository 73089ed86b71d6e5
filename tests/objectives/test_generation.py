"""Texts that are written: the loss by hand, nothing of a target in its source, one head for two objectives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import posts, recipe_of

from polysense.data.collate import Collate
from polysense.errors import DataError, RecipeError
from polysense.learner import Learner
from polysense.objectives.generation import Generation
from polysense.training.saved import read_model, write_model
from polysense.types import MARK, Batch, Sample
from polysense.views.masked import KEPT


def pairs(count: int = 6) -> list[Sample]:
    return [replace(one, text=f"see {one.text}", pair=str(one.text)) for one in posts(count)]


def generation(**choices: Any) -> dict[str, Any]:
    return {"class_path": "Generation", "init_args": {"longest": 6, **choices}}


def learner(networks: Path, samples: list[Sample], **choices: Any) -> Learner:
    signals = {"writing": generation(**choices)}
    return recipe_of("SingleStream", networks, signals, samples=samples, dropout=0.0).build(seed=0)


def batch_of(made: Learner, samples: list[Sample]) -> Batch:
    encoders = {name: made.model.encoder(name) for name in made.model.encoders}
    return Batch.of(Collate(encoders, made.preparers, companions=made.companions)(samples))


def seen(made: Learner, batch: Batch) -> tuple[Any, Any]:
    objective: Any = made.objective("writing")
    look = made.look(batch, step=3)
    return look(objective.view(look))


@pytest.mark.parametrize("target", ["text", "pair", "fragments"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_cross_entropy_of_each_next_token(networks: Path, target: str, smoothing: float) -> None:
    samples = pairs()
    made = learner(networks, samples, target=target, smoothing=smoothing, tied=target != "pair")
    batch, objective = batch_of(made, samples), made.objective("writing")
    shown, representation = seen(made, batch)
    encoder: Any = made.model.encoder("text")
    table = encoder.embeddings if target != "pair" else objective.head.decoder.weight
    terms, plain = [], []
    for row, place in torch.nonzero(shown.targets["original"] != KEPT).tolist():
        state = representation.fused.states[row, place]
        chances = (table @ objective.head.transform(state) + objective.head.bias).log_softmax(0)
        plain.append(-chances[shown.targets["original"][row, place]])
        terms.append((1 - smoothing) * plain[-1] - smoothing * chances.mean())
    assert len(terms) > 6
    torch.testing.assert_close(objective(made.look(batch, step=3)), torch.stack(terms).mean())
    made.eval()  # smoothing is for training
    torch.testing.assert_close(objective(made.look(batch, step=3)), torch.stack(plain).mean())


@pytest.mark.parametrize("target", ["text", "pair", "fragments"])
def test_the_source_never_sees_the_target_and_no_target_what_follows(networks: Path, target: str) -> None:
    samples = pairs(4)
    made = learner(networks, samples, target=target).eval()
    shown, before = seen(made, batch_of(made, samples))
    text = shown.batch.parts["text"]
    time = text["input_ids"].shape[1]
    for place in range(time):
        ids = text["input_ids"].clone()
        ids[:, place] = (ids[:, place] + 5) % 16
        changed = Batch({**shown.batch.parts, "text": {**text, "input_ids": ids}}, shown.batch.fields)
        with torch.no_grad():
            after = made.model(changed).fused
        moved = (after.states - before.fused.states).abs().amax(dim=2) > 1e-5
        for row in range(4):
            if text["attention_mask"][row, place] and text[f"{MARK}target"][row, place]:
                assert moved[row, place]
                assert not moved[row, :place].any()  # the source and the targets before
                assert not moved[row, time:].any()  # the picture


@pytest.mark.parametrize("target", ["text", "pair", "fragments"])
@torch.no_grad()
def test_what_is_written_depends_on_the_picture(networks: Path, target: str) -> None:
    samples = pairs(4)
    others = [replace(one, image=other.image) for one, other in zip(samples, samples[::-1], strict=True)]
    made = learner(networks, samples, target=target).eval()
    objective: Any = made.objective("writing")
    found, changed = (objective.recover(made.look(batch_of(made, rows), step=3)) for rows in (samples, others))
    assert torch.equal(found.truth, changed.truth)
    assert ((found.scores - changed.scores).abs().amax(dim=1) > 1e-3).all()


def test_rows_without_a_picture_have_no_caption_to_learn(networks: Path) -> None:
    samples = posts(4)
    made = learner(networks, samples).eval()
    objective = made.objective("writing")
    lacking = [replace(one, image=None) if row % 2 else one for row, one in enumerate(samples)]
    some = objective(made.look(batch_of(made, lacking), step=0))
    torch.testing.assert_close(some, objective(made.look(batch_of(made, lacking[::2]), step=0)))
    assert objective(made.look(batch_of(made, lacking[1::2]), step=0)) is None


def test_tags_change_what_is_written_of(networks: Path) -> None:
    samples = [replace(one, extra={"seen": "box"} if one.index % 2 else {}) for one in posts(4)]
    made = learner(networks, samples, tags="seen").eval()
    objective = made.objective("writing")
    shown, _ = seen(made, batch_of(made, samples))
    lengths = (shown.batch.parts["text"]["attention_mask"].bool() & ~shown.batch.parts["text"][f"{MARK}target"]).sum(dim=1)
    assert lengths.tolist() == [0, 3, 0, 3]
    with_tags = objective(made.look(batch_of(made, samples), step=0))
    without = objective(made.look(batch_of(made, posts(4)), step=0))
    assert abs(with_tags.item() - without.item()) > 1e-4


def test_one_head_serves_two_objectives_also_after_loading(networks: Path, tmp_path: Path) -> None:
    language = {"class_path": "MaskedLanguage", "init_args": {"beside": True}}
    signals = {
        "writing": {"objective": generation(target="fragments", head_of="language"), "turn": "language"},
        "language": {"objective": language, "turn": "language"},
    }
    recipe = recipe_of("SingleStream", networks, signals)
    made = recipe.build(seed=0)
    assert not [name for name, _ in made.named_parameters() if name.startswith("objectives.writing")]
    with torch.no_grad():
        made.objective("language").head.bias.normal_()
        made.model.encoder("text").embeddings.normal_()
    write_model(tmp_path / "saved", recipe, made)
    _, again = read_model(tmp_path / "saved")
    head, lender = again.objective("writing").head, again.objective("language").head
    assert head is lender
    torch.testing.assert_close(head.bias, made.objective("language").head.bias)
    # the decoder of a tied head is the embedding itself, not a copy that was loaded beside it
    encoder: Any = again.model.encoder("text")
    logits = head(torch.eye(32), encoder.embeddings)
    with torch.no_grad():
        encoder.backbone.embeddings.word_embeddings.weight[5] += 1.0
    assert encoder.embeddings.data_ptr() == encoder.backbone.embeddings.word_embeddings.weight.data_ptr()
    moved = (head(torch.eye(32), encoder.embeddings) - logits).abs().amax(dim=0) > 1e-6
    assert moved.nonzero().flatten().tolist() == [5]


def test_what_it_cannot_do_is_said(networks: Path) -> None:
    samples = posts(2)
    with pytest.raises(RecipeError, match="no MaskedLanguage of this recipe"):
        learner(networks, samples, head_of="language")
    with pytest.raises(DataError, match="no training row has a text and a 'pair'"):
        learner(networks, samples, target="pair")
    with pytest.raises(DataError, match="no training row has a text and a picture"):
        learner(networks, [replace(one, image=None) for one in samples])
    with pytest.raises(RecipeError, match="target: text"):
        learner(networks, pairs(2), target="pair", tags="seen")
    with pytest.raises(RecipeError, match="smoothing"):
        Generation({"fused": 4, "vocabulary": 5}, smoothing=1.0)
    with pytest.raises(RecipeError, match="longest"):
        Generation({"fused": 4, "vocabulary": 5}, longest=1)
    for fusion in ("Mmbt", "Concatenation"):  # whose text would see itself
        other = recipe_of(fusion, networks, {"writing": generation()}, samples=samples).build(seed=0)
        with pytest.raises(RecipeError, match="needs the fusion SingleStream"):
            other.objective("writing")(other.look(batch_of(other, samples), step=0))


def test_a_place_that_the_network_does_not_know_is_refused(networks: Path) -> None:
    long = [replace(one, text="see a red box and a green box and a blue box", pair="a red box") for one in posts(2)]
    made = learner(networks, long, target="pair")
    with pytest.raises(RecipeError, match=r"would stand at place 1\d, and the text encoder has 16"):
        made.objective("writing")(made.look(batch_of(made, long), step=0))
    restarted = learner(networks, long, target="pair", places="restart")
    assert restarted.objective("writing")(restarted.look(batch_of(restarted, long), step=0)) is not None
