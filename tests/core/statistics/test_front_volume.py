"""Hypervolume as a share of the box, with its interval."""

import numpy as np
import pytest

from core.statistics.arm_values import Objectives
from core.statistics.front_volume import cost_box, expected_volume_share, volume_share
from core.statistics.pareto import Bounds


def test_a_single_point_takes_the_share_of_its_rectangle() -> None:
    goals: Objectives = {"loss": "minimize", "score": "maximize"}
    box = cost_box(goals, {"loss": Bounds(0.0, 10.0), "score": Bounds(1.0, 0.0)})
    assert box == [(0.0, 10.0), (-1.0, 0.0)]
    assert volume_share(np.array([[4.0, -0.25]]), box) == pytest.approx(0.6 * 0.25)


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_the_share_is_that_of_random_points_that_are_dominated(n_objectives: int) -> None:
    rng = np.random.default_rng(0)
    front, points = rng.random((5, n_objectives)), rng.random((200_000, n_objectives))
    dominated = np.zeros(len(points), dtype=bool)
    for each in front:
        dominated |= (each <= points).all(axis=1)
    assert volume_share(front, [(0.0, 1.0)] * n_objectives) == pytest.approx(dominated.mean(), abs=0.005)


@pytest.mark.parametrize("n_seeds", [2, 6, 8, 20])
def test_intervals_cover_the_share_of_the_expected_values(n_seeds: int) -> None:
    rng = np.random.default_rng(n_seeds)
    box, covered = [(0.0, 1.0)] * 2, []
    for _ in range(200):
        trade = rng.uniform(0.15, 0.9, size=6)
        means = 0.8 * np.stack([trade, 0.15 / trade], axis=1) + rng.uniform(0.0, 0.05, size=(6, 2))
        shared, own = rng.standard_normal((1, 2, n_seeds)), rng.standard_normal((6, 2, n_seeds))
        found = expected_volume_share(means[..., None] + 0.035 * (shared + own), box)
        assert found.lo is not None
        assert found.hi is not None
        covered.append(found.lo <= volume_share(means, box) <= found.hi)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_one_seed_gives_no_interval() -> None:
    found = expected_volume_share(np.array([[[0.5], [0.5]]]), [(0.0, 1.0)] * 2)
    assert (found.mean, found.lo, found.hi, found.n) == (0.25, None, None, 1)
