from __future__ import annotations

import html
import re
from pathlib import Path

from made_ablation import Gains, made_findings, made_question
from polysense.report.ablation import panels, write_ablation_report
from polysense.training.ablation.recommendation import recommendation, sentences

SIGNALS = ("itc", "mlm")
ARMS = {"itc": (0.01, 0.03, 0.4), "mlm": (-0.01, 0.02, 0.3), "itc+mlm": (0.05, 0.01, 0.0004)}
CURVE: Gains = {100: ARMS, 500: ARMS, 812: ARMS}


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())


def test_the_page_tells_what_the_command_tells(tmp_path: Path) -> None:
    findings, question = made_findings(CURVE), made_question(list(CURVE), SIGNALS)
    page = write_ablation_report(question, findings, tmp_path / "report.html").read_text("utf-8")
    shown = words(page)
    for sentence in (recommendation(findings), *sentences(findings), findings.note):
        assert sentence in shown
    for number in CURVE:
        assert f"{'all ' if number == 812 else ''}{number} labels base 50.0 ± 1.0" in shown
    assert shown.count("itc + mlm 55.0 ± 1.0 +5.0 +4.0 to +6.0 < .001 .004 1.0") == 3
    assert shown.count("itc 51.0 ± 1.0 +1.0 −2.0 to +4.0 .400 1.000 3.0") == 3
    assert page.count('<tr class="visible">') == 3
    assert "7 have none in the table" in shown
    assert "training.bf16=false" in shown
    assert "SYNTHETIC" not in shown
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert write_ablation_report(question, findings, tmp_path / "again.html").read_bytes() == page.encode()


def test_every_arm_has_a_learning_curve_on_the_same_axes() -> None:
    found = panels(made_findings(CURVE))
    assert [panel.title for panel in found] == ["itc", "mlm", "itc + mlm"]
    for panel in found:
        texts = re.findall("<text[^>]*>([^<]*)</text>", panel.figure)
        assert [text for text in texts if text in {"100", "500", "all 812", "labels"}] == ["100", "500", "all 812", "labels"]
    ticks = [[text for text in re.findall("<text[^>]*>([^<]*)</text>", panel.figure) if text.isdigit()] for panel in found]
    assert ticks[0] == ticks[1] == ticks[2]


def test_one_number_of_labels_is_shown_as_differences(tmp_path: Path) -> None:
    findings = made_findings({812: ARMS}, words=None, synthetic=True)
    page = write_ablation_report(made_question([812], SIGNALS), findings, tmp_path / "report.html").read_text("utf-8")
    shown = words(page)
    assert "Learning curves" not in shown
    assert "TF-IDF" not in shown
    assert "SYNTHETIC DATA" in shown
    assert page.count("<figure") == 1


def test_what_the_signals_learned_of_their_own_tasks(tmp_path: Path) -> None:
    arms = {"itc": ARMS["itc"], "itm": ARMS["mlm"], "itc+itm": ARMS["itc+mlm"]}
    findings = made_findings({100: arms, 812: arms}, learned={"itc": (0.264, 10 / 450), "itm": (0.513, 0.5)})
    question = made_question([100, 812], ("itc", "itm"))
    shown = words(write_ablation_report(question, findings, tmp_path / "report.html").read_text("utf-8"))
    assert shown.count("itc: a text's picture in the first ten 26.4 ± 1.0 26.4 ± 1.0 2.2 yes") == 2
    assert shown.count("itm: pairs told from exchanged ones 51.3 ± 1.0 51.3 ± 1.0 50.0 no") == 2
    assert "nothing is known of what it would add" in shown
    without = write_ablation_report(question, made_findings(CURVE), tmp_path / "without.html").read_text("utf-8")
    assert "own tasks" not in words(without)
