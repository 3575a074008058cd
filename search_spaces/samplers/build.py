"""Construction of samplers from their configs."""

from typing import assert_never

from search_spaces.samplers.base import Sampler
from search_spaces.samplers.custom import custom_sampler
from search_spaces.samplers.gp import GaussianProcessSampler
from search_spaces.samplers.nsga2 import Nsga2Sampler
from search_spaces.samplers.quasi_random import QuasiRandomSampler
from search_spaces.samplers.random import RandomSampler
from search_spaces.samplers.settings import (
    CustomSamplerConfig,
    GaussianProcessSamplerConfig,
    Nsga2SamplerConfig,
    QuasiRandomSamplerConfig,
    RandomSamplerConfig,
    SamplerConfig,
    TpeSamplerConfig,
)
from search_spaces.samplers.tpe import TpeSampler


def build_sampler(config: SamplerConfig, seed: int) -> Sampler:
    """The sampler of one cell of a search.

    Args:
        config: Settings of the sampler.
        seed: Seed of the cell, derived from that of the settings.

    Raises:
        ConfigError: a custom sampler cannot be imported or built.
    """
    match config:
        case RandomSamplerConfig():
            return RandomSampler(seed)
        case QuasiRandomSamplerConfig():
            return QuasiRandomSampler(seed, config.sequence)
        case TpeSamplerConfig():
            return TpeSampler(seed, config.n_startup)
        case Nsga2SamplerConfig():
            return Nsga2Sampler(seed, config.population_size)
        case GaussianProcessSamplerConfig():
            return GaussianProcessSampler(seed, config.n_startup)
        case CustomSamplerConfig():
            return custom_sampler(config.path, seed, config.options)
        case _:
            assert_never(config)
