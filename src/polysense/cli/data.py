"""``polysense data``: corpora, checks of a table, and made-up posts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from polysense.cli import extraction
from polysense.cli.options import Columns, Encoding, Json, MediaRoot, read_columns, read_limits, read_names
from polysense.cli.output import bad_rows, print_json, print_table
from polysense.errors import DataError, Problem, RecipeError, choices, display
from polysense.progress import bar

if TYPE_CHECKING:
    from polysense.data.corpus import Corpus
    from polysense.data.counts import Counts
    from polysense.data.table import Table


class Data(TyperGroup):
    """A group in which ``extract regions`` is a command beside ``extract``, ``convert regions`` beside ``convert``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command by its one word or two."""
        both = " ".join(args[:2])
        if both not in self.commands and len(args) > 1 and not Path(args[1]).exists():
            near = get_close_matches(both, [name for name in self.commands if " " in name], n=1, cutoff=_ALIKE)
            if near and near[0].startswith(f"{args[0]} "):
                ctx.fail(f"No such command '{both}', and no such file. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, [both, *args[2:]] if both in self.commands else args)


_ALIKE = 0.85  # from 0 to 1, how alike a command of two words is that may be meant
_COLUMNS = 20  # of classes in a table, at most
WITHOUT_ANSWERS = frozenset({"sentence embeddings", "language modelling", "retrieval", "captions", "pictures"})
"""Tasks of corpora whose rows have no labels."""


app = typer.Typer(
    cls=Data,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Corpora, checks, features and made-up posts.",
)
app.command("extract")(extraction.extract)
app.command("extract regions")(extraction.extract_regions)


@app.command("list")
def list_command(json: Json = False) -> None:
    """List the data sets that polysense can read."""
    from polysense.data.corpora import all_corpora

    rows = [
        {
            "name": name,
            "modalities": list(corpus.modalities),
            "tasks": list(corpus.tasks),
            "what": (corpus.__doc__ or "").partition("\n")[0],
            "layout": list(corpus.layout),
        }
        for name, corpus in all_corpora().items()
    ]
    if json:
        print_json(rows)
        return
    columns = ("name", "modalities", "tasks", "what")
    print_table(columns, [[_joined(row[column]) for column in columns] for row in rows])


def _joined(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


@app.command()
def verify(
    table: Annotated[Path, typer.Argument(help="A table (CSV, TSV, JSONL, Parquet) or a folder with one, or a known corpus.")],
    corpus: Annotated[str | None, typer.Option(help="The corpus in the folder; by default recognised by its files.")] = None,
    labels: Annotated[str | None, typer.Option(help="The labels that may occur: negative,neutral,positive.")] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    encoding: Encoding = None,
    delimiter: Annotated[
        str | None, typer.Option(help="What stands between the cells of a CSV or TSV file: comma, tab, semicolon.")
    ] = None,
    label_separator: Annotated[str | None, typer.Option(help="What stands between several labels of a row: '|'.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Duplicates are bad, not warnings.")] = False,
    decode: Annotated[
        bool, typer.Option("--decode/--no-decode", help="Open every picture, sequence, recording and film.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    json: Json = False,
) -> None:
    """Check every row of a table; exit code 3 if any is bad, 0 if none is."""
    from polysense.data.bad_rows import elsewhere
    from polysense.data.label_checks import has_slips
    from polysense.data.pair_files import FORMATS
    from polysense.data.tablefile import DELIMITERS, find_table
    from polysense.data.verify import verify as check

    if delimiter is not None and delimiter not in DELIMITERS:
        raise RecipeError(f"--delimiter {delimiter!r}: {choices(delimiter, DELIMITERS)}")
    if corpus is None and columns is None:
        corpus = "Sentences" if table.suffix == ".txt" else recognised(table)
    if delimiter is not None and corpus is None and (file := find_table(table)).suffix.lower() not in FORMATS:
        raise RecipeError(f"--delimiter is for {', '.join(FORMATS)} files; leave it out for {display(file)}")
    reader = corpus_reader(
        corpus, columns=read_columns(columns), encoding=encoding, delimiter=delimiter, label_separator=label_separator
    )
    read = replace(reader.candidates(table, media_root=media_root), media_root=media_root)  # all that a training may draw from
    with bar("checking", "pictures", quiet=quiet) as advance:
        named = read_names(labels)
        found = check(
            read,
            labels=named or _learned(reader, read),
            other_labels="bad" if named or all(sample.score is None for sample in read.samples) else "warning",
            answers=not WITHOUT_ANSWERS.intersection(reader.tasks),
            splits=("train", "validation"),
            decode=decode,
            strict=strict,
            progress=advance,
        )
    bad = [one for one in found if one.severity == "bad"]
    kept = read.without(bad)
    more = _left_out(reader, table, read, media_root)
    if json:
        counts = {**_summary(kept, corpus, bad), "warnings": len(found) - len(bad), "left_out": more}
        print_json({**counts, "problems": [one.as_dict() for one in found]})
    else:
        others = _usable_without(reader, table, media_root, bad)
        _print(kept, found, hints=[*elsewhere(read, bad), *others])
        if not named and has_slips(kept):
            typer.echo("`--labels NAMES` says which classes there are; rows of others are then bad, and the exit code is 3.")
        if more:
            some = "1 more post is" if more["unlabelled"] == 1 else f"{more['unlabelled']} more posts are"
            typer.echo(
                f"{some} unlabelled and left out. A recipe with `unlabelled: true` (in training "
                f"--set corpora.0.unlabelled=true) would train on {more['would_train']} of them: those that share no text or "
                "picture with a validation or test post."
            )
    raise typer.Exit(DataError.exit_code if bad else 0)


@app.command()
def toy(
    out: Annotated[Path, typer.Argument(help="The folder to write; it must be new or empty.")],
    posts: Annotated[int, typer.Option(min=10, help="How many posts.")] = 300,
    seed: Annotated[int, typer.Option(help="The same seed makes the same posts.")] = 0,
) -> None:
    """Write made-up posts with pictures and known labels, for trying things out. They are synthetic and say so."""
    from polysense.data.new_folder import refuse_full
    from polysense.data.toy import write_toy

    refuse_full(out)
    typer.echo(str(write_toy(out, posts=posts, seed=seed)))


@app.command("toy-clips")
def toy_clips(
    out: Annotated[Path, typer.Argument(help="The folder to write; it must be new or empty.")],
    clips: Annotated[int, typer.Option(min=10, help="How many clips.")] = 1240,
    seed: Annotated[int, typer.Option(help="The same seed makes the same clips.")] = 0,
    rule: Annotated[
        str, typer.Option(help="How a clip's score follows from those of its modalities: their weighted sum, or a product.")
    ] = "sum",
) -> None:
    """Write made-up clips whose text, sound and film have known scores of their own. They are synthetic and say so."""
    from typing import cast, get_args

    from polysense.data.toy.clips import Rule, write_toy_clips

    if rule not in get_args(Rule):
        raise RecipeError(f"--rule: no rule {rule!r}; {choices(rule, get_args(Rule))}")
    typer.echo(str(write_toy_clips(out, clips=clips, seed=seed, rule=cast(Rule, rule))))


@app.command()
def convert(
    kind: Annotated[str, typer.Argument(help="Whose file it is: mmsa; of regions see `convert regions`.")],
    file: Annotated[Path, typer.Argument(help="A pickle in MMSA's layout: MOSI, MOSEI, SIMS, SIMSv2, or one's own.")],
    out: Annotated[Path, typer.Argument(help="The folder to write; it must be new or empty.")],
    score_range: Annotated[
        str | None, typer.Option(help="The smallest and the largest score: -3,3. Of a published file they are known.")
    ] = None,
    missing_as_zero: Annotated[bool, typer.Option("--missing-as-zero", help="Read NaN as 0 and count it.")] = False,
    keep_text_bert: Annotated[
        bool, typer.Option("--keep-text-bert", help="Keep the token ids, too, to compare with other programs.")
    ] = False,
    python2: Annotated[bool, typer.Option("--python2", help="Python 2 wrote the file.")] = False,
    features_of: Annotated[
        Path | None,
        typer.Option(help="A folder of clips whose features were made in the same way: a model of one then reads the other."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a folder of clips of a feature file of MMSA. Nothing that the file names is run: it is read as numbers and texts alone."""
    from dataclasses import asdict

    from polysense.data.mmsa import convert_mmsa

    if kind != "mmsa":
        raise RecipeError(f"data convert: there is no format {kind!r}; {choices(kind, ('mmsa', 'regions'))}")

    done = convert_mmsa(
        file,
        out,
        score_range=read_limits(score_range),
        missing_as_zero=missing_as_zero,
        keep_text_bert=keep_text_bert,
        python2=python2,
        features_of=features_of,
    )
    if json:
        print_json(asdict(done))
        return
    what = "no published file that we know" if done.release is None else f"the published file {done.release}"
    typer.echo(f"{file.name} is {what}")
    print_table(("split", "clips"), list(done.clips.items()))
    print_table(
        ("modality", "numbers a frame", "longest, frames"),
        [(name, width, done.longest[name]) for name, width in done.widths.items()],
    )
    for change, count in done.changes.items():
        typer.echo(f"{change}: {count}")
    for note in done.notes:
        typer.echo(note)
    typer.echo(str(out))


