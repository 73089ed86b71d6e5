from __future__ import annotations

from pathlib import Path

import pytest

from polysense.data.corpora.posts import Posts
from polysense.errors import DataError


def test_a_table_with_other_names_another_encoding_and_several_labels(tmp_path: Path) -> None:
    lines = ["tweet,feelings", *(f"café {n},joy|awe" for n in range(20))]
    (tmp_path / "mine.csv").write_bytes("\n".join(lines).encode("latin-1"))
    corpus = Posts(columns={"text": "tweet", "label": "feelings"}, encoding="latin-1", label_separator="|", seed=3)
    table = corpus.read(tmp_path)
    assert table.name == "mine.csv"
    assert table.samples[0].text == "café 0"
    assert table.labels() == ["awe", "joy"]
    assert table.splits == {"train": 16, "validation": 2, "test": 2}
    assert corpus.read(tmp_path / "mine.csv").samples == table.samples


def test_media_in_another_folder(pictures) -> None:
    media = pictures("media/a.png") / "media"
    (media.parent / "posts.csv").write_text("image\na.png\n")
    assert Posts().read(media.parent / "posts.csv", media_root=media).problems == ()
    assert len(Posts().read(media.parent / "posts.csv").problems) == 1


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Posts: .*gone\.csv is not there; expected in the data folder: a table"):
        Posts().read(tmp_path / "gone.csv")
