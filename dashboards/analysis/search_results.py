"""What a search tried in each cell, which of its arms were confirmed, and how optimistic it was about them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from core.errors import StudyError
from core.metrics.catalog import support_of
from core.statistics.front_probability import front_probability
from core.statistics.optimism import Optimism, search_optimism
from core.statistics.summaries import Summary, summarise_all
from core.storage.records import Ask, PlannedTrial, Split, StudyPlan, TrialRecord
from dashboards.analysis.bounds import objective_bounds

Values = dict[str, dict[int, float]]
"""Values by metric and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSummary:
    """Numbers of proposals and trials of a cell."""

    name: str
    """Name of the cell; empty for a search without a grid."""
    samplers: tuple[str, ...]
    """Kinds of the samplers that proposed."""
    n_asks: int
    """Number of points that the sampler proposed."""
    n_arms: int
    """Number of different arms that the points became."""
    n_infeasible: int
    """Number of points that broke a rule."""
    n_repeated: int
    """Number of points that were those of earlier arms."""
    n_trials: int
    n_finished: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedArm:
    """An arm that a search tried."""

    name: str
    cell: str
    claimed: dict[str, float]
    """Means of the objectives over the seeds of the search, on validation; empty if a seed lacks a value."""
    front_probability: float | None
    """Probability that no other arm dominates it, from the values of the search; None if it cannot be estimated."""
    is_confirmed: bool
    """Whether it was picked to be confirmed with fresh seeds."""
    confirmed: dict[Split, dict[str, Summary]]
    """Means of the objectives over fresh seeds by split; empty if no such trial has finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResults:
    """Results of the search of a study."""

    seeds: tuple[int, ...]
    """Seeds of the search."""
    cells: tuple[CellSummary, ...]
    arms: tuple[SearchedArm, ...]
    """All arms that the search tried, in the order of their proposal."""
    optimism: dict[Split, Optimism]
    """Optimism about the confirmed arms, against their fresh seeds on a split; without splits that have no values."""

    @property
    def confirmed(self) -> tuple[SearchedArm, ...]:
        """The arms that were picked to be confirmed, most probable first."""
        picked = [arm for arm in self.arms if arm.is_confirmed]
        return tuple(sorted(picked, key=lambda arm: -(arm.front_probability or 0.0)))

    @property
    def n_trials(self) -> int:
        """Number of planned trials of the search, without those of the confirmation."""
        return sum(cell.n_trials for cell in self.cells)


def search_results(plan: StudyPlan, records: Mapping[str, TrialRecord], frame_rate: float) -> SearchResults | None:
    """The results of the search of a study; None if it has not proposed anything.

    Args:
        plan: Plan of the study.
        records: Records by digest; records of other trials are ignored.
        frame_rate: Frame rate of the modulation curves in Hz, for the bounds of the objectives.
    """
    if not plan.asks:
        return None
    metrics = [objective.metric for objective in plan.objectives]
    cell_of_arm: dict[str, str] = {}
    for ask in plan.asks:
        if ask.arm is not None:
            cell_of_arm.setdefault(ask.arm, ask.cell)
    searched = {name: [t for t in plan.trials_of(name) if t.stage == "search"] for name in cell_of_arm}
    fresh = {
        name: [trial for trial in plan.trials_of(name) if trial.stage != "search"]
        for name in cell_of_arm
        if any(trial.stage == "confirm" for trial in plan.trials_of(name))
    }
    is_baseline = {arm.name: arm.is_baseline for arm in plan.arms}
    claims = {name: _values(trials, records, metrics, "validation") for name, trials in searched.items()}
    complete = {
        name: values
        for name, values in claims.items()
        if searched[name] and not is_baseline[name] and all(len(v) == len(searched[name]) for v in values.values())
    }
    confirmations = {
        split: {name: _values(trials, records, metrics, split) for name, trials in fresh.items()}
        for split in get_args(Split)
    }
    probabilities = _front_probabilities(plan, complete)
    return SearchResults(
        seeds=tuple(dict.fromkeys(trial.seed for trials in searched.values() for trial in trials)),
        cells=_cell_summaries(plan.asks, searched, records),
        arms=tuple(
            SearchedArm(
                name=name,
                cell=cell,
                claimed={m: math.fsum(v.values()) / len(v) for m, v in complete.get(name, {}).items()},
                front_probability=probabilities.get(name),
                is_confirmed=name in fresh,
                confirmed={
                    split: means
                    for split, values in confirmations.items()
                    if (means := _summaries(values.get(name, {})))
                },
            )
            for name, cell in cell_of_arm.items()
        ),
        optimism=_optimism(plan, complete, confirmations, frame_rate),
    )


# ---------------------------------------------------------------------------------------------------------------------


def _values(
    trials: Sequence[PlannedTrial], records: Mapping[str, TrialRecord], metrics: Sequence[str], split: Split
) -> Values:
    """Finite values of finished trials by metric and seed."""
    values: Values = {metric: {} for metric in metrics}
    for trial in trials:
        record = records.get(trial.digest)
        if record is None or record.outcome != "finished":
            continue
        for metric in metrics:
            value = record.metrics.get(split, {}).get(metric)
            if value is not None and math.isfinite(value):
                values[metric][trial.seed] = value
    return values


def _summaries(values: Values) -> dict[str, Summary]:
    """Means with intervals of the metrics that have values."""
    rows = {metric: tuple(by_seed.values()) for metric, by_seed in values.items() if by_seed}
    return summarise_all(rows, {metric: support_of(metric) for metric in rows})


def _cell_summaries(
    asks: Sequence[Ask], searched: Mapping[str, Sequence[PlannedTrial]], records: Mapping[str, TrialRecord]
) -> tuple[CellSummary, ...]:
    """A summary of each cell, in the order of their first proposals."""
    by_cell: dict[str, list[Ask]] = {}
    for ask in asks:
        by_cell.setdefault(ask.cell, []).append(ask)
    summaries = []
    for cell, of_cell in by_cell.items():
        arms = dict.fromkeys(ask.arm for ask in of_cell if ask.arm is not None)
        trials = [trial for arm in arms for trial in searched[arm]]
        n_infeasible = sum(ask.problem is not None for ask in of_cell)
        finished = [trial for trial in trials if _is_finished(records.get(trial.digest))]
        summaries.append(
            CellSummary(
                name=cell,
                samplers=tuple(dict.fromkeys(ask.sampler for ask in of_cell)),
                n_asks=len(of_cell),
                n_arms=len(arms),
                n_infeasible=n_infeasible,
                n_repeated=len(of_cell) - len(arms) - n_infeasible,
                n_trials=len(trials),
                n_finished=len(finished),
            )
        )
    return tuple(summaries)


def _is_finished(record: TrialRecord | None) -> bool:
    """Whether a trial has finished with metrics."""
    return record is not None and record.outcome == "finished"


def _front_probabilities(plan: StudyPlan, values: Mapping[str, Values]) -> dict[str, float]:
    """Probability of each arm of being on the front; empty if the noise between seeds cannot be estimated."""
    directions = {objective.metric: objective.direction for objective in plan.objectives}
    try:
        return front_probability(values, directions)
    except StudyError:
        return {}


def _optimism(
    plan: StudyPlan,
    claims: Mapping[str, Values],
    confirmations: Mapping[Split, Mapping[str, Values]],
    frame_rate: float,
) -> dict[Split, Optimism]:
    """Optimism of the search by the split on which it is confirmed, without splits that lack values."""
    directions = {objective.metric: objective.direction for objective in plan.objectives}
    bounds = {objective.metric: objective_bounds(objective, frame_rate) for objective in plan.objectives}
    found: dict[Split, Optimism] = {}
    for split, confirmed in confirmations.items():
        try:
            found[split] = search_optimism(claims, confirmed, directions, bounds)
        except StudyError:
            continue
    return found
