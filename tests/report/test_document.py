from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from made_runs import make_run, write_lines
from polysense.errors import DataError, RecipeError
from polysense.report import write_report
from polysense.report.units import signed
from polysense.training.comparison import compare

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """Checks that elements are closed in order, and gathers what a test asks about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source, self.open, self.ids, self.tags, self.sections = text, [], [], [], []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"]] if values.get("id") else []
        self.sections += [values["id"]] if tag == "section" else []
        self.links += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report(run: Path, **options: Any) -> Page:
    return Page(write_report(run, **options).read_text(encoding="utf-8"))


def edit_rows(run: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change every row of every predictions file."""
    for path in run.glob("seed-*/predictions/*.jsonl"):
        write_lines(path, [change(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()])


def edit_record(run: Path, **changes: Any) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(record | changes), encoding="utf-8")


def test_a_whole_report(run: Path, tmp_path: Path) -> None:
    page = report(run, against=[make_run(tmp_path / "base", noise=1)])
    assert page.sections == ["result", "modalities", "classes", "calibration", "training", "conflicts", "worst", "origin"]
    assert "both minus base" in page.source
    assert "Against “base”, " in page.source
    assert [name for name in page.ids if page.ids.count(name) > 1] == []


def moods(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"extra": {"mood": "<u>calm & $x_1$" if row["id"] < "test-3" else "loud"}}


def test_the_difference_within_each_value_of_a_column(run: Path, tmp_path: Path) -> None:
    base = make_run(tmp_path / "base", noise=1)
    for one in (run, base):
        edit_rows(one, moods)
    page = report(run, against=[base], by="mood")
    assert page.sections[:2] == ["result", "groups"]
    found = compare(base, run, by="mood").groups
    lines = {name: row(page, str(escape(name))) for name in found}
    assert [int(line[0]) for line in lines.values()] == [one.rows for one in found.values()]
    for name, line in lines.items():
        one = found[name]
        assert line[3] == signed(one.difference, one.metric)
        assert line[4] == f"{signed(one.low, one.metric)} to {signed(one.high, one.metric)}"
    assert "<u>" not in page.source
    assert "&lt;u&gt;calm &amp; $x_1$</text>" in page.source  # in the picture, as no formula
    assert "groups" not in report(run, against=[base]).sections


def test_many_groups_are_not_all_shown_and_wrong_columns_are_named(run: Path, tmp_path: Path) -> None:
    base = make_run(tmp_path / "base", noise=1)
    for one in (run, base):
        edit_rows(one, lambda row: row | {"group": f"film {min(int(row['id'].rpartition('-')[2]), 40)}"})
    whole = report(run, against=[base], by="group")
    assert row(whole, "film 0")[4:] == ["–", "–", "–"]
    assert all(cell != "–" for cell in row(whole, "film 40"))
    page = whole.source
    assert "no interval and no p of fewer than 10 rows: group film 0 (1), film 1 (1)" in page
    assert "The 30 largest groups; 11 more have fewer rows." in page
    assert '<th scope="row" style="white-space: normal; overflow-wrap: anywhere; max-width: 16rem">film 40</th>' in page
    with pytest.raises(RecipeError, match="no column 'groupe' to split by: did you mean 'group'"):
        report(run, against=[base], by="groupe")


def test_of_runs_that_cannot_be_compared_there_are_no_groups(run: Path, tmp_path: Path) -> None:
    page = report(run, against=[make_run(tmp_path / "base", rows=50)], by="target")
    assert "groups" not in page.sections
    assert "Not comparable." in page.source


def test_it_needs_nothing_from_outside(run: Path) -> None:
    page = report(run)
    assert {"script", "link", "iframe", "object"} & set(page.tags) == set()
    assert [link for link in page.links if not link.startswith(("#", "data:image/jpeg;base64,"))] == []
    assert re.findall(r"@import|url\((?!#)|//[a-z]+\.[a-z]", page.source) == []


