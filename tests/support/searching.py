"""Searches over made-up results, without a store."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from core.settings.presets import SMALL
from core.storage.records import Objective, Outcome
from search_spaces.samplers.settings import RandomSamplerConfig
from search_spaces.search import Search, build_search
from search_spaces.strategy import History, Round, Strategy, TriedArm, TriedTrial

Values = Callable[[Mapping[str, Any], int], Mapping[str, float | None] | Outcome]
"""Values of an arm of these settings with a seed, or an outcome without values."""
MSS = Objective(metric="audio.mss", direction="minimize")
RANGE = Objective(metric="interpretability.range", direction="maximize")


def search_of(*dimensions: Any, **changes: Any) -> Search:
    """A random search of 10 arms in each cell, with other values of some arguments of `build_search`."""
    defaults = {
        "grid": (),
        "dimensions": dimensions,
        "preset": SMALL,
        "shared": {},
        "sampler": RandomSamplerConfig(),
        "arms_per_cell": 10,
        "round_size": None,
        "seeds": (1000, 1001),
    }
    return build_search(**{**defaults, **changes})


def rate_error(settings: Mapping[str, Any], seed: int) -> Mapping[str, float | None]:
    """An error and a range that follow from the learning rate and the seed."""
    rate = float(settings.get("optimizer.lr", 0.01))
    return {"audio.mss": abs(rate - 0.01) + seed % 7 / 1000, "interpretability.range": rate}


def after(history: History, proposal: Round, values: Values = rate_error) -> History:
    """The history after the trials of a proposal have ended."""
    history = planned(history, proposal)
    pairs = set(proposal.trials)
    return replace(
        history,
        arms=tuple(
            replace(
                tried,
                trials=tuple(
                    ended(trial, values(tried.arm.settings, trial.seed))
                    if (tried.arm.name, trial.seed) in pairs
                    else trial
                    for trial in tried.trials
                ),
            )
            for tried in history.arms
        ),
    )


def planned(history: History, proposal: Round) -> History:
    """The history after a proposal was planned; none of its trials has ended."""
    arms = (*history.arms, *(TriedArm(arm=arm) for arm in proposal.arms))
    return replace(
        history,
        arms=tuple(
            replace(
                tried,
                trials=(
                    *tried.trials,
                    *(
                        TriedTrial(seed=seed, stage=proposal.stage)
                        for name, seed in proposal.trials
                        if name == tried.arm.name
                    ),
                ),
            )
            for tried in arms
        ),
        asks=(*history.asks, *proposal.asks),
    )


def ended(trial: TriedTrial, values: Mapping[str, float | None] | Outcome) -> TriedTrial:
    if isinstance(values, str):
        return replace(trial, outcome=values)
    return replace(trial, outcome="finished", values=dict(values))


def history_of(*objectives: Objective) -> History:
    """A history in which nothing has happened."""
    return History(objectives=objectives or (MSS, RANGE), seeds=(0, 1, 2, 3))


def rounds_of(strategy: Strategy, history: History | None = None, values: Values = rate_error) -> list[Round]:
    """All rounds of a strategy."""
    history = history or history_of()
    rounds: list[Round] = []
    while proposal := strategy.propose(history):
        rounds.append(proposal)
        history = after(history, proposal, values)
        assert len(rounds) < 1000
    return rounds
