"""Growth of a study: what a newly made plan adds to the stored one."""

from dataclasses import replace

from core.errors import StudyError
from core.settings.value_rules import shown_value
from core.storage.records import PlanSegment, StudyPlan
from study.planning.comparison import RACE_IS_FIXED, PlanComparison, compare_plans
from study.planning.plan import check_distinct, more_seeds

MAX_DIFFERENCES = 6
"""Maximum number of differences that an error message lists."""


def growth(stored: StudyPlan, new: StudyPlan) -> PlanSegment | None:
    """A segment with the arms and seeds that only the new plan has; None if there are none.

    It contains the new study file with the seeds of both plans, also if only budgets of a search are larger. A race
    that has started does not grow.

    Raises:
        StudyError: the new plan changes or omits parts of the stored one, or two arms are the same.
    """
    comparison = compare_plans(stored, new)
    _check_compatible(new.name, comparison)
    if "race" in stored.study_file:
        # Its arms have different numbers of seeds, which only the race decides.
        return None if stored.segments else new.segments[0]
    pairs = {(trial.arm, trial.seed) for trial in stored.trials}
    arms = comparison.added_arms
    trials = tuple(trial for trial in new.trials if (trial.arm, trial.seed) not in pairs)
    check_distinct((*stored.arms, *arms))
    first = new.segments[0] if new.segments else PlanSegment(stage="seeds")
    known = set(stored.data_files)
    files = tuple(file for file in first.data_files if file not in known)
    added = replace(first, data_files=files, stage="design" if arms else "seeds", arms=arms, trials=trials)
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
            data_files=added.data_files,
            data_notes=added.data_notes,
        )
    study_file = {**new.study_file, "seeds": _joint_seeds(stored, new)}
    if added.trials or comparison.added_seeds or comparison.raised_budgets:
        return replace(added, study_file=study_file)
    return None


def _joint_seeds(stored: StudyPlan, new: StudyPlan) -> list[int]:
    """Seeds of the study files of both plans, those of the stored one first."""
    return list(dict.fromkeys(seed for plan in (stored, new) for seed in plan.study_file.get("seeds", ())))


def _check_compatible(name: str, comparison: PlanComparison) -> None:
    """Raise StudyError if the new plan drops or changes parts of the stored one."""
    if conflicts := comparison.conflicts:
        n_more = len(conflicts) - MAX_DIFFERENCES
        reason = f"; {RACE_IS_FIXED}" if comparison.is_started_race else ""
        listed = conflicts if n_more <= 0 else [*conflicts[:MAX_DIFFERENCES], f"and {n_more} more"]
        raise StudyError(
            f"study {shown_value(name)} exists with another plan ({'; '.join(listed)}){reason}; choose another "
            "name: --name NAME"
        )
