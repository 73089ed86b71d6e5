"""MMSA's pickles of MOSI, MOSEI, SIMS and SIMSv2, and of one's own clips in that layout, made into folders of clips.

The layout (MMSA 2.2): ``{"train": split, "valid": split, "test": split}``, a split a dict of ``raw_text``, ``id``
(``video$_$clip``), ``audio`` (N, longest, width), ``vision``, ``audio_lengths``, ``vision_lengths``, ``regression_labels`` and,
where people scored single modalities, ``regression_labels_T``, ``_A`` and ``_V``.

A split may have another usual name (``dev``, ``val``, ``validation``), ``audio`` be called ``acoustic``, and ``vision`` ``visual`` or
``video``, where that leaves no doubt. What else a file holds is not read: ``text``, ``text_bert`` and ``classification_labels``
without a word, for encoders read ``raw_text`` and the classes follow from the scores; everything else is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from polysense.data.clip_folder import About, Sequences, write_clips
from polysense.data.frames import STORE, Provenance, StoredFrames
from polysense.data.media import file_digest
from polysense.data.restricted_pickle import read_pickle
from polysense.data.rows import SPLITS as OUR_SPLITS
from polysense.data.rows import split_name
from polysense.errors import DataError, choices, display

SPLITS = ("train", "valid", "test")
"""As MMSA calls them."""

Limits = tuple[float, float]


@dataclass(frozen=True)
class Release:
    """A published file."""

    name: str
    score_range: Limits


RELEASES: Mapping[str, Release] = {
    "78e0f8b5ef8ff71558e7307848fc1fa929ecb078203f565ab22b9daab2e02524": Release("MOSI unaligned", (-3, 3)),
    "d3994fd25681f9c7ad6e9c6596a6fe9b4beb85ff7d478ba978b124139002e5f9": Release("MOSI aligned", (-3, 3)),
    "ad8b23d50557045e7d47959ce6c5b955d8d983f2979c7d9b7b9226f6dd6fec1f": Release("MOSEI unaligned", (-3, 3)),
    "45eccfb748a87c80ecab9bfac29582e7b1466bf6605ff29d3b338a75120bf791": Release("MOSEI aligned", (-3, 3)),
    "c9e20c13ec0454d98bb9c1e520e490c75146bfa2dfeeea78d84de047dbdd442f": Release("SIMS unaligned", (-1, 1)),
}
"""By SHA-256, as MMSA publishes them."""

_MEDIA = {"audio": ("audio", "acoustic"), "video": ("vision", "visual", "video")}
"""Modality -> its key, and others that it may have where that one is not there."""

_SINGLE = {"score_text": "regression_labels_T", "score_audio": "regression_labels_A", "score_video": "regression_labels_V"}

_PASSED_OVER = frozenset(
    {"text", "text_bert", "text_lengths", *(f"classification_labels{of}" for of in ("", "_T", "_A", "_V"))},
)
"""Known keys that nobody misses."""

_READ = frozenset({"id", "raw_text", "annotations", "regression_labels", *_SINGLE.values()})


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What a conversion found and wrote."""

    name: str
    release: str | None
    """The published file that it was, if it is one that we know."""
    clips: Mapping[str, int]
    """By split."""
    widths: Mapping[str, int]
    longest: Mapping[str, int]
    """Frames of the longest sequence, by modality."""
    changes: Mapping[str, int]
    notes: tuple[str, ...] = ()
    """What of the file was not read, and what some of its splits lack, a line each."""


