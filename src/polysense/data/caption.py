"""What is rewritten: a sentence that people wrote of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from polysense.data.media import normalised
from polysense.types import Sample


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence and the picture that it was written of."""

    text: str
    picture: str
    """An id, or the file's name as it stands in the table."""

    @classmethod
    def of(cls, sample: Sample) -> Caption:
        """A row of a corpus of captions: its picture goes by the name in the table, which such corpora keep as the group."""
        image, group = sample.image, sample.group
        if isinstance(image, Path) and not (group and image.as_posix().endswith(group)):
            return cls(sample.text or "", image.as_posix())  # a group of several pictures
        return cls(sample.text or "", group or sample.id)

    @property
    def key(self) -> tuple[str, str]:
        """Equal for captions of one picture that say the same: (picture, text without case and runs of white space)."""
        return self.picture, normalised(self.text)
