"""The time left, estimated after a tenth of the trials of simulated studies, is right within a third in nine of ten."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from core.storage.records import PlannedTrial, StudyPlan
from study.progress import StudyProgress
from tests.support.tiny_study import record_of

SET_UP_S = 2.0
"""Time that each trial takes before its first step and after its last one."""
NOISE = 0.15
"""Standard deviation of the logarithm of a trial's duration, as on a machine that does other things as well."""
N_STEPS = 100
Order = Sequence[tuple[str, int]]
"""Arm and seed of each trial, in the order in which they are planned."""


class Clock:
    """Time that passes when it is set."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def ratio_after_a_tenth(
    clock: Clock,
    plan: StudyPlan,
    order: Order,
    step_s: Mapping[str, float],
    steps: Mapping[str, int],
    rng: np.random.Generator,
    trials_at_once: int = 2,
) -> float:
    """The time said to be left after a tenth of the trials, as a ratio of the time that the others then take."""
    trials = [PlannedTrial(digest=f"{i:04d}", arm=arm, seed=seed) for i, (arm, seed) in enumerate(order)]
    durations = [
        SET_UP_S + step_s[trial.arm] * steps[trial.arm] * math.exp(NOISE * rng.standard_normal()) for trial in trials
    ]
    progress = StudyProgress(
        planned=len(trials),
        trials_at_once=trials_at_once,
        max_steps=dict(steps),
        waiting={trial.digest: trial for trial in trials},
    )
    ends: dict[int, float] = {}
    numbers = count()
    started: dict[int, float] = {}
    said = asked_at = math.nan
    for n_ended in range(1, len(trials) + 1):
        while len(ends) < trials_at_once and (number := next(numbers)) < len(trials):
            progress.start(trials[number].digest)
            started[number], ends[number] = clock.now, clock.now + durations[number]
        ended = min(ends, key=lambda number: ends[number])
        clock.now = ends.pop(ended)
        for number in ends:
            share = max(0.0, clock.now - started[number] - SET_UP_S / 2) / durations[number]
            progress.step(trials[number].digest, int(min(share, 1.0) * steps[trials[number].arm]), 0.1)
        record = record_of(plan, plan.trials[0])
        progress.finish(replace(record, digest=trials[ended].digest, steps=steps[trials[ended].arm]))
        if n_ended == math.ceil(len(trials) / 10):
            left = progress.seconds_left()
            assert left is not None
            said, asked_at = left, clock.now
    return said / (clock.now - asked_at)


def by_seed(arms: Sequence[str], n_seeds: int) -> Order:
    """All arms with one seed after another, as plans have them."""
    return [(arm, seed) for seed in range(n_seeds) for arm in arms]


def assert_right_within_a_third(ratios: Sequence[float]) -> None:
    """In nine of ten studies; the noise of the one trial that an arm may have had by then can exceed a third."""
    assert np.median(ratios) == pytest.approx(1, abs=0.1)
    assert np.mean([2 / 3 < ratio < 4 / 3 for ratio in ratios]) >= 0.9


@pytest.mark.parametrize("times_slower", [1, 2, 4, 8])
@pytest.mark.parametrize("n_seeds", [10, 30])
def test_two_arms_of_unequal_cost(clock: Clock, plan: StudyPlan, times_slower: int, n_seeds: int) -> None:
    rng = np.random.default_rng(0)
    step_s = {"fast": 0.1, "slow": 0.1 * times_slower}
    steps = dict.fromkeys(step_s, N_STEPS)
    ratios = [ratio_after_a_tenth(clock, plan, by_seed(list(step_s), n_seeds), step_s, steps, rng) for _ in range(20)]
    assert_right_within_a_third(ratios)


def test_arms_of_unequal_numbers_of_steps_some_of_them_untrained(clock: Clock, plan: StudyPlan) -> None:
    rng = np.random.default_rng(1)
    steps = {"untrained": 0, "short": 100, "long": 400}
    step_s = dict.fromkeys(steps, 0.1)
    ratios = [ratio_after_a_tenth(clock, plan, by_seed(list(steps), 10), step_s, steps, rng) for _ in range(20)]
    assert_right_within_a_third(ratios)


def test_a_search_whose_arms_all_differ(clock: Clock, plan: StudyPlan) -> None:
    """Every arm has two seeds, one after the other, so most arms have not begun."""
    rng = np.random.default_rng(2)
    arms = [f"search {number:03d}" for number in range(40)]
    steps = dict.fromkeys(arms, N_STEPS)
    ratios = []
    for _ in range(20):
        step_s = {arm: float(rng.choice([0.1, 0.2])) for arm in arms}
        order = [(arm, seed) for arm in arms for seed in (1000, 1001)]
        ratios.append(ratio_after_a_tenth(clock, plan, order, step_s, steps, rng))
    assert_right_within_a_third(ratios)
