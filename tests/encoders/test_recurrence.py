"""LSTMs over sequences, of sound, film and text: against networks that read each row by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import pad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from polysense.data.cache import FeatureCache
from polysense.encoders.recurrence import Recurrence
from polysense.encoders.text_lstm import TextLSTM
from polysense.types import Encoded, Sample

LENGTHS = (4, 1, 7)
TEXTS = ("a lovely garden in the sun", "rain", "bad luck on the last day of the year", "")


def sequences() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.arange(8) < torch.tensor(LENGTHS).unsqueeze(1)
    return torch.randn(3, 8, 5).masked_fill(~mask.unsqueeze(-1), 0.0), mask


def test_one_layer_equals_one_that_reads_each_row_by_itself() -> None:
    torch.manual_seed(0)
    found, (rows, mask) = Recurrence(5, 6, 3), sequences()
    states, summary = found(rows, mask)
    for row, length in enumerate(LENGTHS):
        each, (last, _) = found.layers[0](rows[row : row + 1, :length])
        torch.testing.assert_close(summary[row], found.project(last[0, 0]))
        torch.testing.assert_close(states[row, :length], found.project(each[0]))
        torch.testing.assert_close(states[row, length - 1], summary[row])
        assert not states[row, length:].any()


def test_two_layers_in_both_directions_give_the_ends_of_all_four() -> None:
    torch.manual_seed(0)
    found, (rows, mask) = Recurrence(5, 6, 3, layers=2, bidirectional=True), sequences()
    _, summary = found(rows, mask)
    assert found.project.in_features == 24
    for row, length in enumerate(LENGTHS):
        first, (ends, _) = found.layers[0](rows[row : row + 1, :length])
        _, (later, _) = found.layers[1](found.norms[0](first))
        torch.testing.assert_close(summary[row], found.project(torch.cat([ends.flatten(), later.flatten()])))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_equals_packed_sequences(layers: int, bidirectional: bool) -> None:
    """States, summaries and gradients, with a row of nothing and with anything behind the ends."""
    torch.manual_seed(0)
    found = Recurrence(5, 6, 4, layers=layers, bidirectional=bidirectional)
    mask = torch.arange(14) < torch.tensor([3, 9, 1, 0, 12, 7]).unsqueeze(1)
    rows = torch.randn(6, 14, 5) * mask.unsqueeze(-1)
    behind = torch.where(mask.unsqueeze(-1) | ~mask[:, :1, None], rows, 9.0)
    results = [
        (*made, *torch.autograd.grad(sum(part.square().sum() for part in made), list(found.parameters())))
        for made in (packed(found, rows, mask), found(rows, mask), found(behind, mask))
    ]
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)


def packed(found: Recurrence, rows: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by torch's packed sequences."""
    read = pack_padded_sequence(rows, mask.sum(dim=1).clamp(min=1), batch_first=True, enforce_sorted=False)
    steps, ends = [], []
    for place, layer in enumerate(found.layers):
        if place:
            read = read._replace(data=found.norms[place - 1](read.data))
        read, (last, _) = layer(read)
        steps.append(read.data)
        ends.append(last.transpose(0, 1).flatten(1))
    whole = read._replace(data=found.project(torch.cat(steps, dim=1)))
    states, _ = pad_packed_sequence(whole, batch_first=True, total_length=rows.shape[1])
    return states.masked_fill(~mask.unsqueeze(-1), 0.0), found.project(torch.cat(ends, dim=1))


def text_lstm(folder: str, **choices: str) -> TextLSTM:
    torch.manual_seed(0)
    return TextLSTM(folder, width=3, hidden=4, **choices).eval()  # type: ignore[arg-type]


def read(found: TextLSTM, texts: tuple[str, ...], *, behind: int = 0) -> Encoded:
    fields = found.prepare([Sample(id=str(row), text=text) for row, text in enumerate(texts)])
    longer = {name: pad(one, (0, behind)) for name, one in fields.items()}
    encoded: Encoded = found({**longer, "present": torch.ones(len(texts), dtype=torch.bool)})
    return encoded


def test_texts_are_read_to_their_own_ends(tiny_text: str) -> None:
    found = text_lstm(tiny_text)
    whole, longer, pooled = read(found, TEXTS), read(found, TEXTS, behind=3), read(text_lstm(tiny_text, tokens="pooled"), TEXTS)
    torch.testing.assert_close(longer.summary, whole.summary, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pooled.states[:, 0], whole.summary, atol=1e-6, rtol=1e-5)
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(read(found, (text,)).summary[0], whole.summary[row], atol=1e-5, rtol=1e-5)
        last = int(whole.mask[row].sum()) - 1
        torch.testing.assert_close(whole.states[row, last], whole.summary[row], atol=1e-6, rtol=1e-5)


def test_the_states_that_it_reads_may_come_from_the_cache(tiny_text: str, tmp_path: Path) -> None:
    found = text_lstm(tiny_text)
    rows = [Sample(id=str(row), text=text) for row, text in enumerate(TEXTS)]
    cache = FeatureCache(found.kept, tmp_path)
    assert cache.fill(rows) == len(rows)
    cached: Encoded = found({**cache.prepare(rows), "present": torch.ones(len(rows), dtype=torch.bool)})
    torch.testing.assert_close(cached.summary, read(found, TEXTS).summary, atol=1e-5, rtol=1e-5)
    assert cached.states.shape[2] == 3


def test_the_text_encoder_that_it_reads_stays_as_it_is(tiny_text: str) -> None:
    found = text_lstm(tiny_text).train()
    read(found, TEXTS).summary.sum().backward()
    learning = {name.partition(".")[0] for name, one in found.named_parameters() if one.grad is not None}
    assert learning == {"recurrent"}
    assert not found.reader.training
    assert found.fingerprint() == text_lstm(tiny_text).fingerprint()
