"""Growth of a study: the difference between its stored plan and a newly made one, and conflicts between the two."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.errors import StudyError
from core.settings.dotted import flatten
from core.storage.records import Objective, PlannedTrial, PlanSegment, StudyPlan
from study.planning.plan import more_seeds

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
    known = {trial.digest for trial in stored.trials}
    names = {arm.name for arm in stored.arms}
    arms = tuple(arm for arm in new.arms if arm.name not in names)
    trials = tuple(trial for trial in new.trials if trial.digest not in known)
    if not trials:
        return None
    added = replace(new.segments[0], stage="design" if arms else "seeds", arms=arms, trials=trials)
    # New arms get the seeds that only the stored plan has, and its other arms get the new seeds.
    grown = stored.with_segment(added)
    completing = more_seeds(grown, grown.seeds)
    return added if completing is None else replace(added, trials=(*trials, *completing.trials))


def conflicts(stored: StudyPlan, new: StudyPlan) -> list[str]:
    """Sentences on what the new plan would change or drop; additional arms and seeds are no conflict."""
    found: list[str] = []
    if stored.objectives != new.objectives:
        found.append(f"objectives {_in_words(stored.objectives)} against {_in_words(new.objectives)}")
    designed = [arm.name for segment in stored.segments if segment.stage == "design" for arm in segment.arms]
    names = {arm.name for arm in new.arms}
    if gone := [name for name in designed if name not in names]:
        found.append(f"arm{'s' if len(gone) > 1 else ''} {', '.join(gone)} only in the stored plan")
    before, after = _by_arm_and_seed(stored), _by_arm_and_seed(new)
    changed: dict[str, list[str]] = {}
    for key in before.keys() & after.keys():
        if before[key].digest != after[key].digest:
            for text in _changes(before[key].config, after[key].config):
                changed.setdefault(text, []).append(key[0])
    for text, arms in sorted(changed.items()):
        named = [arm.name for arm in new.arms if arm.name in arms]
        found.append(text if len(named) == len(new.arms) else f"{text} in {', '.join(named)}")
    n_more = len(found) - MAX_DIFFERENCES
    return found if n_more <= 0 else [*found[:MAX_DIFFERENCES], f"and {n_more} more"]


def _by_arm_and_seed(plan: StudyPlan) -> dict[tuple[str, int], PlannedTrial]:
    return {(trial.arm, trial.seed): trial for trial in plan.trials}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, after = flatten(old), flatten(new)
    return [
        f"{path} {before.get(path, 'unset')} against {after.get(path, 'unset')}"
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path)
    ]


def _in_words(objectives: tuple[Objective, ...]) -> str:
    return ", ".join(f"{objective.direction} {objective.metric}" for objective in objectives)
