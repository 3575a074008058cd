"""Growth of a study: additions and conflicts of a newly made plan, compared with the stored one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.errors import StudyError
from core.settings.dotted import flatten
from core.settings.loading import from_settings
from core.storage.records import Objective, PlanSegment, StudyPlan
from study.planning.plan import check_distinct, more_seeds

MAX_DIFFERENCES = 6
"""Maximum number of differences that an error message lists."""


def growth(stored: StudyPlan, new: StudyPlan) -> PlanSegment | None:
    """A segment with the arms and seeds that only the new plan has; None if there are none.

    It contains the new study file, with the seeds of both plans, if its seeds or arms are new.

    Raises:
        StudyError: the new plan changes or omits parts of the stored one, or two arms are the same.
    """
    if differences := conflicts(stored, new):
        raise StudyError(
            f"study {new.name!r} exists with another plan ({'; '.join(differences)}); choose another name: --name NAME"
        )
    names = {arm.name for arm in stored.arms}
    pairs = {(trial.arm, trial.seed) for trial in stored.trials}
    arms = tuple(arm for arm in new.arms if arm.name not in names)
    trials = tuple(trial for trial in new.trials if (trial.arm, trial.seed) not in pairs)
    check_distinct((*stored.arms, *arms))
    first = new.segments[0] if new.segments else PlanSegment(stage="seeds")
    added = replace(first, stage="design" if arms else "seeds", arms=arms, trials=trials)
    # New arms also need the seeds that only the stored plan has, and stored arms (of a search, too) the new seeds.
    grown = stored.with_segment(added)
    all_seeds = (*grown.seeds, *new.study_file.get("seeds", ()))
    if completing := more_seeds(grown, tuple(dict.fromkeys(all_seeds))):
        added = replace(
            completing,
            stage=added.stage,
            arms=arms,
            trials=(*trials, *completing.trials),
            data_issues=added.data_issues,
            data_summary=added.data_summary,
        )
    study_file = {**new.study_file, "seeds": _joint_seeds(stored, new)}
    if added.trials or not set(study_file["seeds"]) <= {*stored.seeds, *stored.study_file.get("seeds", ())}:
        return replace(added, study_file=study_file)
    return None


def _joint_seeds(stored: StudyPlan, new: StudyPlan) -> list[int]:
    """Seeds of the study files of both plans, those of the stored one first."""
    return list(dict.fromkeys(seed for plan in (stored, new) for seed in plan.study_file.get("seeds", ())))


def conflicts(stored: StudyPlan, new: StudyPlan) -> list[str]:
    """Descriptions of all parts of the stored plan that the new one changes or omits.

    Additional arms and seeds are not conflicts.
    """
    differences: list[str] = []
    if stored.objectives != new.objectives:
        differences.append(
            f"objectives: {_objectives_text(stored.objectives)} stored; {_objectives_text(new.objectives)} new"
        )
    design_arms = [arm.name for segment in stored.segments if segment.stage == "design" for arm in segment.arms]
    names = {arm.name for arm in new.arms}
    if omitted := [name for name in design_arms if name not in names]:
        differences.append(f"arm{'s' if len(omitted) > 1 else ''} {', '.join(omitted)} only in the stored plan")
    before, after = _configs_by_arm(stored), _configs_by_arm(new)
    changed: dict[str, list[str]] = {}
    for arm in before.keys() & after.keys():
        old, other = (from_settings({**config, "seed": 0}) for config in (before[arm], after[arm]))
        if old.digest != other.digest:
            for text in _setting_changes(before[arm], after[arm]):
                changed.setdefault(text, []).append(arm)
    for text, arms in sorted(changed.items()):
        named = [arm.name for arm in new.arms if arm.name in arms]
        differences.append(text if len(named) == len(new.arms) else f"{text} (in {', '.join(named)})")
    files = [plan.study_file for plan in (stored, new)]
    if "search" in files[0] or "search" in files[1]:
        differences += _setting_changes(*({key: file.get(key, {}) for key in ("search", "confirm")} for file in files))
        if not changed:
            differences += _setting_changes(*(file.get("config", {}) for file in files))
    n_more = len(differences) - MAX_DIFFERENCES
    return differences if n_more <= 0 else [*differences[:MAX_DIFFERENCES], f"and {n_more} more"]


def _configs_by_arm(plan: StudyPlan) -> dict[str, dict[str, Any]]:
    """Nested settings of each arm, by its name."""
    return {arm.name: arm.config for arm in plan.arms}


def _setting_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Descriptions of the settings that differ."""
    before, after = flatten(old), flatten(new)
    return [
        f"{path}: {before.get(path, 'unset')} stored, {after.get(path, 'unset')} new"
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]


def _objectives_text(objectives: tuple[Objective, ...]) -> str:
    """Directions and names of the objectives, for messages."""
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)
