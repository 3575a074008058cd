"""Race: seeds are sampled until it is decided which arms are on the Pareto front, or until that cannot be expected.

All arms get the seeds up to the first peek. At each peek the arms are compared in pairs, and only arms that an open
question depends on get the seeds up to the next one. An arm is

* `dominated` if another arm is decided to be better in every objective,
* on the `front` if it is decided to be better than every other arm that is not dominated in at least one objective,
* `undecided` otherwise.

With one objective this drops an arm when its paired difference to a better one is decided.

The promise: with probability of at least 1 - alpha no arm that belongs to the Pareto front of the expected values is
called dominated, and no arm that does not is called on the front; over all peeks, arms, pairs and objectives of a race.
It rests on one-sided paired t tests that hold over all peeks (`core.statistics.sequential_t`), so values are assumed to
be normal, and on a union bound over arms with alpha / K for each of K arms:

* An arm of the front could wrongly be called dominated by any of K - 1 others. Each call needs an error in an objective
  in which the other arm is not better (an intersection-union test; Berger, 1982): level alpha / K / (K - 1).
* An arm outside the front is dominated by an arm of the front. To be called on the front it has to be called better
  than that one in one of m objectives: level alpha / K / m. With m = 1 both calls are the same, at the smaller level.

Arms with equal expected values are covered. A seed that one of two arms lacks is left out of their comparison, which
presumes that trials do not fail because of the value they would have had. The arms have to be the same at all peeks.

Giving up does not touch the promise: an arm that the remaining seeds would decide with a probability of less than
`give_up_below` remains undecided, and is only sampled as long as others must be compared with it.

Everything is computed from the seeds in their order, peek by peek, so a resumed race equals an undisturbed one.

O. Maron and A. W. Moore, "Hoeffding races", 1993: candidates are dropped as soon as they are decided to be worse.
R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics, 1982.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from core.errors import ConfigError
from core.statistics.arm_values import ArmValues, Objectives, cost_array, ended_trials
from core.statistics.pair_tests import Costs, pair_p_values, success_probability
from core.statistics.paired import holm

RaceStatus = Literal["front", "dominated", "undecided"]
"""What a race has decided about an arm."""
OpenReason = Literal["racing", "given up", "last peek", "no values"]
"""Why an arm is undecided: more seeds are due, they would hardly decide, there are none left, or its trials failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceRules:
    """Error rate and peeks of a race, fixed before it starts."""

    alpha: float = 0.05
    """Probability of any wrong decision in the whole race."""
    peeks: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    """Numbers of seeds at which the arms are compared; the last is the largest number of seeds of an arm."""
    give_up_below: float = 0.1
    """Probability of a decision below which an arm is given up; 0 samples every open arm to the last peek."""

    @classmethod
    def at_every_seed(cls, *, error_rate: float, min_seeds: int, max_seeds: int, give_up_below: float) -> "RaceRules":
        """Rules of a race that compares the arms at every number of seeds from `min_seeds` to `max_seeds`."""
        return cls(alpha=error_rate, peeks=tuple(range(min_seeds, max_seeds + 1)), give_up_below=give_up_below)

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise ConfigError(f"the error rate alpha of a race must lie between 0 and 0.5; got {self.alpha}")
        increases = all(earlier < later for earlier, later in itertools.pairwise(self.peeks))
        if not self.peeks or self.peeks[0] < 2 or not increases:
            raise ConfigError(
                f"peeks must be increasing numbers of seeds, the first at least 2; got {list(self.peeks)}"
            )
        if not 0 <= self.give_up_below < 1:
            raise ConfigError(
                f"give_up_below is a probability from 0, which never gives up, to below 1; got {self.give_up_below}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmVerdict:
    """What a race has decided about an arm."""

    status: RaceStatus
    reason: OpenReason | None
    """Why the arm is undecided; None if it is decided."""
    decided_at: int | None
    """Number of seeds at the peek that decided; None if undecided."""
    dominated_by: tuple[str, ...]
    """Arms that are decided to be better in every objective."""
    n_seeds: int
    """Number of seeds that the race has used or waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Comparison of two arms in one objective."""

    arm: str
    other: str
    objective: str
    better: str | None
    """The better arm; None if the order is undecided."""
    p_value: float
    """Two-sided p value, valid at all peeks at once, with Holm's adjustment over all comparisons of the race."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceVerdict:
    """State of a race after the last peek for which all trials have ended."""

    arms: dict[str, ArmVerdict]
    orders: tuple[Order, ...]
    """All pairs in all objectives; the probability that any decided order is wrong is at most alpha as well."""
    needed: tuple[tuple[str, int], ...]
    """Arms and seeds of the trials that have to end before the next peek; empty if the race is over."""
    peek: int
    """Number of seeds at the last peek; 0 before the first."""

    @property
    def is_over(self) -> bool:
        """Whether no more trials are needed."""
        return not self.needed

    def with_status(self, status: RaceStatus) -> tuple[str, ...]:
        """Names of the arms with this status."""
        return tuple(name for name, arm in self.arms.items() if arm.status == status)


def race(
    values: ArmValues, objectives: Objectives, seeds: Sequence[int], rules: RaceRules | None = None
) -> RaceVerdict:
    """Decide what the values so far decide, and which trials are needed next.

    Args:
        values: Values of all arms that take part, from the start to the end of the race; no baselines.
        objectives: Directions by objective.
        seeds: Seeds in the order in which they are sampled, at least as many as the last peek.
        rules: Error rate and peeks.

    Raises:
        ConfigError: there are no arms or objectives, seeds are too few or repeated.
    """
    rules = rules or RaceRules()
    seeds = tuple(seeds)
    if not values or not objectives:
        raise ConfigError(f"a race needs arms and objectives; got {len(values)} and {len(objectives)}")
    if len(seeds) < rules.peeks[-1] or len(set(seeds)) < len(seeds):
        raise ConfigError(
            f"a race needs as many different seeds as its last peek, {rules.peeks[-1]}; got {list(seeds)}"
        )
    seeds = seeds[: rules.peeks[-1]]
    state = _Replay(cost_array(values, objectives, seeds), rules)
    ended = ended_trials(values, objectives, seeds)
    while state.sampled.any() and ended[state.sampled, : state.next_peek].all():
        state.peek()
    names = list(values)
    needed = [
        (names[arm], seed)
        for arm in np.flatnonzero(state.sampled)
        for seed, has_ended in zip(seeds[: state.next_peek], ended[arm], strict=False)
        if not has_ended
    ]
    return RaceVerdict(
        arms={name: state.verdict(index, names) for index, name in enumerate(names)},
        orders=tuple(_orders(state.p_values, names, list(objectives), rules.alpha)),
        needed=tuple(needed),
        peek=rules.peeks[state.n_peeks - 1] if state.n_peeks else 0,
    )


def decision_levels(alpha: float, n_arms: int, n_objectives: int) -> tuple[float, float]:
    """Levels of the one-sided tests for "better in every objective" and for "better in at least one"; see above."""
    dominance = alpha / (n_arms * max(n_arms - 1, 1))
    return dominance, dominance if n_objectives == 1 else alpha / (n_arms * n_objectives)


class _Replay:
    """A race computed peek by peek from its costs."""

    def __init__(self, costs: Costs, rules: RaceRules) -> None:
        n_arms, n_objectives, _ = costs.shape
        self.n_peeks = 0
        self.sampled = np.ones(n_arms, dtype=bool)
        """Arms that get the seeds up to the next peek; none once the race is over."""
        self.p_values = np.ones((n_arms, n_arms, n_objectives))
        self._costs = costs
        self._rules = rules
        self._p_by_peek = pair_p_values(costs, rules.peeks)
        self._levels = decision_levels(rules.alpha, n_arms, n_objectives)
        self._dominates = np.zeros((n_arms, n_arms), dtype=bool)
        self._is_better_in_one = np.zeros((n_arms, n_arms), dtype=bool)
        self._failed = np.zeros(n_arms, dtype=bool)
        self._dominated_at = np.zeros(n_arms, dtype=int)
        self._front_at = np.zeros(n_arms, dtype=int)
        self._n_seeds = np.full(n_arms, rules.peeks[0])

    @property
    def next_peek(self) -> int:
        """Number of seeds at the next peek."""
        return self._rules.peeks[min(self.n_peeks, len(self._rules.peeks) - 1)]

    def peek(self) -> None:
        """Compare the sampled arms at the next peek, and choose the arms that are sampled further."""
        index, n_seeds = self.n_peeks, self.next_peek
        has_values = (~np.isnan(self._costs[..., :n_seeds])).any(axis=-1).all(axis=-1)
        self._failed |= self.sampled & ~has_values
        compared = self.sampled[:, None] & self.sampled[None]
        self.p_values = np.where(compared[..., None], self._p_by_peek[..., index], self.p_values)
        dominance, one = self._levels
        self._dominates |= (self.p_values <= dominance).all(axis=-1)
        self._is_better_in_one |= (self.p_values <= one).any(axis=-1)
        self._dominated_at[self._is_open & self._dominates.any(axis=0)] = n_seeds
        settled = self._is_better_in_one | ~self._rivals
        self._front_at[self._is_open & settled.all(axis=1)] = n_seeds
        self.n_peeks += 1
        if self.n_peeks == len(self._rules.peeks):
            self.sampled = np.zeros_like(self.sampled)
        else:
            self.sampled = self.sampled & self._needed(index, compared)
            self._n_seeds[self.sampled] = self.next_peek

    def verdict(self, arm: int, names: Sequence[str]) -> ArmVerdict:
        """The present verdict on an arm."""
        decided_at = int(self._dominated_at[arm] or self._front_at[arm])
        return ArmVerdict(
            status="dominated" if self._dominated_at[arm] else "front" if self._front_at[arm] else "undecided",
            reason=None if decided_at else self._reason(arm),
            decided_at=decided_at or None,
            dominated_by=tuple(
                name for name, is_better in zip(names, self._dominates[:, arm], strict=True) if is_better
            ),
            n_seeds=int(self._n_seeds[arm]),
        )

    @property
    def _is_open(self) -> Bool[ndarray, " arm"]:
        return np.asarray((self._dominated_at == 0) & (self._front_at == 0) & ~self._failed)

    @property
    def _rivals(self) -> Bool[ndarray, "arm other"]:
        """Pairs of an arm and another one that could dominate it."""
        is_rival = (self._dominated_at == 0) & ~self._failed
        return np.asarray(is_rival[None] & ~np.eye(len(is_rival), dtype=bool))

    def _reason(self, arm: int) -> OpenReason:
        if self._failed[arm]:
            return "no values"
        if self.sampled[arm]:
            return "racing"
        return "last peek" if self._n_seeds[arm] == self._rules.peeks[-1] else "given up"

    def _needed(self, index: int, compared: Bool[ndarray, "arm other"]) -> Bool[ndarray, " arm"]:
        """Arms with a comparison on which the status of an open arm depends that is worth more seeds."""
        dominate, better_in_one = self._chances(index, compared)
        rivals, threshold = self._rivals, self._rules.give_up_below
        to_front = np.where(rivals, better_in_one, 1.0).min(axis=1)
        to_dominated = np.where(rivals.T, dominate, 0.0).max(axis=0)
        worth = self._is_open & (to_front + to_dominated >= threshold) & (to_front + to_dominated > 0)
        # At least one of two chances is at least half of their sum.
        for_front = (worth & (to_front >= threshold / 2) & (to_front > 0))[:, None] & rivals & ~self._is_better_in_one
        for_dominated = worth[None] & rivals.T & (dominate >= threshold / 2) & (dominate > 0)
        pairs = for_front | for_dominated
        return np.asarray(pairs.any(axis=0) | pairs.any(axis=1))

    def _chances(
        self, index: int, compared: Bool[ndarray, "arm other"]
    ) -> tuple[Float[ndarray, "arm other"], Float[ndarray, "arm other"]]:
        """Probabilities of deciding by the last peek that an arm dominates another, and is better in one objective.

        They are 1 for any comparison that can go on if nothing is to be given up.
        """
        if self._rules.give_up_below == 0:
            return compared.astype(np.float64), (compared | self._is_better_in_one).astype(np.float64)
        dominance, one = self._levels
        costs, peeks = self._costs, self._rules.peeks
        in_each = np.where(self.p_values <= dominance, 1.0, success_probability(costs, peeks, index, dominance))
        in_one = success_probability(costs, peeks, index, one).sum(axis=-1)
        return (
            np.where(compared, in_each.min(axis=-1), 0.0),
            np.where(self._is_better_in_one, 1.0, np.where(compared, np.minimum(in_one, 1.0), 0.0)),
        )


def _orders(
    p_values: Float[ndarray, "arm other objective"], names: Sequence[str], objectives: Sequence[str], alpha: float
) -> Iterator[Order]:
    """Comparisons of all pairs, with Holm's adjustment."""
    cells = [(a, b, o) for a, b in itertools.combinations(range(len(names)), 2) for o in range(len(objectives))]
    two_sided = [min(1.0, 2 * float(min(p_values[a, b, o], p_values[b, a, o]))) for a, b, o in cells]
    for (a, b, o), adjusted in zip(cells, holm(two_sided), strict=True):
        winner = a if p_values[a, b, o] < p_values[b, a, o] else b
        yield Order(
            arm=names[a],
            other=names[b],
            objective=objectives[o],
            better=names[winner] if adjusted <= alpha else None,
            p_value=adjusted,
        )
