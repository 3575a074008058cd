"""History of a study for its search strategy: arms with their validation metrics, without test metrics."""

from collections.abc import Mapping

from core.storage.records import StudyPlan, TrialRecord
from search_spaces.strategy import Arm, History, TriedArm


def history_of(plan: StudyPlan, records: Mapping[str, TrialRecord]) -> History:
    """The arms of a plan with the validation metrics of their finished trials.

    Args:
        plan: Plan of the study.
        records: Records by digest; planned trials without one are ignored.
    """
    return History(
        arms=tuple(
            TriedArm(
                arm=Arm(arm.name, arm.settings),
                values={
                    trial.seed: record.metrics["validation"]
                    for trial in plan.trials_of(arm.name)
                    if (record := records.get(trial.digest)) and record.outcome == "finished"
                },
            )
            for arm in plan.arms
        )
    )
