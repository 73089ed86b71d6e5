"""All base models of text and picture: ITC and ITM learn their own tasks, gradients reach both sides, models are saved and built upon.

The two controls find the known defects of the authors' code: matching heads that never see the exchanged pair, vectors cut off from
the contrast, a contrast of vectors that have already seen each other, layers that stay in evaluation mode.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import BORROWING, COLOURS, posts, recipe_of

from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vilt_patches import ViltPatches
from polysense.encoders.vision_image import VisionImage
from polysense.errors import RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.matching import Matching
from polysense.evaluation.retrieval import Retrieval
from polysense.learner import Learner
from polysense.training.saved import read_model, write_model
from polysense.types import Batch

MODELS: dict[str, dict[str, Any]] = {
    "Concatenation": {"interactions": True},
    "CrossAttention": {},
    "Gated": {},
    "ModalityAttention": {},
    "Mmbt": {},
    "Lxmert": {},
    "Vilt": {},
}
ITC = {"contrast": {"objective": {"class_path": "ImageTextContrast", "init_args": {"shared_width": 32}}}}
ITM = {"matching": {"objective": "ImageTextMatching"}}


def collate(learner: Learner) -> Collate:
    encoders = {name: learner.model.encoder(name) for name in learner.model.encoders}
    return Collate(encoders, learner.preparers, companions=learner.companions)


def rows_of(nested: Mapping[str, Any], index: torch.Tensor) -> dict[str, Any]:
    return {name: rows_of(value, index) if isinstance(value, dict) else value[index] for name, value in nested.items()}


@pytest.mark.parametrize("fusion", [name for name in MODELS if name not in ("Gated", "ModalityAttention")])
def test_both_signals_learn_their_own_task(fusion: str, networks: Path) -> None:
    learner = recipe_of(fusion, networks, ITC | ITM, **MODELS[fusion]).build(seed=0)
    learned, draw = collate(learner)(posts(96)), random.Random(0)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=2e-3)
    learner.train()
    for step in range(120):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, (step + 1) / 20)
        loss = learner(**rows_of(learned, torch.tensor(draw.sample(range(96), 24))))["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
    answerer = Answerer(learner, collate(learner))
    assert Matching()(answerer, posts(48, seed=1))["matching_accuracy"] >= 0.85
    assert Retrieval()(answerer, posts(len(COLOURS), seed=1))["text_to_image_R@1"] >= 0.75  # 0.125 is chance


@pytest.mark.parametrize("objectives", [ITC, ITM], ids=["ITC", "ITM"])
@pytest.mark.parametrize("fusion", MODELS)
def test_the_gradient_reaches_text_and_picture(fusion: str, objectives: dict[str, Any], networks: Path) -> None:
    learner = recipe_of(fusion, networks, objectives, **MODELS[fusion]).build(seed=0)
    learner(**collate(learner)(posts(8)))["loss"].backward()
    for name in ("text", "image"):
        encoder = learner.model.encoder(name)
        assert sum(float(one.grad.abs().sum()) for one in encoder.parameters() if one.grad is not None) > 0, name
    layers: Any = learner.model.encoder("text").backbone.encoder.layer
    assert all(one.grad is not None for one in layers.parameters())


@pytest.mark.parametrize("fusion", MODELS)
def test_the_logits_of_a_class_do_not_depend_on_the_signals_beside_it(fusion: str, networks: Path) -> None:
    found = []
    for signals in ({}, ITC, ITM, ITC | ITM):
        objectives = {**signals, "classification": {"objective": "Classification"}}  # the signals look first
        learner = recipe_of(fusion, networks, objectives, samples=posts(8), **MODELS[fusion]).build(seed=0).eval()
        head: Any = learner.objective("classification").head
        head.register_forward_hook(lambda module, given, logits: found.append(logits.detach()))
        with torch.no_grad():
            assert set(learner(**collate(learner)(posts(8)))["terms"]) == set(objectives)
    assert len(found) == 4
    assert found[0].std() > 0
    assert all(torch.equal(logits, found[0]) for logits in found[1:])


@pytest.mark.parametrize("fusion", BORROWING)
def test_layers_that_a_fusion_runs_are_in_the_mode_of_their_encoder(fusion: str, networks: Path) -> None:
    learner = recipe_of(fusion, networks, ITM).build(seed=0)
    network: Any = learner.model.encoder("text").lent
    for _ in range(2):  # as in two epochs with an evaluation between them
        learner.train()
        assert all(module.training for module in network.modules())
        Answerer(learner, collate(learner)).predict(posts(2))
    frozen = recipe_of(fusion, networks, ITM, trainable=False).build(seed=0).train()
    network = frozen.model.encoder("text").lent
    assert not any(module.training for module in network.modules())
    frozen(**collate(frozen)(posts(8)))["loss"].backward()
    assert all(one.grad is None for one in network.parameters())


@pytest.mark.parametrize("fusion", MODELS)
def test_a_saved_model_answers_as_before(fusion: str, networks: Path, tmp_path: Path) -> None:
    objectives = {"classification": {"objective": "Classification"}, **ITC, **ITM}
    recipe = recipe_of(fusion, networks, objectives, samples=posts(8), **MODELS[fusion])
    learner = recipe.build(seed=3).eval()
    write_model(tmp_path, recipe, learner)
    _, again = read_model(tmp_path)
    rows = posts(5, seed=2)
    before = Answerer(learner, collate(learner)).predict(rows).columns
    assert set(before) >= {"label", "probabilities", "match", "similarity"}
    assert Answerer(again, collate(again)).predict(rows).columns == before
    alone = [Answerer(again, collate(again)).predict([row]).columns for row in rows]
    for name in ("match", "similarity"):
        assert [one[name][0] for one in alone] == pytest.approx(before[name], abs=1e-5)


@pytest.mark.parametrize("fusion", BORROWING)
def test_a_saved_model_is_built_upon(fusion: str, networks: Path, tmp_path: Path) -> None:
    recipe = recipe_of(fusion, networks, ITC)
    learner = recipe.build(seed=5)
    with torch.no_grad():
        for parameter in learner.parameters():
            parameter.add_(0.01)
    write_model(tmp_path, recipe, learner.eval())
    text = TransformerText(str(tmp_path), tokens="embedded")
    image = ViltPatches(str(tmp_path)) if fusion == "Vilt" else VisionImage(str(tmp_path))
    for name, loaded in (("text", text), ("image", image)):
        wanted = learner.model.encoder(name).state_dict()
        assert loaded.state_dict().keys() == wanted.keys()
        assert all(torch.equal(tensor, wanted[key]) for key, tensor in loaded.state_dict().items())


def test_the_text_encoder_of_mmbt_reads_texts_alone_elsewhere(networks: Path, tmp_path: Path) -> None:
    recipe = recipe_of("Mmbt", networks, ITC)
    learner = recipe.build(seed=0).eval()
    write_model(tmp_path, recipe, learner)
    alone = TransformerText(str(tmp_path)).eval()
    fields = alone.prepare(posts(3))
    with torch.no_grad():
        part = learner.model(Batch.of(collate(learner)(posts(3)))).parts["text"]
        torch.testing.assert_close(alone.encode(fields)[2], part.summary, atol=1e-5, rtol=0)


def test_a_vilt_is_refused_where_another_network_is_meant(networks: Path) -> None:
    with pytest.raises(RecipeError, match=r"ViltPatches reads the patches of a ViLT, '.*vit' is a ViTModel"):
        ViltPatches(str(networks / "vit"))
