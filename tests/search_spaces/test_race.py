"""Race: which arms of a study get further seeds."""

from collections.abc import Collection

import numpy as np
import pytest

from core.statistics.race import RaceRules, race
from core.storage.records import Objective, Outcome
from search_spaces.race import Race
from search_spaces.strategy import Arm, History, TriedArm, TriedTrial
from search_spaces.study_entries import RaceEntry
from tests.support.made_up_values import TWO_COSTS, Table, as_values, quickstart_table, studies_like_quickstart

SEEDS = tuple(range(8))
RACE = Race(seeds=SEEDS, entry=RaceEntry())
OBJECTIVES = tuple(Objective(metric=name, direction=direction) for name, direction in TWO_COSTS.items())
Pairs = Collection[tuple[str, int]]


def history_of(table: Table, pairs: Pairs, lost: Pairs = (), outcome: Outcome | None = "diverged") -> History:
    """The arms of a table and a baseline, with the trials of some pairs of arm and seed; lost ones have no values."""
    values = as_values(table)
    arms = []
    for name, by_metric in values.items():
        seeds = [seed for arm, seed in pairs if arm == name]
        trials = tuple(
            TriedTrial(seed=seed, stage="design", outcome=outcome)
            if (name, seed) in lost
            else TriedTrial(
                seed=seed,
                stage="design",
                outcome="finished",
                values={metric: of_metric[seed] for metric, of_metric in by_metric.items()},
            )
            for seed in seeds
        )
        arms.append(TriedArm(arm=Arm(name, {}), trials=trials))
    baseline = TriedTrial(seed=0, stage="design", outcome="finished", values=dict.fromkeys(TWO_COSTS, 0.0))
    arms.append(TriedArm(arm=Arm("constant", {}), is_baseline=True, trials=(baseline,)))
    return History(arms=tuple(arms), objectives=OBJECTIVES, seeds=SEEDS[:3])


def first_pairs(table: Table) -> list[tuple[str, int]]:
    """What the designs run: all arms with the first three seeds."""
    return [(f"arm-{index}", seed) for seed in SEEDS[:3] for index in range(len(table))]


def raced(table: Table, lost: Pairs = (), outcome: Outcome | None = "diverged") -> list[tuple[str, int]]:
    """All trials of a whole race."""
    pairs = first_pairs(table)
    while proposal := RACE.propose(history_of(table, pairs, lost, outcome)):
        assert proposal.stage == "race"
        assert proposal.arms == ()
        assert not set(proposal.trials) & set(pairs)
        pairs += proposal.trials
    return pairs


def clear() -> Table:
    """Two arms on the front and one that both dominate, with little noise."""
    means = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])
    return means[..., None] + 0.01 * np.random.default_rng(0).standard_normal((3, 2, 8))


def test_a_clear_case_needs_few_further_seeds() -> None:
    pairs = raced(clear())
    assert {arm for arm, _ in pairs} == {"arm-0", "arm-1", "arm-2"}
    assert len(pairs) < 3 * 8 / 2


def test_only_arms_with_an_open_question_get_further_seeds() -> None:
    table = clear()
    table[1] = table[0] + 0.01 * np.random.default_rng(1).standard_normal((2, 8))
    pairs = raced(table)
    n_seeds = {name: sum(arm == name for arm, _ in pairs) for name in ("arm-0", "arm-1", "arm-2")}
    assert n_seeds["arm-2"] < n_seeds["arm-0"] == n_seeds["arm-1"]


def test_a_baseline_neither_races_nor_is_compared() -> None:
    """The one of these histories is better than every arm."""
    assert all(arm != "constant" for arm, _ in raced(clear()))


@pytest.mark.parametrize("outcome", ["diverged", "failed", None])
def test_a_trial_without_a_value_is_not_asked_for_again(outcome: Outcome | None) -> None:
    """None stands for a trial that was given up without a record."""
    lost = {("arm-0", 1), ("arm-1", 3), *(("arm-2", seed) for seed in SEEDS)}
    pairs = raced(clear(), lost, outcome)
    assert len(pairs) == len(set(pairs))
    assert sum(arm == "arm-2" for arm, _ in pairs) == 3


def test_a_race_runs_the_trials_that_its_verdict_rests_on() -> None:
    for table in (quickstart_table(), *studies_like_quickstart(5, seed=3)):
        verdict = race(as_values(table), TWO_COSTS, SEEDS, RaceRules())
        pairs = raced(table)
        assert {name: sum(arm == name for arm, _ in pairs) for name in verdict.arms} == {
            name: arm.n_seeds for name, arm in verdict.arms.items()
        }


def test_baselines_alone_are_no_race() -> None:
    assert RACE.propose(history_of(np.zeros((0, 2, 8)), [])) is None


def test_the_peeks_of_a_race_are_all_numbers_of_seeds_from_the_smallest_to_the_largest() -> None:
    entry = RaceEntry(error_rate=0.1, min_seeds=2, max_seeds=5, give_up_below=0.2)
    assert entry.rules() == RaceRules(alpha=0.1, peeks=(2, 3, 4, 5), give_up_below=0.2)
    assert RaceEntry().rules() == RaceRules()
