"""What a metric is: one value with its name, direction, unit, meaning, reference point, and how it is computed.

To add one: its function and its `Metric` beside the others of its group, and its place in `METRICS` in
`core/metrics/catalog.py`. Evaluation, catalogue, front, MLflow and report read it from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from core.storage.records import TrialRecord

Direction = Literal["minimize", "maximize", "neutral"]
"""Which way is better; `neutral` marks a property that is neither better large nor better small."""
PROJECTIONS = ("lls1", "lls3")
"""Linear projections of the true curve on the recovered ones, in names of metrics; see `core.metrics.curves`."""


@dataclass(frozen=True, slots=True)
class AudioDistance:
    """Computed from sounds: `function(target, estimate, sample_rate)`, (clip, sample) each, gives a value per clip."""

    function: Callable[[Float[Tensor, "clip sample"], Float[Tensor, "clip sample"], int], Float[Tensor, " clip"]]


@dataclass(frozen=True, slots=True)
class CurveDistance:
    """Computed from true and recovered curves: `function(target, estimate)` gives a value per clip and modulation.

    It is evaluated on the recovered curves themselves and on each of the projections.
    """

    function: Callable[
        [Float[Tensor, "clip modulation frame"], Float[Tensor, "clip modulation frame"]],
        Float[Tensor, "clip modulation"],
    ]


@dataclass(frozen=True, slots=True)
class CurveProperty:
    """Computed from recovered curves: `function(estimate, frame_rate)` gives a value per clip and modulation."""

    function: Callable[[Float[Tensor, "clip modulation frame"], float], Float[Tensor, "clip modulation"]]


@dataclass(frozen=True, slots=True)
class TrialCost:
    """Computed from a finished trial's record; None where the record does not tell.

    It is no part of the record's own metrics, because the same trial costs another amount elsewhere.
    """

    function: Callable[[TrialRecord], float | None]


Compute = AudioDistance | CurveDistance | CurveProperty | TrialCost


@dataclass(frozen=True, slots=True)
class ReferencePoint:
    """What a useless estimate scores: the corner of objective space that hypervolumes are measured from."""

    value: float | Callable[[float], float]
    """The score, or the score as a function of the frame rate in Hz."""
    reason: str

    def at(self, frame_rate: float) -> float:
        return self.value(frame_rate) if callable(self.value) else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; values that are undefined for a clip are NaN."""

    name: str
    """`group.metric`, as in `audio.mss`."""
    direction: Direction
    unit: str
    description: str
    best: float = 0.0
    """Its value where the estimate equals the target, or the end of its range that is called better."""
    reference_point: ReferencePoint
    compute: Compute

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]

    @property
    def projections(self) -> tuple[str, ...]:
        """The projections that it is also evaluated on."""
        return PROJECTIONS if isinstance(self.compute, CurveDistance) else ()

    @property
    def is_per_modulation(self) -> bool:
        return isinstance(self.compute, CurveDistance | CurveProperty)
