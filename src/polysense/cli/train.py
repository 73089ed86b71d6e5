"""``polysense train``: a recipe and data in, a run out."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from polysense.cli.fitting import hinting
from polysense.cli.left_behind import telling_what_is_left
from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows, read_columns
from polysense.cli.output import print_json, print_table
from polysense.errors import DataError, RecipeError
from polysense.metrics.spread import mean_and_std
from polysense.progress import say
from polysense.training.processes import first, together

app = typer.Typer(rich_markup_mode=None, add_completion=False)


TABLE = "new_posts.csv"
"""Of the user's, with the columns that the run's own table has."""


@app.command()
@together()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (`polysense recipes list`) or a YAML file.")],
    data: Annotated[Path, typer.Option(help="The table, or the folder of the data set.")],
    out: Annotated[Path, typer.Option(help="The run's folder.")],
    seeds: Annotated[str | None, typer.Option(help="One training a seed: 0,1,2. The recipe's own seed by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override one value: objectives.contrast.weight=0.2. Repeatable.")
    ] = None,
    knowledge: Annotated[
        Path | None,
        typer.Option(
            help="What `polysense mine` wrote, or a lexicon, for all objectives of the recipe that hide by knowledge."
        ),
    ] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run in --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Throw away the run in --out.")] = False,
    skip_bad_rows: SkipBadRows = False,
    media_root: MediaRoot = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run frozen encoders at every step.")] = False,
    json: Json = False,
) -> None:
    """Train a recipe on data, once a seed; keep the weights that are best on validation, score test once, write a report."""
    from polysense.recipe.files import read_recipe

    chosen, overrides = read_seeds(seeds), all_overrides(set_, columns, encoding)
    read_recipe(recipe, overrides)  # so that a wrong name is told before torch is loaded
    if knowledge is not None:
        overrides += knowledge_overrides(recipe, overrides, knowledge)
    if not data.exists():
        raise DataError(f"--data {data}: there is no such file or folder")
    if out.exists() and not out.is_dir():
        raise DataError(f"--out {out}: this is a file, a run is a folder")

    from polysense.report import write_report
    from polysense.training.run import train as run_training

    with telling_what_is_left(out, overwrite=overwrite), hinting(recipe, data, overrides):
        summary = run_training(
            recipe,
            data,
            out=out,
            seeds=chosen,
            overrides=overrides,
            resume=resume,
            overwrite=overwrite,
            skip_bad_rows=skip_bad_rows,
            media_root=media_root,
            use_cache=not no_cache,
        )
    if not first():  # one of several processes
        return
    say("writing the report")
    report = write_report(out)
    if json:
        print_json(summary)
        return
    from polysense.evaluation.collapse import collapsed
    from polysense.evaluation.one_answer import in_a_line
    from polysense.training.folder import why_chosen
    from polysense.training.predictions import answered_alike
    from polysense.training.rival import scored_split

    split = scored_split(summary)
    _print_scores(summary, split)
    for result in summary["per_seed"]:
        if lost := lost_by_training(summary, result):
            typer.echo(f"Warning: {lost}", err=True)
        if said := collapsed(result[split]):
            typer.echo(f"Warning: seed {result['seed']} {said}", err=True)
    for one in answered_alike(out, [result["seed"] for result in summary["per_seed"]], split):
        typer.echo(f"Warning: {in_a_line(one)}; train longer or on more rows", err=True)
    typer.echo("")
    if len(summary["per_seed"]) > 1:
        typer.echo(f"Seed {summary['best_seed']} is {why_chosen(summary)} and answers for the run.")
    typer.echo(f"Report: {report}")
    typer.echo(f"Try:    polysense {_use(summary, out)}")


def _use(summary: Mapping[str, Any], out: Path) -> str:
    """A command that shows what the run can do."""
    from polysense.training.card import ALIGNING, written_target

    objectives = [signal["objective"]["class_path"] for signal in summary["recipe"]["objectives"].values()]
    encoders = summary["recipe"]["encoders"]
    pictured = encoders.get("image", {}).get("class_path")
    regions, vectors = pictured == "SequenceFrames", pictured == "StoredFeatures"  # a cell names the former, nothing the latter
    if (target := written_target(summary["recipe"]["objectives"])) is not None:
        shown = TABLE if regions else "picture.jpg"
        return f"caption {out} {shown}" if target == "text" else f'generate {out} "what a lovely day"'
    if "SpanTagging" in objectives:
        return f'predict {out} --text "what a lovely day"'
    if "WordPolarity" in objectives or "SentimentWord" in objectives:
        return f"train RECIPE --data DATA --out OTHER --set encoders.text.pretrained={out}"
    if not summary["labels"] and ALIGNING & set(objectives) and "SentenceContrast" not in objectives and not vectors:
        return f'search {out} {TABLE if regions else "pictures/"} --text "a dog in the snow"'
    if not summary["labels"] and not {"Regression", "SoftAnswers"} & set(objectives):
        return f"encode {out} sentences.txt --out vectors.npy"
    if regions or not {"text", "image"} & set(encoders):
        return f"predict {out} {TABLE}"
    arguments = [encoder.get("init_args", {}) for encoder in encoders.values()]
    shown = ' --aspect "day"' if any(one.get("aspect") for one in arguments) else ""
    shown += ' --beside "a day at the sea"' if any(one.get("beside") for one in arguments) else ""
    shown += " --image picture.jpg" if "image" in encoders and not vectors else ""
    said = ' --text "what a lovely day"' if "text" in encoders else ""
    return f"predict {out}{said}{shown}"


def _print_scores(summary: Mapping[str, Any], split: str) -> None:
    """A row a seed, one for the encoder before training, and one for the answer that takes no model."""
    from polysense.data.counts import Counts
    from polysense.metrics.names import lower_is_better
    from polysense.training.card import start_scores
    from polysense.training.rival import floors, outdone

    data = summary["data"]
    labelled = data["labelled"][split]
    typer.echo(f"{summary['name']} on {data['name']}, {split}: {Counts(labelled, data['splits'][split] - labelled)}")
    if changed := [word for before, word in pairwise(summary["command"]) if before == "--set"]:
        typer.echo(f"With {', '.join(changed)}")
    names = [name for name in summary["per_seed"][0][split] if "/" not in name and name != "rows"]
    rows = [[f"seed {result['seed']}", *(result[split][name] for name in names)] for result in summary["per_seed"]]
    if len(rows) > 1:
        rows.append(["mean ± std", *(mean_and_std([row[place] for row in rows]) for place in range(1, len(names) + 1))])
    if begun := start_scores(summary, split):
        rows.append(["before training", *(fmean(begun[name]) if name in begun else None for name in names)])
    beaten, lower = floors(summary), [name for name in names if lower_is_better(name)]
    rows += [[name, *(floor.get(metric) for metric in names)] for name, floor in beaten.items()]
    print_table(["", *names], rows)
    if lower:
        typer.echo(f"Of {', '.join(lower)} less is better.")
    if beaten:
        typer.echo("The last lines take no model, or the words alone: what a model must beat.")
    for said in outdone(summary):
        typer.echo(said)


def lost_by_training(summary: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """That a seed is worse on validation than the encoder was before training, by the metric that chose its weights; else nothing."""
    metric = summary["best_metric"]
    before, after = result.get("start", {}).get("validation", {}).get(metric), result["validation"].get(metric)
    if before is None or after is None or (after >= before if summary["greater_is_better"] else after <= before):
        return ""
    return (
        f"seed {result['seed']} is worse on validation than the encoder was before training ({metric} {after:.4f}, "
        f"before {before:.4f}): train on more rows, or more gently"
    )


def knowledge_overrides(recipe: str, overrides: Sequence[str], folder: Path) -> list[str]:
    """What names the knowledge to every objective of a recipe that reads some.

    Raises:
        RecipeError: none does.
    """
    from inspect import signature

    from polysense.recipe import load_recipe

    found = load_recipe(recipe, overrides).objectives
    reading = [name for name, one in found.items() if "knowledge" in signature(one.part.kind).parameters]
    if not reading:
        kinds = ", ".join(one.part.kind.__name__ for one in found.values())
        raise RecipeError(
            f"--knowledge: no objective of {recipe} reads any ({kinds}); SentimentWord, WordPolarity and AspectPair do"
        )
    return [f"objectives.{name}.objective.knowledge={folder}" for name in reading]


def all_overrides(set_: Sequence[str] | None, columns: str | None, encoding: str | None) -> list[str]:
    """What ``--set`` asks for, then what the table's options do: they are for the corpus that was set, where one was."""
    return [*(set_ or ()), *table_overrides(columns, encoding)]


def table_overrides(columns: str | None, encoding: str | None = None) -> list[str]:
    """``text=tweet,label=y`` and the table's encoding as overrides of a recipe's first corpus."""
    given = {"columns": read_columns(columns) if columns else None, "encoding": encoding}
    return [f"corpora.0.{name}={jsonlib.dumps(value)}" for name, value in given.items() if value]


def read_seeds(text: str | None) -> list[int] | None:
    """``0,1,2`` as numbers."""
    if text is None:
        return None
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise RecipeError(f"--seeds {text}: write whole numbers separated by commas, like 0,1,2") from None
    if any(seed < 0 for seed in seeds):
        raise RecipeError(f"--seeds {text}: seeds are 0 or above")
    return seeds
