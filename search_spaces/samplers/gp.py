"""Gaussian processes with expected (hypervolume) improvement as the acquisition function. Sampler of Optuna.

Jones, Schonlau, Welch 1998 (J. Global Optimization 13); Daulton, Balandat, Bakshy 2020 (arXiv 2006.05078); Ament et al.
2023 (arXiv 2310.20708).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from search_spaces.samplers.base import Sampler, TriedPoint, ask_seed
from search_spaces.samplers.quasi_random import QuasiRandomSampler
from search_spaces.space import Point, Space


@dataclass(frozen=True)
class GaussianProcessSampler(Sampler):
    """Chooses points with a high expected improvement, after some quasi-random ones; a proposal takes 0.1 to 1 s."""

    seed: int
    n_startup: int = 8
    handles_conditions: ClassVar[bool] = False
    """Conditional dimensions would be drawn at random."""

    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:
        if sum(each.state == "complete" for each in tried) < self.n_startup:
            return QuasiRandomSampler(self.seed).sample(space, number, tried)
        from optuna.samplers import GPSampler

        from search_spaces.samplers.optuna_ask import ask, silent_optuna

        with silent_optuna():
            sampler = GPSampler(n_startup_trials=self.n_startup, seed=ask_seed(self.seed, number))
        # A repeated point counts again, so that its improvement becomes certain, and other points are better.
        counted = [
            replace(each, state="complete") if each.state == "repeated" and each.values else each for each in tried
        ]
        with _one_thread():
            return ask(sampler, space, counted)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Context in which torch uses one thread: its tensors are so small here that several threads take longer."""
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
