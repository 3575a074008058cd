"""Comparison of a newly made plan with the stored one: what it adds, drops and changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.settings.dotted import flatten
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
class Change:
    """A setting whose values differ; None where a plan does not have it."""

    path: str
    stored: Any
    new: Any
    arms: tuple[str, ...] = ()
    """The arms in which it differs; empty if it is a setting of the study or differs in all arms of the new plan."""

    def __str__(self) -> str:
        text = f"{self.path}: {_value_text(self.stored)} stored, {_value_text(self.new)} new"
        return f"{text} (in {', '.join(self.arms)})" if self.arms else text


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
        texts = (
            [f"arm{'s' if len(dropped) > 1 else ''} {', '.join(dropped)} only in the stored plan"] if dropped else []
        )
        if self.is_started_race and self.added_arms:
            added = ", ".join(arm.name for arm in self.added_arms)
            texts.append(f"arm{'s' if len(self.added_arms) > 1 else ''} {added} only in the new plan")
        return [*texts, *map(str, self.changes)]


def compare_plans(stored: StudyPlan, new: StudyPlan) -> PlanComparison:
    """Compare a newly made plan with the stored one."""
    stored_names = {arm.name for arm in stored.arms}
    new_names = {arm.name for arm in new.arms}
    design_arms = [arm.name for segment in stored.segments if segment.stage == "design" for arm in segment.arms]
    stored_seeds = {*stored.seeds, *stored.study_file.get("seeds", ())}
    arm_changes = list(_arm_changes(stored, new))
    study_changes = list(_study_changes(stored, new, with_config=not arm_changes))
    raised = [change for change in study_changes if _is_raised_budget(change)]
    return PlanComparison(
        added_arms=tuple(arm for arm in new.arms if arm.name not in stored_names),
        dropped_arms=tuple(name for name in design_arms if name not in new_names),
        added_seeds=tuple(seed for seed in new.study_file.get("seeds", ()) if seed not in stored_seeds),
        raised_budgets=tuple(raised),
        changes=(*_objective_changes(stored, new), *arm_changes, *(c for c in study_changes if c not in raised)),
        is_started_race="race" in stored.study_file and bool(stored.segments),
    )


def _objective_changes(stored: StudyPlan, new: StudyPlan) -> Iterator[Change]:
    """The objectives, if they differ."""
    if stored.objectives != new.objectives:
        before, after = (_objectives_text(plan.objectives) for plan in (stored, new))
        yield Change(path="objectives", stored=before, new=after)


def _arm_changes(stored: StudyPlan, new: StudyPlan) -> Iterator[Change]:
    """Settings that differ in arms of both plans, sorted by path; each change of several arms occurs once."""
    before = {arm.name: arm for arm in stored.arms}
    arms_of_change: dict[tuple[str, str, str], tuple[Any, Any, list[str]]] = {}
    for arm in new.arms:
        if arm.name not in before or before[arm.name].sha256 == arm.sha256:
            continue
        for path, old, other in _differences(before[arm.name].config, arm.config):
            _, _, names = arms_of_change.setdefault((path, repr(old), repr(other)), (old, other, []))
            names.append(arm.name)
    for (path, *_), (old, other, names) in sorted(arms_of_change.items(), key=lambda item: item[0]):
        yield Change(path=path, stored=old, new=other, arms=() if len(names) == len(new.arms) else tuple(names))


def _study_changes(stored: StudyPlan, new: StudyPlan, *, with_config: bool) -> Iterator[Change]:
    """Differences of the tables that decide what a study proposes, and of the settings that its proposals share."""
    files = [plan.study_file for plan in (stored, new)]
    tables = [{name: file[name] for name in STRATEGY_TABLES if name in file} for file in files]
    for path, old, other in _differences(*tables):
        yield Change(path=path, stored=old, new=other)
    seeds = [file.get("seeds") for file in files]
    if all("race" in table for table in tables) and seeds[0] != seeds[1]:
        yield Change(path="seeds", stored=seeds[0], new=seeds[1])
    if with_config and all(tables):
        for path, old, other in _differences(*(file.get("config", {}) for file in files)):
            yield Change(path=path, stored=old, new=other)


def _is_raised_budget(change: Change) -> bool:
    """Whether the change raises a budget."""
    is_number = isinstance(change.stored, int) and isinstance(change.new, int)
    return change.path in BUDGETS and is_number and change.new > change.stored


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Dotted path and both values of all settings that differ."""
    before, after = flatten(old), flatten(new)
    return [
        (path, before.get(path), after.get(path))
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]


def _value_text(value: Any) -> str:
    """A value as text; "unset" for None."""
    return "unset" if value is None else str(value)


def _objectives_text(objectives: tuple[Objective, ...]) -> str:
    """Directions and names of the objectives, for messages."""
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)
