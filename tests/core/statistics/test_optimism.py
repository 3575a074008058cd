"""What a search promised against what fresh seeds show."""

import numpy as np
import pytest

from core.errors import StudyError
from core.statistics.arm_values import ArmValues, Objectives
from core.statistics.optimism import Optimism, search_optimism
from core.statistics.pareto import Bounds, hypervolume
from tests.support.made_up_values import Table, as_values

COSTS: Objectives = {"a": "minimize", "b": "minimize"}
UNIT_BOX = {"a": Bounds(0.0, 1.0), "b": Bounds(0.0, 1.0)}


def on_fresh_seeds(values: ArmValues) -> ArmValues:
    """The same values under seeds from 100 on."""
    return {
        arm: {name: {seed + 100: value for seed, value in by_seed.items()} for name, by_seed in by_objective.items()}
        for arm, by_objective in values.items()
    }


def confirm(claimed: Table, confirmed: Table) -> Optimism:
    return search_optimism(as_values(claimed, COSTS), on_fresh_seeds(as_values(confirmed, COSTS)), COSTS, UNIT_BOX)


def test_a_claim_that_is_too_good_by_a_tenth_is_found() -> None:
    claimed = np.array([[[0.4, 0.4], [0.4, 0.4]]])
    found = confirm(claimed, np.full((1, 2, 3), 0.5))
    assert found.claimed_share == pytest.approx(0.36)
    assert found.confirmed_share == pytest.approx(0.25)
    assert (found.share.mean, found.share.lo, found.share.hi) == pytest.approx((0.11, 0.11, 0.11))
    assert found.by_objective["a"].mean == pytest.approx(0.1)


def test_objectives_to_maximise_are_optimistic_when_they_shrink() -> None:
    goals: Objectives = {"a": "maximize", "b": "minimize"}
    bounds = {"a": Bounds(1.0, 0.0), "b": Bounds(0.0, 1.0)}
    claimed, confirmed = np.array([[[0.6], [0.4]]]), np.array([[[0.5, 0.5], [0.4, 0.4]]])
    found = search_optimism(as_values(claimed, goals), on_fresh_seeds(as_values(confirmed, goals)), goals, bounds)
    assert found.share.mean == pytest.approx(0.36 - 0.3)
    assert found.by_objective["a"].mean == pytest.approx(0.1)
    assert found.by_objective["b"].mean == pytest.approx(0.0)


@pytest.mark.parametrize(("n_seeds", "noise"), [(3, 0.05), (4, 0.02), (8, 0.1)])
def test_intervals_cover_the_true_optimism_95_times_in_100(n_seeds: int, noise: float) -> None:
    rng = np.random.default_rng(n_seeds)
    n_searches, covered = 250, []
    for _ in range(n_searches):
        trade = rng.uniform(0.15, 0.9, size=6)
        means = 0.8 * np.stack([trade, 0.15 / trade], axis=1) + rng.uniform(0.0, 0.05, size=(6, 2))
        claimed = means[..., None] + noise * rng.standard_normal((6, 2, 2))
        shared, own = rng.standard_normal((1, 2, n_seeds)), rng.standard_normal((6, 2, n_seeds))
        found = confirm(claimed, means[..., None] + noise * np.sqrt(0.5) * (shared + own))
        true = found.claimed_share - hypervolume(means, ["minimize", "minimize"], [1.0, 1.0])
        assert found.share.lo is not None
        assert found.share.hi is not None
        covered.append(found.share.lo <= true <= found.share.hi)
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * np.sqrt(0.05 * 0.95 / n_searches))


def test_a_search_that_picks_the_best_of_many_equal_arms_is_optimistic() -> None:
    rng = np.random.default_rng(7)
    search = 0.5 + 0.1 * rng.standard_normal((50, 2, 2))
    best = search.mean(axis=(1, 2)).argsort()[:3]
    found = confirm(search[best], 0.5 + 0.1 * rng.standard_normal((3, 2, 8)))
    assert found.share.lo is not None
    assert found.share.lo > 0
    assert all(estimate.mean > 0 for estimate in found.by_objective.values())


def test_one_confirmation_seed_has_no_interval() -> None:
    found = confirm(np.full((2, 2, 2), 0.4), np.full((2, 2, 1), 0.5))
    assert (found.share.n, found.share.lo, found.by_objective["a"].hi) == (1, None, None)
    assert found.share.mean == pytest.approx(0.11)


def test_an_arm_that_lost_a_seed_still_counts() -> None:
    confirmed = np.full((2, 2, 4), 0.5)
    confirmed[1, 0, 2] = np.nan
    found = confirm(np.full((2, 2, 2), 0.4), confirmed)
    assert (found.arms, found.share.n) == (("arm-0", "arm-1"), 4)
    assert found.share.mean == pytest.approx(0.11)


def test_an_arm_without_an_objective_is_left_out() -> None:
    confirmed = np.full((2, 2, 4), 0.5)
    confirmed[1, 0] = np.nan
    assert confirm(np.full((2, 2, 2), 0.4), confirmed).arms == ("arm-0",)
    with pytest.raises(StudyError, match="no picked arm has a value of every objective"):
        confirm(np.full((1, 2, 2), np.nan), np.full((1, 2, 2), 0.5))


def test_seeds_of_the_search_are_no_confirmation() -> None:
    values = as_values(np.full((1, 2, 2), 0.5), COSTS)
    with pytest.raises(StudyError, match=r"fresh seeds, but the search had seeds \[0, 1\]"):
        search_optimism(values, values, COSTS, UNIT_BOX)
