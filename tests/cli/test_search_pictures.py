"""Search over pictures and texts: by the space that they share, then by reading them together."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polysense.cli.main import execute
from polysense.data.table import read_table
from polysense.inference.predictor import Predictor, load
from polysense.objectives.cross_modal_contrast import CrossModalContrast


@pytest.fixture
def run(trained_runs: dict[str, Path]) -> str:
    return str(trained_runs["both"] / "seed-0")


@pytest.fixture
def pictures(toy_posts: Path, tmp_path: Path) -> Path:
    """Twelve pictures in a folder, one file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, sample in enumerate(read_table(toy_posts / "posts.csv").samples[:12]):
        assert isinstance(sample.image, Path)
        shutil.copy(sample.image, folder / f"{number:02d}{sample.image.suffix}")
    (folder / "broken.jpg").write_bytes(b"nothing of the kind")
    return folder


@pytest.fixture
def texts(toy_posts: Path, tmp_path: Path) -> Path:
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(str(one.text) for one in read_table(toy_posts / "posts.csv").samples[:20]) + "\n", "utf-8")
    return file


def found(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    capsys.readouterr()
    assert execute(["search", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def joint(model: Predictor, text: str, picture: Path) -> float:
    """What the matching objective says of the pair by itself."""
    [answer] = model.predict([{"text": text, "image": picture}])
    return float(answer["match"])


def test_a_text_finds_pictures_of_a_folder(run: str, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [answer], told = found([run, str(pictures), "--text", "rain in the street", "--top", "20"], capsys)
    model, files = load(run), sorted(pictures.glob("[0-9]*"))
    cosines = model.encode([{"image": file} for file in files], shared=True) @ model.encode("rain in the street", shared=True)
    order = np.argsort(-cosines, kind="stable")
    assert [hit["id"] for hit in answer["hits"]] == [files[place].name for place in order]
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx(cosines[order], abs=1e-5)
    assert "skipped: broken.jpg: image: " in told
    assert "12 of 12 pictures encoded" in told
    again, told = found([run, str(pictures), "--query", "rain in the street", "--top", "20"], capsys)
    assert again == [answer]
    assert "skipped: broken.jpg" in told
    assert "0 of 12 pictures encoded" in told


def test_the_index_stands_where_it_is_told_and_knows_its_model(
    run: str, trained_runs: dict[str, Path], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [str(pictures), "--text", "rain", "--index", str(tmp_path / "index")]
    first, told = found([run, *options], capsys)
    assert "12 of 12 pictures encoded" in told
    assert len(list((tmp_path / "index").glob("*/vectors-*.safetensors"))) == 1
    other = str(trained_runs["both"] / "seed-1")
    _, told = found([other, *options], capsys)
    assert "12 of 12 pictures encoded" in told
    again, told = found([run, *options], capsys)
    assert "0 of 12 pictures encoded" in told
    assert [hit["score"] for hit in again[0]["hits"]] == pytest.approx([hit["score"] for hit in first[0]["hits"]], abs=1e-6)


def test_pictures_of_a_table_and_several_queries(
    run: str, toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = str(toy_posts / "posts.csv")
    (tmp_path / "queries.txt").write_text("rain\nsun on the sea\n")
    options = ["--text", "a lovely day", "--queries", str(tmp_path / "queries.txt"), "--top", "3"]
    answers, _ = found([run, table, *options], capsys)
    same, _ = found([run, table, "--query", "a lovely day", *options[2:], "--shared", "--part", "image"], capsys)
    assert [answer["query"] for answer in answers] == ["a lovely day", "rain", "sun on the sea"]
    assert answers == same


def test_reranking_is_the_joint_order_within_the_shortlist(
    run: str, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = ["rain in the street", "what a lovely day"]
    options = [run, str(pictures), *(word for query in queries for word in ("--text", query))]
    plain, _ = found([*options, "--top", "6"], capsys)
    answers, _ = found([*options, "--rerank", "6", "--top", "4"], capsys)
    model = load(run)
    for query, first, second in zip(queries, plain, answers, strict=True):
        judged = [(joint(model, query, pictures / hit["id"]), hit["score"], hit["id"]) for hit in first["hits"]]
        wanted = sorted(judged, key=lambda entry: -entry[0])[:4]
        assert [hit["fit"] for hit in second["hits"]] == pytest.approx([fit for fit, _, _ in wanted], abs=1e-5)
        assert [hit["id"] for hit in second["hits"]] == [name for _, _, name in wanted]
        assert [hit["score"] for hit in second["hits"]] == pytest.approx([score for _, score, _ in wanted], abs=1e-5)


def test_a_picture_of_several_captions_is_found_once(
    run: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(pictures.glob("[0-9]*"))[:4]
    lines = ["image,text", *(f"{file.name},caption {number} of {file.stem}" for file in files for number in range(5))]
    (pictures / "captions.csv").write_text("\n".join(lines) + "\n")
    [answer], told = found([run, str(pictures / "captions.csv"), "--text", "rain in the street", "--top", "10"], capsys)
    assert sorted(hit["row"] for hit in answer["hits"]) == [0, 5, 10, 15]
    assert "16 rows with the picture of an earlier one: each picture is found once" in told
    assert "4 of 4 pictures encoded" in told


def test_reading_together_warns_where_no_wrong_pair_was_ever_read(
    run: str, pictures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [run, str(pictures), "--text", "rain", "--top", "2", "--rerank", "2"]
    _, told = found(options, capsys)
    assert "without rewritten captions" not in told, "matching reads exchanged texts"
    monkeypatch.setattr("polysense.inference.abilities.judging", lambda _: CrossModalContrast.__new__(CrossModalContrast))
    assert load(run).judges_blindly
    monkeypatch.undo()
    monkeypatch.setattr(Predictor, "judges_blindly", True)
    _, told = found(options, capsys)
    assert "was trained without rewritten captions" in told


def test_a_picture_finds_texts_and_reads_them_together(
    run: str, pictures: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = pictures / "03.jpg" if (pictures / "03.jpg").exists() else pictures / "03.png"
    [plain], _ = found([run, str(texts), "--image", str(picture), "--top", "8"], capsys)
    [answer], _ = found([run, str(texts), "--image", str(picture), "--rerank", "8", "--top", "8"], capsys)
    model = load(run)
    fits = sorted((joint(model, hit["text"], picture) for hit in plain["hits"]), reverse=True)
    assert [hit["fit"] for hit in answer["hits"]] == pytest.approx(fits, abs=1e-5)
    assert {hit["id"] for hit in answer["hits"]} == {hit["id"] for hit in plain["hits"]}


def test_hits_of_python_are_read_together(run: str, pictures: Path) -> None:
    model = load(run)
    rows = [{"image": file, "text": None} for file in sorted(pictures.glob("[0-9]*"))]
    index = model.index(rows, part="image", shared=True)
    queries = ["rain in the street", {"image": rows[2]["image"]}]
    texts = model.index(["rain in the street", "sun on the sea"], shared=True)
    [hits] = model.rerank(queries[:1], index.search(queries[:1], 5))
    assert [hit.fit for hit in hits] == sorted((hit.fit for hit in hits), reverse=True)
    assert hits[0].fit == pytest.approx(joint(model, "rain in the street", hits[0].item["image"]), abs=1e-5)
    [hits] = model.rerank(queries[1:], texts.search(queries[1:], 2))
    assert hits[0].fit == pytest.approx(joint(model, hits[0].item, rows[2]["image"]), abs=1e-5)
    assert model.rerank([], []) == []
    assert model.rerank(["rain"], [[]]) == [[]]


def test_a_page_holds_everything(
    run: str, pictures: Path, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "found.html"
    found([run, str(pictures), "--text", "rain <b>&", "--rerank", "4", "--top", "4", "--out", str(page)], capsys)
    html = page.read_text("utf-8")
    assert "rain &lt;b&gt;&amp;" in html
    assert html.count('<img src="data:image/jpeg;base64,') == 4
    assert len(re.findall(r"fit -?\d\.\d{3} · cos -?\d\.\d{3}", html)) == 4
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    picture = next(pictures.glob("03.*"))
    found([run, str(texts), "--image", str(picture), "--top", "3", "--out", str(page)], capsys)
    html = page.read_text("utf-8")
    assert html.count('<img src="data:') == 1
    assert html.count('<p class="said"') == 3
    assert str(tmp_path) not in html.replace(str(picture), "")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--text", " "], 2, "--text: is empty"),
        (["--text", "a", "--rerank", "2"], 2, "--rerank 2: put at least as many in order as are shown (--top 5)"),
        (["--text", "a", "--out", "none/found.html"], 3, "there is no folder"),
        (["--text", "a", "--out", "found.pdf"], 2, "--out found.pdf: what was found is written as a page; valid: '.html'"),
        (["--text", "a", "--columns", "text=x"], 2, "--columns: no table is read"),
        (["--image", "nowhere.jpg"], 3, "there is no file"),
    ],
)
def test_what_is_refused(
    run: str, pictures: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    assert execute(["search", run, str(pictures), *options]) == code
    assert said in capsys.readouterr().err


def test_models_that_cannot(
    run: str, trained_runs: dict[str, Path], pictures: Path, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = str(trained_runs["base"])
    assert execute(["search", base, str(pictures), "--text", "rain"]) == 2
    assert "has no space that text and picture share" in capsys.readouterr().err
    model = load(run)
    hits = model.index(["rain"], shared=True).search(["sun"])
    with pytest.raises(Exception, match="no image to be read together"):
        model.rerank(["sun"], hits)
    with pytest.raises(Exception, match="no objective that judges"):
        load(base).rerank(["sun"], hits)
    assert execute(["search", run, str(texts), "--image", str(next(pictures.glob("0*"))), "--index", str(tmp_path)]) == 2
    assert "--index keeps the vectors of pictures" in capsys.readouterr().err
    assert execute(["search", run, str(texts), "--text", "rain"]) == 3
    assert "holds no pictures" in capsys.readouterr().err


def test_a_bad_picture_of_a_table_is_an_error_unless_skipped(
    run: str, toy_posts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(toy_posts / "images", tmp_path / "images")
    samples = read_table(toy_posts / "posts.csv").samples[:5]
    names = [Path(str(sample.image)).name for sample in samples]
    (tmp_path / "posts.csv").write_text("text,image\n" + "".join(f"x,images/{name}\n" for name in names) + "no picture,\n")
    (tmp_path / "images" / names[1]).write_bytes(b"nothing of the kind")
    assert execute(["search", run, str(tmp_path / "posts.csv"), "--text", "rain"]) == 3
    assert re.search(r"2: image: .*is not a picture", capsys.readouterr().err)
    [answer], told = found([run, str(tmp_path / "posts.csv"), "--text", "rain", "--skip-bad-rows"], capsys)
    assert {hit["id"] for hit in answer["hits"]} == {"1", "3", "4", "5"}
    assert "1 row without a picture is never found" in told
    assert {hit["row"] for hit in answer["hits"]} == {0, 2, 3, 4}
