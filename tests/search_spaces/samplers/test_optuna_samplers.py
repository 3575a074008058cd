"""Samplers of Optuna: they learn from results, rebuilt for every proposal, and are silent."""

import math
from collections.abc import Callable

import numpy as np
import optuna
import pytest

from core.settings.presets import SMALL
from search_spaces.dimensions import Dimension
from search_spaces.domains import choice
from search_spaces.options import Option
from search_spaces.ranges import Integer, LogUniform
from search_spaces.samplers.base import Sampler, State, TriedPoint
from search_spaces.samplers.gp import GaussianProcessSampler
from search_spaces.samplers.nsga2 import Nsga2Sampler
from search_spaces.samplers.optuna_ask import ask, frozen_trial
from search_spaces.samplers.quasi_random import QuasiRandomSampler
from search_spaces.samplers.tpe import TpeSampler
from search_spaces.space import Point, Space

KIND, SEGMENTS = "parameterization.kind", "parameterization.n_segments"
PLANE = Space(
    [
        Dimension(path="optimizer.lr", domain=LogUniform(low=1e-4, high=1e-1)),
        Dimension(path="encoder.n_mels", domain=Integer(low=16, high=128)),
    ],
    SMALL,
)


def distance(point: Point) -> float:
    """Squared distance to a rate of 0.01 and 40 bands, relative to the ranges."""
    rate, bands = point.settings["optimizer.lr"], point.settings["encoder.n_mels"]
    return float(((np.log10(rate) + 2) / 3) ** 2 + ((bands - 40) / 112) ** 2)


def searched(
    sampler: Sampler, n_points: int, values: Callable[[Point], tuple[float, ...]], space: Space = PLANE
) -> list[TriedPoint]:
    tried: list[TriedPoint] = []
    for number in range(n_points):
        point = sampler.sample(space, number, tried)
        attributes = sampler.attributes(number, tried)
        tried.append(TriedPoint(point=point, state="complete", values=values(point), attributes=attributes))
    return tried


def one(point: Point) -> tuple[float, ...]:
    return (distance(point),)


def two(point: Point) -> tuple[float, ...]:
    """Squared distances to two points of one rate, at the least and the most bands."""
    rate = ((np.log10(point.settings["optimizer.lr"]) + 2) / 3) ** 2
    bands = (point.settings["encoder.n_mels"] - 16) / 112
    return float(rate + bands**2), float(rate + (1 - bands) ** 2)


GUIDED = [
    pytest.param(TpeSampler(0), 40, id="tpe"),
    pytest.param(Nsga2Sampler(0), 80, id="nsga2"),
]


