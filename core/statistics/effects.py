"""Main effects and pairwise interactions of the factors of a factorial design, with intervals over seeds.

The main effect of a level is the mean of all arms with this level minus that of all arms with the first level. The
interaction of two factors is a difference of such differences: how much more the step from the first level of one to
another one changes the value at a level of the other factor than at its first level. Both are computed for each seed by
itself and then averaged, so what a seed does to all arms alike drops out (pairing), and the t interval over seeds holds
whatever the arms' own spread is.

A design is balanced if any two levels of two factors occur together equally often: then main effects do not disturb
each other, in full as in fractional designs. An interaction is estimated if the arms can tell it from all main effects
and other interactions; the others are left out.

G. E. P. Box, J. S. Hunter and W. G. Hunter, "Statistics for Experimenters", 2nd edition, 2005, chapters 5 and 6.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import StudyError
from core.statistics.paired import Estimate, mean_with_interval

Levels = Mapping[str, Mapping[str, str]]
"""Level by arm and factor, both in the order of the design."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MainEffect:
    """Effect of a level of a factor, against its first level."""

    factor: str
    level: str
    reference: str
    """The first level of the factor."""
    effect: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """How much more the first factor's step changes the value at another level of the second factor."""

    factors: tuple[str, str]
    levels: tuple[str, str]
    references: tuple[str, str]
    """The first levels of the factors."""
    effect: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorialEffects:
    """Effects of all factors on one metric."""

    seeds: tuple[int, ...]
    """Seeds of which every arm has a value."""
    main: tuple[MainEffect, ...]
    interactions: tuple[Interaction, ...]
    """Those that the arms can tell from other effects."""
    confounded: tuple[tuple[str, str], ...]
    """Pairs of factors whose interaction cannot be told from other effects."""


def is_balanced(levels: Levels) -> bool:
    """Whether arms form a full or fractional factorial design of at least two factors.

    Any two levels of two factors occur together, all equally often, and no two arms have the same levels.
    """
    factors = _levels_of_factors(levels)
    rows = [tuple(of_arm.items()) for of_arm in levels.values()]
    if len(factors) < 2 or any(len(values) < 2 for values in factors.values()) or len(set(rows)) < len(rows):
        return False
    if any(of_arm.keys() != factors.keys() for of_arm in levels.values()):
        return False
    for first, second in itertools.combinations(factors, 2):
        counts = Counter((of_arm[first], of_arm[second]) for of_arm in levels.values())
        if len(counts) < len(factors[first]) * len(factors[second]) or len(set(counts.values())) > 1:
            return False
    return True


def factorial_effects(levels: Levels, values: Mapping[str, Mapping[int, float]]) -> FactorialEffects | None:
    """Main effects and interactions of a balanced design on one metric.

    Args:
        levels: Level of each factor by arm.
        values: Finite values by arm and seed.

    Returns:
        The effects over the seeds of which every arm has a value; None if there is no such seed.

    Raises:
        StudyError: the design is not balanced.
    """
    if not is_balanced(levels):
        raise StudyError(
            "effects of factors need a balanced design: arms in which any two levels of two factors occur together "
            f"equally often; the {len(levels)} arms do not form one"
        )
    of_arms = [values.get(arm, {}) for arm in levels]
    seeds = tuple(sorted(set.intersection(*(set(of_arm) for of_arm in of_arms))))
    if not seeds:
        return None
    table = np.asarray([[of_arm[seed] for seed in seeds] for of_arm in of_arms], dtype=np.float64)
    factors = _levels_of_factors(levels)
    contrasts = _Contrasts(levels, factors)
    interactions, confounded = [], []
    for pair in itertools.combinations(factors, 2):
        found = contrasts.interactions(*pair)
        if found is None:
            confounded.append(pair)
            continue
        first, second = pair
        interactions += [
            Interaction(
                factors=pair,
                levels=(level, other),
                references=(factors[first][0], factors[second][0]),
                effect=_estimate(weights, table),
            )
            for (level, other), weights in found.items()
        ]
    return FactorialEffects(
        seeds=seeds,
        main=tuple(
            MainEffect(
                factor=factor,
                level=level,
                reference=names[0],
                effect=_estimate(contrasts.main(factor, level), table),
            )
            for factor, names in factors.items()
            for level in names[1:]
        ),
        interactions=tuple(interactions),
        confounded=tuple(confounded),
    )


