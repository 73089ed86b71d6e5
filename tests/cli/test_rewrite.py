from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from made_captions import made_captions
from polysense.cli.main import execute
from polysense.data.neighbours import Neighbours
from polysense.knowledge.rewriting import Rewrites


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Captions of 12 pictures, the last two of which test."""
    captions = made_captions(12)
    for number in range(12):
        Image.new("RGB", (32, 32), (number * 20, 255 - number * 20, number * number)).save(tmp_path / f"{number}.jpg")
    with (tmp_path / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ["text", "image", "split"])
        rows.writeheader()
        for caption in captions:
            split = "test" if caption.picture in ("10.jpg", "11.jpg") else "train"
            rows.writerow({"text": caption.text, "image": caption.picture, "split": split})
    return tmp_path / "captions.csv"


def test_the_training_captions_are_rewritten_and_the_control_is_printed_again(table: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "rewrites"
    assert execute(["rewrite", str(table), "--out", str(out), "--min-count", "2", "--word", "3"]) == 0
    shown = capsys.readouterr()
    assert "of 10 pictures" in shown.out
    assert "text alone prefers the caption" in shown.out
    assert "too few to tell" in shown.out
    assert "not read: test" in shown.err
    found = Rewrites.read(out)
    assert set(found.table["picture"]) == {f"{number}.jpg" for number in range(10)}
    assert found.record["split"] == "train"
    assert found.record["per_level"]["word"] == 3
    assert execute(["rewrite", "--control", str(out)]) == 0
    assert capsys.readouterr().out == shown.out
    assert execute(["rewrite", "--control", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"] == found.counts
    assert printed["control"] == found.record["control"]


def test_another_split_can_be_read(table: Path, tmp_path: Path, capsys) -> None:
    assert (
        execute(["rewrite", str(table), "--out", str(tmp_path / "r"), "--split", "test", "--phrase", "0", "--word", "0"]) == 0
    )
    found = Rewrites.read(tmp_path / "r")
    assert set(found.table["picture"]) == {"10.jpg", "11.jpg"}
    assert found.record["split"] == "test"


def test_related_words_come_from_a_file(table: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "related.tsv").write_text("dog\tcat horse\n\nboy\tgirl\n", "utf-8")
    arguments = ["rewrite", str(table), "--out", str(tmp_path / "r"), "--related", str(tmp_path / "related.tsv")]
    assert execute(arguments) == 0
    assert Rewrites.read(tmp_path / "r").record["related"] == {"boy": ["girl"], "dog": ["cat", "horse"]}
    (tmp_path / "related.tsv").write_text("dog cat\n", "utf-8")
    assert execute(arguments) == 3
    assert "related.tsv, line 1: a word, a tab, and the words related to it are expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["captions.csv"], 2, "name the CAPTIONS and the folder --out"),
        (["captions.csv", "--control", "r"], 2, "--control prints a table that was made"),
        (["captions.csv", "--out", "r", "--corpus", "Imdb"], 2, "is no corpus of captions"),
        (["captions.csv", "--out", "r", "--draw", "evn"], 2, "'evn' is none"),
        (["captions.csv", "--out", "r", "--split", "validation"], 3, "there are no rows in the split 'validation'"),
        (["captions.csv", "--out", "r", "--translate", "one"], 2, "two models are expected"),
        (["lost.csv", "--out", "r"], 3, "there is no file or folder lost.csv"),
        (["--control", "lost"], 3, "is not there: it is what `polysense rewrite` writes"),
    ],
)
def test_what_is_wrong_is_told(table: Path, monkeypatch, capsys, arguments: list[str], code: int, message: str) -> None:
    monkeypatch.chdir(table.parent)
    assert execute(["rewrite", *arguments]) == code
    assert message in capsys.readouterr().err


def test_neighbours_of_captions_and_pictures(table: Path, tmp_path: Path, tiny_vision: str, capsys) -> None:
    (tmp_path / "sentences.txt").write_text("\n".join(caption.text for caption in made_captions(8, seed=5)), "utf-8")
    (tmp_path / "others/deep").mkdir(parents=True)
    for number in range(5):
        Image.new("RGB", (32, 32), (255 - number * 40, number * 50, 90)).save(tmp_path / f"others/deep/{number}.png")
    out = tmp_path / "neighbours"
    arguments = ["neighbours", str(table), "--texts", str(tmp_path / "sentences.txt"), "--images", str(tmp_path / "others")]
    assert execute([*arguments, "--encoder", tiny_vision, "--out", str(out), "--pool", "4", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    texts, images = (Neighbours.read(out, kind) for kind in ("texts", "images"))  # type: ignore[arg-type]
    assert printed["texts"]["keys"] == len(texts)
    assert max(len(texts.of(key)) for key in texts.table["key"]) == 4
    assert set(images.table["key"]) <= {f"{number}.jpg" for number in range(10)}
    assert set(images.table["neighbour"]) <= {f"deep/{number}.png" for number in range(5)}
    assert images.record["folder"] == str((tmp_path / "others").resolve())
    other = tmp_path / "other.csv"
    other.write_text(
        "".join(line for row, line in enumerate(table.read_text("utf-8").splitlines(keepends=True)) if row != 1), "utf-8"
    )
    again = ["neighbours", str(other), *arguments[2:4], "--out", str(out), "--pool", "4"]
    assert execute(again) == 2
    assert (
        "texts.parquet and images.parquet, made from something else; write over it with --overwrite" in capsys.readouterr().err
    )
    assert Neighbours.read(out, "texts") == texts
    assert execute([*again, "--overwrite"]) == 0
    assert not (out / "images.parquet").exists()
    assert execute(["neighbours", str(table), "--out", str(out)]) == 2
    assert "name what is unpaired: --texts, --images, or both" in capsys.readouterr().err
    assert execute(["neighbours", str(table), "--out", str(out), "--images", str(out)]) == 3
    assert "holds no pictures" in capsys.readouterr().err
