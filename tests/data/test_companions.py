"""Companions of captions: what is drawn, how often, from which tables, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from made_benchmarks import write_sick
from polysense.data.bad_rows import refuse_or_skip
from polysense.data.companions import DRAWS, Companions
from polysense.data.corpora.captions import Captions
from polysense.data.corpora.pictures import Pictures
from polysense.data.corpora.sick import Sick
from polysense.data.draws import Drawn
from polysense.data.neighbours import Neighbours
from polysense.errors import DataError, RecipeError
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites
from polysense.types import Sample


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Six captions of three pictures, with rewrites of all but the last, near texts and pictures."""
    (tmp_path / "free").mkdir()
    for name in ("a.png", "b.png", "c.png", "free/x.png", "free/y.png"):
        Image.new("RGB", (8, 8), (len(name), 3 * ord(name[-5]) % 256, 9)).save(tmp_path / name)
    rows = [(f"{name}.png", f"a {word} of {name}") for name in "abc" for word in ("box", "ball")]
    lines = ["image,text", *(f"{image},{text}" for image, text in rows)]
    (tmp_path / "captions.csv").write_text("\n".join(lines) + "\n")
    entries = []
    for image, text in rows[:-1]:
        caption = Caption(text, image)
        entries += [(caption, Rewrite(f"one {text}", "positive", by="caption"))]
        entries += [(caption, Rewrite(f"{text} {number}", "word", "box", str(number))) for number in range(6)]
        entries += [(caption, Rewrite(f"no {text}", "sentence", by="z.png"))]
    Rewrites.from_entries(entries).write(tmp_path / "rewrites")
    near = {text: [(f"near {text} {number}", 0.9 - number / 10) for number in range(3)] for _, text in rows}
    Neighbours.from_entries("texts", near).write(tmp_path / "near")
    pictures = {"a.png": [("x.png", 0.8), ("y.png", 0.7)], "b.png": [("y.png", 0.5)]}
    Neighbours.from_entries("images", pictures, {"folder": str(tmp_path / "free")}).write(tmp_path / "near")
    return tmp_path


def drawn(home: Path, *, seed: int = 0, **arguments: object) -> Drawn:
    tables = {"rewrites": str(home / "rewrites"), "neighbours": str(home / "near")}
    corpus = Captions(**{"path": "captions.csv", "captions_per_image": None, **tables, **arguments})  # type: ignore[arg-type]
    table = corpus.candidates(home)
    return Drawn(table.samples, table.draws, seed=seed)


def shown(found: Drawn, epoch: int) -> list[Sample]:
    return [found.samples[place] for place in found.epoch(epoch)]


def test_each_caption_has_its_companions(home: Path) -> None:
    found = drawn(home)
    assert found.sizes == [6]
    for sample in shown(found, 0):
        rewritten = sample.text != "a ball of c"
        assert sample.pair == (f"one {sample.text}" if rewritten else None)
        assert len(sample.negatives) == (3 if rewritten else 0)
        assert len(set(sample.negatives)) == len(sample.negatives)
        if rewritten:  # no phrase has a rewrite, a word stands in
            assert sample.negatives[0] == f"no {sample.text}"
            assert all(one.startswith(f"{sample.text} ") for one in sample.negatives[1:])
        assert [text.startswith(f"near {sample.text}") for text in sample.near_texts] == [True]
        assert len(sample.near_images) == (0 if sample.group == "c.png" else 1)
        assert all(isinstance(one, Path) and one.parent == home / "free" for one in sample.near_images)


def test_pictures_of_one_group_keep_their_own_companions(home: Path) -> None:
    """A group may be an album: the tables then name the pictures themselves."""
    lines = (home / "captions.csv").read_text().splitlines()
    (home / "albums.csv").write_text("\n".join([f"{lines[0]},group", *(f"{line},album" for line in lines[1:])]) + "\n")
    samples = Captions(path="albums.csv", captions_per_image=None).read(home).samples
    entries = [(Caption.of(one), Rewrite(f"one {one.text}", "positive", by="caption")) for one in samples]
    Rewrites.from_entries(entries).write(home / "rewrites")
    near = {Caption.of(one).picture: [("x.png", 0.5)] for one in samples}
    Neighbours.from_entries("images", near, {"folder": str(home / "free")}).write(home / "near")
    for sample in shown(drawn(home, path="albums.csv"), 0):
        assert sample.pair == f"one {sample.text}"
        assert len(sample.near_images) == 1


