"""Reports of runs that predict scores."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

import pytest

from made_score_runs import make_score_run
from polysense.metrics.sentiment import msa_regression
from polysense.report.document import report_html
from polysense.report.headline import headline
from polysense.report.modalities import modalities
from polysense.report.run import Run
from polysense.report.scores import run_scores


def cells(body: str, first: str) -> list[str]:
    """The cells of the line of a table that begins with ``first``."""
    found = next(line for line in body.splitlines() if f'<th scope="row">{first}</th>' in line)
    return [re.sub(r"<[^>]+>", " ", cell).split("±")[0].strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", found)]


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
    assert head == ["Run", "MAE ↓", "Corr", "Has0 acc 2", "Non0 acc 2", "Mult acc 5", "Mult acc 7"]
    scores = run_scores(run)
    assert cells(section.body, "run")[:3] == [
        f"{scores['MAE'].mean:.3f}",
        f"{scores['Corr'].mean:.3f}",
        f"{100 * scores['Has0_acc_2'].mean:.1f}",
    ]
    assert cells(section.body, "always 0.40, the median") == ["0.900", "–", "60.0", "–", "–", "–"]
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
