"""Results of one arm of a study: its trials, and the mean of each metric over its seeds."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from core.metrics.base import TrialCost
from core.metrics.catalog import METRICS, support_of
from core.metrics.interpretability import RANGE
from core.settings.dotted import flatten
from core.statistics.summaries import Summary, summarise_all
from core.storage.records import STATIC_RANGE, MetricValues, Outcome, PlannedArm, Split, TrialRecord

ArmStatus = Literal["front", "dominated", "baseline", "granular", "static", "not comparable", "searched"]
"""Whether an arm is on the Pareto front, or why it is not; `searched` if only a search has tried it."""
FrontStatus = ArmStatus | Literal["undecided"]
"""Status of an arm, or `undecided` if a race leaves open whether it is on the front, whatever its means are."""
TrialState = Outcome | Literal["missing"]
"""Outcome of a trial; `missing` if it has no record."""
ValuesBySeed = Mapping[str, Mapping[int, float]]
"""Values by metric and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A planned trial and its record."""

    digest: str
    seed: int
    record: TrialRecord | None
    """Record of the committed attempt; None if there is none."""

    @property
    def state(self) -> TrialState:
        """Outcome of the trial; `missing` if it has no record."""
        return self.record.outcome if self.record else "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """Results of one arm over its seeds; only finished trials contribute values."""

    name: str
    config: dict[str, Any]
    """Dotted settings without the seed."""
    factors: dict[str, Any]
    """Dotted settings that define the arm and differ between arms."""
    trials: tuple[TrialResult, ...]
    """Planned trials with their records, one per seed."""
    values: dict[str, dict[int, float]]
    """Values by metric and seed, without undefined ones."""
    metrics: dict[str, Summary]
    """Mean over the seeds with its interval, median and interquartile mean, by metric."""
    undefined: dict[str, int]
    """Number of undefined values (per clip and modulation) by metric, summed over the finished seeds."""
    is_baseline: bool
    """Whether it is only there to compare with: its curves do not depend on the sound, or it is granular."""
    is_static: bool
    """Whether its curves are almost constant: their mean range is below `STATIC_RANGE`."""
    lacking: tuple[str, ...]
    """Objectives that are undefined for a finished seed; all objectives if no seed has finished."""
    status: ArmStatus

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of all trials of the arm."""
        return tuple(trial.seed for trial in self.trials)

    @property
    def finished(self) -> tuple[TrialResult, ...]:
        """The finished trials of the arm."""
        return tuple(trial for trial in self.trials if trial.state == "finished")

    @property
    def n_lost(self) -> int:
        """Number of trials that ended without metrics; missing and cancelled ones, which run again, do not count."""
        return sum(trial.state not in ("finished", "missing", "cancelled") for trial in self.trials)

    @property
    def on_front(self) -> bool:
        """Whether the arm is on the Pareto front of the study's objectives."""
        return self.status == "front"

    @property
    def is_granular(self) -> bool:
        """Whether most controls of its synth have no curve: its sound is a reference, its curves say little."""
        return self.status == "granular"

    @property
    def is_eligible(self) -> bool:
        """Whether the arm may be on a Pareto front: neither a baseline nor static."""
        return not self.is_baseline and not self.is_static


def arm_result(
    arm: PlannedArm,
    trials: Sequence[TrialResult],
    *,
    factors: dict[str, Any],
    objectives: Sequence[str],
    split: Split,
    with_intervals: bool = True,
) -> ArmResult:
    """Summarise the trials of one arm.

    Args:
        arm: The arm as planned.
        trials: Its trials, one per seed.
        factors: Dotted settings that define it and differ between arms.
        objectives: Names of the study's objectives.
        split: Split of the data whose metrics are used.
        with_intervals: Whether means have intervals.

    Returns:
        The results with status "baseline", "granular", "static" or "not comparable". The front depends on all arms, so
        the status of eligible arms is updated later.
    """
    config = flatten(arm.config)
    is_granular = config.get("synth.control") == "granular"
    values: dict[str, dict[int, float]] = {}
    undefined: Counter[str] = Counter()
    for trial in trials:
        if trial.record is None or trial.state != "finished":
            continue
        undefined.update(trial.record.undefined.get(split, {}))
        for metric, value in (trial.record.metrics.get(split, {}) | _cost_values(trial.record)).items():
            if value is not None and math.isfinite(value):
                values.setdefault(metric, {})[trial.seed] = value
    metrics = _summaries(values, with_intervals=with_intervals)
    is_static = RANGE.name in metrics and metrics[RANGE.name].mean < STATIC_RANGE
    return ArmResult(
        name=arm.name,
        config=config,
        factors=factors,
        trials=tuple(trials),
        values=values,
        metrics=metrics,
        undefined={metric: count for metric, count in sorted(undefined.items()) if count},
        is_baseline=arm.is_baseline,
        is_static=is_static,
        lacking=lacking(trials, values, objectives),
        status="granular"
        if is_granular
        else "baseline"
        if arm.is_baseline
        else "static"
        if is_static
        else "not comparable",
    )


def with_values(arm: ArmResult, values: dict[str, dict[int, float]], objectives: Sequence[str]) -> ArmResult:
    """The arm with other values by metric and seed, such as those on the clips that all arms have defined."""
    return replace(
        arm,
        values=values,
        metrics=_summaries(values),
        lacking=lacking(arm.trials, values, objectives),
    )


def lacking(trials: Sequence[TrialResult], values: ValuesBySeed, metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of `metrics` that are undefined for a finished seed; all of them if no seed has finished.

    A mean over the other seeds would be biased in favour of the arm.
    """
    finished = {trial.seed for trial in trials if trial.state == "finished"}
    return tuple(name for name in metrics if not finished or finished - values.get(name, {}).keys())


def _summaries(values: ValuesBySeed, *, with_intervals: bool = True) -> dict[str, Summary]:
    """Summary over seeds of each metric."""
    rows = {metric: tuple(by_seed.values()) for metric, by_seed in values.items()}
    return summarise_all(rows, {metric: support_of(metric) for metric in rows}, with_intervals=with_intervals)


def _cost_values(record: TrialRecord) -> MetricValues:
    """Values of the cost metrics, which are computed from the record of a trial."""
    return {metric.name: metric.compute.function(record) for metric in METRICS if isinstance(metric.compute, TrialCost)}