@pytest.mark.parametrize("images", ["shuffled", "random"])
def test_a_control_of_the_pictures_keeps_the_companions(home: Path, images: str) -> None:
    for sample in shown(drawn(home, images=images), 0):
        assert sample.pair == (f"one {sample.text}" if sample.text != "a ball of c" else None)


def test_tables_of_other_captions_are_refused(home: Path) -> None:
    (home / "captions.csv").write_text("image,text\nc.png,something else\n")
    with pytest.raises(DataError, match=r"Captions, rewrites: .* has nothing for any of the 1 training captions"):
        drawn(home)
    with pytest.raises(DataError, match="Captions, neighbours of texts: "):
        drawn(home, rewrites=None)
    with pytest.raises(DataError, match="Captions, neighbours of images: "):
        drawn(home, rewrites=None, near_texts=0)


def test_epochs_take_the_draws_in_turn_and_seeds_draw_anew(home: Path) -> None:
    found = drawn(home)
    epochs = [[(one.id, one.negatives, one.near_texts) for one in shown(found, epoch)] for epoch in range(2 * DRAWS)]
    assert [[row[0] for row in one] for one in epochs] == [[row[0] for row in epochs[0]]] * (2 * DRAWS)
    assert epochs[:DRAWS] == epochs[DRAWS:]
    assert len({str(one) for one in epochs}) == DRAWS
    assert epochs[0] == [(one.id, one.negatives, one.near_texts) for one in shown(drawn(home), 0)]
    assert epochs[0] != [(one.id, one.negatives, one.near_texts) for one in shown(drawn(home, seed=1), 0)]


def test_each_kind_is_switched_off_alone(home: Path) -> None:
    (first, *_) = shown(drawn(home, positives=False), 0)
    assert (first.pair, len(first.negatives), len(first.near_texts), len(first.near_images)) == (None, 3, 1, 1)
    (first, *_) = shown(drawn(home, negatives={"word": 2}), 0)
    assert len(first.negatives) == 2
    assert all(one.startswith("a box of a ") for one in first.negatives)
    (first, *_) = shown(drawn(home, negatives={}), 0)
    assert (first.pair, first.negatives) == ("one a box of a", ())
    (first, *_) = shown(drawn(home, near_texts=0), 0)
    assert (len(first.near_texts), len(first.near_images)) == (0, 1)
    (first, *_) = shown(drawn(home, near_images=0, near_texts=3), 0)
    assert (len(first.near_texts), len(first.near_images)) == (3, 0)
    (first, *_) = shown(drawn(home, rewrites=None), 0)
    assert (first.pair, first.negatives, len(first.near_texts)) == (None, (), 1)
    plain = drawn(home, rewrites=None, neighbours=None)
    assert len(plain.samples) == 6


def test_sentences_that_models_are_scored_on_are_no_companions(home: Path) -> None:
    write_sick(home)
    scored = [sample.text or "" for sample in Sick().read(home).samples]
    rows = [one for one in shown(drawn(home), 0) if one.text != "a ball of c"]
    entries = []
    for row in rows:
        caption = Caption.of(row)
        entries += [(caption, Rewrite(scored[0].upper(), "positive", by="caption"))]
        entries += [(caption, Rewrite(text, "sentence", by="z.png")) for text in (f"{scored[1]} .", "a text of ours")]
    Rewrites.from_entries(entries).write(home / "rewrites")
    near = {one.text or "": [(scored[2], 0.9), ("near to it", 0.5)] for one in rows}
    Neighbours.from_entries("texts", near).write(home / "near")

    tables = {"rewrites": str(home / "rewrites"), "neighbours": str(home / "near"), "captions_per_image": None}
    table = Captions(path="captions.csv", exclude=["sick2014"], **tables).candidates(home)  # type: ignore[arg-type]
    assert table.left_out["rewrites and near texts that stand in sick2014"] == 3
    for one in Drawn(table.samples, table.draws, seed=0).samples:
        drawn_texts = {one.pair, *one.negatives, *one.near_texts} - {None}
        assert drawn_texts == ({"a text of ours", "near to it"} if one.text != "a ball of c" else set())

    open_to_all = shown(drawn(home, negatives={"sentence": 2}, near_texts=2), 0)[0]
    assert scored[2] in open_to_all.near_texts
    assert open_to_all.pair == scored[0].upper()


def test_a_run_knows_by_which_tables_it_learned(home: Path) -> None:
    corpus = Captions(path="captions.csv", rewrites=str(home / "rewrites"), neighbours=str(home / "near"), near_images=0)
    assert set(corpus.candidates(home).digests) == {"captions.csv", "rewrites", "neighbours of texts"}


