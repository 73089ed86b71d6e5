"""The cache of frozen encoders: what it returns, how often it encodes, and what it does with damaged files."""

from __future__ import annotations

import json
import logging
import resource
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from polysense.data import cache as module
from polysense.data.cache import FeatureCache, cache_root
from polysense.data.collate import Collate
from polysense.data.media import content_key
from polysense.encoders.transformer_text import TransformerText
from polysense.encoders.vision_image import VisionImage
from polysense.errors import DataError, PolysenseError
from polysense.types import Fields, Sample


class Counting:
    """A text encoder of two states a word: word length and its square. Notes what it was asked."""

    modality = "text"
    pairs = False

    def __init__(self, print_: str = "a") -> None:
        self.print = print_
        self.asked: list[str] = []

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        texts = [sample.text or "" for sample in samples]
        self.asked += texts
        longest = max(len(text.split()) for text in texts) or 1
        lengths = torch.zeros(len(texts), longest)
        for row, text in enumerate(texts):
            for at, word in enumerate(text.split()):
                lengths[row, at] = len(word)
        return {"lengths": lengths}

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        lengths = fields["lengths"]
        states = torch.stack([lengths, lengths**2], dim=-1)
        return states, lengths > 0, states.sum(dim=1)

    def key(self, sample: Sample) -> int:
        return content_key(sample.text)

    def fingerprint(self) -> str:
        return self.print * 64


def rows(*texts: str | None) -> list[Sample]:
    return [Sample(id=str(number), text=text) for number, text in enumerate(texts)]


TEXTS = rows("one", "two words", "three words here", "four")


def shards(cache: FeatureCache) -> list[Path]:
    return sorted(cache.folder.glob("shard-*"))


@pytest.mark.parametrize("choices", [{}, {"beside": "ocr"}, {"aspect": True}, {"normalize": "tweets"}])
def test_rows_are_equal_with_the_cache_where_they_are_without(tiny_text: str, tmp_path: Path, choices: dict[str, Any]) -> None:
    samples = [
        Sample(id=text, text=text, aspect=aspect, extra={"ocr": ocr})
        for text, aspect, ocr in [
            ("RT @ann So  sunny t.co/a", "day", "Keep calm"),
            ("RT @ann so sunny t.co/a", "Day ", "keep  calm"),
            ("RT @bob so sunny t.co/a", "day", "rain"),
        ]
    ]
    encoder = TransformerText(tiny_text, trainable=False, tokens="pooled", **choices)
    cache = FeatureCache(encoder, tmp_path)
    cache.fill(samples)
    with_cache, without = (Collate({"text": maker})(samples)["text"]["key"].tolist() for maker in (cache, encoder))
    assert with_cache == without
    assert without[0] == without[1]


