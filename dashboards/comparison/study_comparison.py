"""What several studies say about the same question: matched arms, differences of their fronts, and of their plans.

All studies are compared with the first one. Arms match if their resolved configs are equal, whatever their names, or
else if their names are. Differences are those of another study minus the first, paired by seed where seeds are shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.statistics.paired import Estimate, PairedDifference, paired_difference
from core.storage.records import Objective, StudyPlan
from dashboards.analysis.arm_results import ArmResult
from dashboards.analysis.study_results import StudyResults
from dashboards.comparison.front_difference import FrontDifference, front_difference
from dashboards.comparison.plan_difference import PlanDifference, plan_difference

Verdict = Literal["better", "worse", "open"]
"""Whether an interval of a difference lies on one side of zero; `open` if it does not, or if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedDifference:
    """Difference between two matched arms in one objective."""

    objective: Objective
    first: Estimate | None
    """Mean in the first study; None if no seed has the objective."""
    other: Estimate | None
    difference: PairedDifference | None
    """Other minus first over the seeds that both have finished; None if there is none."""

    @property
    def verdict(self) -> Verdict:
        """Whether the arm is better or worse in the other study, by the 95 % interval."""
        if self.difference is None or not self.difference.excludes_zero:
            return "open"
        is_smaller = self.difference.estimate.mean < 0
        return "better" if is_smaller == (self.objective.direction == "minimize") else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmMatch:
    """An arm of the first study and its counterpart in another one."""

    arm: str
    other_arm: str
    has_same_config: bool
    """Whether the resolved configs are equal; if not, only the names are."""
    differences: tuple[MatchedDifference, ...]
    """In the order of the common objectives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPair:
    """Another study compared with the first one."""

    first: StudyResults
    other: StudyResults
    matches: tuple[ArmMatch, ...]
    plan: PlanDifference
    front: FrontDifference | None
    """In the first two common objectives; None if there are fewer, or no seed has all arms of a study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyComparison:
    """Several studies, each compared with the first one."""

    studies: tuple[StudyResults, ...]
    objectives: tuple[Objective, ...]
    """Objectives that all studies have, in the order of the first one."""
    pairs: tuple[StudyPair, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the studies."""
        return tuple(study.plan.name for study in self.studies)


def compare_studies(studies: Sequence[StudyResults]) -> StudyComparison:
    """Compare at least two studies; their results are those of `load_together`."""
    first, *others = studies
    objectives = tuple(o for o in first.objectives if all(o in other.objectives for other in others))
    pairs = []
    for other in others:
        matches = _matched(first.plan, other.plan)
        pairs.append(
            StudyPair(
                first=first,
                other=other,
                matches=tuple(_match(first, other, names, objectives) for names in matches.items()),
                plan=plan_difference(first.plan, other.plan, matches),
                front=front_difference(first, other, objectives[:2]) if len(objectives) > 1 else None,
            )
        )
    return StudyComparison(studies=tuple(studies), objectives=objectives, pairs=tuple(pairs))


# ---------------------------------------------------------------------------------------------------------------------


def _matched(first: StudyPlan, other: StudyPlan) -> dict[str, str]:
    """Names of matched arms of the other plan, by name in the first one."""
    by_config = {arm.sha256: arm.name for arm in other.arms}
    matches = {arm.name: by_config[arm.sha256] for arm in first.arms if arm.sha256 in by_config}
    free = {arm.name for arm in other.arms} - set(matches.values())
    matches |= {arm.name: arm.name for arm in first.arms if arm.name not in matches and arm.name in free}
    return {arm.name: matches[arm.name] for arm in first.arms if arm.name in matches}


def _match(
    first: StudyResults, other: StudyResults, names: tuple[str, str], objectives: Sequence[Objective]
) -> ArmMatch:
    """Two matched arms with their differences."""
    arm, other_arm = _result(first, names[0]), _result(other, names[1])
    return ArmMatch(
        arm=names[0],
        other_arm=names[1],
        has_same_config=first.plan.arm(names[0]).sha256 == other.plan.arm(names[1]).sha256,
        differences=tuple(
            MatchedDifference(
                objective=objective,
                first=arm.metrics.get(objective.metric) if arm else None,
                other=other_arm.metrics.get(objective.metric) if other_arm else None,
                difference=paired_difference(
                    other_arm.values.get(objective.metric, {}) if other_arm else {},
                    arm.values.get(objective.metric, {}) if arm else {},
                ),
            )
            for objective in objectives
        ),
    )


def _result(study: StudyResults, name: str) -> ArmResult | None:
    """Results of an arm; None for one that only a search has tried."""
    return next((arm for arm in study.arms if arm.name == name), None)
