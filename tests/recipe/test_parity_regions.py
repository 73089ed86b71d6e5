"""The recipes of the paper's LXMERT, from the sets as they are published and a folder of regions to a training step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from made_regions import picture, region_line, write
from polysense.data.bad_rows import refuse_or_skip
from polysense.data.collate import Collate
from polysense.data.corpus import Corpus
from polysense.data.frames import Frames
from polysense.data.region_import import import_regions
from polysense.data.verify import verify
from polysense.errors import DataError
from polysense.recipe import list_recipes, load_recipe
from polysense.recipe.recipe import Recipe

FEATURES = 16
"""What the tiny LXMERT reads of a region."""

RECIPES = [name for name in list_recipes() if name.startswith("social/parity_") and "_lxmert" in name]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the five sets, of eight rows each and without pictures, and with ``regions`` of their pictures."""
    root = tmp_path_factory.mktemp("data")
    numbers = range(8)
    split = ["train"] * 6 + ["validation", "test"]
    rows = [f"{number},a red box {number},{number % 4},{split[number]}" for number in numbers]
    for name, header in (("tir", ""), ("mhp", ",ocr"), ("micd", "")):
        (root / name).mkdir()
        body = [f"{row}{',see' if header else ''}" for row in rows]
        (root / name / f"{name}.csv").write_text("\n".join([f"tweet_id,text,label,split{header}", *body]))
    (root / "mvsa").mkdir()
    mood = ["negative", "neutral", "positive"]
    body = [f"{number},{number}.jpg,a red box {number},{mood[number % 3]},{split[number]}" for number in numbers]
    (root / "mvsa/mvsa_single.csv").write_text("\n".join(["id,image,text,label,split_clmlf", *body]))
    (root / "msd/text").mkdir(parents=True)
    tweets = [repr([str(number), f"a red box {number}", number % 2]) for number in numbers]
    for name, some in (("train", tweets[:6]), ("valid2", tweets[6:7]), ("test2", tweets[7:])):
        (root / f"msd/text/{name}.txt").write_text("\n".join(some))
    lines = []
    for number in numbers:
        one = picture(number, 2 + number % 3, height=1, width=1)  # boxes that are fractions already
        one |= {"features": np.random.default_rng(number).normal(size=(one["count"], FEATURES))}
        del one["probabilities"]
        lines.append(region_line(**one))
    import_regions(write(root / "regions.tsv", *lines), root / "regions", detector="bottom-up attention", count=36)
    return root


def tiny(name: str, networks: Path) -> Recipe:
    return load_recipe(name, [f"encoders.text.pretrained={networks / 'lxmert'}"])


def test_there_is_one_of_each_set_with_and_without_signals() -> None:
    assert len(RECIPES) == 5 * 4


@pytest.mark.parametrize("name", RECIPES)
def test_regions_stand_in_the_place_of_pictures(name: str, data: Path, networks: Path) -> None:
    recipe = tiny(name, networks)
    corpus: Corpus = recipe.corpora[0].build()
    table = corpus.candidates(data / name.split("_")[1], media_root=data / "regions")
    assert table.splits == {"train": 6, "validation": 1, "test": 1}
    assert table.problems == ()
    assert not any(one.severity == "bad" for one in verify(table))
    for sample in table.samples:
        assert isinstance(sample.image, Frames)
        assert sample.image.shape == (2 + int(sample.id) % 3, FEATURES + 4)
        numbers = np.random.default_rng(int(sample.id)).normal(size=(sample.image.shape[0], FEATURES))
        np.testing.assert_allclose(sample.image.read()[:, :FEATURES], numbers, atol=1e-5)
    rows = table.split("train")
    learner = recipe.complete(rows).build(seed=0)
    encoders = {key: learner.model.encoder(key) for key in learner.model.encoders}
    found = learner(**Collate(encoders, learner.preparers, companions=learner.companions)(rows))
    found["loss"].backward()
    assert set(found["terms"]) == set(recipe.objectives)
    reader = learner.model.encoder("text").lent.encoder.visn_fc.visn_fc
    assert torch.isfinite(reader.weight.grad).all()
    assert reader.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["mvsa", "tir", "mhp", "msd", "micd"])
def test_a_picture_without_regions_is_a_bad_row(name: str, data: Path, tmp_path: Path, networks: Path) -> None:
    regions = tmp_path / "regions"
    regions.mkdir()
    (regions / "regions.safetensors").write_bytes((data / "regions/regions.safetensors").read_bytes())
    lines = (data / "regions/posts.jsonl").read_text().splitlines(keepends=True)
    (regions / "posts.jsonl").write_text("".join(lines[:2] + lines[3:]))
    corpus: Corpus = tiny(f"social/parity_{name}_lxmert", networks).corpora[0].build()
    table = corpus.candidates(data / name, media_root=regions)
    [problem] = table.problems
    assert (problem.row, problem.id, problem.field) == (3, "2", "image")
    assert "posts.jsonl has no regions of '2" in problem.reason
    with pytest.raises(DataError, match="1 bad row"):
        refuse_or_skip(table, skip_bad_rows=False)
    assert refuse_or_skip(table, skip_bad_rows=True).splits["train"] == 5


def test_pictures_themselves_are_refused_with_the_way_out(data: Path, networks: Path, tmp_path: Path) -> None:
    for number in range(8):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{number}.png")
    recipe = tiny("social/parity_micd_lxmert", networks)
    rows = recipe.corpora[0].build().read(data / "micd", media_root=tmp_path).split("train")
    with pytest.raises(
        DataError, match=r"row 1, image: .*0\.png is a picture, the encoder reads regions .*data extract regions`"
    ):
        recipe.complete(rows)


def test_regions_of_another_width_are_refused_with_the_way_out(data: Path, networks: Path, tmp_path: Path) -> None:
    lines = [region_line(**{key: cell for key, cell in picture(row).items() if key != "probabilities"}) for row in range(8)]
    import_regions(write(tmp_path / "regions.tsv", *lines), tmp_path / "regions", detector="a DETR")
    recipe = tiny("social/parity_tir_lxmert", networks)
    rows = recipe.corpora[0].build().read(data / "tir", media_root=tmp_path / "regions").split("train")
    with pytest.raises(ValueError, match=r"features: pretrained reads 16 numbers a region, found 6; write features: new"):
        recipe.complete(rows).build(seed=0)
