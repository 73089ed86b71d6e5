from __future__ import annotations

from made_ablation import made_findings
from polysense.training.ablation.recommendation import recommendation, sentences

NOTHING = {"itc": (0.004, 0.021, 0.7), "mlm": (-0.003, 0.033, 0.8)}


def test_nothing_visible_is_said_with_what_could_not_have_been_seen() -> None:
    findings = made_findings({100: NOTHING, 812: NOTHING})
    unseen = "an effect below about 2.1 to 3.3 points could not have been shown with 451 test rows and 3 seeds"
    assert recommendation(findings) == (f"With all 812 labels train without signals: no signal is visible, and {unseen}.")
    assert sentences(findings) == [
        f"With 100 labels no signal is visible, and {unseen}.",
        f"With all 812 labels no signal is visible, and {unseen}.",
    ]


def test_a_signal_that_helps_with_all_labels_is_recommended() -> None:
    both = {**NOTHING, "itc+mlm": (0.03, 0.01, 0.0004)}
    findings = made_findings({812: both})
    gain = "+3.0 points (95 % interval +2.0 to +4.0)"
    assert recommendation(findings) == f"Train with itc and mlm together: {gain} with all 812 labels."
    assert sentences(findings) == [
        f"With all 812 labels: itc and mlm together helps, {gain}. No effect of the others is visible."
    ]


def test_one_that_helps_with_few_labels_alone_is_recommended_for_these() -> None:
    findings = made_findings({100: {**NOTHING, "mlm": (0.05, 0.02, 0.0004)}, 812: NOTHING})
    said = recommendation(findings)
    assert said.startswith("With all 812 labels train without signals: no signal is visible, and")
    assert said.endswith("With fewer labels a signal is worth it: mlm with 100 labels.")


def test_harm_is_told_and_never_recommended() -> None:
    findings = made_findings({812: {"itc": (-0.04, 0.02, 0.0004), "mlm": NOTHING["mlm"]}})
    assert recommendation(findings) == "With all 812 labels train without signals: no signal helps visibly there."
    assert "itc harms, -4.0 points (95 % interval -6.0 to -2.0)" in sentences(findings)[0]


def test_what_is_visible_only_by_itself_is_not_called_visible() -> None:
    findings = made_findings({100: NOTHING, 812: {**NOTHING, "itc": (0.02, 0.018, 0.03)}})
    assert findings.looked_at == 4
    assert recommendation(findings).startswith("With all 812 labels train without signals: no signal is visible, and")
    assert sentences(findings)[1].endswith("By itself itc (p 0.030) would be, but not as one of 4 comparisons.")


def test_equal_scores_and_models_below_the_words_alone() -> None:
    findings = made_findings({812: {"itc": (0.0, 0.0, 1.0)}}, words=0.61)
    assert recommendation(findings) == (
        "With all 812 labels train without signals: no signal changes the score on 451 test rows and 3 seeds. But TF-IDF of the "
        "texts alone reaches 61.0 weighted F1 with all 812 labels, the best model here 50.0: none of them is worth its training yet."
    )
