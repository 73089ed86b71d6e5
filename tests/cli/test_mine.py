from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from made_reviews import chinese_reviews, english_reviews
from polysense.cli.main import execute
from polysense.knowledge import Knowledge


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(english_reviews()), "utf-8")
    return path


def test_mining_a_file_writes_knowledge_and_prints_a_summary(reviews: Path, tmp_path: Path, capsys) -> None:
    assert execute(["mine", str(reviews), "--out", str(tmp_path / "k"), "--processes", "1"]) == 0
    shown = capsys.readouterr()
    assert {path.name for path in (tmp_path / "k").iterdir()} == {"lexicon.tsv", "pairs.tsv", "knowledge.json", "report.html"}
    assert "400 texts" in shown.out
    assert "crisp" in shown.out
    assert "soup" in shown.out
    assert "warning: only 200 windows hold a negative seed" in shown.err
    assert "a second" in shown.err
    assert "crisp" in Knowledge.read(tmp_path / "k").words


def test_no_torch_is_needed(reviews: Path, tmp_path: Path) -> None:
    """As where torch is not installed: the import of it fails."""
    code = (
        "import sys\n"
        "class Barred:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'transformers'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Barred())\n"
        "from polysense.cli.main import execute; sys.exit(execute(sys.argv[1:]))"
    )
    line = [sys.executable, "-c", code, "mine", str(reviews), "--out", str(tmp_path / "k"), "--processes", "1"]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "crisp" in (tmp_path / "k/report.html").read_text("utf-8")


def test_json_is_one_document_and_equal_to_the_files(reviews: Path, tmp_path: Path, capsys) -> None:
    assert execute(["mine", str(reviews), "--out", str(tmp_path / "k"), "--json", "--processes", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    knowledge = Knowledge.read(tmp_path / "k")
    assert found["words"] == len(knowledge.words)
    assert {entry["word"] for entry in found["negative"]} == {"stale", "noisy", "greasy", "flimsy"}
    assert found["corpus"]["sha256"] == json.loads((tmp_path / "k/knowledge.json").read_text("utf-8"))["corpus"]["sha256"]
    assert found["aspects"][0]["words"]


def test_stdin_and_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(chinese_reviews())))
    assert execute(["mine", "-", "--out", str(tmp_path / "k"), "--language", "zh", "--processes", "1"]) == 0
    assert "宽敞" in capsys.readouterr().out
    assert Knowledge.read(tmp_path / "k").language == "zh"


def test_seeds_of_ones_own_and_filters(reviews: Path, tmp_path: Path, capsys) -> None:
    seeds = tmp_path / "seeds.tsv"
    seeds.write_text("awful\tpositive\ngreat\tnegative\n", "utf-8")
    more = ["--window", "document", "--tags", "any", "--no-patterns", "--no-pairs", "--min-count", "3", "--processes", "1"]
    assert execute(["mine", str(reviews), "--out", str(tmp_path / "k"), "--seeds-file", str(seeds), *more]) == 0
    found = Knowledge.read(tmp_path / "k")
    assert found.words["stale"].score > 0 > found.words["crisp"].score
    assert not found.pairs
    assert found.record["settings"]["patterns"] is None
    assert "aspect" not in capsys.readouterr().out


def test_knowledge_that_is_there_is_not_written_over(reviews: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k/lexicon.tsv").write_text("good\t1\n", "utf-8")
    line = ["mine", str(reviews), "--out", str(tmp_path / "k"), "--processes", "1"]
    assert execute(line) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "k/lexicon.tsv").read_text("utf-8") == "good\t1\n"
    assert execute([*line, "--overwrite"]) == 0
    assert "crisp" in Knowledge.read(tmp_path / "k").words


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--language", "de"], 2, "'en', 'zh'"),
        (["--window", "page"], 2, "window: 'page'"),
        (["--tags", "ADJ,FOO"], 2, "'FOO' is no kind of word"),
        (["--seeds", "SKEP_64"], 2, "did you mean 'SKEP_46'"),
        (["--seeds", "SKEP_46", "--seeds-file", "x"], 2, "one of them"),
        (["--language", "zh"], 3, "no negative seed of REVIEWS_ZH_28"),
        (["--encoding", "ascii8"], 2, "not known"),
        (["--columns", "label=x"], 2, "--columns: 'label' is not read here"),
        (["--columns", "text=x"], 2, "a text file has no columns"),
    ],
)
def test_wrong_options_are_explained(more: list[str], code: int, message: str, reviews: Path, tmp_path: Path, capsys) -> None:
    assert execute(["mine", str(reviews), "--out", str(tmp_path / "k"), "--processes", "1", *more]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "k").exists()


def test_the_place_of_the_output_is_looked_at_before_the_texts(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("polysense.knowledge.mining.mine", lambda *_, **__: pytest.fail("texts were read"))
    (tmp_path / "file").write_text("mine", "utf-8")
    for place in ("file", "file/k"):
        assert execute(["mine", str(reviews), "--out", str(tmp_path / place)]) == 3
        assert f"{place}: {tmp_path / 'file'} is no folder" in capsys.readouterr().err
    monkeypatch.setattr("os.access", lambda *_: False)
    assert execute(["mine", str(reviews), "--out", str(tmp_path / "new/k")]) == 3
    assert f"nothing may be written in {tmp_path}" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_bad_rows_are_skipped_where_that_is_said(tmp_path: Path, capsys) -> None:
    rows = [json.dumps({"review": text}) for text in english_reviews()]
    (tmp_path / "r.jsonl").write_text(
        "\n".join([*rows[:9], '{"review": "gre', *rows[9:], '{"review": ""}' + "\n{}" * 12]), "utf-8"
    )
    line = ["mine", str(tmp_path / "r.jsonl"), "--out", str(tmp_path / "k"), "--processes", "1", "--columns", "text=review"]
    assert execute(line) == 3
    assert "r.jsonl, row 10, row: not JSON" in (told := capsys.readouterr().err)
    assert "--skip-bad-rows goes on without such rows" in told
    assert not (tmp_path / "k").exists()
    assert execute([*line, "--skip-bad-rows"]) == 0
    told = capsys.readouterr().err
    assert "r.jsonl, row 10, row: not JSON" in told
    assert "r.jsonl, row 402, review: there is no text" in told
    assert "skipped: 4 more rows" in told
    corpus = Knowledge.read(tmp_path / "k").record["corpus"]
    assert (corpus["texts"], corpus["skipped rows"]) == (400, 14)


def test_weak_words_are_left_out(reviews: Path, tmp_path: Path) -> None:
    line = ["mine", str(reviews), "--processes", "1"]
    for name, least in (("all", "0"), ("strong", "0.5")):
        assert execute([*line, "--out", str(tmp_path / name), "--min-score", least]) == 0
    every, strong = (Knowledge.read(tmp_path / name) for name in ("all", "strong"))
    assert dict(strong.words) == {word: entry for word, entry in every.words.items() if entry.seed or abs(entry.score) >= 0.5}
    assert strong.record["settings"]["min_score"] == 0.5


def test_an_empty_file_is_explained(tmp_path: Path, capsys) -> None:
    (tmp_path / "empty.txt").write_text("\n", "utf-8")
    assert execute(["mine", str(tmp_path / "empty.txt"), "--out", str(tmp_path / "k")]) == 3
    assert "holds no text" in capsys.readouterr().err
