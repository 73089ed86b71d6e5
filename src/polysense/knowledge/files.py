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

ROWS = "rows"
"""In ``knowledge.json``: how many rows each of the two tables had when they were written."""

ASSUMED = {PAIRS: "it speaks of no aspects", RECORD: "its language is told by its words, and how it was made is not known"}
"""What is taken where one of these files is missing."""

NEVER = "never one word of a text, left out"
"""In the record: how many entries of a lexicon are phrases, emoticons and the like."""

_POLARITIES: dict[str, Polarity] = {"negative": NEGATIVE, "0": NEGATIVE, "positive": POSITIVE, "1": POSITIVE}


class Row(NamedTuple):
    """A line of a lexicon."""

    line: int
    """From 1."""
    word: str
    """As it is looked up."""
    entry: Entry


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
    about = {"language": language, ROWS: {LEXICON: len(words), PAIRS: len(pairs)}, **record}
    write_text(folder / RECORD, json.dumps(about, ensure_ascii=False, indent=2) + "\n")
    return folder


def _number(score: float) -> str:
    """With six decimals where they say it, as they do what is mined; in full otherwise, so that none becomes 0."""
    short = f"{score:.6f}"
    return short if float(short) == score else repr(float(score))


def read_contents(path: Path) -> Contents:
    """A folder that `write_contents` wrote, perhaps edited by hand; or a lexicon, see `read_lexicon`.

    Raises:
        DataError: it is neither, a file is broken, or a word stands twice in the folder's lexicon; the message names the lines.

    Pairs whose word is not in the lexicon are left out, with a warning. There is one too where a file is missing, or has more or
    fewer rows than were written.
    """
    if not (path / LEXICON).is_file():
        return read_lexicon(path)
    for name, assumed in ASSUMED.items():
        if not (path / name).is_file():
            warnings.warn(f"{display(path)} holds no {name}: {assumed}", stacklevel=2)
    record = read_object(path / RECORD)
    written = record.pop(ROWS, {})
    _refuse_cut_off(path / LEXICON)
    rows = _read_words(path / LEXICON, needed=("score",))
    _tell_edited(path / LEXICON, len(rows), written)
    words, left_out = _apart(_single(rows, path / LEXICON), path / LEXICON, _has_letters)
    language = record.pop("language", _language(words))
    if language not in LANGUAGES:
        raise DataError(f"{display(path / RECORD)}: language {language!r} is not known; {choices(str(language), LANGUAGES)}")
    pairs = _read_pairs(path / PAIRS, words, written) if (path / PAIRS).is_file() else {}
    return Contents(words, pairs, language, {**record, **left_out})


def _refuse_cut_off(path: Path) -> None:
    """What is written ends each row with a line end. An editor may drop the last one, but then the row has all its cells."""
    lines = path.read_bytes().split(b"\n")
    last, first = lines[-1].count(b"\t") + 1, lines[0].count(b"\t") + 1
    if len(lines) > 1 and lines[-1].strip() and last < first:
        raise DataError(
            f"{display(path)}, line {len(lines)}: {last} of {first} cells and no line end: the file is cut off; "
            "if this row is your own, end its line"
        )


def _tell_edited(path: Path, rows: int, written: Any) -> None:
    before = written.get(path.name) if isinstance(written, dict) else None
    if before is not None and rows != before:
        warnings.warn(
            f"{display(path)}: its rows are {rows:,}, and {RECORD} counts {before:,}: edited, or cut off? Knowledge.write counts anew",
            stacklevel=3,
        )


def _single(rows: Iterable[Row], path: Path) -> dict[str, Entry]:
    """Each word with its entry. Of two in a lexicon that was mined and edited nobody can say which one is meant."""
    first: dict[str, int] = {}
    for line, word, _ in rows:
        if word in first:
            raise DataError(
                f"{display(path)}: the word {word!r} stands twice, in lines {first[word]} and {line}: delete one of them"
            )
        first[word] = line
    return {word: entry for _, word, entry in rows if entry.score != 0}


