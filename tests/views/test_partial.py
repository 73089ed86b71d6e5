from __future__ import annotations

import pytest
import torch
from torch import Tensor

import tiny
from polysense.types import Batch
from polysense.views.partial import Partial
from polysense.views.view import seeded


def hidden(view: Partial, batch: Batch, step: int = 0) -> dict[str, Tensor]:
    return dict(view.show(batch, seeded(view, seed=0, step=step)).hidden)


def batch(rows: int, **there: list[bool]) -> Batch:
    fields = {"index": torch.arange(rows)}
    return Batch(parts={name: tiny.part(rows, there=there.get(name)) for name in ("text", "audio", "video")}, fields=fields)


def test_each_modality_is_hidden_by_its_chance() -> None:
    found = hidden(Partial((("text", 0.1), ("audio", 0.5), ("video", 0.0))), batch(20_000))
    assert set(found) == {"text", "audio"}
    assert found["text"].float().mean() == pytest.approx(0.1, abs=0.01)
    assert found["audio"].float().mean() == pytest.approx(0.5, abs=0.015)
    both = (found["text"] & found["audio"]).float().mean()
    assert both == pytest.approx(0.05, abs=0.01), "independently: video stays for the row"


@pytest.mark.parametrize("chances", [(0.9, 0.9, 0.9), (0.999, 0.3, 0.9), (0.999, 0.999, 0.0)])
def test_a_row_keeps_at_least_one_of_what_it_has(chances: tuple[float, float, float]) -> None:
    names = ("text", "audio", "video")
    there = {name: [bool(row >> place & 1) for row in range(8)] * 400 for place, name in enumerate(names)}
    shown = batch(3200, **there)
    found = hidden(Partial(tuple(zip(names, chances, strict=True))), shown)
    present = {name: shown.parts[name]["present"] for name in names}
    assert not any(bool((rows & ~present[name]).any()) for name, rows in found.items()), "what is not there is not hidden"
    left = torch.stack([present[name] & ~found.get(name, torch.tensor(False)) for name in names]).any(dim=0)
    assert torch.equal(left, torch.stack(list(present.values())).any(dim=0))


def test_equal_chances_leave_each_modality_equally_often() -> None:
    found = hidden(Partial((("text", 0.9), ("audio", 0.9), ("video", 0.9))), batch(20_000))
    kept = torch.stack([(~rows).float().mean() for rows in found.values()])
    assert kept.sum() == pytest.approx(3 * 0.1 + 0.9**3, abs=0.03)
    assert torch.allclose(kept, kept.mean(), atol=0.02)


def test_the_draw_follows_from_seed_and_step() -> None:
    view, shown = Partial((("text", 0.5), ("audio", 0.5))), batch(50)
    again, other = hidden(view, shown), hidden(view, shown, step=1)
    assert all(torch.equal(again[name], rows) for name, rows in hidden(view, shown).items())
    assert not all(torch.equal(again[name], rows) for name, rows in other.items())


def test_a_batch_without_a_modality_hides_nothing_of_it() -> None:
    alone = Batch(parts={"text": tiny.part(40)}, fields={"index": torch.arange(40)})
    assert not hidden(Partial((("text", 0.9), ("audio", 0.9))), alone)["text"].any()
    assert hidden(Partial((("audio", 0.9),)), alone) == {}


def test_a_second_text_is_no_modality_that_a_row_keeps() -> None:
    parts = {"text": tiny.part(200), "audio": tiny.part(200), "pair": tiny.part(200), "near_text.0": tiny.part(200)}
    found = hidden(Partial((("text", 0.9), ("audio", 0.9))), Batch(parts=parts, fields={"index": torch.arange(200)}))
    assert not (found["text"] & found["audio"]).any()
