"""Quasi-random search: one point in every stratum of the space, drawn one at a time."""

import math

import pytest

from core.settings.presets import SMALL
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import LogUniform
from search_spaces.samplers.quasi_random import QuasiRandomSampler
from search_spaces.samplers.random import RandomSampler
from search_spaces.space import Space

SPACE = Space(
    [
        Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-1)),
        Dimension(path="encoder.width", domain=choice([4, 8])),
    ],
    SMALL,
)


def occupied(sampler: QuasiRandomSampler | RandomSampler, n_strata: int, n_points: int) -> int:
    """Number of equal intervals of the logarithmic rate in which points lie."""
    rates = [sampler.sample(SPACE, number, ()).settings["optimizer.lr"] for number in range(n_points)]
    return len({int((math.log10(rate) + 4) / 3 * n_strata) for rate in rates})


@pytest.mark.parametrize("seed", range(5))
def test_sobol_points_occupy_every_stratum_of_a_power_of_two(seed: int) -> None:
    assert occupied(QuasiRandomSampler(seed), 32, 32) == 32
    assert occupied(RandomSampler(seed), 32, 32) < 28


@pytest.mark.parametrize("seed", range(5))
def test_halton_points_occupy_every_stratum_of_its_base(seed: int) -> None:
    assert occupied(QuasiRandomSampler(seed, "halton"), 16, 16) == 16


def test_combinations_of_two_dimensions_are_balanced() -> None:
    settings = [QuasiRandomSampler(1).sample(SPACE, number, ()).settings for number in range(16)]
    cells = [(each["encoder.width"], each["optimizer.lr"] < 10**-2.5) for each in settings]
    assert {cell: cells.count(cell) for cell in cells} == dict.fromkeys(
        [(4, True), (4, False), (8, True), (8, False)], 4
    )
