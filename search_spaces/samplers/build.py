"""Construction of samplers from their configs."""

from typing import assert_never

from search_spaces.samplers.base import Sampler
from search_spaces.samplers.random import RandomSampler
from search_spaces.samplers.settings import RandomSamplerConfig, SamplerConfig


def build_sampler(config: SamplerConfig) -> Sampler:
    match config:
        case RandomSamplerConfig():
            return RandomSampler(config.seed)
        case _:
            assert_never(config)
