"""Models on labelled data that they have not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from polysense.data.bad_rows import refuse_or_skip
from polysense.data.corpora.clips import Clips
from polysense.data.corpora.posts import Posts
from polysense.data.corpus import Corpus
from polysense.data.counts import none_of, plural
from polysense.data.damage import Damage
from polysense.data.json_file import read_object
from polysense.data.media import file_digest
from polysense.data.table import Table
from polysense.data.verify import verify
from polysense.errors import DataError, Problem, RecipeError, display
from polysense.evaluation.evaluator import Evaluator, Progress, measured_rows, ways_asked
from polysense.evaluation.one_answer import Answers
from polysense.evaluation.summary import summarise, with_settled
from polysense.inference.predictor import Predictor
from polysense.inference.sources import models
from polysense.progress import bar, say
from polysense.recipe import Recipe
from polysense.recipe.parts import find_evaluator
from polysense.training.aspects import missing_aspects, reads_aspects
from polysense.training.folder import SUMMARY, run_of, seed_of
from polysense.training.run import read_data
from polysense.training.score_rules import unfitting
from polysense.types import Sample

TOLD = 10
"""Rows that lack something are told one by one, the others counted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An evaluator and what it measures on."""

    evaluator: Evaluator
    benchmark: Table | None
    """Sets of its own, which are measured whole; None where it takes a split of whatever data there are."""

    @property
    def name(self) -> str:
        """The evaluator's."""
        return type(self.evaluator).__name__


def plan(evaluators: Sequence[Evaluator], data: Path) -> list[Plan]:
    """What each evaluator measures on, where ``data`` is a table, a corpus folder, or the folder of all data sets.

    Raises:
        DataError: an evaluator has sets of its own, and none is under ``data``, or one is damaged.
    """
    return [Plan(evaluator, evaluator.read(data)) for evaluator in evaluators]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The data, and how they are read."""

    data: Path
    """A table, a corpus folder, or the folder of all data sets."""
    split: str | None = None
    """``test`` by default; where a run's own table has none, the rows that it held out."""
    columns: Mapping[str, str] | None = None
    """Field -> column, where a table's are not as the recipe says."""
    encoding: str | None = None
    """Of a table, likewise."""
    media_root: Path | None = None
    """The folder that pictures may lie in."""
    skip_bad_rows: bool = False
    """Go on without them."""
    damage: Damage | None = None
    """What the rows lose before the models are asked."""
    progress: Progress | None = None
    """Of checking the rows."""


@dataclass(frozen=True, slots=True)
class Question:
    """Rows, and the evaluators that measure on them."""

    evaluators: Sequence[Evaluator] | None
    """None stands for the recipe's own."""
    samples: Sequence[Sample]
    split: str | None
    """Which rows of a table these are; None where a set of the evaluators' own is measured whole."""
    undamaged: Sequence[Sample] | None = None
    """The same rows as they were, where they are damaged."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found."""

    per_seed: list[dict[str, Any]]
    """``{"seed", "metrics"}`` of every seed of a run, or of a single model."""
    split: str | None
    """Which rows were measured; None for sets of the evaluators' own."""
    rows: int
    """Of that split, or of those sets, that were measured."""
    left_out: int
    """More of them, which lack the label or score that answers are compared with."""
    one_answer: list[dict[str, Any]]
    """``{"seed", "answer", "rows"}`` of every seed that answers all rows alike."""
    settings: dict[str, dict[str, Any]]
    """How the models were asked, by the evaluator's name, where there are ways to choose from."""
    undamaged: list[dict[str, Any]] | None = None
    """As ``per_seed``, of the same rows before they were damaged; None where they were not."""


