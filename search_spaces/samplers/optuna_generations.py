"""NSGA-II of Optuna with the generation of each trial given, where Optuna counts complete trials only.

Optuna would fill up a generation with failures by as many points, all of them random in the first generation.
"""

from collections.abc import Sequence

from optuna.samplers import NSGAIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class RecordedGenerations(NSGAIISampler):
    """NSGA-II for one proposal, after trials of known generations."""

    def __init__(self, *, generations: Sequence[int], population_size: int, seed: int) -> None:
        """Make a sampler.

        Args:
            generations: Generation by number of the trial, last that of the trial to propose.
            population_size: Number of parents.
            seed: Seed of all draws.
        """
        super().__init__(population_size=population_size, seed=seed)
        self._generations = generations

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:  # noqa: ARG002
        return self._generations[trial.number]

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [trial for trial in complete if self._generations[trial.number] == generation]
