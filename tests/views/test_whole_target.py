from __future__ import annotations

import pytest
import torch
from tests.views.test_fragments import END, START, row_of, texts, vocabulary

from polysense.types import Batch
from polysense.views.masked import KEPT
from polysense.views.view import seeded
from polysense.views.whole_target import WholeTarget


def line_of(view: WholeTarget, batch: Batch, row: int = 0) -> list[tuple[int, int, bool, int]]:
    return row_of(view.show(batch, seeded(view, seed=0, step=0)), row)


def with_pictures(batch: Batch, there: list[bool]) -> Batch:
    return Batch({**batch.parts, "image": {"present": torch.tensor(there)}}, batch.fields)


def test_a_caption_is_written_of_its_picture_alone() -> None:
    batch = with_pictures(texts([3, 2, None]), [True, False, True])
    view = WholeTarget(vocabulary(), "text", longest=50, positions=64)
    assert line_of(view, batch) == [
        (START, 0, True, 3),
        (3, 1, True, 4),
        (4, 2, True, 5),
        (5, 3, True, END),
        (END, 4, True, KEPT),
    ]
    assert line_of(view, batch, 1) == []  # nothing to write it of
    assert line_of(view, batch, 2) == []  # nothing to write


@pytest.mark.parametrize(("counting", "first"), [("continuous", 5), ("restart", 0)])
def test_a_pair_is_written_behind_its_text(counting: str, first: int) -> None:
    text, pair = texts([3]), texts([2])
    batch = Batch({"text": text.parts["text"], "pair": pair.parts["text"]}, text.fields)
    found = line_of(WholeTarget(vocabulary(), "pair", longest=50, positions=64, counting=counting), batch)
    source = [(token, place, False, KEPT) for place, token in enumerate([START, 3, 4, 5, END])]
    target = [(START, 3), (3, 4), (4, END), (END, KEPT)]
    assert found == source + [(token, first + at, True, following) for at, (token, following) in enumerate(target)]


def test_tags_are_read_with_the_picture_or_for_want_of_one() -> None:
    batch = with_pictures(texts([1, 1, 1]), [True, False, False])
    tags = {"tags": torch.tensor([[START, 9, END]] * 3), "tags.real": torch.tensor([[True] * 3, [True] * 3, [False] * 3])}
    batch = Batch(batch.parts, {**batch.fields, **tags})
    view = WholeTarget(vocabulary(), "text", longest=50, positions=64, tags="tags")
    wanted = [(START, 0, False, KEPT), (9, 1, False, KEPT), (END, 2, False, KEPT), (START, 3, True, 3), (3, 4, True, END)]
    assert line_of(view, batch)[:5] == line_of(view, batch, 1)[:5] == wanted
    assert line_of(view, batch, 2) == []


def test_a_target_that_is_too_long_is_cut_before_its_end() -> None:
    found = line_of(WholeTarget(vocabulary(), "text", longest=3, positions=64), with_pictures(texts([9]), [True]))
    assert [entry[0] for entry in found] == [START, 3, 4, END]
