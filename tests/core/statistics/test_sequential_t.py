"""Error rates over several looks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from numpy import ndarray
from scipy import stats

from core.statistics.crossing import crossing_probability
from core.statistics.sequential_t import boundary, sequential_p, t_test_p

LOOKS = (3, 4, 5, 6, 7, 8)
LOOKS_OF_DESIGNS = [LOOKS, (2, 3, 4), (3, 5, 8), (4, 8, 12)]


def p_at_looks(values: Float[ndarray, "path seed"], looks: tuple[int, ...]) -> Float[ndarray, "path look"]:
    return np.stack([t_test_p(values[:, :n]) for n in looks], axis=-1)


def test_the_p_value_of_one_look_is_scipys() -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, size=(50, 6))
    expected = stats.ttest_1samp(values, 0.0, axis=1, alternative="greater").pvalue
    assert t_test_p(values) == pytest.approx(expected)
    assert sequential_p(expected[:, None], [6])[:, 0] == pytest.approx(expected, rel=2e-3)


def test_constant_values_are_decided_by_their_sign() -> None:
    assert t_test_p(np.array([[0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [-0.1, -0.1, -0.1]])).tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("looks", LOOKS_OF_DESIGNS)
def test_a_true_null_hypothesis_is_rejected_with_the_level_over_all_looks(looks: tuple[int, ...]) -> None:
    paths = np.random.default_rng(1).standard_normal((40_000, looks[-1]))
    smallest = sequential_p(p_at_looks(paths, looks), looks)[:, -1]
    for level in (0.005, 0.05, 0.3):
        # Four standard errors of the simulation.
        tolerance = 4 * np.sqrt(level * (1 - level) / len(paths))
        assert np.mean(smallest <= level) == pytest.approx(level, abs=tolerance)
        crossed = (p_at_looks(paths, looks) <= boundary(level, looks)).any(axis=1)
        assert np.mean(crossed) == pytest.approx(level, abs=tolerance)


@pytest.mark.parametrize("looks", LOOKS_OF_DESIGNS)
def test_boundary_and_crossing_probability_are_inverse(looks: tuple[int, ...]) -> None:
    for level, accuracy in [(1e-5, 0.03), (1e-3, 0.01), (0.005, 0.01), (0.05, 0.01)]:
        assert crossing_probability(list(boundary(level, looks)), looks) == pytest.approx(level, rel=accuracy)


def test_constant_bounds_cross_as_often_as_in_a_simulation() -> None:
    paths = np.random.default_rng(2).standard_normal((100_000, 8))
    simulated = np.mean((p_at_looks(paths, LOOKS) <= 0.01).any(axis=1))
    # The union bound would be 0.06.
    assert crossing_probability([0.01] * 6, LOOKS) == pytest.approx(simulated, rel=0.05)
    assert crossing_probability([0.01], [5]) == 0.01


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6))
def test_sequential_p_values_only_fall_and_agree_with_the_boundary(p_values: list[float]) -> None:
    adjusted = sequential_p(np.array(p_values), LOOKS)
    assert (np.diff(adjusted) <= 0).all()
    assert (adjusted >= np.minimum.accumulate(p_values) * 0.99).all()
    for level in (0.005, 0.05):
        crossed = (np.array(p_values) <= boundary(level, LOOKS)).any()
        clear = abs(adjusted[-1] / level - 1) > 0.01
        assert not clear or crossed == (adjusted[-1] <= level)


def test_power_is_far_above_that_of_an_anytime_valid_test() -> None:
    values = np.random.default_rng(3).normal(2.0, 1.0, size=(5000, 8))
    p_values = p_at_looks(values, LOOKS)
    n, t = np.array(LOOKS), stats.t.isf(p_values, np.array(LOOKS) - 1)
    prior_variance = 4.0
    # Bayes factor of the effect size ~ N(0, prior_variance) against 0; an e-process by invariance.
    growth = 1 + n * prior_variance
    log_e = -np.log(growth) / 2 + n / 2 * (np.log1p(t**2 / (n - 1)) - np.log1p(t**2 / (n - 1) / growth))
    anytime = np.mean(((t > 0) & (log_e >= np.log(1 / (2 * 0.005)))).any(axis=1))
    assert anytime == pytest.approx(0.59, abs=0.03)
    assert np.mean((p_values <= boundary(0.005, LOOKS)).any(axis=1)) == pytest.approx(0.91, abs=0.02)
    assert np.mean(p_values[:, -1] <= 0.005) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("looks", [(1, 2), (3, 3), (5, 4)])
def test_looks_that_do_not_increase_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="increasing numbers of at least 2 values"):
        sequential_p(np.ones(2), looks)