def evaluate(
    source: str | Path | Predictor,
    data: str | Path | Reading,
    *,
    evaluators: Sequence[str | Evaluator] | None = None,
    trust_recipe_code: bool = False,
    pooling: str | None = None,
) -> dict[str, Any]:
    """What ``polysense evaluate SOURCE --data DATA`` measures.

    Args:
        source: a run, all of whose seeds are asked, or a single model: a saved one, a loaded one, a text encoder that another library
            saved, a Hugging Face id, or ``minilm``.
        data: a table, a corpus folder, or the folder of all data sets; a :class:`Reading` says how it is read.
        evaluators: by name, with arguments if any (``"sts"``, ``"retrieval:rerank=20"``), or made; the recipe's own by default.
        trust_recipe_code: run the code outside polysense that the model's recipe names; of no account for a loaded model.
        pooling: read another library's encoder with this one; likewise.

    Returns:
        As ``--json`` prints them: ``metrics`` (means over the seeds), ``std``, ``per_seed``, ``split`` (None where sets of the
        evaluators' own were measured), ``rows``, ``left_out``, ``one_answer``, ``settings``; of damaged rows ``damage``, ``undamaged``.

    Raises:
        DataError: the data cannot be used, or nothing in them can be measured.
        RecipeError: there is no such model or evaluator, or the model cannot do what is measured.
        PolysenseError: the run is not finished.
    """
    reading = as_reading(data)
    made = [find_evaluator(one) if isinstance(one, str) else one for one in evaluators or ()]
    plans = plan(made, reading.data) if made else None
    measured = measure(source, reading, plans=plans, trust_recipe_code=trust_recipe_code, pooling=pooling)
    per_seed = with_settled(measured.per_seed, Path(_name(source)))
    summary = summarise(per_seed, measured.split, measured.rows, measured.left_out)
    summary |= {"one_answer": measured.one_answer, "settings": measured.settings}
    if reading.damage and measured.undamaged is not None:
        before = summarise(measured.undamaged, measured.split, measured.rows)
        undamaged = {name: before[name] for name in ("metrics", "std", "per_seed")}
        summary |= {"damage": reading.damage.as_dict(), "undamaged": undamaged}
    return summary


def as_reading(data: str | Path | Reading) -> Reading:
    """How data are read, where it was not said.

    Raises:
        DataError: they are not there.
    """
    reading = data if isinstance(data, Reading) else Reading(data=Path(data))
    reading = replace(reading, data=Path(reading.data))
    if not reading.data.exists():
        raise DataError(f"there is no file or folder {display(reading.data)}")
    return reading


def _name(source: str | Path | Predictor) -> str:
    """The folder or id; of a model that was never saved, words that are no folder."""
    return (source.source or "this model") if isinstance(source, Predictor) else str(source)


def _predictors(
    source: str | Path | Predictor, *, trust_recipe_code: bool, pooling: str | None
) -> Iterator[tuple[int | None, Predictor]]:
    """Every model behind ``source`` with its seed, one after the other."""
    if isinstance(source, Predictor):
        yield seed_of(Path(_name(source))), source
        return
    for seed, model in models(source):
        yield seed, Predictor.from_pretrained(model, trust_recipe_code=trust_recipe_code, pooling=pooling)


