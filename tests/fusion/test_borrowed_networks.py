"""The fusions that run the text encoder's network: what the network itself computes, what is missing, and each modality by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.made_colours import BORROWING, posts, recipe_of
from transformers import AutoModel, LxmertModel, ViltModel

from polysense.boxes import grid_boxes
from polysense.data.collate import Collate
from polysense.encoders.transformer_text import TransformerText
from polysense.errors import RecipeError
from polysense.fusion.gated import Gated
from polysense.fusion.lxmert import Lxmert
from polysense.fusion.mmbt import Mmbt
from polysense.fusion.vilt import Vilt
from polysense.model import Model
from polysense.types import Batch, Encoded, Representation, Sample

ITM = {"matching": "ImageTextMatching"}


@pytest.fixture(params=BORROWING)
def model(request: pytest.FixtureRequest, networks: Path) -> Model:
    made = recipe_of(request.param, networks, ITM).build(seed=0).model.eval()
    with torch.no_grad():  # away from their start at zero, so that a placeholder that is not used shows
        for name, vector in made.fusion.named_parameters():
            if name.startswith("placeholders."):
                vector.normal_()
    return made


def batch_of(model: Model, samples: Sequence[Sample]) -> Batch:
    return Batch.of(Collate({name: model.encoder(name) for name in model.encoders})(samples))


def seen(model: Model, samples: Sequence[Sample]) -> Representation:
    with torch.no_grad():
        return model(batch_of(model, samples))


def without(sample: Sample, name: str) -> Sample:
    return replace(sample, **{name: None})


def test_vilt_computes_what_the_network_does(networks: Path) -> None:
    model = recipe_of("Vilt", networks, ITM).build(seed=0).model.eval()
    samples = posts(4)
    samples[1] = replace(samples[1], image=samples[1].image.resize((48, 32)), text="see a red box")
    batch = batch_of(model, samples)
    network = ViltModel.from_pretrained(networks / "vilt").eval()
    text, image = batch.parts["text"], batch.parts["image"]
    with torch.no_grad():
        wanted = network(
            input_ids=text["input_ids"],
            attention_mask=text["attention_mask"],
            pixel_values=image["pixel_values"],
            pixel_mask=image["pixel_mask"].long(),
        ).last_hidden_state
        found = model(batch).fused
    assert image["pixel_mask"].shape[1:] == (32, 48)
    torch.testing.assert_close(found.summary, wanted[:, 0], atol=1e-5, rtol=0)


def test_lxmert_computes_what_the_network_does(networks: Path) -> None:
    torch.manual_seed(0)
    text = TransformerText(str(networks / "lxmert"), tokens="embedded").eval()
    fusion = Lxmert({"text": 32, "image": 20}, boxes="states", features="pretrained").eval()
    fusion.borrow({"text": text.backbone})
    fields = text.prepare([*posts(2), replace(posts(3)[2], text="see a blue box")])
    regions, boxes = torch.randn(3, 5, 16), torch.rand(3, 5, 4)
    there = torch.ones(3, dtype=torch.bool)
    real = torch.tensor([[True] * 5, [True, True, False, False, False], [True] * 5])
    states, mask, summary = text.encode(fields)
    picture = Encoded(torch.cat([regions, boxes], dim=-1), real, torch.zeros(3, 20), there)
    network = LxmertModel.from_pretrained(networks / "lxmert").eval()
    with torch.no_grad():
        wanted = network(
            input_ids=fields["input_ids"],
            attention_mask=fields["attention_mask"],
            visual_feats=regions,
            visual_pos=boxes,
            visual_attention_mask=real.long(),
        )
        found = fusion({"text": Encoded(states, mask, summary, there), "image": picture})
    torch.testing.assert_close(found.states[mask], wanted.language_output[mask], atol=1e-5, rtol=0)
    torch.testing.assert_close(found.summary, torch.relu(fusion.mix(found.states[:, 0])))


def test_mmbt_is_the_network_over_words_and_soft_tokens(networks: Path) -> None:
    model = recipe_of("Mmbt", networks, ITM, pooling="cls_before_pooler").build(seed=0).model.eval()
    network = AutoModel.from_pretrained(networks / "bert").eval()
    (sample,) = posts(1)
    batch = batch_of(model, [sample])
    with torch.no_grad():
        parts = model.encode(batch)
        words = network.embeddings.word_embeddings(batch.parts["text"]["input_ids"])
        soft = model.fusion.soft(parts["image"].states)
        time, regions = words.shape[1], soft.shape[1]
        wanted = network(
            inputs_embeds=torch.cat([words, soft], dim=1),
            position_ids=torch.tensor([[*range(time), *range(regions)]]),
            token_type_ids=torch.tensor([[0] * time + [1] * regions]),
        ).last_hidden_state
        torch.testing.assert_close(model(batch).fused.states, wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(batch).fused.summary, wanted[:, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("trainable", [True, False])
def test_what_is_read_beside_the_text_is_of_the_second_segment_like_the_picture(networks: Path, trainable: bool) -> None:
    learner = recipe_of("Mmbt", networks, ITM, beside="ocr", trainable=trainable, pooling="cls_before_pooler").build(seed=0)
    model = learner.model.eval()
    assert model.encoder("text").kept is None
    network = AutoModel.from_pretrained(networks / "bert").eval()
    one, other = posts(2)
    one = replace(one, extra={"ocr": "see a box"})
    with torch.no_grad():
        alone = batch_of(model, [one])
        text = model.encoder("text").tokenizer(one.text, "see a box", return_tensors="pt")
        words = network.embeddings.word_embeddings(text["input_ids"])
        soft = model.fusion.soft(model.encode(alone)["image"].states)
        time, regions = words.shape[1], soft.shape[1]
        wanted = network(
            inputs_embeds=torch.cat([words, soft], dim=1),
            position_ids=torch.tensor([[*range(time), *range(regions)]]),
            token_type_ids=torch.cat([text["token_type_ids"], torch.ones(1, regions, dtype=torch.int64)], dim=1),
        ).last_hidden_state
        torch.testing.assert_close(model(alone).fused.states, wanted, atol=1e-5, rtol=0)
        rows = [one, other, replace(one, text=None)]
        together = model(batch_of(model, rows)).fused.summary
        each = torch.cat([model(batch_of(model, [row])).fused.summary for row in rows])
        torch.testing.assert_close(together, each, atol=1e-5, rtol=0)
        shown = model(batch_of(model, [one, other]))  # as a view that exchanges the texts shows them
        parts = model.encode(batch_of(model, [one, other]))
        exchanged = model.fuse({**parts, "text": parts["text"].rows(torch.tensor([1, 0]))}, index=torch.arange(2))
        own = model.encoder("text")
        again = seen(model, [own.exchanged(one, other), own.exchanged(other, one)])
        torch.testing.assert_close(exchanged.fused.summary, again.fused.summary, atol=1e-5, rtol=0)
        assert not torch.allclose(exchanged.fused.summary, shown.fused.summary, atol=1e-3)


@pytest.mark.parametrize("fusion", ["Lxmert", "Vilt"])
def test_networks_that_were_pretrained_on_one_text_read_all_words_in_the_first_segment(fusion: str, networks: Path) -> None:
    model = recipe_of(fusion, networks, ITM, beside="ocr").build(seed=0).model.eval()
    rows = [replace(posts(1)[0], extra={"ocr": "see a box"})]
    before = seen(model, rows).fused.summary
    network = model.encoder("text").backbone
    table = getattr(network.embeddings, "text_embeddings", network.embeddings).token_type_embeddings
    with torch.no_grad():
        table.weight[1].normal_()
    torch.testing.assert_close(seen(model, rows).fused.summary, before)


def test_mmbt_through_the_pooler_that_was_pretrained(networks: Path) -> None:
    model = recipe_of("Mmbt", networks, ITM, pooling="pooler").build(seed=0).model.eval()
    pooler = AutoModel.from_pretrained(networks / "bert").pooler.dense
    found = seen(model, posts(3))
    for part in (found.fused, found.parts["text"]):
        torch.testing.assert_close(part.summary, torch.tanh(pooler(part.states[:, 0])), atol=1e-5, rtol=0)
    assert not [name for name, _ in model.fusion.named_parameters() if "head" in name]
    network = TransformerText(str(networks / "bert"), tokens="embedded").backbone
    network.pooler = None
    with pytest.raises(RecipeError, match="a BertModel has none; write pooling: cls"):
        Mmbt({"text": 32, "image": 32}, pooling="pooler").borrow({"text": network})


def test_the_text_of_mmbt_by_itself_is_what_its_network_makes_of_the_text(networks: Path) -> None:
    model = recipe_of("Mmbt", networks, ITM).build(seed=0).model.eval()
    alone = TransformerText(str(networks / "bert")).eval()
    samples = [*posts(3), replace(posts(1)[0], text="see a red box")]
    with torch.no_grad():
        _, _, wanted = alone.encode(alone.prepare(samples))
    torch.testing.assert_close(seen(model, samples).parts["text"].summary, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["text", "image"])
def test_a_modality_by_itself_knows_nothing_of_the_other(model: Model, name: str) -> None:
    samples, other = posts(4), posts(4, seed=1)[::-1]
    swapped = [replace(one, **{name: getattr(two, name)}) for one, two in zip(other, samples, strict=True)]
    together, exchanged = seen(model, samples), seen(model, swapped)
    torch.testing.assert_close(together.parts[name].summary, exchanged.parts[name].summary, atol=1e-5, rtol=0)
    assert not torch.allclose(together.fused.summary, exchanged.fused.summary, atol=1e-3)
    alone = seen(model, [without(one, "image" if name == "text" else "text") for one in samples])
    torch.testing.assert_close(together.parts[name].summary, alone.parts[name].summary, atol=1e-5, rtol=0)
    assert together.parts[name].summary.shape[1] == model.width(name)


@pytest.mark.parametrize("lacking", ["text", "image"])
def test_a_row_that_lacks_a_modality_is_the_row_by_itself(model: Model, lacking: str) -> None:
    samples = posts(5)
    mixed = [without(one, lacking) if row % 2 else one for row, one in enumerate(samples)]
    together = seen(model, mixed).fused
    for row, sample in enumerate(mixed):
        torch.testing.assert_close(together.summary[row], seen(model, [sample]).fused.summary[0], atol=1e-5, rtol=0)
    assert together.present.all()
    assert seen(model, mixed).have("text", "image").tolist() == [True, False, True, False, True]


def test_a_row_with_nothing_is_finite_and_not_present(model: Model) -> None:
    nothing = without(without(posts(1)[0], "text"), "image")
    found = seen(model, [*posts(2), nothing])
    assert found.fused.present.tolist() == [True, True, False]
    assert torch.isfinite(found.fused.summary).all()
    assert torch.isfinite(seen(model, [nothing]).fused.summary).all()


def test_longer_texts_of_other_rows_change_nothing(model: Model) -> None:
    short, long = posts(2)
    long = replace(long, text="see see see see a green box box box")
    torch.testing.assert_close(
        seen(model, [short, long]).fused.summary[0], seen(model, [short]).fused.summary[0], atol=1e-5, rtol=0
    )


def test_a_pass_of_its_own_is_run_when_it_is_asked_for_and_once(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = recipe_of("Mmbt", networks, ITM).build(seed=0).model.eval()
    runs: list[str] = []
    network: Any = model.encoder("text").lent
    run = network.forward

    def counted(**fields: Any) -> Any:
        runs.append("run")
        return run(**fields)

    monkeypatch.setattr(model.fusion, "_network", [counted_network(network, counted)])
    found = seen(model, posts(3))
    assert set(found.parts) == {"text", "image"}
    assert found.have("text", "image").all()
    assert len(runs) == 1
    assert found.parts["text"] is found.parts["text"]
    assert len(runs) == 2


def counted_network(network: Any, counted: Any) -> Any:
    class Counted(torch.nn.Module):
        config = network.config
        embeddings = network.embeddings
        forward = staticmethod(counted)

    return Counted()


def test_the_network_is_the_encoders_alone(model: Model) -> None:
    network: Any = model.encoder("text").lent
    own = {id(parameter) for parameter in network.parameters()}
    assert own.isdisjoint(id(parameter) for parameter in model.fusion.parameters())
    assert own < {id(parameter) for parameter in model.parameters()}


def test_what_does_not_fit_together_is_refused(networks: Path) -> None:
    bert, vilt = str(networks / "bert"), str(networks / "vilt")
    widths = {"text": 32, "image": 32}
    embedded = TransformerText(bert, tokens="embedded")
    with pytest.raises(RecipeError, match=r"encoders\.text\.tokens: embedded leaves the layers to the fusion, and Gated runs"):
        Gated(widths).borrow({"text": embedded.backbone})
    for fusion in (Mmbt(widths), Vilt(widths), Lxmert(widths)):
        with pytest.raises(RecipeError, match=r"write encoders\.text\.tokens: embedded"):
            fusion.borrow({})
    with pytest.raises(RecipeError, match="Vilt runs a ViltModel, the text encoder is a BertModel"):
        Vilt(widths).borrow({"text": embedded.backbone})
    with pytest.raises(RecipeError, match="Lxmert runs an LxmertModel, the text encoder is a BertModel"):
        Lxmert(widths).borrow({"text": embedded.backbone})
    with pytest.raises(RecipeError, match="Mmbt cannot run a LxmertModel, only networks of the BERT kind"):
        Mmbt(widths).borrow({"text": TransformerText(str(networks / "lxmert"), tokens="embedded").backbone})
    with pytest.raises(RecipeError, match="Vilt needs text and patches of one width, found 32 and 8"):
        Vilt({"text": 32, "image": 8})
    with pytest.raises(RecipeError, match="Vilt joins text and image, the recipe has text"):
        Vilt({"text": 32})
    with pytest.raises(RecipeError, match="Mmbt joins text and one other modality, the recipe has text, image, audio"):
        Mmbt({**widths, "audio": 3})
    with pytest.raises(RecipeError, match="features: pretrained reads 16 numbers a region, found 32"):
        Lxmert(widths, features="pretrained").borrow(
            {"text": TransformerText(str(networks / "lxmert"), tokens="embedded").backbone}
        )
    with pytest.raises(RecipeError, match="needs more than 4 numbers a region, found 4"):
        Lxmert({"text": 32, "image": 4}, boxes="states")
    with pytest.raises(RecipeError, match="tokens: embedded: the fusion runs the layers"):
        TransformerText(vilt, tokens="embedded", pooling="cls")


def test_the_cells_of_a_grid_have_boxes() -> None:
    assert grid_boxes(torch.zeros(2, 4, 3), "Lxmert")[1].tolist() == [
        [0, 0, 0.5, 0.5],
        [0.5, 0, 1, 0.5],
        [0, 0.5, 0.5, 1],
        [0.5, 0.5, 1, 1],
    ]
    assert grid_boxes(torch.zeros(1, 10, 3), "Lxmert")[0, :2].tolist()[0] == [0, 0, 1, 1]
    assert grid_boxes(torch.zeros(1, 14, 3), "Lxmert")[0, 4].tolist() == [0, 0, 1, 1]
    with pytest.raises(RecipeError, match="needs a square grid of states a picture, found 12 states"):
        grid_boxes(torch.zeros(1, 12, 3), "Lxmert")
