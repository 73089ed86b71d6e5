"""Commercial posts of influencers (Sánchez Villegas, Goanta, Aletras, AACL 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus
from polysense.data.table import Table
from polysense.data.tweet_files import read_tweets, tweet_files, tweet_layout

ALSO = "{}_1"
"""How the authors' code calls a picture, of the tweet's id."""


class Micd(Corpus):
    """MICD: 15,998 tweets of influencers with a picture; commercial or not."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = tweet_layout("micd", also=ALSO)
    known_by: ClassVar[tuple[tuple[str, ...], ...]] = tweet_files("micd")

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        return read_tweets(self, Path(root), "micd", media_root=media_root, also=ALSO)
