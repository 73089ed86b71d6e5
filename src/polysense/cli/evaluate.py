"""``polysense evaluate``: the metrics of a trained run on a split of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polysense.cli.options import Columns, Encoding, Json, MediaRoot, SkipBadRows, TrustRecipeCode, read_split
from polysense.cli.output import print_json, print_table
from polysense.errors import RecipeError
from polysense.progress import bar

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run, one of its seeds, or a saved model.")],
    data: Annotated[
        Path | None, typer.Option(help="A table or folder; by default what the run measured when it was trained.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which split to measure: train, validation or test.")] = "test",
    evaluator: Annotated[
        list[str] | None, typer.Option(help="Measure with this evaluator (retrieval, matching, ...) on --data. Repeatable.")
    ] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    media_root: MediaRoot = None,
    skip_bad_rows: SkipBadRows = False,
    trust_recipe_code: TrustRecipeCode = False,
    json: Json = False,
) -> None:
    """Measure a run: the mean over its seeds, and every seed.

    Without --data, the metrics are those that the run wrote down when it was trained; with --data, the models answer anew.
    A seed's folder or a saved model is measured alone, and its seed is named.
    """
    from polysense.evaluation.summary import summarise

    split = read_split(split)
    if data is None:
        asking = {"--evaluator": evaluator, "--columns": columns, "--encoding": encoding}
        for option in (option for option, value in asking.items() if value):
            raise RecipeError(f"{option} is for asking the models anew: name the table or folder with --data")
        found = _noted(run, split)
    else:
        from polysense.cli.data import read_columns
        from polysense.inference.measure import measure
        from polysense.recipe.parts import find_evaluator

        with bar("measuring", "rows") as advance:
            found = measure(
                run,
                data,
                split=split,
                evaluators=[find_evaluator(name) for name in evaluator] if evaluator else None,
                columns=None if columns is None else read_columns(columns),
                encoding=encoding,
                media_root=media_root,
                skip_bad_rows=skip_bad_rows,
                trust_recipe_code=trust_recipe_code,
                progress=advance,
            )
    summary = summarise(found, split)
    if json:
        print_json(summary)
        return
    _print(summary)


def _noted(run: Path, split: str) -> list[dict[str, Any]]:
    """What a run wrote down of each seed; of a folder with weights, what was written down of them."""
    from polysense.evaluation.summary import stored
    from polysense.training.folder import finished, seed_of

    finished(run)
    seed = seed_of(run)
    return [one for one in stored(run, split) if seed is None or one["seed"] == seed]


def _print(summary: dict[str, Any]) -> None:
    metrics = summary["metrics"]
    spread = summary["std"]
    seeds = [result["seed"] for result in summary["per_seed"]]
    alone = "value" if seeds[0] is None else f"seed {seeds[0]}"
    title = f"mean over seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else alone
    rows = [[name, value, *([spread[name]] if len(seeds) > 1 else [])] for name, value in metrics.items()]
    print_table([summary["split"], title, *(["std"] if len(seeds) > 1 else [])], rows)
