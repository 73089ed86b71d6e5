from __future__ import annotations

import pytest
import torch

import tiny
from polysense.errors import RecipeError
from polysense.model import Model, Sight
from polysense.types import Batch
from polysense.views.mismatched import Mismatched
from polysense.views.only import Only
from polysense.views.plain import Plain
from polysense.views.view import Shown, seeded


def test_an_encoder_stands_under_the_modality_it_reads() -> None:
    right = tiny.model()
    with pytest.raises(RecipeError, match=r"encoders.image: TextNumbers reads 'text'; name the entry 'text'"):
        Model({"image": right.encoder("text")}, right.fusion)


def test_it_encodes_what_it_reads_and_fuses_it() -> None:
    model, batch = tiny.model(), tiny.batch(4)
    extra = Batch(parts={**batch.parts, "audio": tiny.part(4)}, fields=batch.fields)
    seen = model(extra)
    assert list(seen.parts) == ["text", "image"]
    assert seen.fused.summary.shape == (4, 6)
    assert torch.equal(seen.fused.summary, model(batch).fused.summary)


@pytest.mark.parametrize("fusion", ["Concatenation", "CrossAttention"])
def test_rows_with_nothing_that_it_reads_answer_alone_as_beside_others(fusion: str) -> None:
    model = tiny.model(fusion=fusion)
    batch = tiny.batch(3)
    there = torch.tensor([True, False, True])
    mixed = Batch(parts={name: {**part, "present": there} for name, part in batch.parts.items()}, fields=batch.fields)
    alone = model(Batch(parts={}, fields={"index": torch.tensor([1])}))
    assert alone.fused.present.tolist() == [False]
    assert not alone.parts
    torch.testing.assert_close(alone.fused.summary[0], model(mixed).fused.summary[1], atol=1e-6, rtol=0)


class TestSight:
    def test_a_plain_look_is_the_model_itself(self) -> None:
        model, batch = tiny.model(), tiny.batch()
        seen = Sight(model, batch).see(Shown(batch))
        assert torch.equal(seen.fused.summary, model(batch).fused.summary)

    def test_each_modality_is_encoded_once_for_all_views_that_leave_or_reindex_it(self) -> None:
        model, batch = tiny.model(), tiny.batch()
        sight = Sight(model, batch)
        for view in (Plain(), Mismatched(), Only("text"), Mismatched(share=1.0), Mismatched(swapped="image", kept="text")):
            sight.see(view.show(batch, seeded(view, seed=0, step=0)))
        assert [model.encoder(name).runs for name in ("text", "image")] == [1, 1]

    def test_a_modality_that_no_view_shows_is_not_encoded(self) -> None:
        model, batch = tiny.model(), tiny.batch()
        Sight(model, batch).see(Only("text").show(batch, torch.Generator()))
        assert [model.encoder(name).runs for name in ("text", "image")] == [1, 0]

    def test_new_content_is_encoded_anew_and_only_it(self) -> None:
        model, batch = tiny.model(), tiny.batch()
        sight = Sight(model, batch)
        plain = sight.see(Shown(batch))
        louder = {**batch.parts["text"], "numbers": 2 * batch.parts["text"]["numbers"]}
        changed = sight.see(Shown(Batch(parts={**batch.parts, "text": louder}, fields=batch.fields)))
        assert [model.encoder(name).runs for name in ("text", "image")] == [2, 1]
        assert not torch.equal(changed.parts["text"].summary, plain.parts["text"].summary)
        assert changed.parts["image"] is plain.parts["image"]

    def test_reindexed_rows_are_the_rows_of_the_plain_batch(self) -> None:
        model, batch = tiny.model(), tiny.batch()
        view = Mismatched(share=1.0)
        shown = view.show(batch, seeded(view, seed=0, step=0))
        seen = Sight(model, batch).see(shown)
        reencoded = model(shown.batch)
        torch.testing.assert_close(seen.parts["text"].states, reencoded.parts["text"].states, atol=1e-6, rtol=0)
        torch.testing.assert_close(seen.fused.summary, reencoded.fused.summary, atol=1e-6, rtol=0)
