"""``polysense quickstart``: the whole road once, from a table to a measured, predicting model."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.options import Columns, SkipBadRows
from polysense.cli.output import print_table
from polysense.cli.train import read_seeds, table_overrides
from polysense.errors import LISTED, DataError, RecipeError, display
from polysense.progress import once, say

if TYPE_CHECKING:
    from polysense.types import Sample

app = typer.Typer(rich_markup_mode=None, add_completion=False)

POSTS = 360
SEEDS = "0,1"
METRICS = ("weighted_f1", "macro_f1", "accuracy")
MADE_UP = "posts"
RUNS = ("base", "both")
REPORT = "report.html"


@app.command()
def quickstart(
    data: Annotated[
        Path | None, typer.Option(help="Your own table with the columns text, image and label; made-up posts by default.")
    ] = None,
    columns: Columns = None,
    out: Annotated[Path, typer.Option(help="Where the two runs and the report go; an earlier quickstart is replaced.")] = Path(
        "runs/quickstart"
    ),
    seeds: Annotated[str, typer.Option(help="One training of either model a seed.")] = SEEDS,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override one value: training.num_train_epochs=2. Repeatable.")
    ] = None,
    skip_bad_rows: SkipBadRows = False,
) -> None:
    """Does a model of posts get better when it also learns whether text and picture belong together?

    Trains a classifier of text and picture on small packaged encoders, with and without the image-text signals (ITC and ITM), over two
    seeds; prints the difference with its interval, predicts two posts, and writes a report. Needs no network.
    """
    from polysense.recipe import load_recipe
    from polysense.report import write_report
    from polysense.training.comparison import compare_each
    from polysense.training.rival import floors, outdone
    from polysense.training.run import read_data, train, usable_rows

    began = time.monotonic()
    chosen = read_seeds(seeds) or []
    made_up = data is None
    refuse_others(out)
    if data is None:
        from polysense.data.toy import write_toy

        typer.echo(
            f"Making {POSTS} synthetic posts: drawn pictures and composed texts, some of which contradict each other.", err=True
        )
        data = write_toy(out / MADE_UP, posts=POSTS)
    overrides = [*table_overrides(columns), *(set_ or ())]
    recipe = load_recipe("quickstart/both", overrides)
    table = usable_rows(recipe, read_data(recipe, data), skip_bad_rows=skip_bad_rows)
    shown = _two_posts(table.split("test"))
    runs = {name: out / name for name in RUNS}
    rows, trainings = len(table.split("train")) if "train" in table.splits else len(table), len(runs) * len(chosen)
    say(
        f"{trainings} trainings on {rows} rows each: base, and with ITC and ITM, seeds {seeds}; about 100 MB a training under {out}"
    )
    with once():
        for place, (name, folder) in enumerate(runs.items()):
            say(f"trainings {place * len(chosen) + 1} to {(place + 1) * len(chosen)} of {trainings}: quickstart/{name}")
            summary = train(f"quickstart/{name}", table, out=folder, seeds=chosen, overrides=overrides, overwrite=True)
    found = compare_each(runs["base"], runs["both"], metrics=METRICS)
    title = "Quickstart: base, and with ITC and ITM"
    report = write_report(runs["both"], against=[runs["base"]], title=title, out=out / REPORT)

    kind = "SYNTHETIC posts" if made_up else str(data)
    main = next(iter(found.values()))
    typer.echo(f"\n{kind}: test, {main.rows} rows, seeds {' and '.join(map(str, chosen))}, mean ± std\n")
    print_table(
        ["", "base", "with ITC and ITM", "difference", "95 % interval", "p"],
        [_row(runs, name, one) for name, one in found.items()],
    )
    typer.echo("\nTo beat, without a model or with the words alone:")
    for floor, metrics in floors(summary).items():
        typer.echo(f"  {floor}: {', '.join(f'{name} {metrics[name]:.3f}' for name in METRICS if name in metrics)}")
    typer.echo(f"\n{main.in_words(base='base', other='the run with ITC and ITM')}")
    if main.note:
        typer.echo(f"Note: {main.note}.")
    for said in outdone(summary):
        typer.echo(f"Note: {said} It has learned too little to be of use.")
    typer.echo("")
    _predict(runs["both"], shown)
    typer.echo(f"Report: {report}   ({time.monotonic() - began:.0f} s in all)\n")
    _what_next(runs["both"], None if made_up else data, columns, set_ or ())


def refuse_others(out: Path) -> None:
    """Raise where a folder holds anything but an earlier quickstart, which may be unfinished.

    Raises:
        DataError: it is a file.
        RecipeError: it holds other files.
    """
    from polysense.training.folder import refuse_another_run

    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"--out {out}: this is a file, a quickstart needs a folder")
    others = {path.name for path in out.iterdir() if not _of_the_system(path.name)} - {MADE_UP, *RUNS, REPORT}
    if (out / MADE_UP).exists() and not _are_made_up(out / MADE_UP):
        others.add(MADE_UP)
    if (out / REPORT).exists() and not (out / RUNS[-1]).exists():
        others.add(REPORT)
    if others:
        named = ", ".join(sorted(others)[:LISTED]) + (", ..." if len(others) > LISTED else "")
        raise RecipeError(
            f"{display(out)} is not empty and holds other files than a quickstart's ({named}): choose another --out"
        )
    for name in RUNS:
        refuse_another_run(out / name, resume=False, overwrite=True)


def _of_the_system(name: str) -> bool:
    """Whether programs that show folders leave such a file."""
    return name.startswith(".") or name in ("Thumbs.db", "desktop.ini")


def _are_made_up(folder: Path) -> bool:
    """Whether a quickstart wrote them, or was about to."""
    from polysense.data.toy.posts import COLUMNS

    if not folder.is_dir() or not {path.name for path in folder.iterdir()} <= {"images", "posts.csv"}:
        return False
    table = folder / "posts.csv"
    return not table.exists() or table.read_bytes().startswith(",".join(COLUMNS).encode())


def _row(runs: dict[str, Path], name: str, one: Any) -> list[Any]:
    spread = [_spread(folder, name) for folder in runs.values()]
    return [name, *spread, f"{one.difference:+.3f}", f"{one.low:+.3f} to {one.high:+.3f}", round(one.p_value, 3)]


def _spread(run: Path, metric: str) -> str:
    from polysense.evaluation.summary import stored, summarise

    summary = summarise(stored(run, "test")[0], "test", None)
    std = (summary["std"] or {}).get(metric)
    return f"{summary['metrics'][metric]:.3f}" + ("" if std is None else f" ± {std:.3f}")


def _two_posts(samples: Sequence[Sample]) -> list[Sample]:
    """A post whose modalities contradict each other, where the table says so, and one where they do not."""
    against = [sample for sample in samples if sample.extra.get("conflict", "").lower() == "true"]
    along = [sample for sample in samples if sample not in against]
    return [*along[:1], *against[:1]] if against else along[:2]


def _predict(run: Path, samples: Sequence[Sample]) -> None:
    from polysense.inference.predictor import load

    for sample, answer in zip(samples, load(run).predict(samples), strict=True):
        typer.echo(f"Post {sample.id}: {sample.text!r} with {sample.image or 'no picture'}")
        sure = answer["probabilities"][answer["label"]]
        typer.echo(
            f"  says {answer['label']} ({sure:.2f}), was labelled {sample.label}; text and picture belong together: {_chance(answer)}"
        )
    typer.echo("")


def _chance(answer: dict[str, Any]) -> str:
    match = answer.get("match")
    return "-" if match is None else f"{match:.2f}"


def _what_next(run: Path, table: Path | None, columns: str | None, set_: Sequence[str]) -> None:
    """Commands that fit the user's own table, or a table to be made; the recipe is the one whose numbers were just shown."""
    named = f" --columns {shlex.quote(columns)}" if columns else ""
    mine = f"{shlex.quote(str(table or 'posts.csv'))}{named}"
    as_here = "".join(f" --set {shlex.quote(one)}" for one in set_) if table else ""
    lines = [
        "On your own posts (a CSV with the columns text, image and label; image is a path beside the table):",
        f"  polysense data verify {mine}",
        f"  polysense quickstart --data {mine}",
        f"  polysense train quickstart/both --data {mine} --out runs/mine --seeds 0,1,2{as_here}",
        "  polysense predict runs/mine new_posts.csv > predictions.jsonl",
        "With the model of this quickstart:",
        f'  polysense predict {shlex.quote(str(run))} --text "what a lovely day" --json',
    ]
    typer.echo("\n".join(lines if table is None else lines[3:]))
