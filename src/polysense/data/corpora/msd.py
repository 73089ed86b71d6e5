"""Multimodal sarcasm (Cai, Cai, Wan, ACL 2019), also called HFM."""

from __future__ import annotations

import ast
import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.pictured import pictured
from polysense.data.table import Table
from polysense.errors import DataError, Problem, display
from polysense.types import Sample

NAMES = ("msd", "msd_sarcasm_text")
LISTS = {"train": "text/train.txt", "validation": "text/valid2.txt", "test": "text/test2.txt"}
LINES = {"train": "train.jsonl.gz", "validation": "valid.jsonl.gz", "test": "test.jsonl.gz"}
PICTURES = ("dataset_image", "images")
PACKED = ".gz"
CLASSES = {"0": "not sarcastic", "1": "sarcastic"}
TWEET = "a list of id, text and label, or an object with them"
FAILED = frozenset({"715376758774575105", "687440182027497472", "918237307169378305"})
"""Tweets of training that the code of Findings of EACL 2024 leaves out (``failed_ids``, in its history), without a word why."""
GIVE_AWAYS = frozenset(
    ["exgag", "sarcasm", "sarcastic", "reposting", "<url>", "joke", "humour", "humor", "jokes", "irony", "ironic"]
)
"""Words by which the training tweets were found; the paper leaves out those that still have one."""


class Msd(Corpus):
    """MSD: tweets with a picture; sarcastic or not.

    19,816 / 2,410 / 2,409 as in the paper, but for three training tweets that the code of the auxiliary losses leaves out; with
    ``give_aways`` also the 9,224 training tweets that still say by a word how they were found. Training labels come from hashtags,
    the others from people. Where there is no folder of pictures the texts are read alone, and a result is one of texts.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    modalities: ClassVar[tuple[str, ...]] = ("text", "image")
    layout: ClassVar[tuple[str, ...]] = (
        *LISTS.values(),
        "or the same as JSON lines: " + ", ".join(LINES.values()),
        "dataset_image/<id>.jpg",
    )
    known_by: ClassVar[tuple[tuple[str, ...], ...]] = (tuple(LISTS.values()), tuple(LINES.values()))

    def __init__(self, give_aways: bool = False) -> None:
        self.give_aways = give_aways

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The tweets under ``root``."""
        home = next((found for name in NAMES if (found := set_folder(root, name)) != Path(root)), Path(root))
        files = LINES if (home / LINES["train"]).is_file() else LISTS
        own = next((home / name for name in PICTURES if (home / name).is_dir()), None)
        images = own if media_root is None else expect(self, Path(media_root))
        parts = [self._part(expect(self, home / name), split, images) for split, name in files.items()]
        return Table(
            name="msd",
            samples=tuple(one for part in parts for one in part.samples),
            problems=tuple(problem for part in parts for problem in part.problems),
            left_out=sum((part.left_out for part in parts), Counter()),
            columns=("id", "text", "label", *(["image"] if images is not None else [])),
            digests={name: file_digest(home / name) for name in files.values()},
            folder=home,
            corpus=type(self).__name__,
        )

    def _part(self, path: Path, split: str, images: Path | None) -> _Part:
        file = display(path)
        rows: list[tuple[int, dict[str, str]]] = []
        bad: list[Problem] = []
        left_out: Counter[str] = Counter()
        for number, line in enumerate(_lines(path), start=1):
            try:
                row = _row(json.loads(line) if path.suffix == PACKED else ast.literal_eval(line))
            except _BadCellError as error:
                bad.append(Problem(file=file, row=number, id=error.name, field=error.field, reason=str(error)))
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
                reason = f"no tweet: expected {TWEET} ({error})"
                bad.append(Problem(file=file, row=number, id=None, field="row", reason=reason))
            else:
                if (why := self._why_out(row, split)) is not None:
                    left_out[why] += 1
                else:
                    rows.append((number, {**row, "split": split} | ({} if images is None else {"image": row["id"]})))
        named = ("id", "text", "label", "split", *(() if images is None else ("image",)))
        columns = {name: name for name in named}
        samples, problems = pictured(rows, file=file, columns=columns, pictures=images, reads=self.reads)
        return _Part(samples, sorted([*bad, *problems], key=lambda one: one.row or 0), left_out)

    def _why_out(self, row: Mapping[str, str], split: str) -> str | None:
        if row["id"] in FAILED:
            return "tweets that failed in the code of the auxiliary losses"
        gives_away = split == "train" and not GIVE_AWAYS.isdisjoint(row["text"].split())
        return "training tweets that say how they were found" if gives_away and not self.give_aways else None


class _Part(NamedTuple):
    samples: list[Sample]
    problems: list[Problem]
    left_out: Counter[str]


def _lines(path: Path) -> list[str]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == PACKED else path.read_bytes()
        return data.decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{display(path)} cannot be read: {error}") from error


def _row(found: object) -> dict[str, str]:
    """``id``, ``text`` and ``label`` of a JSON object, or of a Python list ``[id, text, (label of the hashtag,) label]``."""
    if isinstance(found, list | tuple) and len(found) >= 3:
        found = {"id": found[0], "text": found[1], "label": found[-1]}
    if not isinstance(found, Mapping) or not {"id", "text", "label"} <= set(found):
        raise _BadCellError("row", f"no tweet: expected {TWEET}", None)
    name, label = str(found["id"]), str(found["label"])
    if label not in CLASSES:
        raise _BadCellError("label", f"{label[:60]!r} is no class; valid: {', '.join(map(repr, CLASSES))}", name)
    return {"id": name, "text": str(found["text"]).strip(), "label": CLASSES[label]}


class _BadCellError(Exception):
    def __init__(self, field: str, reason: str, name: str | None) -> None:
        super().__init__(reason)
        self.field, self.name = field, name
