"""What a race has decided about the arms of a study, from the validation values of the trials that have ended."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.statistics.race import ArmVerdict, RaceRules, RaceVerdict, race
from core.storage.records import RERUN_ON_RESUME, StudyPlan, TrialRecord
from dashboards.analysis.arm_results import ArmStatus, FrontStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceResults:
    """Rules and present verdict of a race."""

    rules: RaceRules
    verdict: RaceVerdict
    n_trials: int
    """Number of planned trials of the arms that take part."""

    @property
    def n_trials_of_full_design(self) -> int:
        """Number of trials with which every arm that takes part would have the largest number of seeds."""
        return len(self.verdict.arms) * self.rules.peeks[-1]

    @property
    def undecided(self) -> tuple[str, ...]:
        """Names of the arms that are undecided, so far or for good."""
        return self.verdict.with_status("undecided")

    def verdict_on(self, arm: str) -> ArmVerdict | None:
        """The verdict on an arm; None for baselines, which take no part."""
        return self.verdict.arms.get(arm)

    def is_undecided(self, arm: str) -> bool:
        """Whether the race leaves open if an arm is on the front."""
        verdict = self.verdict_on(arm)
        return verdict is not None and verdict.status == "undecided"


def race_results(plan: StudyPlan, records: Mapping[str, TrialRecord]) -> RaceResults | None:
    """The results of the race of a study; None if it has no race, or no arm takes part.

    Args:
        plan: Plan of the study.
        records: Records by digest; records of other trials are ignored.
    """
    settings = plan.study_file.get("race")
    names = [arm.name for arm in plan.arms if not arm.is_baseline]
    if not settings or not names:
        return None
    directions = {objective.metric: objective.direction for objective in plan.objectives}
    # A race goes on when all trials have ended, so one that was given up in an earlier segment has no values.
    earlier = {trial.digest for segment in plan.segments[:-1] for trial in segment.trials}
    ended = {
        digest for digest, record in records.items() if record.outcome not in RERUN_ON_RESUME
    } | earlier  # fmt: skip
    values = {
        name: {
            metric: {
                trial.seed: _value(records.get(trial.digest), metric)
                for trial in plan.trials_of(name)
                if trial.digest in ended
            }
            for metric in directions
        }
        for name in names
    }
    rules = RaceRules.at_every_seed(**settings)
    return RaceResults(
        rules=rules,
        verdict=race(values, directions, plan.study_file["seeds"], rules),
        n_trials=sum(len(plan.trials_of(name)) for name in names),
    )


def front_status(arm: str, status: ArmStatus, race: RaceResults | None) -> FrontStatus:
    """Status of an arm by its means, or `undecided` in its place if a race leaves open whether it is on the front."""
    is_open = status in ("front", "dominated") and race is not None and race.is_undecided(arm)
    return "undecided" if is_open else status


def _value(record: TrialRecord | None, metric: str) -> float | None:
    """Validation value of a finished trial; None if it has none."""
    if record is None or record.outcome != "finished":
        return None
    return record.metrics.get("validation", {}).get(metric)
