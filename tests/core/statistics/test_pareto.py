"""Fronts and hypervolumes against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from numpy import ndarray

from core.statistics.pareto import Goal, hypervolume, non_dominated

Points = Float[ndarray, "point objective"]
GOALS: tuple[Goal, ...] = ("minimize", "maximize")


@st.composite
def clouds(draw: st.DrawFn, dimensions: tuple[int, int] = (1, 4)) -> tuple[Points, list[Goal]]:
    """Points on a coarse grid, so that ties and duplicates are common."""
    m = draw(st.integers(*dimensions))
    rows = st.lists(st.integers(0, 5), min_size=m, max_size=m)
    points = draw(st.lists(rows, min_size=1, max_size=12))
    return np.asarray(points, dtype=np.float64), draw(st.lists(st.sampled_from(GOALS), min_size=m, max_size=m))


def dominates(a: Float[ndarray, " objective"], b: Float[ndarray, " objective"]) -> bool:
    return bool((a <= b).all() and (a < b).any())


@given(clouds())
def test_the_front_is_what_brute_force_finds(cloud: tuple[Points, list[Goal]]) -> None:
    points, goals = cloud
    costs = points * [-1 if goal == "maximize" else 1 for goal in goals]
    expected = [not any(dominates(other, point) for other in costs) for point in costs]
    assert non_dominated(points, goals).tolist() == expected


@given(clouds(dimensions=(2, 3)))
def test_hypervolume_is_the_count_of_dominated_unit_cells(cloud: tuple[Points, list[Goal]]) -> None:
    points, goals = cloud
    reference = [5.0 if goal == "minimize" else 0.0 for goal in goals]
    costs = np.where([goal == "maximize" for goal in goals], 5 - points, points)
    cells = itertools.product(range(5), repeat=points.shape[1])
    expected = sum(any((cost <= cell).all() for cost in costs) for cell in cells)
    assert hypervolume(points, goals, reference) == pytest.approx(expected)


@given(
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_hypervolume_of_two_points_is_inclusion_and_exclusion(a: tuple[float, float], b: tuple[float, float]) -> None:
    def area(x: float, y: float) -> float:
        return (1 - x) * (1 - y)

    expected = area(*a) + area(*b) - area(max(a[0], b[0]), max(a[1], b[1]))
    assert hypervolume(np.array([a, b]), ["minimize", "minimize"], [1.0, 1.0]) == pytest.approx(expected)


def test_a_point_beyond_the_reference_adds_nothing() -> None:
    inside, beyond = [0.5, 0.5], [0.1, 1.2]
    goals: list[Goal] = ["minimize", "minimize"]
    assert hypervolume(np.array([inside, beyond]), goals, [1.0, 1.0]) == pytest.approx(0.25)
    assert hypervolume(np.array([beyond]), goals, [1.0, 1.0]) == 0


def test_no_points_make_no_front() -> None:
    assert non_dominated(np.empty((0, 2)), ["minimize", "maximize"]).tolist() == []
    assert hypervolume(np.empty((0, 2)), ["minimize", "minimize"], [1.0, 1.0]) == 0


def test_an_undefined_objective_is_refused() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        non_dominated(np.array([[1.0, np.nan]]), ["minimize", "minimize"])
