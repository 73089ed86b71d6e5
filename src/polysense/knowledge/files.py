"""Knowledge as files: ``lexicon.tsv``, ``pairs.tsv`` and ``knowledge.json`` in a folder, and lexica of others."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from polysense.data.json_file import read_object
from polysense.data.lines import read_lines
from polysense.data.written import write_text
from polysense.errors import LISTED, DataError, choices, display
from polysense.knowledge.english import PlainWords, look_up_form
from polysense.knowledge.entries import NAMES, NEGATIVE, POSITIVE, Entry, Pair, Polarity, form_fault, ranked
from polysense.knowledge.tagger import LANGUAGES, Language

LEXICON, PAIRS, RECORD = "lexicon.tsv", "pairs.tsv", "knowledge.json"
LEXICON_COLUMNS = ("word", "score", "polarity", "count", "seed", "tag")
PAIR_COLUMNS = ("aspect", "word", "polarity", "count")
LISTS = ("negative-words.txt", "positive-words.txt")
"""Two files with a word a line: a lexicon as Bing Liu's is published."""

NEVER = "never one word of a text, left out"
"""In the record: how many entries of a lexicon are phrases, emoticons and the like."""

_POLARITIES: dict[str, Polarity] = {"negative": NEGATIVE, "0": NEGATIVE, "positive": POSITIVE, "1": POSITIVE}


class Contents(NamedTuple):
    """What files hold: the arguments of :class:`polysense.knowledge.Knowledge`, which checks them."""

    words: Mapping[str, Entry]
    pairs: Mapping[tuple[str, str], Pair]
    language: Language
    record: Mapping[str, Any]