app.command("convert regions")(extraction.convert_regions)


def recognised(path: Path) -> str | None:
    """The corpus whose files lie in the folder ``path``, by name; of several the one of most files; None where we know none."""
    from polysense.data.corpora import all_corpora

    found = {
        name: len(files)
        for name, corpus in all_corpora().items()
        for files in (corpus.known_by or (corpus.layout,))
        # A layout entry such as images/<id>.jpg stands for many files: its folder must be there.
        if path.is_dir() and all((path / entry.partition("<")[0]).exists() for entry in files)
    }
    return max(found, key=lambda name: found[name], default=None)


def corpus_reader(
    name: str | None,
    *,
    columns: Mapping[str, str],
    encoding: str | None,
    delimiter: str | None = None,
    label_separator: str | None = None,
) -> Corpus:
    """The corpus, with those of the options that it has; of posts, where none is named.

    Raises:
        RecipeError: there is no such corpus, or it reads files of its own in which nothing can be renamed.
    """
    from polysense.data.corpora import all_corpora

    known = all_corpora()
    name = "Posts" if name is None else name
    if name not in known:
        raise RecipeError(f"--corpus {name!r}: {choices(name, known)}")
    there = signature(known[name]).parameters
    options = {"columns": columns, "encoding": encoding, "delimiter": delimiter, "label_separator": label_separator}
    for option, value in options.items():
        if value and option not in there:
            raise RecipeError(f"--{option.replace('_', '-')} is for your own tables; {name} knows its own files")
    return known[name](**{option: value for option, value in options.items() if value})


