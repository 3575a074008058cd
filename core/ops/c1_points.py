"""Control points of piecewise cubic Bezier curves with one tangent per knot, which stay in 0..1.

At an inner knot of value y between segments of widths h and k, the neighbouring control points are

    y - d h / max(h, k)  and  y + d k / max(h, k),   d = r tanh(s / r + logit),   r = (y^-4 + (1 - y)^-4)^(-1/4)

so that the slope on both sides is 3 d / max(h, k). The reach r is a smooth minimum of y and 1 - y, which it never
exceeds, so both points lie in 0..1. s is the slope through the neighbouring knots, as of a Catmull-Rom spline
(Catmull and Rom 1974), which the curve follows where the tangent's logit is 0 and the bounds are far away. At the ends
of the clip the control point is free.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from core.ops.control_points import unit_values


def c1_points(
    values: Float[Tensor, "*shape knot"],
    tangent_logits: Float[Tensor, "*shape knot"],
    widths: Float[Tensor, "*shape segment"],
) -> Float[Tensor, "*shape point"]:
    """Control points in 0..1 of a curve with a continuous first derivative, three per segment and one more.

    Args:
        values: Values at the knots, in 0..1 without the ends.
        tangent_logits: A logit per knot: it raises the slope there; at the ends it decides the control point next to
            the knot.
        widths: Widths of the segments.
    """
    before, after = widths[..., :-1], widths[..., 1:]
    wider = torch.maximum(before, after)
    inner = values[..., 1:-1]
    reach = (inner.pow(-4) + (1 - inner).pow(-4)).pow(-0.25)
    chord = (values[..., 2:] - values[..., :-2]) / (before + after) * wider / 3
    offset = reach * torch.tanh(chord / reach + tangent_logits[..., 1:-1])
    first, last = unit_values(tangent_logits[..., :1]), unit_values(tangent_logits[..., -1:])
    right = torch.cat([first, inner + offset * after / wider], -1)
    left = torch.cat([inner - offset * before / wider, last], -1)
    segments = torch.stack([values[..., :-1], right, left], -1).flatten(-2)
    return torch.cat([segments, values[..., -1:]], -1)
