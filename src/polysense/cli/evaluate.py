"""``polysense evaluate``: the metrics of a model on data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from polysense.cli.options import (
    Columns,
    Encoding,
    Json,
    MediaRoot,
    Pooling,
    SkipBadRows,
    TrustRecipeCode,
    read_columns,
    read_split,
)
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.data.counts import plural
from polysense.errors import RecipeError
from polysense.evaluation.settled import in_words
from polysense.progress import short_bar

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SHOWN = 5
"""Seeds up to so many are shown apart, not only as their mean and standard deviation."""


@app.command()
def evaluate(
    run: Annotated[
        str,
        typer.Argument(
            help="A run, one of its seeds, a saved model, another library's text encoder, a Hugging Face id, or minilm."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="A table, a data set's folder, or the folder of all data sets; by default what the run measured."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The split to measure: train, validation, test; by default test, or what the run was scored on."),
    ] = None,
    evaluator: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure with this evaluator on --data: sts, geometry, transfer, retrieval, matching, captioning ... "
            "with arguments, if any, behind a colon: retrieval:rerank=20. Repeatable."
        ),
    ] = None,
    details: Annotated[
        bool,
        typer.Option(
            "--details", help="Of sts also subsets, Pearson and numbers of pairs; of geometry also the batched values."
        ),
    ] = False,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="Measure without a modality (text, image, audio, video), as if every row lacked it. Repeatable."),
    ] = None,
    drop_frames: Annotated[
        float, typer.Option(help="Measure with this share of the frames of sound and film lost: their numbers become 0.")
    ] = 0.0,
    frame_noise: Annotated[
        float,
        typer.Option(help="Measure with noise on the frames, in standard deviations of each of their numbers."),
    ] = 0.0,
    pooling: Pooling = None,
    columns: Columns = None,
    encoding: Encoding = None,
    media_root: MediaRoot = None,
    skip_bad_rows: SkipBadRows = False,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Measure a model: of a run the mean over its seeds, and every seed.

    Without --data, the metrics are those that the run wrote down when it was trained; with --data, the models answer anew.
    A seed's folder or a saved model is measured alone, and its seed is named.

    Evaluators with sets of their own under --data (sts, geometry, transfer, retrieval) measure these whole, whatever their split.

    --drop, --drop-frames and --frame-noise damage the rows of --data first: how much of a model's score is left when a microphone
    or a camera fails? What it is without the damage stands beside.
    """
    from polysense.data.damage import Damage
    from polysense.evaluation.collapse import collapsed
    from polysense.evaluation.one_answer import in_a_line, who

    split = None if split is None else read_split(split)
    damage = Damage(drop=tuple(dict.fromkeys(drop or ())), frames=drop_frames, noise=frame_noise)
    if data is None:
        from polysense.data.rows import split_name
        from polysense.evaluation.summary import noted_settings, summarise, with_settled
        from polysense.training.folder import run_of
        from polysense.training.predictions import answered_alike

        asking: dict[str, object] = {
            "--evaluator": evaluator,
            "--columns": columns,
            "--encoding": encoding,
            "--pooling": pooling,
            "--details": details,
            "--media-root": media_root,
            "--skip-bad-rows": skip_bad_rows,
            "--trust-recipe-code": trust_recipe_code,
        }
        asking |= {"--drop": drop, "--drop-frames": drop_frames, "--frame-noise": frame_noise}
        for option in (option for option, value in asking.items() if value):
            raise RecipeError(f"{option} is for asking the models anew: name the table or folder with --data")
        split, found, rows, left_out = _noted(run, split)
        summary = summarise(with_settled(found, Path(run)), split, rows, left_out)
        home, seeds = run_of(Path(run)), [one["seed"] for one in found]
        summary |= {"one_answer": answered_alike(home, seeds, split_name(split)), "settings": noted_settings(Path(run))}
    else:
        refuse_missing(run, data)
        from polysense.inference.measure import Reading
        from polysense.inference.measure import evaluate as measured
        from polysense.recipe.parts import find_evaluator

        if details and not evaluator:
            raise RecipeError("--details is what evaluators add: name them with --evaluator")
        made = [find_evaluator(name, details=details) for name in evaluator or ()]
        with short_bar("checking rows", "rows") as advance:
            reading = Reading(
                data=data,
                split=split,
                columns=None if columns is None else read_columns(columns),
                encoding=encoding,
                media_root=media_root,
                skip_bad_rows=skip_bad_rows,
                damage=damage or None,
                progress=advance,
            )
            summary = measured(run, reading, evaluators=made, trust_recipe_code=trust_recipe_code, pooling=pooling)
    for one in summary["one_answer"]:
        typer.echo(f"Warning: {in_a_line(one)}", err=True)
    for result in summary["per_seed"]:
        if said := collapsed(result["metrics"]):
            typer.echo(f"Warning: {who(result['seed'])} {said}", err=True)
    if json:
        print_json({**summary["metrics"], **summary} if evaluator else summary)
        return
    _print(summary, str(damage))