def _merged(rows: Iterable[Row], path: Path) -> dict[str, Entry]:
    """Each word with its entry, of equal ones with the mean of their scores; left out, and told of, where these contradict each other.

    In VADER ``FAV`` and ``fav`` are both praise; its only contradictions are two emoticons, ``D:`` and ``d:``, ``D=`` and ``d=``.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.word, []).append(row)
    both = {word for word, every in found.items() if len({row.entry.score > 0 for row in every if row.entry.score}) > 1}
    both = set(filter(_is_english_word, both))  # what is no word is left out later, and counted
    if both:
        told = [f"{word!r} (lines {', '.join(str(row.line) for row in found[word])})" for word in sorted(both)]
        more = f", and {len(told) - LISTED} more" if len(told) > LISTED else ""
        warnings.warn(
            f"{display(path)}: words that are praise in one line and blame in another are left out: {', '.join(told[:LISTED])}{more}",
            stacklevel=2,
        )
    words = {word: _mean([row.entry for row in every]) for word, every in found.items() if word not in both}
    return {word: entry for word, entry in words.items() if entry.score != 0}


def read_lexicon(path: Path) -> Contents:
    """A lexicon of one file, or of the folder with the two lists.

    A word that stands there twice gets the mean of its scores; where they contradict each other in sign it is left out, with a warning.
    Words that are never found are left out: those with the score 0, and what is never one word of a text, as phrases and signs are;
    the record counts the latter.

    Raises:
        DataError: it cannot be read, or a line has no finite score; the message names it.
    """
    if path.is_dir():
        return _of_lists(path)
    return _of_others(_merged(_read_words(path), path), path, {"lexicon": path.name})


def _of_others(words: Mapping[str, Entry], path: Path, record: Mapping[str, Any]) -> Contents:
    """A lexicon that was not mined: of English texts it is known what is one word."""
    language = _language(words)
    found, left_out = _apart(words, path, _has_letters if language == "zh" else _is_english_word)
    return Contents(found, {}, language, {**record, **left_out})


def _apart(words: Mapping[str, Entry], path: Path, is_word: Callable[[str], bool]) -> tuple[dict[str, Entry], dict[str, int]]:
    """The words that texts may hold; and for the record, how many entries no text ever holds as one word, with a warning."""
    found = {word: entry for word, entry in words.items() if is_word(word)}
    if not found:
        raise DataError(f"{display(path)} holds no word with a score other than 0")
    if len(found) == len(words):
        return found, {}
    others = [word for word in words if word not in found]
    warnings.warn(
        f"{display(path)}: {len(others):,} of {len(words):,} entries are never one word of a text and are left out: "
        f"{', '.join(others[:LISTED])}{', …' if len(others) > LISTED else ''}",
        stacklevel=4,
    )
    return found, {NEVER: len(others)}


def _is_english_word(entry: str) -> bool:
    return [token.word for token in PlainWords().tag(entry)] == [entry]


def _has_letters(entry: str) -> bool:
    """What is one word decides a dictionary, or a tagger that is not here: phrases and signs are none in any case."""
    return not any(map(str.isspace, entry)) and any(map(str.isalnum, entry))


def _read_words(path: Path, *, needed: Sequence[str] = ("score", "polarity")) -> list[Row]:
    """Every entry of a file; of the columns ``needed`` a header must name one."""
    rows = [(number, line.split("\t")) for number, line in enumerate(read_lines(path), start=1) if _counts(line)]
    columns = {"word": 0, "score": 1}
    if rows and _is_header(head := [cell.strip().lower() for cell in rows[0][1]]):
        _check_header(path, head, needed)
        columns = {name: place for place, name in enumerate(head)}
        rows = rows[1:]
    if not rows:
        raise DataError(f"{display(path)} holds no words")
    found: list[Row] = []
    for number, cells in rows:
        row = {name: cells[place].strip() for name, place in columns.items() if place < len(cells)}
        try:
            entry = _entry(row)
        except ValueError as error:
            raise DataError(f"{display(path)}, line {number}: {error}") from None
        if word := look_up_form(row.get("word", "").strip()):
            found.append(Row(number, word, entry))
    return found


def _is_header(cells: Sequence[str]) -> bool:
    """A row that names one of the columns, and is no entry for that word."""
    return not {"word", "score", "polarity"}.isdisjoint(cells) and not (len(cells) > 1 and _is_number(cells[1]))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_header(path: Path, head: Sequence[str], needed: Sequence[str]) -> None:
    lacking = [] if "word" in head else ["word"]
    lacking += [] if any(name in head for name in needed) else [" or ".join(needed)]
    if lacking:
        raise DataError(
            f"{display(path)}: the header lacks the column {' and '.join(lacking)}; it has {', '.join(map(repr, head))}; "
            f"needed are word and {' or '.join(needed)}, with tabs between them"
        )


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
    except ValueError:
        raise ValueError(f"the score {given!r} is not a number; a header needs the columns word and score") from None
    try:
        count = int(row.get("count") or 0)
    except ValueError:
        raise ValueError(f"the count {row['count']!r} is not a whole number") from None
    if not math.isfinite(score):
        raise ValueError(f"the score {given} is not finite")
    if count < 0:
        raise ValueError(f"the count {count} is below 0")
    if named and score and (score > 0) != bool(_POLARITIES[named]):
        raise ValueError(f"the score {given} is not {NAMES[_POLARITIES[named]]}: turn both, or leave the polarity empty")
    return Entry(score, POSITIVE if score > 0 else NEGATIVE, count, row.get("seed", "") == "yes", row.get("tag", ""))


def _mean(found: Sequence[Entry]) -> Entry:
    if len(found) == 1:
        return found[0]
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


def _read_pairs(path: Path, words: Mapping[str, Entry], written: Any) -> dict[tuple[str, str], Pair]:
    """Pairs whose word was taken out of the lexicon by hand go with it; it is said how many."""
    pairs: dict[tuple[str, str], Pair] = {}
    strangers: list[str] = []
    if path.stat().st_size == 0:
        _tell_edited(path, 0, written)
        return pairs
    _refuse_cut_off(path)
    header, *lines = read_lines(path)
    columns = header.split("\t")
    if not {"aspect", "word", "count"} <= set(columns):
        raise DataError(
            f"{display(path)}: the header needs the columns aspect, word and count; it has {', '.join(map(repr, columns))}"
        )
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
    _tell_edited(path, len(lines), written)
    if strangers:
        named = ", ".join(list(dict.fromkeys(strangers))[:LISTED])
        warnings.warn(
            f"{display(path)}: pairs whose word is not in the lexicon are left out: {len(strangers)}, of the words {named}",
            stacklevel=2,
        )
    return pairs


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in (columns, *rows))
