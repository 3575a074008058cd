"""Empirical attainment surfaces and differences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.statistics.attainment import AttainmentDifference, attainment_differences, attainment_surfaces
from core.statistics.pareto import Bounds, Goal
from tests.support.made_up_values import Table

MINIMISE: tuple[Goal, Goal] = ("minimize", "minimize")
UNIT_BOX = (Bounds(0.0, 1.0), Bounds(0.0, 1.0))
GRID = np.stack(np.meshgrid(np.linspace(0.005, 0.995, 40), np.linspace(0.005, 0.995, 40)), axis=-1).reshape(-1, 2)


def attaining(values: Table, point: np.ndarray) -> int:
    """Number of seeds with an arm that is at least as good as a point in both objectives, by definition."""
    return sum(bool((values[:, :, seed] <= point).all(axis=1).any()) for seed in range(values.shape[-1]))


def random_values(seed: int, n_arms: int, n_seeds: int, *, digits: int = 6) -> Table:
    return np.asarray(np.random.default_rng(seed).uniform(0.0, 1.1, (n_arms, 2, n_seeds)).round(digits))


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 9), st.sampled_from([1, 6]))
def test_a_surface_bounds_what_its_number_of_seeds_attains(seed: int, n_arms: int, n_seeds: int, digits: int) -> None:
    values = random_values(seed, n_arms, n_seeds, digits=digits)
    surfaces = attainment_surfaces(values, MINIMISE, UNIT_BOX)
    assert [s.n_attaining for s in surfaces] == sorted(
        {1, math.ceil(n_seeds / 4), math.ceil(n_seeds / 2), math.ceil(3 * n_seeds / 4), n_seeds}
    )
    for surface in surfaces:
        for point in GRID[::23]:
            below = bool((surface.corners <= point).all(axis=1).any())
            assert below == (attaining(values, point) >= surface.n_attaining)


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 4), st.integers(1, 8), st.sampled_from([1, 6]))
def test_a_difference_is_that_of_the_shares_of_seeds(
    seed: int, n_first: int, n_second: int, n_seeds: int, digits: int
) -> None:
    first, second = random_values(seed, n_first, n_seeds, digits=digits), random_values(seed + 1, n_second, n_seeds)
    found = attainment_differences(first, second, MINIMISE, UNIT_BOX)
    for point in GRID[::23]:
        inside = [each for each in found if (each.low < point).all() and (point < each.high).all()]
        expected = (attaining(first, point) - attaining(second, point)) / n_seeds
        assert len(inside) <= 1, "rectangles do not overlap"
        assert sum(each.difference for each in inside) == pytest.approx(expected)


def test_two_seeds_worked_by_hand() -> None:
    values = np.array([[[0.2, 0.3], [0.6, 0.5]], [[0.5, 0.6], [0.1, 0.2]]])
    one, both = attainment_surfaces(values, MINIMISE, UNIT_BOX)
    assert (one.share, both.share) == (0.5, 1.0)
    assert one.corners.tolist() == [[0.2, 0.6], [0.3, 0.5], [0.5, 0.1]]
    assert both.corners.tolist() == [[0.3, 0.6], [0.5, 0.5], [0.6, 0.2]]
    steps = [[0.3, 1.0], [0.3, 0.6], [0.5, 0.6], [0.5, 0.5], [0.6, 0.5], [0.6, 0.2], [1.0, 0.2]]
    assert both.steps.tolist() == steps


def test_objectives_to_maximise_are_mirrored() -> None:
    values = random_values(5, 4, 6)
    mirrored = values * np.array([1.0, -1.0])[:, None]
    plain = attainment_surfaces(values, MINIMISE, UNIT_BOX)
    goals: tuple[Goal, Goal] = ("minimize", "maximize")
    box = (Bounds(0.0, 1.0), Bounds(0.0, -1.0))
    for surface, other in zip(plain, attainment_surfaces(mirrored, goals, box), strict=True):
        assert np.allclose(other.corners * [1.0, -1.0], surface.corners)
        assert np.allclose(other.steps * [1.0, -1.0], surface.steps)
    (found,) = attainment_differences(np.array([[[0.5], [-0.5]]]), np.array([[[2.0], [-2.0]]]), goals, box)
    assert found == AttainmentDifference(low=(0.5, -1.0), high=(1.0, -0.5), difference=1.0)


def test_values_beyond_the_reference_attain_nothing_that_is_drawn() -> None:
    (surface,) = attainment_surfaces(np.array([[[2.0], [0.5]]]), MINIMISE, UNIT_BOX)
    assert surface.corners.shape == surface.steps.shape == (0, 2)


def test_a_family_has_no_difference_from_itself() -> None:
    values = random_values(1, 3, 5)
    assert attainment_differences(values, values, MINIMISE, UNIT_BOX) == ()


def test_three_objectives_or_different_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="two objectives"):
        attainment_surfaces(np.zeros((2, 3, 4)), MINIMISE, UNIT_BOX)
    with pytest.raises(ValueError, match="same seeds; got 4 and 5"):
        attainment_differences(np.zeros((2, 2, 4)), np.zeros((2, 2, 5)), MINIMISE, UNIT_BOX)
