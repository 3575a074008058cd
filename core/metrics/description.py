"""Description length: how much a person would have to edit to draw a curve.

What counts as a number is decided by the parameterization (`core.parameterizations.base`): every value of frame-wise
curves, two per period of the cutoff of a low-pass (Shannon 1949), free coordinates of splines, settings of oscillators.
"""

from jaxtyping import Float
from torch import Tensor

from core.metrics.base import CurveDescription, Metric, ReferencePoint
from core.statistics.support import NON_NEGATIVE


def description_length(numbers: Float[Tensor, "*shape"], duration_s: float) -> Float[Tensor, "*shape"]:
    """Numbers per second of clip."""
    return numbers / duration_s


DESCRIPTION_LENGTH = Metric(
    name="interpretability.description_length",
    direction="minimize",
    unit="1/s",
    description="numbers per second that a person would have to edit to draw the curve",
    support=NON_NEGATIVE,
    reference_point=ReferencePoint(lambda frame_rate: frame_rate, "a free value for every frame"),
    compute=CurveDescription(description_length),
)
