"""Makes tables of knowledge in a process of its own and kills it, as by ``kill -9``, before a piece is written."""

from __future__ import annotations

from pathlib import Path

from killed import deadly
from made_captions import made_captions
from polysense.knowledge import retrieval, shards
from polysense.knowledge.rewriting import corpus, rewrite


def rewrite_until(piece: int, folder: Path, *, shard: int) -> None:
    corpus.SHARD = shard
    shards.write_parquet = deadly(shards.write_parquet, piece)
    rewrite(made_captions(40), seed=1, folder=folder)


def retrieve_until(piece: int, folder: Path, *, shard: int) -> None:
    retrieval.SHARD = shard
    shards.write_parquet = deadly(shards.write_parquet, piece)
    texts, unpaired = ([caption.text for caption in made_captions(20, seed=seed)] for seed in (0, 9))
    retrieval.text_neighbours(texts, unpaired, folder=folder)
