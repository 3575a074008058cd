"""Growth of a study: the difference between its stored plan and a newly made one, and conflicts between the two."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.errors import StudyError
from core.settings.dotted import flatten
from core.settings.loading import from_settings
from core.storage.records import Objective, PlanSegment, StudyPlan
from study.planning.plan import check_distinct, more_seeds

MAX_DIFFERENCES = 6


def growth(stored: StudyPlan, new: StudyPlan) -> PlanSegment | None:
    """A segment with the arms and seeds that only the new plan has; None where the stored plan has them all.

    Raises:
        StudyError: the new plan would change or drop something of the stored one.
    """
    if found := conflicts(stored, new):
        raise StudyError(
            f"study {new.name!r} exists with another plan ({'; '.join(found)}); choose another name: --name NAME"
        )
    names = {arm.name for arm in stored.arms}
    pairs = {(trial.arm, trial.seed) for trial in stored.trials}
    arms = tuple(arm for arm in new.arms if arm.name not in names)
    trials = tuple(trial for trial in new.trials if (trial.arm, trial.seed) not in pairs)
    check_distinct((*stored.trials, *trials))
    first = new.segments[0] if new.segments else PlanSegment(stage="seeds")
    added = replace(first, stage="design" if arms else "seeds", arms=arms, trials=trials)
    # New arms get the seeds that only the stored plan has; its own arms, those of its search too, get the new seeds.
    grown = stored.with_segment(added)
    wanted = (*grown.seeds, *new.definition.study_file.get("seeds", ()))
    if completing := more_seeds(grown, tuple(dict.fromkeys(wanted))):
        added = replace(
            completing,
            stage=added.stage,
            arms=arms,
            trials=(*trials, *completing.trials),
            data_issues=added.data_issues,
            data_summary=added.data_summary,
        )
    return added if added.trials else None


def conflicts(stored: StudyPlan, new: StudyPlan) -> list[str]:
    """Sentences on what the new plan would change or drop; additional arms and seeds are no conflict."""
    found: list[str] = []
    if stored.objectives != new.objectives:
        found.append(f"objectives {_in_words(stored.objectives)} against {_in_words(new.objectives)}")
    designed = [arm.name for segment in stored.segments if segment.stage == "design" for arm in segment.arms]
    names = {arm.name for arm in new.arms}
    if gone := [name for name in designed if name not in names]:
        found.append(f"arm{'s' if len(gone) > 1 else ''} {', '.join(gone)} only in the stored plan")
    before, after = _by_arm(stored), _by_arm(new)
    changed: dict[str, list[str]] = {}
    for arm in before.keys() & after.keys():
        old, other = (replace(from_settings(config), seed=0) for config in (before[arm], after[arm]))
        if old.digest != other.digest:
            for text in _changes({**before[arm], "seed": 0}, {**after[arm], "seed": 0}):
                changed.setdefault(text, []).append(arm)
    for text, arms in sorted(changed.items()):
        named = [arm.name for arm in new.arms if arm.name in arms]
        found.append(text if len(named) == len(new.arms) else f"{text} in {', '.join(named)}")
    files = [plan.definition.study_file for plan in (stored, new)]
    if "search" in files[0] or "search" in files[1]:
        found += _changes(*({"search": file.get("search", {})} for file in files))
        if not changed:
            found += _changes(*(file.get("config", {}) for file in files))
    n_more = len(found) - MAX_DIFFERENCES
    return found if n_more <= 0 else [*found[:MAX_DIFFERENCES], f"and {n_more} more"]


def _by_arm(plan: StudyPlan) -> dict[str, dict[str, Any]]:
    return {trial.arm: trial.config for trial in plan.trials}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = flatten(old), flatten(new)
    return [
        f"{path} {before.get(path, 'unset')} against {after.get(path, 'unset')}"
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]


def _in_words(objectives: tuple[Objective, ...]) -> str:
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)
