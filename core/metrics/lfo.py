"""Rates of recovered curves against the rates that the data declare for the LFOs of their clips.

A clip has one declared rate, for example in the column `lfo_hz` of a folder's `metadata.csv`. Which modulation it moves
is not said, so the metric has a value for each: the one that the LFO moves is where it is high.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.metrics.base import CurveRate, Metric, ReferencePoint
from core.metrics.rates import dominant_rate_hz
from core.statistics.support import UNIT

TOLERANCE = 0.15
"""Largest deviation of a matching rate, as a share of the declared one."""


def rate_match(
    estimate: Float[Tensor, "clip modulation frame"], lfo_hz: Float[Tensor, " clip"], frame_rate: float
) -> Float[Tensor, "clip modulation"]:
    """1 where the dominant rate of a curve lies within 15 % of the declared one, else 0, also for curves without one.

    NaN where no rate is declared.
    """
    declared = lfo_hz[:, None].to(estimate.dtype)
    # Comparisons with the NaN of curves without a dominant rate are false.
    matches = (dominant_rate_hz(estimate, frame_rate) - declared).abs() <= TOLERANCE * declared
    return torch.where(declared.isnan(), torch.nan, matches.to(estimate.dtype))


def chance_rate_match(
    estimate: Float[Tensor, "clip modulation frame"], lfo_hz: Float[Tensor, " clip"], frame_rate: float
) -> Float[Tensor, " modulation"]:
    """Share of matches that each modulation's curves would have if they belonged to the sounds of other clips.

    The mean over all pairs of a curve and the declared rate of another clip: what an arm reaches whose curves oscillate
    at rates of the right range, whichever sound it hears. NaN where fewer than two clips declare a rate.
    """
    declared = lfo_hz[~lfo_hz.isnan()].to(estimate.dtype)
    n_clips = len(declared)
    if n_clips < 2:
        return torch.full((estimate.shape[1],), torch.nan)
    rates = dominant_rate_hz(estimate[~lfo_hz.isnan()], frame_rate)
    matches = (rates[:, None] - declared[None, :, None]).abs() <= TOLERANCE * declared[None, :, None]
    n_matches = matches.sum((0, 1)) - matches.diagonal().sum(-1)
    return n_matches.to(estimate.dtype) / (n_clips * (n_clips - 1))


RATE_MATCH = Metric(
    name="lfo.rate_match",
    direction="maximize",
    unit="",
    description="share of clips whose curve's dominant rate is within 15 % of the declared LFO's",
    best=1.0,
    support=UNIT,
    reference_point=ReferencePoint(0.0, "no curve has the declared rate"),
    compute=CurveRate(rate_match),
)
