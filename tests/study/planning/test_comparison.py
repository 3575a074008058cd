"""What a changed study file would add to a stored study, drop from it and change in it."""

from core.storage.plan_changes import Change
from core.storage.records import StudyPlan
from study.planning.comparison import change_text, compare_plans
from tests.support.tiny_study import ARMS, SEARCH, TINY, tiny_plan

SPLINE = {"name": "spline", "config": {"parameterization": {"kind": "spline"}}}


def test_equal_plans_differ_in_nothing(plan: StudyPlan) -> None:
    comparison = compare_plans(plan, tiny_plan())
    assert not any((comparison.added_arms, comparison.added_seeds, comparison.changes, comparison.dropped_arms))
    assert comparison.conflicts == []


def test_added_dropped_and_changed_parts_are_told_apart(plan: StudyPlan) -> None:
    trainer = {**TINY["config"]["trainer"], "max_steps": 5}
    other = tiny_plan(seeds=[0, 1, 7], config={**TINY["config"], "trainer": trainer}, arms=[*ARMS[:2], SPLINE])
    comparison = compare_plans(plan, other)
    assert [arm.name for arm in comparison.added_arms] == ["spline"]
    assert comparison.dropped_arms == ("constant",)
    assert comparison.added_seeds == (7,)
    assert comparison.changes == (Change(path="trainer.max_steps", before=4, after=5, arms=("lpf-8", "frame")),)


def test_a_setting_that_only_one_plan_has_is_unset_in_the_other(plan: StudyPlan) -> None:
    frame = {"name": "lpf-8", "config": {"parameterization": {"kind": "frame"}}}
    constant = {"name": "frame", "config": {"parameterization": {"kind": "constant", "value": 0.2}}}
    changes = compare_plans(plan, tiny_plan(arms=[frame, constant, ARMS[2]])).changes
    assert Change(path="parameterization.cutoff_hz", before=8.0, after=None, arms=("lpf-8",)) in changes
    assert "parameterization.cutoff_hz: 8.0 stored, unset new (in lpf-8)" in map(change_text, changes)


def test_budgets_of_a_search_can_be_raised_and_not_lowered() -> None:
    stored = tiny_plan(search=SEARCH)
    raised = compare_plans(stored, tiny_plan(search={**SEARCH, "arms_per_cell": 9}))
    assert [change_text(change) for change in raised.raised_budgets] == ["search.arms_per_cell: 5 stored, 9 new"]
    assert raised.conflicts == []
    lowered = compare_plans(stored, tiny_plan(search={**SEARCH, "arms_per_cell": 4}))
    assert lowered.raised_budgets == ()
    assert lowered.conflicts == ["search.arms_per_cell: 5 stored, 4 new"]


def test_a_search_may_confirm_more_arms_and_not_fewer() -> None:
    stored = tiny_plan(search=SEARCH)
    more = compare_plans(stored, tiny_plan(search=SEARCH, confirm={"max_arms": 12}))
    assert [change_text(change) for change in more.raised_budgets] == ["confirm.max_arms: 8 stored, 12 new"]
    assert more.conflicts == []
    fewer = compare_plans(stored, tiny_plan(search=SEARCH, confirm={"max_arms": 2}))
    assert fewer.conflicts == ["confirm.max_arms: 8 stored, 2 new"]
