"""A strategy sees every arm with its settings, and the validation scores of the seeds that finished."""

from core.storage.records import StudyPlan
from search_spaces.strategy import Arm
from study.planning.history import history_of
from tests.support.tiny_study import record_of


def test_every_arm_is_listed_with_what_its_finished_seeds_scored(plan: StudyPlan) -> None:
    low_pass_0, frame_0, constant_0, low_pass_1, *_ = plan.trials
    records = {
        low_pass_0.digest: record_of(
            low_pass_0, metrics={"validation": {"audio.mss": 1.0}, "test": {"audio.mss": 9.0}}
        ),
        low_pass_1.digest: record_of(low_pass_1),
        frame_0.digest: record_of(frame_0, outcome="failed", metrics={}),
        constant_0.digest: record_of(constant_0, outcome="diverged", metrics={}),
    }
    history = history_of(plan, records)
    assert [tried.arm for tried in history.arms] == [Arm(arm.name, arm.settings) for arm in plan.arms]
    low_pass, frame, constant = history.arms
    assert low_pass.values == {0: {"audio.mss": 1}, 1: records[low_pass_1.digest].metrics["validation"]}
    assert frame.values == constant.values == {}
    assert history.names == {"lpf-8", "frame", "constant"}


def test_a_study_without_records_has_arms_without_scores(plan: StudyPlan) -> None:
    assert [tried.values for tried in history_of(plan, {}).arms] == [{}, {}, {}]
