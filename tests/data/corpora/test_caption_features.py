from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from made_benchmarks import write_sick
from polysense.data.corpora.caption_features import CaptionFeatures
from polysense.data.features import RandomVector, StoredVector
from polysense.data.verify import verify
from polysense.errors import ArgumentError, DataError, RecipeError

VECTORS = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)


def write(folder: Path, captions: list[str] | None = None, vectors: np.ndarray = VECTORS) -> Path:
    lines = [f"Picture {n}." for n in range(8)] if captions is None else captions
    (folder / "captions.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with h5py.File(folder / "features.hdf5", "w") as file:
        file.create_dataset("features", data=vectors)
    return folder


def test_line_and_row_belong_together(tmp_path: Path) -> None:
    table = CaptionFeatures().read(write(tmp_path))
    assert table.splits == {"train": 8}
    assert [one.text for one in table.samples] == [f"Picture {n}." for n in range(8)]
    assert [one.image for one in table.samples] == [StoredVector(tmp_path / "features.hdf5", n) for n in range(8)]
    assert table.samples[2].origin.endswith("captions.txt, row 3")
    assert set(table.digests) == {"captions.txt", "features.hdf5"}


def test_a_numpy_file_in_another_folder(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    np.save(media / "v.npy", VECTORS)
    table = CaptionFeatures(features="v.npy").read(write(tmp_path), media_root=media)
    assert [one.image.read().tolist() for one in table.samples] == VECTORS.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("lines", [7, 9])
def test_another_number_of_lines_than_rows(tmp_path: Path, lines: int) -> None:
    write(tmp_path, [f"x{n}" for n in range(lines)])
    with pytest.raises(DataError, match=rf"captions\.txt has {lines} lines, .*features\.hdf5 has 8 rows"):
        CaptionFeatures().read(tmp_path)


def test_a_blank_line_is_a_bad_row_and_moves_no_other(tmp_path: Path) -> None:
    captions = [f"Picture {n}." for n in range(8)]
    captions[2] = " "
    table = CaptionFeatures().read(write(tmp_path, captions))
    assert [(one.row, one.field, one.reason) for one in table.problems] == [(3, "text", "the line is blank")]
    for one in table.samples:
        assert isinstance(one.image, StoredVector)
        assert one.text == f"Picture {one.image.row}."


def test_vectors_that_are_not_finite_are_named_by_file_and_row(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    vectors[4, 0] = np.nan
    folder = write(tmp_path, vectors=vectors)
    for choice in ({}, {"images": "shuffled"}, {"pairs": 8}, {"validation": 2}):  # none of them stumbles over it
        table = CaptionFeatures(**choice).read(folder)  # type: ignore[arg-type]
        bad = [one for one in verify(table) if one.severity == "bad" and one.row is not None]
        assert [one.field for one in bad] == ["image"]
        assert bad[0].reason.endswith("features.hdf5, row 5 holds NaN or infinite numbers")
    assert bad[0].row == 5
    assert [one.id for one in table.without(bad).samples] == ["1", "2", "3", "4", "6", "7", "8"]


def test_equal_vectors_are_found_by_verifying(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    vectors[1] = vectors[0]
    found = [one.reason for one in verify(CaptionFeatures().read(write(tmp_path, vectors=vectors))) if one.field == "image"]
    assert found == ["1 picture stands in more than one row (2 rows; for example ids 1, 2)"]


def test_shuffled_and_random_vectors(tmp_path: Path) -> None:
    write(tmp_path)
    shuffled = CaptionFeatures(images="shuffled", validation=2).read(tmp_path)
    moved = [one.image != StoredVector(tmp_path / "features.hdf5", int(one.id) - 1) for one in shuffled.samples]
    assert moved == [one.split == "train" for one in shuffled.samples]
    assert {one.image for one in shuffled.samples} == {StoredVector(tmp_path / "features.hdf5", n) for n in range(8)}
    noise = CaptionFeatures(images="random", validation=2).read(tmp_path)
    assert noise.splits == {"train": 6, "validation": 2}
    assert all(isinstance(one.image, RandomVector) and one.image.width == 3 for one in noise.split("train"))
    assert len({one.image.key for one in noise.samples}) == 8  # type: ignore[union-attr]
    assert noise.split("validation") == shuffled.split("validation")
    assert CaptionFeatures(images="random", validation=2).read(tmp_path).samples == noise.samples


def test_fewer_pairs_and_no_evaluation_sentences(tmp_path: Path) -> None:
    write(tmp_path, ["a RED bird !", *(f"Picture {n}." for n in range(1, 8))])
    write_sick(tmp_path)
    table = CaptionFeatures(exclude=["sick2014"], pairs=5).read(tmp_path)
    assert table.splits == {"train": 5}
    assert "1" not in {one.id for one in table.samples}
    assert table.left_out == {"training rows that stand in sick2014": 1}


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(RecipeError, match=r"CaptionFeatures, features: '\.\./v\.npy' must lie below"):
        CaptionFeatures(features="../v.npy").read(tmp_path)
    with pytest.raises(DataError, match=r"CaptionFeatures: .*v\.npy is not there"):
        CaptionFeatures(features="v.npy").read(tmp_path)
    with pytest.raises(ArgumentError, match="no data set 'pictures'") as caught:
        CaptionFeatures(dataset="pictures").read(tmp_path)
    assert (caught.value.argument, caught.value.instead) == ("dataset", "features")  # training says how to ask for it
    with pytest.raises(RecipeError, match="CaptionFeatures, pairs: expected a number from 1 up"):
        CaptionFeatures(pairs=0)
    (tmp_path / "captions.txt").write_text("\n\n")
    with pytest.raises(DataError, match=r"captions\.txt is empty"):
        CaptionFeatures().read(tmp_path)
