"""The command that makes a run, as it is shown beside its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def command(
    recipe: str,
    data: str | Path,
    *,
    seeds: Sequence[int],
    overrides: Sequence[str],
    media_root: Path | None,
    skip_bad_rows: bool,
    use_cache: bool,
) -> list[str]:
    """The words of ``polysense train`` without its ``--out``; columns and encoding of a table are overrides of its corpus.

    Folders of a machine say nothing on another one, so of an absolute path the name alone is shown: ``DATA/posts.csv``,
    ``FOLDER/knowledge``.
    """
    words = ["polysense", "train", recipe, "--data", _shown(data, "DATA"), "--seeds", ",".join(map(str, seeds))]
    for override in overrides:
        entry, _, value = override.partition("=")
        words += ["--set", f"{entry}={_shown(value, 'FOLDER')}"]
    words += [] if media_root is None else ["--media-root", _shown(media_root, "MEDIA")]
    words += ["--skip-bad-rows"] if skip_bad_rows else []
    return words if use_cache else [*words, "--no-cache"]


def _shown(path: str | Path, where: str) -> str:
    return f"{where}/{Path(path).name}" if Path(path).is_absolute() else str(path)
