"""A strategy sees every arm with its settings, and the outcomes and validation metrics of its trials."""

from core.storage.records import StudyPlan
from search_spaces.strategy import Arm, TriedTrial
from study.planning.history import history_of
from tests.support.tiny_study import SEARCH, record_of, tiny_plan


def test_every_arm_is_listed_with_the_results_of_its_trials(plan: StudyPlan) -> None:
    low_pass_0, frame_0, constant_0, low_pass_1, *_ = plan.trials
    metrics = {"validation": {"audio.mss": 1.0, "curves.l1": None}, "test": {"audio.mss": 9.0}}
    records = {
        low_pass_0.digest: record_of(plan, low_pass_0, metrics=metrics),
        frame_0.digest: record_of(plan, frame_0, outcome="failed", metrics={}),
        constant_0.digest: record_of(plan, constant_0, outcome="diverged", metrics={}),
    }
    history = history_of(plan, records, (0, 1))
    assert [tried.arm for tried in history.arms] == [Arm(arm.name, arm.settings) for arm in plan.arms]
    low_pass, frame, constant = history.arms
    assert low_pass.trials == (
        TriedTrial(seed=0, stage="design", outcome="finished", values={"audio.mss": 1.0, "curves.l1": None}),
        TriedTrial(seed=low_pass_1.seed, stage="design"),
    )
    assert low_pass.values("audio.mss", ["design"]) == {0: 1.0}
    assert low_pass.values("audio.mss", ["search"]) == low_pass.values("curves.l1", ["design"]) == {}
    assert [trial.outcome for trial in (*frame.trials, *constant.trials)] == ["failed", None, "diverged", None]
    assert frame.values("audio.mss", ["design"]) == {}
    assert [tried.is_baseline for tried in history.arms] == [False, False, True]
    assert history.names == {"lpf-8", "frame", "constant"}
    assert history.seeds == (0, 1)
    assert history.objectives == plan.objectives


def test_a_cancelled_trial_has_no_outcome_yet(plan: StudyPlan) -> None:
    trial = plan.trials[0]
    history = history_of(plan, {trial.digest: record_of(plan, trial, outcome="cancelled", metrics={})}, (0, 1))
    assert history.arms[0].trials[0] == TriedTrial(seed=trial.seed, stage="design")


def test_a_study_without_records_has_trials_without_outcome() -> None:
    history = history_of(tiny_plan(search=SEARCH), {}, (0,))
    assert {trial.outcome for tried in history.arms for trial in tried.trials} == {None}
    assert history.asks == ()
