"""Stages of a study: strategies propose trials from earlier results; each proposal becomes a segment of the plan."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from core.storage.records import PlanSegment, StudyPlan, TrialRecord
from core.storage.store import Store
from search_spaces.strategy import Round
from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import parse_study
from study.planning.history import history_of

if TYPE_CHECKING:
    from study.planning.plan import Planner


class Stages:
    """Asks the strategies of a study what to run next; records are read only once, when their trials have ended.

    A trial that is lost, whose worker has died again and again, has ended for its session: its arm has no value with
    this seed, as if the trial had failed, so that a search goes on instead of waiting for ever. A resume runs it again
    first, and only then asks the strategies, which see its value from then on; what they proposed without it stays. A
    trial that was cancelled has not ended: nothing is proposed that would have had to wait for it.
    """

    def __init__(self, store: Store, study: StudyFile) -> None:
        self.early_stopping = study.early_stopping
        self._store = store
        self._study = study
        self._strategies = study.strategies()
        self._planner: Planner | None = None
        self._records: dict[str, TrialRecord] = {}

    def next_round(self, plan: StudyPlan, unfinished: Collection[str] = ()) -> Round | None:
        """What a strategy proposes to run next; None if there is nothing more, or the strategy waits for trials.

        Strategies are asked in their order. One that waits is not asked, nor those after it, while a trial of the plan
        has not ended.

        Args:
            plan: Plan of the study.
            unfinished: Digests of trials that run again although they have a record.

        Raises:
            ConfigError: the settings of an arm are invalid.
        """
        if plan.segments and not self._study.grows_by_results:
            return None
        self._read_records(plan, unfinished)
        all_ended = len(self._records) >= len(plan.trials)
        # A study that is extended by seeds has them in its plan; those that a race adds are not for every arm.
        seeds = self._study.design_seeds if self._study.race else (*plan.seeds, *self._study.seeds)
        history = history_of(plan, self._records, tuple(dict.fromkeys(seeds)))
        for strategy in self._strategies:
            if strategy.waits and not all_ended:
                return None
            if proposal := strategy.propose(history):
                return proposal
        return None

    def next_segment(self, plan: StudyPlan, unfinished: Collection[str] = ()) -> PlanSegment | None:
        """A segment with what a strategy proposes to run next; None as in `next_round`.

        Raises:
            ConfigError, DataError, StudyError: a proposed arm cannot be planned.
        """
        proposal = self.next_round(plan, unfinished)
        if proposal is None:
            return None
        # Imported here because a study that is complete needs no planner, which imports torch.
        from study.planning.plan import Planner

        # Scans each data source only once.
        self._planner = self._planner or Planner(self._study)
        return self._planner.segment(proposal, plan)

    def _read_records(self, plan: StudyPlan, unfinished: Collection[str]) -> None:
        """Read the records that have been committed since the last time, without what strategies do not see."""
        missing = {trial.digest for trial in plan.trials} - self._records.keys() - set(unfinished)
        # At first all at once, which is faster.
        found = (self._store.record(digest) for digest in missing) if self._records else self._store.ledger()
        for record in found:
            if record is not None and record.has_ended and record.digest in missing:
                self._records[record.digest] = replace(record, config={}, history=(), environment={}, undefined={})


def stages_of(store: Store, plan: StudyPlan) -> Stages | None:
    """The stages of the study file that is stored in a plan; None if there is none.

    Raises:
        ConfigError: the study file is invalid.
    """
    return Stages(store, parse_study(plan.study_file)) if plan.study_file else None


def next_proposal(store: Store, plan: StudyPlan) -> Round | None:
    """What a strategy of the study proposes to run next; None if there is nothing more, or trials have not ended.

    Raises:
        ConfigError: the settings of an arm are invalid.
    """
    stages = stages_of(store, plan)
    return stages.next_round(plan) if stages else None


def next_segment(store: Store, plan: StudyPlan) -> PlanSegment | None:
    """A segment with what a strategy of the study proposes to run next; None as in `next_proposal`.

    Raises:
        ConfigError, DataError, StudyError: a proposed arm cannot be planned.
    """
    stages = stages_of(store, plan)
    return stages.next_segment(plan) if stages else None
