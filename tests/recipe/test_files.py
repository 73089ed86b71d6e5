"""Recipe files: building on each other, overrides, and YAML that reads back as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from polysense.errors import RecipeError
from polysense.recipe import files
from polysense.recipe.families import composed
from polysense.recipe.files import (
    SHIPPED,
    dump_yaml,
    find_recipe,
    list_recipes,
    merge,
    parse_yaml,
    read_recipe,
    show_recipe,
)


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


class TestShipped:
    def test_every_recipe_says_in_a_line_what_it_is(self) -> None:
        recipes = list_recipes()
        assert "social/mvsa_concat_both" in recipes
        assert all(recipes.values())
        assert len(set(recipes.values())) == len(recipes)
        assert not any(Path(name).name.startswith("_") for name in recipes)

    @pytest.mark.parametrize(
        "name", [*(name for name in list_recipes() if name not in composed(SHIPPED)), "social/mvsa_mmbt_itc"]
    )
    def test_it_is_shown_whole_and_reads_back(self, name: str) -> None:
        shown = show_recipe(name)
        assert shown.startswith(f"# {list_recipes()[name]}\n")
        assert parse_yaml(shown, name) == read_recipe(name)
        assert "base" not in yaml.safe_load(shown)

    def test_the_weights_are_those_of_the_paper(self) -> None:
        def weights(name: str) -> dict[str, float]:
            return {key: value["weight"] for key, value in read_recipe(f"social/mvsa_concat{name}")["objectives"].items()}

        assert weights("") == {"classification": 1.0}
        assert weights("_itc") == {"classification": 0.9, "contrast": 0.1}
        assert weights("_itm") == {"classification": 0.9, "matching": 0.1}
        assert weights("_both") == {"classification": 0.8, "contrast": 0.1, "matching": 0.1}

    def test_a_name_that_is_not_there_has_a_nearest_one(self) -> None:
        with pytest.raises(RecipeError, match=r"there is no recipe 'social/mvsa_conct'; did you mean 'social/mvsa_concat'\?"):
            find_recipe("social/mvsa_conct")
        with pytest.raises(RecipeError, match=r"there is no recipe file mine\.yaml"):
            find_recipe("mine.yaml")

    def test_names_do_not_leave_the_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "recipes").mkdir()
        (tmp_path / "outside.yaml").write_text("training: {seed: 1}\n")
        monkeypatch.setattr(files, "SHIPPED", tmp_path / "recipes")
        with pytest.raises(RecipeError, match="there is no recipe"):
            find_recipe("../outside")


class TestBuildingOnOthers:
    def test_a_file_lies_over_a_shipped_recipe(self, tmp_path: Path) -> None:
        name = write(tmp_path, "mine.yaml", "base: social/posts_concat_both\nobjectives: {contrast: {weight: 0.3}}\n")
        mine, base = read_recipe(name), read_recipe("social/posts_concat_both")
        assert mine["objectives"]["contrast"] == {"objective": "ImageTextContrast", "weight": 0.3}
        assert mine["training"] == base["training"]
        assert "base" not in mine

    def test_a_file_lies_over_a_file_beside_it_wherever_the_command_is_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, "deep/base.yaml", "training: {seed: 3, num_train_epochs: 2}\n")
        name = write(tmp_path, "deep/mine.yaml", "base: base.yaml\ntraining: {seed: 4}\n")
        monkeypatch.chdir("/")
        assert read_recipe(name) == {"training": {"seed": 4, "num_train_epochs": 2}}

    def test_several_bases_lie_over_each_other_in_order(self, tmp_path: Path) -> None:
        write(tmp_path, "one.yaml", "training: {seed: 1, num_train_epochs: 1}\n")
        write(tmp_path, "two.yaml", "training: {seed: 2}\n")
        assert read_recipe(write(tmp_path, "mine.yaml", "base: [one.yaml, two.yaml]\n")) == {
            "training": {"seed": 2, "num_train_epochs": 1}
        }

    @pytest.mark.parametrize("back", ["mine.yaml", "../deep/mine.yaml"])
    def test_a_circle_is_refused(self, tmp_path: Path, back: str) -> None:
        name = write(tmp_path, "deep/mine.yaml", "base: other.yaml\n")
        write(tmp_path, "deep/other.yaml", f"base: {back}\n")
        with pytest.raises(RecipeError, match=r"in a circle: .*mine\.yaml -> .*other\.yaml -> .*mine\.yaml"):
            read_recipe(name)

    @pytest.mark.parametrize("base", ["3", "[social/posts_concat, 3]", "{a: b}"])
    def test_a_base_is_a_name_or_several(self, tmp_path: Path, base: str) -> None:
        with pytest.raises(RecipeError, match=r"mine\.yaml, base: write a recipe's name or a list of names"):
            read_recipe(write(tmp_path, "mine.yaml", f"base: {base}\n"))

    def test_a_base_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match=r"there is no recipe file .*gone\.yaml"):
            read_recipe(write(tmp_path, "mine.yaml", "base: gone.yaml\n"))

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("training: [1", "is not valid YAML"),
            pytest.param("training: " + "[" * 5000, "is not valid YAML: maximum recursion depth exceeded", id="deep"),
            ("training: {seed: 0b_}", "is not valid YAML"),
            ("- a list", "must hold a mapping"),
            ("", "must hold a mapping"),
        ],
    )
    def test_a_malformed_file_is_named(self, tmp_path: Path, text: str, reason: str) -> None:
        with pytest.raises(RecipeError, match=rf"mine\.yaml {reason}"):
            read_recipe(write(tmp_path, "mine.yaml", text))

    def test_a_file_that_is_no_text_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(RecipeError, match=r"mine\.yaml cannot be read"):
            read_recipe(str(tmp_path / "mine.yaml"))

    def test_yaml_runs_no_code(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match="is not valid YAML"):
            read_recipe(write(tmp_path, "mine.yaml", "training: !!python/object/apply:os.getcwd []\n"))


class TestMerge:
    @pytest.mark.parametrize(
        ("base", "overlay", "merged"),
        [
            ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}}, {"a": 1, "b": {"c": 4, "d": 3}}),
            ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
            ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
            ({"a": 1}, {"gone": None}, {"a": 1}),
            ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
            (
                {"x": {"class_path": "A", "init_args": {"p": 1}}},
                {"x": {"class_path": "B"}},
                {"x": {"class_path": "B"}},
            ),
            (
                {"x": {"class_path": "A", "init_args": {"p": 1}}},
                {"x": {"class_path": "A", "init_args": {"q": 2}}},
                {"x": {"class_path": "A", "init_args": {"p": 1, "q": 2}}},
            ),
            (
                {"x": {"class_path": "A", "init_args": {"p": 1}}},
                {"x": {"init_args": {"p": 2}}},
                {"x": {"class_path": "A", "init_args": {"p": 2}}},
            ),
            ({"x": "A"}, {"x": {"init_args": {"p": 2}}}, {"x": {"class_path": "A", "init_args": {"p": 2}}}),
            ({"x": {"class_path": "A"}}, {"x": "B"}, {"x": "B"}),
        ],
    )
    def test_overlay_on_base(self, base: dict[str, Any], overlay: dict[str, Any], merged: dict[str, Any]) -> None:
        assert merge(base, overlay) == merged

    def test_neither_is_changed(self) -> None:
        base, overlay = {"a": {"b": 1}}, {"a": {"c": 2}}
        merge(base, overlay)
        assert (base, overlay) == ({"a": {"b": 1}}, {"a": {"c": 2}})


class TestOverrides:
    def value(self, override: str, *path: str, recipe: str = "social/posts_concat_both") -> Any:
        found: Any = read_recipe(recipe, [override])
        for key in path:
            found = found[int(key)] if isinstance(found, list) else found[key]
        return found

    @pytest.mark.parametrize(
        ("override", "path", "expected"),
        [
            ("objectives.contrast.weight=0.2", ("objectives", "contrast", "weight"), 0.2),
            (
                "objectives.contrast.objective.shared_width=64",
                ("objectives", "contrast", "objective"),
                {"class_path": "ImageTextContrast", "init_args": {"shared_width": 64}},
            ),
            (
                "objectives.contrast.objective.init_args.shared_width=64",
                ("objectives", "contrast", "objective"),
                {"class_path": "ImageTextContrast", "init_args": {"shared_width": 64}},
            ),
            ("encoders.text.pooling=cls", ("encoders", "text", "init_args", "pooling"), "cls"),
            ("encoders.image.class_path=Other", ("encoders", "image", "class_path"), "Other"),
            ("fusion.width=12", ("fusion",), {"class_path": "Concatenation", "init_args": {"width": 12}}),
            ("fusion=CrossAttention", ("fusion",), "CrossAttention"),
            ("corpora.0.seed=5", ("corpora",), [{"class_path": "Posts", "init_args": {"seed": 5}}]),
            ("corpora.0=MvsaSingle", ("corpora",), ["MvsaSingle"]),
            ("corpora.0=", ("corpora",), []),
            ("corpora=[MvsaSingle]", ("corpora",), ["MvsaSingle"]),
            ("training.learning_rate=3e-4", ("training", "learning_rate"), 3e-4),
            ("training.learning_rates={fusion: 1e-3}", ("training", "learning_rates"), {"fusion": 1e-3}),
            ("training.weight_decay=.02", ("training", "weight_decay"), 0.02),
            ("evaluation.best=a=b", ("evaluation", "best"), "a=b"),
            (
                "objectives.classification.objective.labels=[b, a]",
                ("objectives", "classification", "objective", "init_args", "labels"),
                ["b", "a"],
            ),
        ],
    )
    def test_one_value_is_replaced(self, override: str, path: tuple[str, ...], expected: Any) -> None:
        assert self.value(override, *path) == expected

    def test_overrides_are_applied_in_order(self) -> None:
        raw = read_recipe("social/posts_concat", ["training.seed=1", "training.seed=2"])
        assert raw["training"]["seed"] == 2

    def test_null_removes_an_entry(self) -> None:
        raw = read_recipe("social/posts_concat_both", ["encoders.image=null", "objectives.contrast=", "training.seed=null"])
        assert list(raw["encoders"]) == ["text"]
        assert list(raw["objectives"]) == ["classification", "matching"]
        assert "seed" not in raw["training"]

    def test_null_is_a_value_among_the_arguments_of_a_part(self, tmp_path: Path) -> None:
        """``captions_per_image`` is 1 where nobody says anything, and null keeps all."""
        base = (
            "corpora: [{class_path: Flickr8k, init_args: {pairs: 3}}]\nfusion: {class_path: Mmbt, init_args: {boxes: grid}}\n"
        )
        name = write(tmp_path, "mine.yaml", base)
        [corpus] = read_recipe(name, ["corpora.0.captions_per_image=null", "corpora.0.init_args.pairs=null"])["corpora"]
        assert corpus["init_args"] == {"pairs": None, "captions_per_image": None}
        over = write(tmp_path, "over.yaml", "base: mine.yaml\nfusion: {init_args: {boxes: null}}\n")
        assert read_recipe(over)["fusion"]["init_args"] == {"boxes": None}

    def test_whose_turn_it_is_can_be_set(self) -> None:
        overrides = ["objectives.language.turn=null", "objectives.writing.turn=other"]
        found = read_recipe("unimo/pretrain_pairs", overrides)["objectives"]
        assert "turn" not in found["language"]
        assert found["writing"]["turn"] == "other"
        assert "turn" not in found["writing"]["objective"]["init_args"]

    def test_an_objective_written_by_its_bare_name_takes_a_weight(self, tmp_path: Path) -> None:
        name = write(tmp_path, "mine.yaml", "objectives: {contrast: ImageTextContrast}\n")
        assert read_recipe(name, ["objectives.contrast.weight=0.2"])["objectives"]["contrast"] == {
            "objective": "ImageTextContrast",
            "weight": 0.2,
        }
        over = write(tmp_path, "over.yaml", "base: mine.yaml\nobjectives: {contrast: {weight: 0.3}}\n")
        assert read_recipe(over)["objectives"]["contrast"] == {"objective": "ImageTextContrast", "weight": 0.3}

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("objectives.contrst.weight=1", r"objectives has no entry 'contrst'; did you mean 'contrast'\?"),
            ("encoders.txt.pooling=cls", r"encoders has no entry 'txt'; did you mean 'text'\?"),
            ("corpora.7.seed=1", "corpora has no entry '7'"),
            ("corpora.1=MvsaSingle", "corpora has no entry '1'; valid: 0 to 0"),
            ("training.seed.deep=1", r"training\.seed has no entries"),
            ("objectives.contrast.weight", r"write it as key\.to\.value=new"),
            ("training=[1", "the value is not valid YAML"),
            pytest.param("training=" + "[" * 5000, "the value is not valid YAML", id="deep"),
        ],
    )
    def test_a_place_that_is_not_there_is_named(self, override: str, message: str) -> None:
        with pytest.raises(RecipeError, match=f"--set.*{message}"):
            self.value(override)


class TestYaml:
    @pytest.mark.parametrize(
        "value",
        [
            *[
                "08",
                "1e5",
                "1.",
                ".5",
                "+3",
                "-",
                "1",
                "yes",
                "null",
                "~",
                "2020-01-01",
                "",
                " a",
                "a: b",
                "#1",
                "é 🙂",
                "1_000",
            ],
            *[5e-5, 1e-12, 3, 0.1, True, None, float("inf")],
        ],
    )
    def test_every_value_reads_back_as_it_was(self, value: Any) -> None:
        assert parse_yaml(dump_yaml({"labels": [value]}), "") == {"labels": [value]}

    def test_numbers_without_a_point_are_numbers(self) -> None:
        assert parse_yaml("a: 5e-5\nb: 1E3\nc: -2e-1\nd: 5\n", "") == {"a": 5e-5, "b": 1000.0, "c": -0.2, "d": 5}
        assert isinstance(parse_yaml("d: 5", "")["d"], int)

    def test_dates_are_texts(self) -> None:
        assert parse_yaml("a: 2020-01-01", "") == {"a": "2020-01-01"}


def test_yes_and_no_are_words_and_true_and_false_are_not() -> None:
    assert files.parse_yaml("{labels: [yes, no, on, off, y, n], smooth: true, late: False}", "x") == {
        "labels": ["yes", "no", "on", "off", "y", "n"],
        "smooth": True,
        "late": False,
    }


def test_an_override_reaches_the_arguments_of_an_objective_by_its_name() -> None:
    short = read_recipe("social/mvsa_concat_both", ["objectives.contrast.shared_width=64", "objectives.contrast.weight=0.3"])
    long = read_recipe(
        "social/mvsa_concat_both", ["objectives.contrast.objective.shared_width=64", "objectives.contrast.weight=0.3"]
    )
    assert short == long
    assert short["objectives"]["contrast"]["weight"] == 0.3
    assert short["objectives"]["contrast"]["objective"]["init_args"] == {"shared_width": 64}
