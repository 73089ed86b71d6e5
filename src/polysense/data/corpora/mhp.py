"""Multimodal hateful posts, with the words in their pictures (Botelho, Hale, Vidgen, Findings of ACL 2021)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from polysense.data.corpus import Corpus
from polysense.data.table import Table
from polysense.data.tweet_files import read_tweets, tweet_files, tweet_layout


class Mhp(Corpus):
    """MHP: 5,000 tweets with a picture and the words in it (``ocr``), in four classes of hate.

    The column ``ocr`` is kept; an encoder of texts reads it behind the text with ``beside: ocr``.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = tweet_layout("mhp", "ocr")
    known_by: ClassVar[tuple[tuple[str, ...], ...]] = tweet_files("mhp")

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        return read_tweets(self, Path(root), "mhp", media_root=media_root)
