"""A study as a sequence of stages: each strategy proposes arms, which become a segment of the plan."""

from core.storage.records import PlanSegment, StudyPlan
from core.storage.store import Store
from search_spaces.study_file import parse_study
from study.planning.history import history_of
from study.planning.plan import Planner


def next_segment(store: Store, plan: StudyPlan) -> PlanSegment | None:
    """A segment with the next arms that the study's strategies propose, None where they propose no more.

    The trials of the plan must have ended.

    Raises:
        ConfigError, DataError, StudyError: a proposed arm cannot be planned.
    """
    if not plan.definition.study_file:
        return None
    study = parse_study(plan.definition.study_file)
    records = {record.digest: record for trial in plan.trials if (record := store.record(trial.digest))}
    history = history_of(plan, records)
    for strategy in study.strategies():
        if arms := strategy.propose(history):
            seeds = plan.seeds or study.seeds
            return Planner(study).segment(strategy.stage, arms, seeds, plan)
    return None
