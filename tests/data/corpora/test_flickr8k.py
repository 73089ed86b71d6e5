from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from made_benchmarks import write_sick
from polysense.data.corpora.flickr8k import Flickr8k
from polysense.errors import DataError, RecipeError


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder of the corpus's layout: 8 photographs for training, 2 and 2 for validation and testing, one in no split."""
    folder = tmp_path / "flickr8k"
    (folder / "images").mkdir(parents=True)
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "split", "caption_id", "caption"])
        for n in range(13):
            Image.new("RGB", (4, 4), (20 * n, 0, 0)).save(folder / "images" / f"{n}.jpg")
            split = "train" if n < 8 else "dev" if n < 10 else "test" if n < 12 else "unused"
            rows.writerows([f"{n}.jpg", split, k, f'Photo {n}, said "so"  {k} .'] for k in range(5))
    return folder


def test_all_captions_of_the_published_splits(made_up: Path) -> None:
    table = Flickr8k(captions_per_image=None).read(made_up)
    assert table.splits == {"train": 40, "validation": 10, "test": 10}
    first = table.samples[0]
    assert (first.id, first.text, first.group) == ("0.jpg#0", 'Photo 0, said "so" 0 .', "0.jpg")
    assert all(one.image == made_up / "images" / str(one.group) for one in table.samples)
    assert table.samples[6].origin.endswith("captions.csv, row 7")
    assert table.problems == ()
    assert Flickr8k(captions_per_image=None).read(made_up.parent).samples == table.samples


def test_one_caption_a_training_picture_drawn_by_the_seed(made_up: Path) -> None:
    table = Flickr8k().read(made_up)
    assert table.splits == {"train": 8, "validation": 10, "test": 10}
    assert [one.group for one in table.split("train")] == [f"{n}.jpg" for n in range(8)]
    assert len({one.id.partition("#")[2] for one in table.split("train")}) > 1
    assert Flickr8k().read(made_up).samples == table.samples
    assert Flickr8k(seed=1).read(made_up).samples != table.samples
    assert Flickr8k(captions_per_image=3).read(made_up).splits["train"] == 24


def test_shuffled_pictures_are_no_ones_own(made_up: Path) -> None:
    paired = Flickr8k(captions_per_image=2).read(made_up)
    shuffled = Flickr8k(captions_per_image=2, images="shuffled").read(made_up)
    assert [one.text for one in shuffled.samples] == [one.text for one in paired.samples]
    for before, after in zip(paired.samples, shuffled.samples, strict=True):
        assert (before.image == after.image) == (after.split != "train")
    train = shuffled.split("train")
    assert Counter(one.image for one in train) == Counter(one.image for one in paired.split("train"))
    assert Flickr8k(captions_per_image=2, images="shuffled").read(made_up).samples == shuffled.samples


def test_a_share_of_the_pictures_shuffled(made_up: Path) -> None:
    for share, moved in ((0.5, 4), (0.0, 0), (1.0, 8)):
        train = Flickr8k(images="shuffled", shuffled_share=share).read(made_up).split("train")
        assert sum(one.image != made_up / "images" / str(one.group) for one in train) == moved


def test_random_pictures_show_nothing_and_are_the_same_again(made_up: Path) -> None:
    table = Flickr8k(images="random").read(made_up)
    again = Flickr8k(images="random").read(made_up)
    keys = [one.image.key for one in table.split("train")]  # type: ignore[union-attr]
    assert len(set(keys)) == 8
    assert [one.image.key for one in again.split("train")] == keys  # type: ignore[union-attr]
    assert table.split("test") == Flickr8k().read(made_up).split("test")


def test_so_many_pairs(made_up: Path) -> None:
    few, more = (Flickr8k(pairs=count).read(made_up) for count in (3, 5))
    assert few.splits == {"train": 3, "validation": 10, "test": 10}
    assert (
        {one.id for one in few.split("train")}
        < {one.id for one in more.split("train")}
        < {one.id for one in Flickr8k().read(made_up).split("train")}
    )
    with pytest.raises(DataError, match="9 training pictures are asked for, there are 8"):
        Flickr8k(pairs=9).read(made_up)


def test_evaluation_sentences_are_left_out_of_training_alone(made_up: Path) -> None:
    with (made_up / "captions.csv").open("a", encoding="utf-8") as file:
        file.write("0.jpg,train,5,a RED bird !\n8.jpg,dev,5,a red bird\n")
    write_sick(made_up.parent)
    table = Flickr8k(captions_per_image=None, exclude=["sick2014"]).read(made_up)
    assert table.splits == {"train": 40, "validation": 11, "test": 10}
    assert table.left_out == {"training rows that stand in sick2014": 1}
    assert Flickr8k(captions_per_image=None).read(made_up).splits["train"] == 41


def test_what_is_wrong_is_named(made_up: Path) -> None:
    with (made_up / "captions.csv").open("a", encoding="utf-8") as file:
        file.write("gone.jpg,train,0,A photo .\n0.jpg,train,6, \n,train,0,A photo .\n../captions.csv,train,0,A photo .\n")
    problems = Flickr8k().read(made_up).problems
    assert [(one.row, one.field) for one in problems] == [(66, "image"), (67, "caption"), (68, "image"), (69, "image")]
    (made_up / "captions.csv").write_text("image,split,text\n")
    with pytest.raises(DataError, match=r"captions\.csv"):
        Flickr8k().read(made_up)
    (made_up / "captions.csv").write_text("image,split,caption_id,text\n0.jpg,train,0,x\n")
    with pytest.raises(DataError, match="has no column 'caption'"):
        Flickr8k().read(made_up)
    (made_up / "images").rename(made_up / "pictures")
    with pytest.raises(DataError, match=r"Flickr8k: .*images is not there"):
        Flickr8k().read(made_up)


@pytest.mark.parametrize(
    "wrong",
    [{"images": "shufled"}, {"captions_per_image": 0}, {"pairs": 0}, {"shuffled_share": 1.5}],
    ids=lambda one: next(iter(one)),
)
def test_wrong_choices(wrong: dict) -> None:
    with pytest.raises(RecipeError, match=f"Flickr8k, {next(iter(wrong))}: "):
        Flickr8k(**wrong)


def test_the_published_counts(data_folder) -> None:
    table = Flickr8k().read(data_folder("flickr8k"))
    assert table.splits == {"train": 6000, "validation": 5000, "test": 5000}
    assert table.problems == ()
