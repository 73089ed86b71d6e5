from __future__ import annotations

from dataclasses import replace

from made_ablation import made_findings, made_learned
from polysense.training.ablation.findings import adjusted
from polysense.training.ablation.recommendation import recommendation, recommended, sentences

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


def test_numbers_of_labels_at_which_nothing_was_learned_are_not_corrected_for() -> None:
    findings = made_findings({100: NOTHING, 812: {"itc": (0.02, 0.018, 0.03)}})
    few, every = findings.levels
    alike = replace(few, base_alike=3, effects=tuple(replace(one, alike=3) for one in few.effects))
    assert replace(findings, levels=(alike, every)).looked_at == 1
    few, every = adjusted((alike, every))
    assert [one.p_adjusted for one in (*few.effects, *every.effects)] == [1.0, 1.0, 0.03]


def test_equal_scores_and_models_below_the_words_alone() -> None:
    findings = made_findings({812: {"itc": (0.0, 0.0, 1.0)}}, words=0.61)
    assert recommendation(findings) == (
        "With all 812 labels train without signals: no signal changes the score on 451 test rows and 3 seeds. But TF-IDF of the "
        "texts alone reaches 61.0 weighted F1 with all 812 labels; the base, with 50.0, is not worth its training yet."
    )


def test_the_words_alone_are_held_against_the_arm_that_is_recommended() -> None:
    unseen = {"itc": (0.03, 0.04, 0.2), "mlm": (0.0, 0.02, 0.9)}
    findings = made_findings({812: unseen}, words=0.515)
    assert recommended(findings) is None
    assert recommendation(findings).endswith(
        "51.5 weighted F1 with all 812 labels; the base, with 50.0, is not worth its training yet."
    )
    seen = {"itc": (0.06, 0.08, 0.2), "itm": (0.02, 0.01, 0.0001), "itc+itm": (0.03, 0.01, 0.0001)}
    findings = made_findings({812: seen}, words=0.54)
    assert recommended(findings) is None
    assert recommendation(findings).startswith("Train with itc and itm together: ")
    assert recommendation(findings).endswith("; itc and itm together, with 53.0, is not worth its training yet.")
    findings = made_findings({812: seen}, words=0.525)
    assert recommended(findings) == "itc+itm"
    assert "TF-IDF" not in recommendation(findings)


def test_equal_answers_of_one_arm_do_not_make_small_effects_seen() -> None:
    findings = made_findings({812: {"itc": (0.0, 0.0, 1.0), "mlm": NOTHING["mlm"]}})
    assert "an effect below about 3.3 points could not have been shown" in recommendation(findings)


def test_what_is_proposed_for_use() -> None:
    gain = {"itc": (0.03, 0.01, 0.0004), "mlm": (0.0, 0.02, 0.9)}
    assert recommended(made_findings({812: gain})) == "itc"
    assert recommended(made_findings({812: NOTHING})) == "base"
    assert recommended(made_findings({812: NOTHING}, words=0.61)) is None
    assert recommended(made_findings({812: NOTHING}, alike={"base": 3})) is None
    assert recommended(made_findings({812: gain}, alike={"base": 3})) == "itc"
    assert recommended(made_findings({812: gain}, alike={"base": 3, "itc": 3, "mlm": 3})) is None


def test_a_signal_that_did_not_learn_its_own_task_is_no_finding_about_it() -> None:
    unseen = {"itc": (0.004, 0.021, 0.7), "itm": (-0.003, 0.033, 0.8), "itc+itm": (0.001, 0.02, 0.9)}
    findings = made_findings({100: unseen, 812: unseen}, learned={"itc": (0.264, 10 / 450), "itm": (0.513, 0.5)})
    said = recommendation(findings)
    assert said.startswith("With all 812 labels train without signals: no signal is visible, and")
    assert said.endswith("ITM did not learn to tell pairs (51.3 %, chance 50): nothing is known of what it would add.")
    assert said.count("did not learn") == 1
    assert all(one.endswith("3 seeds. ITM did not learn its own task.") for one in sentences(findings))
    neither = made_findings({812: unseen}, learned={"itc": (0.02, 10 / 450), "itm": (0.513, 0.5)})
    assert "ITC did not learn to find a text's picture (2 %, chance 2.2)" in recommendation(neither)
    assert sentences(neither)[0].endswith("ITC and ITM did not learn their own tasks.")


def test_of_a_visible_effect_it_is_not_said_that_nothing_is_known() -> None:
    findings = made_findings({812: {"itm": (0.03, 0.01, 0.0004)}}, learned={"itm": (0.513, 0.5)})
    assert recommendation(findings).endswith("with all 812 labels.")


def test_what_counts_as_learned() -> None:
    assert made_learned("itm", 0.56, 0.5).enough is True
    assert made_learned("itm", 0.54, 0.5).enough is False  # within two standard errors of 450 pairs
    assert made_learned("itm", 0.9, 0.5, questions=4).enough is None  # four right answers may be luck
    assert made_learned("itc", 1.0, 1.0, questions=9).enough is None  # all nine pictures are among the first ten
    assert [made_learned("itm", 0.9, 0.5, questions=count).verdict for count in (4, 450)] == ["too few rows", "yes"]


def test_where_every_model_answers_one_class_to_all_rows_nothing_is_recommended() -> None:
    gains = {100: {"itc": (0.2, 0.01, 0.001)}, 500: {"itc": (0.2, 0.01, 0.001)}}
    findings = made_findings(gains, alike={"base": 3, "itc": 3})
    advice = recommendation(findings)
    assert advice.startswith("Nothing was learned with all 500 labels: every model answers one class to all test rows")
    assert "more epochs" in advice
    assert "Train with" not in advice
    assert sentences(findings) == ["With 100 labels nothing was learned.", "With all 500 labels nothing was learned."]


def test_of_single_models_that_answer_one_class_it_is_said_which_arms_they_are_of() -> None:
    findings = made_findings({100: {"itc": (0.2, 0.01, 0.001)}}, alike={"base": 2})
    assert recommendation(findings).startswith("Train with itc")
    assert "for they answer one class to all test rows: base (2 of 3)" in sentences(findings)[0]


def test_a_gain_of_models_that_all_answer_one_class_is_no_advice() -> None:
    findings = made_findings({100: {"itc": (0.2, 0.01, 0.001), "itm": (0.0, 0.01, 0.9)}}, alike={"itc": 3})
    assert not recommendation(findings).startswith("Train with itc")
