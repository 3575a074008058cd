"""Race over seeds: the arms of the designs get further seeds until it is decided which are on the front.

The method, its error rate and its references are in `core.statistics.race`. Only validation values are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.strategy import History, Round, Strategy, TriedArm
from search_spaces.study_entries import RaceEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Race(Strategy):
    """Runs the trials that the next comparison of the arms needs, until the race is over.

    All trained arms of the designs take part from the start to the end, as its error rate requires. Baselines, whose
    curves do not depend on the sound, do not.
    """

    seeds: tuple[int, ...]
    """Seeds in the order in which arms get them; the designs run the first `entry.min_seeds` of them."""
    entry: RaceEntry
    """Error rate and numbers of seeds."""

    def propose(self, history: History) -> Round | None:
        """The trials of the arms on which an open question depends, up to the next comparison; None at the end.

        All planned trials have ended, so one without values (diverged, failed or given up) has none for good.
        """
        from core.statistics.race import race

        arms = [tried for tried in history.arms if not tried.is_baseline]
        if not arms:
            return None
        directions = {objective.metric: objective.direction for objective in history.objectives}
        values = {tried.arm.name: _values(tried, tuple(directions)) for tried in arms}
        needed = race(values, directions, self.seeds, self.entry.rules()).needed
        return Round(stage="race", trials=needed) if needed else None


def _values(tried: TriedArm, metrics: tuple[str, ...]) -> Mapping[str, Mapping[int, float | None]]:
    """Validation values of an arm by metric and seed; None where a trial has no value."""
    return {metric: {trial.seed: trial.values.get(metric) for trial in tried.trials} for metric in metrics}
