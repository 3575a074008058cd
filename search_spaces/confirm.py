"""Confirmation of a search: its best arms run again with fresh seeds, and are evaluated on the test split.

The best values of a search are too good, because the arms were picked for them. Only the values of fresh seeds enter
the front.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.settings.trial import TrialConfig
from search_spaces.cell_search import mean_values
from search_spaces.strategy import History, Round, StageOutlook, Strategy, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Strategy):
    """Runs the arms of a search that could be on the front with all seeds of the study.

    Picked are the arms of the observed front and those beside it that could be on the true one, at most `max_arms` and
    the most probable first, see `core.statistics.front_probability`.
    Arms that failed with any seed of the search, and baselines, whose curves do not depend on the sound, are left out.
    """

    seeds: tuple[int, ...]
    """Seeds of the search."""
    max_arms: int
    """Largest number of arms."""
    threshold: float
    """Smallest probability of being on the front for arms beside the observed one."""

    def picked(self, history: History) -> tuple[str, ...]:
        """Names of the arms to confirm, most probable first."""
        from core.statistics.front_probability import pick_for_confirmation

        values = {
            tried.arm.name: {
                objective.metric: tried.values(objective.metric, ("search",)) for objective in history.objectives
            }
            for tried in history.arms
            if tried.seeds("search")
            and not tried.is_baseline
            and mean_values(tried, history.objectives, self.seeds) is not None
        }
        if not values:
            return ()
        directions = {objective.metric: objective.direction for objective in history.objectives}
        return pick_for_confirmation(values, directions, threshold=self.threshold)[: self.max_arms]

    def outlook(
        self,
        *,
        seeds: Sequence[int],
        configs: Mapping[str, TrialConfig],  # noqa: ARG002
        earlier: Sequence[StageOutlook],
    ) -> StageOutlook:
        """One to `max_arms` arms of the search, with all seeds of the study."""
        searched = [group for each in earlier if each.stage == "search" for group in each.groups]
        groups = tuple(group for group in searched if not group.config.is_baseline)
        n_arms = min(self.max_arms, sum(group.n_arms for group in groups))
        return StageOutlook(
            stage="confirm",
            size=f"{'at most ' if n_arms > 1 else ''}{counted(n_arms, 'arm')} x {counted(len(seeds), 'seed')}",
            groups=groups,
            min_trials=min(1, n_arms) * len(seeds),
            max_trials=n_arms * len(seeds),
            n_compared=n_arms,
            n_seeds=len(seeds),
        )

    def propose(self, history: History) -> Round | None:
        """The trials of the picked arms that are not planned yet; None if there are none."""
        by_name = history.by_name
        evaluated = {
            (name, trial.seed) for name, tried in by_name.items() for trial in tried.trials if trial.stage != "search"
        }
        picked = self.picked(history)
        pairs = tuple((name, seed) for seed in history.seeds for name in picked if (name, seed) not in evaluated)
        return Round(stage="confirm", trials=pairs) if pairs else None
