"""On Flickr8k: what the how-to says of a control near chance holds for a part of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from polysense.data.corpora.flickr8k import Flickr8k
from polysense.knowledge.rewriting import Caption, rewrite


def test_text_alone_hardly_tells_rewrites_of_flickr8k(data_folder: Callable[[str], Path]) -> None:
    rows = Flickr8k(captions_per_image=None).read(data_folder("flickr8k")).split("train")
    captions = [caption for caption in map(Caption.of, rows) if caption.picture.endswith("7.jpg")]
    assert len(captions) > 1000
    told = {draw: rewrite(captions, draw=draw, per_level={"positive": 1, "sentence": 2}) for draw in ("balanced", "uniform")}  # type: ignore[arg-type]
    for level in ("word", "phrase"):
        assert told["balanced"].record["control"][level]["accuracy"] < 0.6
    assert told["uniform"].record["control"]["word"]["accuracy"] > 0.65
    assert told["balanced"].record["control"]["sentence"]["accuracy"] > 0.55
    assert told["balanced"].counts["word"] > 1.5 * len(captions)
    assert told["balanced"].counts["phrase"] > 0.7 * len(captions)
