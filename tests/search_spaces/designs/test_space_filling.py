"""Space-filling designs: coverage, growth, and mixed or conditional spaces."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.settings.presets import SMALL
from search_spaces.designs.space_filling import SpaceFilling, latin_hypercube
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.ranges import Integer, LogUniform, Uniform
from search_spaces.space import Space

METHODS = ["sobol", "halton", "latin_hypercube"]
KIND = "parameterization.kind"
MIXED = Space(
    [
        Dimension(path=KIND, domain=choice(["frame", "low_pass", "spline"])),
        Dimension(path="parameterization.cutoff_hz", domain=LogUniform(low=1.0, high=16.0), when={KIND: ("low_pass",)}),
        Dimension(
            path="parameterization.n_segments", domain=Integer(low=2, high=16, log=True), when={KIND: ("spline",)}
        ),
        Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-1)),
        Dimension(path="trainer.curriculum_share", domain=Uniform(low=0.0, high=1.0)),
    ],
    SMALL,
)
FEW = Space(
    [
        Dimension(path="encoder.width", domain=choice([4, 8, 16])),
        Dimension(path="encoder.stride", domain=Integer(low=1, high=4)),
    ],
    SMALL,
)


def design(space: Space = MIXED, size: int = 32, method: Any = "sobol", seed: int = 0) -> SpaceFilling:
    return SpaceFilling(space=space, size=size, method=method, seed=seed)


@pytest.mark.parametrize("method", METHODS)
def test_points_are_spread_evenly_over_every_dimension(method: str) -> None:
    arms = design(size=96, method=method).arms()
    assert len(arms) == 96
    kinds = Counter(arm.settings[KIND] for arm in arms)
    assert all(30 <= kinds[kind] <= 34 for kind in ("frame", "low_pass", "spline"))
    rates = np.log10([arm.settings["optimizer.lr"] for arm in arms])
    assert all(30 <= n <= 34 for n in np.histogram(rates, 3, (-4, -1))[0])
    shares = [arm.settings["trainer.curriculum_share"] for arm in arms]
    assert all(22 <= n <= 26 for n in np.histogram(shares, 4, (0, 1))[0])
    for arm in arms:
        assert ("parameterization.cutoff_hz" in arm.settings) == (arm.settings[KIND] == "low_pass")
        assert ("parameterization.n_segments" in arm.settings) == (arm.settings[KIND] == "spline")
        MIXED.config(arm.settings)


@settings(max_examples=40)
@given(st.integers(1, 70), st.integers(1, 5), st.integers(0, 10))
def test_each_projection_of_a_latin_hypercube_has_one_point_per_stratum(n: int, n_dimensions: int, seed: int) -> None:
    positions = latin_hypercube(n, n_dimensions, seed)
    assert positions.shape == (n, n_dimensions)
    for dimension in range(n_dimensions):
        strata = np.minimum(np.floor(positions[:, dimension] * n), n - 1)
        assert sorted(strata) == list(range(n))
    np.testing.assert_array_equal(latin_hypercube(2 * n, n_dimensions, seed)[:n], positions)


def test_a_latin_hypercube_gives_each_value_of_a_choice_exactly_its_share() -> None:
    for seed in range(5):
        kinds = Counter(arm.settings[KIND] for arm in design(size=36, method="latin_hypercube", seed=seed).arms())
        assert kinds == {"frame": 12, "low_pass": 12, "spline": 12}


@pytest.mark.parametrize("method", ["sobol", "halton"])
@given(data=st.data())
@settings(max_examples=20)
def test_a_longer_design_begins_with_the_shorter_one(method: str, data: st.DataObject) -> None:
    size, more = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    seed = data.draw(st.integers(0, 3))
    short, long = (design(MIXED, n, method, seed).arms() for n in (size, size + more))
    assert long[:size] == short
    assert [arm.name for arm in long] == [f"{method}-{number:03d}" for number in range(size + more)]


@pytest.mark.parametrize("size", [1, 3, 10, 32])
def test_a_latin_hypercube_of_twice_the_size_begins_with_the_shorter_one(size: int) -> None:
    short, long = (design(MIXED, n, "latin_hypercube").arms() for n in (size, 2 * size))
    assert long[:size] == short
    other = design(MIXED, 2 * size + 1, "latin_hypercube").arms()
    assert not {arm.name for arm in other} & {arm.name for arm in long}


@pytest.mark.parametrize("method", ["sobol", "halton"])
def test_a_finite_space_is_filled_without_repetition(method: str) -> None:
    arms = design(FEW, 12, method).arms()
    assert {tuple(arm.settings.values()) for arm in arms} == {(w, s) for w in (4, 8, 16) for s in (1, 2, 3, 4)}


def test_seeds_give_different_points() -> None:
    assert design(seed=0).arms() != design(seed=1).arms()
    assert design(seed=1).arms() == design(seed=1).arms()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (design(FEW, 13), "the space has only 12 points; got n_arms=13"),
        (design(FEW, 12, "latin_hypercube", 0), "a Latin hypercube of n_arms=12 has only .* different points"),
        (design(size=0), "n_arms of at least 1; got 0"),
        (design(size=100_001), "at most 100,000 arms; this one has 100,001"),
    ],
)
def test_designs_that_the_space_does_not_hold_are_refused(found: SpaceFilling, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        found.arms()
