"""Race over seeds: the arms of the designs get further seeds until it is decided which are on the front.

The method, its error rate and its references are in `core.statistics.race`. Only validation values are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.settings.trial import TrialConfig
from search_spaces.strategy import History, Round, StageOutlook, Strategy, TriedArm, counted
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

    def outlook(
        self,
        *,
        seeds: Sequence[int],
        configs: Mapping[str, TrialConfig],  # noqa: ARG002
        earlier: Sequence[StageOutlook],
    ) -> StageOutlook:
        """Up to all further seeds for all trained arms of the designs; none if the first comparison decides all."""
        arms = [group for each in earlier for group in each.groups if not group.config.is_baseline]
        n_arms = sum(group.n_arms for group in arms)
        n_further = len(self.seeds) - len(seeds)
        return StageOutlook(
            stage="race",
            size=f"{counted(n_arms, 'arm')} x up to {counted(n_further, 'further seed')}",
            groups=tuple(arms),
            min_trials=0,
            max_trials=n_arms * n_further,
            n_compared=0,
            n_seeds=len(self.seeds),
        )


def _values(tried: TriedArm, metrics: tuple[str, ...]) -> Mapping[str, Mapping[int, float | None]]:
    """Validation values of an arm by metric and seed; None where a trial has no value."""
    return {metric: {trial.seed: trial.values.get(metric) for trial in tried.trials} for metric in metrics}
