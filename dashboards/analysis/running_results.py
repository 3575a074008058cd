"""Results of a running study, updated record by record.

They equal `make_results` over the same records exactly, but a further record costs the same however many there are:
only the means of its arm and the front of all arm means are computed again.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from core.metrics.interpretability import RANGE
from core.statistics.pareto import hypervolume, non_dominated
from core.storage.records import Split, StudyPlan, TrialRecord
from dashboards.analysis.arm_results import ArmResult, ArmStatus, FrontStatus, arm_result
from dashboards.analysis.race_results import front_status, race_results
from dashboards.analysis.study_results import front_statistics, make_results


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """The Pareto front of a study, and how many of its trials have been recorded."""

    n_recorded: int
    """Number of trials that have ended with a record; cancelled ones have not ended."""
    n_finished: int
    """Number of trials that have finished; the other recorded ones diverged, failed or were stopped."""
    size: int
    """Number of arms on the front."""
    hypervolume: float
    share: float
    """Hypervolume as a share of the box between the ideal and the reference values."""


class RunningResults:
    """Status of each arm and Pareto front of a study, while its trials are recorded."""

    def __init__(self, plan: StudyPlan, split: Split = "test") -> None:
        """Results before the first record.

        Args:
            plan: Plan of the study.
            split: Split of the data whose metrics are used.

        Raises:
            ConfigError: an objective is not a metric of the catalogue.
        """
        self._split = split
        self._records: dict[str, TrialRecord] = {}
        self._n_finished = self._n_ended = 0
        self.grow(plan)

    def grow(self, plan: StudyPlan) -> None:
        """Replace the plan by one with additional segments; the records are kept."""
        self._plan = plan
        empty = make_results(plan, {}, self._split)
        self._objectives = [objective.metric for objective in plan.objectives]
        self._directions = [objective.direction for objective in plan.objectives]
        self._bounds = front_statistics(empty).bounds
        self._planned = {arm.name: arm for arm in plan.arms}
        self._empty = {arm.name: arm for arm in empty.arms}
        self._trials = {trial.digest: trial for trial in plan.trials}
        self._row = {arm.name: row for row, arm in enumerate(empty.arms)}
        self._statuses: list[ArmStatus] = [arm.status for arm in empty.arms]
        self._is_candidate = np.zeros(len(empty.arms), dtype=bool)
        self._means = np.zeros((len(empty.arms), len(plan.objectives)))
        recorded = [self._trials[digest] for digest in self._records]
        for name in dict.fromkeys(trial.arm for trial in recorded if trial.stage != "search"):
            self._update(name)

    def add(self, record: TrialRecord) -> FrontPoint:
        """Add the record of a planned trial, in place of an earlier one of the same trial, and return the front.

        Raises:
            KeyError: the trial is not planned.
        """
        trial = self._trials[record.digest]
        earlier = self._records.get(record.digest)
        self._n_finished += (record.outcome == "finished") - (earlier is not None and earlier.outcome == "finished")
        self._n_ended += record.has_ended - (earlier is not None and earlier.has_ended)
        self._records[record.digest] = record
        if trial.stage != "search":
            self._update(trial.arm)
        return self.front_point()

    def front_point(self) -> FrontPoint:
        """The front of the records so far."""
        means = self._means[self._is_candidate]
        front = means[non_dominated(means, self._directions)]
        volume = hypervolume(front, self._directions, [bound.reference for bound in self._bounds])
        return FrontPoint(
            n_recorded=self._n_ended,
            n_finished=self._n_finished,
            size=len(front),
            hypervolume=volume,
            share=volume / math.prod(abs(bound.reference - bound.ideal) for bound in self._bounds),
        )

    def statuses(self) -> dict[str, FrontStatus]:
        """Status of each arm as the report shows it: whether it is on the front, or why it is not, or undecided."""
        statuses: dict[str, ArmStatus] = dict.fromkeys(self._planned, "searched")
        statuses |= dict(zip(self._row, self._statuses, strict=True))
        candidates = np.flatnonzero(self._is_candidate)
        names = list(self._row)
        mask = non_dominated(self._means[candidates], self._directions)
        for row, is_on_front in zip(candidates, mask, strict=True):
            statuses[names[row]] = "front" if is_on_front else "dominated"
        race = race_results(self._plan, self._records)
        return {name: front_status(name, status, race) for name, status in statuses.items()}

    def arm(self, name: str) -> ArmResult:
        """Results of an arm with the means of all its metrics. Its status disregards the front: see `statuses`.

        Raises:
            KeyError: the plan has no arm of this name with trials outside a search.
        """
        return self._arm_result(name, self._records.get)

    def _update(self, name: str) -> None:
        """Compute the objectives of an arm again."""
        result = self._arm_result(name, self._objectives_only, with_intervals=False)
        row = self._row[name]
        self._statuses[row] = result.status
        self._is_candidate[row] = result.is_eligible and not result.lacking
        if self._is_candidate[row]:
            self._means[row] = [result.metrics[metric].mean for metric in self._objectives]

    def _objectives_only(self, digest: str) -> TrialRecord | None:
        """The record of a trial with those metrics only on which the front depends; None if there is no record."""
        record = self._records.get(digest)
        if record is None:
            return None
        values = record.metrics.get(self._split, {})
        names = {RANGE.name, *self._objectives}
        return replace(record, metrics={self._split: {name: values[name] for name in names if name in values}})

    def _arm_result(
        self, name: str, record_of: Callable[[str], TrialRecord | None], *, with_intervals: bool = True
    ) -> ArmResult:
        """Results of an arm from the given records."""
        empty = self._empty[name]
        return arm_result(
            self._planned[name],
            [replace(trial, record=record_of(trial.digest)) for trial in empty.trials],
            factors=empty.factors,
            objectives=self._objectives,
            split=self._split,
            with_intervals=with_intervals,
        )
