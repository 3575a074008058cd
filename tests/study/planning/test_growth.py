"""A newly made plan adds arms and seeds to the stored one of its name, and is refused where it would change it."""

from itertools import product
from typing import Any

import pytest

from core.errors import StudyError
from core.storage.records import PlanSegment, StudyPlan
from search_spaces.strategy import Arm, Round
from search_spaces.study_file import StudyFile
from study.planning.comparison import compare_plans
from study.planning.growth import growth
from study.planning.plan import Planner, make_plan, more_seeds, planned_trials
from tests.support.tiny_study import ARMS, SEARCH, TINY, tiny_plan, tiny_study

SPLINE: dict[str, Any] = {"name": "spline", "config": {"parameterization": {"kind": "spline"}}}


SEARCHED = Round(
    stage="search",
    arms=(Arm("search 000", {"optimizer.lr": 0.002}),),
    trials=(("search 000", 1000), ("search 000", 1001)),
)


def grown(stored: StudyPlan, new: StudyPlan) -> tuple[PlanSegment, StudyPlan]:
    segment = growth(stored, new)
    assert segment is not None
    return segment, stored.with_segment(segment)


def pairs(trials: StudyPlan | PlanSegment) -> list[tuple[str, int]]:
    return [(trial.arm, trial.seed) for trial in trials.trials]


def searched_once() -> tuple[StudyFile, StudyPlan]:
    """A study that is a search alone, and its plan after a first proposal."""
    study = tiny_study(arms=[], search=SEARCH)
    plan = make_plan(study).plan
    proposed = Planner(study).segment(SEARCHED, plan)
    return study, plan.with_segment(proposed)


def test_nothing_new_is_no_growth(plan: StudyPlan) -> None:
    assert growth(plan, tiny_plan()) is None
    assert growth(plan, tiny_plan(seeds=[1])) is None
    assert growth(plan, tiny_plan(arms=list(reversed(ARMS)), question="Does it still run?")) is None


def test_further_seeds_are_growth(plan: StudyPlan) -> None:
    segment, after = grown(plan, tiny_plan(seeds=[0, 1, 2, 3]))
    assert (segment.stage, segment.arms) == ("seeds", ())
    assert pairs(segment) == [(arm, seed) for seed in (2, 3) for arm in ("lpf-8", "frame", "constant")]
    assert after.seeds == (0, 1, 2, 3)
    assert {trial.digest for trial in after.trials} == {t.digest for t in tiny_plan(seeds=[0, 1, 2, 3]).trials}


def test_further_arms_are_growth(plan: StudyPlan) -> None:
    segment, after = grown(plan, tiny_plan(arms=[*ARMS, SPLINE]))
    assert segment.stage == "design"
    assert [arm.name for arm in segment.arms] == ["spline"]
    assert pairs(segment) == [("spline", 0), ("spline", 1)]
    assert [arm.name for arm in after.arms] == ["lpf-8", "frame", "constant", "spline"]


@pytest.mark.parametrize("new_seeds", [[0, 1, 2], [2], [0], [2, 0]])
def test_arms_and_seeds_together_give_every_arm_every_seed(plan: StudyPlan, new_seeds: list[int]) -> None:
    _, after = grown(plan, tiny_plan(arms=[*ARMS, SPLINE], seeds=new_seeds))
    seeds = {0, 1, *new_seeds}
    assert sorted(pairs(after)) == sorted(product(("lpf-8", "frame", "constant", "spline"), seeds))
    whole = tiny_plan(arms=[*ARMS, SPLINE], seeds=sorted(seeds))
    assert {trial.digest for trial in after.trials} == {trial.digest for trial in whole.trials}


def test_a_new_arm_gets_the_seeds_that_the_study_was_extended_by(plan: StudyPlan) -> None:
    extension = more_seeds(plan, (0, 1, 2))
    assert extension is not None
    segment, after = grown(plan.with_segment(extension), tiny_plan(arms=[*ARMS, SPLINE]))
    assert sorted(pairs(segment)) == [("spline", 0), ("spline", 1), ("spline", 2)]
    assert growth(after, tiny_plan(arms=[*ARMS, SPLINE], seeds=[0, 1, 2])) is None


