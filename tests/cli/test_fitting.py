from __future__ import annotations

from pathlib import Path

import pytest

from polysense.cli.fitting import fitting_recipe
from polysense.cli.main import execute

HEADER = "id,image,text,label,split_clmlf,split_course"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder that looks like MVSA-Single."""
    folder = tmp_path / "mvsa"
    (folder / "images").mkdir(parents=True)
    (folder / "mvsa_single.csv").write_text(f"{HEADER}\n1,1.jpg,sun,positive,train,train\n")
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of one's own."""
    (tmp_path / "posts.csv").write_text("text,label\nsun,positive\nrain,negative\n")
    return tmp_path / "posts.csv"


def test_a_recipe_for_tables_is_told_the_corpus(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for data in (corpus, corpus / "mvsa_single.csv"):
        assert execute(["train", "social/posts_concat_itc", "--data", str(data), "--out", str(tmp_path / "run")]) == 3
        said = capsys.readouterr().err
        assert "looks like the corpus MvsaSingle: take the recipe social/mvsa_concat_itc" in said


def test_a_table_that_is_called_as_that_of_a_corpus_is_read_as_anybodys(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("text,image\nsun,1.jpg\n")
    assert fitting_recipe("unimo/caption", tmp_path) is None  # the set without its pictures
    (tmp_path / "images").mkdir()
    said = fitting_recipe("mcse/parity_mcse_bert_captions", tmp_path / "captions.csv")
    assert said == (
        "hint: the recipe mcse/parity_mcse_bert_captions reads Captions and StsBenchmark: name the folder that holds all of them, "
        "or write corpora of your own"
    )
    assert "read it with --set corpora.0=Captions" in (fitting_recipe("unimo/caption", tmp_path / "captions.csv") or "")


@pytest.mark.parametrize(("options", "code"), [([], 3), (["--columns", "text=tweet"], 2)])
def test_a_recipe_for_a_corpus_is_told_the_table(
    table: Path, tmp_path: Path, options: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "social/mvsa_text", "--data", str(table), "--out", str(tmp_path / "run"), *options]
    assert execute(arguments) == code
    said = capsys.readouterr().err
    assert "hint: the recipe social/mvsa_text reads MvsaSingle, and " in said
    assert "looks like a table of your own: take the recipe social/posts_text" in said


def test_a_recipe_of_captions_is_told_what_reads_ones_own(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "unimo/caption", "--data", str(table), "--out", str(tmp_path / "run")]
    assert execute(arguments) == 3
    assert "looks like a table of your own: read it with --set corpora.0=Captions" in capsys.readouterr().err
    assert execute([*arguments, "--set", "corpora.0=Captions"]) == 3
    said = capsys.readouterr().err
    assert "has no column 'image'" in said
    assert "hint" not in said


def test_a_recipe_of_several_corpora_is_told_that_it_wants_their_folder(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["train", "mcse/mcse", "--data", str(table), "--out", str(tmp_path / "run")]) == 3
    said = capsys.readouterr().err
    assert (
        "hint: the recipe mcse/mcse reads Sentences, Flickr8k and StsBenchmark: name the folder that holds all of them" in said
    )
    assert execute(["train", "mcse/mcse", "--data", str(tmp_path), "--out", str(tmp_path / "run")]) == 3
    assert "name the folder that holds" not in capsys.readouterr().err


def test_what_fits_gets_no_hint(corpus: Path, table: Path) -> None:
    assert fitting_recipe("social/posts_text", table) is None
    assert fitting_recipe("social/posts_text", table.parent) is None
    assert fitting_recipe("social/mvsa_text", corpus) is None
    (corpus / "images").rmdir()
    assert fitting_recipe("social/mvsa_text", corpus) is None, "the corpus, with something missing"


def test_the_folder_of_all_data_sets_is_no_table(corpus: Path, tmp_path: Path) -> None:
    root = tmp_path / "all"
    root.mkdir()
    corpus.rename(root / "mvsa_single")
    (root / "README.md").write_text("data sets\n")
    assert fitting_recipe("social/mvsa_text", root) is None
    assert fitting_recipe("skep/semeval14_restaurant", root) is None


def test_a_recipe_of_ones_own_is_told_the_corpus_to_name(corpus: Path, table: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("base: social/posts_text\n")
    hint = fitting_recipe(str(mine), corpus)
    assert hint is not None
    assert "read it with --set corpora.0=MvsaSingle" in hint
    mine.write_text("base: social/mvsa_text\n")
    assert "read it with --set corpora.0=Posts" in str(fitting_recipe(str(mine), table))


def test_files_of_ones_own_get_no_hint_from_recipes_that_read_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("\n", "utf-8")
    for recipe in ("mcse/simcse", "mcse/supervised", "skep/pretrain"):
        assert execute(["train", recipe, "--data", str(sentences), "--out", str(tmp_path / "run")]) != 0
        assert "hint: the recipe" not in capsys.readouterr().err


def test_a_table_of_clips_gets_no_hint_from_recipes_that_read_clips(tmp_path: Path) -> None:
    (tmp_path / "talks.csv").write_text("text,video,score\nso good,a.mp4,1\n")
    for recipe in ("self_mm/clips", "self_mm/mosi", "msa/tfn"):
        assert fitting_recipe(recipe, tmp_path / "talks.csv") is None
    assert "take the recipe" in str(fitting_recipe("social/mvsa_text", tmp_path / "talks.csv"))