def test_cached_features_equal_those_of_the_encoder(tiny_text: str, tiny_vision: str, tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    samples = [
        Sample(id=str(number), text=text, image=picture)
        for number, (text, picture) in enumerate(zip(["sun", "rain in the garden", "home"], pictures, strict=True))
    ]
    for encoder in (TransformerText(tiny_text, trainable=False), VisionImage(tiny_vision)):
        cache = FeatureCache(encoder, tmp_path)
        assert cache.fill(samples, batch_size=2) == 3
        cached = cache.prepare(samples)
        states, mask, summary = encoder.encode(encoder.prepare(samples))
        assert torch.equal(cached["mask"], mask)
        torch.testing.assert_close(cached["states"][mask], states[mask], atol=1e-5, rtol=0)
        torch.testing.assert_close(cached["summary"], summary, atol=1e-5, rtol=0)
        found = encoder({**cached, "present": torch.ones(3, dtype=torch.bool)})
        assert torch.equal(found.summary, cached["summary"])


def test_only_what_is_new_is_encoded_also_by_the_next_process(tmp_path: Path) -> None:
    first = Counting()
    assert FeatureCache(first, tmp_path).fill([*TEXTS, *TEXTS]) == 4
    assert first.asked == [sample.text for sample in TEXTS]
    second = Counting()
    cache = FeatureCache(second, tmp_path)
    assert cache.fill([*TEXTS, *rows("five")]) == 1
    assert second.asked == ["five"]
    assert cache.prepare(rows("two words"))["summary"].tolist() == [[8.0, 34.0]]


def test_one_picture_is_encoded_once_whichever_table_names_it(tiny_vision: str, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (9, 9), "red").save(tmp_path / folder / "a.png")
    encoder = VisionImage(tiny_vision)
    assert FeatureCache(encoder, tmp_path).fill([Sample(id="1", image=tmp_path / "first" / "a.png")]) == 1
    assert FeatureCache(encoder, tmp_path).fill([Sample(id="x", image=tmp_path / "second" / "a.png")]) == 0


def test_rows_that_nobody_filled_in_are_encoded_when_they_are_asked_for(tmp_path: Path) -> None:
    encoder = Counting()
    cache = FeatureCache(encoder, tmp_path)
    cache.fill(rows("one"))
    assert cache.prepare(rows("two words", "one", None, "three words here"))["summary"][:, 0].tolist() == [8.0, 3.0, 0.0, 14.0]
    cache.prepare(rows("three words here", "two words"))
    assert encoder.asked == ["one", "two words", "three words here"]


def test_what_is_only_looked_up_is_encoded_and_not_kept(tmp_path: Path) -> None:
    encoder = Counting()
    FeatureCache(encoder, tmp_path).fill(rows("one"))
    cache = FeatureCache(encoder, tmp_path, keeps=False)
    wanted = FeatureCache(Counting(), tmp_path / "other").prepare(rows("two words", "one", None, "two words"))
    for _ in range(2):
        found = cache.prepare(rows("two words", "one", None, "two words"))
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert encoder.asked == ["one", "two words", "two words"]
    assert len(cache) == len(FeatureCache(encoder, tmp_path)) == 1
    shutil.rmtree(tmp_path / "features")
    assert torch.equal(cache.prepare(rows("one"))["summary"], wanted["summary"][1:2])
    assert not (tmp_path / "features").exists()


def test_a_cache_that_is_emptied_under_a_run_is_filled_again(tmp_path: Path) -> None:
    cache = FeatureCache(Counting(), tmp_path)
    cache.fill(TEXTS)
    shutil.rmtree(tmp_path / "features")
    assert cache.prepare(rows("two words"))["summary"].tolist() == [[8.0, 34.0]]
    assert len(shards(cache)) == 1


def test_a_picture_that_changed_under_its_name_is_encoded_again(tiny_vision: str, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (9, 9), "red").save(file)
    cache = FeatureCache(VisionImage(tiny_vision), tmp_path)
    cache.fill([Sample(id="1", image=file)])
    before = cache.prepare([Sample(id="1", image=file)])["summary"]
    Image.new("RGB", (19, 9), "blue").save(file)
    assert cache.fill([Sample(id="1", image=file)]) == 1
    assert not torch.equal(cache.prepare([Sample(id="1", image=file)])["summary"], before)


def test_texts_that_differ_in_case_or_spacing_are_encoded_apart(tmp_path: Path) -> None:
    encoder = Counting()
    cache = FeatureCache(encoder, tmp_path)
    cache.fill(rows("ab cd", "AB CD", "ab  cd"))
    assert encoder.asked == ["ab cd", "AB CD", "ab  cd"]


def test_rows_that_lack_the_modality_are_zeros(tmp_path: Path) -> None:
    encoder = Counting()
    cache = FeatureCache(encoder, tmp_path)
    assert cache.fill(rows("two words", None)) == 1
    assert encoder.asked == ["two words"]
    fields = cache.prepare(rows(None, "two words"))
    assert fields["mask"].tolist() == [[False, False], [True, True]]
    assert not fields["states"][0].any()
    assert not fields["summary"][0].any()
    assert fields["states"][1].tolist() == [[3.0, 9.0], [5.0, 25.0]]


def test_rows_of_different_shards_are_padded_to_the_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_ROWS", 1)
    cache = FeatureCache(Counting(), tmp_path)
    cache.fill(TEXTS)
    assert len(shards(cache)) == 4
    fields = cache.prepare(TEXTS)
    assert fields["states"].shape == (4, 3, 2)
    assert fields["mask"].sum(dim=1).tolist() == [1, 2, 3, 1]


def cut(shard: Path) -> None:
    file = shard / "states.npy"
    file.write_bytes(file.read_bytes()[:-5])


def empty(shard: Path) -> None:
    (shard / "summary.npy").write_bytes(b"")


def remove(shard: Path) -> None:
    (shard / "mask.npy").unlink()


def remove_the_list(shard: Path) -> None:
    (shard / "shard.json").unlink()


def cut_the_list(shard: Path) -> None:
    (shard / "shard.json").write_text('{"sizes": {"ke')


def empty_the_list(shard: Path) -> None:
    (shard / "shard.json").write_text("null")


def spoil_the_header(shard: Path) -> None:
    file = shard / "states.npy"
    file.write_bytes(b"\0" * file.stat().st_size)


@pytest.mark.parametrize("harm", [cut, empty, remove, remove_the_list, cut_the_list, empty_the_list, spoil_the_header])
def test_a_damaged_shard_is_noticed_said_and_made_again(
    harm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SHARD_ROWS", 2)
    first = FeatureCache(Counting(), tmp_path)
    first.fill(TEXTS)
    expected = first.prepare(TEXTS)
    harm(shards(first)[0])
    encoder = Counting()
    with caplog.at_level(logging.WARNING):
        cache = FeatureCache(encoder, tmp_path)
    assert "are damaged" in caplog.text
    assert cache.fill(TEXTS) == 2
    assert len(encoder.asked) == 2
    for name, values in cache.prepare(TEXTS).items():
        assert torch.equal(values, expected[name])
    assert FeatureCache(Counting(), tmp_path).fill(TEXTS) == 0


@pytest.fixture
def few_files() -> Iterator[None]:
    """No more files may be opened than the cache keeps open, and a handful."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    last = max(int(file.name) for file in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 3 * module.OPEN_SHARDS + 8, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_any_number_of_shards_is_read_with_few_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_files: None
) -> None:
    monkeypatch.setattr(module, "SHARD_ROWS", 1)
    texts = rows(*map(str, range(2 * module.OPEN_SHARDS)))
    FeatureCache(Counting(), tmp_path).fill(texts)
    encoder = Counting()
    cache = FeatureCache(encoder, tmp_path)
    assert cache.fill(texts) == 0
    assert cache.prepare(texts)["summary"][:, 0].tolist() == [float(len(text.text or "")) for text in texts]
    assert encoder.asked == []


@pytest.mark.parametrize("reason", [OSError(24, "Too many open files"), PermissionError(13, "Permission denied")])
def test_a_shard_that_the_system_does_not_let_us_read_is_no_damage(
    reason: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = FeatureCache(Counting(), tmp_path)
    first.fill(TEXTS)

    def refused(*_: object, **__: object) -> None:
        raise reason

    with monkeypatch.context() as patch:
        patch.setattr(np, "load", refused)
        with pytest.raises(PolysenseError, match=rf"shard-.* cannot be read: {reason.strerror}"):
            FeatureCache(Counting(), tmp_path)
    assert FeatureCache(Counting(), tmp_path).fill(TEXTS) == 0


def test_other_weights_or_preprocessing_have_their_own_folder(tiny_vision: str, tmp_path: Path) -> None:
    encoders = [VisionImage(tiny_vision) for _ in range(3)]
    encoders[1].processor.image_std = [0.4, 0.4, 0.4]
    with torch.no_grad():
        next(encoders[2].parameters()).view(-1)[0] += 1e-3
    sample = Sample(id="1", image=Image.new("RGB", (9, 9), "red"))
    caches = [FeatureCache(encoder, tmp_path) for encoder in encoders]
    assert [cache.fill([sample]) for cache in caches] == [1, 1, 1]
    assert len({cache.folder for cache in caches}) == 3
    assert FeatureCache(VisionImage(tiny_vision), tmp_path).fill([sample]) == 0


def test_a_fill_that_breaks_off_keeps_its_finished_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_ROWS", 1)

    class Dies(Counting):
        def prepare(self, samples: Sequence[Sample]) -> Fields:
            if samples[0].text == "three words here":
                raise KeyboardInterrupt
            return super().prepare(samples)

    with pytest.raises(KeyboardInterrupt):
        FeatureCache(Dies(), tmp_path).fill(TEXTS)
    encoder = Counting()
    assert FeatureCache(encoder, tmp_path).fill(TEXTS) == 2
    assert encoder.asked == ["three words here", "four"]


def test_a_shard_that_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    cache = FeatureCache(Counting(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(OSError, match="No space left"):
            cache.fill(TEXTS)
    assert list(cache.folder.iterdir()) == []
    assert cache.fill(TEXTS) == 4


def test_half_written_folders_are_not_read(tmp_path: Path) -> None:
    cache = FeatureCache(Counting(), tmp_path)
    cache.fill(TEXTS[:1])
    shards(cache)[0].rename(cache.folder / "partial-xyz")
    assert FeatureCache(Counting(), tmp_path).fill(TEXTS[:1]) == 1


def test_progress_counts_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_ROWS", 3)
    told: list[tuple[int, int]] = []
    FeatureCache(Counting(), tmp_path).fill(TEXTS, batch_size=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 4), (3, 4), (4, 4)]


def test_a_shard_says_how_many_rows_it_holds(tmp_path: Path) -> None:
    cache = FeatureCache(Counting(), tmp_path)
    cache.fill(TEXTS)
    (shard,) = shards(cache)
    assert json.loads((shard / "shard.json").read_text())["rows"] == 4


def test_the_root_is_the_one_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYSENSE_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.setenv("POLYSENSE_CACHE", "")
    assert cache_root() == Path.home() / ".cache" / "polysense"


class Overflowing(Counting):
    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        states, mask, summary = super().encode(fields)
        states[1] = torch.nan
        return states, mask, summary


def test_features_that_are_not_finite_are_refused_by_row(tmp_path: Path) -> None:
    cache = FeatureCache(Overflowing(), tmp_path)
    with pytest.raises(DataError, match=r"posts\.csv, row 2, text: .*NaN"):
        cache.fill([Sample(id=str(row), text=f"text {row}", origin=f"posts.csv, row {row}") for row in (1, 2, 3)])
    assert shards(cache) == []


class Away(torch.Tensor):
    """A tensor on another device: numpy cannot read it."""

    def numpy(self, **_: object) -> np.ndarray:
        raise TypeError("not on the processor")

    def cpu(self, *_: object, **__: object) -> Tensor:
        return self.as_subclass(torch.Tensor)


class Far(torch.nn.Module):
    """An encoder on a device of its own; what it is given must have been moved there."""

    modality = "text"
    pairs = False

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1, device="meta"))

    def prepare(self, samples: Sequence[Sample]) -> Fields:
        return {"lengths": torch.ones(len(samples), 2)}

    def encode(self, fields: Fields) -> tuple[Tensor, Tensor, Tensor]:
        assert {tensor.device.type for tensor in fields.values()} == {"meta"}
        states = torch.ones(*fields["lengths"].shape, 3)
        return states.as_subclass(Away), (states[..., 0] > 0).as_subclass(Away), states.sum(dim=1).as_subclass(Away)

    def key(self, sample: Sample) -> int:
        return content_key(sample.text)

    def fingerprint(self) -> str:
        return "f" * 64


def test_rows_go_to_the_device_of_the_encoder_and_outputs_come_back(tmp_path: Path) -> None:
    cache = FeatureCache(Far(), tmp_path)
    assert cache.fill(TEXTS) == len(TEXTS)
    assert cache.prepare(TEXTS)["summary"].tolist() == [[2.0, 2.0, 2.0]] * len(TEXTS)


def test_rows_that_differ_in_their_aspect_alone_are_told_apart(tiny_text: str, tmp_path: Path) -> None:
    samples = [Sample(id=aspect, text="sun and rain", aspect=aspect) for aspect in ("sun", "rain", "sun")]
    encoder = TransformerText(tiny_text, aspect=True, trainable=False)
    cache = FeatureCache(encoder, tmp_path)
    assert cache.fill(samples) == 2
    cached = cache.prepare(samples)
    _, _, summary = encoder.encode(encoder.prepare(samples))
    torch.testing.assert_close(cached["summary"], summary, atol=1e-5, rtol=0)
    assert not torch.allclose(summary[0], summary[1], atol=1e-3)
    one, other, same = cached["key"].tolist()
    assert one == same != other
    assert FeatureCache(TransformerText(tiny_text, trainable=False), tmp_path).fill(samples) == 1