def measure(
    source: str | Path | Predictor,
    reading: Reading,
    *,
    plans: Sequence[Plan] | None = None,
    trust_recipe_code: bool = False,
    pooling: str | None = None,
) -> Measured:
    """Ask every seed of a run, or a single model, about data.

    A file is read as the run read it, where it is the run's own, else as a table of posts or clips; a folder by the recipe's corpora.
    Recordings and films in it are read as :meth:`Predictor.predict` reads them. Evaluators that have sets of their own under the
    data measure these whole.

    Args:
        source: a run, a saved model, a loaded one, a text encoder that another library saved, a Hugging Face id, or ``minilm``.
        reading: of the data.
        plans: what to measure (see :func:`plan`); by default the recipe's evaluators on a split of the data.
        trust_recipe_code: run the code outside polysense that the model's recipe names.
        pooling: read another library's encoder with this one.

    Raises:
        DataError: the data cannot be used, or nothing in them can be measured.
        RecipeError: there is no such model, it names nothing to measure, or an option means nothing for what is measured.
        PolysenseError: the run is not finished.
    """
    refuse_options(reading, plans)
    found, before, alike = [], [], []
    asked: list[Question] = []
    for seed, predictor in _predictors(source, trust_recipe_code=trust_recipe_code, pooling=pooling):
        refuse_unfit(predictor, _name(source), [one.evaluator for one in plans or ()])
        asked = asked or questions(predictor, Path(_name(source)), plans, reading)
        heard = Answers()
        found.append({"seed": seed, "metrics": _metrics(predictor, asked, reading, heard=heard)})
        alike += [{"seed": seed, **one} for one in heard.only()]
        if reading.damage:
            whole = [replace(one, samples=one.undamaged) for one in asked if one.undamaged is not None]
            before.append({"seed": seed, "metrics": _metrics(predictor, whole, reading)})
    told = [one for one in asked if one.split is not None] or asked
    own = [part.build() for part in predictor.recipe.evaluation.evaluators]
    rows = sum(measured_rows(own if one.evaluators is None else one.evaluators, one.samples) for one in told)
    evaluators = [one for question in asked for one in (own if question.evaluators is None else question.evaluators)]
    settings = ways_asked(evaluators, predictor.learner)
    left_out = sum(len(one.samples) for one in told) - rows
    return Measured(found, told[0].split, rows, left_out, alike, settings, before or None)


def refuse_unfit(predictor: Predictor, source: str, evaluators: Sequence[Evaluator]) -> None:
    """Raise where a model cannot do what is to be measured, whatever the rows are.

    Raises:
        RecipeError: names the model, the evaluator and what this needs.
    """
    for one in evaluators:
        if not one.fits(predictor.learner):
            raise RecipeError(f"{source} cannot be measured by {type(one).__name__}, which needs {one.needs}")


def _metrics(
    predictor: Predictor, asked: Sequence[Question], reading: Reading, *, heard: Answers | None = None
) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for one in asked:
        for some in [None] if one.evaluators is None else [[evaluator] for evaluator in one.evaluators]:
            given = predictor.measure(one.samples, evaluators=some, heard=heard)
            if not given:  # one of several, too: what was asked for is not left out in silence
                raise DataError(_nothing(some, one, reading))
            metrics |= given
    return metrics


def refuse_options(reading: Reading, plans: Sequence[Plan] | None) -> None:
    """Raise where an option would do nothing for an evaluator, since it has sets of its own.

    Raises:
        RecipeError: names the option.
    """
    own = " and ".join(one.name for one in plans or () if one.benchmark is not None)
    if own and reading.damage:
        raise RecipeError(f"sets of its own are measured whole, so rows cannot be damaged ({reading.damage}) for {own}")
    if not plans or any(one.benchmark is None for one in plans):
        return
    for option in ("split", "columns", "encoding", "media_root"):
        if getattr(reading, option) is not None:
            names = " and ".join(one.name for one in plans)
            raise RecipeError(f"--{option.replace('_', '-')} has no meaning for {names}: sets of their own are measured whole")


def questions(predictor: Predictor, source: Path, plans: Sequence[Plan] | None, reading: Reading) -> list[Question]:
    """The rows to measure on, each with the evaluators that they are for.

    Raises:
        DataError: the data cannot be used, or hold nothing to measure.
        RecipeError: the model names nothing to measure.
    """
    found: list[Question] = []
    for one in plans or ():
        if one.benchmark is not None:
            table = _usable(one.benchmark, [], reading)
            say(f"{one.name}: {len(table)} rows of {table.name}, whatever their split")
            found.append(Question([one.evaluator], _numbered(table.samples), None))
    others = None if plans is None else [one.evaluator for one in plans if one.benchmark is None]
    if others is None or others:
        _refuse_nothing_to_read(predictor.recipe, str(source), others, reading.data)
        samples, split = _held_rows(predictor, source, reading)
        for name in predictor.modalities:
            if samples and all(getattr(sample, name) is None for sample in samples):
                way = f"--columns {name}=COLUMN names the column that holds it, where the data are a table"
                say(f"{none_of(len(samples))} {name}, which the model was trained with: measured without; {way}")
        if reading.damage:
            found.append(Question(others, reading.damage.of(samples, reads=predictor.modalities), split, samples))
        else:
            found.append(Question(others, samples, split))
    return found