def convert_mmsa(
    file: Path,
    out: Path,
    *,
    score_range: Limits | None = None,
    missing_as_zero: bool = False,
    keep_text_bert: bool = False,
    python2: bool = False,
    features_of: Path | None = None,
) -> Converted:
    """Read an MMSA pickle and write a folder of clips (see `data.clip_folder`). No code that the pickle names is run.

    Minus infinity, which some published features hold, becomes 0 and is counted. Frames behind a sequence's length are left out. A
    sequence of length 0 is a modality that the clip lacks. Where an aligned file has no lengths, they are those of its tokens; an
    unaligned one must have them. The frozen states of its texts are not kept: encoders read ``raw_text``.

    Args:
        file: the pickle.
        out: a folder; it must be new or empty.
        score_range: the smallest and the largest score; of a published file it is known.
        missing_as_zero: NaN becomes 0, and is counted, instead of being an error.
        keep_text_bert: keep its token ids, masks and token types as ``text_bert.safetensors``, to compare with other programs.
        python2: Python 2 wrote it.
        features_of: a folder of clips whose features were made in the same way, as whoever made them knows: they count as of one
            making. Features of two files that are not published are told apart otherwise.

    Raises:
        DataError: it is no such file; the message names file, split and row.
        RecipeError: the folder holds something.
    """
    name = display(file)
    found = read_pickle(file, python2=python2)
    digest = file_digest(file)
    release = RELEASES.get(digest)
    limits = score_range or (None if release is None else release.score_range)
    parts = [_Split(name, key, split, part) for key, split, part in _parts(name, found)]
    changes: Counter[str] = Counter()
    rows = [row for part in parts for row in part.rows(limits)]
    _refuse_repeated(name, rows)
    title = file.stem if release is None else release.name
    sequences = {}
    for modality, (key, *_) in _MEDIA.items():
        if any(part.key_of(modality) for part in parts):
            clips = [clip for part in parts for clip in part.sequences(modality, changes, missing_as_zero=missing_as_zero)]
            _refuse_widths(name, key, clips)
            if features_of is None:
                made_by = _provenance(title, digest, release, key)
            else:
                made_by = _stated(features_of, modality, f"{name}, {key}", clips)
            sequences[modality] = Sequences(clips, made_by)
    source = {"file": file.name, "sha256": digest} | ({} if release is None else {"release": release.name})
    about = About(
        name=title,
        score_range=limits,
        source=source | ({} if features_of is None else {"features_of": display(features_of)}),
        changes=dict(changes),
    )
    write_clips(out, rows, sequences, about, also=_kept_tokens(parts) if keep_text_bert else None)
    present = {name: [clip for clip in one.clips if clip is not None] for name, one in sequences.items()}
    return Converted(
        name=title,
        release=None if release is None else release.name,
        clips=dict(Counter(row["split"] for row in rows)),
        widths={name: clips[0].shape[1] for name, clips in present.items() if clips},
        longest={name: max(clip.shape[0] for clip in clips) for name, clips in present.items() if clips},
        changes=dict(changes),
        notes=tuple(_notes(found, parts)),
    )


