"""Sentences for the head of a report."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.settings.synths import EngelConfig
from dashboards.analysis.study_analysis import StudyAnalysis
from dashboards.analysis.study_results import StudyResults, load_results
from dashboards.finding_sentences import findings
from tests.support.fake_stages import RACING, fake_race, fake_search
from tests.support.fake_study import ARMS, FakeArm, MakeStudy, without_clips


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    return without_clips(make_study)


def said(results: StudyResults) -> list[str]:
    """The findings of a study."""
    return findings(StudyAnalysis(results))


def test_findings_begin_with_the_verdict_name_the_picks_and_end_with_the_caveat(make_study: MakeStudy) -> None:
    sentences = said(load_results(make_study()))
    text = " ".join(sentences)
    assert sentences[0].startswith("2 seeds cannot decide between frame, ")
    assert "So far frame looks best" in sentences[0]
    assert "Most accurate: frame (audio.mss 0.7" in text
    assert "Best interpretability.tv within 5 % of it: frame (" in text
    assert "Knee of the front: " in text
    assert "random-spline 0.3" in text
    assert "indication, not evidence" in sentences[-1]


def test_the_curves_of_a_granular_arm_are_no_chance_level(make_study: MakeStudy) -> None:
    granular = FakeArm(name="free", mss=0.01, tv=0.01, synth=EngelConfig(control="granular"))
    text = " ".join(said(load_results(make_study([*ARMS, granular]))))
    assert "baselines: random-spline" in text
    assert "free" not in text


def test_lost_seeds_are_stated(make_study: MakeStudy) -> None:
    arms = [
        replace(ARMS[0], outcomes={0: "diverged"}),
        replace(ARMS[1], outcomes={1: None}),
        replace(ARMS[2], outcomes={0: "failed", 1: "failed"}),
        *ARMS[3:],
    ]
    text = " ".join(said(load_results(make_study(arms))))
    assert "Provisional: 10 of 14 planned trials finished (1 diverged, 2 failed, 1 missing)" in text
    assert "surviving seeds only, which may flatter them: frame (1 of 2)" in text


def test_arms_that_cannot_be_on_the_front_are_named_with_the_reason(make_study: MakeStudy) -> None:
    odd, flat = FakeArm(name="odd", mss=0.01, tv=None), FakeArm(name="flat", mss=0.01, tv=0.01, range=0.049)
    sentences = said(load_results(make_study([*ARMS, odd, flat])))
    assert "odd is not comparable: interpretability.tv is undefined for a finished seed." in sentences
    assert "Excluded from the front because their curves hardly move: flat." in sentences


def test_without_any_finished_trial_there_is_nothing_to_compare(make_study: MakeStudy) -> None:
    results = load_results(make_study([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS]))
    assert said(results)[0] == "No arm can be picked: no trial has finished."
    assert said(results)[-1] == "No trial has finished: there is nothing to compare yet."


def test_without_truth_no_finding_mentions_it(make_study: MakeStudy) -> None:
    assert "truth" not in " ".join(said(load_results(make_study(truth=()))))


def test_raw_curve_errors_are_a_finding_in_a_white_box_only(make_study: MakeStudy) -> None:
    white = said(load_results(make_study()))
    assert any("mean curves.l1 is" in sentence for sentence in white)
    arms = [replace(arm, is_white_box=False) for arm in ARMS]
    grey = said(load_results(make_study(arms, name="grey")))
    assert not any("mean curves.l1 is" in sentence for sentence in grey)
    assert any("grey box" in sentence for sentence in grey)


def test_a_race_is_told_with_what_it_leaves_open(tmp_path: Path) -> None:
    results = load_results(fake_race(tmp_path / "race", n_clips=0))
    assert results.race is not None
    sentences = said(results)
    assert "the number of its seeds was chosen by a race" in sentences[0]
    assert any(
        each.endswith("interpretability.tv (smaller is better): frame, lpf-8 and spline-16.") for each in sentences
    )
    assert "Also there by their means, which the race leaves undecided: spline-8 and spline-9." in sentences
    assert "Dominated by another arm's means: lpf-4." in sentences
    decisions = "On the front: frame, lpf-8 and spline-16; dominated: lpf-4; undecided: spline-8 and spline-9."
    assert f"The race (error rate 5 %, validation) is over. {decisions}" in sentences
    assert (
        "It gave up spline-8 and spline-9, as the seeds left up to 8 would decide with a probability below 0.1."
    ) in sentences
    n_trials = results.race.n_trials
    assert f"It took {n_trials} of the 48 trials that 8 seeds of each of its 6 arms would take." in sentences


def test_a_race_that_goes_on_says_so(tmp_path: Path) -> None:
    text = " ".join(said(load_results(fake_race(tmp_path / "race", n_rounds=0, n_clips=0))))
    assert "has compared up to 3 seeds, and goes on" in text
    assert "On the front of audio.mss (smaller is better) and interpretability.tv (smaller is better)" in text
    assert "It took" not in text


def test_a_race_before_its_first_comparison_has_no_verdicts(tmp_path: Path) -> None:
    arms = [replace(RACING[0], outcomes={2: None}), *RACING[1:]]
    text = " ".join(said(load_results(fake_race(tmp_path / "race", arms, n_rounds=0, n_clips=0))))
    assert "compares its arms for the first time when all have 3 seeds" in text


def test_a_search_is_told_with_its_optimism(tmp_path: Path) -> None:
    text = " ".join(said(load_results(fake_search(tmp_path / "search"))))
    assert "The search tried 12 arms in 2 cells with 24 trials, on validation only, and 3 arms went on" in text
    assert "Its optimism, corrected for the noise of so few seeds, is" in text


def test_a_search_without_confirmation_claims_nothing(tmp_path: Path) -> None:
    text = " ".join(said(load_results(fake_search(tmp_path / "search", n_confirmed=0))))
    assert "none of its arms is confirmed with fresh seeds yet" in text
    assert "optimism" not in text
