"""Who says a caption in other words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class Translator(ABC):
    """Paraphrases texts, by translating them there and back for instance. Equal texts must get equal paraphrases."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is: it stands in the record and beside each of its texts."""

    @abstractmethod
    def paraphrase(self, texts: Sequence[str]) -> list[list[str]]:
        """Other texts for each text, perhaps none."""
