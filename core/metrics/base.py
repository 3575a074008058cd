"""Definition of metrics: name, direction, unit, description, reference point and computation.

To add a metric, define its function and its `Metric` in the module of its group, and add it to `METRICS` in
`core/metrics/catalog.py`, which evaluation, fronts, MLflow and reports read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from core.statistics.support import Support
from core.storage.records import TrialRecord

Direction = Literal["minimize", "maximize", "neutral"]
"""Whether smaller or larger values are better; `neutral` if neither is."""
PROJECTIONS = ("lls1", "lls3")
"""Names of the linear projections of true curves on recovered ones, see `core.metrics.curves`."""


SoundDistance = Callable[[Float[Tensor, "clip sample"], Float[Tensor, "clip sample"], int], Float[Tensor, " clip"]]
"""Distance of sounds: `function(target, estimate, sample_rate)` returns a value per clip."""


@dataclass(frozen=True, slots=True)
class AudioDistance:
    """Computed from sounds."""

    function: SoundDistance


@dataclass(frozen=True, slots=True)
class HeldDistance:
    """Computed from sounds that are rendered again with one curve held at its mean: the rise of a distance from the
    target, per clip and modulation. Only the test split has it, because rendering takes time."""

    function: SoundDistance
    """The distance, that of an `AudioDistance` which precedes this metric in the catalogue."""


@dataclass(frozen=True, slots=True)
class CurveDistance:
    """Computed from true and recovered curves: `function(target, estimate)` returns a value per clip and modulation.

    It is evaluated for the recovered curves and for each of the projections.
    """

    function: Callable[
        [Float[Tensor, "clip modulation frame"], Float[Tensor, "clip modulation frame"]],
        Float[Tensor, "clip modulation"],
    ]


@dataclass(frozen=True, slots=True)
class CurveProperty:
    """Computed from recovered curves: `function(estimate, frame_rate)` returns a value per clip and modulation."""

    function: Callable[[Float[Tensor, "clip modulation frame"], float], Float[Tensor, "clip modulation"]]


@dataclass(frozen=True, slots=True)
class CurveRate:
    """Computed from recovered curves and declared LFO rates: `function(estimate, lfo_hz, frame_rate)` returns a value
    per clip and modulation, NaN for clips without a declared rate."""

    function: Callable[
        [Float[Tensor, "clip modulation frame"], Float[Tensor, " clip"], float], Float[Tensor, "clip modulation"]
    ]


@dataclass(frozen=True, slots=True)
class AudioProxy:
    """Computed from a feature of the sounds over time: `function(target, estimate)` returns a value per clip.

    It is evaluated for the feature of the estimated sound, and for the LLS 3 fit of the target's feature by the
    recovered curves, see `core.metrics.proxies`.
    """

    feature: str
    """Name of the feature, see `core.ops.audio_features`."""
    cutoff_hz: float | None
    """Cutoff of the low-pass that the feature passes first; None for none."""
    function: Callable[[Float[Tensor, "clip frame"], Float[Tensor, "clip frame"]], Float[Tensor, " clip"]]


@dataclass(frozen=True, slots=True)
class CurveDescription:
    """Computed from the numbers that describe each curve: `function(numbers, duration_s)` returns a value per clip and
    modulation, NaN for curves that nothing describes."""

    function: Callable[[Float[Tensor, "clip modulation"], float], Float[Tensor, "clip modulation"]]


@dataclass(frozen=True, slots=True)
class TrialCost:
    """Computed from the record of a finished trial: `function(record)` returns a value, None if it is not recorded.

    It is not stored with the metrics in the record, because the same trial has other costs on another machine.
    """

    function: Callable[[TrialRecord], float | None]


Compute = (
    AudioDistance | HeldDistance | CurveDistance | CurveProperty | CurveRate | CurveDescription | AudioProxy | TrialCost
)
"""Computation of a metric; the class determines the inputs."""


@dataclass(frozen=True, slots=True)
class ReferencePoint:
    """Score of an uninformative estimate: the corner of objective space from which hypervolumes are measured."""

    value: float | Callable[[float], float]
    """The score, or the score as a function of the frame rate in Hz."""
    reason: str
    """The estimate that has this score, in words."""

    def at(self, frame_rate: float) -> float:
        """The score at a frame rate in Hz."""
        return self.value(frame_rate) if callable(self.value) else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric; its value is NaN for clips where it is undefined."""

    name: str
    """`group.metric`, as in `audio.mss`."""
    direction: Direction
    unit: str
    description: str
    support: Support
    """Smallest and largest possible value, with every projection."""
    best: float = 0.0
    """Value if the estimate equals the target, or the better end of the range."""
    reference_point: ReferencePoint
    compute: Compute

    @property
    def group(self) -> str:
        """First part of the name, such as `audio`."""
        return self.name.partition(".")[0]

    @property
    def projections(self) -> tuple[str, ...]:
        """Projections for which the metric is evaluated as well."""
        match self.compute:
            case CurveDistance():
                return PROJECTIONS
            case AudioProxy():
                return PROJECTIONS[1:]
            case _:
                return ()

    @property
    def is_of_test_split_only(self) -> bool:
        """Whether the validation split has no value of it."""
        return isinstance(self.compute, HeldDistance)

    @property
    def is_per_modulation(self) -> bool:
        """Whether there is a value for each modulation."""
        return isinstance(self.compute, HeldDistance | CurveDistance | CurveProperty | CurveRate | CurveDescription)