def _parts(name: str, found: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """The file's name of each split, ours, and what it holds."""
    splits = {key: split for key in (found if isinstance(found, dict) else ()) if (split := _split(key)) is not None}
    if not splits:
        what = (
            f"a dict of {', '.join(map(str, list(found)[:5])) or 'nothing'}"
            if isinstance(found, dict)
            else type(found).__name__
        )
        raise DataError(f"{name} is no file of MMSA: expected a dict of {', '.join(SPLITS)}, found {what}")
    for key in splits:
        if not isinstance(found[key], dict):
            raise DataError(f"{name}, {key}: expected a dict, found {type(found[key]).__name__}")
    for split in OUR_SPLITS:
        if len(same := [str(key) for key, one in splits.items() if one == split]) > 1:
            raise DataError(f"{name} has several splits for {split}, {' and '.join(same)}: leave one of them in the file")
    return [(str(key), split, found[key]) for split in OUR_SPLITS for key, one in splits.items() if one == split]


def _split(key: object) -> str | None:
    """The split that a key of the file names."""
    try:
        return split_name(key) if isinstance(key, str) else None
    except DataError:
        return None


def _notes(found: Mapping[Any, Any], parts: Sequence[_Split]) -> Iterator[str]:
    read = {part.name for part in parts}
    for key, value in found.items():
        if str(key) not in read:
            ids = value.get("id") if isinstance(value, dict) else None
            count = f", with {len(ids)} rows" if isinstance(ids, list | np.ndarray) and np.ndim(ids) else ""
            yield f"not read: {key}{count}, which is none of the splits {', '.join(SPLITS)}"
    unread: dict[str, list[str]] = {}
    for part in parts:
        for key in part.unread:
            unread.setdefault(key, []).append(part.name)
    if unread:
        told = [key if len(names) == len(parts) else f"{key} of {', '.join(names)}" for key, names in unread.items()]
        yield f"not read: {'; '.join(told)}"
    for modality, (key, *others) in _MEDIA.items():
        lacking = [part.name for part in parts if part.key_of(modality) is None]
        if lacking:
            called = " or ".join([key, *others])
            yield f"no {modality}: there is no {called} in {', '.join(lacking)}"


class _Split:
    """One split of a file, its arrays checked when they are asked for.

    Args:
        file: for messages.
        name: of the split, in the file.
        split: our name of it.
        held: by key.
    """

    def __init__(self, file: str, name: str, split: str, held: Mapping[str, Any]) -> None:
        self.place = f"{file}, {name}"
        self.name = name
        self.split = split
        self.held = {str(key): value for key, value in held.items() if value is not None}
        self.ids = self._texts("id")
        if not self.ids:
            raise DataError(f"{self.place}: there are no rows")

    def rows(self, limits: Limits | None) -> list[dict[str, Any]]:
        """The manifest's rows, without media."""
        columns: dict[str, Sequence[Any]] = {
            "id": self.ids,
            "text": self._texts("raw_text"),
            "score": self._scores("regression_labels", limits),
        }
        for column, key in _SINGLE.items():
            columns[column] = self._scores(key, limits) if key in self.held else [None] * len(self.ids)
        columns["split"] = [self.split] * len(self.ids)
        columns["group"] = [one.partition("$_$")[0] if "$_$" in one else None for one in self.ids]
        columns["annotation"] = self._texts("annotations") if "annotations" in self.held else [None] * len(self.ids)
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def key_of(self, modality: str) -> str | None:
        """The key that the modality has; None where it is not there.

        Raises:
            DataError: it may be one of several.
        """
        key, *others = _MEDIA[modality]
        if key in self.held:
            return key
        there = [other for other in others if other in self.held]
        if len(there) > 1:
            raise DataError(f"{self.place}: {' and '.join(there)} may both be {key}: leave one of them in the file")
        return there[0] if there else None

    @property
    def unread(self) -> list[str]:
        """Keys that nothing was made of, and that nobody can be sure not to miss."""
        media = {key for modality in _MEDIA if (key := self.key_of(modality)) is not None}
        lengths = {f"{key}_lengths" for key in (*media, *(keys[0] for keys in _MEDIA.values()))}
        return [key for key in self.held if key not in _PASSED_OVER | _READ | media | lengths]

    def sequences(self, modality: str, changes: Counter[str], *, missing_as_zero: bool) -> list[np.ndarray | None]:
        """Each row's own frames, finite; what was put right is counted in ``changes``."""
        key = self.key_of(modality)
        if key is None:
            return [None] * len(self.ids)
        array = self._array(key, "fiu", dimensions=3)
        lengths = self._lengths(key, _MEDIA[modality][0], array)
        found: list[np.ndarray | None] = []
        for row, length in enumerate(lengths):
            frames = array[row, :length].astype(np.float32)
            infinite = np.isneginf(frames)
            missing = ~np.isfinite(frames) & ~infinite
            if missing.any() and not missing_as_zero:
                number = int(missing.any(axis=1).argmax()) + 1
                raise DataError(
                    f"{self.at(row, key)}: frame {number} holds NaN or infinity; --missing-as-zero reads such numbers as 0"
                )
            frames[infinite | missing] = 0.0
            for what, count in (
                ("minus infinity", infinite.sum()),
                ("missing", missing.sum()),
                ("without frames", length == 0),
            ):
                if count:
                    changes[f"{key}, {what}"] += int(count)
            found.append(frames if length else None)
        return found

    def tokens(self) -> np.ndarray:
        """``text_bert`` (N, 3, longest) int64."""
        if "text_bert" not in self.held:
            raise DataError(f"{self.place}: there is no 'text_bert' to keep")
        array = self._array("text_bert", "fiu", dimensions=3)
        if array.shape[1] != 3:
            raise DataError(f"{self.place}, text_bert: expected the shape (N, 3, longest), found {tuple(array.shape)}")
        return array.astype(np.int64)

    def at(self, row: int, key: str) -> str:
        """How messages name a value."""
        return f"{self.place}, row {row + 1} (id {self.ids[row]}), {key}"

    def _lengths(self, key: str, usual: str, array: np.ndarray) -> list[int]:
        """Of an array whose key is usually another one, which the lengths may have kept."""
        longest = array.shape[1]
        named = next((name for name in (f"{key}_lengths", f"{usual}_lengths") if name in self.held), None)
        if named is not None:
            lengths = self._array(named, "fiu", dimensions=1)
        elif "text_bert" in self.held and self.tokens().shape[2] == longest:
            lengths = self.tokens()[:, 1].sum(axis=1)
        else:
            raise DataError(
                f"{self.place}: there is no '{key}_lengths', and {key} does not stand beside tokens (text_bert) whose lengths it has: "
                "which of its frames are padding is not known"
            )
        for row, length in enumerate(lengths):
            if not 0 <= length <= longest or length != int(length):
                raise DataError(
                    f"{self.at(row, key)}: the length {length} is not between 0 and the {longest} frames that there are"
                )
        return [int(length) for length in lengths]

    def _texts(self, key: str) -> list[str]:
        values = self._values(key)
        for row, value in enumerate(values):
            if not isinstance(value, str):
                raise DataError(f"{self.place}, row {row + 1}, {key}: expected a text, found {type(value).__name__}")
        return [str(value) for value in values]

    def _scores(self, key: str, limits: Limits | None) -> list[float]:
        array = self._array(key, "fiu", dimensions=1)
        for row, score in enumerate(array.tolist()):
            if not np.isfinite(score):
                raise DataError(f"{self.at(row, key)}: {score} is not a finite number")
            if limits is not None and not limits[0] <= score <= limits[1]:
                raise DataError(f"{self.at(row, key)}: {score} is not between {limits[0]:g} and {limits[1]:g}")
        return [float(score) for score in array.tolist()]

    def _array(self, key: str, kinds: str, *, dimensions: int) -> np.ndarray:
        values = self._values(key)
        try:
            array = np.asarray(values)
        except ValueError:
            raise DataError(f"{self.place}, {key}: {self._ragged(list(values))}") from None
        if array.dtype.kind == "O":
            raise DataError(f"{self.place}, {key}: {self._ragged(list(array))}")
        if array.dtype.kind not in kinds:
            raise DataError(f"{self.place}, {key}: expected numbers, found {array.dtype}")
        if array.ndim == dimensions + 1 and array.shape[-1] == 1:
            array = array[..., 0]
        if array.ndim != dimensions or 0 in array.shape:
            raise DataError(f"{self.place}, {key}: expected {dimensions} dimensions, found the shape {tuple(array.shape)}")
        return array

    def _ragged(self, values: Sequence[Any]) -> str:
        """What is wrong with rows of which no array of numbers can be made."""
        shapes = [_shape(value) for value in values]
        if None in shapes:
            row = shapes.index(None)
            return f"expected numbers, found {type(values[row]).__name__} in row {row + 1} (id {self.ids[row]})"
        odd = next(row for row, shape in enumerate(shapes) if shape != shapes[0])
        return (
            f"row 1 has the shape {shapes[0]}, row {odd + 1} (id {self.ids[odd]}) {shapes[odd]}: rows of different lengths are "
            "filled up to the longest one with zeros, (rows, longest, width), and their lengths stand beside them (audio_lengths, "
            "vision_lengths)"
        )

    def _values(self, key: str) -> Any:
        if key not in self.held:
            raise DataError(f"{self.place}: there is no {key!r}; {choices(key, self.held)}")
        values = self.held[key]
        if not isinstance(values, list | tuple | np.ndarray) or (isinstance(values, np.ndarray) and values.ndim == 0):
            raise DataError(f"{self.place}, {key}: expected a list or an array, found {type(values).__name__}")
        if key != "id" and len(values) != len(self.ids):
            raise DataError(f"{self.place}, {key}: {len(values)} rows where 'id' has {len(self.ids)}")
        return values.tolist() if isinstance(values, np.ndarray) and values.dtype.kind in "OUS" else values


def _provenance(title: str, digest: str, release: Release | None, key: str) -> Provenance:
    """A published file is told by its name, another by its content: features of two files are not the same thing."""
    file = {} if release is not None else {"sha256": digest}
    return Provenance(title, {"key": key, **file}, {"polysense": version("polysense")})


def _stated(folder: Path, modality: str, place: str, clips: Sequence[np.ndarray | None]) -> Provenance:
    """What made the features of another folder of clips.

    Raises:
        DataError: it has none, nobody noted what made them, or they are of another width.
    """
    file = folder / f"{modality}{STORE}"
    if not file.is_file():
        raise DataError(f"features_of: {display(folder)} has no {file.name}, features that those of {place} could be like")
    there = StoredFrames(file, 0)
    if there.provenance is None:
        raise DataError(f"features_of: nobody noted what made {display(file)}")
    for clip in clips:
        if clip is not None and clip.shape[1] != there.shape[1]:
            raise DataError(
                f"{place}: {clip.shape[1]} numbers a frame, {there.shape[1]} in {display(file)}: they were not made in the same way"
            )
    return there.provenance


def _shape(value: Any) -> tuple[int, ...] | None:
    """None of what is no array of numbers."""
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return None if array.dtype.kind not in "fiu" else array.shape


def _refuse_repeated(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    counts = Counter(row["id"] for row in rows)
    if repeated := [one for one, count in counts.items() if count > 1]:
        raise DataError(f"{name}: {len(repeated)} ids stand in more than one row: {', '.join(repeated[:3])}")


def _refuse_widths(name: str, key: str, clips: Sequence[np.ndarray | None]) -> None:
    widths = {clip.shape[1] for clip in clips if clip is not None}
    if len(widths) > 1:
        raise DataError(f"{name}, {key}: the splits differ in width: {', '.join(map(str, sorted(widths)))}")


def _kept_tokens(parts: Sequence[_Split]) -> dict[str, bytes]:
    from safetensors.numpy import save

    return {"text_bert.safetensors": save({part.split: part.tokens() for part in parts})}
