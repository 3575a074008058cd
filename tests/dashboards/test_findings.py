"""Sentences for the head of a report."""

from dataclasses import replace

import pytest

from dashboards.analysis.study_results import load_results
from dashboards.findings import findings
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, without_clips


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def test_findings_name_the_trade_off_and_end_with_the_caveat(make_study: MakeStudy) -> None:
    sentences = findings(load_results(make_study()))
    text = " ".join(sentences)
    assert "Best audio.mss: frame" in text
    assert "Best interpretability.tv: spline-8" in text
    assert "From frame to spline-8, audio.mss changes by +" in text
    assert "random-spline 0.3" in text
    assert "indication, not evidence" in sentences[-1]


def test_lost_seeds_are_stated(make_study: MakeStudy) -> None:
    arms = [
        replace(ARMS[0], outcomes={0: "diverged"}),
        replace(ARMS[1], outcomes={1: None}),
        replace(ARMS[2], outcomes={0: "failed", 1: "failed"}),
        *ARMS[3:],
    ]
    text = " ".join(findings(load_results(make_study(arms))))
    assert "Provisional: 10 of 14 planned trials finished (1 diverged, 2 failed, 1 missing)" in text
    assert "surviving seeds only, which may flatter them: frame (1 of 2)" in text


def test_arms_that_cannot_be_on_the_front_are_named_with_the_reason(make_study: MakeStudy) -> None:
    odd, flat = FakeArm(name="odd", mss=0.01, tv=None), FakeArm(name="flat", mss=0.01, tv=0.01, range=0.049)
    sentences = findings(load_results(make_study([*ARMS, odd, flat])))
    assert "odd is not comparable: interpretability.tv is undefined for a finished seed." in sentences
    assert "Excluded from the front because their curves hardly move: flat." in sentences


def test_without_any_finished_trial_there_is_nothing_to_compare(make_study: MakeStudy) -> None:
    results = load_results(make_study([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS]))
    assert findings(results)[-1] == "No trial has finished: there is nothing to compare yet."


def test_without_truth_no_finding_mentions_it(make_study: MakeStudy) -> None:
    assert "truth" not in " ".join(findings(load_results(make_study(truth=()))))


def test_raw_curve_errors_are_a_finding_in_a_white_box_only(make_study: MakeStudy) -> None:
    white = findings(load_results(make_study()))
    assert any("mean curves.l1 is" in sentence for sentence in white)
    arms = [replace(arm, is_white_box=False) for arm in ARMS]
    grey = findings(load_results(make_study(arms, name="grey")))
    assert not any("mean curves.l1 is" in sentence for sentence in grey)
    assert any("grey box" in sentence for sentence in grey)
