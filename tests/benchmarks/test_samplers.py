"""The benchmark of samplers: its problem has a front to find, and its numbers follow from seeds alone."""

import pytest

from search_spaces.samplers.settings import RandomSamplerConfig
from tests.benchmarks.samplers import (
    CUTOFF,
    KIND,
    LR,
    SYNTH,
    best_hypervolume,
    hypervolume,
    interval,
    noisy_values,
    searched,
    true_means,
)


def test_hypervolume_is_the_area_up_to_the_reference() -> None:
    assert hypervolume([(1.0, 1.5)]) == pytest.approx(0.5)
    assert hypervolume([(1.0, 1.5), (1.5, 1.0)]) == pytest.approx(0.75)
    assert hypervolume([(2.5, 1.0)]) == hypervolume([]) == 0.0


def test_values_scatter_about_the_true_means() -> None:
    settings = {KIND: "low_pass", SYNTH: "engel", LR: 0.003, CUTOFF: 4.0}
    values = [noisy_values(settings, seed, 0)["audio.mss"] or 0.0 for seed in range(400)]
    assert sum(values) / 400 == pytest.approx(true_means(settings)[0], abs=0.01)
    assert noisy_values(settings, 1, 0) == noisy_values(settings, 1, 0) != noisy_values(settings, 1, 1)


def test_a_search_reaches_a_part_of_the_true_front_and_is_repeatable() -> None:
    ideal = best_hypervolume()
    first, again = (searched(RandomSamplerConfig(seed=1), 3, 8, ideal) for _ in range(2))
    assert 0.3 < first.reached < 1
    assert (first.reached, first.claimed) == (again.reached, again.claimed)


def test_intervals_are_those_of_a_t_distribution() -> None:
    assert interval([1.0, 2.0, 3.0]) == "2.000 +- 2.484"
