"""Fractions of two-level designs: balance, resolution and confounded effects, checked over all runs."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from search_spaces.designs.fractions import LETTERS, Fraction, parsed_fraction, smallest_fraction


def runs_of(fraction: Fraction) -> np.ndarray:
    return np.array(fraction.runs())


def brute_force_resolution(fraction: Fraction, at_most: int = 5) -> int:
    """The smallest number of factors whose product is constant over all runs, or `at_most`."""
    runs = runs_of(fraction)
    for order in range(1, at_most):
        for factors in itertools.combinations(range(runs.shape[1]), order):
            if abs(runs[:, factors].prod(axis=1).sum()) == len(runs):
                return order
    return at_most


SIZES = [*((n, resolution) for n in range(1, 14) for resolution in (3, 4, 5)), (15, 3), (16, 3), (16, 4), (17, 5)]


@pytest.mark.parametrize(("n_factors", "resolution"), SIZES)
def test_a_fraction_is_orthogonal_and_has_the_promised_resolution(n_factors: int, resolution: int) -> None:
    fraction = smallest_fraction(n_factors, resolution)
    runs = runs_of(fraction)
    assert runs.shape == (fraction.n_runs, n_factors)
    assert len(np.unique(runs, axis=0)) == len(runs)
    np.testing.assert_array_equal(runs.T @ runs, len(runs) * np.eye(n_factors))
    np.testing.assert_array_equal(runs.sum(axis=0), 0)
    assert brute_force_resolution(fraction) == fraction.resolution >= resolution


@pytest.mark.parametrize(
    ("resolution", "n_runs"),
    [
        (3, [2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 16, 16, 16, 16, 32]),
        (4, [2, 4, 8, 8, 16, 16, 16, 16, 32, 32, 32, 32, 32, 32, 32, 32, 64]),
        (5, [2, 4, 8, 16, 16, 32, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 256]),
    ],
)
def test_numbers_of_runs_are_those_of_the_literature(resolution: int, n_runs: list[int]) -> None:
    assert [smallest_fraction(n, resolution).n_runs for n in range(1, len(n_runs) + 1)] == n_runs


@pytest.mark.parametrize(
    ("n_factors", "resolution", "n_words"),
    [(6, 4, 3), (7, 4, 7), (8, 4, 14), (9, 4, 6), (10, 4, 10), (11, 4, 25), (9, 3, 14)],
)
def test_tabulated_fractions_confound_as_few_effects_as_is_known_to_be_possible(
    n_factors: int, resolution: int, n_words: int
) -> None:
    """Numbers of constant products of four factors: Chen, Sun, Wu, International Statistical Review 61, 1993."""
    runs = runs_of(smallest_fraction(n_factors, resolution))
    constant = [
        factors
        for factors in itertools.combinations(range(n_factors), 4)
        if abs(runs[:, factors].prod(axis=1).sum()) == len(runs)
    ]
    assert len(constant) == n_words


@given(st.integers(2, 5), st.data())
def test_aliases_are_exactly_the_effects_with_equal_products(n_base: int, data: st.DataObject) -> None:
    words = [word for word in range(1, 2**n_base) if word.bit_count() > 1]
    chosen = data.draw(st.lists(st.sampled_from(words), unique=True, max_size=4))
    fraction = Fraction(n_base, tuple((word, data.draw(st.sampled_from([-1, 1]))) for word in chosen))
    runs = runs_of(fraction)
    n_factors = n_base + len(chosen)
    assert brute_force_resolution(fraction) == fraction.resolution
    effects = [*itertools.combinations(range(n_factors), 1), *itertools.combinations(range(n_factors), 2)]
    products = {effect: runs[:, effect].prod(axis=1) for effect in effects}
    found: dict[frozenset[tuple[int, ...]], int] = {}
    for group in fraction.aliases():
        assert group[0][0] == 1
        for (one_sign, one), (other_sign, other) in itertools.combinations(group, 2):
            found[frozenset((one, other))] = one_sign * other_sign
    for one, other in itertools.combinations(effects, 2):
        correlation = int(products[one] @ products[other]) / len(runs)
        assert correlation == found.get(frozenset((one, other)), 0)


def test_a_known_half_fraction() -> None:
    fraction = parsed_fraction(["D = ABC"], 4)
    assert (fraction.n_runs, fraction.resolution) == (8, 4)
    assert [run[3] for run in fraction.runs()] == [math.prod(run[:3]) for run in fraction.runs()]
    assert fraction.aliases() == [
        [(1, (0, 1)), (1, (2, 3))],
        [(1, (0, 2)), (1, (1, 3))],
        [(1, (0, 3)), (1, (1, 2))],
    ]
    other_half = parsed_fraction(["D=-ABC"], 4)
    assert set(fraction.runs()) | set(other_half.runs()) == set(itertools.product((-1, 1), repeat=4))
    assert other_half.aliases()[0] == [(1, (0, 1)), (-1, (2, 3))]


@pytest.mark.parametrize(
    ("generators", "n_factors", "message"),
    [
        (["D = ABX"], 4, r"each sets one of D to a product of different factors among ABC, .*; got 'D = ABX'"),
        (["D = AAB"], 4, "product of different factors"),
        (["C = AB"], 4, "each sets one of D to"),
        (["D ABC"], 4, "such as D = ABC; got 'D ABC'"),
        (["D = AB", "D = AC"], 5, "each sets one of DE to a product .*|factor D has two generators"),
        (["D = A"], 4, "give two factors the same levels"),
        (["D = ABC", "E = ABC"], 5, "give two factors the same levels"),
        (["A = B", "B = A"], 2, "each sets one of AB to a product of different factors among none"),
    ],
)
def test_generators_that_give_no_design_are_refused(generators: list[str], n_factors: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parsed_fraction(generators, n_factors)


def test_there_are_letters_for_25_factors_and_i_is_the_identity() -> None:
    assert len(set(LETTERS)) == 25
    assert "I" not in LETTERS
    fraction = smallest_fraction(25, 3)
    assert (fraction.n_runs, brute_force_resolution(fraction, 4)) == (32, 3)
