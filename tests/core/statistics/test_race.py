"""Which arms a race decides, and which trials it asks for."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.errors import ConfigError
from core.statistics.arm_values import ArmValues, Objectives
from core.statistics.race import RaceRules, RaceVerdict, decision_levels, race
from tests.support.made_up_values import TWO_COSTS, Table, as_values

SEEDS = tuple(range(8))
NEVER_GIVE_UP = RaceRules(give_up_below=0.0)


def statuses(verdict: RaceVerdict) -> list[str]:
    return [arm.status for arm in verdict.arms.values()]


def table(means: list[list[float]], noise: float = 0.01, seed: int = 0) -> Table:
    """Values of 8 seeds around the means of each arm and objective."""
    centres = np.array(means, dtype=np.float64)[..., None]
    return centres + noise * np.random.default_rng(seed).standard_normal((*centres.shape[:2], 8))


def run_race(everything: ArmValues, objectives: Objectives, rules: RaceRules) -> tuple[RaceVerdict, list[RaceVerdict]]:
    """Run exactly the trials that a race asks for, until it is over; its last verdict and all before."""
    known: dict[str, dict[str, dict[int, float | None]]] = {
        arm: {name: {} for name in objectives} for arm in everything
    }
    verdicts = [race(known, objectives, SEEDS, rules)]
    while verdicts[-1].needed:
        for arm, seed in verdicts[-1].needed:
            for name in objectives:
                known[arm][name][seed] = everything[arm][name][seed]
        verdicts.append(race(known, objectives, SEEDS, rules))
    return verdicts[-1], verdicts


@st.composite
def tables(draw: st.DrawFn, with_gaps: bool = False) -> Table:
    """Noisy arms on a coarse grid of means, so that ties, domination and open cases all occur."""
    n_arms, n_objectives = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    means = [[float(draw(st.integers(0, 2))) for _ in range(n_objectives)] for _ in range(n_arms)]
    values = table(means, noise=draw(st.sampled_from([0.02, 0.2, 1.0])), seed=draw(st.integers(0, 10**6)))
    if with_gaps:
        gaps = np.random.default_rng(draw(st.integers(0, 10**6))).random(values.shape) < draw(
            st.sampled_from([0.1, 0.6])
        )
        values[gaps] = np.nan
    return values


def objectives_of(values: Table) -> Objectives:
    return {f"cost-{index}": "minimize" for index in range(values.shape[1])}


def test_clear_arms_are_decided_early() -> None:
    values = as_values(table([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]))
    verdict = race(values, TWO_COSTS, SEEDS)
    assert verdict.is_over
    assert statuses(verdict) == ["front", "front", "dominated"]
    assert verdict.arms["arm-2"].dominated_by == ("arm-0", "arm-1")
    assert all(arm.n_seeds < 8 and arm.decided_at == arm.n_seeds for arm in verdict.arms.values())
    assert verdict.with_status("front") == ("arm-0", "arm-1")


def test_a_dropped_arm_is_not_sampled_again() -> None:
    # The third arm is clearly worse; the first two differ by a fraction of their noise.
    values = as_values(table([[0.0, 0.1], [0.004, 0.096], [2.0, 2.0]]))
    verdict, steps = run_race(values, TWO_COSTS, NEVER_GIVE_UP)
    dropped = next(step.peek for step in steps if step.arms["arm-2"].status == "dominated")
    assert dropped < 8
    assert verdict.arms["arm-2"].n_seeds == dropped
    assert verdict.arms["arm-0"].n_seeds == verdict.arms["arm-1"].n_seeds == 8


def test_one_objective_leaves_the_best_arm() -> None:
    values = as_values(table([[0.0], [1.0], [2.0]]), {"loss": "minimize"})
    assert statuses(race(values, {"loss": "minimize"}, SEEDS)) == ["front", "dominated", "dominated"]
    assert statuses(race(values, {"loss": "maximize"}, SEEDS)) == ["dominated", "dominated", "front"]


def test_a_race_begins_with_the_seeds_of_its_first_peek() -> None:
    verdict = race({"a": {}, "b": {}}, TWO_COSTS, [5, 3, 8, 1, 2, 9, 7, 4])
    assert verdict.needed == tuple(itertools.product("ab", [5, 3, 8]))
    assert (verdict.peek, statuses(verdict), verdict.arms["a"].reason) == (0, ["undecided"] * 2, "racing")


def test_one_arm_is_the_front() -> None:
    verdict = race(as_values(table([[0.0, 1.0]])), TWO_COSTS, SEEDS)
    assert (statuses(verdict), verdict.needed, verdict.orders) == (["front"], (), ())


def test_equal_arms_are_given_up_or_sampled_to_the_last_peek() -> None:
    values = as_values(np.tile(np.random.default_rng(1).standard_normal((2, 8)), (2, 1, 1)))
    given_up = race(values, TWO_COSTS, SEEDS)
    assert [arm.reason for arm in given_up.arms.values()] == ["given up"] * 2
    values = as_values(table([[0.0, 0.0], [0.0, 0.0]], seed=5))
    to_the_end = race(values, TWO_COSTS, SEEDS, NEVER_GIVE_UP)
    assert [arm.reason for arm in to_the_end.arms.values()] == ["last peek"] * 2
    assert to_the_end.peek == 8


def test_an_arm_whose_trials_all_fail_does_not_hold_up_the_others() -> None:
    values = table([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    values[2] = np.nan
    verdict = race(as_values(values), TWO_COSTS, SEEDS)
    assert statuses(verdict) == ["front", "front", "undecided"]
    assert verdict.arms["arm-2"].reason == "no values"
    assert verdict.arms["arm-2"].n_seeds == 3


def test_a_failed_seed_is_left_out_of_its_pairs_only() -> None:
    values = table([[0.0, 1.0], [1.0, 0.0]], noise=0.2)
    values[0, 1, 1] = np.nan
    rules = RaceRules(peeks=(7, 8))
    verdict = race(as_values(values), TWO_COSTS, SEEDS, rules)
    without = np.delete(values[:, 1], 1, axis=1)
    by_hand = stats.ttest_rel(without[1], without[0], alternative="less").pvalue
    orders = {order.objective: order for order in verdict.orders}
    # Seven usable pairs: the look at 7, whose weight is (7 / 8)^3, is the only one.
    assert by_hand < orders["interpretability.tv"].p_value < 2 * 2 * by_hand / (7 / 8) ** 3 * 1.01
    assert orders["interpretability.tv"].better == "arm-1"


def test_orders_are_decided_with_holms_adjustment() -> None:
    verdict = race(as_values(table([[0.0, 1.0], [0.0, 0.0]])), TWO_COSTS, SEEDS, RaceRules(peeks=(8,)))
    mss, tv = verdict.orders
    assert (mss.better, tv.better) == (None, "arm-1")
    assert tv.p_value < 1e-6 < 0.05 < mss.p_value


@given(tables(with_gaps=True), st.sampled_from([0.0, 0.1, 0.5]))
def test_a_race_run_step_by_step_equals_one_that_knows_all_seeds(values: Table, give_up_below: float) -> None:
    objectives, rules = objectives_of(values), RaceRules(give_up_below=give_up_below)
    everything = as_values(values, objectives)
    verdict, steps = run_race(everything, objectives, rules)
    assert verdict == race(everything, objectives, SEEDS, rules)
    for before, after in itertools.pairwise(steps):
        for name, arm in before.arms.items():
            # Decisions stay, and so does the number of seeds of an arm that is no longer sampled.
            if arm.status != "undecided":
                assert after.arms[name].status == arm.status
                assert after.arms[name].decided_at == arm.decided_at
            if name not in dict(before.needed):
                assert after.arms[name].n_seeds == arm.n_seeds


@given(tables())
def test_a_single_peek_decides_as_plain_t_tests_do(values: Table) -> None:
    objectives = objectives_of(values)
    verdict = race(as_values(values, objectives), objectives, SEEDS, RaceRules(peeks=(8,)))
    n_arms, n_objectives, _ = values.shape
    for_all, for_one = decision_levels(0.05, n_arms, n_objectives)

    def p(a: int, b: int, objective: int) -> float:
        return float(stats.ttest_rel(values[a, objective], values[b, objective], alternative="less").pvalue)

    arms, axes = range(n_arms), range(n_objectives)
    dominated = {b for a in arms for b in arms if a != b and all(p(a, b, o) <= for_all for o in axes)}
    front = {
        a
        for a in set(arms) - dominated
        if all(any(p(a, b, o) <= for_one for o in axes) for b in set(arms) - dominated - {a})
    }
    expected = ["dominated" if a in dominated else "front" if a in front else "undecided" for a in arms]
    assert statuses(verdict) == expected


@given(tables(with_gaps=True))
def test_objectives_to_maximise_are_mirrored(values: Table) -> None:
    objectives = objectives_of(values)
    mirrored: Objectives = dict.fromkeys(objectives, "maximize")
    assert race(as_values(values, objectives), objectives, SEEDS) == race(
        as_values(-values, objectives), mirrored, SEEDS
    )


@given(tables(with_gaps=True))
def test_the_order_of_the_arms_does_not_matter(values: Table) -> None:
    objectives = objectives_of(values)
    ordered = as_values(values, objectives)
    names = list(ordered)[::-1]
    reversed_arms = {name: ordered[name] for name in names}
    one, other = race(ordered, objectives, SEEDS), race(reversed_arms, objectives, SEEDS)
    for name in names:
        assert replace(one.arms[name], dominated_by=()) == replace(other.arms[name], dominated_by=())


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"alpha": 0.0}, "between 0 and 0.5"),
        ({"peeks": ()}, "increasing numbers of seeds"),
        ({"peeks": (1, 2)}, "the first at least 2"),
        ({"peeks": (4, 4)}, "increasing numbers of seeds"),
        ({"give_up_below": 1.0}, "never gives up"),
    ],
)
def test_rules_that_cannot_hold_are_refused(rules: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        RaceRules(**rules)  # type: ignore[arg-type]


@pytest.mark.parametrize("seeds", [range(7), [0, 1, 2, 3, 4, 5, 6, 6]])
def test_too_few_or_repeated_seeds_are_refused(seeds: list[int]) -> None:
    with pytest.raises(ConfigError, match="as many different seeds as its last peek, 8"):
        race({"a": {}}, TWO_COSTS, list(seeds))


def test_a_race_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs arms and objectives"):
        race({}, TWO_COSTS, SEEDS)