def write_contents(
    folder: Path,
    words: Mapping[str, Entry],
    pairs: Mapping[tuple[str, str], Pair],
    language: Language,
    record: Mapping[str, Any],
) -> Path:
    """The three files, each whole or as it was before."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        (word, _number(known.score), NAMES[known.polarity], str(known.count), "yes" if known.seed else "no", known.tag)
        for polarity in (POSITIVE, NEGATIVE)
        for word, known in ranked(words, polarity)
    ]
    write_text(folder / LEXICON, _table(LEXICON_COLUMNS, entries))
    ordered = sorted(pairs.items(), key=lambda item: (-item[1].count, item[0]))
    write_text(
        folder / PAIRS, _table(PAIR_COLUMNS, [(*pair, NAMES[known.polarity], str(known.count)) for pair, known in ordered])
    )
    write_text(folder / RECORD, json.dumps({"language": language, **record}, ensure_ascii=False, indent=2) + "\n")
    return folder


def _number(score: float) -> str:
    """With six decimals where they say it, as they do what is mined; in full otherwise, so that none becomes 0."""
    short = f"{score:.6f}"
    return short if float(short) == score else repr(float(score))


def read_contents(path: Path) -> Contents:
    """A folder that `write_contents` wrote, perhaps edited by hand; or a lexicon, see `read_lexicon`.

    Raises:
        DataError: it is neither, or a file is broken; the message names the line.

    Pairs whose word is not in the lexicon are left out, with a warning.
    """
    if not (path / LEXICON).is_file():
        return read_lexicon(path)
    record = read_object(path / RECORD)
    words, left_out = _apart(_read_words(path / LEXICON), path / LEXICON, _has_letters)
    language = record.pop("language", _language(words))
    if language not in LANGUAGES:
        raise DataError(f"{display(path / RECORD)}: language {language!r} is not known; {choices(str(language), LANGUAGES)}")
    pairs = _read_pairs(path / PAIRS, words) if (path / PAIRS).is_file() else {}
    return Contents(words, pairs, language, {**record, **left_out})


def read_lexicon(path: Path) -> Contents:
    """A lexicon of one file, or of the folder with the two lists. A word that stands there twice gets the mean of its scores.

    Words that are never found are left out: those with the score 0, and what is never one word of a text, as phrases and signs are;
    the record counts the latter.

    Raises:
        DataError: it cannot be read, or a line has no finite score; the message names it.
    """
    if path.is_dir():
        return _of_lists(path)
    return _of_others(_read_words(path), path, {"lexicon": path.name})


def _of_others(words: Mapping[str, Entry], path: Path, record: Mapping[str, Any]) -> Contents:
    """A lexicon that was not mined: of English texts it is known what is one word."""
    language = _language(words)
    found, left_out = _apart(words, path, _has_letters if language == "zh" else _is_english_word)
    return Contents(found, {}, language, {**record, **left_out})


def _apart(words: Mapping[str, Entry], path: Path, is_word: Callable[[str], bool]) -> tuple[dict[str, Entry], dict[str, int]]:
    """The words that texts may hold; and for the record, how many entries no text ever holds as one word."""
    found = {word: entry for word, entry in words.items() if is_word(word)}
    if not found:
        raise DataError(f"{display(path)} holds no word with a score other than 0")
    return found, {NEVER: len(words) - len(found)} if len(found) < len(words) else {}


def _is_english_word(entry: str) -> bool:
    return [token.word for token in PlainWords().tag(entry)] == [entry]


def _has_letters(entry: str) -> bool:
    """What is one word decides a dictionary, or a tagger that is not here: phrases and signs are none in any case."""
    return not any(map(str.isspace, entry)) and any(map(str.isalnum, entry))


def _read_words(path: Path) -> dict[str, Entry]:
    """Every entry of a file with a score other than 0."""
    rows = [(number, line.split("\t")) for number, line in enumerate(read_lines(path), start=1) if _counts(line)]
    columns = {"word": 0, "score": 1}
    if rows and "word" in (head := [cell.strip().lower() for cell in rows[0][1]]):
        columns = {name: place for place, name in enumerate(head)}
        rows = rows[1:]
    if not rows:
        raise DataError(f"{display(path)} holds no words")
    entries: dict[str, list[Entry]] = {}
    for number, cells in rows:
        row = {name: cells[place].strip() for name, place in columns.items() if place < len(cells)}
        try:
            entry = _entry(row)
        except ValueError as error:
            raise DataError(f"{display(path)}, line {number}: {error}") from None
        if word := look_up_form(row.get("word", "").strip()):
            entries.setdefault(word, []).append(entry)
    words = {word: found[0] if len(found) == 1 else _mean(found) for word, found in entries.items()}
    return {word: entry for word, entry in words.items() if entry.score != 0}


def _counts(line: str) -> bool:
    """Blank lines and comments behind a semicolon say nothing; with a tab it is an entry like ``;)``."""
    return bool(line.strip()) and not (line.startswith(";") and "\t" not in line)


def _entry(row: Mapping[str, str]) -> Entry:
    named = row.get("polarity", "").lower()
    if named and named not in _POLARITIES:
        raise ValueError(f"polarity {row['polarity']!r}: valid: 'negative', 'positive'")
    given = row.get("score", "")
    if given.lower() in {"negative", "positive"}:
        named, given = given.lower(), ""
    if not given and not named:
        raise ValueError("a word and its score are expected, separated by a tab")
    try:
        score = float(given) if given else (1.0 if _POLARITIES[named] else -1.0)
        count = int(row.get("count") or 0)
    except ValueError as error:
        raise ValueError(f"not a number: {error}") from None
    if not math.isfinite(score):
        raise ValueError(f"the score {given} is not finite")
    if count < 0:
        raise ValueError(f"the count {count} is below 0")
    if named and score and (score > 0) != bool(_POLARITIES[named]):
        raise ValueError(f"the score {given} is not {named}")
    return Entry(score, POSITIVE if score > 0 else NEGATIVE, count, row.get("seed", "") == "yes", row.get("tag", ""))


def _mean(found: Sequence[Entry]) -> Entry:
    score = sum(entry.score for entry in found) / len(found)
    return Entry(score, POSITIVE if score > 0 else NEGATIVE, max(entry.count for entry in found))


def _of_lists(folder: Path) -> Contents:
    if not all((folder / name).is_file() for name in LISTS):
        raise DataError(f"{display(folder)} holds no {LEXICON}: it is not what `polysense mine` wrote")
    sides = [{look_up_form(line.strip()) for line in _list(folder / name) if _counts(line)} for name in LISTS]
    both = sides[NEGATIVE] & sides[POSITIVE]
    words = {word: Entry(score, side) for side, score in ((NEGATIVE, -1.0), (POSITIVE, 1.0)) for word in sides[side] - both}
    return _of_others(words, folder, {"lexicon": folder.name, "in both lists, left out": sorted(both)})


def _list(path: Path) -> list[str]:
    """The lists are published in Latin-1, and passed on in UTF-8."""
    try:
        return read_lines(path)
    except DataError:
        return read_lines(path, encoding="latin-1")


def _language(words: Iterable[str]) -> Language:
    """Chinese where most words hold a character of Chinese writing."""
    chinese = [any("\u4e00" <= character <= "\u9fff" for character in word) for word in words]
    return "zh" if sum(chinese) * 2 > len(chinese) else "en"


def _read_pairs(path: Path, words: Mapping[str, Entry]) -> dict[tuple[str, str], Pair]:
    """Pairs whose word was taken out of the lexicon by hand go with it; it is said how many."""
    pairs: dict[tuple[str, str], Pair] = {}
    strangers: list[str] = []
    if path.stat().st_size == 0:
        return pairs
    header, *lines = read_lines(path)
    columns = header.split("\t")
    if not {"aspect", "word", "count"} <= set(columns):
        raise DataError(f"{display(path)}: the header needs the columns aspect, word and count")
    for number, line in enumerate(lines, start=2):
        row = dict(zip(columns, line.split("\t"), strict=False))
        try:
            aspect, word, count = look_up_form(row["aspect"].strip()), look_up_form(row["word"].strip()), int(row["count"])
        except (KeyError, ValueError):
            raise DataError(f"{display(path)}, line {number}: an aspect, a word and a whole count are expected") from None
        if count < 0:
            raise DataError(f"{display(path)}, line {number}: the count {count} is below 0")
        if (fault := form_fault(aspect)) is not None:
            raise DataError(f"{display(path)}, line {number}: the aspect: {fault}")
        if word in words:
            pairs[aspect, word] = Pair(count, words[word].polarity)
        else:
            strangers.append(word)
    if strangers:
        named = ", ".join(list(dict.fromkeys(strangers))[:LISTED])
        warnings.warn(
            f"{display(path)}: pairs whose word is not in the lexicon are left out: {len(strangers)}, of the words {named}",
            stacklevel=2,
        )
    return pairs


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in (columns, *rows))
