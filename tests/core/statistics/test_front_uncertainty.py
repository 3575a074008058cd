"""Probabilities of being on the front and of being best: t model, bootstrap, failed trials, and calibration."""

import itertools

import numpy as np
import pytest
from scipy import stats

from core.errors import StudyError
from core.statistics.arm_values import Objectives
from core.statistics.front_probability import front_probability
from core.statistics.front_uncertainty import Method, front_probabilities, penalised_costs
from core.statistics.pareto import Bounds, non_dominated
from tests.support.made_up_values import TWO_COSTS, Table, as_values, quickstart_table

BOUNDS = {name: Bounds(0.0, 10.0) for name in TWO_COSTS}
THREE: Objectives = {"a": "minimize", "b": "minimize", "c": "minimize"}


def simulated(rng: np.random.Generator, n_arms: int, n_seeds: int) -> tuple[Table, np.ndarray]:
    """Values of arms with a large effect of the seeds, and whether each arm is on the front of the expected values."""
    means = 2.0 + rng.uniform(0.0, 3.0, size=(n_arms, 2))
    noise = 3 * rng.standard_normal((1, 2, n_seeds)) + 0.7 * rng.standard_normal((n_arms, 2, n_seeds))
    return means[..., None] + noise, non_dominated(means, ["minimize", "minimize"])


@pytest.mark.parametrize(("n_seeds", "n_studies"), [(2, 60), (4, 60), (8, 60), (16, 60)])
def test_arms_that_are_on_the_front_with_probability_p_are_there_in_a_share_p_of_studies(
    n_seeds: int, n_studies: int
) -> None:
    rng = np.random.default_rng(n_seeds)
    claimed, true = [], []
    for _ in range(n_studies):
        table, on_front = simulated(rng, 8, n_seeds)
        claimed += list(front_probabilities(as_values(table), TWO_COSTS, BOUNDS, n_draws=200).on_front.values())
        true += list(on_front)
    probability, is_on_front = np.array(claimed), np.array(true)
    for low, high in [(0.0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 0.9), (0.9, 1.01)]:
        group = (probability >= low) & (probability < high)
        assert is_on_front[group].mean() == pytest.approx(probability[group].mean(), abs=0.13)


@pytest.mark.parametrize("n_seeds", [2, 4])
def test_with_few_seeds_the_bootstrap_is_too_sure_and_the_t_model_is_chosen(n_seeds: int) -> None:
    rng = np.random.default_rng(n_seeds)
    losses: dict[Method, list[float]] = {"t model": [], "bootstrap": []}
    for _ in range(60):
        table, on_front = simulated(rng, 8, n_seeds)
        for method, of_method in losses.items():
            found = front_probabilities(as_values(table), TWO_COSTS, BOUNDS, method=method, n_draws=100)
            p = np.clip(list(found.on_front.values()), 0.005, 0.995)
            of_method += list(-np.log(np.where(on_front, p, 1 - p)))
    assert np.mean(losses["bootstrap"]) > np.mean(losses["t model"]) + 0.03
    assert front_probabilities(as_values(table), TWO_COSTS, BOUNDS, n_draws=10).method == "t model"


def test_the_bootstrap_has_the_shares_of_all_ways_to_draw_the_seeds() -> None:
    table = quickstart_table()[..., :4]
    n_arms, n_objectives, n_seeds = table.shape
    on_front, best = np.zeros(n_arms), np.zeros((n_arms, n_objectives))
    for drawn in itertools.product(range(n_seeds), repeat=n_seeds):
        means = table[..., list(drawn)].mean(axis=-1)
        on_front += non_dominated(means, ["minimize", "minimize"])
        best[means.argmin(axis=0), range(n_objectives)] += 1
    found = front_probabilities(as_values(table), TWO_COSTS, BOUNDS, method="bootstrap", n_draws=20_000)
    total = n_seeds**n_seeds
    assert list(found.on_front.values()) == pytest.approx(on_front / total, abs=0.015)
    for index, objective in enumerate(TWO_COSTS):
        assert list(found.best[objective].values()) == pytest.approx(best[:, index] / total, abs=0.015)


def test_without_failures_the_t_model_is_that_of_searches() -> None:
    values = as_values(quickstart_table()[..., :3])
    found = front_probabilities(values, TWO_COSTS, BOUNDS)
    assert found.method == "t model"
    assert found.on_front == front_probability(values, TWO_COSTS, n_draws=found.n_draws)