def _learned(reader: Corpus, read: Table) -> list[str] | None:
    """The classes of the training rows, beside which a training refuses others; None where no classes are learned."""
    return (read.labels("train") or None) if "classification" in reader.tasks and "train" in read.splits else None


def _left_out(reader: Corpus, root: Path, read: Table, media_root: Path | None) -> dict[str, int]:
    """Of a reader of MVSA that leaves its unlabelled posts out: how many there are, and how many would train if it did not."""
    from polysense.data.corpora.mvsa import Mvsa
    from polysense.data.corpora.mvsa_single import MvsaSingle

    if not isinstance(reader, Mvsa | MvsaSingle) or reader.unlabelled:
        return {}
    wider = copy(reader)
    wider.unlabelled = True
    train = len(wider.read(root, media_root=media_root)) - len(read)
    return {"unlabelled": sum(read.left_out.values()), "would_train": train}


def _summary(kept: Table, corpus: str | None, bad: Sequence[Problem]) -> dict[str, object]:
    return {
        "table": kept.name,
        "corpus": corpus,
        "rows": len(kept),
        "bad_rows": bad_rows(bad),
        "splits": kept.splits,
        "split_made": kept.split_made,
        "labelled": {split: counts.labelled for split, counts in _counts(kept).items()},
        "unlabelled": {split: counts.unlabelled for split, counts in _counts(kept).items()},
        "labels": _labels(kept),
    }


