"""What the README and the docs show is true: their commands run, their code runs, their names exist, their links lead somewhere.

Each page is worked through from top to bottom in a folder of its own that holds what a reader is supposed to have (``furnish``).
What is other than for a reader, so that it takes seconds: where a recipe names an encoder, a tiny random one is put in its place,
every training takes one epoch (``small``), of the seeds on a command line the first is trained (``one_seed``), and ``train`` draws
no report (``report`` does).

Marks in the pages: a second word after the language of a fenced block names the file that the block is written to;
``of:module`` names the module that a block outlines; ``# exit code 3`` after a command says what it ends with.
"""

from __future__ import annotations

import ast
import csv
import importlib
import io
import itertools
import json
import pickle
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_benchmarks import write_sts_benchmark
from made_reviews import english_reviews

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
PARSED_ONLY = ("quickstart", "ablate", "tune")
"""Commands that are checked and not run, because they take minutes; tests/cli runs them."""


# Reading a page


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    language: str
    mark: str
    body: str


def blocks(page: Path) -> list[Block]:
    found = []
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), start=1))
    for number, line in lines:
        if line.startswith("```"):
            language, _, mark = line[3:].strip().partition(" ")
            body = itertools.takewhile(lambda pair: not pair[1].startswith("```"), lines)
            text = "".join(f"{inner}\n" for _, inner in body)
            found.append(Block(str(page.relative_to(ROOT)), number, language, mark, text))
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(block: Block) -> Iterator[tuple[list[str], int]]:
    """The command lines of a block as words, and the exit code each is said to end with."""
    for line in block.body.replace("\\\n", " ").splitlines():
        said = re.search(r"#.*exit code (\d+)", line)
        if words := shlex.split(line, comments=True):
            yield words, int(said[1]) if said else 0


# What a reader is supposed to have


def small(tiny_text: str, tiny_vision: str) -> Callable[..., dict[str, Any]]:
    """``read_recipe`` with tiny encoders and one epoch."""
    from polysense.recipe.files import read_recipe

    def read(name: str, overrides: Any = ()) -> dict[str, Any]:
        raw = read_recipe(name, overrides)
        for modality, folder in (("text", tiny_text), ("image", tiny_vision)):
            if modality in raw.get("encoders", {}):
                raw["encoders"][modality].setdefault("init_args", {})["pretrained"] = folder
        raw.setdefault("training", {})["num_train_epochs"] = 1
        return raw

    return read


def one_seed() -> Callable[[str | None], list[int] | None]:
    """``read_seeds`` that keeps the first."""
    from polysense.cli.train import read_seeds

    def read(text: str | None) -> list[int] | None:
        seeds = read_seeds(text)
        return seeds and seeds[:1]

    return read


@pytest.fixture(scope="module")
def furnished(
    tmp_path_factory: pytest.TempPathFactory, toy_posts: Path, takes: Path, tiny_text: str, tiny_vision: str
) -> Iterator[Path]:
    """A folder as the pages take it for granted; trainings stay small while the module's tests run."""
    folder = tmp_path_factory.mktemp("furnished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polysense.recipe.recipe.read_recipe", small(tiny_text, tiny_vision))
        patch.setattr("polysense.cli.train.read_seeds", one_seed())
        patch.chdir(folder)
        furnish(folder, toy_posts, takes)
        yield folder


