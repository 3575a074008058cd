"""Base class of the samplers, which choose the next point of a search from the points tried so far."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from search_spaces.space import Point, Space

State = Literal["complete", "pending", "failed", "infeasible", "repeated"]
"""What became of a proposal.

`complete` has values; `pending` runs; `failed` was run without values; `infeasible` breaks a rule, so it was not run;
`repeated` equals an earlier proposal, so it was not run again, and has its values if there are any.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedPoint:
    """A point that the sampler proposed, with its results."""

    point: Point
    state: State
    values: tuple[float, ...] = ()
    """A value per objective, each to be minimised: a maximised objective has its sign changed. Empty without results.

    They are means over the seeds of the search, on the validation split.
    """
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What `Sampler.attributes` returned for the point."""


class Sampler(ABC):
    """Chooses the points of a search one by one, in one cell of its grid."""

    n_startup: int = 0
    """Number of first points that do not depend on results, of a sampler whose later points do."""
    round_size: int | None = None
    """Number of points in a round that suits the sampler; None if any does."""
    handles_conditions: ClassVar[bool] = True
    """Whether dimensions may depend on each other; if not, conditions may refer only to the grid of the search."""

    @abstractmethod
    def sample(self, space: Space, number: int, tried: Sequence[TriedPoint]) -> Point:
        """The point of a proposal.

        The result is a deterministic function of the arguments and the sampler's seed, also across processes, so an
        interrupted search continues as if it had not been interrupted. Random draws derive from the seed and `number`,
        so a proposal that was rejected is not repeated.

        Args:
            space: The space to draw from.
            number: Number of the proposal, from 0.
            tried: All earlier proposals in order, `number` in total.
        """

    def attributes(self, number: int, tried: Sequence[TriedPoint]) -> Mapping[str, Any]:  # noqa: ARG002
        """Plain values that are stored with the point of `sample` for the same arguments, and shown again later."""
        return {}


def ask_seed(seed: int, number: int) -> int:
    """A seed in [0, 2^32) for the draws of one proposal."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
