"""A study runs stage after stage: its designs, then each round of its search, decided by the store alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.storage.records import PlannedTrial, PlanSegment, StudyPlan
from core.storage.store import Store
from search_spaces.search import Search
from study.execution.stages import next_segment, stages_of
from study.execution.trial_queue import open_trials
from tests.support.tiny_study import GENETIC, SEARCH, TINY, commit, create_study, tiny_plan

SEEDS = {"design": (0, 1), "search": (1000, 1001), "confirm": (0, 1)}
Event = PlannedTrial | PlanSegment
"""Something that a study writes: the record of a trial, or a segment of its plan."""


@pytest.fixture(scope="module")
def searched() -> StudyPlan:
    """A study with a design and a search, before anything of it has run."""
    return tiny_plan(search=SEARCH)


def apply(event: Event, store: Store) -> None:
    if isinstance(event, PlanSegment):
        store.append_segment(event)
    else:
        commit(store, event)


def run_to_its_end(root: Path, apply: Callable[[Event, Store], None] = apply) -> list[Event]:
    """Go on with a study without training, and return what was written; nothing is remembered between two steps."""
    events: list[Event] = []
    while True:
        store = Store(root)
        plan = store.plan()
        left = open_trials(store, plan)
        event = left[0] if left else next_segment(store, plan)
        if event is None:
            return events
        apply(event, store)
        events.append(event)


def timeless(plan: StudyPlan) -> StudyPlan:
    return replace(plan, segments=tuple(replace(segment, created_at="") for segment in plan.segments))


def test_a_search_goes_on_round_by_round_to_its_end(tmp_path: Path, searched: StudyPlan) -> None:
    store = create_study(tmp_path, searched)
    run_to_its_end(tmp_path)
    plan = store.plan()
    assert [segment.stage for segment in plan.segments] == ["design", "search", "search", "search", "confirm"]
    assert [len(segment.arms) for segment in plan.segments] == [3, 2, 2, 1, 0]
    assert [arm.name for arm in plan.arms[3:]] == [f"search {number:03d}" for number in range(5)]
    for segment in plan.segments:
        # In these results, every arm of the search is on the front, so all are confirmed.
        arms = segment.arms or plan.arms[3:]
        assert {(trial.arm, trial.seed) for trial in segment.trials} == {
            (arm.name, seed) for arm in arms for seed in SEEDS[segment.stage]
        }
    assert {split for trial in plan.segments[1].trials for split in trial.splits} == {"validation"}
    assert {split for trial in plan.segments[-1].trials for split in trial.splits} == {"validation", "test"}
    rates = [arm.settings["optimizer.lr"] for arm in plan.arms[3:]]
    assert len(set(rates)) == 5
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert open_trials(store, plan) == []
    assert next_segment(store, plan) is None


def test_a_round_is_proposed_only_after_the_whole_round_before_it(tmp_path: Path, searched: StudyPlan) -> None:
    create_study(tmp_path, searched)
    events = run_to_its_end(tmp_path)
    sizes: list[int] = []
    for event in events:
        if isinstance(event, PlanSegment):
            sizes.append(0)
        elif sizes:
            sizes[-1] += 1
    assert sizes == [4, 4, 2, 10]


@pytest.mark.parametrize(
    ("search", "n_trials", "n_segments"),
    [(SEARCH, 6 + 10 + 10, 4), (GENETIC, 4 * 6, 3)],
    ids=["random", "nsga2 in two cells"],
)
def test_a_study_that_was_stopped_anywhere_ends_as_an_undisturbed_one(
    tmp_path: Path, search: dict[str, Any], n_trials: int, n_segments: int
) -> None:
    searched = tiny_plan(search=search, **({"arms": []} if search is GENETIC else {}))
    undisturbed = create_study(tmp_path / "undisturbed", searched)
    events = run_to_its_end(tmp_path / "undisturbed")
    assert len(events) == n_trials + n_segments
    # After every event of the one, and after every third of the other, which takes longer.
    for n_events in range(0, len(events), 1 if search is SEARCH else 3):
        root = tmp_path / f"stopped-{n_events}"
        store = create_study(root, searched)
        for event in events[:n_events]:
            apply(event, store)
        run_to_its_end(root)
        assert timeless(store.plan()) == timeless(undisturbed.plan())


def test_a_cancelled_trial_keeps_its_round_open_until_it_has_run_again(tmp_path: Path, searched: StudyPlan) -> None:
    store = create_study(tmp_path, searched)
    for trial in searched.trials:
        commit(store, trial)
    round_of_search = next_segment(store, store.plan())
    assert round_of_search is not None
    store.append_segment(round_of_search)
    plan = store.plan()
    *others, last = round_of_search.trials
    for trial in others:
        commit(store, trial)
    commit(store, last, outcome="cancelled", metrics={}, error="the study was stopped")
    stages = stages_of(store, plan)
    assert stages is not None
    assert stages.next_round(plan) is None
    assert open_trials(store, plan) == [last]
    assert stages.next_round(plan, {last.digest}) is None, "also while it runs again"
    commit(store, last)
    cancelled_once = stages.next_round(plan)
    assert cancelled_once is not None
    assert cancelled_once.stage == "search"
    undisturbed = create_study(tmp_path / "undisturbed", plan)
    for trial in plan.trials:
        commit(undisturbed, trial)
    other_stages = stages_of(undisturbed, plan)
    assert other_stages is not None
    assert cancelled_once == other_stages.next_round(plan)


def test_a_lost_trial_fails_its_arm_until_a_resume_has_run_it_again(tmp_path: Path) -> None:
    """With the last seed of the only round lost, the other arm alone is confirmed, and the lost one after a resume."""
    searched = tiny_plan(search={**SEARCH, "arms_per_cell": 2})
    store = create_study(tmp_path, searched)
    for trial in searched.trials:
        commit(store, trial)
    round_of_search = next_segment(store, store.plan())
    assert round_of_search is not None
    store.append_segment(round_of_search)
    *others, last = round_of_search.trials
    for trial in others:
        commit(store, trial)
    commit(store, last, outcome="lost", metrics={}, error="its worker died more than 2 times")
    confirmation = next_segment(store, store.plan())
    assert confirmation is not None
    assert confirmation.stage == "confirm"
    confirmed = {trial.arm for trial in confirmation.trials}
    assert confirmed == {trial.arm for trial in others} - {last.arm}
    store.append_segment(confirmation)
    for trial in confirmation.trials:
        commit(store, trial)
    assert next_segment(store, store.plan()) is None
    plan = store.plan()
    assert open_trials(store, plan) == [last]
    stages = stages_of(store, plan)
    assert stages is not None
    assert stages.next_round(plan, {last.digest}) is None, "a resume waits for it"
    commit(store, last)
    later = stages.next_round(plan)
    assert later is not None
    assert {arm for arm, _ in later.trials} == {last.arm}


def test_a_study_of_a_search_alone_begins_with_its_first_round(tmp_path: Path) -> None:
    plan = tiny_plan(arms=[], search=SEARCH)
    assert plan.segments == ()
    store = create_study(tmp_path, plan)
    run_to_its_end(tmp_path)
    assert [segment.stage for segment in store.plan().segments] == ["search", "search", "search", "confirm"]
    assert store.plan().seeds == (0, 1)


def test_a_study_without_a_search_ends_with_its_design(tmp_path: Path, plan: StudyPlan) -> None:
    store = create_study(tmp_path, plan)
    assert run_to_its_end(tmp_path) == list(plan.trials)
    assert store.plan() == plan


def test_a_definition_without_segments_begins_with_its_design(tmp_path: Path, plan: StudyPlan) -> None:
    """As after a kill between writing the definition and the first segment."""
    store = create_study(tmp_path, replace(plan, segments=()))
    run_to_its_end(tmp_path)
    assert timeless(store.plan()) == timeless(plan)


def test_a_plan_without_its_study_file_proposes_nothing(tmp_path: Path, searched: StudyPlan) -> None:
    bare = StudyPlan(definition=replace(searched.definition, study_file={}), segments=searched.segments)
    assert next_segment(create_study(tmp_path, bare), bare) is None


@pytest.mark.parametrize("outcome", ["failed", "diverged", "lost", "stopped"])
def test_a_search_goes_on_where_trials_have_no_result(tmp_path: Path, searched: StudyPlan, outcome: str) -> None:
    store = create_study(tmp_path, searched)
    for trial in searched.trials:
        commit(store, trial, outcome=outcome, metrics={})
    segment = next_segment(store, searched)
    assert segment is not None
    assert [arm.name for arm in segment.arms] == ["search 000", "search 001"]


def test_a_search_waits_until_all_trials_have_ended(tmp_path: Path, searched: StudyPlan) -> None:
    store = create_study(tmp_path, searched)
    *first, last = searched.trials
    for trial in first:
        commit(store, trial)
    stages = stages_of(store, searched)
    assert stages is not None
    assert stages.next_segment(searched) is None
    commit(store, last)
    assert stages.next_segment(searched) is not None


def test_a_search_waits_for_a_lost_trial_that_runs_again(tmp_path: Path, searched: StudyPlan) -> None:
    store = create_study(tmp_path, searched)
    for trial in searched.trials:
        commit(store, trial, outcome="lost", metrics={})
    stages = stages_of(store, searched)
    assert stages is not None
    assert stages.next_segment(searched, {searched.trials[0].digest}) is None
    assert stages.next_segment(searched) is not None


def test_a_search_that_does_not_wait_proposes_while_trials_run(
    tmp_path: Path, searched: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = create_study(tmp_path, searched)
    assert next_segment(store, searched) is None
    monkeypatch.setattr(Search, "waits", False)
    segment = next_segment(store, searched)
    assert segment is not None
    assert segment.stage == "search"


@pytest.mark.parametrize(
    "space",
    [
        [{"path": "parameterization.cutoff_hz", "values": [8.0, 4.0]}],
        [{"path": "trainer.max_steps", "values": [4, 5]}],
    ],
    ids=["arm of the design", "shared setting"],
)
def test_a_search_that_finds_an_arm_of_the_design_runs_it_with_its_own_seeds(
    tmp_path: Path, space: list[dict[str, Any]]
) -> None:
    arms = [TINY["arms"][0]]
    search = {**SEARCH, "arms_per_cell": 2, "space": space}
    config = {**TINY["config"], "parameterization": {"kind": "low_pass", "cutoff_hz": 8.0}}
    store = create_study(tmp_path, tiny_plan(arms=arms, config=config, search=search))
    run_to_its_end(tmp_path)
    plan = store.plan()
    assert len({trial.digest for trial in plan.trials}) == len(plan.trials)
    assert len(plan.arms) == 2
    assert {trial.seed for trial in plan.trials_of("lpf-8")} == {0, 1, 1000, 1001}


def test_a_search_that_finds_nothing_feasible_ends(tmp_path: Path) -> None:
    """Its last round has proposals alone, which are stored like any other."""
    kinds = {"path": "parameterization.kind", "values": ["spline"]}
    segments = {"path": "parameterization.n_segments", "low": 2, "high": 30_000}
    search = {**SEARCH, "grid": [kinds], "space": [segments, *SEARCH["space"]]}
    store = create_study(tmp_path, tiny_plan(arms=[], search=search))
    (event,) = run_to_its_end(tmp_path)
    assert isinstance(event, PlanSegment)
    assert (event.stage, event.arms, event.trials) == ("search", (), ())
    assert {ask.arm for ask in store.plan().asks} == {None}


def test_infeasible_proposals_are_recorded_and_not_run(tmp_path: Path) -> None:
    store = create_study(tmp_path, tiny_plan(arms=[], search=GENETIC))
    run_to_its_end(tmp_path)
    plan = store.plan()
    problems = [ask.problem for ask in plan.asks if ask.arm is None]
    assert problems
    assert all("n_segments" in str(problem) for problem in problems)
    assert {ask.arm for ask in plan.asks if ask.arm is not None} == {arm.name for arm in plan.arms}
    assert len(plan.arms) == 6
    generations = {ask.arm: ask.attributes["generation"] for ask in plan.asks if ask.arm is not None}
    assert sorted(generations.values()) == [0, 0, 0, 0, 1, 1]


# ------------------------------------------------------------------------------------------------------------- races


def noisy_metrics(trial: PlannedTrial) -> dict[str, Any]:
    """Values in a race: lpf-8 and frame are on the front, spline is much like frame, and lpf-4 is far off."""
    rng = np.random.default_rng([trial.seed, *trial.arm.encode()])
    centres = {"lpf-8": (2.0, 1.0), "frame": (1.0, 2.0), "spline": (1.01, 2.01), "lpf-4": (9.0, 9.0)}
    centre = centres.get(trial.arm, (0.0, 0.0))
    values = dict(zip(("audio.mss", "interpretability.tv"), centre + 0.05 * rng.standard_normal(2), strict=True))
    # The test split says the opposite, so a race that used it would end otherwise.
    return {"validation": values, "test": {name: -value for name, value in values.items()}}


@pytest.fixture(scope="module")
def racing() -> StudyPlan:
    """A study that is a race, before anything of it has run."""
    spline = {"name": "spline", "config": {"parameterization": {"kind": "spline"}}}
    lpf_4 = {"name": "lpf-4", "like": "lpf-8", "config": {"parameterization": {"cutoff_hz": 4.0}}}
    return tiny_plan(arms=[*TINY["arms"], spline, lpf_4], race={"min_seeds": 2, "max_seeds": 5, "give_up_below": 0.0})


def apply_to_race(event: Event, store: Store) -> None:
    if isinstance(event, PlanSegment):
        store.append_segment(event)
    else:
        diverges = (event.arm, event.seed) == ("frame", 1)
        changes = {"outcome": "diverged", "metrics": {}} if diverges else {"metrics": noisy_metrics(event)}
        commit(store, event, **changes)


def test_a_race_runs_to_its_end_and_drops_what_is_decided(tmp_path: Path, racing: StudyPlan) -> None:
    store = create_study(tmp_path, racing)
    run_to_its_end(tmp_path, apply_to_race)
    plan = store.plan()
    assert [segment.stage for segment in plan.segments] == ["design", "race", "race", "race"]
    seeds = {arm.name: [trial.seed for trial in plan.trials_of(arm.name)] for arm in plan.arms}
    assert seeds["constant"] == [0, 1]
    assert seeds["frame"] == seeds["spline"] == [0, 1, 2, 3, 4]
    assert len(seeds["lpf-4"]) < 5
    assert next_segment(store, plan) is None


def test_a_race_that_was_stopped_anywhere_ends_as_an_undisturbed_one(tmp_path: Path, racing: StudyPlan) -> None:
    undisturbed = create_study(tmp_path / "undisturbed", racing)
    events = run_to_its_end(tmp_path / "undisturbed", apply_to_race)
    assert sum(isinstance(event, PlanSegment) for event in events) == 3
    for n_events in range(len(events)):
        root = tmp_path / f"stopped-{n_events}"
        store = create_study(root, racing)
        for event in events[:n_events]:
            apply_to_race(event, store)
        run_to_its_end(root, apply_to_race)
        assert timeless(store.plan()) == timeless(undisturbed.plan())


def test_a_race_without_its_first_segment_begins_with_the_seeds_of_its_first_comparison(
    tmp_path: Path, racing: StudyPlan
) -> None:
    """As after a kill between writing the definition and the first segment."""
    store = create_study(tmp_path, replace(racing, segments=()))
    segment = next_segment(store, store.plan())
    assert segment is not None
    assert segment.trials == racing.trials