def furnish(folder: Path, toy_posts: Path, takes: Path) -> None:
    from polysense import train

    rows = list(csv.DictReader((toy_posts / "posts.csv").read_text("utf-8").splitlines()))
    plain = [{name: row[name] for name in ("id", "text", "image", "label", "split", "conflict")} for row in rows]
    shutil.copytree(toy_posts / "images", folder / "images")
    shutil.copy(toy_posts / rows[0]["image"], folder / "rain.jpg")
    write(folder / "posts.csv", plain)
    write(folder / "new_posts.csv", [{"text": row["text"], "image": row["image"]} for row in rows[:5]])
    write(folder / "tweets.csv", [{"tweet": row["text"], "image": row["image"], "sentiment": row["label"]} for row in rows])
    write(folder / "unsplit.csv", [{"text": row["text"], "image": row["image"], "label": row["label"]} for row in rows])
    moods = [{**row, "label": f"{row['text_label']}|{row['image_label']}"} for row in rows]
    write(folder / "moods.csv", moods)
    write(folder / "captions.csv", [{"text": row["text"], "image": row["image"]} for row in rows[:24]])
    write(folder / "split_captions.csv", [{name: row[name] for name in ("text", "image", "split")} for row in rows])
    articles = [{"text": row["text"], "pair": " ".join(row["text"].split()[:3]), "split": row["split"]} for row in rows]
    write(folder / "articles.csv", articles)
    lost = {"id": "lost", "text": "x", "image": "images/lost.jpg", "label": "neutral", "split": "train", "conflict": ""}
    write(folder / "broken.csv", [*plain, lost])
    write(folder / "latin.csv", [{**row, "text": f"{row['text']} café"} for row in plain], encoding="latin-1")
    write(folder / "semicolons.csv", plain, delimiter=";")
    (folder / "table").mkdir()
    write(folder / "table/posts.csv", [{**row, "image": Path(row["image"]).name} for row in plain])
    shutil.copytree(folder / "images", folder / "pictures")
    mvsa = folder / "DATA/mvsa_single"
    shutil.copytree(folder / "images", mvsa / "images")
    names = {"split_clmlf": "split", "split_course": "split"}
    mvsa_rows = [{**row, "image": Path(row["image"]).name} | {new: row[old] for new, old in names.items()} for row in plain]
    write(mvsa / "mvsa_single.csv", [{key: value for key, value in row.items() if key != "split"} for row in mvsa_rows])
    write_sts_benchmark(folder / "DATA")
    sentences = [f"{row['text']} on day {number}" for number, row in enumerate(rows * 5)]
    reviews = [f"{review} Seen on day {number}." for number, review in enumerate(english_reviews() * 3)]
    (folder / "films").mkdir()
    for number, name in enumerate(("ann1.mp4", "ann2.mp4", "cem1.mp4", "new.mp4")):
        shutil.copy(takes / f"{number}.mp4", folder / "films" / name)
    shutil.copy(takes / "voice.wav", folder / "films/bea1.wav")
    (folder / "mosi.pkl").write_bytes(pickle.dumps(made_mmsa()))
    (folder / "reviews.txt").write_text("\n".join(reviews), "utf-8")
    (folder / "sentences.txt").write_text("\n".join(sentences), "utf-8")
    for name, recipe in (("base", "social/posts_concat"), ("both", "social/posts_concat_both")):
        train(recipe, "posts.csv", out=f"runs/{name}", seeds=[0, 1])


def made_mmsa() -> dict[str, Any]:
    """Nine made clips in the layout of MMSA's files."""
    draw = np.random.default_rng(0)
    return {
        split: {
            "id": [f"{split}$_${row}" for row in range(rows)],
            "raw_text": [f"words {row}" for row in range(rows)],
            "audio": draw.standard_normal((rows, 6, 5)).astype(np.float32),
            "audio_lengths": [1 + row for row in range(rows)],
            "vision": draw.standard_normal((rows, 8, 20)).astype(np.float32),
            "vision_lengths": [8 - row for row in range(rows)],
            "regression_labels": np.linspace(-3, 3, rows),
        }
        for split, rows in (("train", 5), ("valid", 2), ("test", 2))
    }


def write(path: Path, rows: list[dict[str, str]], *, encoding: str = "utf-8", delimiter: str = ",") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(rows)


