"""Learning curves: mean and range over seeds by step."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.storage.records import TrialRecord
from dashboards.analysis.arm_results import ArmResult, TrialResult
from dashboards.report.learning import LEARNING, learning_curve
from dashboards.report.page import render_page
from tests.dashboards.report.html_page import HtmlPage
from tests.dashboards.report.test_sections import report_data
from tests.support.fake_study import ARMS, MakeStudy


def arm_with(make_study: MakeStudy, *histories: Mapping[float, float]) -> ArmResult:
    """An arm whose trials have validation losses by step."""
    arm = report_data(make_study, ARMS[:1], seeds=1, n_clips=0).results.arms[0]
    record = arm.trials[0].record
    assert record is not None

    def trial(seed: int, losses: Mapping[float, float]) -> TrialResult:
        history = tuple({"step": float(step), "validation_loss": loss} for step, loss in losses.items())
        changed: TrialRecord = replace(record, history=history)
        return TrialResult(digest=str(seed), seed=seed, record=changed)

    return replace(arm, trials=tuple(trial(seed, losses) for seed, losses in enumerate(histories)))


def test_a_curve_has_mean_and_range_over_seeds(make_study: MakeStudy) -> None:
    arm = arm_with(make_study, {10: 3.0, 20: 1.0}, {10: 2.0, 20: 2.0})
    assert learning_curve(arm) == [[10, 20], [2.5, 1.5], [2.0, 1.0], [3.0, 2.0]]


def test_a_trial_that_diverged_does_not_end_the_curve_of_the_others(make_study: MakeStudy) -> None:
    nan = float("nan")
    arm = arm_with(make_study, {1: 4.0, 2: 3.0, 3: 2.0}, {1: 4.0, 2: nan}, {1: 4.0, 2: 3.0, 3: 2.0})
    assert learning_curve(arm) == [[1, 2, 3], [4.0, 3.0, 2.0], [4.0, 3.0, 2.0], [4.0, 3.0, 2.0]]


def test_steps_that_few_trials_reached_do_not_count(make_study: MakeStudy) -> None:
    arm = arm_with(make_study, {1: 4.0, 2: 3.0, 3: 1.0}, {1: 4.0, 2: 3.0}, {1: 4.0, 2: 3.0})
    curve = learning_curve(arm)
    assert curve is not None
    assert curve[0] == [1, 2]


def test_long_histories_are_thinned_with_their_ends(make_study: MakeStudy) -> None:
    arm = arm_with(make_study, {step: 1 / (1 + step) for step in range(1000)})
    curve = learning_curve(arm, 20)
    assert curve is not None
    assert len(curve[0]) == 20
    assert (curve[0][0], curve[0][-1]) == (0, 999)


@pytest.mark.parametrize("losses", [{}, {5: 1.0}])
def test_a_single_validation_is_no_curve(make_study: MakeStudy, losses: Mapping[float, float]) -> None:
    assert learning_curve(arm_with(make_study, losses)) is None


def test_arms_with_the_same_steps_share_them(make_study: MakeStudy) -> None:
    data = HtmlPage(render_page(report_data(make_study, n_clips=0), (LEARNING,))).data["learning"]
    assert len(data["steps"]) == 1
    assert data["arms"].keys() == {arm.name for arm in ARMS}
    assert all(len(losses) == len(data["steps"][0]) for _, *curves in data["arms"].values() for losses in curves)
