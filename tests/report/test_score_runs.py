"""Reports of runs that predict scores."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from made_runs import make_run, write_lines
from made_score_runs import make_score_run
from polysense.errors import DataError
from polysense.inference.score_sides import EDGES, with_sides
from polysense.metrics.sentiment import Dataset, msa_regression
from polysense.report.curves import curves
from polysense.report.document import report_html, write_report
from polysense.report.drift import courses_of, drift
from polysense.report.fitted import class_of, fit_of, fitted, like_truth
from polysense.report.headline import headline
from polysense.report.modalities import modalities
from polysense.report.own_scores import own_scores
from polysense.report.run import Run
from polysense.report.score_rows import conflicting_scores, furthest_rows, scored_rows
from polysense.report.scores import run_scores


def cells(body: str, first: str) -> list[str]:
    """The cells of the line of a table that begins with ``first``."""
    found = next(line for line in body.splitlines() if f'<th scope="row">{first}</th>' in line)
    return [re.sub(r"<[^>]+>", " ", cell).split("±")[0].strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", found)]


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', page)


def test_a_whole_report(tmp_path: Path) -> None:
    run, base = make_score_run(tmp_path / "run"), make_score_run(tmp_path / "base", heads=False, luck=1)
    page = write_report(run, against=[base], out=tmp_path / "one.html").read_bytes()
    assert sections(page.decode()) == [
        *("result", "modalities", "own-scores", "fitted", "training", "drift", "score-conflicts", "worst", "origin"),
    ]
    names = re.findall(r'\bid="([^"]+)"', page.decode())
    assert len(set(names)) == len(names)
    assert write_report(run, against=[base], out=tmp_path / "two.html").read_bytes() == page


def test_the_loss_of_each_task_has_a_panel(tmp_path: Path) -> None:
    section = curves(Run.read(make_score_run(tmp_path / "run")), [])
    assert section is not None
    titles = [
        "Loss",
        "Regression",
        "Unimodal",
        *(f"Unimodal: {name}" for name in ("text", "audio", "video")),
        "MAE on validation",
    ]
    assert re.findall(r"<h3>([^<]+)</h3>", section.body) == titles


def test_sections_without_data_are_left_out(tmp_path: Path) -> None:
    page = report_html(Run.read(make_score_run(tmp_path / "run", heads=False, parts=False)), [])
    assert sections(page) == ["result", "fitted", "training", "worst", "origin"]
    labels = Run.read(make_run(tmp_path / "labels"))
    assert [writer(labels, []) for writer in (fitted, drift, conflicting_scores, furthest_rows)] == [None] * 4


@pytest.mark.parametrize("rules", ["mosi", "sims"])
def test_scores_are_measured_by_the_rules_of_the_run(tmp_path: Path, rules: str) -> None:
    run = Run.read(make_score_run(tmp_path / "run", rules=rules))
    expected = [
        msa_regression([row["score"] for row in part.rows], [row["target"] for row in part.rows], dataset=run.rules)
        for part in run.shown.values()
    ]
    found = run_scores(run)
    assert set(found) == set(expected[0])
    for name, spread in found.items():
        assert spread.mean == pytest.approx(fmean(one[name] for one in expected))


def test_the_table_leads_with_errors_and_ends_with_what_must_be_beaten(tmp_path: Path) -> None:
    run = Run.read(make_score_run(tmp_path / "run"))
    section = headline(run, [])
    assert section is not None
    head = re.findall(r'<th scope="col"[^>]*>([^<]*)<', section.body)
    assert head == [
        *("Run", "MAE ↓", "Corr", "Has0 acc 2", "Has0 F1 score", "Non0 acc 2", "Non0 F1 score", "Mult acc 5", "Mult acc 7")
    ]
    scores = run_scores(run)
    assert cells(section.body, "run")[:3] == [
        f"{scores['MAE'].mean:.3f}",
        f"{scores['Corr'].mean:.3f}",
        f"{100 * scores['Has0_acc_2'].mean:.1f}",
    ]
    assert cells(section.body, "always 0.40, the median") == ["0.900", "–", "60.0", *["–"] * 5]
    assert "fractions in points" in section.body
    assert "Non0: negative against positive" in section.body


def test_against_another_run_less_error_is_better(tmp_path: Path) -> None:
    good, bad = make_score_run(tmp_path / "good", noise=0.2), make_score_run(tmp_path / "bad", noise=1.2)
    section = headline(Run.read(good), [Run.read(bad)])
    assert section is not None
    assert re.search(r"“good” scores 0\.\d{3} lower in MAE, which is better", section.body)
    difference, interval, _, visible = cells(section.body.split("good minus bad")[1], "MAE ↓")
    assert re.fullmatch(r"−0\.\d{3}", difference)
    assert re.fullmatch(r"−\d\.\d{3} to −\d\.\d{3}", interval)
    assert re.fullmatch(r"0\.\d{3}", visible)
    assert re.fullmatch(r"\+\d+\.\d", cells(section.body.split("good minus bad")[1], "Has0 acc 2")[0])
    assert section.body.count("<svg") == 2  # errors and points have an axis each


def test_each_modality_alone_and_left_out(tmp_path: Path) -> None:
    run = Run.read(make_score_run(tmp_path / "run"))
    section = modalities(run, [])
    assert section is not None
    names = ["all together", *(f"{name} alone" for name in ("text", "audio", "video"))]
    names += [*(f"without {name}" for name in ("text", "audio", "video")), "always 0.40, the median"]
    assert re.findall(r'<th scope="row">([^<]+)</th>', section.body) == names
    for name, part in (("all together", "test"), ("audio alone", "test.audio"), ("without video", "test.without_video")):
        assert cells(section.body, name)[:2] == ["60", f"{run_scores(run, part)['MAE'].mean:.3f}"]


def test_rows_that_have_nothing_else_are_not_compared(tmp_path: Path) -> None:
    folder = make_score_run(tmp_path / "run", seeds=[0])
    file = folder / "seed-0" / "predictions" / "test.without_text.jsonl"
    file.write_text("\n".join(file.read_text(encoding="utf-8").splitlines()[:20]), encoding="utf-8")
    section = modalities(Run.read(folder), [])
    assert section is not None
    assert cells(section.body, "all together, rows with text and others")[0] == cells(section.body, "without text")[0] == "20"


def test_one_answer_to_every_row_has_no_correlation(tmp_path: Path) -> None:
    folder = make_score_run(tmp_path / "run", heads=False, parts=False)
    for file in folder.glob("seed-*/predictions/*.jsonl"):
        rows = [json.loads(line) | {"score": 0.25} for line in file.read_text(encoding="utf-8").splitlines()]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = Run.read(folder)
    assert "Corr" not in run_scores(run)
    assert "nan" not in report_html(run, [Run.read(make_score_run(tmp_path / "other"))]).lower().replace("nano", "")


@pytest.mark.parametrize("rules", ["mosi", "sims"])
def test_the_confusion_is_that_of_the_metric(tmp_path: Path, rules: str) -> None:
    run = Run.read(make_score_run(tmp_path / "run", rules=rules))
    fit = fit_of(run)
    assert fit is not None
    equal = (class_of(fit.found, rules=run.rules) == class_of(fit.truth, rules=run.rules)).mean(axis=1)
    metric = "Mult_acc_7" if rules == "mosi" else "Mult_acc_5"
    assert run_scores(run)[metric].values == pytest.approx(tuple(equal))
    section = fitted(run, [])
    assert section is not None
    counts = re.findall(r"<b>\d+.%</b><span>([\d.]+)</span>", section.body)
    assert sum(float(count) for count in counts) == pytest.approx(60)
    assert ("weakly positive" in section.body) == (rules == "sims")


def test_rows_that_a_seed_gave_no_score_are_not_drawn(tmp_path: Path) -> None:
    folder = make_score_run(tmp_path / "run")
    file = folder / "seed-1" / "predictions" / "test.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    write_lines(file, [row | ({"score": None} if row["id"] == "test-3" else {}) for row in rows])
    fit = fit_of(Run.read(folder))
    assert fit is not None
    assert fit.found.shape == (2, 59)


def test_rows_of_like_truth_are_averaged() -> None:
    truth = np.array([0, 0, 0, 0, 1, 2], dtype=np.float32)
    found = np.array([1, 1, 3, 3, 1, 0], dtype=np.float32)
    assert like_truth(truth, found, groups=3) == ([0.0, 1.5], [2.0, 0.5])


def test_how_far_labels_drift(tmp_path: Path) -> None:
    run = Run.read(make_score_run(tmp_path / "run", epochs=4))
    courses = courses_of(run)
    assert list(courses) == ["text", "audio", "video"]
    for course in courses.values():
        for steps in course.values():
            assert [labels.epoch for labels in steps] == [1.0, 2.0, 3.0, 4.0]
            assert steps[0].distance == 0
            assert np.isnan(steps[0].moved)
            whole = 2 * steps[1].distance  # the way to where the made labels go is halved each time
            assert [labels.moved for labels in steps[1:]] == pytest.approx([whole / 2, whole / 4, whole / 8])
            assert [labels.distance for labels in steps[1:]] == pytest.approx([whole / 2, whole * 3 / 4, whole * 7 / 8])
    section = drift(run, [])
    assert section is not None
    assert section.body.count("<svg") == 2
    assert cells(section.body, "audio")[:2] == ["60", f"{courses['audio'][0][-1].distance:.3f}"]


def test_one_evaluation_has_no_movement(tmp_path: Path) -> None:
    section = drift(Run.read(make_score_run(tmp_path / "run", epochs=1)), [])
    assert section is not None
    assert section.body.count("<svg") == 1


def test_a_damaged_table_of_labels_is_named(tmp_path: Path) -> None:
    folder = make_score_run(tmp_path / "run", seeds=[0])
    (folder / "seed-0" / "memory" / "unimodal.0000010.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"unimodal\.0000010\.parquet is damaged"):
        report_html(Run.read(folder), [])


def scored(name: str, target: float | None, together: float, **own: float) -> dict[str, object]:
    return {"id": name, "target": target, "score": together, "missing": [], "text": f"text {name}"} | {
        f"score_{modality}": value for modality, value in own.items()
    }


def told(tmp_path: Path, rows: list[dict[str, object]], **parts: list[dict[str, object]]) -> Run:
    for name, some in {"test": rows, **parts}.items():
        write_lines(tmp_path / "seed-0" / "predictions" / f"{name.replace('_', '.')}.jsonl", some)
    (tmp_path / "run.json").write_text(json.dumps({"best_seed": 0}), encoding="utf-8")
    return Run.read(tmp_path)


ROWS = [
    scored("mild", 1.0, 0.9, text=1.0, audio=0.5),
    scored("torn", -1.0, 1.0, text=2.0, audio=-2.0),
    scored("apart", None, 0.0, text=0.5, audio=-1.0),
    scored("single", 3.0, 0.0, text=0.5),
]


@pytest.mark.parametrize(("rules", "share"), [("mosi", "33.3"), ("sims", "66.7")])
def test_modalities_disagree_in_the_report_as_in_predictions(tmp_path: Path, rules: Dataset, share: str) -> None:
    rows = [
        scored("within the band of mosi", 0.5, 0.5, text=0.5, audio=-0.4),
        scored("beyond both", 0.5, 0.5, text=0.6, audio=-0.7),
        scored("within both", 0.5, 0.5, text=0.1, audio=-0.7),
    ]
    folder = told(tmp_path, rows).path
    recipe = {"evaluation": {"evaluators": [{"class_path": "SentimentRegression", "init_args": {"dataset": rules}}]}}
    (folder / "run.json").write_text(json.dumps({"best_seed": 0, "recipe": recipe}), encoding="utf-8")
    section = conflicting_scores(Run.read(folder), [])
    assert section is not None
    assert cells(section.body, "text, audio")[2] == share
    assert share == f"{100 * sum(bool(with_sides(row, dataset=rules)['disagree']) for row in rows) / 3:.1f}"
    assert f"above +{EDGES[rules]:.2f}" in section.body


def test_a_seed_whose_heads_have_learned_nothing_is_left_out_of_their_means(tmp_path: Path) -> None:
    folder = make_score_run(tmp_path / "run", heads=True)
    file = folder / "seed-0" / "predictions" / "test.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    write_lines(file, [{name: value for name, value in row.items() if name != "score_text"} for row in rows])
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    record["per_seed"][0] |= {"untaught": ["text"]}
    record["per_seed"][0]["test"].pop("MAE/text")
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    run = Run.read(folder)
    other = {row["id"]: row for row in run.shown[1].rows}
    first = scored_rows(run)[0]
    assert first.own["text"] == other[first.row["id"]]["score_text"]
    assert first.own["audio"] == pytest.approx(fmean(part.rows[0]["score_audio"] for part in run.shown.values()))
    section = own_scores(run, [])
    assert section is not None
    assert [cells(section.body, name)[0] for name in ("all together", "text", "audio")] == ["2", "1", "2"]
    assert cells(section.body, "text")[1:] == ["0.700", "0.400"]
    assert "The weights of seed 0 were chosen before the head of text had learned anything" in section.body


def test_a_run_without_heads_has_no_scores_of_modalities_to_measure(tmp_path: Path) -> None:
    assert own_scores(Run.read(make_score_run(tmp_path / "run", heads=False)), []) is None


def test_rows_whose_modalities_are_furthest_apart_come_first(tmp_path: Path) -> None:
    section = conflicting_scores(told(tmp_path, ROWS), [])
    assert section is not None
    assert re.findall(r"facts\">id (\w+)", section.body) == ["torn", "apart", "mild"]
    assert cells(section.body, "text, audio") == ["3", f"{6 / 3:.3f}", "33.3", "2.000", "0.100"]
    card = section.body.split("id torn")[1].split("</article>")[0]
    assert re.findall(r'<(u|i)[^>]* style="left:([\d.]+)%"', card) == [
        *(("u", "25.0"), ("i", "100.0"), ("u", "25.0"), ("i", "0.0"), ("u", "25.0"), ("i", "75.0")),
    ]
    assert "truth <b>−1.00</b> · off by 2.00" in card


def test_without_heads_a_modality_says_what_the_model_says_of_it_alone(tmp_path: Path) -> None:
    bare = [scored("a", 0.5, 0.5), scored("b", 0.5, 0.1)]
    run = told(tmp_path, bare, test_text=[scored("a", 0.5, 2.0), scored("b", 0.5, 0.2)], test_audio=[scored("a", 0.5, -1.0)])
    assert {one.row["id"]: dict(one.own) for one in scored_rows(run)} == {
        "a": {"text": 2.0, "audio": -1.0},
        "b": {"text": 0.2},
    }


def test_the_furthest_off_come_first(tmp_path: Path) -> None:
    section = furthest_rows(told(tmp_path, ROWS), [])
    assert section is not None
    assert re.findall(r"facts\">id (\w+)", section.body) == ["single", "torn", "mild"]
