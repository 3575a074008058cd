"""Stages of a study: strategies propose trials from earlier results; each proposal becomes a segment of the plan."""

from core.storage.records import PlanSegment, StudyPlan
from core.storage.store import Store
from search_spaces.strategy import Round
from search_spaces.study_parsing import parse_study
from study.planning.history import history_of
from study.planning.plan import Planner


def next_proposal(store: Store, plan: StudyPlan) -> Round | None:
    """The next trials that a strategy of the study proposes; None if there are no more.

    All trials of the plan must have ended.

    Raises:
        ConfigError: the settings of an arm are invalid.
    """
    if not plan.study_file:
        return None
    study = parse_study(plan.study_file)
    records = {record.digest: record for record in store.ledger()}
    # A study that is extended by seeds has them in its plan; those that a race adds are not for every arm.
    seeds = study.design_seeds if study.race else tuple(dict.fromkeys((*plan.seeds, *study.seeds)))
    history = history_of(plan, records, seeds)
    for strategy in study.strategies():
        if proposal := strategy.propose(history):
            return proposal
    return None


def next_segment(store: Store, plan: StudyPlan, planner: Planner | None = None) -> PlanSegment | None:
    """A segment with the next trials that a strategy of the study proposes; None if there are no more.

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
    return (planner or planner_of(plan)).segment(proposal, plan)


def planner_of(plan: StudyPlan) -> Planner:
    """A planner for the study file that is stored in the plan."""
    return Planner(parse_study(plan.study_file))
