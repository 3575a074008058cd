"""Values of arms by objective and seed, and their form as arrays."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from core.statistics.pareto import Goal

ArmValues = Mapping[str, Mapping[str, Mapping[int, float | None]]]
"""Values by arm, objective and seed.

A trial that ended without a value has None or NaN; a trial that has not ended is absent.
"""
Objectives = Mapping[str, Goal]
"""Direction of each objective, by the name of its metric."""


def cost_array(values: ArmValues, objectives: Objectives, seeds: Sequence[int]) -> Float[ndarray, "arm objective seed"]:
    """Values as costs, of which smaller ones are better: those to maximise are negated; NaN where there is no value."""
    signs = [1.0 if goal == "minimize" else -1.0 for goal in objectives.values()]
    costs = [
        [
            [_finite(by_objective.get(name, {}).get(seed)) * sign for seed in seeds]
            for name, sign in zip(objectives, signs, strict=True)
        ]
        for by_objective in values.values()
    ]
    return np.asarray(costs, dtype=np.float64).reshape(len(values), len(objectives), len(seeds))


def ended_trials(values: ArmValues, objectives: Objectives, seeds: Sequence[int]) -> Bool[ndarray, "arm seed"]:
    """Whether the trial of each arm and seed has ended, with or without values."""
    ended = [
        [any(seed in by_objective.get(name, {}) for name in objectives) for seed in seeds]
        for by_objective in values.values()
    ]
    return np.asarray(ended, dtype=bool).reshape(len(values), len(seeds))


def all_seeds(values: ArmValues) -> tuple[int, ...]:
    """Seeds that any arm has a value of, in increasing order."""
    return tuple(sorted({seed for arm in values.values() for by_seed in arm.values() for seed in by_seed}))


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else math.nan
