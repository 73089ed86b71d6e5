"""``polysense predict``: answers for one post, or for every row of a table."""

from __future__ import annotations

import json as jsonlib
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.noted_table import NotedTable
from polysense.cli.options import Columns, Encoding, MediaRoot, TrustRecipeCode, read_columns
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.data.clip_file import kind
from polysense.data.counts import none_of
from polysense.errors import DataError, Problem, RecipeError
from polysense.progress import bar

if TYPE_CHECKING:
    from polysense.inference.checked import Checked
    from polysense.inference.predictor import Predictor, Row
    from polysense.knowledge import Knowledge

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def predict(
    run: Annotated[str, typer.Argument(help="A run, a saved model, or a Hugging Face id.")],
    table: Annotated[
        str | None,
        typer.Argument(
            help="A CSV, TSV, JSON lines or Parquet file; - reads JSON lines from stdin; or a recording or film (clip.mp4), one clip."
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The text of one post or clip.")] = None,
    image: Annotated[Path | None, typer.Option(help="The picture of one post; it may lie anywhere.")] = None,
    aspect: Annotated[
        str | None, typer.Option(help="What the text of one post is asked about, of a model that reads aspects.")
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(help="What stands behind the text of one post, of a model that reads a second text (pair, title)."),
    ] = None,
    explain: Annotated[
        Path | None, typer.Option(help="Knowledge, as `mine` writes it: show its words and pairs that occur in each text.")
    ] = None,
    vectors: Annotated[
        bool,
        typer.Option(
            "--vectors", help="Also what the scores of all and of each modality are read off, where a model has both; as JSON."
        ),
    ] = False,
    columns: Columns = None,
    encoding: Encoding = None,
    media_root: MediaRoot = None,
    trust_recipe_code: TrustRecipeCode = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one post's answer as JSON; a table is always JSON lines.")
    ] = False,
) -> None:
    """Answer for one post (--text, --image or both), one clip (clip.mp4), or for every row of a table, one JSON line a row.

    A row that cannot be used gets an "error" in place of its answers, and the exit code is then 3. Where rows have labels, a report of
    each class goes to stderr.
    """
    clip = None if table is None else kind(table)
    given = [option for option, value in (("--text", text), ("--image", image)) if value is not None]
    if clip is not None and table is not None:
        refuse_missing(Path(table))
    elif table is not None and given:
        every = "both" if len(given) == 1 else "all"
        raise RecipeError(f"the table {table} and {' and '.join(given)} are {every} given: name a table, or one post")
    elif table is None and not given:
        raise RecipeError("name a table, or one post with --text, --image or both, or one clip: clip.mp4 --text ...")
    if aspect is not None and text is None:
        raise RecipeError("--aspect: goes with --text; the rows of a table have a column aspect")
    if beside is not None and text is None:
        raise RecipeError("--beside: goes with --text; the rows of a table have a column for it")
    if table is None or clip is not None:
        for option, value in (("--columns", columns), ("--encoding", encoding), ("--media-root", media_root)):
            if value is not None:
                raise RecipeError(f"{option}: is for a table")
    refuse_missing(run)  # and a wrong table, before torch is loaded
    rows = (
        None
        if table is None or clip is not None
        else table_rows(table, columns, media_root, encoding or "utf-8", noted=NotedTable.of(run))
    )
    from polysense.inference.predictor import load
    from polysense.knowledge import Knowledge

    knowledge = None if explain is None else Knowledge.read(explain)
    model = load(run, trust_recipe_code=trust_recipe_code)
    refuse_to_guess(model, run)
    say_which_seed(model, run)
    if rows is not None:
        _answer_table(model, rows, knowledge, vectors=vectors, learned_from=_learned_from(run, table))
        return
    if aspect is not None and not model.reads_aspects:
        raise RecipeError(f"--aspect: {run} reads texts alone (encoders.text.aspect)")
    asked = {"text": text, "image": image, "aspect": aspect} | ({} if clip is None else {clip: table})
    if beside is not None:
        asked[second_column(model, run)] = beside
    answer = model.predict(asked, explain=knowledge, vectors=vectors)[0]
    del answer["id"]
    if "error" in answer:
        raise DataError(answer["error"])
    if json or vectors:
        print_json(answer)
    else:
        _show(answer, model)


def second_column(model: Predictor, run: str) -> str:
    """The column that the model reads behind the text.

    Raises:
        RecipeError: it reads texts alone.
    """
    encoders = model.recipe.encoders
    column = encoders["text"].arguments.get("beside") if "text" in encoders else None
    if column is None:
        raise RecipeError(f"--beside: {run} reads no second text (encoders.text.beside)")
    return str(column)


WRITING = ", or have it write: `polysense caption`, `polysense generate`"


def refuse_to_guess(model: Predictor, run: str) -> None:
    """Raise where the model has nothing to say about a row.

    Raises:
        RecipeError: says what it can do.
    """
    if not model.learner.answers:
        also = WRITING if model.writes else ""
        raise RecipeError(
            f"{run} answers nothing: it turns {' and '.join(model.modalities)} into vectors; "
            f"use `polysense encode` or `polysense search`{also}, "
            "or train a recipe with an objective that answers, such as Classification"
        )


def say_which_seed(model: Predictor, run: str) -> None:
    """A run of several seeds answers with one of them: name it on stderr."""
    from polysense.training.folder import finished, why_chosen

    folder = Path(model.source)
    if folder.parent == Path(run):
        typer.echo(f"{run}: {folder.name} answers, {why_chosen(finished(Path(run)))}", err=True)


def _answer_table(
    model: Predictor, rows: Iterator[Row], knowledge: Knowledge | None, *, vectors: bool, learned_from: bool
) -> None:
    from polysense.inference.checked import Checked

    bad = answered = by_threshold = 0
    lacking: Counter[str] = Counter()
    checked = Checked(rows, model)
    with bar("predicting", "rows") as advance:
        for answer in model.stream(checked, explain=knowledge, vectors=vectors, progress=advance):
            checked.hear(answer)
            by_threshold += "by_threshold" in answer
            bad += "error" in answer
            answered += "error" not in answer
            lacking.update(answer.get("missing", ()))
            sys.stdout.write(f"{jsonlib.dumps(answer, ensure_ascii=False)}\n")
    for name, count in lacking.items():
        where = none_of(answered) if count == answered else f"{count} of {answered} rows have no"
        way = f"; --columns {name}=COLUMN names the column that holds it" if count == answered else ""
        typer.echo(f"{where} {name}, which the model was trained with: answered from what else they have{way}", err=True)
    if thresholds := model.thresholds:
        typer.echo(
            f"{_by_thresholds(thresholds)}: of {by_threshold} of {answered} rows the answer is not that of the probabilities alone",
            err=True,
        )
    _report(checked, usable=" and could be used" if bad else "", learned_from=learned_from)
    if bad:
        raise DataError(f'{bad} {"row" if bad == 1 else "rows"} could not be used; see "error" in the output')


def _by_thresholds(thresholds: Mapping[str, float]) -> str:
    return f"decided by thresholds of the classes ({', '.join(f'{name} {value:.3f}' for name, value in thresholds.items())})"


def _learned_from(run: str, table: str | None) -> bool:
    """Whether the run was trained on this very file."""
    from polysense.data.json_file import read_object
    from polysense.data.media import file_digest
    from polysense.data.tablefile import find_table
    from polysense.training.folder import SUMMARY, run_of

    digests = read_object(run_of(Path(run)) / SUMMARY).get("data", {}).get("digests", {})
    return bool(digests) and table not in {None, "-"} and file_digest(find_table(Path(str(table)))) in digests.values()


def _report(checked: Checked, *, usable: str, learned_from: bool) -> None:
    """How well the labels of the table were met, on stderr; nothing where it has none. ``usable`` tells that some rows were not."""
    if unknown := checked.unknown:
        named = ", ".join(f"{label!r} ({count})" for label, count in unknown.most_common(5))
        typer.echo(f"labels that are no class of the model, whose rows are not in the report: {named}", err=True)
    if not checked.rows:
        return
    metrics = checked.metrics()
    whole = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if "/" not in name)
    have = "row that has" if checked.rows == 1 else "rows that have"
    typer.echo(f"\nMeasured on the {checked.rows:,} {have} a label{usable}: {whole}", err=True)
    columns = ("precision", "recall", "f1", "support")
    lines = [
        (label, *(metrics[f"{name}/{label}"] for name in columns[:3]), int(metrics[f"support/{label}"]))
        for label in checked.labels
    ]
    print_table(("class", *columns), lines, err=True)
    if learned_from:
        typer.echo(
            "The run was trained on this table, so this is too good: `polysense evaluate` measures the rows that it held out",
            err=True,
        )