def test_links_inside_the_page_lead_somewhere(run: Path) -> None:
    page = report(run)
    inside = {link[1:] for link in page.links if link.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", page.source))
    assert inside
    assert inside <= set(page.ids)


def test_equal_input_gives_equal_bytes(run: Path, tmp_path: Path) -> None:
    base = make_run(tmp_path / "base", noise=1)
    one = write_report(run, against=[base], out=tmp_path / "one.html").read_bytes()
    assert write_report(run, against=[base], out=tmp_path / "two.html").read_bytes() == one


def test_what_users_wrote_is_escaped(run: Path) -> None:
    edit_record(run, name="<b>bold</b>", labels=["negative", "neutral", "positive", "<i>"])
    edit_rows(run, lambda row: row | {"id": f"<u>{row['id']}", "probabilities": row["probabilities"] | {"<i>": 0.0}})
    (run / "recipe.yaml").write_text("fusion: <script>alert(1)</script>\n", encoding="utf-8")
    page = report(run, title="<h1>&")
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page.source
    for wrong in ("<b>bold", "<u>", "<i>", "<h1>&<", "<script"):
        assert wrong not in page.source.replace('<i style="width', "")


def test_half_a_character_does_not_lose_the_report(run: Path) -> None:
    for path in run.glob("seed-*/predictions/*.jsonl"):
        rows = [json.loads(line) | {"text": "half \ud83d a heart"} for line in path.read_text(encoding="utf-8").splitlines()]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert "half ? a heart" in report(run).source


def test_made_up_data_are_announced(run: Path, tmp_path: Path) -> None:
    made = report(make_run(tmp_path / "toy", synthetic=True))
    assert "SYNTHETIC DATA." in made.source
    assert "(synthetic data)</title>" in made.source
    for name, shown in (("made.csv", "made.csv (synthetic)"), ("toy clips (synthetic)", "toy clips (synthetic)")):
        edit_record(tmp_path / "toy", data={"name": name, "splits": {"train": 1}})
        assert f"<dt>Data</dt><dd>{shown}</dd>" in report(tmp_path / "toy").source
    assert "synthetic" not in report(run).source.lower()
    assert "SYNTHETIC DATA." in report(run, against=[tmp_path / "toy"]).source


def test_runs_that_read_other_rows_are_named_beside_their_scores(tmp_path: Path) -> None:
    one, two = (make_run(tmp_path / name) for name in ("one", "two"))
    said = "cannot be compared"
    assert said not in report(one, against=[two]).source
    for run, content in ((one, "a"), (two, "b")):
        edit_record(run, data={"name": "rows", "content": content})
        for folder in run.glob("seed-*/predictions"):
            shutil.rmtree(folder)
    assert "two is measured on other rows than one: alignment, uniformity" in report(one, against=[two]).source
    edit_record(two, data={"name": "rows", "content": "a"})
    assert said not in report(one, against=[two]).source


def embedding_run(folder: Path, content: str, split: str = "test", **metrics: float) -> Path:
    """Without predictions; every seed has the metrics on the split, and none on the other."""
    run = make_run(folder)
    for predictions in run.glob("seed-*/predictions"):
        shutil.rmtree(predictions)
    empty: dict[str, Any] = {"validation": {}, "test": {}, "start": {"validation": {}, "test": {}}}
    per_seed = [{"seed": seed, **empty, split: metrics} for seed in (0, 1)]
    data = {"name": "rows", "content": content}
    edit_record(run, data=data, per_seed=per_seed, best_metric="last", most_frequent={}, references={})
    return run


def test_runs_that_predict_of_rows_without_targets_are_of_other_rows_too(tmp_path: Path) -> None:
    one, two = (embedding_run(tmp_path / name, name, recall=0.5) for name in ("one", "two"))
    line = {"id": "1", "target": None, "similarity": 0.5, "missing": [], "text": "a", "image": None, "extra": {}}
    for run in (one, two):
        for seed in (0, 1):
            (run / f"seed-{seed}/predictions").mkdir()
            (run / f"seed-{seed}/predictions/test.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    assert row(report(one, against=[two]), "two") == ["–"]


def row(page: Any, name: str) -> list[str]:
    """The cells of the line of that name, without tags."""
    line = re.search(rf'<tr[^>]*><th scope="row"[^>]*>{re.escape(name)}</th>(.*?)</tr>', page.source)
    assert line is not None, name
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", line[1])]


def test_of_a_run_on_other_rows_sets_of_their_own_alone_stand_beside(tmp_path: Path) -> None:
    metrics = {"STS12": 60.0, "avg_present": 61.0, "uniformity": -2.0}
    one = embedding_run(tmp_path / "one", "a", **metrics)
    same = embedding_run(tmp_path / "same", "a", **metrics)
    elsewhere = embedding_run(tmp_path / "elsewhere", "b", **metrics)
    validated = embedding_run(tmp_path / "validated", "a", "validation", **metrics)
    page = report(one, against=[same, elsewhere, validated])
    assert [cell.split("±")[0] for cell in row(page, "same")] == ["60.000", "61.000", "−2.000"]
    for name in ("elsewhere", "validated"):
        assert [cell.split("±")[0] for cell in row(page, name)] == ["60.000", "–", "–"]
    assert "elsewhere and validated are measured on other rows than one" in page.source
    assert "Uniformity ↓" in page.source
    assert f"polysense compare {elsewhere} {one} --evaluator sts --data DATA" in page.source
    assert "scored on test" in page.source
    assert "no test split" not in page.source
    alone = report(validated).source
    assert "scored on validation" in alone
    assert "These are validation rows; the checkpoint is the last one." in alone


def test_of_many_metrics_each_has_a_line(tmp_path: Path) -> None:
    ways = [f"{way}_to_{other}_R@{k}" for way, other in (("text", "image"), ("image", "text")) for k in (1, 2, 3, 5, 10)]
    one, two = (
        embedding_run(tmp_path / name, "a", **{way: value + place for place, way in enumerate(ways)})
        for name, value in (("one", 0.0), ("two", 0.5))
    )
    page = report(one, against=[two])
    assert [cell.split("±")[0] for cell in row(page, "Image to text R@10")] == ["9.000", "9.500"]


def test_the_difference_is_run_minus_against(tmp_path: Path) -> None:
    good, bad = make_run(tmp_path / "good", skill=5, rows=120), make_run(tmp_path / "bad", skill=0.5, rows=120)
    assert "Against “bad”, “good” scores" in (page := report(good, against=[bad]).source)
    assert "points higher in weighted F1" in page
    assert "points lower in weighted F1" in report(bad, against=[good]).source


def test_runs_that_cannot_be_compared_say_why(run: Path, tmp_path: Path) -> None:
    page = report(run, against=[make_run(tmp_path / "base", rows=50)])
    assert "Not comparable." in page.source
    assert "hold different rows" in page.source


def test_runs_of_one_name_are_told_apart(run: Path, tmp_path: Path) -> None:
    page = report(run, against=[make_run(tmp_path / "older" / "both", noise=1)])
    assert "minus older/both" in page.source


def test_it_is_said_that_one_modality_alone_is_an_input_of_another_kind(run: Path) -> None:
    assert "never saw such rows in training" in report(run).source


def test_a_single_seed(tmp_path: Path) -> None:
    page = report(make_run(tmp_path / "one", seeds=[7]), against=[make_run(tmp_path / "base", seeds=[7], noise=1)])
    assert "± " not in page.source.replace("Mean ± standard deviation", "")
    assert "one seed: only the test rows were resampled" in page.source


def test_text_alone(tmp_path: Path) -> None:
    page = report(make_run(tmp_path / "text", modalities=["text"], terms=["classification"]))
    assert page.sections == ["result", "classes", "calibration", "training", "worst", "origin"]
    assert "no picture" in page.source


def test_without_a_test_split(tmp_path: Path) -> None:
    page = report(make_run(tmp_path / "run", splits=["validation"]))
    assert "There is no test split" in page.source
    assert "modalities" in page.sections


def test_without_probabilities_or_journals(run: Path) -> None:
    edit_rows(run, lambda row: row | {"probabilities": None})
    for path in [*run.glob("seed-*/journal.jsonl"), *run.glob("seed-*/evaluations.jsonl")]:
        path.unlink()
    assert report(run).sections == ["result", "modalities", "classes", "origin"]


def test_scores_without_a_truth(tmp_path: Path) -> None:
    run = make_run(tmp_path / "scores", modalities=["text"])
    edit_rows(run, lambda row: {"id": row["id"], "target": None, "score": 0.5, "text": row["text"]})
    per_seed = [{"seed": seed, "test": {"mae": 0.713 + seed / 100, "pearson": 0.66}} for seed in (0, 1)]
    edit_record(run, labels=[], best_metric="mae", greater_is_better=False, per_seed=per_seed)
    page = report(run)
    assert page.sections == ["result", "training", "origin"]
    assert '0.718<span class="pm">± 0.007</span>' in page.source


def test_several_labels_a_row(run: Path) -> None:
    edit_rows(run, lambda row: row | {"target": [row["target"]], "label": [row["label"], "neutral"]})
    page = report(run)
    assert page.sections == ["result", "modalities", "classes", "training", "conflicts", "origin"]
    assert "Subset accuracy" in page.source


def test_nothing_but_the_record(run: Path) -> None:
    for path in run.glob("seed-*/**/*.jsonl"):
        path.unlink()
    assert report(run).sections == ["result", "origin"]


def test_many_classes(tmp_path: Path) -> None:
    labels = [f"class {number:02}" for number in range(40)]
    page = report(make_run(tmp_path / "many", labels=labels, rows=80))
    assert "classes" in page.sections
    assert 'class="matrix' not in page.source


def test_rows_without_a_target_or_a_modality(run: Path) -> None:
    first = {"test-1", "test-2"}
    edit_rows(run, lambda row: row | ({"target": None, "missing": ["image"], "image": None} if row["id"] in first else {}))
    page = report(run)
    assert "2 rows have no image" in page.source


def test_labelled_and_unlabelled_rows_are_told_apart(run: Path) -> None:
    edit_rows(run, lambda row: row | ({"target": None} if row["id"] in {"test-0", "test-1", "validation-0"} else {}))
    data = {"name": "posts.csv", "splits": {"train": 400, "test": 60}, "labelled": {"train": 390, "test": 60}}
    edit_record(run, data=data)
    page = report(run)
    assert "<b>58</b><span>labelled test rows; 2 unlabelled</span>" in page.source
    assert "train 390 labelled and 10 unlabelled rows, test 60 labelled rows" in page.source
    assert "always “" in page.source


def test_how_it_was_made(run: Path) -> None:
    problem = {"file": "posts.csv", "row": 17, "field": "image", "reason": "file is missing"}
    edit_record(run, skipped_rows=[problem], command=["polysense", "train", "my recipe.yaml"])
    page = report(run).source
    assert "polysense train &#39;my recipe.yaml&#39;" in page
    assert "posts.csv, row 17: image file is missing" in page
    assert f"{'0f' * 32}  posts.csv" in page
    assert "torch 2.13.0" in page
    assert "num_train_epochs: 4" in page


def test_without_a_recorded_command_it_is_made_up_from_the_record(run: Path) -> None:
    wanted = "polysense train social/mvsa_concat_both --data DATA/made_posts --out runs/both --seeds 0,1"
    assert wanted in report(run).source


def test_no_path_of_this_machine_is_shown(run: Path, tmp_path: Path) -> None:
    assert str(tmp_path) not in report(run, against=[make_run(tmp_path / "base", noise=1)]).source


def test_where_it_is_written(run: Path, tmp_path: Path) -> None:
    assert write_report(run) == run / "report.html"
    out = tmp_path / "new" / "folder" / "page.html"
    assert write_report(run, out=out) == out
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]


def test_a_file_that_cannot_be_written_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match=r"taken/report\.html: the report cannot be written"):
        write_report(run, out=tmp_path / "taken" / "report.html")


