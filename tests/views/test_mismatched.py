"""The exchange of texts within a batch: the golden draw, and what holds for every draw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from polysense.types import Batch
from polysense.views import mismatched
from polysense.views.mismatched import Mismatched, exchange, partners, same_content
from polysense.views.view import seeded

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "itc_itm.json").read_text())["exchange"]


def batch_of(
    rows: int, *, text_keys: list[int] | None = None, image_keys: list[int] | None = None, text_there=None, image_there=None
) -> Batch:
    def part(keys: list[int] | None, there: list[bool] | None, first: int) -> dict[str, Tensor]:
        return {
            "states": torch.arange(rows, dtype=torch.float32).reshape(rows, 1),
            "present": torch.tensor([True] * rows if there is None else there),
            "key": torch.tensor(list(range(first, first + rows)) if keys is None else keys),
        }

    parts = {"text": part(text_keys, text_there, 1), "image": part(image_keys, image_there, 1001)}
    return Batch(parts=parts, fields={"index": torch.arange(rows)})


def shown_sources(batch: Batch, *, step: int = 0, view: Mismatched | None = None) -> Tensor:
    view = view or Mismatched()
    return view.show(batch, seeded(view, seed=0, step=step)).targets["source"]


def test_the_golden_draw_moves_ids_and_mask_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = len(GOLDEN["source"])
    batch = batch_of(rows)
    batch.parts["text"]["input_ids"] = torch.tensor(GOLDEN["input_ids"])
    batch.parts["text"]["attention_mask"] = torch.tensor(GOLDEN["attention_mask"])
    before = batch.parts["text"]["input_ids"].clone()
    monkeypatch.setattr(mismatched, "exchange", lambda *_, **__: torch.tensor(GOLDEN["source"]))
    shown = Mismatched().show(batch, torch.Generator())
    assert shown.batch.parts["text"]["input_ids"].tolist() == GOLDEN["shown_input_ids"]
    assert shown.batch.parts["text"]["attention_mask"].tolist() == GOLDEN["shown_attention_mask"]
    assert shown.targets["match"].tolist() == GOLDEN["match"]
    assert shown.rows["text"].tolist() == GOLDEN["source"]
    assert torch.equal(batch.parts["text"]["input_ids"], before)
    assert shown.batch.parts["image"] is batch.parts["image"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_holds_for_every_draw(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 9))
    few = st.lists(st.integers(0, 3), min_size=rows, max_size=rows)
    there = st.lists(st.booleans(), min_size=rows, max_size=rows)
    batch = batch_of(
        rows, text_keys=data.draw(few), image_keys=data.draw(few), text_there=data.draw(there), image_there=data.draw(there)
    )
    view = Mismatched()
    shown = view.show(batch, seeded(view, seed=1, step=data.draw(st.integers(0, 500))))
    source, match = shown.targets["source"], shown.targets["match"]
    text, image = batch.parts["text"], batch.parts["image"]
    both = text["present"] & image["present"]
    for row, (taken, kept) in enumerate(zip(source.tolist(), match.tolist(), strict=True)):
        assert kept == (taken == row)
        if taken != row:
            assert bool(both[row])
            assert bool(both[taken])
            assert text["key"][row] != text["key"][taken]
            assert image["key"][row] != image["key"][taken]
    for name, values in text.items():
        assert torch.equal(shown.batch.parts["text"][name], values[source])
    assert shown.batch.parts["image"] is image
    assert shown.batch.fields is batch.fields


def test_half_of_the_rows_are_exchanged() -> None:
    batch, draws = batch_of(16), 400
    swapped = sum(int((shown_sources(batch, step=step) != torch.arange(16)).sum()) for step in range(draws))
    count = 16 * draws
    assert abs(swapped / count - 0.5) < 4 * (0.25 / count) ** 0.5


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_share_is_the_probability_of_an_exchange(share: float) -> None:
    batch, draws, view = batch_of(16), 200, Mismatched(share=share)
    swapped = sum(int((shown_sources(batch, step=step, view=view) != torch.arange(16)).sum()) for step in range(draws))
    count = 16 * draws
    assert abs(swapped / count - share) <= 4 * (share * (1 - share) / count) ** 0.5


def test_replacements_are_drawn_evenly_among_the_partners() -> None:
    allowed = torch.zeros(4, 4, dtype=torch.bool)
    allowed[0, 1:] = True
    draw = torch.Generator().manual_seed(0)
    taken = [int(exchange(allowed, share=1.0, draw=draw)[0]) for _ in range(3000)]
    for partner in (1, 2, 3):
        assert abs(taken.count(partner) / 3000 - 1 / 3) < 4 * (2 / 9 / 3000) ** 0.5


def test_rows_draw_independently_of_each_other() -> None:
    allowed = torch.zeros(4, 4, dtype=torch.bool)
    allowed[:2, 2:] = True
    draw = torch.Generator().manual_seed(0)
    drawn = [exchange(allowed, share=1.0, draw=draw)[:2].tolist() for _ in range(2000)]
    assert abs(sum(first == second for first, second in drawn) / 2000 - 0.5) < 4 * (0.25 / 2000) ** 0.5
    halves = [(exchange(allowed, share=0.5, draw=draw)[:2] > 1).tolist() for _ in range(2000)]
    assert abs(sum(first == second for first, second in halves) / 2000 - 0.5) < 4 * (0.25 / 2000) ** 0.5


def test_equal_seed_step_and_view_exchange_equally_and_others_do_not() -> None:
    batch = batch_of(32)
    again = shown_sources(batch, step=3)
    assert torch.equal(shown_sources(batch, step=3), again)
    assert not torch.equal(shown_sources(batch, step=4), again)
    other = Mismatched(share=0.49)
    assert not torch.equal(other.show(batch, seeded(other, seed=0, step=3)).targets["source"], again)
    view = Mismatched()
    assert not torch.equal(view.show(batch, seeded(view, seed=1, step=3)).targets["source"], again)
    assert not torch.equal(view.show(batch, seeded(view, seed=0, step=3, rank=1)).targets["source"], again)


def test_the_global_random_stream_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    shown_sources(batch_of(8))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "batch",
    [
        batch_of(1),
        batch_of(3, text_keys=[7, 7, 7]),
        batch_of(3, image_keys=[7, 7, 7]),
        batch_of(2, text_there=[True, False]),
        batch_of(2, image_there=[False, True]),
    ],
    ids=["one row", "equal texts", "equal pictures", "one text", "one picture"],
)
def test_rows_without_a_partner_keep_their_text(batch: Batch) -> None:
    source = shown_sources(batch, view=Mismatched(share=1.0))
    assert source.tolist() == list(range(batch.size))


def test_same_content_is_symmetric_and_ignores_what_is_missing() -> None:
    # Rows 0 and 1 share a text, 1 and 2 a picture; 3 and 4 share the key of nothing.
    batch = batch_of(5, text_keys=[1, 1, 2, 0, 0], image_keys=[5, 6, 6, 8, 9], text_there=[True, True, True, False, False])
    same = same_content(batch, "text", "image")
    expected = torch.eye(5, dtype=torch.bool)
    for left, right in ((0, 1), (1, 2)):
        expected[left, right] = expected[right, left] = True
    assert torch.equal(same, expected)
    assert not partners(batch, "text", "image")[3:].any()