@pytest.mark.parametrize("method", ["t model", "bootstrap"])
def test_a_failed_trial_counts_as_the_reference(method: Method) -> None:
    table = np.array([1.0, 2.0])[:, None, None] + 0.01 * np.random.default_rng(0).standard_normal((2, 2, 6))
    sound = front_probabilities(as_values(table), TWO_COSTS, BOUNDS, method=method)
    assert sound.on_front == {"arm-0": 1.0, "arm-1": 0.0}
    table[0, 0, :2] = np.nan
    costs, failed = penalised_costs(as_values(table), TWO_COSTS, BOUNDS)
    assert failed.tolist() == [[True, True, False, False, False, False], [False] * 6]
    assert (costs[0, :, :2] == 10.0).all(), "a trial that lacks one objective has failed in all"
    # With a share q of failures its expected cost is (1 - q) 1 + q 10, above 2 if q > 1/9.
    expected = {"t model": stats.beta.sf(1 / 9, 2, 4), "bootstrap": 1 - (4 / 6) ** 6}
    found = front_probabilities(as_values(table), TWO_COSTS, BOUNDS, method=method)
    assert found.on_front["arm-1"] == pytest.approx(expected[method], abs=0.03)
    assert found.on_front["arm-0"] == pytest.approx(1 - found.on_front["arm-1"], abs=0.01)


def test_an_arm_that_always_fails_is_not_on_the_front() -> None:
    table = np.ones((3, 2, 4)) + 0.1 * np.random.default_rng(1).standard_normal((3, 2, 4))
    table[2] = np.nan
    found = front_probabilities(as_values(table), TWO_COSTS, BOUNDS)
    assert found.on_front["arm-2"] == 0.0
    assert sum(found.best["audio.mss"].values()) == pytest.approx(1.0)


def test_three_objectives_to_maximise_are_mirrored() -> None:
    table = np.random.default_rng(2).uniform(1.0, 2.0, size=(5, 3, 12))
    mirrored: Objectives = dict.fromkeys(THREE, "maximize")
    plain = front_probabilities(as_values(table, THREE), THREE, dict.fromkeys(THREE, Bounds(0.0, 3.0)))
    other = front_probabilities(as_values(-table, mirrored), mirrored, dict.fromkeys(THREE, Bounds(0.0, -3.0)))
    assert plain.method == "bootstrap"
    assert plain == other


def test_seeds_that_have_not_ended_are_left_out_and_not_punished() -> None:
    table = np.array([1.0, 2.0])[:, None, None] + 0.01 * np.random.default_rng(0).standard_normal((2, 2, 12))
    values = as_values(table)
    unfinished = {
        "arm-0": {name: {seed: by_seed[seed] for seed in (3, 5)} for name, by_seed in values["arm-0"].items()},
        "arm-1": values["arm-1"],
    }
    found = front_probabilities(unfinished, TWO_COSTS, BOUNDS)
    assert (found.n_seeds, found.method) == (2, "t model")
    assert found.on_front == pytest.approx({"arm-0": 1.0, "arm-1": 0.0}, abs=0.01)
    drawn = front_probabilities(unfinished, TWO_COSTS, BOUNDS, method="bootstrap")
    assert drawn.on_front == {"arm-0": 1.0, "arm-1": 0.0}


def test_equal_arms_share_the_probability_of_being_best() -> None:
    found = front_probabilities(as_values(np.ones((4, 2, 12))), TWO_COSTS, BOUNDS)
    assert set(found.best["audio.mss"].values()) == {0.25}
    assert set(found.on_front.values()) == {1.0}


def test_one_arm_is_certain_and_one_seed_of_several_is_refused() -> None:
    assert front_probabilities(as_values(np.ones((1, 2, 1))), TWO_COSTS, BOUNDS).on_front == {"arm-0": 1.0}
    with pytest.raises(StudyError, match="second seed"):
        front_probabilities(as_values(np.ones((2, 2, 1))), TWO_COSTS, BOUNDS)
    with pytest.raises(StudyError, match="no arm has a finished trial"):
        front_probabilities(as_values(np.full((2, 2, 3), np.nan)), TWO_COSTS, BOUNDS)
    with pytest.raises(StudyError, match="without an ended trial"):
        front_probabilities({"a": {}, **as_values(np.ones((2, 2, 3)))}, TWO_COSTS, BOUNDS)