def _refuse_nothing_to_read(recipe: Recipe, source: str, evaluators: Sequence[Evaluator] | None, data: Path) -> None:
    if evaluators is None and not recipe.evaluation.evaluators:
        raise RecipeError(f"{source} does not say what to measure: name it with --evaluator (sts, geometry, transfer, ...)")
    if not recipe.corpora and not data.is_file():
        names = ", ".join(type(one).__name__ for one in evaluators or ()) or source
        raise DataError(f"{display(data)} is no table, and holds no set that {names} can be measured on")


def _held_rows(predictor: Predictor, source: Path, reading: Reading) -> tuple[list[Sample], str]:
    """The rows of a table that are asked for, and which they are.

    Of the run's own table these are the rows that it did not train on: its splits, not splits drawn anew.
    """
    record = read_object(run_of(source) / SUMMARY).get("data", {})
    own = own_table(predictor.recipe, reading, trained_on=record.get("digests", {}))
    table = labelled(predictor.recipe, reading) if own is None else own
    table = _usable(table.read_by(predictor.modalities), predictor.labels, reading, predictor.recipe)
    for line in unfitting(predictor.recipe, table):
        say(line)
    if own is None and table.split_made and dict(table.digests) != record.get("digests"):
        rows = f"all {len(table)} rows are measured, those too" if len(table) != 1 else "its one row is measured, even one"
        say(f"{table.name} has no splits: {rows} that the run may have learned from")
        return _with_frames(predictor, table, table.samples, reading), reading.split or "test"
    split = reading.split or "test"
    if own is not None and reading.split is None and "test" not in table.splits and "validation" in table.splits:
        split = "validation"
        say(f"{table.name} is the run's own table: the {table.splits[split]} rows that it held out for validation are measured")
    samples = table.split(split)
    if split == "train" and table.draws:
        say(f"{table.name}: all {len(samples)} training rows are measured, of which each seed drew those that it trained on")
    return _with_frames(predictor, table, samples, reading), split


def _with_frames(predictor: Predictor, table: Table, samples: Sequence[Sample], reading: Reading) -> list[Sample]:
    """The rows with frames of their recordings and films, made as for :meth:`Predictor.predict`, where the model reads such."""
    if not any(predictor.reads_files_of(sample) for sample in samples):
        return _numbered(samples)
    read = []
    with bar("extracting", "rows") as advance:
        for sample in samples:
            read.append(predictor.extracted(sample))
            advance(len(read), len(samples))
    lacking = [str(problem) for one in read for problem in one.problems if problem.severity == "warning"]
    for line in lacking[:TOLD]:
        say(line)
    if len(lacking) > TOLD:
        say(f"... and {len(lacking) - TOLD} more rows that lack what the model reads")
    whole = replace(table, samples=tuple(one.sample for one in read), problems=(), skipped=())
    problems = [problem for one in read for problem in one.problems]
    return _numbered(_without_bad(whole, problems, reading).samples)


def _usable(table: Table, labels: Sequence[str], reading: Reading, recipe: Recipe | None = None) -> Table:
    """The table without bad rows; with the recipe of a model that reads aspects, rows without one are bad."""
    if recipe is not None and reads_aspects(recipe) and not table.bad:
        table.require(["aspect"])
    problems = verify(table, labels=labels or None, splits=(), progress=reading.progress)
    problems += [] if recipe is None else missing_aspects(recipe, table)
    return _without_bad(table, problems, reading)


