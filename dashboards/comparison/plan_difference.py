"""What changed between the plans of two studies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.settings.dotted import flatten
from core.storage.plan_changes import Change, arm_changes, setting_changes
from core.storage.records import StudyPlan

DATA_GROUPS = ("data", "audio")
"""Groups of settings that determine the sounds on which arms are evaluated."""
LISTED_APART = frozenset({"name", "question", "objectives", "seeds", "config", "arms", "data"})
"""Tables of a study file whose differences show in arms, seeds and settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDifference:
    """What changed from the plan of the first study to that of another one."""

    added_arms: tuple[str, ...]
    """Arms that match none of the first study."""
    removed_arms: tuple[str, ...]
    changes: tuple[Change, ...]
    """Settings of arms of the same name, and of the study."""
    added_seeds: tuple[int, ...]
    removed_seeds: tuple[int, ...]
    code_versions: tuple[tuple[str, ...], tuple[str, ...]]
    """Versions of the code of the first study, and of the other one."""
    data_changes: tuple[Change, ...]
    """Settings and facts of the data that differ."""

    @property
    def has_same_code(self) -> bool:
        """Whether all parts of both studies were planned with the same code."""
        return self.code_versions[0] == self.code_versions[1]

    @property
    def is_empty(self) -> bool:
        """Whether the plans are the same."""
        parts = (self.added_arms, self.removed_arms, self.changes, self.added_seeds, self.removed_seeds)
        return not any(parts) and not self.data_changes and self.has_same_code


def plan_difference(first: StudyPlan, other: StudyPlan, matches: Mapping[str, str]) -> PlanDifference:
    """What changed from one plan to another.

    Args:
        first: The earlier plan.
        other: The later plan.
        matches: Names of matched arms of the later plan, by name in the earlier one.
    """
    changes = list(arm_changes(first, other))
    tables = (
        {key: value for key, value in plan.study_file.items() if key not in LISTED_APART} for plan in (first, other)
    )
    changes += setting_changes(*tables)
    if first.objectives != other.objectives:
        texts = [", ".join(f"{o.direction} {o.metric}" for o in plan.objectives) for plan in (first, other)]
        changes.append(Change(path="objectives", before=texts[0], after=texts[1]))
    return PlanDifference(
        added_arms=tuple(arm.name for arm in other.arms if arm.name not in matches.values()),
        removed_arms=tuple(arm.name for arm in first.arms if arm.name not in matches),
        changes=tuple(change for change in changes if not _is_of_data(change)),
        added_seeds=tuple(seed for seed in other.seeds if seed not in first.seeds),
        removed_seeds=tuple(seed for seed in first.seeds if seed not in other.seeds),
        code_versions=(first.code_versions, other.code_versions),
        data_changes=tuple(_data_changes(first, other, changes)),
    )


# ---------------------------------------------------------------------------------------------------------------------


def _is_of_data(change: Change) -> bool:
    """Whether a change is one of the data on which arms are evaluated."""
    return change.path.partition(".")[0] in DATA_GROUPS


def _data_changes(first: StudyPlan, other: StudyPlan, changes: Sequence[Change]) -> list[Change]:
    """Settings of the data that differ in arms of the same name, or over all arms, and facts about the data."""
    found = [change for change in changes if _is_of_data(change)]
    if not found:
        before, after = (_data_settings(plan) for plan in (first, other))
        common = [path for path in before if path in after and not set(before[path]) & set(after[path])]
        found = [Change(path=path, before=_only(before[path]), after=_only(after[path])) for path in common]
    return [*found, *setting_changes(first.data_summary, other.data_summary)]


def _data_settings(plan: StudyPlan) -> dict[str, dict[str, Any]]:
    """Different values of each setting of the data over all arms, by path and then by text."""
    values: dict[str, dict[str, Any]] = {}
    for arm in plan.arms:
        groups = {name: arm.config[name] for name in DATA_GROUPS if name in arm.config}
        for path, value in flatten(groups).items():
            values.setdefault(path, {})[json.dumps(value, sort_keys=True, default=str)] = value
    return values


def _only(values: dict[str, Any]) -> Any:
    """The value, or the list of several values."""
    different = list(values.values())
    return different[0] if len(different) == 1 else different
