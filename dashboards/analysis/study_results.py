"""A study's plan and ledger joined: what each arm came to, over its seeds, and how it stands on the front."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from core.loading import flatten
from core.metrics.catalog import FITS, METRICS, SIGNALS, metric_info
from core.results import STATIC_RANGE, MetricValues, Objective, Outcome, Split, StudyPlan, TrialRecord
from core.store import Store
from dashboards.analysis.pareto import Bounds, FrontStatistics, Goal, hypervolume, metric_bounds, non_dominated
from dashboards.analysis.statistics import Estimate, PairedDifference, holm, mean_with_interval, paired_difference

Standing = Literal["front", "dominated", "baseline", "static", "not comparable"]
State = Outcome | Literal["missing"]
RANGE = "interpretability.range"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A planned trial and its record, where it has one."""

    digest: str
    seed: int
    config: dict[str, Any]
    """Dotted settings."""
    record: TrialRecord | None

    @property
    def state(self) -> State:
        return self.record.outcome if self.record else "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """One arm over its seeds. Only finished trials give values."""

    name: str
    factors: dict[str, Any]
    trials: tuple[TrialResult, ...]
    values: dict[str, dict[int, float]]
    """Metric -> seed -> value, where it is defined."""
    metrics: dict[str, Estimate]
    undefined: dict[str, int]
    """Values (clip and signal) that a metric left out, over the finished seeds."""
    is_baseline: bool
    is_static: bool
    lacking: tuple[str, ...]
    """Objectives that a finished seed does not have."""
    standing: Standing

    @property
    def config(self) -> dict[str, Any]:
        """Dotted settings, the seed's aside."""
        return {path: value for path, value in self.trials[0].config.items() if path != "seed"} if self.trials else {}

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(trial.seed for trial in self.trials)

    @property
    def finished(self) -> tuple[TrialResult, ...]:
        return tuple(trial for trial in self.trials if trial.state == "finished")

    @property
    def n_lost(self) -> int:
        """Trials that ended without a result; those still to run do not count."""
        return sum(trial.state in ("diverged", "failed") for trial in self.trials)

    @property
    def on_front(self) -> bool:
        return self.standing == "front"

    @property
    def is_eligible(self) -> bool:
        """Whether the arm may stand on a front and dominate others."""
        return not self.is_baseline and not self.is_static


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An arm against the reference arm in one objective."""

    arm: str
    reference: str
    metric: str
    difference: PairedDifference
    adjusted_p: float | None
    """Holm's adjustment over all comparisons of the study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults:
    """Everything that tables and figures show."""

    plan: StudyPlan
    split: Split
    arms: tuple[ArmResult, ...]
    metrics: tuple[str, ...]
    """Names of all metrics that any arm has, in the catalog's order."""
    counts: dict[str, int] = field(default_factory=dict)
    """Trials planned, finished, diverged, failed and missing."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return self.plan.objectives

    @property
    def front(self) -> tuple[ArmResult, ...]:
        return self.standing("front")

    @property
    def is_complete(self) -> bool:
        return self.counts["finished"] == self.counts["planned"]

    @property
    def has_truth(self) -> bool:
        return any(name.startswith("curves.") for name in self.metrics)

    @property
    def is_white_box(self) -> bool:
        """Whether every trained arm plays the frozen synth that made the sounds, so that raw curves compare."""
        white = {"data.kind": "synthetic", "synth.kind": "mod_synth"}
        white |= {"synth.oscillator.kind": "frozen", "synth.filter.kind": "rbj"}
        trained = [arm.config for arm in self.arms if not arm.is_baseline]
        return all(config.get(path, kind) == kind for config in trained for path, kind in white.items())

    @property
    def n_pairs(self) -> int:
        """Seeds that the eligible arms have finished: the smallest number over those that have any."""
        return min((len(arm.finished) for arm in self.arms if arm.is_eligible and arm.finished), default=0)

    def standing(self, standing: Standing) -> tuple[ArmResult, ...]:
        return tuple(arm for arm in self.arms if arm.standing == standing)

    def arm(self, name: str) -> ArmResult:
        return next(arm for arm in self.arms if arm.name == name)


def load_results(store: Store, split: Split = "test") -> StudyResults:
    """Join plan and ledger; a study that still runs gives what is there."""
    plan = store.plan()
    arms = [_arm(store, plan, arm.name, split) for arm in plan.arms]
    records = [trial.state for arm in arms for trial in arm.trials]
    counts = {"planned": len(records)} | {
        state: records.count(state) for state in ("finished", "diverged", "failed", "missing")
    }
    present = {name for arm in arms for name in arm.values}
    return StudyResults(
        plan=plan,
        split=split,
        arms=_with_standing(arms, plan.objectives),
        metrics=tuple(name for name in metric_names() if name in present),
        counts=counts,
    )


def metric_names() -> Iterator[str]:
    """Every name the catalog allows: means over the signals first, then signal by signal."""
    for signal in ("", *SIGNALS):
        for info in METRICS:
            if info.group in ("audio", "cost") and signal:
                continue
            for fit in FITS if info.group == "curves" else ("",):
                yield ".".join(part for part in (info.name, fit, signal) if part)


def front_arms(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> set[str]:
    """Names of the eligible arms that have every objective and that none of their like dominates."""
    names = [objective.metric for objective in objectives]
    candidates = [arm for arm in arms if arm.is_eligible and not _lacking(arm.trials, arm.values, names)]
    mask = non_dominated(_points(candidates, objectives), [objective.direction for objective in objectives])
    return {arm.name for arm, keep in zip(candidates, mask, strict=True) if keep}


def front_statistics(results: StudyResults) -> FrontStatistics:
    """Size and hypervolume of the front over the study's objectives.

    The reference point follows from the plan alone (`metric_bounds`): it does not move as trials finish.
    """
    objectives = results.objectives
    bounds = [_bounds(results, objective) for objective in objectives]
    points = _points(results.front, objectives)
    volume = hypervolume(points, [o.direction for o in objectives], [bound.reference for bound in bounds])
    box = math.prod(abs(bound.reference - bound.ideal) for bound in bounds)
    return FrontStatistics(
        objectives=tuple(objective.metric for objective in objectives),
        arms=tuple(arm.name for arm in results.front),
        hypervolume=volume,
        share=volume / box,
        bounds=tuple(bounds),
    )


def comparisons(results: StudyResults) -> tuple[Comparison, ...]:
    """Every eligible arm against the first one of the plan, in each objective, paired by seed.

    The reference is fixed by the plan, so that the results have no say in what is compared.
    """
    eligible = [arm for arm in results.arms if not arm.is_baseline]
    pairs = [
        (arm, objective.metric, difference)
        for objective in results.objectives
        for arm in eligible[1:]
        if (difference := _difference(arm, eligible[0], objective.metric))
    ]
    tested = [difference.p_value for _, _, difference in pairs if difference.p_value is not None]
    adjusted = iter(holm(tested))
    return tuple(
        Comparison(
            arm=arm.name,
            reference=eligible[0].name,
            metric=metric,
            difference=difference,
            adjusted_p=None if difference.p_value is None else next(adjusted),
        )
        for arm, metric, difference in pairs
    )


# ---------------------------------------------------------------------------------------------------------------------


def _arm(store: Store, plan: StudyPlan, name: str, split: Split) -> ArmResult:
    planned = next(arm for arm in plan.arms if arm.name == name)
    trials = tuple(
        TrialResult(
            digest=trial.digest, seed=trial.seed, config=flatten(trial.config), record=store.record(trial.digest)
        )
        for trial in plan.trials
        if trial.arm == name
    )
    values: dict[str, dict[int, float]] = {}
    undefined: Counter[str] = Counter()
    for trial in trials:
        if trial.record is not None and trial.state == "finished":
            undefined.update(trial.record.undefined.get(split, {}))
            for metric, value in (trial.record.metrics.get(split, {}) | _costs(trial.record)).items():
                if value is not None and math.isfinite(value):
                    values.setdefault(metric, {})[trial.seed] = value
    metrics = {metric: mean_with_interval(list(by_seed.values())) for metric, by_seed in values.items()}
    return ArmResult(
        name=name,
        factors=planned.factors,
        trials=trials,
        values=values,
        metrics=metrics,
        undefined={metric: count for metric, count in sorted(undefined.items()) if count},
        is_baseline=planned.is_baseline,
        is_static=RANGE in metrics and metrics[RANGE].mean < STATIC_RANGE,
        lacking=_lacking(trials, values, [objective.metric for objective in plan.objectives]),
        standing="not comparable",
    )


def _costs(record: TrialRecord) -> MetricValues:
    """What a trial took: no metric of its own, since the same trial takes another time elsewhere."""
    return {"cost.train_s": record.history[-1]["elapsed_s"]} if record.history else {}


def _with_standing(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> tuple[ArmResult, ...]:
    front = front_arms(arms, objectives)
    return tuple(replace(arm, standing=_standing(arm, front)) for arm in arms)


def _standing(arm: ArmResult, front: set[str]) -> Standing:
    if arm.is_baseline:
        return "baseline"
    if arm.is_static:
        return "static"
    if arm.lacking:
        return "not comparable"
    return "front" if arm.name in front else "dominated"


def _lacking(
    trials: Sequence[TrialResult], values: dict[str, dict[int, float]], names: Sequence[str]
) -> tuple[str, ...]:
    """Metrics that some finished seed lacks; a mean over the others would flatter the arm."""
    finished = {trial.seed for trial in trials if trial.state == "finished"}
    return tuple(name for name in names if not finished or finished - values.get(name, {}).keys())


def _points(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = [[arm.metrics[objective.metric].mean for objective in objectives] for arm in arms]
    return np.asarray(rows, dtype=np.float64).reshape(len(arms), len(objectives))


def _difference(arm: ArmResult, reference: ArmResult, metric: str) -> PairedDifference | None:
    return paired_difference(arm.values.get(metric, {}), reference.values.get(metric, {}))


def _bounds(results: StudyResults, objective: Objective) -> Bounds:
    metric_info(objective.metric)
    goal: Goal = objective.direction
    rates = [
        trial.config["signal.sample_rate"] / trial.config["signal.hop_length"]
        for arm in results.arms
        for trial in arm.trials
        if "signal.sample_rate" in trial.config and "signal.hop_length" in trial.config
    ]
    return metric_bounds(objective.metric, goal, max(rates, default=125.0))