def _usable_without(reader: Corpus, root: Path, media_root: Path | None, bad: Sequence[Problem]) -> list[str]:
    """That recipes which do not read the media at fault can use bad rows; nothing where they can use none."""
    from polysense.data.rows import MEDIA, origin

    fields = [name for name in MEDIA if any(one.field == name for one in bad)]
    if not fields:
        return []
    faulty = {origin(one.file, one.row) for one in bad if one.row is not None}
    read = reader.read_by([name for name in MEDIA if name not in fields]).candidates(root, media_root=media_root)
    rest = read.without([one for one in (*bad, *read.bad) if one.field not in fields])
    usable = sum(bool(set(sample.modalities) - set(fields)) for sample in rest.samples if sample.origin in faulty)
    some = "1 bad row is" if usable == 1 else f"{usable} bad rows are"
    return [f"{some} sound for a recipe that does not read {' and '.join(fields)}."] if usable else []


def _counts(table: Table) -> dict[str, Counts]:
    """Split -> its rows, labelled and unlabelled, in the order of the splits; rows in none come last."""
    from polysense.data.counts import Counts
    from polysense.data.rows import SPLITS

    parts = {split or "(none)": [one for one in table.samples if one.split == split] for split in (*SPLITS, None)}
    return {split: Counts.of(samples) for split, samples in parts.items() if samples}


def _labels(table: Table) -> dict[str, dict[str, int]]:
    """Split -> label -> rows; unlabelled rows count under ``(none)``, those of an empty list under ``(no class)``."""
    from polysense.data.table import classes

    counts: dict[str, Counter[str]] = {}
    for sample in table.samples:
        counts.setdefault(sample.split or "(none)", Counter()).update(
            classes(sample) or ("(none)" if sample.label is None else "(no class)",)
        )
    return {split: dict(sorted(found.items())) for split, found in counts.items()}


def _print(kept: Table, found: Sequence[Problem], *, hints: Sequence[str]) -> None:
    """What is wrong, row by row, equal faults of many rows in one line, and what helps; then what the sound rows are."""
    from polysense.data.problem_list import lines

    bad = [one for one in found if one.severity == "bad"]
    for one in lines(found):
        typer.echo(f"{one.severity}: {one}")
    for hint in hints:
        typer.echo(hint)
    if found and kept.samples:
        typer.echo("")
    labels = _labels(kept)
    classes = sorted({name for counts in labels.values() for name in counts} - {"(none)"})
    names = classes if len(classes) <= _COLUMNS else []
    if kept.samples:
        print_table(
            ("split", "rows", "labelled", "unlabelled", *names),
            [
                (split, count.rows, count.labelled, count.unlabelled, *(labels[split].get(name, 0) for name in names))
                for split, count in _counts(kept).items()
            ],
        )
    if classes and not names:
        typer.echo(f"{len(classes)} classes; --json counts the rows of each.")
    if kept.split_made:
        typer.echo("The table has no splits; these are the ones that training would make.")
    count, warnings = bad_rows(bad), len(found) - len(bad)
    more = f" {warnings} warning{'s' if warnings > 1 else ''} to look at." if warnings else ""
    if count:
        typer.echo(f"\n{kept.name}: {count} bad row{'s' if count > 1 else ''}, {len(kept) or 'none'} sound.{more}")
    elif bad:
        typer.echo(f"\n{kept.name}: cannot be used.{more}")
    else:
        rows = "its one row" if len(kept) == 1 else f"all {len(kept)} rows"
        sound = "can be read." if warnings else f"{'is' if len(kept) == 1 else 'are'} sound."
        typer.echo(f"\n{kept.name}: {rows} {sound}{more}")