def test_a_plan_grows_step_by_step(plan: StudyPlan) -> None:
    _, after = grown(plan, tiny_plan(seeds=[0, 1, 2]))
    _, after = grown(after, tiny_plan(arms=[*ARMS, SPLINE]))
    _, after = grown(after, tiny_plan(arms=[*ARMS, SPLINE], seeds=[0, 1, 2, 3]))
    assert [segment.stage for segment in after.segments] == ["design", "seeds", "design", "seeds"]
    assert sorted(pairs(after)) == sorted(product(("lpf-8", "frame", "constant", "spline"), range(4)))


def test_arms_that_only_a_search_has_tried_are_no_conflict_and_get_no_further_seeds() -> None:
    study = tiny_study(search=SEARCH)
    stored = tiny_plan(search=SEARCH)
    proposed = Planner(study).segment(SEARCHED, stored)
    segment, after = grown(stored.with_segment(proposed), tiny_plan(search=SEARCH, seeds=[0, 1, 2]))
    assert sorted(pairs(segment)) == sorted((arm, 2) for arm in ("lpf-8", "frame", "constant"))
    assert ("search 000", 2) not in pairs(after)


def test_further_seeds_of_a_study_that_is_a_search_alone_are_stored_for_its_later_stages() -> None:
    """Its new plan has no arms, because those of its search are not known yet."""
    _, stored = searched_once()
    segment, after = grown(stored, make_plan(tiny_study(arms=[], search=SEARCH), n_seeds=3).plan)
    assert (segment.arms, segment.trials) == ((), ())
    assert after.study_file["seeds"] == [0, 1, 2]
    assert growth(after, make_plan(tiny_study(arms=[], search=SEARCH)).plan) is None


def test_an_empty_plan_takes_over_the_whole_new_one(plan: StudyPlan) -> None:
    """As after a kill between writing the definition and the first segment."""
    empty = StudyPlan(definition=plan.definition)
    segment, after = grown(empty, plan)
    assert segment.stage == "design"
    assert after.arms == plan.arms
    assert after.trials == plan.trials


# ---------------------------------------------------------------------------------------------------------- conflicts


def test_a_plan_does_not_conflict_with_itself_or_with_more_of_it(plan: StudyPlan) -> None:
    assert compare_plans(plan, tiny_plan()).conflicts == []
    assert compare_plans(plan, tiny_plan(arms=[*ARMS, SPLINE], seeds=[0, 1, 2])).conflicts == []


def test_changed_and_dropped_arms_are_conflicts(plan: StudyPlan) -> None:
    other = tiny_plan(
        seeds=[0],
        config={**TINY["config"], "trainer": {**TINY["config"]["trainer"], "max_steps": 5}},
        arms=[*ARMS[:2], SPLINE],
    )
    assert compare_plans(plan, other).conflicts == [
        "arm constant only in the stored plan",
        "trainer.max_steps: 4 stored, 5 new (in lpf-8, frame)",
    ]


def test_a_change_of_all_arms_is_stated_once(plan: StudyPlan) -> None:
    trainer = {**TINY["config"]["trainer"], "max_steps": 5}
    assert compare_plans(plan, tiny_plan(config={**TINY["config"], "trainer": trainer})).conflicts == [
        "trainer.max_steps: 4 stored, 5 new"
    ]


def test_a_change_is_a_conflict_even_where_no_seed_is_shared(plan: StudyPlan) -> None:
    """Else an arm would have some seeds with the old settings and others with the new ones."""
    trainer = {**TINY["config"]["trainer"], "max_steps": 5}
    other = tiny_plan(seeds=[2, 3], config={**TINY["config"], "trainer": trainer})
    assert compare_plans(plan, other).conflicts == ["trainer.max_steps: 4 stored, 5 new"]


def test_several_dropped_arms_are_named(plan: StudyPlan) -> None:
    assert compare_plans(plan, tiny_plan(arms=ARMS[:1])).conflicts == ["arms frame, constant only in the stored plan"]


def test_other_objectives_are_a_conflict(plan: StudyPlan) -> None:
    other = tiny_plan(objectives=[{"metric": "audio.log_mel", "direction": "minimize"}])
    assert compare_plans(plan, other).conflicts == [
        "objectives: minimize audio.mss, minimize interpretability.tv stored, minimize audio.log_mel new"
    ]


