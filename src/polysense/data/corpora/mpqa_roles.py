"""MPQA 2.0 (Wiebe, Wilson and Cardie 2005) with opinion roles, in the splits of Marasovic and Frank (NAACL 2018)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from polysense.data.corpus import Corpus, expect
from polysense.data.folders import set_folder
from polysense.data.media import file_digest
from polysense.data.table import Table
from polysense.errors import DataError, RecipeError, choices, display
from polysense.types import Sample, Span

FOLDER = "mpqa2_orl"
FOLDS = (0, 1, 2, 3)
EXPRESSION, HOLDER, TARGET = "expression", "holder", "target"

Expressions = Literal["given", "found"]

_SIGNS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}", "``": '"', "''": '"'}
"""How treebanks write brackets and quotation marks."""


class MpqaRoles(Corpus):
    """MPQA opinion roles: news sentences with expressions of opinions, and who holds them about what.

    Four folds of documents: ``fold`` is for testing, the other three are for training, the development documents for validation.
    ``expression: given`` makes a row of every expression, which is the row's aspect; its holders and targets are the spans.
    ``expression: found`` makes a row of every sentence, with the spans of all its expressions, holders and targets. Expressions
    that are implicit, insubstantial, or without holder and target are left out, and counted.
    """

    tasks: ClassVar[tuple[str, ...]] = ("span tagging",)
    modalities: ClassVar[tuple[str, ...]] = ("text",)
    layout: ClassVar[tuple[str, ...]] = ("jsons/new/dev.json.gz", "jsons/new/test_fold_<0 to 3>.json.gz")

    def __init__(self, fold: int = 0, expression: Expressions = "given") -> None:
        if fold not in FOLDS:
            raise RecipeError(f"MpqaRoles, fold: {fold!r} is not one; {choices(str(fold), map(str, FOLDS))}")
        if expression not in get_args(Expressions):
            raise RecipeError(f"MpqaRoles, expression: {expression!r} is not one; {choices(expression, get_args(Expressions))}")
        self.fold = fold
        self.expression = expression

    def read(self, root: Path, *, media_root: Path | None = None) -> Table:
        """The sentences under ``root``, which is the folder of this set or the folder of all data sets."""
        del media_root
        home = set_folder(root, FOLDER) / "jsons" / "new"
        names = {f"test_fold_{fold}.json.gz": "test" if fold == self.fold else "train" for fold in FOLDS}
        samples: list[Sample] = []
        left_out: Counter[str] = Counter()
        digests: dict[str, str] = {}
        for name, split in {**names, "dev.json.gz": "validation"}.items():
            path = expect(self, home / name)
            for sentence in _sentences(path):
                kept, dropped = _sorted_out(sentence.expressions)
                left_out.update(dropped)
                samples += _each(sentence, kept, split) if self.expression == "given" else [_whole(sentence, kept, split)]
            digests[name] = file_digest(path)
        columns = ("text", "aspect", "spans", "split", "group")
        return Table(
            name=FOLDER, samples=tuple(samples), columns=columns, left_out=dict(left_out), digests=digests, folder=home
        )


@dataclass(frozen=True, slots=True)
class _Expression:
    name: str
    implicit: bool
    insubstantial: bool
    parts: Mapping[str, frozenset[Span]]
    """By role, in characters."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    document: str
    name: str
    text: str
    expressions: tuple[_Expression, ...]
    origin: str


def _sentences(path: Path) -> Iterator[_Sentence]:
    """All sentences of a file.

    Raises:
        DataError: names the file, and the sentence, where it is not what it should be.
    """
    for key, document in _numbered(_object(path), "document"):
        for name, sentence in _numbered(document, "sentence"):
            where = f"{display(path)}, {key}, {name}"
            try:
                text, tokens = joined(sentence["sentence_tokenized"])
                expressions = tuple(_expression(ds, one, tokens) for ds, one in _numbered(sentence, "ds"))
                yield _Sentence(str(document["document_path"]), name, text, expressions, where)
            except (KeyError, IndexError, TypeError, AttributeError) as error:
                raise DataError(f"{where}: not as expected: {type(error).__name__}: {error}") from error


def _object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise DataError(f"{display(path)} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{display(path)} is damaged: it holds no object")
    return found


def _numbered(holder: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """What stands under ``prefix0``, ``prefix1``, ..., by number."""
    names = [name for name in holder if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()]
    return [(name, holder[name]) for name in sorted(names, key=lambda name: int(name.removeprefix(prefix)))]


def joined(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Tokens with single spaces between them, brackets and quotation marks as they are read; and where each stands in the text."""
    shown = [_SIGNS.get(token, token) for token in tokens]
    places: list[tuple[int, int]] = []
    at = 0
    for token in shown:
        places.append((at, at + len(token)))
        at += len(token) + 1
    return " ".join(shown), places


def _expression(name: str, one: Mapping[str, Any], tokens: Sequence[tuple[int, int]]) -> _Expression:
    targets = [indices for _, attitude in _numbered(one, "att") for indices in attitude["targets_indices"]]
    marked = {EXPRESSION: [one["ds_indices"]], HOLDER: one["holders_indices"], TARGET: targets}
    parts = {role: frozenset(_span(indices, role, tokens) for indices in every if indices) for role, every in marked.items()}
    insubstantial = one["ds_insubstantial"] not in {False, "none"}
    return _Expression(name, bool(one["ds_implicit"]), insubstantial, parts)


def _span(indices: Sequence[int], role: str, tokens: Sequence[tuple[int, int]]) -> Span:
    """From the first to the last of the tokens; a negative number would be one from the end."""
    if min(indices) < 0:
        raise IndexError(f"token {min(indices)}")
    return Span(tokens[min(indices)][0], tokens[max(indices)][1], role)


def _sorted_out(expressions: Sequence[_Expression]) -> tuple[list[_Expression], list[str]]:
    """The expressions that count, and why each of the others does not."""
    kept: list[_Expression] = []
    dropped: list[str] = []
    for one in expressions:
        if one.implicit or not one.parts[EXPRESSION]:
            dropped.append("implicit expressions")
        elif one.insubstantial:
            dropped.append("insubstantial expressions")
        elif not one.parts[HOLDER] and not one.parts[TARGET]:
            dropped.append("expressions without holder and target")
        else:
            kept.append(one)
    return kept, dropped


def _each(sentence: _Sentence, expressions: Sequence[_Expression], split: str) -> list[Sample]:
    return [
        Sample(
            id=f"{sentence.document}/{sentence.name}/{one.name}",
            text=sentence.text,
            aspect=" ".join(span.of(sentence.text) for span in one.parts[EXPRESSION]),
            spans=tuple(sorted(one.parts[HOLDER] | one.parts[TARGET])),
            split=split,
            group=sentence.document,
            origin=f"{sentence.origin}, {one.name}",
        )
        for one in expressions
    ]


def _whole(sentence: _Sentence, expressions: Sequence[_Expression], split: str) -> Sample:
    spans = frozenset(span for one in expressions for part in one.parts.values() for span in part)
    return Sample(
        id=f"{sentence.document}/{sentence.name}",
        text=sentence.text,
        spans=tuple(sorted(spans)),
        split=split,
        group=sentence.document,
        origin=sentence.origin,
    )
