"""A study as a sequence of stages: each strategy proposes arms, which become a segment of the plan."""

from collections.abc import Sequence

from core.storage.records import PlanSegment, StudyPlan
from core.storage.store import Store
from search_spaces.strategy import Arm, Strategy
from search_spaces.study_file import parse_study
from study.planning.history import history_of
from study.planning.plan import Planner


def next_proposal(store: Store, plan: StudyPlan) -> tuple[Strategy, Sequence[Arm]] | None:
    """The next arms that the study's strategies propose, with the strategy; None where they propose no more.

    The trials of the plan must have ended.

    Raises:
        ConfigError: an arm cannot be built.
    """
    if not plan.definition.study_file:
        return None
    history = history_of(plan, {record.digest: record for record in store.ledger()})
    for strategy in parse_study(plan.definition.study_file).strategies():
        if arms := strategy.propose(history):
            return strategy, arms
    return None


def next_segment(store: Store, plan: StudyPlan, planner: Planner | None = None) -> PlanSegment | None:
    """A segment with the next proposal of the study's strategies, None where they propose no more.

    Args:
        planner: Of this study; with the same one for all rounds, data sources are scanned once.

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
    """A planner for the study that a plan was made from."""
    return Planner(parse_study(plan.definition.study_file))
