"""A study's plan and records joined: the results of every arm, and the front over the study's objectives."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.metrics.catalog import full_names
from core.settings.dotted import flatten
from core.storage.records import Objective, Split, StudyPlan, TrialRecord
from core.storage.store import Store
from dashboards.analysis.arm_results import ArmResult, ArmStatus, TrialResult, arm_result, lacking
from dashboards.analysis.bounds import objective_bounds
from dashboards.analysis.pareto import FrontStatistics, hypervolume, non_dominated

DEFAULT_FRAME_RATE = 125.0
"""In Hz; stands in where no planned config states sample rate and hop length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults:
    """Everything that tables and figures show."""

    plan: StudyPlan
    split: Split
    arms: tuple[ArmResult, ...]
    metrics: tuple[str, ...]
    """Full names of all metrics that any arm has, in the catalogue's order."""
    counts: dict[str, int]
    """Number of trials: planned, finished, diverged, failed and missing."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return self.plan.objectives

    @property
    def front(self) -> tuple[ArmResult, ...]:
        return self.with_status("front")

    @property
    def is_complete(self) -> bool:
        return self.counts["finished"] == self.counts["planned"]

    @property
    def has_truth(self) -> bool:
        """Whether some recovered curves were compared with true ones."""
        return any(name.startswith("curves.") for name in self.metrics)

    @property
    def is_white_box(self) -> bool:
        """Whether every trained arm has the synth that made the sounds, so that raw curves compare with the truth."""
        return all(arm.is_white_box for arm in self.plan.arms if not arm.is_baseline)

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """Records of the planned trials, whatever their outcome, in the order of the arms."""
        return tuple(trial.record for arm in self.arms for trial in arm.trials if trial.record is not None)

    @property
    def finished_at(self) -> str:
        """When the last recorded trial ended, in ISO 8601; empty where no trial has."""
        return max((record.finished_at for record in self.records), default="")

    @property
    def n_pairs(self) -> int:
        """Number of finished seeds: the smallest over the eligible arms that have any."""
        return min((len(arm.finished) for arm in self.arms if arm.is_eligible and arm.finished), default=0)

    @property
    def frame_rate(self) -> float:
        """Frames per second of the modulation curves, the largest over the planned configs."""
        rates = [
            trial.config["audio.sample_rate"] / trial.config["audio.hop_length"]
            for arm in self.arms
            for trial in arm.trials
            if "audio.sample_rate" in trial.config and "audio.hop_length" in trial.config
        ]
        return max(rates, default=DEFAULT_FRAME_RATE)

    def with_status(self, status: ArmStatus) -> tuple[ArmResult, ...]:
        return tuple(arm for arm in self.arms if arm.status == status)

    def arm(self, name: str) -> ArmResult:
        """
        Raises:
            KeyError: the plan has no arm of this name.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise KeyError(name)


def load_results(store: Store, split: Split = "test") -> StudyResults:
    """The results of a stored study; of one that is still running, those of the trials committed so far.

    Raises:
        StoreError: the store holds no study.
    """
    plan = store.plan()
    records = {trial.digest: record for trial in plan.trials if (record := store.record(trial.digest))}
    return make_results(plan, records, split)


def make_results(plan: StudyPlan, records: Mapping[str, TrialRecord], split: Split = "test") -> StudyResults:
    """Join a plan with the records of its trials.

    Args:
        plan: What was planned.
        records: Records by digest; planned trials without one count as missing, other records are ignored.
        split: The split whose metrics are taken.
    """
    trials: dict[str, list[TrialResult]] = {arm.name: [] for arm in plan.arms}
    for trial in plan.trials:
        trials[trial.arm].append(
            TrialResult(
                digest=trial.digest,
                seed=trial.seed,
                config=flatten(trial.config),
                record=records.get(trial.digest),
            )
        )
    factors = plan.factors()
    objectives = [objective.metric for objective in plan.objectives]
    arms = [
        arm_result(arm, trials[arm.name], factors=factors[arm.name], objectives=objectives, split=split)
        for arm in plan.arms
    ]
    states = [trial.state for arm in arms for trial in arm.trials]
    counts = {"planned": len(states)}
    counts |= {state: states.count(state) for state in ("finished", "diverged", "failed", "missing")}
    return StudyResults(
        plan=plan,
        split=split,
        arms=_with_front(arms, plan.objectives),
        metrics=_ordered_names(plan, {name for arm in arms for name in arm.values}),
        counts=counts,
    )


def front_arms(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> set[str]:
    """Names of the arms on the front: eligible, every objective defined, and not dominated by another such arm."""
    names = [objective.metric for objective in objectives]
    candidates = [arm for arm in arms if arm.is_eligible and not lacking(arm.trials, arm.values, names)]
    mask = non_dominated(_points(candidates, objectives), [objective.direction for objective in objectives])
    return {arm.name for arm, is_on_front in zip(candidates, mask, strict=True) if is_on_front}


def front_statistics(results: StudyResults) -> FrontStatistics:
    """Size and hypervolume of the front over the study's objectives.

    The reference point follows from the plan alone (`objective_bounds`): it does not move as trials finish.

    Raises:
        ConfigError: an objective is not a metric of the catalogue.
    """
    objectives = results.objectives
    bounds = [objective_bounds(objective, results.frame_rate) for objective in objectives]
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


# ---------------------------------------------------------------------------------------------------------------------


def _with_front(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> tuple[ArmResult, ...]:
    """The arms with the status of those that have every objective decided."""
    front = front_arms(arms, objectives)

    def decided(arm: ArmResult) -> ArmResult:
        if not arm.is_eligible or arm.lacking:
            return arm
        return replace(arm, status="front" if arm.name in front else "dominated")

    return tuple(map(decided, arms))


def _ordered_names(plan: StudyPlan, present: Iterable[str]) -> tuple[str, ...]:
    """Names in the catalogue's order over the modulations of all arms, then the others, sorted.

    The others are, for instance, those of modulations that only the truth has.
    """
    modulations = tuple(dict.fromkeys(name for arm in plan.arms for name in arm.modulations))
    catalogued = dict.fromkeys(full_names(modulations))
    left = set(present)
    return (*(name for name in catalogued if name in left), *sorted(left - catalogued.keys()))


def _points(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> Float[ndarray, "arm objective"]:
    rows = [[arm.metrics[objective.metric].mean for objective in objectives] for arm in arms]
    return np.asarray(rows, dtype=np.float64).reshape(len(arms), len(objectives))