def table_rows(
    table: str,
    columns: str | None,
    media_root: Path | None,
    encoding: str,
    *,
    noted: NotedTable,
    required: Collection[str] = (),
) -> Iterator[Row]:
    """The rows of a table, its fields under the names that are given, else as the run's own table had them, where this one does.

    There must be columns for the ``required`` fields.
    """
    if table == "-":
        if encoding != "utf-8":
            raise RecipeError("--encoding is for table files; what comes from stdin must be UTF-8")
        return _standard_input(read_columns(columns), media_root or Path.cwd(), noted)
    from polysense.data.table import read_table
    from polysense.data.tablefile import find_table, read_raw

    named, separated = read_columns(columns), noted.separated(Path(table), encoding=encoding)
    if noted.columns and not named:
        there = read_raw(find_table(Path(table)), encoding=encoding, separated=separated).columns
        named = {field: column for field, column in noted.columns.items() if column in there}
    read = read_table(
        Path(table),
        columns=named,
        media_root=media_root,
        encoding=encoding,
        label_separator=noted.label_separator,
        split_seed=None,
        separated=separated,
        reads=noted.media,
        required=required,
    )
    return iter(read.in_order())


def _standard_input(columns: dict[str, str], media_root: Path, noted: NotedTable) -> Iterator[Row]:
    from polysense.data.rows import FIELDS, RowReader

    named = {field: columns.get(field, field) for field in FIELDS}
    reader = RowReader(
        file="standard input", columns=named, media_root=media_root, label_separator=noted.label_separator, reads=noted.media
    )
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        row = _json(line)
        if isinstance(row, dict):
            yield reader.read(row, number)
        else:
            yield Problem(file=reader.file, row=number, id=str(number), field="line", reason="not a JSON object")


