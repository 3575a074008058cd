"""One arm of a study: its trials, and the mean of each metric over its seeds."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.metrics.base import TrialCost
from core.metrics.catalog import METRICS
from core.metrics.interpretability import RANGE
from core.storage.records import STATIC_RANGE, MetricValues, Outcome, PlannedArm, Split, TrialRecord
from dashboards.analysis.statistics import Estimate, mean_with_interval

ArmStatus = Literal["front", "dominated", "baseline", "static", "not comparable"]
TrialState = Outcome | Literal["missing"]
ValuesBySeed = Mapping[str, Mapping[int, float]]
"""Metric -> seed -> value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A planned trial and its record, None where no attempt has been committed."""

    digest: str
    seed: int
    config: dict[str, Any]
    """Dotted settings."""
    record: TrialRecord | None

    @property
    def state(self) -> TrialState:
        return self.record.outcome if self.record else "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm over its seeds. Only finished trials contribute values."""

    name: str
    factors: dict[str, Any]
    trials: tuple[TrialResult, ...]
    values: dict[str, dict[int, float]]
    """Metric -> seed -> value, where it is defined."""
    metrics: dict[str, Estimate]
    undefined: dict[str, int]
    """By metric, the number of values (clip and modulation) that are undefined, summed over the finished seeds."""
    is_baseline: bool
    is_static: bool
    lacking: tuple[str, ...]
    """Objectives that are undefined for a finished seed; all of them while no seed has finished."""
    status: ArmStatus

    @property
    def config(self) -> dict[str, Any]:
        """Dotted settings without the seed."""
        return {path: value for path, value in self.trials[0].config.items() if path != "seed"} if self.trials else {}

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(trial.seed for trial in self.trials)

    @property
    def finished(self) -> tuple[TrialResult, ...]:
        return tuple(trial for trial in self.trials if trial.state == "finished")

    @property
    def n_lost(self) -> int:
        """Number of trials that diverged or failed; trials still to run do not count."""
        return sum(trial.state in ("diverged", "failed") for trial in self.trials)

    @property
    def on_front(self) -> bool:
        return self.status == "front"

    @property
    def is_eligible(self) -> bool:
        """Whether the arm may be on a front and dominate others."""
        return not self.is_baseline and not self.is_static


def arm_result(
    arm: PlannedArm,
    trials: Sequence[TrialResult],
    *,
    factors: dict[str, Any],
    objectives: Sequence[str],
    split: Split,
) -> ArmResult:
    """Summarize the trials of one arm.

    Args:
        arm: The arm as planned.
        trials: Its trials, one per seed.
        factors: Dotted settings that set it apart from the other arms.
        objectives: Names of the study's objectives.
        split: The split whose metrics are taken.

    Returns:
        The arm with status "not comparable", "baseline" or "static"; which arms are on the front is decided later,
        among all arms.
    """
    values: dict[str, dict[int, float]] = {}
    undefined: Counter[str] = Counter()
    for trial in trials:
        if trial.record is None or trial.state != "finished":
            continue
        undefined.update(trial.record.undefined.get(split, {}))
        for metric, value in (trial.record.metrics.get(split, {}) | _costs(trial.record)).items():
            if value is not None and math.isfinite(value):
                values.setdefault(metric, {})[trial.seed] = value
    metrics = {metric: mean_with_interval(list(by_seed.values())) for metric, by_seed in values.items()}
    is_static = RANGE.name in metrics and metrics[RANGE.name].mean < STATIC_RANGE
    return ArmResult(
        name=arm.name,
        factors=factors,
        trials=tuple(trials),
        values=values,
        metrics=metrics,
        undefined={metric: count for metric, count in sorted(undefined.items()) if count},
        is_baseline=arm.is_baseline,
        is_static=is_static,
        lacking=lacking(trials, values, objectives),
        status="baseline" if arm.is_baseline else "static" if is_static else "not comparable",
    )


def lacking(trials: Sequence[TrialResult], values: ValuesBySeed, metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of `metrics` that are undefined for a finished seed: a mean over the other seeds would flatter the arm."""
    finished = {trial.seed for trial in trials if trial.state == "finished"}
    return tuple(name for name in metrics if not finished or finished - values.get(name, {}).keys())


def _costs(record: TrialRecord) -> MetricValues:
    """Metrics that are computed from the record itself."""
    return {metric.name: metric.compute.function(record) for metric in METRICS if isinstance(metric.compute, TrialCost)}
