"""Results that are updated record by record equal those that are made from all records at once."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.settings.baselines import ConstantConfig, RandomSplineConfig
from core.settings.parameterizations import FrameConfig, ParameterizationConfig
from core.storage.records import Objective, PlanSegment, StudyPlan, TrialRecord
from dashboards.analysis.running_results import FrontPoint, RunningResults
from dashboards.analysis.study_results import StudyResults, front_statistics, make_results
from dashboards.tables import STATUS_TEXT, status_cell
from tests.support.fake_stages import fake_race
from tests.support.fake_study import OBJECTIVES, FakeArm, MakeStudy, fake_study

N_SEEDS = 3
COST = Objective(metric="cost.train_s", direction="minimize")
MEL = Objective(metric="audio.log_mel", direction="minimize")
"""A metric without noise in made-up studies, so that arms tie."""
RECOVERY = Objective(metric="curves.pcc", direction="maximize")
levels = st.sampled_from([0.5, 0.7, 0.9, 1.1])
"""Few values, so that arms dominate each other in several objectives at once."""
PARAMETERIZATIONS: list[ParameterizationConfig] = [FrameConfig(), FrameConfig(), ConstantConfig(), RandomSplineConfig()]
"""Half of them baselines."""


@st.composite
def fake_arms(draw: st.DrawFn) -> list[FakeArm]:
    """Up to eight arms, among them baselines, static ones, undefined objectives and lost trials."""
    return [
        FakeArm(
            name=f"arm-{index}",
            mss=draw(levels),
            tv=draw(st.one_of(st.none(), levels)),
            range=draw(st.sampled_from([0.8, 0.8, 0.8, 0.0])),
            parameterization=draw(st.sampled_from(PARAMETERIZATIONS)),
            outcomes=draw(
                st.dictionaries(
                    st.integers(0, N_SEEDS - 1), st.sampled_from(["failed", "diverged", "cancelled", None]), max_size=2
                )
            ),
        )
        for index in range(draw(st.integers(1, 8)))
    ]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What distinguishes a made-up study."""

    arms: list[FakeArm]
    objectives: tuple[Objective, ...]
    undefined: set[int]
    """Numbers of the trials whose audio distance is `bad`."""
    bad: float | None
    order: list[int]
    """Numbers of all trials that there may be, in the order in which they end."""


N_TRIALS = 8 * N_SEEDS
studies = st.builds(
    Drawn,
    arms=fake_arms(),
    objectives=st.sampled_from([OBJECTIVES, (MEL,), (*OBJECTIVES, COST), (OBJECTIVES[0], RECOVERY)]),
    undefined=st.sets(st.integers(0, N_TRIALS - 1), max_size=2),
    bad=st.sampled_from([None, math.nan, math.inf]),
    order=st.permutations(range(N_TRIALS)),
)