def test_a_study_that_is_a_search_alone_conflicts_with_one_of_other_settings() -> None:
    study, stored = searched_once()
    with pytest.raises(StudyError, match=r"trainer\.max_steps: 4 stored, 5 new"):
        growth(stored, make_plan(study, overrides=[("trainer.max_steps", 5)]).plan)


def test_a_search_may_get_a_larger_budget() -> None:
    segment, after = grown(tiny_plan(search=SEARCH), tiny_plan(search={**SEARCH, "arms_per_cell": 9}))
    assert (segment.arms, segment.trials) == ((), ())
    assert after.study_file["search"]["arms_per_cell"] == 9
    assert growth(after, tiny_plan(search={**SEARCH, "arms_per_cell": 9})) is None


@pytest.mark.parametrize("change", [{"arms_per_cell": 4}, {"sampler": {"kind": "random", "seed": 1}}])
def test_another_search_is_a_conflict(change: dict[str, Any]) -> None:
    """The stored one goes on as it began, so that a changed one would be ignored in silence."""
    with pytest.raises(StudyError, match="search"):
        growth(tiny_plan(search=SEARCH), tiny_plan(search={**SEARCH, **change}))


def test_a_new_arm_that_the_search_has_proposed_already_is_refused() -> None:
    _, stored = searched_once()
    twin = {"name": "twin", "config": {"optimizer": {"lr": 0.002}}}
    with pytest.raises(StudyError, match="arms 'search 000' and 'twin' are the same"):
        growth(stored, tiny_plan(arms=[twin], search=SEARCH))


def test_a_long_list_of_conflicts_is_cut(plan: StudyPlan) -> None:
    trainer = {
        "max_steps": 5,
        "batch_size": 3,
        "validate_every": 3,
        "checkpoint_every": 3,
        "gradient_clip": 0.25,
        "diverged_above": 50.0,
        "n_audio_clips": 2,
        "curriculum_share": 0.5,
    }
    with pytest.raises(StudyError, match="and 2 more") as error:
        growth(plan, tiny_plan(config={**TINY["config"], "trainer": trainer}))
    assert str(error.value).count("stored, ") == 6


def test_growth_refuses_a_conflicting_plan_and_names_the_conflicts(plan: StudyPlan) -> None:
    with pytest.raises(
        StudyError,
        match=r"study 'tiny' exists with another plan \(arm constant only in the stored plan\); "
        "choose another name: --name NAME",
    ):
        growth(plan, tiny_plan(arms=[*ARMS[:2], SPLINE]))


# --------------------------------------------------------------------------------------------------------------- races

RACE = {"min_seeds": 2, "max_seeds": 4}


def test_a_started_race_is_the_same_study_whatever_it_has_run() -> None:
    stored = tiny_plan(race=RACE)
    assert growth(stored, tiny_plan(race=RACE)) is None
    raced = PlanSegment(stage="race", trials=planned_trials(stored, [("frame", 2)], "race"))
    assert growth(stored.with_segment(raced), tiny_plan(race=RACE)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"race": {**RACE, "max_seeds": 5}}, r"race.max_seeds: 4 stored, 5 new"),
        ({"race": {**RACE, "error_rate": 0.1}}, r"race.error_rate: 0.05 stored, 0.1 new"),
        ({}, r"race.max_seeds: 4 stored, unset new"),
        ({"race": RACE, "seeds": [0, 5]}, r"seeds: \[0, 1, 2, 3\] stored, \[0, 5, 6, 7\] new"),
        ({"race": RACE, "arms": [*ARMS, SPLINE]}, r"arm spline only in the new plan"),
        ({"race": RACE, "arms": ARMS[:2]}, r"arm constant only in the stored plan"),
    ],
)
def test_a_started_race_does_not_change(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        growth(tiny_plan(race=RACE), tiny_plan(**changes))
    assert "a race is fixed before it starts: its error rate holds for the arms" in str(caught.value)


def test_a_study_that_has_run_does_not_become_a_race(plan: StudyPlan) -> None:
    with pytest.raises(StudyError, match=r"race.min_seeds: unset stored, 2 new"):
        growth(plan, tiny_plan(race=RACE))


def test_a_race_without_its_first_segment_takes_over_the_new_plan() -> None:
    """As after a kill between writing the definition and the first segment."""
    whole = tiny_plan(race=RACE)
    segment, after = grown(StudyPlan(definition=whole.definition), whole)
    assert segment.stage == "design"
    assert after.trials == whole.trials
