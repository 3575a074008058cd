"""Plan and ledger joined: who stands where, and what is counted."""

from dataclasses import replace
from functools import partial

import pytest

from core.storage.records import Objective
from dashboards.analysis.findings import findings
from dashboards.analysis.study_results import StudyResults, comparisons, front_statistics, load_results, metric_names
from dashboards.tables import table_metrics
from tests.dashboards.conftest import MakeStudy
from tests.support.fake_study import ARMS, FRONT, OBJECTIVES, FakeArm


@pytest.fixture
def make_study(make_study: MakeStudy) -> MakeStudy:
    """Numbers only: no curves and no sounds."""
    return partial(make_study, n_clips=0)


def standings(results: StudyResults) -> dict[str, str]:
    return {arm.name: arm.standing for arm in results.arms}


def test_the_known_front_is_found(make_study: MakeStudy) -> None:
    results = load_results(make_study())
    assert {arm.name for arm in results.front} == FRONT
    assert standings(results)["lpf-4"] == "dominated"
    assert results.counts == {"planned": 14, "finished": 14, "diverged": 0, "failed": 0, "missing": 0}
    assert results.is_complete


def test_a_baseline_that_is_best_in_everything_neither_wins_nor_dominates(make_study: MakeStudy) -> None:
    champion = replace(ARMS[-2], mss=0.01, tv=0.01)
    results = load_results(make_study([*ARMS[:-2], champion]))
    assert standings(results)["random-spline"] == "baseline"
    assert {arm.name for arm in results.front} == FRONT


def test_static_curves_neither_win_nor_dominate(make_study: MakeStudy) -> None:
    results = load_results(make_study([*ARMS, FakeArm(name="flat", mss=0.01, tv=0.01, range=0.049)]))
    assert standings(results)["flat"] == "static"
    assert {arm.name for arm in results.front} == FRONT


def test_an_arm_that_lacks_an_objective_is_not_comparable(make_study: MakeStudy) -> None:
    results = load_results(make_study([*ARMS, FakeArm(name="odd", mss=0.01, tv=None)]))
    odd = results.arm("odd")
    assert (odd.standing, odd.lacking) == ("not comparable", ("interpretability.tv",))
    assert "odd is not comparable: interpretability.tv is undefined for a finished seed." in findings(results)


def test_only_finished_trials_count(make_study: MakeStudy) -> None:
    arms = [
        replace(ARMS[0], outcomes={0: "diverged"}),
        replace(ARMS[1], outcomes={1: None}),
        replace(ARMS[2], outcomes={0: "failed", 1: "failed"}),
        *ARMS[3:],
    ]
    results = load_results(make_study(arms))
    assert results.counts == {"planned": 14, "finished": 10, "diverged": 1, "failed": 2, "missing": 1}
    assert [trial.state for trial in results.arm("frame").trials] == ["diverged", "finished"]
    assert results.arm("frame").metrics["audio.mss"].n == 1
    assert results.arm("lpf-4").standing == "not comparable"
    text = " ".join(findings(results))
    assert "Provisional: 10 of 14 planned trials finished (1 diverged, 2 failed, 1 missing)" in text
    assert "surviving seeds alone, which may flatter them: frame (1 of 2)" in text


def test_a_study_without_any_record_has_no_front(make_study: MakeStudy) -> None:
    results = load_results(make_study([replace(arm, outcomes={0: None, 1: None}) for arm in ARMS]))
    assert results.front == ()
    assert front_statistics(results).hypervolume == 0
    assert findings(results)[-1] == "No trial has finished: there is nothing to compare yet."


def test_any_number_of_objectives_makes_a_front(make_study: MakeStudy) -> None:
    third = Objective(metric="interpretability.range", direction="maximize")
    arms = [replace(arm, range=0.95) if arm.name == "lpf-4" else arm for arm in ARMS]
    assert standings(load_results(make_study(arms, objectives=(*OBJECTIVES, third))))["lpf-4"] == "front"
    alone = load_results(make_study(arms, objectives=OBJECTIVES[:1], name="single"))
    assert [arm.name for arm in alone.front] == ["frame"]


def test_the_hypervolume_reference_stays_where_it_is_while_trials_finish(make_study: MakeStudy) -> None:
    whole = front_statistics(load_results(make_study()))
    unfinished = [
        replace(arm, outcomes={1: None} if index < 3 else {0: None, 1: None}) for index, arm in enumerate(ARMS)
    ]
    part = front_statistics(load_results(make_study(unfinished, name="part")))
    assert [bound.reference for bound in whole.bounds] == [bound.reference for bound in part.bounds]
    assert 0 < part.hypervolume < whole.hypervolume
    assert 0 < whole.share < 1
    assert whole.size == 4


def test_arms_are_compared_with_the_first_of_the_plan(make_study: MakeStudy) -> None:
    results = load_results(make_study(seeds=6))
    compared = comparisons(results)
    assert len(compared) == 2 * 4
    assert {comparison.reference for comparison in compared} == {"frame"}
    smaller = next(c for c in compared if (c.arm, c.metric) == ("lpf-8", "interpretability.tv"))
    assert smaller.difference.estimate.mean == pytest.approx(-14, abs=0.5)
    # Six pairs reach 2 / 2^6 at best, and eight comparisons take that beyond 0.05.
    assert smaller.difference.p_value == pytest.approx(2 / 64)
    assert smaller.adjusted_p == pytest.approx(8 * 2 / 64)


def test_two_seeds_are_compared_without_a_test(make_study: MakeStudy) -> None:
    compared = comparisons(load_results(make_study()))
    assert all(c.adjusted_p is None and c.difference.estimate.lo is not None for c in compared)


def test_validation_is_another_split(make_study: MakeStudy) -> None:
    assert load_results(make_study(), "validation").split == "validation"


def test_metric_names_are_the_catalogs() -> None:
    names = list(metric_names())
    assert len(names) == len(set(names)) == 3 + 4 * (3 * 3 + 4)
    assert {"audio.mss", "curves.l1", "curves.pcc.lls3.add", "interpretability.tv"} <= set(names)


def test_findings_name_the_trade_off_and_end_with_the_caveat(make_study: MakeStudy) -> None:
    sentences = findings(load_results(make_study()))
    text = " ".join(sentences)
    assert "Best audio.mss: frame" in text
    assert "Best interpretability.tv: spline-8" in text
    assert "From frame to spline-8, audio.mss changes by +" in text
    assert "random-spline 0.3" in text
    assert "indication, not evidence" in sentences[-1]


def test_without_truth_nothing_is_said_about_it(make_study: MakeStudy) -> None:
    assert "truth" not in " ".join(findings(load_results(make_study(truth=False))))


def test_raw_curve_errors_are_the_headline_in_a_white_box_only(make_study: MakeStudy) -> None:
    results = load_results(make_study())
    assert results.is_white_box
    assert "curves.l1" in table_metrics(results)
    assert any("mean curves.l1 is" in sentence for sentence in findings(results))
    arms = tuple(
        replace(arm, trials=tuple(replace(t, config={**t.config, "synth.filter.kind": "learned"}) for t in arm.trials))
        for arm in results.arms
    )
    grey = replace(results, arms=arms)
    assert not grey.is_white_box
    assert "curves.l1" not in table_metrics(grey)
    assert "curves.l1.lls3" in table_metrics(grey) or "curves.l1.lls3" not in grey.metrics
    assert any("grey box" in sentence for sentence in findings(grey))