def test_what_is_no_run_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such run folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no run\.json in it"):
        write_report(tmp_path)
    (run / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"run\.json is damaged: not JSON"):
        write_report(run)


def test_a_journal_that_was_cut_off_is_read_up_to_there(run: Path) -> None:
    journal = run / "seed-0" / "journal.jsonl"
    text = journal.read_text(encoding="utf-8")
    journal.write_text(text[:-30], encoding="utf-8")
    assert "training" in report(run).sections
    journal.write_text(text[30:], encoding="utf-8")
    with pytest.raises(DataError, match=r"journal\.jsonl, row 1: not JSON"):
        write_report(run)


def test_five_seeds_of_450_rows_take_seconds(tmp_path: Path, pictures: Path) -> None:
    seeds = [0, 1, 2, 3, 4]
    run = make_run(tmp_path / "run", seeds=seeds, rows=450, steps=450, pictures=pictures)
    base = make_run(tmp_path / "base", seeds=seeds, rows=450, steps=450, noise=1)
    start = time.perf_counter()
    out = write_report(run, against=[base])
    assert time.perf_counter() - start < 10
    assert out.stat().st_size < 2_000_000


def test_a_narrow_page_scrolls_no_further_than_its_boxes(run: Path, tmp_path: Path) -> None:
    """Every table stands in a box that scrolls by itself and can be reached by the keyboard; every figure takes the width there is."""
    page = report(run, against=[make_run(tmp_path / "base", noise=1)]).source
    tables = [place.start() for place in re.finditer("<table", page)]
    assert len(tables) > 3
    for place in tables:
        assert re.search(r'<div class="scroll" tabindex="0"[^>]*>\s*$', page[:place])
    figures = re.findall(r"<svg[^>]*>", page)
    assert len(figures) > 3
    for figure in figures:
        assert "viewBox" in figure
        assert not re.search(r"\b(width|height)=", figure)


def test_a_difference_can_be_read_off_the_table_whatever_the_seeds(tmp_path: Path) -> None:
    run = make_run(tmp_path / "both", seeds=[0, 1, 2], skill=2.0)
    base = make_run(tmp_path / "base", seeds=[1, 3], noise=1)
    page = report(run, against=[base])
    one, other = (float(re.sub(" .*|±.*", "", row(page, f"{name}, seed 1")[0])) for name in ("both", "base"))
    found = compare(base, run)
    assert found.seeds == (1,)
    assert one - other == pytest.approx(100 * found.difference, abs=0.1)
    assert f"{100 * found.difference:.1f} points" in page.source
    assert "both, seed" not in report(make_run(tmp_path / "same", seeds=[1, 3]), against=[base]).source


def test_a_run_that_tells_no_row_from_another_is_warned_of(run: Path) -> None:
    assert "Warning:" not in report(run).source
    edit_rows(run, lambda row: row | {"label": "positive", "probabilities": dict.fromkeys(row["probabilities"], 1 / 3)})
    page = report(run).source
    assert page.count("answers &#39;positive&#39; for all 60 rows: it tells none of them from another") == 2
    assert "It gives all rows the same probabilities" in page
    assert "about as sure as it should be" not in page