@pytest.fixture
def place(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the furnished folder, as the current one; modules that a page writes are forgotten afterwards."""
    here = tmp_path / "here"
    shutil.copytree(furnished, here)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield here
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(here)):
            del sys.modules[name]


# Working through the pages


@pytest.mark.filterwarnings("ignore:.* gives no score of .* alone")  # the trainings are cut short here
@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_shows_runs(name: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    page = ROOT / name
    names: dict[str, Any] = {}
    made: set[str] = set()
    for block in blocks(page):
        if block.mark and not block.mark.startswith("of:"):
            Path(block.mark).write_text(block.body, "utf-8")
        elif block.language == "python" and not block.mark:
            exec(compile("\n" * block.line + block.body, block.page, "exec"), names)
        elif block.language == "sh":
            for words, code in commands(block):
                shown, found = follow(words, made, monkeypatch, capsys)
                assert found == code, f"{name}, block in line {block.line}: {' '.join(words)}\n{shown}"


def follow(words: list[str], made: set[str], monkeypatch: pytest.MonkeyPatch, capsys) -> tuple[str, int]:
    """Run one line; what it printed, and its exit code."""
    from polysense.cli.main import execute

    target = None
    if ">" in words:
        words, target = words[: words.index(">")], words[words.index(">") + 1]
    if words[0] == "echo":
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{words[1]}\n"))
        words = words[words.index("|") + 1 :]
    if words[0] == "torchrun":  # one process here
        words = words[words.index("polysense") :]
    if words[0] != "polysense":
        return "", 0 if is_sound(words) else 2
    if words[1] in PARSED_ONLY:
        parsed(words)
        return "", 0
    if words[1] == "train" and not {"--resume", "--overwrite"} & set(words):
        out = words[words.index("--out") + 1]
        if out not in made:  # a run that the folder came with stands for one that the page makes here
            shutil.rmtree(out, ignore_errors=True)
        made.add(out)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        if words[1] == "train":
            patch.setattr("polysense.report.write_report", lambda run: Path(run) / "report.html")
        code = execute(words[1:])
    printed = capsys.readouterr()
    if target is not None:
        Path(target).write_text(printed.out, "utf-8")
        assert printed.out
    return printed.out + printed.err, code


def is_sound(words: list[str]) -> bool:
    """Whether a line that is not run names things that exist: make targets, extras, scripts."""
    match words:
        case ["make", target]:
            return re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE) is not None
        case ["pip", "install", "torch"]:
            return True
        case ["pip", "install", what]:
            extra = re.fullmatch(r"(?:\.|polysense)\[(\w+)\]", what)
            project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
            return extra is not None and extra[1] in project["optional-dependencies"]
        case ["python", script, *_]:
            options = [word for word in words if word.startswith("--")]
            return (ROOT / script).is_file() and all(option in (ROOT / script).read_text("utf-8") for option in options)
    return False


def parsed(words: list[str]) -> None:
    """Read the options of a command without running it; an unknown one raises."""
    command = importlib.import_module(f"polysense.cli.{words[1]}").app
    from typer.main import get_command

    get_command(command).make_context(words[1], list(words[2:]))


def test_an_unknown_line_or_option_would_be_noticed(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    assert not is_sound(["make", "coffee"])
    assert not is_sound(["pip", "install", ".[online]"])
    assert not is_sound(["python", "benchmarks/none.py"])
    assert follow(["rm", "-rf", "runs"], set(), monkeypatch, capsys)[1] == 2
    assert follow(["polysense", "doctor", "--jsn"], set(), monkeypatch, capsys)[1] == 2
    with pytest.raises(Exception, match="--dat"):
        parsed(["polysense", "quickstart", "--dat", "x"])


# What the pages name


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        if re.match(r"https?:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings are linked."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", NAMES)
def test_recipes_and_options_that_are_named_exist(name: str) -> None:
    from polysense.recipe import list_recipes

    text = (ROOT / name).read_text("utf-8")
    shipped = set(list_recipes())
    assert set(re.findall(r"\b(?:social|quickstart|mcse|self_mm|msa)/[a-z]+_?[a-z_]*\b(?![./])", prose(ROOT / name))) <= shipped
    options = {option for known in options_of_commands().values() for option in known}
    assert set(re.findall(r"`(--[a-z][a-z0-9-]+)", text)) <= {*options, "--version", "--help"}


@pytest.mark.parametrize("name", NAMES)
def test_yaml_and_json_and_tables_can_be_read(name: str, place: Path) -> None:
    from polysense.data.rows import FIELDS
    from polysense.recipe import load_recipe

    every = blocks(ROOT / name)
    for block in every:
        if block.mark and not block.mark.startswith("of:"):
            Path(block.mark).write_text(block.body, "utf-8")
    for block in every:
        if block.language == "yaml":
            file = Path(block.mark or "shown.yaml")
            file.write_text(block.body, "utf-8")
            assert load_recipe(str(file)).objectives
        elif block.language == "json":
            json.loads(block.body)
        elif block.language == "csv":
            header, *rows = csv.reader(io.StringIO(block.body))
            assert set(header) <= set(FIELDS)
            assert {len(row) for row in rows} == {len(header)}
        else:
            assert block.language in {"sh", "python", "text"}, f"{name}, line {block.line}"


@pytest.mark.parametrize("name", NAMES)
def test_files_and_symbols_that_are_named_exist(name: str) -> None:
    for file, symbol in re.findall(r"`([\w/]+\.py)(?::([\w.]+))?`", prose(ROOT / name)):
        if file.startswith("tests/"):
            assert (ROOT / file).is_file(), file
            continue
        assert (ROOT / "src/polysense" / file).is_file(), file
        found: Any = importlib.import_module(f"polysense.{file.removesuffix('.py').replace('/', '.')}")
        for part in filter(None, symbol.split(".")):
            found = getattr(found, part)


@pytest.mark.parametrize("name", NAMES)
def test_folders_that_are_named_exist(name: str) -> None:
    for folder in re.findall(
        r"`((?:src|tests|benchmarks|docs|report|metrics)/[\w/]*)`", prose(ROOT / name).partition("## 9.")[0]
    ):
        assert (ROOT / folder).is_dir() or (ROOT / "src/polysense" / folder).is_dir(), folder


@pytest.mark.parametrize(
    "block", [block for page in PAGES for block in blocks(page) if block.mark.startswith("of:")], ids=lambda block: block.page
)
def test_an_outline_follows_the_code(block: Block) -> None:
    module = importlib.import_module(block.mark.removeprefix("of:"))
    classes = [node for node in ast.parse(block.body).body if isinstance(node, ast.ClassDef)]
    assert classes
    for shown in classes:
        real = getattr(module, shown.name)
        for node in shown.body:
            if isinstance(node, ast.AnnAssign):
                assert isinstance(node.target, ast.Name)
                assert node.target.id in real.__annotations__
            elif isinstance(node, ast.FunctionDef):
                code = getattr(real, node.name)
                code = getattr(code, "__func__", code).__code__
                assert [one.arg for one in node.args.args] == list(code.co_varnames[: code.co_argcount])


# What the reference says


def sections(page: Path) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def first_cells(text: str) -> list[str]:
    """The code in the first column of the tables."""
    rows = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def options_of_commands() -> dict[str, set[str]]:
    """``data verify`` -> its options."""
    from typer.main import get_command

    from polysense.cli.main import COMMANDS

    found = {}
    for name in COMMANDS:
        command: Any = get_command(importlib.import_module(f"polysense.cli.{name}").app)
        parts = {f"{name} {inner}": one for inner, one in command.commands.items()} if hasattr(command, "commands") else {}
        for path, one in (parts or {name: command}).items():
            found[path] = {option for parameter in one.params for option in (*parameter.opts, *parameter.secondary_opts)}
            found[path] = {option for option in found[path] if option.startswith("--")} - {"--help"}
    return found


def test_the_command_line_page_has_every_command_and_option() -> None:
    shown = {
        re.sub(r" \[?[A-Z]+\]?", "", title.removeprefix("polysense ")): set(first_cells(text))
        for title, text in sections(ROOT / "docs/reference/command-line.md").items()
        if title.startswith("polysense ")
    }
    assert shown == options_of_commands()


def test_the_errors_page_has_the_exit_codes() -> None:
    from polysense import errors
    from polysense.cli.main import INTERRUPTED

    text = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    codes = {int(code): line for code, line in re.findall(r"^\| (\d+) \| (.+)$", text, re.MULTILINE)}
    for kind in (errors.PolysenseError, errors.RecipeError, errors.DataError):
        assert f"`polysense.errors.{kind.__name__}`" in codes[kind.exit_code]
    assert set(codes) == {0, 1, 2, 3, INTERRUPTED}


def test_the_table_page_has_every_column() -> None:
    from polysense.data.corpora import all_corpora
    from polysense.data.rows import FIELDS

    found = sections(ROOT / "docs/reference/table.md")
    assert tuple(first_cells(found["Columns"])) == FIELDS
    assert set(first_cells(found["Corpora"])) == set(all_corpora())


def test_the_recipes_page_has_every_entry() -> None:
    from polysense.recipe.recipe import ENTRIES

    found = sections(ROOT / "docs/how-to/recipes.md")["The entries"]
    assert set(first_cells(found)) == {"base", *ENTRIES}


def test_the_files_page_has_every_file_and_key_of_a_run(furnished: Path) -> None:
    from polysense.report import write_report

    run = furnished / "runs/both"
    write_report(run)
    text = (ROOT / "docs/reference/files-of-a-run.md").read_text("utf-8")
    shown = set(first_cells(text.partition("## run.json")[0]))
    others = {
        "seed-<n>/predictions/test.without_<modality>.jsonl",
        "seed-<n>/last/…",
        "seed-<n>/examples.json",
    }  # runs of three modalities, of embeddings
    assert {generic(path.relative_to(run)) for path in run.rglob("*") if path.is_file()} == shown - others
    record = json.loads((run / "run.json").read_text("utf-8"))
    found = sections(ROOT / "docs/reference/files-of-a-run.md")
    assert set(first_cells(found["run.json"])) == set(record)
    for heading, file in (("A line of journal.jsonl", "journal.jsonl"), ("A line of predictions", "predictions/test.jsonl")):
        line = json.loads((run / "seed-0" / file).read_text("utf-8").partition("\n")[0])
        assert set(line) <= set(re.findall(r"`(\w+)`", found[heading])), heading


def generic(path: Path) -> str:
    """A file of a run as the page writes it."""
    name = re.sub(r"^seed-\d+", "seed-<n>", path.as_posix())
    name = re.sub(r"/encoders/\w+/.+", "/encoders/<modality>/…", name)
    return re.sub(r"/test\.\w+\.jsonl", "/test.<modality>.jsonl", name)
