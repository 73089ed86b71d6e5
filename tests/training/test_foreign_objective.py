"""A new training signal costs one file and one recipe, both outside the package."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polysense.cli.main import execute
from polysense.errors import RecipeError
from polysense.inference.predictor import load

OBJECTIVE = '''
from typing import ClassVar

from torch import Tensor, nn

from polysense.objectives.objective import Answering, Look
from polysense.types import Prediction, Representation, Widths
from polysense.views.plain import Plain


class Length(Answering):
    """How many characters has the text? A signal that no paper has."""

    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(self, widths: Widths, *, scale: float = 100.0) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Linear(widths["text"], 1)

    def forward(self, look: Look) -> Tensor:
        shown, seen = look(Plain())
        tokens = shown.batch.parts["text"]["attention_mask"].sum(dim=1)
        return nn.functional.mse_loss(self.head(seen.parts["text"].summary).squeeze(1), tokens / self.scale)

    def answer(self, representation: Representation) -> Prediction:
        if "text" not in representation.parts:
            return Prediction({"length": [None] * len(representation.fused.present)})
        lengths = self.head(representation.parts["text"].summary).squeeze(1) * self.scale
        return Prediction({"length": lengths.tolist()})
'''

RECIPE = """# Classification, and how long the text is.
base: social/posts_concat
objectives:
  length:
    objective: {class_path: my_signals.Length, init_args: {scale: 50.0}}
    weight: 0.5
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the objective and its recipe; what was imported from it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_signals.py").write_text(OBJECTIVE, "utf-8")
    (tmp_path / "lengths.yaml").write_text(RECIPE, "utf-8")
    yield tmp_path
    sys.modules.pop("my_signals", None)


def test_it_trains_by_its_dotted_path_and_is_only_loaded_where_trusted(
    mine: Path, tiny_encoders: list[str], toy_posts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [part for override in tiny_encoders for part in ("--set", override)]
    run = str(mine / "run")
    assert execute(["train", str(mine / "lengths.yaml"), "--data", str(toy_posts), "--out", run, *sets]) == 0
    lines = [json.loads(line) for line in (mine / "run" / "seed-0" / "journal.jsonl").read_text().splitlines()]
    terms = [line["terms"]["length"] for line in lines]
    assert terms[-1] < terms[0]
    assert all(set(line["terms"]) == {"classification", "length"} for line in lines)

    # The recipe beside weights that came from elsewhere: nothing of it may run, not even an import.
    sys.modules.pop("my_signals")
    (mine / "my_signals.py").write_text("raise SystemExit('foreign code was run')", "utf-8")
    with pytest.raises(RecipeError, match=r"'my_signals\.Length' is not part of polysense.*trust_recipe_code=True"):
        load(run)
    for command in (["predict", run, "--text", "hello"], ["evaluate", run, "--data", str(toy_posts)]):
        capsys.readouterr()
        assert execute(command) == 2
        assert "--trust-recipe-code" in capsys.readouterr().err

    (mine / "my_signals.py").write_text(OBJECTIVE, "utf-8")
    monkeypatch.chdir(mine)
    answer = load(run, trust_recipe_code=True).predict("hello")[0]
    assert isinstance(answer["length"], float)
    assert execute(["predict", run, "--text", "hello", "--json", "--trust-recipe-code"]) == 0
    assert json.loads(capsys.readouterr().out)["length"] == pytest.approx(answer["length"])


def test_a_misspelt_argument_of_it_is_named(mine: Path, toy_posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(mine / "lengths.yaml"), "--data", str(toy_posts), "--out", str(mine / "run")]
    assert execute([*arguments, "--set", "objectives.length.objective.scael=3"]) == 2
    said = capsys.readouterr().err
    assert "objectives.length" in said
    assert "Length has no argument 'scael'; did you mean 'scale'" in said
    assert not (mine / "run").exists()


def test_a_class_that_is_no_objective_is_refused(mine: Path, toy_posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / "lengths.yaml").write_text(RECIPE.replace("my_signals.Length", "my_signals.Plain"), "utf-8")
    assert execute(["train", str(mine / "lengths.yaml"), "--data", str(toy_posts), "--out", str(mine / "run")]) == 2
    said = capsys.readouterr().err
    assert "objectives.length" in said
    assert "'my_signals.Plain' is not a" in said
    assert "Traceback" not in said


FAILING = {
    "in the rehearsal": ("        raise ZeroDivisionError('no tokens')\n", 2, "cannot be run with this data"),
    "in training": ("        if self.training:\n            1 / 0\n", 1, "code that the recipe names failed"),
    "in training, through a library": (
        "        if self.training:\n            nn.Linear(3, 3)(shown.batch.parts['text']['input_ids'])\n",
        1,
        "code that the recipe names failed",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_where_it_fails_its_line_is_named(
    mine: Path, tiny_encoders: list[str], toy_posts: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    lines, code, said = FAILING[case]
    mark = "        tokens = "
    source = OBJECTIVE.replace(mark, lines + mark)
    (mine / "my_signals.py").write_text(source, "utf-8")
    wrong = source[: source.index(lines) + len(lines)].count("\n")
    sets = [part for override in tiny_encoders for part in ("--set", override)]
    arguments = ["train", str(mine / "lengths.yaml"), "--data", str(toy_posts), "--out", str(mine / "run"), *sets]
    assert execute(arguments) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert f"my_signals.py:{wrong}, in forward)" in shown
    assert "Traceback" not in shown


def test_a_module_that_cannot_be_imported_names_its_line(
    mine: Path, toy_posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine / "my_signals.py").write_text("x = 1\ny = undefined\n", "utf-8")
    assert execute(["train", str(mine / "lengths.yaml"), "--data", str(toy_posts), "--out", str(mine / "run")]) == 2
    assert "my_signals.py:2, in <module>)" in capsys.readouterr().err
