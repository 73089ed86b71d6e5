"""Recipes: every shipped one builds, reads back from what it writes, and says what is wrong with a changed one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import polysense
from polysense.data.collate import Collate
from polysense.data.frames import HeldFrames
from polysense.encoders.encoder import Encoder
from polysense.errors import DataError, RecipeError
from polysense.knowledge import Entry, Knowledge, Pair
from polysense.objectives.classification import Classification
from polysense.recipe import Recipe, list_recipes, load_recipe, read_saved
from polysense.recipe.families import composed, families
from polysense.recipe.files import SHIPPED, dump_yaml, parse_yaml, read_recipe
from polysense.recipe.parts import read_part
from polysense.recipe.recipe import check_recipe
from polysense.types import Batch, Sample, Span

BOTH = "social/posts_concat_both"
[MODELS] = [one.models for one in families(SHIPPED) if one.folder == "social"]


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test imports from its own folder is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


@pytest.fixture
def small(tiny_text: str, tiny_vision: str, networks: Path) -> Any:
    """``small(recipe, *overrides)``: the recipe with the tiny encoders in place of its own."""

    def load(name: str, *overrides: str) -> Recipe:
        raw = read_recipe(name)
        whole = {"Vilt": "vilt", "Lxmert": "lxmert"}.get(raw["fusion"] if isinstance(raw["fusion"], str) else "")
        folders = {"text": str(networks / whole) if whole else tiny_text, "image": tiny_vision}
        if whole == "vilt":
            folders["image"] = str(networks / whole)
        there = [f"encoders.{key}.pretrained={folders[key]}" for key in folders if key in raw["encoders"]]
        if raw["encoders"].get("image", {}).get("class_path") == "SequenceFrames":  # regions from files: a grid stands for them
            there = [one for one in there if not one.startswith("encoders.image")]
            picture = f"{{class_path: VisionImage, init_args: {{pretrained: {tiny_vision}, cells: 4}}}}"
            there += [f"encoders.image={picture}", "fusion.boxes=grid", "fusion.classes=0"]
        if "unimodal" in raw["objectives"]:  # at a row's first visit it has nothing to learn
            there.append("objectives.unimodal.objective.warm_up_weight=0.5")
        if "answers" in raw["objectives"]:
            there.append("objectives.answers.objective.least=1")
        return load_recipe(name, [*there, *overrides])

    return load


def samples() -> list[Sample]:
    labels = ["negative", "neutral", "positive"]
    return [
        Sample(
            id=str(number),
            text=f"a garden of {number} words",
            image=Image.new("RGB", (20, 20), (40 * number, 90, 30)),
            label=labels[number % 3],
            pair=f"in a garden stand {number} words",
            negatives=(f"{number} words outside of gardens",),
            audio=HeldFrames(np.full((number + 1, 5), 0.1 * number, np.float32)),
            video=HeldFrames(np.full((2, 20), -0.1 * number, np.float32)),
            score=0.3 * number - 0.8,
            scores={"text": 0.2 * number - 0.5, "audio": -0.1 * number, "video": 0.4},
            aspect=f"the {number}th word",
            spans=(Span(2, 8, "place"),),
            index=number,
            origin=f"posts.csv, row {number}",
        )
        for number in range(6)
    ]


EVERY = [name for name in list_recipes() if name not in composed(SHIPPED)]
EVERY += [f"social/posts_{model}_both" for model in MODELS if model not in ("text", "image")]
EVERY += ["social/posts_text", "social/mvsa_image", "social/mvsa_concat_itc", "social/mvsa_attention_itm"]


@pytest.mark.parametrize("name", EVERY)
def test_every_shipped_recipe_builds_takes_a_step_and_reads_back(
    name: str, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Knowledge({"words": Entry(1.0, 1)}, {("garden", "words"): Pair(2, 1)}).write(tmp_path / "knowledge")
    monkeypatch.chdir(tmp_path)
    recipe: Recipe = small(name).complete(samples())
    learner = recipe.build(seed=0)
    encoders = {key: learner.model.encoder(key) for key in learner.model.encoders}
    output = learner(**Collate(encoders, learner.preparers, companions=learner.companions)(samples()))
    output["loss"].backward()
    run = {name for name, signal in recipe.objectives.items() if signal.weight}
    turns = [
        {name for name in run if recipe.objectives[name].turn == turn}
        for turn in {one.turn for one in recipe.objectives.values()} - {None}
    ]
    assert all(len(set(output["terms"]) & takers) == 1 for takers in turns)
    assert set(output["terms"]) - set().union(*turns) == run - set().union(*turns)
    assert all(float(term) > 0 for term in output["terms"].values())
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert read_saved(tmp_path) == recipe
    assert read_saved(tmp_path).to_yaml() == recipe.to_yaml()


def test_what_is_written_spells_out_every_default() -> None:
    written = load_recipe(BOTH).written()
    assert written["objectives"]["contrast"] == {
        "objective": {
            "class_path": "ImageTextContrast",
            "init_args": {"shared_width": 512, "initial_temperature": 0.07, "largest_scale": 100.0},
        },
        "weight": 0.1,
    }
    assert written["encoders"]["text"]["init_args"]["pooling"] == "mean"


def test_labels_that_look_like_numbers_survive_saving(small: Any, tmp_path: Path) -> None:
    rows = [Sample(id=label, text="x", label=label) for label in ("08", "1e5", "yes", "2020-01-01", "null")]
    recipe = small(BOTH).complete(rows)
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    found = read_saved(tmp_path).objectives["classification"].part.arguments["labels"]
    assert found == sorted(row.label for row in rows if isinstance(row.label, str))


class TestOverrides:
    def test_values_arrive_in_the_parts(self, small: Any) -> None:
        recipe = small(
            BOTH,
            "objectives.contrast.weight=0.2",
            "objectives.contrast.objective.shared_width=64",
            "encoders.text.pooling=cls",
            "objectives.classification.objective.labels=[b, a]",
            "objectives.classification.objective.class_weights=[1, 2.5]",
            "training.learning_rate=1e-3",
            "corpora.0.label_separator='|'",
        )
        assert recipe.objectives["contrast"].weight == 0.2
        learner = recipe.build(seed=0)
        contrast = learner.objective("contrast")
        assert isinstance(contrast.text, nn.Linear)
        assert contrast.text.out_features == 64
        assert learner.model.encoder("text").pooling == "cls"
        classification = learner.objective("classification")
        assert isinstance(classification, Classification)
        assert classification.labels == ["b", "a"]
        assert classification.class_weights.tolist() == [1.0, 2.5]
        assert recipe.training["learning_rate"] == 1e-3
        assert recipe.corpora[0].build().label_separator == "|"

    def test_an_entry_is_removed(self, small: Any) -> None:
        recipe = small(BOTH, "objectives.contrast=null", "objectives.matching=null")
        assert list(recipe.objectives) == ["classification"]


class TestMistakes:
    @pytest.mark.parametrize(
        ("override", "message"),
        [
            # a misspelt entry, class, argument, key
            ("trainng.seed=1", r"unknown entry 'trainng'; did you mean 'training'\?"),
            (
                "encoders.text=TransformerTxt",
                r"encoders\.text: there is no encoder 'TransformerTxt'; did you mean 'TransformerText'",
            ),
            ("encoders.text=Concatenation", r"encoders\.text: there is no encoder 'Concatenation'; .*valid: .*'VisionImage'"),
            ("fusion=Concat", r"fusion: there is no fusion 'Concat'; did you mean 'Concatenation'\?"),
            ("corpora=[Post]", r"corpora\.0: there is no corpus 'Post'; did you mean 'Posts'\?"),
            (
                "evaluation.evaluators=[ClasificationReport]",
                r"evaluation\.evaluators\.0: there is no .*'ClassificationReport'\?",
            ),
            ("objectives.contrast.objective=ImageTxtContrast", r"objectives\.contrast: there is no .*'ImageTextContrast'\?"),
            (
                "objectives.contrast.objective.shared_widht=5",
                r"objectives\.contrast: ImageTextContrast .*did you mean 'shared_width'",
            ),
            ("objectives.contrast.objective.shared_widht=null", r"has no argument 'shared_widht'; did you mean 'shared_width'"),
            ("objectives.contrast.objective.widths=5", r"objectives\.contrast: ImageTextContrast has no argument 'widths'"),
            ("objectives.contrast.wieght=5", r"objectives\.contrast: unknown key 'wieght'; did you mean 'weight'\?"),
            ("fusion.class_pth=A", r"fusion: Concatenation has no argument 'class_pth'"),
            ("training.learning_rte=1", r"training: there is no argument 'learning_rte'; did you mean 'learning_rate'\?"),
            ("evaluation.bst=accuracy", r"evaluation: Evaluation has no argument 'bst'; did you mean 'best'\?"),
            ("objectives.contrst.weight=1", r"objectives has no entry 'contrst'; did you mean 'contrast'\?"),
            # a wrong type
            (
                "objectives.contrast.objective.shared_width=wide",
                r"objectives\.contrast: .*shared_width must be int, found 'wide'",
            ),
            ("objectives.contrast.objective.shared_width=1.5", r"objectives\.contrast: .*shared_width must be int, found 1\.5"),
            (
                "objectives.contrast.objective.shared_width=true",
                r"objectives\.contrast: .*shared_width must be int, found True",
            ),
            ("objectives.contrast.weight=high", r"objectives\.contrast\.weight: expected a number, found 'high'"),
            ("objectives.contrast.weight=true", r"objectives\.contrast\.weight: expected a number, found True"),
            (
                "objectives.classification.objective.labels=[true, false]",
                r"labels must be list\[str\] \| None, found \[True, False\]",
            ),
            (
                "encoders.text.pooling=max",
                r"encoders\.text: .*pooling: there is no 'max'; .*valid: 'avg', .*'mean'",
            ),
            ("training.learning_rate=fast", r"training\.learning_rate must be float, found 'fast'"),
            ("training.learning_rates=fast", r"training\.learning_rates: write a mapping of module prefixes to numbers"),
            (
                "training.learning_rates={fusion: fast}",
                r"training\.learning_rates: write a mapping of module prefixes to numbers",
            ),
            ("evaluation.patience=often", r"evaluation: .*patience must be int \| None, found 'often'"),
            ("corpora.0.seed=x", r"corpora\.0: Posts: seed must be int, found 'x'"),
            # a wrong shape
            ("training=3", "training: write a mapping of names to values, found 3"),
            ("encoders=3", "encoders: write a mapping of names to values, found 3"),
            ("encoders.text=3", "encoders.text: name a class, or write class_path and init_args"),
            ("objectives.contrast=3", "objectives.contrast: write objective: and weight:, found 3"),
            ("objectives.more={weight: 1}", "objectives.more: write objective: and weight:"),
            ("corpora=Posts", "corpora: write a list"),
            ("evaluation.evaluators=ClassificationReport", "evaluation.evaluators: write a list"),
            ("encoders=null", "the entry 'encoders' is missing"),
            ("fusion=null", "the entry 'fusion' is missing"),
            # what polysense decides itself
            ("training.output_dir=x", r"training\.output_dir: not for recipes; .*--out"),
            ("training.metric_for_best_model=f1", r"training\.metric_for_best_model: not for recipes; write evaluation\.best"),
        ],
    )
    def test_a_mistake_names_entry_key_and_what_is_valid(self, override: str, message: str) -> None:
        with pytest.raises(RecipeError, match=message) as caught:
            load_recipe(BOTH, [override])
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("objectives.matching.objective.dropout=2", r"objectives\.matching: ImageTextMatching: dropout probability"),
            ("objectives.contrast.objective.shared_width=-1", r"objectives\.contrast: ImageTextContrast: .*negative dimension"),
            (
                "objectives.contrast.objective.initial_temperature=0",
                r"objectives\.contrast: ImageTextContrast: initial_temperature: expected a number above 0",
            ),
            ("objectives.contrast.weight=-1", r"objectives\.contrast\.weight: expected a number from 0 up"),
            ("objectives.classification.objective.class_weights=[1]", "one number a class, found 1 for 3 classes"),
            ("encoders.image=null", r"objectives\.contrast: ImageTextContrast needs the modality 'image'"),
            ("encoders.text.pretrained=nobody/nothing", "the text encoder 'nobody/nothing' cannot be loaded"),
        ],
    )
    def test_a_value_of_the_right_type_that_cannot_be_built(self, small: Any, override: str, message: str) -> None:
        with pytest.raises(RecipeError, match=message):
            small(BOTH, override).complete(samples()).build(seed=0)

    def test_data_that_do_not_fit_are_a_data_error(self, small: Any) -> None:
        with pytest.raises(DataError, match=r"posts\.csv, row 0, label: 'negative' is not a class"):
            small(BOTH, "objectives.classification.objective.labels=[a, b]").complete(samples())


class TestSeeds:
    def state(self, recipe: Recipe, seed: int = 0) -> dict[str, torch.Tensor]:
        return recipe.complete(samples()).build(seed=seed).state_dict()

    def test_adding_objectives_changes_the_start_of_no_other_part(self, small: Any) -> None:
        plain, both = self.state(small("social/posts_concat")), self.state(small(BOTH))
        assert set(plain) < set(both)
        assert all(torch.equal(both[name], value) for name, value in plain.items())

    def test_equal_seeds_start_equally_and_others_do_not(self, small: Any) -> None:
        torch.manual_seed(1)
        first = self.state(small(BOTH))
        torch.manual_seed(2)
        again, other = self.state(small(BOTH)), self.state(small(BOTH), seed=1)
        assert all(torch.equal(again[name], value) for name, value in first.items())
        heads = [first[f"objectives.{name}.head.1.weight"] for name in ("classification", "matching")]
        assert not torch.equal(heads[0][:2], heads[1][:2])
        assert not torch.equal(other["model.fusion.mix.weight"], first["model.fusion.mix.weight"])
        assert not torch.equal(
            other["objectives.classification.head.1.weight"], first["objectives.classification.head.1.weight"]
        )

    def test_building_leaves_the_global_random_stream_alone(self, small: Any) -> None:
        stream = torch.random.get_rng_state()
        self.state(small(BOTH))
        assert torch.equal(torch.random.get_rng_state(), stream)


def test_a_saved_run_is_rebuilt_from_its_assets_without_its_first_folders(small: Any, tmp_path: Path) -> None:
    recipe = small(BOTH).complete(samples())
    learner = recipe.build(seed=0)
    for name in learner.model.encoders:
        folder = tmp_path / "encoders" / name
        folder.mkdir(parents=True)
        learner.model.encoder(name).save_assets(folder)
    (tmp_path / "recipe.yaml").write_text(
        recipe.to_yaml().replace(str(recipe.encoders["text"].arguments["pretrained"]), "/gone"), encoding="utf-8"
    )
    rebuilt = read_saved(tmp_path).build(seed=5, assets=tmp_path)
    rebuilt.load_state_dict(learner.state_dict())
    batch = Collate({name: learner.model.encoder(name) for name in learner.model.encoders})(samples())
    first, second = (one.eval().answer(Batch.of(batch))[0].rows() for one in (learner, rebuilt))
    assert first == second


def test_a_folder_without_a_recipe_is_no_saved_model(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is no saved model"):
        read_saved(tmp_path)


OWN_OBJECTIVE = '''
from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from polysense.objectives.objective import Look, Objective
from polysense.types import Widths
from polysense.views.only import Only

Path(__file__).with_name("was-imported").touch()


class Smallness(Objective):
    """Pulls the texts towards a point."""

    reads: ClassVar[frozenset[str]] = frozenset({"text"})

    def __init__(self, widths: Widths, *, power: int = 2) -> None:
        super().__init__()
        self.point = nn.Linear(widths["text"], 1)
        self.power = power

    def forward(self, look: Look) -> Tensor | None:
        _, seen = look(Only("text"))
        return (self.point(seen.parts["text"].summary).abs() ** self.power).mean()


class Unfinished(Objective):
    """Defines nothing."""


def function() -> None:
    """No class."""
'''


@pytest.mark.usefixtures("imports")
class TestOwnClasses:
    """Objectives outside the package, by their dotted path."""

    def own(self, folder: Path, module: str, name: str = "Smallness", arguments: str = "{power: 4}") -> str:
        (folder / f"{module}.py").write_text(OWN_OBJECTIVE, encoding="utf-8")
        recipe = folder / "own.yaml"
        recipe.write_text(
            f"base: {BOTH}\n"
            "objectives:\n"
            f"  small: {{objective: {{class_path: {module}.{name}, init_args: {arguments}}}, weight: 0.1}}\n",
            encoding="utf-8",
        )
        return str(recipe)

    def test_it_is_built_from_the_users_own_recipe(self, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")
        recipe = small(self.own(tmp_path, "my_smallness_a"))
        assert recipe.objectives["small"].part.arguments == {"power": 4}
        assert "class_path: my_smallness_a.Smallness" in recipe.to_yaml()
        with pytest.raises(RecipeError, match=r"objectives\.small: Smallness has no argument 'powr'; did you mean 'power'\?"):
            small(self.own(tmp_path, "my_smallness_a", arguments="{powr: 4}"))

    def test_it_trains_by_its_dotted_path(self, tmp_path: Path, toy_posts: Path, tiny_text: str, tiny_vision: str) -> None:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        overrides = [
            f"encoders.text.pretrained={tiny_text}",
            f"encoders.image.pretrained={tiny_vision}",
            "training.num_train_epochs=1",
            "training.learning_rates=null",
        ]
        summary = polysense.train(
            self.own(folder, "my_smallness_b"), toy_posts, out=tmp_path / "run", seeds=[0], overrides=overrides
        )
        assert 0 <= summary["per_seed"][0]["validation"]["weighted_f1"] <= 1
        with pytest.raises(RecipeError, match="may only name classes of polysense"):
            polysense.load(tmp_path / "run")
        again = polysense.load(tmp_path / "run", trust_recipe_code=True)
        assert "small" in again.learner.active

    def test_a_saved_recipe_may_not_name_it_and_nothing_is_imported(self, small: Any, tmp_path: Path) -> None:
        written = small(self.own(tmp_path, "my_smallness_c")).to_yaml()
        del sys.modules["my_smallness_c"]
        (tmp_path / "was-imported").unlink()
        (tmp_path / "recipe.yaml").write_text(written, encoding="utf-8")
        with pytest.raises(
            RecipeError, match=r"objectives\.small: 'my_smallness_c\.Smallness' is not part of polysense.*trust"
        ):
            read_saved(tmp_path)
        assert "my_smallness_c" not in sys.modules
        assert not (tmp_path / "was-imported").exists()
        assert read_saved(tmp_path, trust_recipe_code=True).objectives["small"].part.kind.__name__ == "Smallness"
        assert (tmp_path / "was-imported").exists()

    @pytest.mark.parametrize(
        "place",
        [
            "encoders.text",
            "fusion",
            "objectives.contrast.objective",
            "corpora",
            "evaluation.evaluators",
            "training.fsdp_config",
            "training.parallelism_config",
            "training.lr_scheduler_kwargs",
            "training.optim",
        ],
    )
    def test_no_place_of_a_saved_recipe_imports_anything(
        self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "my_evil.py").write_text(OWN_OBJECTIVE, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        raw = load_recipe(BOTH).written()
        *parents, last = place.split(".")
        entry: Any = raw
        for key in parents:
            entry = entry[key]
        evil = {"class_path": "my_evil.Smallness", "init_args": {}}
        entry[last] = [evil] if isinstance(entry.get(last), list) else evil
        (tmp_path / "recipe.yaml").write_text(dump_yaml(raw), encoding="utf-8")
        with pytest.raises(
            RecipeError, match=r"'my_evil\.Smallness' is not part of polysense|no argument|a class cannot be named"
        ):
            read_saved(tmp_path)
        assert "my_evil" not in sys.modules
        assert not (tmp_path / "was-imported").exists()

    def test_what_may_be_anything_is_plain_values_and_names_no_code(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "my_evil.py").write_text(OWN_OBJECTIVE, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        evil = {"class_path": "my_evil.Smallness", "init_args": {}}
        raw = load_recipe(BOTH).written()
        frames = {"modality": "audio", "frame_width": 3}
        places = [({"deep": [evil]}, {"name": "a", "parameters": evil}), (evil, evil)]
        for shape, features in places:
            raw["encoders"]["text"]["init_args"]["shape"] = shape
            raw["encoders"]["audio"] = {"class_path": "SequencePooled", "init_args": {**frames, "features": features}}
            (tmp_path / "recipe.yaml").write_text(dump_yaml(raw), encoding="utf-8")
            assert read_saved(tmp_path).encoders["audio"].arguments["features"] == features
            assert "my_evil" not in sys.modules
        for wrong in ("{class_path: my_evil.Smallness}", [evil], {"a": Path("b")}):
            with pytest.raises(RecipeError, match=r"TransformerText\.shape must be a mapping of plain values, or null"):
                read_part(
                    "encoders.text",
                    {"class_path": "TransformerText", "init_args": {"pretrained": "x", "shape": wrong}},
                    Encoder,
                    foreign=None,
                )
        assert not (tmp_path / "was-imported").exists()

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("Smalness", r"'my_smallness_d\.Smalness' cannot be imported"),
            ("function", r"'my_smallness_d\.function' is not a subclass of Objective"),
            ("Path", r"'my_smallness_d\.Path' is not a subclass of Objective"),
            ("Unfinished", r"'my_smallness_d\.Unfinished' does not define forward"),
        ],
    )
    def test_what_is_no_objective_is_said(self, tmp_path: Path, name: str, message: str) -> None:
        with pytest.raises(RecipeError, match=rf"objectives\.small: {message}"):
            load_recipe(self.own(tmp_path, "my_smallness_d", name, "{}"))

    def test_a_module_that_fails_is_said(self, tmp_path: Path) -> None:
        recipe = self.own(tmp_path, "my_smallness_e")
        (tmp_path / "my_smallness_e.py").write_text("def broken(:\n", encoding="utf-8")
        with pytest.raises(RecipeError, match=r"'my_smallness_e\.Smallness' cannot be imported: SyntaxError"):
            load_recipe(recipe)


class TestModalityDropout:
    def test_one_number_is_for_all_and_a_mapping_for_those_it_names(self, small: Any) -> None:
        assert small("social/posts_concat", "modality_dropout=0.2").modality_dropout == {"text": 0.2, "image": 0.2}
        some = small("social/posts_concat", "modality_dropout.text=0.3")
        assert some.modality_dropout == {"text": 0.3, "image": 0.0}
        assert check_recipe("again", parse_yaml(some.to_yaml(), "again"), None).modality_dropout == some.modality_dropout
        assert small("social/posts_concat", "modality_dropout=0").modality_dropout == {}

    def test_it_reaches_the_learner(self, small: Any) -> None:
        recipe = small("social/posts_concat", "modality_dropout=0.2").complete(samples())
        assert recipe.build(seed=0).modality_dropout == {"text": 0.2, "image": 0.2}

    @pytest.mark.parametrize(
        ("name", "override", "message"),
        [
            ("social/posts_concat", "modality_dropout=1", "expected a chance from 0 to below 1, found 1 for text"),
            ("social/posts_concat", "modality_dropout=often", "expected a chance from 0 to below 1, found 'often' for text"),
            ("social/posts_concat", "modality_dropout.txet=0.1", "no encoder for 'txet'; did you mean 'text'"),
            ("social/posts_text", "modality_dropout=0.1", "the fusion reads one modality"),
            ("mcse/mcse", "modality_dropout=0.1", "the fusion reads one modality"),
            ("social/posts_concat_both", "objectives.classification=null", "none of the objectives"),
        ],
    )
    def test_where_it_could_do_nothing_it_is_refused(self, name: str, override: str, message: str) -> None:
        overrides = [override] if override.startswith("modality") else [override, "modality_dropout=0.1"]
        with pytest.raises(RecipeError, match=message):
            load_recipe(name, overrides)


@pytest.mark.parametrize(
    ("best", "greater"), [("MAE", False), ("MAE/text", False), ("Corr", True), ("Corr/audio", True), ("weighted_f1", True)]
)
def test_which_way_is_better_follows_from_the_metric_unless_it_is_written(best: str, greater: bool, tmp_path: Path) -> None:
    written = load_recipe("self_mm/clips", [f"evaluation.best={best}"])
    assert written.evaluation.greater_is_better is greater
    (tmp_path / "again.yaml").write_text(written.to_yaml(), encoding="utf-8")
    assert load_recipe(str(tmp_path / "again.yaml")).evaluation.greater_is_better is greater
    other = load_recipe(
        "self_mm/clips", [f"evaluation.best={best}", f"evaluation.greater_is_better={str(not greater).lower()}"]
    )
    assert other.evaluation.greater_is_better is not greater
