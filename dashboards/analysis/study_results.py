"""Results of a study, computed from its plan and records: all arms, and the Pareto front of its objectives."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import get_args

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.metrics.catalog import full_names, without_modulation
from core.metrics.interpretability import RANGE
from core.statistics.pareto import Bounds, hypervolume, non_dominated
from core.storage.clip_values import ClipValues, read_clip_values
from core.storage.curves import curves_of
from core.storage.records import STATIC_RANGE, Objective, Outcome, Split, StudyPlan, TrialRecord
from core.storage.store import Store
from dashboards.analysis.arm_results import (
    ArmResult,
    ArmStatus,
    FrontStatus,
    TrialResult,
    TrialState,
    arm_result,
    lacking,
    with_values,
)
from dashboards.analysis.bounds import objective_bounds
from dashboards.analysis.common_clips import CommonClips, ReadClipValues, common_clips
from dashboards.analysis.race_results import RaceResults, front_status, race_results
from dashboards.analysis.search_results import SearchResults, search_results
from dashboards.analysis.signature_counts import without_effect
from dashboards.analysis.truth import truth_values

STATIC_SHARE = 0.25
"""A modulation hardly moves if the mean range of its curves is below this share of that of the true curves."""
DEFAULT_FRAME_RATE = 125.0
"""Frame rate in Hz of a study whose configs have no sample rate or hop length."""


@dataclass(frozen=True, slots=True)
class FrontStatistics:
    """Arms and hypervolume of a Pareto front."""

    objectives: tuple[str, ...]
    """Full names of the metrics."""
    arms: tuple[str, ...]
    """Names of the arms on the front."""
    hypervolume: float
    share: float
    """Hypervolume as a share of the box between the ideal and the reference values."""
    bounds: tuple[Bounds, ...]
    """Ideal and reference value of each objective."""

    @property
    def size(self) -> int:
        """Number of arms on the front."""
        return len(self.arms)


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """Results of a study, from which tables, figures and reports are made."""

    plan: StudyPlan
    split: Split
    """Split of the data whose metrics are used."""
    arms: tuple[ArmResult, ...]
    """Results of all arms with trials outside a search, because only these are evaluated on the test split."""
    metrics: tuple[str, ...]
    """Full names of all metrics that any arm has, in the order of the catalogue."""
    counts: dict[str, int]
    """Numbers of trials, those of a search included: `planned`, each outcome, and `missing`."""
    ledger: Mapping[str, TrialRecord]
    """Records by digest, those of a search included."""
    common: Mapping[str, CommonClips] = field(default_factory=dict)
    """Comparisons on common clips, by full name of the metrics that some arms have undefined for some clips.

    `arms` have their means; without it, each arm is averaged over its own clips.
    """
    truth: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the true curves by full name; empty if they are unknown, or not the same for all arms."""

    @cached_property
    def race(self) -> RaceResults | None:
        """Verdicts of the race over the arms; None if the study has none."""
        return race_results(self.plan, self.ledger)

    @cached_property
    def search(self) -> SearchResults | None:
        """Arms that the search of the study tried; None if it has none."""
        return search_results(self.plan, self.ledger, self.frame_rate)

    def is_undecided(self, arm: ArmResult) -> bool:
        """Whether a race leaves open if the arm is on the front, whatever its means are."""
        return self.race is not None and self.race.is_undecided(arm.name)

    def front_status(self, arm: ArmResult) -> FrontStatus:
        """Status of an arm as it is shown: `undecided` if a race leaves open whether it is on the front."""
        return front_status(arm.name, arm.status, self.race)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Objectives of the study."""
        return self.plan.objectives

    @property
    def front(self) -> tuple[ArmResult, ...]:
        """Arms on the Pareto front of the study's objectives."""
        return self.with_status("front")

    @property
    def is_complete(self) -> bool:
        """Whether all planned trials have finished, or were stopped by an early-stopping rule."""
        return self.counts["finished"] + self.counts["stopped"] == self.counts["planned"]

    @property
    def unfinished(self) -> dict[TrialState, int]:
        """Number of trials that have not finished, by state; states without trials are left out."""
        states: tuple[TrialState, ...] = (*get_args(Outcome), "missing")
        return {state: self.counts[state] for state in states if state != "finished" and self.counts[state]}

    @property
    def has_truth(self) -> bool:
        """Whether any arm has metrics that compare recovered with true curves."""
        return any(name.startswith("curves.") for name in self.metrics)

    @property
    def is_white_box(self) -> bool:
        """Whether all trained arms have the synth that made the sounds; then raw curves are comparable to the truth."""
        return all(arm.is_white_box for arm in self.plan.arms if not arm.is_baseline)

    @property
    def records(self) -> tuple[TrialRecord, ...]:
        """Records of the planned trials with any outcome, in the order of the arms."""
        return tuple(trial.record for arm in self.arms for trial in arm.trials if trial.record is not None)

    @property
    def finished_at(self) -> str:
        """Time at which the last recorded trial ended, in ISO 8601; empty if there is no record."""
        return max((record.finished_at for record in self.records), default="")

    @property
    def n_pairs(self) -> int:
        """Smallest number of finished seeds over the eligible arms that have any; 0 if none has."""
        return min((len(arm.finished) for arm in self.arms if arm.is_eligible and arm.finished), default=0)

    @property
    def frame_rate(self) -> float:
        """Frame rate of the modulation curves in Hz, the largest of all planned configs."""
        rates = [
            arm.config["audio.sample_rate"] / arm.config["audio.hop_length"]
            for arm in self.arms
            if "audio.sample_rate" in arm.config and "audio.hop_length" in arm.config
        ]
        return max(rates, default=DEFAULT_FRAME_RATE)

    def hardly_moving(self, arm: ArmResult) -> tuple[str, ...]:
        """Modulations of a trained arm that hardly move, whatever the others do.

        The mean range of their curves is below `STATIC_RANGE`, or below `STATIC_SHARE` of that of the true curves.
        """
        if arm.is_baseline:
            return ()
        prefix = f"{RANGE.name}."
        return tuple(
            name.removeprefix(prefix)
            for name, estimate in arm.metrics.items()
            if name.startswith(prefix) and estimate.mean < max(STATIC_RANGE, STATIC_SHARE * self.truth.get(name, 0.0))
        )

    def ineffective(self, arm: ArmResult) -> tuple[str, ...]:
        """Further modulations of a trained arm that are static or have no effect in most of its seeds."""
        hardly_moving = self.hardly_moving(arm)
        return tuple(name for name in without_effect(arm) if name not in hardly_moving)

    def with_status(self, status: ArmStatus) -> tuple[ArmResult, ...]:
        """The arms with the given status."""
        return tuple(arm for arm in self.arms if arm.status == status)

    def arm(self, name: str) -> ArmResult:
        """The results of the arm with the given name.

        Raises:
            KeyError: the plan has no arm of this name.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise KeyError(name)


def load_results(store: Store, split: Split = "test") -> StudyResults:
    """Load the results of a stored study; for an unfinished study, those of the trials committed so far.

    Damaged records and files of trials are left out with a warning.

    Raises:
        StoreError: there is no study in the store.
    """
    plan = store.plan()
    records = {record.digest: record for record in store.ledger()}
    if split != "test":
        return make_results(plan, records, split)

    def read(digest: str, metrics: Collection[str]) -> ClipValues | None:
        with store.passing_over_damage():
            return read_clip_values(store.attempt_of(records[digest]), metrics)
        return None

    results = make_results(plan, records, split, read)
    return replace(results, truth=_truth(store, results))


def make_results(
    plan: StudyPlan,
    records: Mapping[str, TrialRecord],
    split: Split = "test",
    read_clip_values: ReadClipValues | None = None,
) -> StudyResults:
    """Combine a plan with the records of its trials.

    Args:
        plan: Plan of the study.
        records: Records by digest; planned trials without one count as missing, records of other trials are ignored.
        split: Split of the data whose metrics are used.
        read_clip_values: Returns the values per clip of a trial, to compare arms on the same clips; None to average
            each arm over the clips for which it has a metric defined.
    """
    trials: dict[str, list[TrialResult]] = {}
    for trial in plan.trials:
        if trial.stage != "search":
            trials.setdefault(trial.arm, []).append(
                TrialResult(digest=trial.digest, seed=trial.seed, record=records.get(trial.digest))
            )
    factors = plan.factors()
    objectives = [objective.metric for objective in plan.objectives]
    arms = [
        arm_result(arm, trials[arm.name], factors=factors[arm.name], objectives=objectives, split=split)
        for arm in plan.arms
        if arm.name in trials
    ]
    common = common_clips(arms, read_clip_values) if read_clip_values else {}
    if common:
        arms = [on_common_clips(arm, common, objectives) for arm in arms]
    states = Counter(record.outcome if (record := records.get(trial.digest)) else "missing" for trial in plan.trials)
    counts = {"planned": len(plan.trials)} | {state: states[state] for state in (*get_args(Outcome), "missing")}
    return StudyResults(
        plan=plan,
        split=split,
        arms=with_front_status(arms, plan.objectives),
        metrics=_ordered_metric_names(plan, {name for arm in arms for name in arm.values}),
        counts=counts,
        ledger=records,
        common=common,
    )


def front_arms(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> set[str]:
    """Names of the arms on the Pareto front of the objectives.

    These are eligible arms with every objective defined that no other such arm dominates.
    """
    names = [objective.metric for objective in objectives]
    candidates = [arm for arm in arms if arm.is_eligible and not lacking(arm.trials, arm.values, names)]
    mask = non_dominated(_objective_means(candidates, objectives), [objective.direction for objective in objectives])
    return {arm.name for arm, is_on_front in zip(candidates, mask, strict=True) if is_on_front}


def front_statistics(results: StudyResults) -> FrontStatistics:
    """Arms and hypervolume of the Pareto front of the study's objectives.

    The reference point depends only on the plan (see `objective_bounds`), so it does not move as trials finish.

    Raises:
        ConfigError: an objective is not a metric of the catalogue.
    """
    objectives = results.objectives
    bounds = [objective_bounds(objective, results.frame_rate) for objective in objectives]
    points = _objective_means(results.front, objectives)
    volume = hypervolume(points, [o.direction for o in objectives], [bound.reference for bound in bounds])
    box = math.prod(abs(bound.reference - bound.ideal) for bound in bounds)
    return FrontStatistics(
        objectives=tuple(objective.metric for objective in objectives),
        arms=tuple(arm.name for arm in results.front),
        hypervolume=volume,
        share=volume / box,
        bounds=tuple(bounds),
    )


def on_common_clips(arm: ArmResult, common: Mapping[str, CommonClips], objectives: Sequence[str]) -> ArmResult:
    """The arm with means over common clips in place of those over its own."""
    values = {name: by_seed for name, by_seed in arm.values.items() if without_modulation(name) not in common}
    for each in common.values():
        values |= {name: dict(by_arm[arm.name]) for name, by_arm in each.values.items() if arm.name in by_arm}
    return with_values(arm, values, objectives)


def with_front_status(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> tuple[ArmResult, ...]:
    """The arms, with status "front" or "dominated" for eligible ones with every objective defined."""
    front = front_arms(arms, objectives)

    def with_status(arm: ArmResult) -> ArmResult:
        if not arm.is_eligible or arm.lacking:
            return arm
        return replace(arm, status="front" if arm.name in front else "dominated")

    return tuple(map(with_status, arms))


# ---------------------------------------------------------------------------------------------------------------------


def _truth(store: Store, results: StudyResults) -> dict[str, float]:
    """Metrics of the true curves, if all trained arms have the same data."""
    trained = [arm for arm in results.arms if not arm.is_baseline and arm.finished]
    if not trained or any(path.startswith("data.") for arm in trained for path in arm.factors):
        return {}
    for trial in trained[0].finished:
        with store.passing_over_damage():
            curves = curves_of(store.attempt_of(trial.record)) if trial.record else None
            return {} if curves is None else truth_values(curves)
    return {}


def _ordered_metric_names(plan: StudyPlan, present: Iterable[str]) -> tuple[str, ...]:
    """Metric names in the order of the catalogue for the modulations of all arms, then the remaining names, sorted.

    Remaining names belong, for example, to modulations that only the true curves have.
    """
    modulations = tuple(dict.fromkeys(name for arm in plan.arms for name in arm.modulations))
    catalogued = dict.fromkeys(full_names(modulations))
    names = set(present)
    return (*(name for name in catalogued if name in names), *sorted(names - catalogued.keys()))


def _objective_means(arms: Sequence[ArmResult], objectives: Sequence[Objective]) -> Float[ndarray, "arm objective"]:
    """Means of the objectives of each arm."""
    rows = [[arm.metrics[objective.metric].mean for objective in objectives] for arm in arms]
    return np.asarray(rows, dtype=np.float64).reshape(len(arms), len(objectives))