def _without_bad(table: Table, problems: Sequence[Problem], reading: Reading) -> Table:
    kept = refuse_or_skip(table, problems, skip_bad_rows=reading.skip_bad_rows)
    if kept.skipped:
        rows = len({(one.file, one.row) for one in kept.skipped})
        say(f"{table.name}: {rows} bad {plural(rows)} left out")
    return kept


def _nothing(evaluators: Sequence[Evaluator] | None, asked: Question, reading: Reading) -> str:
    name, data = "".join(f"{type(one).__name__}: " for one in evaluators or ()), display(reading.data)
    where = f"{name}no row of {data}" if asked.split is None else f"{name}{data}: no row of {asked.split!r}"
    if evaluators is None:
        return f"{where} has targets, or the pairs that are measured"
    needed = "; ".join(f"{type(one).__name__} needs {one.needs}" for one in evaluators)
    return f"{where} can be measured: {needed}"


def own_table(recipe: Recipe, reading: Reading, *, trained_on: Mapping[str, str]) -> Table | None:
    """The file as the corpus reads it that the run read it with; None for another file, for a folder, and for a table of posts.

    A corpus of anybody's files reads the file itself: others may lie beside it.

    Args:
        recipe: of the run.
        reading: of the file.
        trained_on: file -> SHA-256 of what the run was trained on.

    Raises:
        DataError: it is the run's, and cannot be read as it was then.
    """
    file = reading.data
    if not file.is_file() or trained_on.get(file.name) != file_digest(file):
        return None
    parts = [part for part in recipe.corpora if not issubclass(part.kind, Posts)]
    if not parts or len(parts) < len(recipe.corpora):
        return None  # the splits that are drawn for posts are the run's
    faults = []
    for part in parts:
        known = {"path": None, "columns": reading.columns, "encoding": reading.encoding}
        given = {
            name: value for name, value in known.items() if name in part.arguments and (name == "path" or value is not None)
        }
        try:
            corpus: Corpus = replace(part, arguments={**part.arguments, **given}).build()
            home = file if corpus.own_files else file.parent
            table = corpus.read_by(recipe.encoders).candidates(home, media_root=reading.media_root)
        except (DataError, RecipeError) as error:
            faults.append(str(error))
        else:
            if file.name in table.digests:
                return table
    raise DataError(f"{display(file)} was trained on, and cannot be read as it was then: {'; '.join(faults)}")


def labelled(recipe: Recipe, reading: Reading) -> Table:
    """The rows to measure on: of a corpus folder as in training, or of anybody's table, whatever the model was trained on.

    Raises:
        RecipeError: columns or an encoding are named for a corpus, which knows its own.
    """
    data = reading.data
    given: dict[str, Any] = {} if reading.columns is None else {"columns": dict(reading.columns)}
    given |= {} if reading.encoding is None else {"encoding": reading.encoding}
    if data.is_file() and not any(_reads(part.kind, data.name) for part in recipe.corpora):
        return Posts(**given).read_by(recipe.encoders).read(data, media_root=reading.media_root)
    if given:
        for part in recipe.corpora:
            if not given.keys() <= part.arguments.keys():
                raise RecipeError(f"{' and '.join(given)}: for your own tables; the corpus {part.kind.__name__} knows its own")
        parts = (replace(part, arguments={**part.arguments, **given}) for part in recipe.corpora)
        recipe = replace(recipe, corpora=tuple(parts))
    return read_data(recipe, data, media_root=reading.media_root)


def _reads(kind: type, name: str) -> bool:
    """Whether the corpus reads a labelled table of this name."""
    return issubclass(kind, Posts | Clips) or (issubclass(kind, Corpus) and name in kind.layout)


def _numbered(samples: Sequence[Sample]) -> list[Sample]:
    return [replace(sample, index=index) for index, sample in enumerate(samples)]
