"""Random search: uniform, independent draws that depend on seed and number only."""

import numpy as np

from core.settings.presets import SMALL
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import LogUniform
from search_spaces.samplers.base import TriedPoint
from search_spaces.samplers.build import build_sampler
from search_spaces.samplers.random import RandomSampler
from search_spaces.samplers.settings import RandomSamplerConfig
from search_spaces.space import Space

SPACE = Space(
    [
        Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-1)),
        Dimension(path="encoder.width", domain=choice([4, 8, 16, 32])),
    ],
    SMALL,
)


def test_config_builds_its_sampler_with_the_seed_of_a_cell() -> None:
    assert build_sampler(RandomSamplerConfig(seed=3), 5) == RandomSampler(5)


def test_point_depends_on_seed_and_number_only() -> None:
    sampler = RandomSampler(3)
    points = [sampler.sample(SPACE, number, ()).settings for number in range(20)]
    tried = [TriedPoint(point=SPACE.corners()[0], state="complete", values=(1.0,))]
    assert points == [RandomSampler(3).sample(SPACE, number, tried).settings for number in range(20)]
    assert points != [RandomSampler(4).sample(SPACE, number, ()).settings for number in range(20)]
    assert len({tuple(point.values()) for point in points}) == 20


def test_points_are_uniform_and_dimensions_independent() -> None:
    points = [RandomSampler(0).sample(SPACE, number, ()).settings for number in range(2000)]
    octaves = np.log10([point["optimizer.lr"] for point in points])
    widths = np.array([point["encoder.width"] for point in points])
    assert np.abs(np.histogram(octaves, 3, (-4, -1))[0] / 2000 - 1 / 3).max() < 0.04
    assert max(abs(np.mean(widths == width) - 1 / 4) for width in (4, 8, 16, 32)) < 0.04
    assert abs(np.corrcoef(octaves, np.log2(widths))[0, 1]) < 0.06
