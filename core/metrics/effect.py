"""The effect of a modulation: what the sound loses when its curve is held at its mean.

    effect(m) = d(target, synth(curves with m held)) - d(target, synth(curves)),   held: each clip's mean of m over time

Everything else is equal: pitch, resonance, start phase and noise. 0 means that the synth might as well not have the
curve, however far it moves; a negative value that the sound is nearer to the target without its motion, as for random
curves. The curve is held at its mean, so that a value which is right but does not move counts as a setting and not as a
modulation. It is the ablation of one input by its mean, see Covert, Lundberg, Lee (2021), arXiv 2011.14878.
"""

from core.metrics.audio import MSS, mss_distance
from core.metrics.base import HeldDistance, Metric, ReferencePoint
from core.statistics.support import REAL

EFFECT = Metric(
    name="effect.mss",
    direction="neutral",
    unit="",
    description=f"rise of {MSS.name} when the curve is held at its mean, all else equal",
    support=REAL,
    reference_point=ReferencePoint(MSS.reference_point.at(1.0), "holding the curve costs as much as silence"),
    compute=HeldDistance(mss_distance),
)
