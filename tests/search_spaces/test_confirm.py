"""Confirmation: the best arms of a search run with the seeds of the study."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.storage.records import Outcome
from search_spaces.confirm import Confirm
from search_spaces.strategy import Arm, History, Round
from tests.support.searching import after, history_of

SEEDS = (1000, 1001)
CONFIRM = Confirm(seeds=SEEDS, max_arms=8, threshold=0.05)
RATES = (0.001, 0.01, 0.02, 0.05, 0.005)


def searched(values: Any = None, *names_of_baselines: str) -> History:
    """A history after a search of five arms named after their learning rates; `a0.01` has the least error."""
    arms = tuple(Arm(f"a{rate}", {"optimizer.lr": rate}) for rate in RATES)
    proposal = Round(stage="search", arms=arms, trials=tuple((arm.name, seed) for arm in arms for seed in SEEDS))
    history = after(history_of(), proposal, values or error_alone)
    return replace(
        history,
        arms=tuple(replace(tried, is_baseline=tried.arm.name in names_of_baselines) for tried in history.arms),
    )


def error_alone(settings: Mapping[str, Any], seed: int) -> Mapping[str, float | None]:
    """Both objectives get worse away from a rate of 0.01, with hardly any noise."""
    noise = (-1) ** seed * settings["optimizer.lr"] * 1e-3
    error = abs(settings["optimizer.lr"] - 0.01)
    return {"audio.mss": error + noise, "interpretability.range": 0.5 - error - noise}


def trade_off(settings: Mapping[str, Any], seed: int) -> Mapping[str, float | None]:
    """Error and range both grow with the rate, so every arm is on the front."""
    noise = (-1) ** seed * settings["optimizer.lr"] * 1e-3
    return {"audio.mss": settings["optimizer.lr"] + noise, "interpretability.range": settings["optimizer.lr"] - noise}


def test_the_best_arms_run_with_all_seeds_of_the_study() -> None:
    proposal = CONFIRM.propose(searched())
    assert proposal is not None
    assert (proposal.stage, proposal.arms, proposal.asks) == ("confirm", (), ())
    assert "a0.01" in {name for name, _ in proposal.trials}
    assert "a0.05" not in {name for name, _ in proposal.trials}
    names = {name for name, _ in proposal.trials}
    assert sorted(proposal.trials) == sorted((name, seed) for name in names for seed in (0, 1, 2, 3))


def test_at_most_so_many_arms_are_picked() -> None:
    assert len(CONFIRM.picked(searched(trade_off))) == 5
    few = replace(CONFIRM, max_arms=2).picked(searched(trade_off))
    assert len(few) == 2
    assert set(few) <= set(CONFIRM.picked(searched(trade_off)))


def test_it_is_done_when_its_trials_are_planned() -> None:
    history = searched(trade_off)
    proposal = CONFIRM.propose(history)
    assert proposal is not None
    # Its results do not change what was picked.
    assert CONFIRM.propose(after(history, proposal, error_alone)) is None


def test_further_seeds_of_the_study_are_confirmed_too() -> None:
    history = searched(trade_off)
    proposal = CONFIRM.propose(history)
    assert proposal is not None
    history = replace(after(history, proposal), seeds=(0, 1, 2, 3, 4))
    more = CONFIRM.propose(history)
    assert more is not None
    assert {seed for _, seed in more.trials} == {4}


def test_arms_of_a_design_that_the_search_found_need_only_the_missing_seeds() -> None:
    history = searched()
    evaluated = Round(stage="design", trials=(("a0.01", 0), ("a0.01", 1)))
    proposal = CONFIRM.propose(after(history, evaluated))
    assert proposal is not None
    assert [seed for name, seed in proposal.trials if name == "a0.01"] == [2, 3]


@pytest.mark.parametrize("outcome", ["diverged", "stopped"])
def test_arms_that_failed_with_any_seed_are_left_out(outcome: Outcome) -> None:
    def values(settings: Mapping[str, Any], seed: int) -> Any:
        return outcome if (settings["optimizer.lr"], seed) == (0.01, 1001) else error_alone(settings, seed)

    picked = CONFIRM.picked(searched(values))
    assert picked
    assert "a0.01" not in picked


def test_baselines_are_left_out() -> None:
    picked = CONFIRM.picked(searched(error_alone, "a0.01"))
    assert picked
    assert "a0.01" not in picked


def test_nothing_is_confirmed_where_all_arms_failed() -> None:
    assert CONFIRM.propose(searched(lambda _, __: "failed")) is None
    assert CONFIRM.propose(history_of()) is None
