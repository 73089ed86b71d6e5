"""Knowledge that a run learns with, by its digest: a saved recipe names no folder, and the run keeps a copy of its own.

A recipe names the folder or file that the knowledge is in. :func:`settle` reads it and gives the digest that stands in the
completed recipe. :func:`keep` writes the copy beside the weights, :func:`offer` says where such a copy is, :func:`recall` gives the
knowledge by its digest: that of this process, or the copy.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from polysense.errors import DataError, RecipeError, display
from polysense.knowledge import Entry, Knowledge, Pair

FOLDER = "knowledge"
"""In the folder of a saved model; in it one folder a digest."""

_DIGEST = re.compile("sha256-[0-9a-f]{64}")
_known: dict[str, Knowledge | Path] = {}
"""By digest: content does not change under its name, whoever asks."""


def settle(named: str | None) -> str:
    """The digest of the knowledge that a recipe names by folder, file or digest.

    Raises:
        RecipeError: nothing is named, or there is no such knowledge.
        DataError: it is damaged.
    """
    if named is None:
        raise RecipeError("knowledge: name the folder that `polysense mine REVIEWS --out FOLDER` wrote, or a lexicon")
    if is_digest(named):
        recall(named)
        return named
    if not Path(named).exists():
        raise RecipeError(
            f"knowledge: there is no folder or file {named!r}; `polysense mine REVIEWS --out {named}` makes it from your texts"
        )
    knowledge = bare(Knowledge.read(Path(named)))
    digest = digest_of(knowledge)
    _known[digest] = knowledge
    return digest


def recall(digest: str) -> Knowledge:
    """The knowledge of a digest.

    Raises:
        RecipeError: it is not there.
        DataError: the copy was changed.
    """
    found = _at_hand(digest)
    if found is None:
        raise RecipeError(
            f"knowledge {digest} is not there: name the folder that holds it (a run keeps a copy in <seed>/{FOLDER}/), "
            "or the one it was mined into"
        )
    if isinstance(found, Path):
        knowledge = bare(Knowledge.read(found))
        if digest_of(knowledge) != digest:
            raise DataError(f"{display(found)} is not the knowledge that the model was trained with: it was changed")
        found = _known[digest] = knowledge
    return found


def keep(digest: str, folder: Path) -> None:
    """Write the copy into a saved model's folder; nothing where the knowledge is not there, for prediction needs none.

    Raises:
        DataError: the copy that it is there as was changed, or is damaged.
    """
    if _at_hand(digest) is not None:
        recall(digest).write(folder / FOLDER / digest)


def offer(digest: str, folder: Path) -> None:
    """Take up the copy in a saved model's folder, if it has one; it is read when it is asked for."""
    if is_digest(digest) and (folder / FOLDER / digest).is_dir() and _at_hand(digest) is None:
        _known[digest] = folder / FOLDER / digest


def _at_hand(digest: str) -> Knowledge | Path | None:
    """The knowledge or the folder of its copy; a copy whose folder is gone is not there."""
    found = _known.get(digest)
    return None if isinstance(found, Path) and not found.is_dir() else found


def is_digest(named: str) -> bool:
    """Whether it is a digest and no path."""
    return _DIGEST.fullmatch(named) is not None


def bare(knowledge: Knowledge) -> Knowledge:
    """What hiding reads of it: words with their polarity, and pairs. No scores, no counts, no record of where it came from."""
    words = {word: Entry(1.0 if entry.polarity else -1.0, entry.polarity) for word, entry in sorted(knowledge.words.items())}
    pairs = {pair: Pair(1, known.polarity) for pair, known in sorted(knowledge.pairs.items())}
    return Knowledge(words, pairs, knowledge.language)


def digest_of(knowledge: Knowledge) -> str:
    """Another one, other words, polarities or pairs."""
    words = sorted((word, entry.polarity) for word, entry in knowledge.words.items())
    content = repr((knowledge.language, words, sorted(knowledge.pairs)))
    return f"sha256-{hashlib.sha256(content.encode()).hexdigest()}"