@pytest.mark.parametrize(
    ("sampler", "n_points"), [*GUIDED, pytest.param(GaussianProcessSampler(0, n_startup=5), 8, id="gp")]
)
def test_points_after_the_first_ones_are_better(sampler: Sampler, n_points: int) -> None:
    tried = searched(sampler, n_points, one)
    quasi = [QuasiRandomSampler(1).sample(PLANE, number, ()) for number in range(64)]
    late = [each.values[0] for each in tried[3 * n_points // 4 :]]
    assert np.median(late) < 0.5 * np.median([distance(point) for point in quasi])


@pytest.mark.parametrize(
    ("sampler", "n_points"),
    [*GUIDED, pytest.param(GaussianProcessSampler(0, n_startup=5), 12, id="gp", marks=pytest.mark.slow)],
)
def test_points_come_near_the_front_of_two_objectives(sampler: Sampler, n_points: int) -> None:
    """The front has a distance in rate of 0 and sqrt(error) + sqrt(roughness) = 1 in bands."""
    tried = searched(sampler, n_points, two)
    quasi = [QuasiRandomSampler(1).sample(PLANE, number, ()) for number in range(64)]

    def gaps(values: list[tuple[float, ...]]) -> float:
        return float(np.median([math.sqrt(error) + math.sqrt(roughness) - 1 for error, roughness in values]))

    assert gaps([each.values for each in tried[3 * n_points // 4 :]]) < 0.7 * gaps([two(point) for point in quasi])


def test_dimensions_that_depend_on_others_are_modelled_by_tpe() -> None:
    space = Space(
        [
            Dimension(path=KIND, domain=choice(["low_pass", "spline"])),
            Dimension(path=SEGMENTS, domain=Integer(low=2, high=16), when={KIND: ("spline",)}),
        ],
        SMALL,
    )

    def values(point: Point) -> tuple[float, ...]:
        return (abs(point.settings.get(SEGMENTS, 30) - 9.0),)

    tried = searched(TpeSampler(0), 60, values, space)
    late = [each.point.settings for each in tried[30:]]
    segments = [each[SEGMENTS] for each in late if SEGMENTS in each]
    assert len(segments) > 20
    assert np.median(np.abs(np.array(segments) - 9)) <= 2


@pytest.mark.parametrize("n_failed", [0, 3])
def test_generations_are_full_whatever_failed_in_them(n_failed: int) -> None:
    sampler = Nsga2Sampler(0, population_size=4)
    tried: list[TriedPoint] = []
    for number in range(12):
        attributes = sampler.attributes(number, tried)
        assert attributes == {"generation": number // 4}
        point = sampler.sample(PLANE, number, tried)
        failed = number % 4 < n_failed
        values = () if failed else two(point)
        state: State = "failed" if failed else "complete"
        tried.append(TriedPoint(point=point, state=state, values=values, attributes=attributes))


def test_infeasible_and_repeated_points_take_no_place_in_a_generation() -> None:
    sampler = Nsga2Sampler(0, population_size=2)
    (point,) = (each.point for each in searched(sampler, 1, two))
    tried = [
        TriedPoint(point=point, state=state, attributes={"generation": 0})
        for state in ("complete", "infeasible", "repeated")
    ]
    assert sampler.attributes(3, tried) == {"generation": 0}
    tried.append(TriedPoint(point=point, state="pending", attributes={"generation": 0}))
    assert sampler.attributes(4, tried) == {"generation": 1}


def test_children_inherit_from_the_best_points() -> None:
    sampler = Nsga2Sampler(0, population_size=8)
    tried = searched(sampler, 8, one)
    rates = [each.point.settings["optimizer.lr"] for each in tried]
    children = [sampler.sample(PLANE, number, tried) for number in range(8, 200)]
    inherited = np.mean([np.isclose(child.settings["optimizer.lr"], rates).any() for child in children])
    # A value is mutated with probability 1/2 in two dimensions.
    assert 0.35 < inherited < 0.65


def test_failed_points_and_repeated_ones_are_told_as_failed() -> None:
    (tried,) = searched(TpeSampler(0), 1, one)
    for state in ("failed", "infeasible", "repeated"):
        other = TriedPoint(point=tried.point, state=state, values=tried.values if state == "repeated" else ())
        trial = frozen_trial(PLANE, other)
        assert trial.state == optuna.trial.TrialState.FAIL
        assert trial.values is None
    assert frozen_trial(PLANE, tried).values == list(tried.values)


def test_choices_keep_the_types_of_their_values() -> None:
    groups = choice(
        [
            Option(label="learnable", value={"kind": "learnable", "n_positions": 8}),
            Option(label="frozen", value={"kind": "frozen"}),
        ]
    )
    space = Space(
        [
            Dimension(path="synth.oscillator", domain=groups),
            Dimension(path="encoder.width", domain=choice([4, 8])),
        ],
        SMALL,
        {"synth.kind": "mod_synth"},
    )
    points = [ask(optuna.samplers.RandomSampler(seed=seed), space, ()).settings for seed in range(10)]
    assert {each["encoder.width"] for each in points} == {4, 8}
    assert {each["synth.oscillator.kind"] for each in points} == {"learnable", "frozen"}
    assert all(
        ("synth.oscillator.n_positions" in each) == (each["synth.oscillator.kind"] == "learnable") for each in points
    )


def test_proposals_are_silent_and_leave_the_logging_of_optuna_alone(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    searched(TpeSampler(0, n_startup=2), 4, two)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
