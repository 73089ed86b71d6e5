from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from polysense.data.collate import Collate
from polysense.data.features import StoredVector
from polysense.encoders.stored_features import StoredFeatures
from polysense.errors import DataError, RecipeError
from polysense.fusion.single import Single
from polysense.model import Model
from polysense.types import Batch, Sample

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """The rows 2, none, 0 of a file."""
    np.save(tmp_path / "v.npy", VECTORS)
    return [Sample(id=str(row), image=None if row is None else StoredVector(tmp_path / "v.npy", row)) for row in (2, None, 0)]


def test_the_vectors_are_the_states(samples: list[Sample]) -> None:
    encoder = StoredFeatures(width=3)
    batch = Batch.of(Collate({"image": encoder})(samples))
    encoded = encoder(batch.parts["image"])
    assert encoded.states.shape == (3, 1, 3)
    assert encoded.summary.tolist() == [VECTORS[2].tolist(), [0.0, 0.0, 0.0], VECTORS[0].tolist()]
    assert torch.equal(encoded.states[:, 0], encoded.summary)
    assert encoded.mask.all()
    assert encoded.present.tolist() == [True, False, True]


def test_it_learns_nothing_and_stays_in_evaluation_mode() -> None:
    encoder = StoredFeatures(width=3)
    assert list(encoder.parameters()) == []
    assert not encoder.trainable
    assert not encoder.train().training
    assert encoder.fingerprint() == StoredFeatures(width=3).fingerprint() != StoredFeatures(width=4).fingerprint()


def test_half_precision_outside_leaves_the_vectors_alone(samples: list[Sample]) -> None:
    encoder = StoredFeatures(width=3)
    part = Batch.of(Collate({"image": encoder})(samples)).parts["image"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert encoder(part).summary.dtype == torch.float32


def test_a_model_without_any_weights_runs(samples: list[Sample]) -> None:
    encoder = StoredFeatures(width=3)
    model = Model({"image": encoder}, Single({"image": 3}, modality="image"))
    collate = Collate({"image": encoder})
    assert model(Batch.of(collate(samples))).fused.summary[0].tolist() == VECTORS[2].tolist()
    nothing = model(Batch.of(collate([Sample(id="0", text="x"), Sample(id="1", text="y")]))).fused
    assert nothing.summary.tolist() == [[0.0] * 3] * 2
    assert not nothing.present.any()


def test_pictures_and_vectors_of_another_width_are_refused(samples: list[Sample], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"v\.npy, row 3 has 3 numbers, encoders\.image\.width is 2048"):
        StoredFeatures(width=2048).prepare(samples)
    with pytest.raises(DataError, match=r"a\.jpg is a picture; the image encoder StoredFeatures reads vectors"):
        StoredFeatures(width=3).prepare([Sample(id="0", image=tmp_path / "a.jpg")])
    with pytest.raises(DataError, match="it is a picture"):
        StoredFeatures(width=3).prepare([Sample(id="0", image=Image.new("RGB", (2, 2)))])
    with pytest.raises(RecipeError, match="width: expected a number from 1 up, found 0"):
        StoredFeatures(width=0)
