"""Stages of a study: strategies propose arms from earlier results, and each proposal becomes a segment of the plan."""

from collections.abc import Sequence

from core.storage.records import PlanSegment, StudyPlan
from core.storage.store import Store
from search_spaces.strategy import Arm, Strategy
from search_spaces.study_file import parse_study
from study.planning.history import history_of
from study.planning.plan import Planner


def next_proposal(store: Store, plan: StudyPlan) -> tuple[Strategy, Sequence[Arm]] | None:
    """The next arms that a strategy of the study proposes, with the strategy; None if there are no more.

    All trials of the plan must have ended.

    Raises:
        ConfigError: the settings of an arm are invalid.
    """
    if not plan.definition.study_file:
        return None
    history = history_of(plan, {record.digest: record for record in store.ledger()})
    for strategy in parse_study(plan.definition.study_file).strategies():
        if arms := strategy.propose(history):
            return strategy, arms
    return None


def next_segment(store: Store, plan: StudyPlan, planner: Planner | None = None) -> PlanSegment | None:
    """A segment with the next arms that a strategy of the study proposes; None if there are no more.

    Args:
        store: Store of the study.
        plan: Plan of the study, all of whose trials must have ended.
        planner: Planner of the study, which can be reused for all segments to scan data sources only once.

    Raises:
        ConfigError, DataError, StudyError: a proposed arm cannot be planned.
    """
    proposal = next_proposal(store, plan)
    if proposal is None:
        return None
    strategy, arms = proposal
    planner = planner or planner_of(plan)
    return planner.segment(strategy.stage, arms, plan.seeds or planner.study.seeds, plan)


def planner_of(plan: StudyPlan) -> Planner:
    """A planner for the study file that is stored in the plan."""
    return Planner(parse_study(plan.definition.study_file))
