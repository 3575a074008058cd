"""Which arm of a study to pick, how sure that is, and what would make it surer.

The first objective is read as accuracy, the second as interpretability. Among the arms on the front whose mean accuracy
is within a tolerance of the best, the pick is the most interpretable one; of arms that the seeds cannot tell apart in
interpretability, it is the most accurate. The pick is decided if both reasons for it hold with 95 % intervals paired by
seed: its loss in accuracy is below the tolerance, and its gain in interpretability is above zero. The most accurate arm
itself is a decided pick if every other arm is decided to be beyond the tolerance, or not to be better. Fewer than six
seeds decide nothing, as no exact paired test over them can.

The intervals are those of single comparisons. That arms are chosen by the same values as they are compared by makes
them look somewhat better than they are, the more arms a study has.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from core.statistics.paired import MIN_PAIRS_FOR_TEST, PairedDifference, paired_difference
from core.statistics.power import pairs_to_decide
from core.storage.records import Objective, TrialRecord
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults

TOLERANCE = 0.05
"""Default loss in the first objective, as a share of its best mean, that a more interpretable arm may have."""
VerdictState = Literal["decided", "open", "one seed", "race", "no arm"]
"""`decided` or `open` by the intervals; `race` if a race has chosen the seeds; `no arm` if none can be picked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How an arm differs from another one in an objective, paired by seed."""

    arm: str
    reference: str
    objective: Objective
    difference: PairedDifference
    """Value of the arm minus value of the reference."""
    base: float
    """Mean of the reference over the same seeds."""

    @property
    def loss(self) -> float:
        """By how much the arm is worse; negative if it is better."""
        return self.difference.estimate.mean * _sign(self.objective)

    @property
    def loss_interval(self) -> tuple[float, float] | None:
        """95 % interval of the loss; None with one seed."""
        estimate, sign = self.difference.estimate, _sign(self.objective)
        if estimate.lo is None or estimate.hi is None:
            return None
        low, high = sorted((sign * estimate.lo, sign * estimate.hi))
        return low, high

    @property
    def share(self) -> float:
        """The loss as a share of the reference's mean; NaN if that is zero."""
        return self.loss / abs(self.base) if self.base else math.nan

    def is_within(self, margin: float) -> bool:
        """Whether the loss is decided to be below a margin."""
        return self.loss_interval is not None and self.loss_interval[1] < margin

    def is_beyond(self, margin: float) -> bool:
        """Whether the loss is decided to be above a margin."""
        return self.loss_interval is not None and self.loss_interval[0] > margin


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A comparison that the seeds so far leave open."""

    change: Change
    margin: float
    """The loss that is to be excluded, or to be shown, in the unit of the metric."""
    n_seeds: int
    """Seeds that both arms have."""
    seeds_needed: int | None
    """Seeds with which a loss as observed would be decided with 80 % probability; None if it would take too many."""
    cost_s: float | None
    """Estimated time of the additional seeds of all arms in seconds; None if it is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which arm to pick, and how sure that is."""

    state: VerdictState
    tolerance: float
    """Loss in the first objective that the pick may have, as a share of the best mean."""
    n_seeds: int
    """Smallest number of finished seeds of the arms on the front."""
    pick: str | None = None
    """The recommended arm."""
    most_accurate: str | None = None
    """The arm with the best mean of the first objective."""
    most_interpretable: str | None = None
    """The arm with the best mean of the second objective among those within the tolerance."""
    knee: str | None = None
    """The arm on the front whose means are closest to the best of both, each scaled by its range over the front."""
    loss: Change | None = None
    """First objective of the pick against the most accurate arm; None if it is that arm."""
    gain: Change | None = None
    """Second objective of the pick against the most accurate arm; None if it is that arm."""
    ties: tuple[str, ...] = ()
    """Other arms within the tolerance that the seeds cannot tell from the pick in the second objective."""
    questions: tuple[OpenQuestion, ...] = ()
    """What the seeds leave open about the pick, what needs the fewest further seeds first."""


def make_verdict(results: StudyResults, tolerance: float = TOLERANCE) -> Verdict:
    """The verdict on the arms of a study.

    Args:
        results: Results of the study.
        tolerance: Loss in the first objective that the pick may have, as a share of the best mean.
    """
    front = results.front
    if not front:
        return Verdict(state="no arm", tolerance=tolerance, n_seeds=0)
    n_seeds = min(len(arm.finished) for arm in front)
    first = results.objectives[0]
    best = _best(front, first)
    if len(results.objectives) < 2:
        return _single_objective(results, best, n_seeds, tolerance)
    second = results.objectives[1]
    margin = tolerance * abs(best.metrics[first.metric].mean)
    within = [arm for arm in front if _loss(arm, best, first) <= margin]
    most_interpretable = _best(within, second)
    tied = [arm for arm in within if arm is most_interpretable or _is_tied(arm, most_interpretable, second)]
    pick = _best(tied, first)
    loss, gain = (None if pick is best else change_between(pick, best, objective) for objective in (first, second))
    questions = _questions(results, _conditions(pick, best, front, (first, second), margin))
    return Verdict(
        state=_state(results, n_seeds, questions),
        tolerance=tolerance,
        n_seeds=n_seeds,
        pick=pick.name,
        most_accurate=best.name,
        most_interpretable=most_interpretable.name,
        knee=_knee(front, results.objectives[:2]).name,
        loss=loss,
        gain=gain,
        ties=tuple(arm.name for arm in tied if arm is not pick),
        questions=questions,
    )


def time_of_seeds(results: StudyResults, n_more: int) -> float | None:
    """Estimated wall time in seconds of further seeds of all arms, as many at once as so far; None if it is unknown."""
    records = [record for record in results.records if record.outcome == "finished" and record.times_s]
    if not records:
        return None
    seconds = sum(float(np.mean(times)) for times in _seconds_by_arm(records).values())
    return n_more * seconds / _trials_at_once(records)


def change_between(arm: ArmResult, reference: ArmResult, objective: Objective) -> Change | None:
    """How an arm differs from a reference in an objective; None if they share no seed."""
    metric = objective.metric
    difference = paired_difference(arm.values[metric], reference.values[metric])
    if difference is None:
        return None
    base = float(np.mean([reference.values[metric][seed] for seed in difference.seeds]))
    return Change(arm=arm.name, reference=reference.name, objective=objective, difference=difference, base=base)


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Condition:
    """What has to be decided for the pick: that a loss is below a margin, or above it."""

    change: Change
    margin: float
    is_below: bool

    @property
    def is_decided(self) -> bool:
        if len(self.change.difference.seeds) < MIN_PAIRS_FOR_TEST:
            return False
        return self.change.is_within(self.margin) if self.is_below else self.change.is_beyond(self.margin)


def _state(results: StudyResults, n_seeds: int, questions: Sequence[OpenQuestion]) -> VerdictState:
    if results.race:
        return "race"
    if n_seeds < 2:
        return "one seed"
    return "open" if questions else "decided"


def _single_objective(results: StudyResults, best: ArmResult, n_seeds: int, tolerance: float) -> Verdict:
    """The verdict of a study with one objective: the best arm, decided if all others are decided to be worse."""
    objective = results.objectives[0]
    others = [arm for arm in results.arms if arm.is_eligible and not arm.lacking and arm is not best]
    conditions = [
        _Condition(change, 0.0, is_below=False) for arm in others if (change := change_between(arm, best, objective))
    ]
    questions = _questions(results, conditions)
    return Verdict(
        state=_state(results, n_seeds, questions),
        tolerance=tolerance,
        n_seeds=n_seeds,
        pick=best.name,
        most_accurate=best.name,
        ties=tuple(question.change.arm for question in questions),
        questions=questions,
    )


def _conditions(
    pick: ArmResult, best: ArmResult, front: Sequence[ArmResult], objectives: tuple[Objective, Objective], margin: float
) -> list[_Condition]:
    """What has to be decided for the pick."""
    first, second = objectives
    conditions: list[_Condition] = []
    if pick is not best:
        if change := change_between(pick, best, first):
            conditions.append(_Condition(change, margin, is_below=True))
        if change := change_between(pick, best, second):
            conditions.append(_Condition(change, 0.0, is_below=True))
        return conditions
    for arm in front:
        loss, gain = change_between(arm, best, first), change_between(arm, best, second)
        if arm is best or loss is None or gain is None or gain.is_beyond(0.0):
            continue
        conditions.append(_Condition(loss, margin, is_below=False))
    return conditions


def _questions(results: StudyResults, conditions: Iterable[_Condition]) -> tuple[OpenQuestion, ...]:
    """The conditions that are not decided, what needs the fewest further seeds first."""
    questions = []
    for condition in conditions:
        if condition.is_decided:
            continue
        change = condition.change
        n_seeds = len(change.difference.seeds)
        needed = _seeds_needed(results, condition)
        questions.append(
            OpenQuestion(
                change=change,
                margin=condition.margin,
                n_seeds=n_seeds,
                seeds_needed=needed,
                cost_s=None if needed is None else time_of_seeds(results, needed - n_seeds),
            )
        )
    return tuple(sorted(questions, key=lambda question: question.seeds_needed or math.inf))


def _seeds_needed(results: StudyResults, condition: _Condition) -> int | None:
    """Seeds with which a condition would be decided with 80 % probability, more than there are; None if too many."""
    change = condition.change
    arm, reference = results.arm(change.arm).values, results.arm(change.reference).values
    metric, seeds = change.objective.metric, change.difference.seeds
    if len(seeds) < 2:
        return None
    differences = np.array([arm[metric][seed] - reference[metric][seed] for seed in seeds])
    distance = condition.margin - change.loss
    if (distance > 0) != condition.is_below:
        return None
    return pairs_to_decide(distance, float(differences.std(ddof=1)), len(seeds))


def _is_tied(arm: ArmResult, other: ArmResult, objective: Objective) -> bool:
    """Whether the seeds leave open which of two arms is better."""
    change = change_between(arm, other, objective)
    return change is not None and change.loss_interval is not None and not change.difference.excludes_zero


def _loss(arm: ArmResult, best: ArmResult, objective: Objective) -> float:
    """By how much the mean of an arm is worse than that of the best one."""
    return (arm.metrics[objective.metric].mean - best.metrics[objective.metric].mean) * _sign(objective)


def _best(arms: Sequence[ArmResult], objective: Objective) -> ArmResult:
    """The arm with the best mean of an objective."""
    return min(arms, key=lambda arm: _sign(objective) * arm.metrics[objective.metric].mean)


def _knee(front: Sequence[ArmResult], objectives: Sequence[Objective]) -> ArmResult:
    """The arm closest to the best means of all objectives, each scaled by its range over the front."""
    costs = np.array([[_sign(o) * arm.metrics[o.metric].mean for o in objectives] for arm in front])
    low, high = costs.min(axis=0), costs.max(axis=0)
    scaled = (costs - low) / np.where(high > low, high - low, 1.0)
    return front[int(np.argmin(np.square(scaled).sum(axis=1)))]


def _sign(objective: Objective) -> float:
    return 1.0 if objective.direction == "minimize" else -1.0


def _seconds_by_arm(records: Iterable[TrialRecord]) -> dict[str, list[float]]:
    """Seconds of each trial by arm."""
    seconds: dict[str, list[float]] = {}
    for record in records:
        seconds.setdefault(record.arm, []).append(sum(record.times_s.values()))
    return seconds


def _trials_at_once(records: Sequence[TrialRecord]) -> float:
    """How many trials ran at once on average, by the times at which they started and ended."""
    spans = sorted(
        (datetime.fromisoformat(record.started_at), datetime.fromisoformat(record.finished_at))
        for record in records
        if record.started_at and record.finished_at
    )
    busy = total = 0.0
    end = None
    for start, finish in spans:
        total += (finish - start).total_seconds()
        busy += max(0.0, (finish - (start if end is None else max(start, end))).total_seconds())
        end = finish if end is None else max(end, finish)
    return max(1.0, total / busy) if busy else 1.0
