"""History of a study for its search strategies: arms with their validation metrics, without test metrics."""

from collections.abc import Mapping

from core.storage.records import PlannedTrial, StudyPlan, TrialRecord
from search_spaces.strategy import Arm, History, TriedArm, TriedTrial


def history_of(plan: StudyPlan, records: Mapping[str, TrialRecord], seeds: tuple[int, ...]) -> History:
    """The arms of a plan with the validation metrics of their trials.

    Args:
        plan: Plan of the study.
        records: Records by digest; planned trials without one, and cancelled ones, have no outcome yet.
        seeds: Seeds with which arms of designs are trained.
    """
    return History(
        arms=tuple(
            TriedArm(
                arm=Arm(arm.name, arm.settings),
                is_baseline=arm.is_baseline,
                trials=tuple(_tried(trial, records.get(trial.digest)) for trial in plan.trials_of(arm.name)),
            )
            for arm in plan.arms
        ),
        asks=plan.asks,
        objectives=plan.objectives,
        seeds=seeds,
    )


def _tried(trial: PlannedTrial, record: TrialRecord | None) -> TriedTrial:
    """A trial with the outcome and validation metrics of its record."""
    if record is None or not record.has_ended:
        return TriedTrial(seed=trial.seed, stage=trial.stage)
    values = record.metrics.get("validation", {}) if record.outcome == "finished" else {}
    return TriedTrial(seed=trial.seed, stage=trial.stage, outcome=record.outcome, values=values)