def plan_and_records(drawn: Drawn) -> tuple[StudyPlan, list[TrialRecord]]:
    """The plan, and the records in the order in which the trials ended."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        store = fake_study(root, drawn.arms, seeds=N_SEEDS, n_clips=0, objectives=drawn.objectives)
        plan = store.plan()
        records = {number: store.record(trial.digest) for number, trial in enumerate(plan.trials)}
    for number in drawn.undefined:
        if (record := records.get(number)) and record.metrics:
            metrics = record.metrics["test"] | {"audio.mss": drawn.bad}
            records[number] = replace(record, metrics={"test": metrics})
    return plan, [record for number in drawn.order if (record := records.get(number))]


def front_point(results: StudyResults) -> FrontPoint:
    """The same from all records at once."""
    front = front_statistics(results)
    counts = results.counts
    return FrontPoint(
        n_recorded=counts["planned"] - counts["missing"] - counts["cancelled"],
        n_finished=counts["finished"],
        size=front.size,
        hypervolume=front.hypervolume,
        share=front.share,
    )


def made_at_once(plan: StudyPlan, records: Sequence[TrialRecord]) -> StudyResults:
    return make_results(plan, {record.digest: record for record in records})


def assert_equal(running: RunningResults, expected: StudyResults) -> None:
    assert running.statuses() == {arm.name: arm.status for arm in expected.arms}
    for arm in expected.arms:
        assert replace(running.arm(arm.name), status=arm.status) == arm


@settings(max_examples=25, deadline=None)
@given(studies)
def test_every_prefix_of_the_records_has_the_results_made_at_once(drawn: Drawn) -> None:
    plan, records = plan_and_records(drawn)
    running = RunningResults(plan)
    assert running.front_point() == front_point(made_at_once(plan, []))
    for n_records, record in enumerate(records, start=1):
        expected = made_at_once(plan, records[:n_records])
        assert running.add(record) == front_point(expected)
        assert running.statuses() == {arm.name: arm.status for arm in expected.arms}
    assert_equal(running, made_at_once(plan, records))


@settings(max_examples=12, deadline=None)
@given(studies, st.integers(1, 8))
def test_a_study_may_grow_between_its_records(drawn: Drawn, n_arms: int) -> None:
    """The later segment has further arms, and a further seed of the first arm."""
    plan, records = plan_and_records(drawn)
    (whole,) = plan.segments
    early_arms = {arm.name for arm in whole.arms[:n_arms]}
    early_trials = tuple(
        trial
        for trial in whole.trials
        if trial.arm in early_arms and not (trial.arm == whole.arms[0].name and trial.seed == N_SEEDS - 1)
    )
    first = replace(whole, arms=whole.arms[:n_arms], trials=early_trials)
    rest = PlanSegment(
        stage="search",
        arms=whole.arms[n_arms:],
        trials=tuple(trial for trial in whole.trials if trial not in early_trials),
    )
    small = StudyPlan(definition=plan.definition, segments=(first,))
    early = {trial.digest for trial in early_trials}
    running = RunningResults(small)
    for record in records:
        if record.digest in early:
            running.add(record)
    large = small.with_segment(rest)
    running.grow(large)
    before = [record for record in records if record.digest in early]
    assert running.front_point() == front_point(made_at_once(large, before))
    for record in records:
        if record.digest not in early:
            running.add(record)
    assert running.front_point() == front_point(made_at_once(large, records))
    assert_equal(running, made_at_once(large, records))


def test_a_later_attempt_replaces_the_one_before(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    plan, records = store.plan(), list(store.ledger())
    running = RunningResults(plan)
    running.add(replace(records[0], outcome="failed", metrics={}))
    for record in records:
        point = running.add(record)
    assert point == front_point(made_at_once(plan, records))
    assert point.n_recorded == point.n_finished == len(records)


def test_arms_that_a_race_leaves_open_are_undecided_as_in_the_report(tmp_path: Path) -> None:
    store = fake_race(tmp_path / "race", n_clips=0)
    plan, records = store.plan(), list(store.ledger())
    expected = made_at_once(plan, records)
    running = RunningResults(plan)
    for record in records:
        running.add(record)
    statuses = running.statuses()
    assert statuses == {arm.name: expected.front_status(arm) for arm in expected.arms}
    assert {name for name, status in statuses.items() if status == "undecided"} == {"spline-8", "spline-9"}
    cells = {arm.name: status_cell(expected, arm) for arm in expected.arms}
    assert cells == {name: STATUS_TEXT[status] for name, status in statuses.items()}
    assert running.front_point().size == len(expected.front), "the front is that of the means"


def test_a_trial_that_is_not_planned_is_refused(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    record = next(store.ledger())
    with pytest.raises(KeyError, match="unplanned"):
        RunningResults(store.plan()).add(replace(record, digest="unplanned"))


def test_trials_of_a_search_are_counted_and_belong_to_no_arm_of_the_front(make_study: MakeStudy) -> None:
    store = make_study(n_clips=0)
    (design,) = store.plan().segments
    searched = design.arms[0].name
    trials = tuple(replace(t, stage="search") if t.arm == searched else t for t in design.trials)
    plan = StudyPlan(definition=store.plan().definition, segments=(replace(design, trials=trials),))
    records = list(store.ledger())
    running = RunningResults(plan)
    for number, record in enumerate(records, start=1):
        assert running.add(record) == front_point(made_at_once(plan, records[:number]))
    statuses = running.statuses()
    assert statuses.pop(searched) == "searched"
    assert statuses == {arm.name: arm.status for arm in made_at_once(plan, records).arms}
