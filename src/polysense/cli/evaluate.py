"""``polysense evaluate``: the metrics of a trained run on a split of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from polysense.cli.output import print_json, print_table, progress
from polysense.errors import RecipeError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run, one of its seeds, or a saved model.")],
    data: Annotated[
        Path | None, typer.Option(help="A table or folder; by default what the run measured when it was trained.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which split to measure.")] = "test",
    evaluator: Annotated[
        list[str] | None, typer.Option(help="Measure with this evaluator (retrieval, matching, ...) on --data. Repeatable.")
    ] = None,
    media_root: Annotated[
        Path | None, typer.Option(help="The folder in which pictures may lie; the table's own by default.")
    ] = None,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Measure without them, and list them.")] = False,
    trust_recipe_code: Annotated[
        bool, typer.Option("--trust-recipe-code", help="Run the code outside polysense that the model's recipe names.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print metrics as JSON: means, and every seed.")] = False,
) -> None:
    """Measure a run: the mean over its seeds, and every seed.

    Without --data, the metrics are those that the run wrote down when it was trained; with --data, the models answer anew.
    """
    from polysense.evaluation.summary import stored, summarise

    if data is None:
        if evaluator:
            raise RecipeError("--evaluator asks the models anew: name the table or folder with --data")
        found = stored(run, split)
    else:
        from polysense.inference.measure import measure
        from polysense.recipe.parts import find_evaluator

        with progress("measuring", "rows") as advance:
            found = measure(
                run,
                data,
                split=split,
                evaluators=[find_evaluator(name) for name in evaluator] if evaluator else None,
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


def _print(summary: dict[str, Any]) -> None:
    metrics = summary["metrics"]
    spread = summary["std"]
    seeds = [result["seed"] for result in summary["per_seed"]]
    title = f"mean over seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else "value"
    rows = [[name, value, *([spread[name]] if len(seeds) > 1 else [])] for name, value in metrics.items()]
    print_table([summary["split"], title, *(["std"] if len(seeds) > 1 else [])], rows)
