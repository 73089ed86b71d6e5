"""Multimodal sarcasm (Cai, Cai, Wan, ACL 2019), also called HFM."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.pictured import pictured
from polysense.data.rows import origin
from polysense.data.table import Table
from polysense.errors import DataError, Problem, display
from polysense.types import Sample

NAMES = ("msd", "msd_sarcasm_text")
LISTS = {"train": "text/train.txt", "validation": "text/valid2.txt", "test": "text/test2.txt"}
LINES = {"train": "train.jsonl.gz", "validation": "valid.jsonl.gz", "test": "test.jsonl.gz"}
PICTURES = ("dataset_image", "images")
CLASSES = {0: "not sarcastic", 1: "sarcastic"}
GIVE_AWAYS = frozenset(
    ["exgag", "sarcasm", "sarcastic", "reposting", "<url>", "joke", "humour", "humor", "jokes", "irony", "ironic"]
)
"""Words by which the training tweets were found; the paper leaves out those that still have one."""


class Msd(Corpus):
    """MSD: tweets with a picture; sarcastic or not.

    19,816 / 2,410 / 2,409 as in the paper; with ``give_aways`` also the 9,224 training tweets that still say by a word how they
    were found. Training labels come from hashtags, the others from people. Where there is no folder of pictures the texts are read
    alone, and a result is one of texts.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (
        *LISTS.values(),
        "or the same as JSON lines: " + ", ".join(LINES.values()),
        "dataset_image/<id>.jpg",
    )

    def __init__(self, give_aways: bool = False) -> None:
        self.give_aways = give_aways

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        home = next((found for name in NAMES if (found := set_folder(root, name)) != Path(root)), Path(root))
        files = LINES if (home / LINES["train"]).is_file() else LISTS
        own = next((home / name for name in PICTURES if (home / name).is_dir()), None)
        images = own if media_root is None else expect(self, Path(media_root))
        parts = [_part(expect(self, home / name), split, images) for split, name in files.items()]
        samples = [one for part, _ in parts for one in part]
        kept = samples if self.give_aways else [one for one in samples if not _gives_away(one)]
        return Table(
            name="msd",
            samples=tuple(kept),
            problems=tuple(problem for _, part in parts for problem in part),
            left_out={"training tweets that say how they were found": len(samples) - len(kept)},
            columns=("id", "text", "label", *(["image"] if images is not None else [])),
            digests={name: file_digest(home / name) for name in files.values()},
            folder=home,
            corpus=type(self).__name__,
        )


def _gives_away(sample: Sample) -> bool:
    return sample.split == "train" and not GIVE_AWAYS.isdisjoint((sample.text or "").split())


def _part(path: Path, split: str, images: Path | None) -> tuple[list[Sample], list[Problem]]:
    rows = [(number, {**row, "split": split}) for number, row in enumerate(_rows(path), start=1)]
    named = ["id", "text", "label", "split"]
    if images is not None:
        rows = [(number, {**row, "image": row["id"]}) for number, row in rows]
        named.append("image")
    return pictured(rows, file=display(path), columns={name: name for name in named}, pictures=images)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """``id``, ``text`` and ``label`` of each line: a JSON object, or a Python list ``[id, text, (label of the hashtag,) label]``."""
    packed = path.suffix == ".gz"
    try:
        text = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{display(path)} cannot be read: {error}") from error
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        try:
            found = json.loads(line) if packed else ast.literal_eval(line)
            fields = found if isinstance(found, Mapping) else {"id": found[0], "text": found[1], "label": found[-1]}
            yield {"id": str(fields["id"]), "text": str(fields["text"]).strip(), "label": CLASSES[int(fields["label"])]}
        except (ValueError, SyntaxError, KeyError, IndexError, TypeError, MemoryError, RecursionError) as error:
            raise DataError(f"{origin(display(path), number)}: not a tweet with id, text and label 0 or 1 ({error})") from None
