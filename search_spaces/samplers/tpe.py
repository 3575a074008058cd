"""Tree-structured Parzen estimator, multivariate, with the hypervolume for several objectives.

Bergstra et al. 2011 (NeurIPS); Falkner et al. 2018 (arXiv 1807.01774); Ozaki et al. 2022 (JAIR 73). Sampler of Optuna.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.samplers.base import Sampler, TriedPoint, ask_seed
from search_spaces.samplers.quasi_random import QuasiRandomSampler
from search_spaces.space import Point, Space


@dataclass(frozen=True)
class TpeSampler(Sampler):
    """Draws points where good results are denser than bad ones, after some quasi-random ones.

    Dimensions that depend on other dimensions of the search are drawn independently of the others.
    """

    seed: int
    n_startup: int = 8

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:
        if sum(each.state == "complete" for each in tried) < self.n_startup:
            return QuasiRandomSampler(self.seed).sample(space, number, tried)
        from optuna.samplers import TPESampler

        from search_spaces.samplers.optuna_ask import ask

        # The default for several objectives is to draw each dimension by itself.
        sampler = TPESampler(multivariate=True, n_startup_trials=self.n_startup, seed=ask_seed(self.seed, number))
        return ask(sampler, space, tried)
