"""UNIMO's one stream: what the network itself computes, two towers, prefix attention, hidden regions, boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import posts, recipe_of
from torch import Tensor
from transformers import AutoModel

from polysense.boxes import locations, overlaps
from polysense.data.collate import Collate
from polysense.errors import RecipeError
from polysense.fusion.single_stream import SingleStream, reads
from polysense.model import Model
from polysense.types import MARK, Batch, Encoded, Sample


@pytest.fixture
def model(networks: Path) -> Model:
    return recipe_of("SingleStream", networks, {"matching": "ImageTextMatching"}).build(seed=0).model.eval()


def batch_of(model: Model, samples: list[Sample]) -> Batch:
    return Batch.of(Collate({name: model.encoder(name) for name in model.encoders})(samples))


def uneven() -> list[Sample]:
    samples = posts(5)
    return [replace(one, text="see a " * (row % 3) + str(one.text)) for row, one in enumerate(samples)]


def test_text_alone_is_what_the_network_makes_of_it(model: Model, networks: Path) -> None:
    batch = batch_of(model, uneven())
    network = AutoModel.from_pretrained(networks / "bert").eval()
    text = batch.parts["text"]
    with torch.no_grad():
        wanted = network(text["input_ids"], attention_mask=text["attention_mask"]).last_hidden_state
        found = model(batch).parts["text"]
    real = text["attention_mask"].bool()
    torch.testing.assert_close(found.states[real], wanted[real], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.summary, wanted[:, 0], atol=1e-5, rtol=0)


def test_the_pair_is_the_network_over_words_and_embedded_regions(model: Model, networks: Path) -> None:
    (sample,) = posts(1)
    batch, stream = batch_of(model, [sample]), model.fusion
    assert isinstance(stream, SingleStream)
    network: Any = AutoModel.from_pretrained(networks / "bert").eval()
    with torch.no_grad():
        states = model.encode(batch)["image"].states[0]
        corners = [(0.0, 0.0, 1.0, 1.0)] + [(x / 2, y / 2, (x + 1) / 2, (y + 1) / 2) for y in range(2) for x in range(2)]
        tokens = []
        features = [states.mean(dim=0), *states]  # the class token of a ViT is a state too, over the whole picture
        for feature, box in zip(features, [(0.0, 0.0, 1.0, 1.0), *corners], strict=True):
            area = (box[2] - box[0]) * (box[3] - box[1])
            tokens.append(stream.norm(stream.read(feature) + stream.locate(torch.tensor([*box, area]))))
        words = network.embeddings(batch.parts["text"]["input_ids"])
        wanted = network.encoder(torch.cat([words, torch.stack(tokens)[None]], dim=1)).last_hidden_state
        found = model(batch).fused
    torch.testing.assert_close(found.states, wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.codes["joint.text"], wanted[:, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.codes["joint.image"], wanted[:, words.shape[1]], atol=1e-5, rtol=0)
    pooled = stream.heads["text"](wanted[:, 0]).relu() + stream.heads["image"](wanted[:, words.shape[1]]).relu()
    torch.testing.assert_close(found.summary, pooled, atol=1e-5, rtol=0)


@pytest.mark.parametrize("pooling", ["sum", "product", "mean"])
def test_pieces_padding_and_batch_mates_change_nothing(networks: Path, pooling: str) -> None:
    together = (
        recipe_of("SingleStream", networks, {"matching": "ImageTextMatching"}, pooling=pooling).build(seed=0).model.eval()
    )
    samples = [
        replace(one, **({"text": None} if row == 1 else {"image": None} if row == 3 else {}))
        for row, one in enumerate(uneven())
    ]
    with torch.no_grad():
        whole = together(batch_of(together, samples)).fused
        together.fusion.piece_rows = 2
        pieces = together(batch_of(together, samples)).fused
        torch.testing.assert_close(pieces.states[whole.mask], whole.states[whole.mask], atol=1e-5, rtol=0)
        for row, sample in enumerate(samples):
            alone = together(batch_of(together, [sample])).fused
            torch.testing.assert_close(whole.summary[row], alone.summary[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(pieces.summary[row], alone.summary[0], atol=1e-5, rtol=0)


def test_a_text_does_not_depend_on_the_weights_for_pictures(model: Model) -> None:
    batch = batch_of(model, [replace(one, image=None) for one in posts(3)])
    with torch.no_grad():
        before = model(batch).fused.summary
        for name, weight in model.fusion.named_parameters():
            if not name.startswith("heads.text"):
                weight.normal_()
        torch.testing.assert_close(model(batch).fused.summary, before)


def marked(batch: Batch, target: list[bool], ids: Tensor | None = None) -> Batch:
    """The batch with so many last tokens of the text to be written."""
    text = dict(batch.parts["text"])
    text[f"{MARK}target"] = torch.tensor(target).expand(batch.size, -1)
    if ids is not None:
        text["input_ids"] = ids
    return Batch({**batch.parts, "text": text}, batch.fields)


def test_a_target_changes_no_source_and_no_target_before_it(model: Model) -> None:
    batch = batch_of(model, posts(2))
    ids = batch.parts["text"]["input_ids"]
    time = ids.shape[1]
    target = [False] * (time - 3) + [True] * 3
    with torch.no_grad():
        before = model(marked(batch, target)).fused.states
        for place in range(time):
            changed = ids.clone()
            changed[:, place] = (changed[:, place] + 5) % 16
            after = model(marked(batch, target, changed)).fused.states
            moved = (after - before).abs().amax(dim=2) > 1e-5
            if target[place]:
                assert moved[:, place:time].all()
                assert not moved[:, :place].any()
                assert not moved[:, time:].any()  # the picture is source
            else:
                assert moved.all()


def test_a_hidden_region_is_not_read_and_not_in_the_whole(model: Model) -> None:
    batch = batch_of(model, posts(2))
    with torch.no_grad():
        encoded = model.encode(batch)["image"]
        hidden = torch.zeros_like(encoded.mask)
        hidden[:, 2] = True
        seen = replace(encoded, marks={"hidden": hidden})
        before = model.fusion.image_tokens(seen).states
        states = encoded.states.clone()
        states[:, 2] = 7.0
        after = model.fusion.image_tokens(replace(seen, states=states)).states
        torch.testing.assert_close(after, before)
        assert not torch.allclose(model.fusion.image_tokens(replace(encoded, states=states)).states, before)
        whole = model.fusion.image_tokens(encoded).states
        assert not torch.allclose(whole[:, 0], before[:, 0])
        torch.testing.assert_close(whole[:, [1, 2, 4, 5]], before[:, [1, 2, 4, 5]])


def test_boxes_from_states_leave_out_the_classes() -> None:
    stream = SingleStream({"text": 8, "image": 6 + 3 + 4}, boxes="states", classes=3)
    assert stream.sizes == {"region.features": 6, "region.classes": 3}
    there, mask = torch.ones(2, dtype=torch.bool), torch.ones(2, 5, dtype=torch.bool)
    states = torch.rand(2, 5, 13)
    before = stream.eval().image_tokens(Encoded(states, mask, states[:, 0], there)).states
    classes, box = states.clone(), states.clone()
    classes[..., 6:9] += 1.0
    box[:, 2, 9] += 1.0
    torch.testing.assert_close(stream.image_tokens(Encoded(classes, mask, states[:, 0], there)).states, before)
    moved = (stream.image_tokens(Encoded(box, mask, states[:, 0], there)).states - before).abs().amax(dim=2) > 1e-4
    assert moved.tolist() == [[False, False, False, True, False, False]] * 2


def test_what_is_read() -> None:
    real = torch.tensor([[True, True, True, True, False]])
    target = torch.tensor([[False, False, True, True, False]])
    allowed = (reads(real, target, torch.float32) == 0)[0, 0].int().tolist()
    assert allowed[:4] == [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
    assert (reads(real, None, torch.float32) == 0)[0, 0].int().tolist() == [[1, 1, 1, 1, 0]]


def test_overlaps_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.1, 0.0, 0.6, 0.5], [0.25, 0.25, 0.75, 0.75], [0.9, 0.9, 1.0, 1.0]])
    found = overlaps(boxes)
    torch.testing.assert_close(found[0], torch.tensor([1.0, 0.666667, 0.142857, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(found, found.T)
    torch.testing.assert_close(locations(boxes)[:, 4], torch.tensor([0.25, 0.25, 0.25, 0.01]))


def test_it_refuses_what_it_cannot_read(networks: Path) -> None:
    with pytest.raises(RecipeError, match="text, and image or not"):
        SingleStream({"text": 4, "audio": 4})
    with pytest.raises(RecipeError, match="boxes: states"):
        SingleStream({"text": 4, "image": 9}, classes=2)
    with pytest.raises(RecipeError, match="more than 6 numbers a region"):
        SingleStream({"text": 4, "image": 6}, boxes="states", classes=2)
    fusion = SingleStream({"text": 32})
    with pytest.raises(RecipeError, match="BERT kind"):
        fusion.borrow({"text": AutoModel.from_pretrained(networks / "vit")})