def _noted(run: str, split: str | None) -> tuple[str, list[dict[str, Any]], int | None, int]:
    """The split that was asked for, or that the run was scored on, and what :func:`stored` gives of it.

    Of a folder with weights it is what was written down of them.
    """
    from polysense.evaluation.summary import stored
    from polysense.inference.sources import is_elsewhere
    from polysense.training.folder import finished, seed_of
    from polysense.training.rival import scored_split

    if is_elsewhere(run):
        raise RecipeError(
            f"{run} was not trained here, so no metrics of it are written down: name what to measure it on, "
            f"polysense evaluate {run} --data DATA --evaluator sts"
        )
    folder = Path(run)
    split = split or scored_split(finished(folder))
    seed = seed_of(folder)
    found, rows, left_out = stored(folder, split)
    return split, [one for one in found if seed is None or one["seed"] == seed], rows, left_out


def _counted(name: str, value: Any) -> Any:
    """A number of rows or pairs without decimals."""
    counts = name in ("rows", "support") or name.startswith("pairs_")
    return int(value) if counts and value is not None and value == int(value) else value


def _print_parts(columns: Mapping[str, Mapping[str, Any]]) -> None:
    """A row a class, modality or role, and a column a metric of it."""
    for title, metrics in columns.items():
        names = [name.partition("/") for name in metrics if "/" in name]
        kinds, parts = list(dict.fromkeys(kind for kind, _, _ in names)), dict.fromkeys(part for _, _, part in names)
        rows = [[part, *(_counted(kind, metrics.get(f"{kind}/{part}")) for kind in kinds)] for part in parts]
        typer.echo("")
        print_table([title, *kinds], rows)


def _print(summary: dict[str, Any], damage: str) -> None:
    metrics = summary["metrics"]
    spread = summary["std"]
    seeds = [result["seed"] for result in summary["per_seed"]]
    alone = "value" if seeds[0] is None else f"seed {seeds[0]}"
    title = f"mean over seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else alone
    columns = {title: metrics} | ({"std": spread} if len(seeds) > 1 else {})
    columns |= {"undamaged": summary["undamaged"]["metrics"]} if damage else {}
    columns |= {f"seed {result['seed']}": result["metrics"] for result in summary["per_seed"] if 1 < len(seeds) <= SHOWN}
    whole = [name for name in metrics if "/" not in name]
    rows = [[name, *(_counted(name, column[name]) for column in columns.values())] for name in whole]
    print_table([summary["split"] or "metric", *columns], rows)
    if "ece" in metrics:
        typer.echo("ece is the expected calibration error: the mean gap of probability and accuracy; less is better")
    if len(whole) < len(metrics):
        _print_parts({title: columns[title] for title in (title, "undamaged") if title in columns})
    if summary["rows"] is not None:
        typer.echo(f"{summary['rows']:,} {plural(summary['rows'])}{damage and f', {damage}'}")
    for result in summary["per_seed"]:
        for name, settled in result.get("settled", {}).items():
            typer.echo(f"{name}, seed {result['seed']}: {in_words(settled)}")
    for name, how in summary.get("settings", {}).items():
        typer.echo(f"{name}: {', '.join(f'{key} {value}' for key, value in how.items())}")
    if summary["left_out"]:
        has = "has" if summary["left_out"] == 1 else "have"
        typer.echo(f"{summary['left_out']:,} more {has} no label, and {has} no part in the metrics")
