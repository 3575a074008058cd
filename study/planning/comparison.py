"""Comparison of a newly made plan with the stored one: what it adds, drops and changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.settings.value_rules import listed, shown_text
from core.storage.plan_changes import Change, arm_changes, setting_changes
from core.storage.records import Objective, PlannedArm, StudyPlan

STRATEGY_TABLES = ("search", "confirm", "race", "early_stopping")
"""Tables of a study file that decide what a study proposes from its results."""
BUDGETS = frozenset({"search.arms_per_cell", "confirm.max_arms"})
"""Numbers in these tables that a study may raise when it grows."""
RACE_IS_FIXED = (
    "a race is fixed before it starts: its error rate holds for the arms, seeds and numbers of seeds of its plan only"
)
"""Why a race that has started does not grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanComparison:
    """What a new plan adds to a stored one, and what it drops or changes."""

    added_arms: tuple[PlannedArm, ...]
    dropped_arms: tuple[str, ...]
    """Arms of designs that only the stored plan has; arms of a search are never dropped."""
    added_seeds: tuple[int, ...]
    raised_budgets: tuple[Change, ...]
    changes: tuple[Change, ...]
    """Settings of arms and of the study that contradict the stored plan."""
    is_started_race: bool = False
    """Whether the stored study is a race with planned trials, to which no arms can be added."""

    @property
    def conflicts(self) -> list[str]:
        """Descriptions of what a stored study does not allow: what is dropped, changed, or added to a race."""
        dropped = self.dropped_arms
        texts = [f"arm{'s' if len(dropped) > 1 else ''} {listed(dropped)} only in the stored plan"] if dropped else []
        if self.is_started_race and self.added_arms:
            added = listed([arm.name for arm in self.added_arms])
            texts.append(f"arm{'s' if len(self.added_arms) > 1 else ''} {added} only in the new plan")
        return [*texts, *map(change_text, self.changes)]


def compare_plans(stored: StudyPlan, new: StudyPlan) -> PlanComparison:
    """Compare a newly made plan with the stored one."""
    stored_names = {arm.name for arm in stored.arms}
    new_names = {arm.name for arm in new.arms}
    design_arms = [arm.name for segment in stored.segments if segment.stage == "design" for arm in segment.arms]
    stored_seeds = {*stored.seeds, *stored.study_file.get("seeds", ())}
    of_arms = list(arm_changes(stored, new))
    study_changes = list(_study_changes(stored, new, with_config=not of_arms))
    raised = [change for change in study_changes if _is_raised_budget(change)]
    return PlanComparison(
        added_arms=tuple(arm for arm in new.arms if arm.name not in stored_names),
        dropped_arms=tuple(name for name in design_arms if name not in new_names),
        added_seeds=tuple(seed for seed in new.study_file.get("seeds", ()) if seed not in stored_seeds),
        raised_budgets=tuple(raised),
        changes=(*_objective_changes(stored, new), *of_arms, *(c for c in study_changes if c not in raised)),
        is_started_race="race" in stored.study_file and bool(stored.segments),
    )


def _objective_changes(stored: StudyPlan, new: StudyPlan) -> Iterator[Change]:
    """The objectives, if they differ."""
    if stored.objectives != new.objectives:
        before, after = (_objectives_text(plan.objectives) for plan in (stored, new))
        yield Change(path="objectives", before=before, after=after)


def _study_changes(stored: StudyPlan, new: StudyPlan, *, with_config: bool) -> Iterator[Change]:
    """Differences of the tables that decide what a study proposes, and of the settings that its proposals share."""
    files = [plan.study_file for plan in (stored, new)]
    tables = [{name: file[name] for name in STRATEGY_TABLES if name in file} for file in files]
    yield from setting_changes(*tables)
    seeds = [file.get("seeds") for file in files]
    if all("race" in table for table in tables) and seeds[0] != seeds[1]:
        yield Change(path="seeds", before=seeds[0], after=seeds[1])
    if with_config and all(tables):
        yield from setting_changes(*(file.get("config", {}) for file in files))


def _is_raised_budget(change: Change) -> bool:
    """Whether the change raises a budget."""
    is_number = isinstance(change.before, int) and isinstance(change.after, int)
    return change.path in BUDGETS and is_number and change.after > change.before


def change_text(change: Change) -> str:
    """A change of a stored setting as text, for messages."""
    text = f"{change.path}: {_value_text(change.before)} stored, {_value_text(change.after)} new"
    return f"{text} (in {listed(change.arms)})" if change.arms else text


def _value_text(value: Any) -> str:
    """A value as text; "unset" for None."""
    return "unset" if value is None else shown_text(value)


def _objectives_text(objectives: tuple[Objective, ...]) -> str:
    """Directions and names of the objectives, for messages."""
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)
