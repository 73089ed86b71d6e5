"""``polysense ablate``: which training signal helps, on one's own table."""

from __future__ import annotations

import json as jsonlib
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.left_behind import telling_what_is_left
from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.cli.train import all_overrides, read_seeds
from polysense.errors import RecipeError
from polysense.metrics.spread import mean_and_std
from polysense.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polysense.training.ablation.findings import Findings, Level
    from polysense.training.ablation.question import Ablation

app = typer.Typer(rich_markup_mode=None, add_completion=False)

ANSWER = "ablation.json"
REPORT = "report.html"


@app.command()
def ablate(
    data: Annotated[Path, typer.Argument(help="The table: text, image, label and more columns; rows without a label count.")],
    out: Annotated[Path, typer.Option(help="The folder of all runs and of the report.")] = Path("runs/ablation"),
    signals: Annotated[
        str | None,
        typer.Option(help="itc,itm,mlm,simcse,pairs; itc=0.2 gives a weight. All that the columns allow by default."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Numbers of labels to learn from. 100,500,all by default, as far as there are so many.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="One training of every arm a seed.")] = "0,1,2",
    recipe: Annotated[str | None, typer.Option(help="The base's recipe; one that fits the columns by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override one value of all arms: training.num_train_epochs=2. Repeatable.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Compare by this one; the one that chose the checkpoints by default.")
    ] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished trainings in --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the runs in --out.")] = False,
    skip_bad_rows: SkipBadRows = False,
    media_root: MediaRoot = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run frozen encoders at every step.")] = False,
    json: Json = False,
) -> None:
    """Which training signal helps on a table? A classifier alone, with each signal and with all, over seeds and numbers of labels.

    Says before it begins how many trainings there are, and after the first how long the others take. Each is a run that predict,
    evaluate, compare and report can use. Prints the differences with their intervals and what to do, and writes a report with
    learning curves.
    """
    from polysense.training.ablation.signals import read_signals

    chosen = None if signals is None else read_signals(signals)  # so that a wrong name is told before torch is loaded
    counts, drawn = read_labels(labels), read_seeds(seeds) or []
    refuse_missing(data)

    from polysense.report.ablation import write_ablation_report
    from polysense.training.ablation.findings import read_findings
    from polysense.training.ablation.question import ask
    from polysense.training.ablation.recommendation import recommendation, recommended, sentences
    from polysense.training.ablation.running import refuse_folder, run
    from polysense.training.checkpoints import write_whole
    from polysense.training.lock import held

    began = time.monotonic()
    with telling_what_is_left(out, overwrite=overwrite), held(out):
        refuse_folder(out, resume=resume, overwrite=overwrite)
        question = ask(
            recipe,
            data,
            out=out,
            seeds=drawn,
            labels=counts,
            signals=chosen,
            metric=metric,
            overrides=all_overrides(set_, columns, encoding),
            skip_bad_rows=skip_bad_rows,
            media_root=media_root,
            use_cache=not no_cache,
        )
        run(question, resume=resume, overwrite=overwrite)
        findings = read_findings(question)
        say("writing the report")
        report = write_ablation_report(question, findings, out / REPORT)
        answer = {
            "recommendation": recommendation(findings),
            "sentences": sentences(findings),
            **findings.as_dict(),
            "recipe": question.recipe,
            "signals": {one.name: one.weight for one in question.signals},
            "runs": {
                question.named(count): {arm.name: str(question.folder(count, arm.name)) for arm in question.arms}
                for count in question.labels
            },
            "report": str(report),
        }
        write_whole(out / ANSWER, jsonlib.dumps(answer, indent=2, ensure_ascii=False))
    if json:
        print_json(answer)
        return
    _print(question, findings, answer["sentences"])
    typer.echo(f"\n{answer['recommendation']}\n")
    typer.echo(f"Report: {report}   ({time.monotonic() - began:.0f} s in all)")
    if (arm := recommended(findings)) is not None:
        run_folder = question.folder(findings.levels[-1].labels, arm)
        typer.echo(f"Try:    polysense predict {shlex.quote(str(run_folder))} new_posts.csv")


def read_labels(text: str | None) -> list[int | str] | None:
    """``100,500,all``."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if part != "all" and not (part.isdecimal() and int(part) > 0):
            raise RecipeError(f"--labels {text}: write whole numbers above 0 separated by commas, and all: 100,500,all")
    return [part if part == "all" else int(part) for part in parts]


def _print(question: Ablation, findings: Findings, said: Sequence[str]) -> None:
    kind = "SYNTHETIC posts" if findings.synthetic else findings.data
    several = len(findings.seeds) > 1
    seeds = f"seed{'s' if several else ''} {', '.join(map(str, findings.seeds))}{', mean ± std' if several else ''}"
    typer.echo(f"{question.recipe} on {kind}: {findings.metric} on test, {findings.rows} rows, {seeds}\n")
    rows: list[list[Any]] = []
    for level in findings.levels:
        rows.append([_labels(level), "base", mean_and_std(level.base, 3), None, None, None, None])
        for one in level.effects:
            found = one.comparison
            interval = f"{found.low:+.3f} to {found.high:+.3f}"
            numbers: list[Any] = [f"{found.difference:+.3f}", interval, round(found.p_value, 4), round(one.p_adjusted, 4)]
            rows.append(["", one.arm, mean_and_std(one.scores, 3), *([None] * 4 if level.nothing_learned else numbers)])
        if level.constant is not None:
            rows.append(["", level.constant[0], f"{level.constant[1]:.3f}", None, None, None, None])
        if level.words is not None:
            rows.append(["", "TF-IDF of the texts", f"{level.words:.3f}", None, None, None, None])
    columns = ["labels", "arm", findings.metric, "difference", "95 % interval", "p", "p, Holm"]
    if findings.looked_at == 1:  # nothing is corrected
        columns, rows = columns[:-1], [row[:-1] for row in rows]
        said_of_p = "The difference is to the base: an effect counts as visible where p is below 0.05."
    else:
        said_of_p = (
            f"Differences to the base. {findings.looked_at} of them were looked at: an effect counts as visible where p after "
            "Holm's correction for all of them is below 0.05."
        )
    print_table(columns, rows)
    if findings.looked_at:
        typer.echo(f"\n{said_of_p}")
    _print_own_tasks(findings)
    for sentence in said:
        typer.echo(sentence)
    if findings.note:
        typer.echo(f"Note: {findings.note}.")


def _print_own_tasks(findings: Findings) -> None:
    from polysense.training.ablation.own_task import percent

    rows: list[list[Any]] = []
    several = any(together is not None for level in findings.levels for _, together in level.own_tasks)
    for level in findings.levels:
        for number, (alone, together) in enumerate(level.own_tasks):
            shares = [None if one is None else percent(one.score) for one in (alone, together)][: 1 + several]
            asked = f"{alone.signal}: {alone.task.asks}"
            rows.append(["" if number else _labels(level), asked, *shares, percent(alone.chance), alone.verdict])
    if rows:
        typer.echo("\nDid the signals learn their own tasks? Right answers on validation, in percent, mean over seeds.\n")
        shown = ["alone", "together"] if several else ["right"]
        print_table(["labels", "asked", *shown, "chance", "learned"], rows)
        typer.echo("")


def _labels(level: Level) -> str:
    return f"all {level.labels}" if level.named == "all" else str(level.labels)
