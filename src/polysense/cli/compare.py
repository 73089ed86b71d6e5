"""``polysense compare``: does one run score higher than another, and by how much?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polysense.cli.options import Columns, MediaRoot, TrustRecipeCode, read_columns, read_split
from polysense.cli.output import print_json, print_table
from polysense.cli.paths import refuse_missing
from polysense.errors import DataError, RecipeError, choices
from polysense.progress import short_bar

if TYPE_CHECKING:
    from polysense.evaluation.evaluator import Comparable
    from polysense.training.compared import Comparison

app = typer.Typer(rich_markup_mode=None, add_completion=False)

MAIN = ("avg", "avg_present", "STS-B test", "text_to_image_R@1")
"""What stands for an evaluator's metrics, the first that there is."""


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="The run to compare with; with --evaluator also any other model: minilm.")],
    other: Annotated[str, typer.Argument(help="The run that may be better.")],
    split: Annotated[str | None, typer.Option(help="The split whose predictions are compared: test by default.")] = None,
    metric: Annotated[str | None, typer.Option(help="One metric; the usual ones where it is not given.")] = None,
    by: Annotated[
        str | None,
        typer.Option(help="A column of the predictions: compare within each of its values too (target: by the true class)."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    evaluator: Annotated[
        str | None,
        typer.Option(help="Of embeddings, which leave no predictions: ask both models about --data. sts, retrieval."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="With --evaluator: the folder of all data sets, or a table that neither was trained on.")
    ] = None,
    columns: Columns = None,
    media_root: MediaRoot = None,
    trust_recipe_code: TrustRecipeCode = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the comparison by the one metric, or the main one, as JSON.")
    ] = False,
) -> None:
    """Compare two runs, paired over seeds and test rows: the difference OTHER - BASE with its 95 % interval."""
    if evaluator is None:
        asking = {"--data": data, "--columns": columns, "--media-root": media_root, "--trust-recipe-code": trust_recipe_code}
        for option in (option for option, value in asking.items() if value):
            raise RecipeError(f"{option} is for asking the models anew: name what to ask with --evaluator (sts, retrieval)")
        main, found = _by_predictions(Path(base), Path(other), split, metric, by, resamples, seed)
    else:
        if data is None:
            raise RecipeError("--evaluator: name what to ask about with --data, the folder of all data sets or a table")
        if by is not None:
            raise RecipeError("--by is for predictions, which --evaluator does not read")
        refuse_missing(base, other, data)
        from polysense.inference.measure import Reading
        from polysense.inference.model_comparison import compare_models

        asked = _comparable(evaluator, metric)
        with short_bar("checking rows", "rows") as advance:
            reading = Reading(
                data=data,
                split=None if split is None else read_split(split),
                columns=None if columns is None else read_columns(columns),
                media_root=media_root,
                progress=advance,
            )
            found = compare_models(
                base,
                other,
                asked,
                reading,
                metrics=None if metric is None else [metric],
                resamples=resamples,
                seed=seed,
                trust_recipe_code=trust_recipe_code,
            )
        main = next(found[name] for name in (*MAIN, *found) if name in found)
    if json:
        each = {} if evaluator is None else {"metrics": {name: one.as_dict() for name, one in found.items()}}
        print_json({"runs": {"base": base, "other": other}} | main.as_dict() | each)
        return
    _print(found, units=main.units)
    if main.groups:
        shown = next(iter(main.groups.values())).metric
        recall = ", the recall of each class" if by == "target" and shown == "accuracy" else ""
        typer.echo(f"\n{shown} by {by}{recall}:")
        _print(main.groups, units=main.units)
    typer.echo("")
    for one in [main] if evaluator is None else found.values():
        typer.echo(one.in_words(base=Path(base).name, other=Path(other).name))
    if main.note:
        typer.echo(f"Note: {main.note}.")


def _by_predictions(
    base: Path, other: Path, split: str | None, metric: str | None, by: str | None, resamples: int, seed: int
) -> tuple[Comparison, dict[str, Comparison]]:
    """The comparison by the one metric, or the main one, and by all that are shown."""
    from polysense.training.comparison import compare as compared
    from polysense.training.comparison import compare_each
    from polysense.training.folder import finished

    for run in (base, other):
        finished(run)
    if not any(list(run.glob("seed-*/predictions")) for run in (base, other)):
        raise RecipeError(
            "these runs embed and predict nothing: name what to ask both, "
            f"`polysense compare {base} {other} --evaluator sts --data DATA` (or retrieval, captioning, summarizing on a table)"
        )
    name = _read_split(split or "test", base, other)
    main = compared(base, other, split=name, metric=metric, resamples=resamples, seed=seed, by=by)
    if metric is not None:
        return main, {main.metric: main}
    return main, {main.metric: main} | compare_each(base, other, split=name, resamples=resamples, seed=seed)


def _comparable(name: str, metric: str | None) -> Comparable[Any]:
    """An evaluator that models are compared by; of STS, where one set is asked for, of that set alone."""
    from polysense.evaluation.sts import DEVELOPMENT, TEST_SETS, Sts
    from polysense.inference.model_comparison import comparable

    found = comparable(name)
    if isinstance(found, Sts) and metric in (DEVELOPMENT, *TEST_SETS):
        return Sts(tasks=[metric])
    return found


def _read_split(text: str, *runs: Path) -> str:
    """The predictions that are meant, by the name of their files; ``dev.text`` is ``validation.text``.

    Raises:
        RecipeError: neither run has such predictions; names those that there are.
    """
    from polysense.data.rows import split_name

    split, *modality = text.split(".")
    with suppress(DataError):
        split = split_name(split)
    name = ".".join((split, *modality))
    there = {file.stem for run in runs for file in run.glob("seed-*/predictions/*.jsonl")}
    if there and name not in there:
        raise RecipeError(f"--split: the runs have no predictions of {text!r}; {choices(text, there)}")
    return name


def _print(found: Mapping[str, Comparison], *, units: str) -> None:
    columns = ("", "base", "other", "difference", "95 % interval", "p", units)
    print_table(
        columns,
        [(name, one.base, one.other, f"{one.difference:+.4f}", *_interval_and_p(one), one.rows) for name, one in found.items()],
    )


def _interval_and_p(found: Comparison) -> tuple[str, float | None]:
    """Empty where there are too few rows."""
    if not found.has_interval:
        return "", None
    return f"{found.low:+.4f} to {found.high:+.4f}", found.p_value
