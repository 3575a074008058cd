"""Knots between equally many logits: spacings with a floor, and the position of frames between knots.

    spacing = floor / K + (1 - floor) softmax(logits / temperature),  u_0 = 0,  u_{i+1} = u_i + spacing_i,  u_K = 1

As in `core.ops.control_points`, the floor keeps knots apart, which coincide in the reference: Mitcheltree, Tan, Reiss
(2025), arXiv 2510.06204.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def spacings(
    logits: Float[Tensor, "*shape interval"], temperature: float, min_spacing: float, equal_share: float = 0.0
) -> Float[Tensor, "*shape interval"]:
    """Positive spacings that sum to 1, none below `min_spacing` times the equal one.

    Args:
        logits: A logit per interval.
        temperature: Temperature of the softmax.
        min_spacing: Floor of a spacing, as a share of the equal spacing.
        equal_share: Share of the equal spacing that is blended in, from 0 to 1.
    """
    n_intervals = logits.shape[-1]
    free = (1 - min_spacing) * torch.softmax(logits / temperature, dim=-1) + min_spacing / n_intervals
    return (1 - equal_share) * free + equal_share / n_intervals


def position_between_knots(
    knots: Float[Tensor, "*shape knot"], time: Float[Tensor, " frame"]
) -> Float[Tensor, "*shape frame"]:
    """The piecewise linear map from the knots to equally spaced ones from 0 to 1, at the frame times.

    It is what `core.ops.bezier.evaluate` takes, so that segment i of a curve lies between knots i and i + 1. Frames in
    a segment of no width do not exist, except at its end, which belongs to the next segment that has a width.

    Args:
        knots: Knots that do not decrease, from 0 to 1.
        time: Frame times in 0..1.
    """
    n_segments = knots.shape[-1] - 1
    times = time.to(knots.dtype).expand(*knots.shape[:-1], -1).contiguous()
    inner = knots.detach()[..., 1:-1].contiguous()
    segment = torch.searchsorted(inner, times, right=True)
    start, end = knots.gather(-1, segment), knots.gather(-1, segment + 1)
    # A last segment of no width contains the last frame; any width gives it the position 0.
    width = torch.where(end > start, end - start, torch.ones_like(end))
    return (segment + (times - start) / width) / n_segments
