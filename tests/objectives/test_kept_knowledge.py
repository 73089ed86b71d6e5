from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from made_sentiment import KNOWLEDGE
from polysense.errors import DataError, RecipeError
from polysense.knowledge import Entry, Knowledge
from polysense.objectives import kept_knowledge
from polysense.objectives.kept_knowledge import bare, digest_of, keep, offer, recall, settle


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known yet."""
    monkeypatch.setattr(kept_knowledge, "_known", {})


def test_a_digest_stands_for_words_polarities_and_pairs_alone(tmp_path: Path) -> None:
    digest = settle(str(KNOWLEDGE.write(tmp_path / "one")))
    scored = {word: replace(entry, score=entry.score / 3, count=77) for word, entry in KNOWLEDGE.words.items()}
    same = Knowledge(scored, KNOWLEDGE.pairs, record={"corpus": "another"})
    assert settle(str(same.write(tmp_path / "two"))) == digest
    turned = {**KNOWLEDGE.words, "good": Entry(-1.0, 0)}
    pairs = {pair: known for pair, known in KNOWLEDGE.pairs.items() if pair[1] != "good"}
    others = [
        Knowledge(turned, pairs),
        Knowledge(KNOWLEDGE.words, pairs),
        Knowledge(KNOWLEDGE.words, KNOWLEDGE.pairs, "zh"),
        Knowledge({**KNOWLEDGE.words, "fine": Entry(1.0, 1)}, KNOWLEDGE.pairs),
    ]
    assert len({digest, *(digest_of(bare(other)) for other in others)}) == 5


def test_a_lexicon_in_one_file_will_do(tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("good\t1.9\nbad\t-2.5\n", encoding="utf-8")
    assert {word: entry.polarity for word, entry in recall(settle(str(tmp_path / "lexicon.txt"))).words.items()} == {
        "good": 1,
        "bad": 0,
    }


def test_the_copy_is_found_again_and_tells_nothing_of_where_it_came_from(tmp_path: Path) -> None:
    source = replace(KNOWLEDGE, record={"corpus": "/home/somebody/reviews.txt"}).write(tmp_path / "source")
    digest = settle(str(source))
    keep(digest, tmp_path / "model")
    kept_knowledge._known.clear()
    offer(digest, tmp_path / "model")
    assert recall(digest) == bare(KNOWLEDGE)
    written = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "model").rglob("*") if file.is_file())
    assert "somebody" not in written
    assert settle(digest) == digest


def test_knowledge_that_is_not_there_is_said(tmp_path: Path) -> None:
    unknown = f"sha256-{'0' * 64}"
    with pytest.raises(RecipeError, match="is not there: name the folder"):
        settle(unknown)
    with pytest.raises(RecipeError, match="there is no folder or file 'nowhere'"):
        settle("nowhere")
    with pytest.raises(RecipeError, match="polysense mine"):
        settle(None)
    keep(unknown, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_changed_copy_is_refused(tmp_path: Path) -> None:
    digest = settle(str(KNOWLEDGE.write(tmp_path / "source")))
    keep(digest, tmp_path / "model")
    Knowledge({"good": Entry(1.0, 1)}).write(tmp_path / "model" / "knowledge" / digest)
    kept_knowledge._known.clear()
    offer(digest, tmp_path / "model")
    with pytest.raises(DataError, match="it was changed"):
        recall(digest)
    with pytest.raises(DataError, match="it was changed"):
        keep(digest, tmp_path / "again")
    (tmp_path / "model" / "knowledge" / digest / "lexicon.tsv").write_text("good\n", "utf-8")
    with pytest.raises(DataError, match="line 1"):
        keep(digest, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_copy_that_is_gone_is_not_there_and_another_takes_its_place(tmp_path: Path) -> None:
    digest = settle(str(KNOWLEDGE.write(tmp_path / "source")))
    keep(digest, tmp_path / "one")
    keep(digest, tmp_path / "two")
    kept_knowledge._known.clear()
    offer(digest, tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "moved")
    keep(digest, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    with pytest.raises(RecipeError, match="is not there"):
        recall(digest)
    offer(digest, tmp_path / "two")
    assert recall(digest) == bare(KNOWLEDGE)


@pytest.mark.parametrize("digest", ["../outside", "sha256-../../outside", "", "sha256-12"])
def test_a_saved_recipe_cannot_point_out_of_its_folder(tmp_path: Path, digest: str) -> None:
    KNOWLEDGE.write(tmp_path / "outside")
    (tmp_path / "model" / "knowledge").mkdir(parents=True)
    offer(digest, tmp_path / "model")
    assert kept_knowledge._known == {}