# ---------------------------------------------------------------------------------------------------------------------


class _Contrasts:
    """Weights of the arms with which each effect is a weighted sum of their values."""

    def __init__(self, levels: Levels, factors: Mapping[str, Sequence[str]]) -> None:
        self._levels = levels
        self._factors = factors
        pairs = list(itertools.combinations(factors, 2))
        blocks: dict[tuple[str, ...], Float[ndarray, "arm column"]] = {(): np.ones((len(levels), 1))}
        blocks |= {(factor,): self._coded(factor) for factor in factors}
        blocks |= {pair: self._products(*pair) for pair in pairs}
        model = np.hstack(list(blocks.values()))
        ends = np.cumsum([block.shape[1] for block in blocks.values()])
        self._columns = {
            key: slice(end - block.shape[1], end) for (key, block), end in zip(blocks.items(), ends, strict=True)
        }
        self._inverse = np.linalg.pinv(model)
        # A coefficient is estimable if its unit vector lies in the row space of the model.
        self._resolution = self._inverse @ model

    def main(self, factor: str, level: str) -> Float[ndarray, " arm"]:
        """Mean of the arms with the level minus that of the arms with the first one."""
        reference = self._factors[factor][0]
        at = np.asarray([of_arm[factor] == level for of_arm in self._levels.values()], dtype=np.float64)
        before = np.asarray([of_arm[factor] == reference for of_arm in self._levels.values()], dtype=np.float64)
        return np.asarray(at / at.sum() - before / before.sum())

    def interactions(self, first: str, second: str) -> dict[tuple[str, str], Float[ndarray, " arm"]] | None:
        """Weights by pairs of levels other than the first ones; None if they are confounded."""
        columns = self._columns[first, second]
        unit = np.eye(self._resolution.shape[0])[columns]
        if not np.allclose(self._resolution[columns], unit, atol=1e-8):
            return None
        coefficients = self._inverse[columns]
        names = [(a, b) for a in self._factors[first][1:] for b in self._factors[second][1:]]
        n_second = len(self._factors[second]) - 1
        # Deviation coding: the effect of the first level is minus the sum of the others, in each factor.
        full = np.zeros((len(self._factors[first]), n_second + 1, coefficients.shape[1]))
        full[1:, 1:] = coefficients.reshape(len(self._factors[first]) - 1, n_second, -1)
        full[0] = -full[1:].sum(axis=0)
        full[:, 0] = -full[:, 1:].sum(axis=1)
        cells = (full[1:, 1:] - full[1:, :1] - full[:1, 1:] + full[:1, :1]).reshape(len(names), -1)
        return dict(zip(names, cells, strict=True))

    def _coded(self, factor: str) -> Float[ndarray, "arm column"]:
        """Deviation coding of a factor: a column for each level but the first, which is -1 in all of them."""
        names = self._factors[factor]
        codes = np.vstack([-np.ones(len(names) - 1), np.eye(len(names) - 1)])
        return np.asarray(codes[[names.index(of_arm[factor]) for of_arm in self._levels.values()]])

    def _products(self, first: str, second: str) -> Float[ndarray, "arm column"]:
        """Products of the columns of two factors."""
        left, right = self._coded(first), self._coded(second)
        return np.asarray((left[:, :, None] * right[:, None, :]).reshape(len(left), -1))


def _levels_of_factors(levels: Levels) -> dict[str, list[str]]:
    """Different levels of each factor, in order of appearance."""
    names: dict[str, dict[str, None]] = {}
    for of_arm in levels.values():
        for factor, level in of_arm.items():
            names.setdefault(factor, {})[level] = None
    return {factor: list(of_factor) for factor, of_factor in names.items()}


def _estimate(weights: Float[ndarray, " arm"], table: Float[ndarray, "arm seed"]) -> Estimate:
    """Mean over the seeds of the weighted sum of each."""
    return mean_with_interval((weights @ table).tolist())
