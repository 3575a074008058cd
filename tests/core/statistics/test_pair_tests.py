"""Paired tests of all arms, and the chance that further seeds decide them."""

import numpy as np
import pytest
from scipy import stats

from core.statistics.pair_tests import pair_p_values, success_probability
from core.statistics.sequential_t import boundary, sequential_p

PEEKS = (3, 5, 8)


def test_each_pair_is_tested_at_each_peek_with_its_usable_seeds() -> None:
    costs = np.random.default_rng(0).standard_normal((3, 2, 8))
    costs[0, 1, 2] = np.nan
    p_values = pair_p_values(costs, PEEKS)
    assert p_values.shape == (3, 3, 2, 3)

    def plain(better: int, worse: int, objective: int, seeds: list[int]) -> float:
        x, y = costs[better, objective, seeds], costs[worse, objective, seeds]
        return float(stats.ttest_rel(x, y, alternative="less").pvalue)

    whole = [plain(1, 2, 1, list(range(n))) for n in PEEKS]
    assert p_values[1, 2, 1] == pytest.approx(sequential_p(np.array(whole), PEEKS))
    # At the peek of 3 seeds two are usable, at 5 there are 4 and at 8 there are 7.
    at_three = plain(0, 2, 1, [0, 1, 3])
    at_five = plain(0, 2, 1, [0, 1, 3, 4, 5])
    assert p_values[0, 2, 1, 0] == 1.0
    known = sequential_p(np.array([at_three, at_five, 1.0]), PEEKS)
    assert p_values[0, 2, 1, 1:] == pytest.approx(known[:2])


def test_an_arm_is_never_better_than_itself() -> None:
    p_values = pair_p_values(np.random.default_rng(1).standard_normal((4, 2, 8)), PEEKS)
    assert (p_values[range(4), range(4)] > 0.99).all()


@pytest.mark.parametrize("effect", [0.0, 1.0, 2.5])
def test_the_chance_of_a_decision_is_that_of_simulated_further_seeds(effect: float) -> None:
    level, rng = 0.01, np.random.default_rng(2)
    known = rng.standard_normal(5) + effect
    costs = np.zeros((2, 1, 8))
    costs[1, 0, :5] = known
    costs[1, 0, 5:] = 1e6  # not seen yet
    chance = success_probability(costs, PEEKS, 1, level)[0, 1, 0]

    n_draws, deviation = 20_000, known.std(ddof=1)
    means = known.mean() + deviation / np.sqrt(5) * rng.standard_t(4, size=(n_draws, 1))
    further = means + deviation * rng.standard_normal((n_draws, 3))
    final = np.hstack([np.broadcast_to(known, (n_draws, 5)), further])
    decided = stats.ttest_1samp(final, 0.0, axis=1, alternative="greater").pvalue <= boundary(level, PEEKS)[-1]
    # The standard deviation of all 8 is taken to be that of the first 5.
    assert chance == pytest.approx(decided.mean(), abs=0.1)


def test_nothing_is_left_to_decide_at_the_last_peek() -> None:
    costs = np.random.default_rng(3).standard_normal((2, 1, 8))
    assert (success_probability(costs, PEEKS, 2, 0.01) == 0.0).all()


def test_a_pair_with_one_usable_seed_may_still_be_decided() -> None:
    costs = np.random.default_rng(4).standard_normal((2, 1, 8))
    costs[0, 0, :4] = np.nan
    assert success_probability(costs, PEEKS, 1, 0.01)[0, 1, 0] == 1.0
    # Without any, one seed is still to come, and the first look needs seven.
    costs[0, 0, :] = np.nan
    assert success_probability(costs, (7, 8), 0, 0.01)[0, 1, 0] == 0.0