def _json(line: str) -> Any:
    try:
        return jsonlib.loads(line)
    except ValueError:
        return None


def _show(answer: dict[str, Any], model: Predictor) -> None:
    label = answer.pop("label", None)
    if label is not None:
        typer.echo(label if isinstance(label, str) else ", ".join(label) or "(no class)")
    for name, value in sorted(answer.pop("probabilities", {}).items(), key=lambda pair: -pair[1]):
        typer.echo(f"  {name:<16} {value:.3f} {'█' * round(20 * value)}")
    if answer.pop("by_threshold", False):
        typer.echo(f"  {_by_thresholds(model.thresholds)}, not by the probabilities alone")
    if answer.get("spans") == []:
        typer.echo("nothing is marked")
    for span in answer.pop("spans", None) or ():
        typer.echo(f"  {span['role']:<16} {span['text']}  ({span['start']} to {span['end']})")
    for name, value in answer.items():
        if isinstance(value, float):
            typer.echo(f"  {name:<16} {value:.3f}")
    for one, other in answer.get("disagree", ()):
        typer.echo(f"  {one} and {other} disagree")
    if answer.get("cut"):
        typer.echo("  the text is longer than the model reads, and was cut")
    if answer.get("aspect_absent"):
        typer.echo("  the text does not hold the aspect: right for a category, but a term is then not spoken of")
    _show_knowledge(answer.pop("knowledge", None))
    if answer["missing"]:
        typer.echo(f"  without {' and '.join(answer['missing'])}: the model was trained with {' and '.join(model.modalities)}")


def _show_knowledge(known: Mapping[str, Any] | None) -> None:
    """What occurs of it in the text; None where it was not asked for."""
    if known is None:
        return
    if not known["words"]:
        typer.echo("  no word of the knowledge in the text")
    for word in known["words"]:
        typer.echo(f"  {word['word']:<16} {word['polarity']}{', negated' if word['negated'] else ''}")
    for pair in known["pairs"]:
        word = pair["word"]
        typer.echo(f"  {pair['aspect']:<16} said to be {'not ' if word['negated'] else ''}{word['word']}")