def test_tables_stand_below_the_data_folder_or_the_current_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shown(drawn(home), 0)
    monkeypatch.chdir(home / "free")
    assert shown(drawn(home, rewrites="rewrites", neighbours="near"), 0) == whole
    (home.parent / "beside").mkdir()
    (home / "near").rename(home.parent / "beside/near")
    assert shown(drawn(home, rewrites="rewrites", neighbours="beside/near"), 0) == whole
    with pytest.raises(DataError, match="polysense rewrite"):
        drawn(home, rewrites="nowhere", neighbours=None)
    (home / "rewrites").rename(home / "free/tables")
    assert shown(drawn(home, rewrites="tables", neighbours="beside/near"), 0) == whole


def test_a_table_that_was_made_anew_is_read_anew(home: Path) -> None:
    before = drawn(home, neighbours=None)
    caption = Caption("a box of a", "a.png")
    Rewrites.from_entries([(caption, Rewrite("quite another text", "word", "box", "text"))]).write(home / "rewrites")
    assert before.samples[0].negatives != ("quite another text",)
    assert drawn(home, neighbours=None).samples[0].negatives == ("quite another text",)


def test_what_is_refused(home: Path) -> None:
    with pytest.raises(RecipeError, match="'words' is no level; did you mean 'word'"):
        Companions(of="Captions", negatives={"words": 1})
    with pytest.raises(RecipeError, match="near_texts: expected a number from 0 up"):
        Companions(of="Captions", near_texts=-1)
    with pytest.raises(RecipeError, match="negatives: are rewritten captions"):
        Companions(of="Captions", negatives={"word": 2})
    with pytest.raises(RecipeError, match="near_images: there is nothing near"):
        Companions(of="Captions", near_images=2)
    with pytest.raises(DataError, match="polysense rewrite"):
        drawn(home, rewrites=str(home / "nowhere"))
    outside = {"a.png": [("../c.png", 0.5)]}
    Neighbours.from_entries("images", outside, {"folder": str(home / "free")}).write(home / "odd")
    with pytest.raises(DataError, match="outside"):
        drawn(home, neighbours=str(home / "odd"), near_texts=0)
    gone = {"a.png": [("gone.png", 0.5)]}
    Neighbours.from_entries("images", gone, {"folder": str(home / "free")}).write(home / "gone")
    with pytest.raises(DataError, match="is not there"):
        drawn(home, neighbours=str(home / "gone"), near_texts=0)


def test_pictures_without_texts(home: Path) -> None:
    table = Pictures(path="free").read(home)
    assert [(one.id, one.split, one.text) for one in table.samples] == [("x.png", "train", None), ("y.png", "train", None)]
    assert table.problems == ()
    (home / "named.csv").write_text("image\nfree/y.png\nc.png\nnone.png\n")
    named = Pictures(path="named.csv").read(home)
    assert [one.id for one in named.samples] == ["free/y.png", "c.png"]
    assert [(one.row, one.field) for one in named.problems] == [(3, "image")]
    before = table.digests
    Image.new("RGB", (8, 8), (1, 2, 3)).save(home / "free" / "y.png")
    assert Pictures(path="free").read(home).digests != before
    assert len(Pictures(limit=2, validation=1).read(home).samples) == 3
    (home / "none").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        Pictures(path="none").read(home)
    with pytest.raises(RecipeError, match="limit"):
        Pictures(limit=0)


def test_training_captions_without_companions_are_told_of_each_table(home: Path) -> None:
    found = Captions(path="captions.csv", rewrites="rewrites", neighbours="near").candidates(home).problems
    assert {one.severity for one in found} == {"warning"}
    assert [str(one).removeprefix(str(home)) for one in found] == [
        "/rewrites, rewrites: 1 of the 6 training captions have none there",
        "/near, neighbours of images: 2 of the 6 training captions have none there",
    ]
    held = Captions(path="captions.csv", neighbours="near", near_images=0, validation=2).candidates(home)
    assert held.problems == ()
    with (home / "captions.csv").open("a") as file:
        file.write("b.png,\n")
    kept = refuse_or_skip(Captions(path="captions.csv", rewrites="rewrites").candidates(home), skip_bad_rows=True)
    assert [one.field for one in kept.problems] == ["rewrites"]
    assert [one.field for one in kept.skipped] == ["text"]
