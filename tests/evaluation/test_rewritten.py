"""Own captions against rewritten ones: the shares in loops, which rewrites are asked about, ties, models without scores."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from made_colours import COLOURS, posts, recipe_of
from polysense.data.collate import Collate
from polysense.errors import DataError, RecipeError
from polysense.evaluation.evaluator import Answerer
from polysense.evaluation.rewritten import Rewritten
from polysense.knowledge.rewriting import Caption, Rewrite, Rewrites
from polysense.knowledge.rewriting.control import Told, control_record
from polysense.types import Sample


def captions() -> list[Sample]:
    return [*posts(6), Sample(id="no picture", text="a red box")]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    names, entries = list(COLOURS), []
    for row, post in enumerate(posts(6)):
        caption = Caption.of(post)
        entries += [(caption, Rewrite(f"a {other} box", "word", names[row], other)) for other in names if other != names[row]]
        entries += [(caption, Rewrite(f"see {names[row]}", "positive", by="caption"))]
        if row:
            entries += [(caption, Rewrite("see a", "sentence", by="x"))]
    Rewrites.from_entries(entries).write(tmp_path / "table")
    return tmp_path / "table"


def answerer_of(networks: Path, *objectives: str, fusion: str = "SingleStream") -> Answerer:
    learner = recipe_of(fusion, networks, {name: name for name in objectives}).build(seed=0).eval()
    return Answerer(learner, Collate({name: learner.model.encoder(name) for name in learner.model.encoders}))


def test_shares_are_those_counted_one_by_one(networks: Path, table: Path) -> None:
    answerer = answerer_of(networks, "CrossModalContrast")
    found = Rewritten(str(table), per_level=7)(answerer, captions())
    learner, head = answerer.learner, answerer.learner.objective("CrossModalContrast")

    def scores(text: str, sample: Sample) -> tuple[float, float]:
        batch = answerer.batch([Sample(id="0", text=text, image=sample.image)])
        with torch.no_grad():
            seen = learner.model(batch)
            towers = [head.project(name, seen.parts[name].summary)[0] for name in ("text", "image")]
            return float(head.judge(seen)[0]), float(towers[0] @ towers[1])

    for level in ("word", "sentence"):
        above: list[list[bool]] = []
        for sample in posts(6):
            own = scores(str(sample.text), sample)
            rewrites = [one.text for one in Rewrites.read(table).of(str(sample.text), sample.id) if one.level == level]
            above += [[mine > other for mine, other in zip(own, scores(text, sample), strict=True)] for text in rewrites]
        joint, towers = torch.tensor(above).float().mean(dim=0).tolist()
        assert found[f"above_{level}"] == pytest.approx(joint)
        assert found[f"above_{level}_towers"] == pytest.approx(towers)
        assert found[f"pairs_{level}"] == len(above)
    judged = {f"above_{level}{kind}" for level in ("word", "sentence") for kind in ("", "_towers")}
    assert set(found) == judged | {"pairs_word", "pairs_sentence"}


def test_what_a_model_has_is_measured(networks: Path, table: Path) -> None:
    assert set(Rewritten(str(table))(answerer_of(networks, "ImageTextMatching", fusion="Mmbt"), captions())) == {
        "above_word",
        "above_sentence",
        "pairs_word",
        "pairs_sentence",
    }
    assert Rewritten(str(table))(answerer_of(networks, "MaskedLanguage"), captions()) == {}
    assert Rewritten(str(table))(answerer_of(networks, "CrossModalContrast"), captions()[6:]) == {}


def test_the_control_of_the_table_stands_beside(networks: Path, table: Path, tmp_path: Path) -> None:
    made = Rewrites.read(table)
    few = Told(None, None, None, 3, 2)
    control = {"word": Told(0.625, 0.5, 0.75, 40, 20), "positive": Told(0.5, 0.4, 0.6, 40, 20), "sentence": few, "phrase": few}
    Rewrites(made.table, {"control": control_record(control)}).write(tmp_path / "told")
    answerer = answerer_of(networks, "CrossModalContrast")
    found = Rewritten(str(tmp_path / "told"))(answerer, captions())
    assert found == {**Rewritten(str(table))(answerer, captions()), "control_word": 0.625}


def test_equal_scores_count_against_the_model(networks: Path, table: Path) -> None:
    answerer = answerer_of(networks, "CrossModalContrast")
    with torch.no_grad():
        for layer in ("text", "image"):
            getattr(answerer.learner.objective("CrossModalContrast"), layer).weight.zero_()
    found = Rewritten(str(table))(answerer, captions())
    assert {value for name, value in found.items() if name.startswith("above_")} == {0.0}


def test_what_is_refused(networks: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="per_level"):
        Rewritten("x", per_level=0)
    with pytest.raises(DataError, match="polysense rewrite"):
        Rewritten(str(tmp_path))(answerer_of(networks, "CrossModalContrast"), captions())
